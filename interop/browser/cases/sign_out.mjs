// Signing out.
import assert from "node:assert/strict";
import { test } from "../world.mjs";

export default [
  test("signing out ends the session, tells the application and leads back", async (w) => {
    const { sol } = w.people;
    const v = await w.visitor();
    await w.wholeWay(v, w.asks("time-sheets"), sol);
    const window = await w.visitor(v.context);
    await window.open(w.asks("time-sheets", { prompt: "consent" }).url);
    await window.shows(sol.name);
    await window.open(`${w.application.origin}/home`);
    const fields = {
      client_id: w.instance.apps["time-sheets"],
      post_logout_redirect_uri: `${w.application.origin}/time`,
      state: "bye",
    };
    await v.open(`${w.instance.base}/acme.test/oauth2/v2.0/logout?${new URLSearchParams(fields)}`);
    assert.equal(await v.heading(), "Sign out?");
    await v.shows(sol.name);
    await v.portrait("sign-out");
    const told = w.application.received("/time/out", {});
    await v.choose("sign-out");
    assert.equal(await v.heading(), "You are signed out");
    const { fields: { iss, sid }, headers } = await told;
    assert.equal(iss, `${w.instance.base}/${w.instance.ready.tenants.acme.id}/v2.0`);
    assert.match(sid, /^[0-9a-f-]{36}$/);
    assert.equal(headers.referer, undefined);
    await v.portrait("signed-out");
    assert.deepEqual((await v.cookies()).map(({ name }) => name).filter((name) => /session|clients/.test(name)), []);
    await v.press("a.button");
    assert.equal((await v.landed()).state, "bye");

    await v.open(w.asks("time-sheets", { prompt: "none" }).url);
    assert.deepEqual(await v.refused(), ["login_required", 50058]);
    // A window that was left open shows nobody's name when somebody goes back in it.
    await window.page.goBack();
    assert.match(await window.heading(), /^Sign in to /);
    assert.ok(!(await window.text()).includes(sol.name));
  }),

  test("signing out where nobody is told leads straight back", async (w) => {
    const v = await w.visitor();
    await w.wholeWay(v, w.asks("desk-app"), w.people.sol);
    const fields = { client_id: w.instance.apps["desk-app"], post_logout_redirect_uri: `${w.application.origin}/` };
    await v.open(`${w.instance.base}/acme.test/oauth2/v2.0/logout?${new URLSearchParams(fields)}`);
    await v.choose("sign-out");
    await v.landed();
  }),
];
