// What users allow, for themselves.
import assert from "node:assert/strict";
import { test } from "../world.mjs";

export default [
  test("consent says who will call what in whose name, and grants that", async (w) => {
    const { dan } = w.people;
    const v = await w.visitor();
    const ask = w.asks("desk-app", { scope: "openid api://orders/.default" });
    await v.open(ask.url);
    await v.signIn(dan);
    assert.equal(await v.heading(), "Allow desk-app?");
    await v.shows(dan.name, "desk-app", "orders-api", "Read your orders", "ledger-api", "Read your ledger entries");
    await v.portrait("consent");
    await v.choose("accept");
    await w.redeem(ask, await v.landed());
    const granted = await w.instance.grants("desk-app");
    assert.ok(granted.includes(`desk-app -> orders-api Orders.Read, ${dan.name}`), granted.join());
    const beyond = await w.instance.grants("orders-api");
    assert.ok(beyond.includes(`orders-api -> ledger-api Entries.Read, ${dan.name}`), beyond.join());
    // Once is enough, in any browser.
    const other = await w.visitor();
    const again = w.asks("desk-app", { scope: "openid api://orders/.default" });
    await other.open(again.url);
    await other.signIn(dan);
    assert.equal((await w.redeem(again, await other.landed())).claims.scp, "Orders.Read");
  }),

  test("the first consent of a tenant to a foreign application makes it and its API known there", async (w) => {
    const { eva } = w.people;
    assert.deepEqual(await w.instance.grants("trend-report").catch(({ code }) => code), 5, "not known in Acme yet");
    const v = await w.visitor();
    const scope = `openid api://${w.instance.apps["trend-api"]}/.default`;
    const ask = w.asks("trend-report", { scope });
    await v.open(ask.url);
    await v.signIn(eva);
    assert.equal(await v.heading(), "Allow trend-report?");
    await v.shows("Globex", "Read trends", "adds trend-report and trend-api to Acme");
    await v.portrait("consent-foreign");
    await v.choose("accept");
    const { code, state } = await v.landed();
    assert.ok(code && state === ask.state);
    assert.deepEqual(await w.instance.grants("trend-report"), [`trend-report -> trend-api Trends.Read, ${eva.name}`]);
    assert.deepEqual(await w.instance.grants("trend-api"), [], "known, and granted nothing itself");
  }),

  test("accepting twice in a hurry is accepting once", async (w) => {
    const { ida } = w.people;
    const v = await w.visitor();
    for (const changes of [{}, { prompt: "consent" }]) {
      const ask = w.asks("desk-app", changes);
      await v.open(ask.url);
      if ((await v.heading()).startsWith("Sign in")) await v.signIn(ida);
      assert.equal(await v.heading(), "Allow desk-app?");
      const landing = w.application.received("/", { state: ask.state });
      await v.page.click('button[value="accept"]', { count: 2 });
      await w.redeem(ask, (await landing).fields);
    }
    const granted = (await w.instance.grants("desk-app")).filter((grant) => grant.endsWith(ida.name));
    assert.deepEqual(granted, [`desk-app -> orders-api Orders.Read, ${ida.name}`]);
  }),
];
