// Without a mouse.
import assert from "node:assert/strict";
import { test } from "../world.mjs";

export default [
  test("signing in, accepting and choosing an account by keyboard alone", async (w) => {
    const { liv } = w.people;
    const v = await w.visitor();
    const { keyboard } = v.page;
    let ask = w.asks("time-sheets");
    await v.open(ask.url);
    await v.isIn("#username");
    await keyboard.type(liv.name);
    await keyboard.press("Tab");
    await keyboard.type("wrong horse battery");
    await v.enter();
    await v.shows("The user name or the password is wrong.");
    await v.isIn("#password");
    await keyboard.type(liv.password);
    await v.enter();
    assert.equal(await v.heading(), "Allow time-sheets?");
    await v.tabTo("accept");
    await v.enter();
    assert.ok((await v.landed()).code);

    ask = w.asks("time-sheets", { prompt: "select_account" });
    await v.open(ask.url);
    await keyboard.press("Tab");
    await v.enter();
    assert.equal((await v.landed()).state, ask.state);

    ask = w.asks("time-sheets", { prompt: "login" });
    await v.open(ask.url);
    await v.tabTo("cancel");
    await v.enter();
    assert.deepEqual(await v.refused(), ["access_denied", 65004]);
  }),
];
