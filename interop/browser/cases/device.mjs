// A device without a browser, whose user has one.
import assert from "node:assert/strict";
import { ORDERS, test } from "../world.mjs";

export default [
  test("a device is signed in by the code that it shows, once its user says that it is his", async (w) => {
    const { ben } = w.people;
    const device = await ask(w);
    const v = await w.visitor();
    await v.open(device.verification_uri);
    assert.equal(await v.heading(), "Enter the code that your device shows");
    await v.portrait("device");
    await v.type("#code", "BCDFGHJK");
    await v.press("button.main");
    await v.shows("There is no such code");
    await v.portrait("device-wrong");
    await v.type("#code", device.user_code.toLowerCase());
    await v.press("button.main");
    await v.signIn(ben);
    assert.equal(await v.heading(), "Sign in to desk-app on your other device?");
    await v.shows("If somebody sent you this code, choose Cancel.", ben.name);
    await v.portrait("device-confirm");
    assert.equal((await poll(w, device)).error, "authorization_pending");
    await v.choose("continue");
    assert.equal(await v.heading(), "Allow desk-app?");
    await v.choose("accept");
    assert.equal(await v.heading(), "You are signed in to desk-app on your device");
    await v.portrait("device-done");
    assert.ok((await poll(w, device)).access_token);
  }),

  test("a device whose user cancels is told so", async (w) => {
    const device = await ask(w);
    const v = await w.visitor();
    await v.open(`${device.verification_uri}?user_code=${device.user_code}`);
    assert.equal(await v.page.$eval("#code", (field) => field.value), device.user_code);
    await v.press("button.main");
    await v.signIn(w.people.ben);
    await v.choose("cancel");
    assert.equal(await v.heading(), "The device was not signed in");
    assert.equal((await poll(w, device)).error, "authorization_declined");
  }),
];

function ask(w) {
  const form = { client_id: w.instance.apps["desk-app"], scope: ORDERS };
  return w.instance.post("/acme.test/oauth2/v2.0/devicecode", form);
}

function poll(w, { device_code }) {
  const grant_type = "urn:ietf:params:oauth:grant-type:device_code";
  return w.instance.post("/acme.test/oauth2/v2.0/token", { grant_type, client_id: w.instance.apps["desk-app"], device_code });
}
