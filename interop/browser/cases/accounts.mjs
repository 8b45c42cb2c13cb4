// Several accounts in one browser.
import assert from "node:assert/strict";
import { test } from "../world.mjs";

export default [
  test("with several accounts one is chosen, another one signs in, or it is cancelled", async (w) => {
    const { pat, pia } = w.people;
    const v = await w.visitor();
    await w.wholeWay(v, w.asks("desk-app"), pat);

    let ask = w.asks("desk-app", { prompt: "select_account" });
    await v.open(ask.url);
    assert.equal(await v.heading(), "Sign in to desk-app");
    await v.shows(pat.name, "Use another account");
    await v.choose("other");
    await v.signIn(pia);
    assert.equal(await v.heading(), "Allow desk-app?");
    await v.shows(pia.name);
    await v.choose("accept");
    assert.equal((await w.redeem(ask, await v.landed())).user, pia.name);

    for (const person of [pat, pia]) {
      ask = w.asks("desk-app", { prompt: "select_account" });
      await v.open(ask.url);
      await v.shows(pat.name, pia.name);
      if (person === pat) await v.portrait("account-picker");
      await v.press("button.account", person.name);
      assert.equal((await w.redeem(ask, await v.landed())).user, person.name);
    }
    ask = w.asks("desk-app", { login_hint: pat.name });
    await v.open(ask.url);
    assert.equal((await w.redeem(ask, await v.landed())).user, pat.name, "the hint chooses");

    await v.open(w.asks("desk-app", { prompt: "select_account" }).url);
    await v.choose("cancel");
    assert.deepEqual(await v.refused(), ["access_denied", 65004]);
  }),

  test("who is not the one on the consent page signs in as another", async (w) => {
    const { ron, liv } = w.people;
    const v = await w.visitor();
    const ask = w.asks("desk-app");
    await v.open(ask.url);
    await v.signIn(ron);
    await v.shows(ron.name);
    await v.press("a", "Not you?");
    await v.choose("other");
    await v.signIn(liv);
    await v.choose("accept");
    assert.equal((await w.redeem(ask, await v.landed())).user, liv.name);
    assert.ok(!(await w.instance.grants("desk-app")).some((grant) => grant.endsWith(ron.name)));
  }),
];
