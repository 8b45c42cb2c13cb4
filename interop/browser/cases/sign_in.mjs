// Signing in: password, second factor.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "../world.mjs";

export default [
  test("the cases that claim to run without JavaScript do", async (w) => {
    const v = await w.visitor();
    await v.open(`${w.application.origin}/script`);
    assert.equal(await v.page.$eval("#ran", (p) => p.textContent), w.script ? "yes" : "no");
  }),

  test("a wrong password and an unknown user read the same; the right ones lead on", async (w) => {
    const { ann } = w.people;
    const v = await w.visitor();
    const ask = w.asks("desk-app", { scope: "openid profile offline_access api://orders/.default" });
    await v.open(ask.url);
    assert.equal(await v.heading(), "Sign in to desk-app");
    assert.equal(await v.page.evaluate(() => document.activeElement.id), "username");
    await v.portrait("sign-in");
    const seen = [];
    for (const name of [ann.name, "nobody@acme.test", "gus@globex.test"]) {
      await v.signIn({ name, password: "wrong horse battery" });
      seen.push([v.status, await v.text()]);
      assert.equal(await v.page.$eval("#username", (field) => field.value), name, "what was typed is still there");
      assert.equal(await v.page.$eval("#password", (field) => field.value), "");
      assert.equal(await v.page.evaluate(() => document.activeElement.id), "password");
    }
    await v.shows("The user name or the password is wrong.");
    assert.deepEqual(seen[1], seen[0]);
    assert.deepEqual(seen[2], seen[0]);
    await v.portrait("sign-in-wrong");
    await v.signIn(ann);
    assert.equal(await v.heading(), "Allow desk-app?");
    await v.choose("accept");
    const answer = await w.redeem(ask, await v.landed());
    assert.deepEqual([answer.claims.scp, answer.user], ["Orders.Read", ann.name]);
  }),

  test("a second factor is asked for after the password, and a code counts once", async (w) => {
    const { tom } = w.people;
    const secret = await enrol(w, tom.name);
    const v = await w.visitor();
    const ask = w.asks("desk-app");
    await v.open(ask.url);
    await v.signIn(tom);
    assert.equal(await v.heading(), "Enter the code of your authenticator app");
    assert.ok(!(await v.cookies()).some(({ name }) => name.endsWith("session")), "half a sign-in is none");
    await v.portrait("second-factor");
    // The enrolment used the code before this one.
    for (const wrong of [code(secret, -1), "000 000"]) {
      await v.type("#code", wrong);
      await v.choose("verify");
      await v.shows("The code is wrong or was used before.");
    }
    await v.portrait("second-factor-wrong");
    await v.type("#code", code(secret, 0));
    await v.choose("verify");
    assert.equal(await v.heading(), "Allow desk-app?");
    await v.choose("accept");
    assert.equal((await w.redeem(ask, await v.landed())).user, tom.name);
  }),

  test("whoever cancels is back at the application with access_denied", async (w) => {
    const v = await w.visitor();
    const ask = w.asks("time-sheets");
    await v.open(ask.url);
    await v.choose("cancel");
    const landing = await v.landed();
    assert.deepEqual([landing.error, landing.error_subcode, landing.state], ["access_denied", "cancel", ask.state]);
    await v.open(ask.url);
    await v.signIn(w.people.cas);
    assert.equal(await v.heading(), "Allow time-sheets?");
    await v.choose("cancel");
    assert.deepEqual(await v.refused(), ["access_denied", 65004]);
    assert.deepEqual(await w.instance.grants("time-sheets"), [], "nothing was granted");
  }),
];

/** Registers a second factor with the code of half a minute ago; its secret. */
async function enrol(w, name) {
  let answered = false;
  const shown = await w.instance.talk(["user", "add-second-factor", name], (said, input) => {
    const secret = /Secret\s+([A-Z2-7]{32})/.exec(said)?.[1];
    if (!secret || answered) return;
    answered = true;
    input.end(`${code(secret, -1)}\n`);
  });
  return /Secret\s+([A-Z2-7]{32})/.exec(shown)[1];
}

/** The code of `steps` half minutes from now (RFC 6238). */
function code(secret, steps) {
  const bits = [...secret].map((symbol) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(symbol).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const tag = createHmac("sha1", key).update(counter).digest();
  const number = tag.readUInt32BE(tag[19] & 15) & 0x7fffffff;
  return String(number % 1_000_000).padStart(6, "0");
}
