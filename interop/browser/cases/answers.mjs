// How the answer comes back to the application: prompts and response modes.
import assert from "node:assert/strict";
import { test } from "../world.mjs";

export default [
  test("prompt=none answers without a page; login and consent ask again", async (w) => {
    const { max } = w.people;
    const v = await w.visitor();
    await v.open(w.asks("desk-app", { prompt: "none" }).url);
    assert.deepEqual(await v.refused(), ["login_required", 50058]);
    await w.wholeWay(v, w.asks("desk-app"), max);

    const silent = w.asks("desk-app", { prompt: "none" });
    await v.open(silent.url);
    assert.equal((await w.redeem(silent, await v.landed())).user, max.name);
    await v.open(w.asks("time-sheets", { prompt: "none" }).url);
    assert.deepEqual(await v.refused(), ["consent_required", 65001]);

    const login = w.asks("desk-app", { prompt: "login" });
    await v.open(login.url);
    await v.signIn(max);
    assert.equal((await w.redeem(login, await v.landed())).user, max.name);

    const consent = w.asks("desk-app", { prompt: "consent" });
    await v.open(consent.url);
    assert.equal(await v.heading(), "Allow desk-app?");
    await v.choose("accept");
    assert.equal((await w.redeem(consent, await v.landed())).user, max.name);
  }),

  test("response_mode: query, fragment, form_post", async (w) => {
    const v = await w.visitor();
    const query = w.asks("desk-app", { response_mode: "query" });
    await w.wholeWay(v, query, w.people.max);
    const url = new URL(v.page.url());
    assert.ok(url.searchParams.get("code") && url.searchParams.get("iss") && url.hash === "", url.href);

    const fragment = w.asks("desk-app", { response_mode: "fragment" });
    await v.open(fragment.url);
    assert.equal(new URL(v.page.url()).search, "");
    assert.match(v.page.url(), /#code=/);
    await w.redeem(fragment, await v.landed());

    const posted = w.asks("desk-app", { response_mode: "form_post" });
    const received = await byForm(w, v, posted, "form-post");
    assert.equal(received.method, "POST");
    assert.deepEqual([received.headers.origin, received.headers.referer], [w.instance.base, `${w.instance.base}/`]);
    await w.redeem(posted, received.fields);

    const refused = w.asks("time-sheets", { response_mode: "form_post", prompt: "none" });
    assert.equal((await byForm(w, v, refused)).fields.error, "consent_required");
  }),

  test("form_post at the end of a sign-in, and after a cancel", async (w) => {
    const v = await w.visitor();
    await w.wholeWay(v, w.asks("desk-app"), w.people.max);
    const ask = w.asks("desk-app", { response_mode: "form_post", prompt: "login" });
    await v.open(ask.url);
    await v.type("#username", w.people.max.name);
    await v.type("#password", w.people.max.password);
    await w.redeem(ask, (await byButton(w, v, ask, "sign-in")).fields);
    const cancelled = w.asks("desk-app", { response_mode: "form_post", prompt: "login" });
    await v.open(cancelled.url);
    assert.equal((await byButton(w, v, cancelled, "cancel")).fields.error, "access_denied");
  }),

  test("an application may send its user on to another site", async (w) => {
    const v = await w.visitor();
    const ask = w.asks("onward");
    await v.open(ask.url);
    await v.signIn(w.people.max);
    const home = w.application.received("/home", { state: ask.state });
    await v.choose("accept");
    await home;
    assert.ok(v.page.url().startsWith(`${w.application.elsewhere}/home?`), v.page.url());
  }),

  test("a request as a form of another site is the same as a link", async (w) => {
    const v = await w.visitor();
    await w.wholeWay(v, w.asks("desk-app"), w.people.max);
    const ask = w.asks("desk-app", { prompt: "none" });
    await v.open(`${w.application.elsewhere}/sends?${new URLSearchParams({ ...ask.fields, to: ask.path })}`);
    await v.press("button");
    assert.equal((await w.redeem(ask, await v.landed())).user, w.people.max.name);
  }),
];

/** Opens a request that is answered by a form: it sends itself, or its button does. */
async function byForm(w, v, ask, portrait) {
  const received = w.application.received(new URL(ask.redirect).pathname, { state: ask.state });
  await v.open(ask.url);
  return sent(w, v, received, portrait);
}

async function byButton(w, v, ask, value) {
  const received = w.application.received(new URL(ask.redirect).pathname, { state: ask.state });
  await v.choose(value);
  return sent(w, v, received);
}

async function sent(w, v, received, portrait) {
  if (w.script) return received;
  assert.equal(await v.heading(), "One moment");
  if (portrait) await v.portrait(portrait, { withoutScript: true });
  await v.press("button");
  return received;
}
