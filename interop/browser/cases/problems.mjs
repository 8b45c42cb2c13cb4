// Where nothing may be redirected.
import assert from "node:assert/strict";
import { test } from "../world.mjs";

export default [
  test("a redirect URI that is not registered gets nothing", async (w) => {
    const v = await w.visitor();
    const redirect_uri = `${w.application.origin}/unregistered`;
    const ask = w.asks("time-sheets", { redirect_uri });
    await v.open(ask.url);
    assert.equal(v.status, 400);
    // A dev instance tells everybody what would mend it.
    await v.shows("The application sent you here with an address we do not know", "You did nothing wrong");
    await v.shows("AADSTS50011", `time-sheets has registered: ${w.application.origin}/time`, "redirects:", "behalf apply");
    await v.portrait("problem");
    for (const uri of ["https://evil.test/", `${w.application.elsewhere}/time`, `${w.application.origin}/time/`, "javascript:alert(1)"]) {
      await v.open(w.asks("time-sheets", { redirect_uri: uri }).url);
      await v.shows("AADSTS50011");
    }
    assert.ok(!w.application.requests.some(({ path }) => path === "/unregistered"), "nobody was sent there");
  }),

  test("an unknown application, an unknown directory and a code of the catalogue", async (w) => {
    const v = await w.visitor();
    await v.open(w.asks("time-sheets", { client_id: "00000000-0000-4000-8000-000000000009" }).url);
    await v.shows("We do not know the application that sent you here", "AADSTS700016");
    await v.portrait("problem-unknown-application");
    await v.press("a", "AADSTS700016");
    assert.equal(await v.heading(), "AADSTS700016");
    await v.portrait("error-code");
    await v.open(`${w.instance.base}/nowhere.test/oauth2/v2.0/authorize`);
    assert.ok(v.status >= 400);
    await v.open(w.asks("time-sheets").url.replace("/acme.test/", "/nowhere.test/"));
    await v.shows("There is no such directory");
  }),

  test("a page that is opened in another browser, or was changed, does nothing", async (w) => {
    const [one, other] = [await w.visitor(), await w.visitor()];
    await one.open(w.asks("desk-app").url);
    const flow = await one.page.$eval("input[name=flow]", (field) => field.value);
    await other.open(`${w.instance.base}/acme.test/continue?flow=${flow}`);
    assert.equal(other.status, 403);
    assert.equal(await other.heading(), "This page was not opened in this browser");
    await other.portrait("foreign-page");
    await one.open(`${w.instance.base}/acme.test/continue?flow=${flow.slice(0, -4)}AAAA`);
    assert.equal(await one.heading(), "This page waited too long");
  }),
];
