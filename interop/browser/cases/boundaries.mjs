// What a browser holds apart: sites, frames, cookies, pages that were left.
import assert from "node:assert/strict";
import { test } from "../world.mjs";

export default [
  test("cookies are this host's alone, and no script's", async (w) => {
    const v = await w.visitor();
    await w.wholeWay(v, w.asks("time-sheets"), w.people.kay);
    const cookies = await v.cookies();
    const names = ["__Host-behalf-browser", "__Host-behalf-clients", "__Host-behalf-device", "__Host-behalf-session"];
    assert.deepEqual(cookies.map(({ name }) => name).sort(), names);
    for (const { name, domain, path, secure, httpOnly, sameSite } of cookies) {
      assert.deepEqual([domain, path, secure, httpOnly, sameSite], ["localhost", "/", true, true, "Lax"], name);
    }
    const lasting = cookies.filter(({ session }) => !session).map(({ name }) => name);
    assert.deepEqual(lasting, ["__Host-behalf-device"], "a session ends with the browser");
    v.expects(/DocumentCookie/); // It is this test that reads them.
    await v.open(w.asks("desk-app").url);
    assert.equal(await v.page.evaluate(() => document.cookie), "");
  }),

  test("a session is new with the sign-in", async (w) => {
    const v = await w.visitor();
    await v.open(w.asks("desk-app").url);
    const planted = { name: "__Host-behalf-session", value: "eyJ.planted", domain: "localhost", path: "/", secure: true };
    await v.context.setCookie(planted);
    await v.signIn(w.people.kay);
    const session = (await v.cookies()).find(({ name }) => name.endsWith("session"));
    assert.ok(session.httpOnly && !session.value.includes("planted"));
  }),

  test("no site may frame these pages", async (w) => {
    const v = await w.visitor();
    await w.wholeWay(v, w.asks("time-sheets"), w.people.kay);
    v.expects(/frame-ancestors|X-Frame-Options/);
    v.expects(/^request to data:image/); // The browser's own page of a frame that stays empty.
    v.expects(/^issue: ContentSecurityPolicyIssue/);
    v.expects(/^issue: CookieIssue/);
    for (const ask of [w.asks("time-sheets", { prompt: "login" }), w.asks("time-sheets", { prompt: "consent" })]) {
      await v.open(`${w.application.elsewhere}/frames?${new URLSearchParams({ src: ask.url })}`);
      const framed = v.page.frames().find((frame) => frame.parentFrame());
      assert.match(framed.url(), /^chrome-error:/, "the frame stays empty");
    }
  }),

  test("a form of another site signs nobody in and accepts nothing", async (w) => {
    // The attacker has a page of his own, for his own account, and makes somebody else send it.
    const attacker = await w.visitor();
    await attacker.open(w.asks("desk-app").url);
    const flow = await attacker.page.$eval("input[name=flow]", (field) => field.value);
    const { name: username, password } = w.people.cas;
    const v = await w.visitor();
    await v.open(w.asks("desk-app").url);
    const own = await v.page.$eval("input[name=flow]", (field) => field.value);
    for (const site of [w.application.elsewhere, w.application.origin]) {
      for (const stolen of [flow, own]) {
        const fields = { to: `${w.instance.base}/acme.test/login`, flow: stolen, username, password, do: "sign-in" };
        await v.open(`${site}/sends?${new URLSearchParams(fields)}`);
        await v.press("button");
        assert.equal(v.status, 403);
        assert.equal(await v.heading(), "This page was not opened in this browser");
      }
    }
    assert.ok(!(await v.cookies()).some(({ name }) => name.endsWith("session")));
  }),

  test("going back after the sign-in leads to the application or to a form without a password", async (w) => {
    const v = await w.visitor();
    const ask = w.asks("desk-app");
    await v.open(`${w.application.origin}/home`);
    await w.wholeWay(v, ask, w.people.kay);
    const answered = w.application.requests.filter(({ fields }) => fields.state === ask.state).length;
    await v.page.goBack();
    const landing = await v.landed();
    assert.ok(landing.code, "a page that was done with goes on by itself");
    assert.ok(w.application.requests.filter(({ fields }) => fields.state === ask.state).length > answered);
    const login = w.asks("desk-app", { prompt: "login" });
    await v.open(login.url);
    await v.signIn(w.people.kay);
    await v.landed();
    await v.page.goBack();
    assert.match(await v.heading(), /^Sign in to /);
    assert.equal(await v.page.$eval("#password", (field) => field.value), "");
  }),

  test("signing in twice in a hurry is signing in once", async (w) => {
    const v = await w.visitor();
    const ask = w.asks("desk-app");
    await w.wholeWay(v, w.asks("desk-app"), w.people.kay);
    await v.context.deleteCookie(...(await v.context.cookies()));
    await v.open(ask.url);
    await v.type("#username", w.people.kay.name);
    await v.type("#password", w.people.kay.password);
    const landing = w.application.received("/", { state: ask.state });
    await v.page.click('button[value="sign-in"]', { count: 2 });
    assert.equal((await w.redeem(ask, (await landing).fields)).user, w.people.kay.name);
  }),
];
