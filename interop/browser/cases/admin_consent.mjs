// What administrators allow, for everyone.
import assert from "node:assert/strict";
import { test } from "../world.mjs";

const POST = "openid api://ledger/Entries.Post";

export default [
  test("who may not allow it asks the administrators, and comes back", async (w) => {
    const { nat } = w.people;
    const v = await w.visitor();
    await v.open(w.asks("payroll", { scope: POST }).url);
    await v.signIn(nat);
    assert.equal(await v.heading(), "An administrator must allow this");
    await v.shows(nat.name, "payroll", "Post ledger entries", "ledger-api", "AADSTS90094");
    await v.portrait("needs-admin");
    await v.type("#reason", "The wages of May");
    await v.choose("ask");
    await v.shows("Your administrators have your request.");
    await v.portrait("needs-admin-sent");
    const [waiting, ...others] = await w.instance.asked("grant", "requests", "--tenant", "acme.test");
    assert.deepEqual(others, []);
    assert.deepEqual([waiting.user, waiting.client, waiting.reason], [nat.id, w.instance.apps.payroll, "The wages of May"]);
    await v.choose("cancel");
    assert.equal((await v.refused())[0], "access_denied");

    // What the page tells the administrators to do.
    await w.instance.behalf("grant", "payroll", "--admin", "ledger-api:Entries.Post", "--tenant", "acme.test");
    assert.deepEqual(await w.instance.asked("grant", "requests", "--tenant", "acme.test"), [], "answered");
    const again = w.asks("payroll", { scope: POST });
    await v.open(again.url);
    assert.equal((await w.redeem(again, await v.landed())).claims.scp, "Entries.Post");
  }),

  test("an administrator ticks the box, and nobody else is asked", async (w) => {
    const { ada, nat } = w.people;
    const v = await w.visitor();
    await v.open(w.asks("rota", { scope: POST }).url);
    await v.signIn(ada);
    assert.equal(await v.heading(), "Allow rota?");
    await v.shows("Post ledger entries", "administrators only", "for everyone in Acme");
    await v.portrait("consent-administrator");
    await v.page.click("label.tick");
    await v.choose("accept");
    await v.landed();
    assert.deepEqual(await w.instance.grants("rota"), ["rota -> ledger-api Entries.Post, everyone"]);
    const other = await w.visitor();
    const ask = w.asks("rota", { scope: POST });
    await other.open(ask.url);
    await other.signIn(nat);
    assert.equal((await w.redeem(ask, await other.landed())).claims.scp, "Entries.Post");
  }),

  test("the admin consent endpoints grant everything that the application needs", async (w) => {
    const { ada } = w.people;
    const v = await w.visitor();
    const redirect_uri = `${w.application.origin}/roster`;
    const fields = { client_id: w.instance.apps.roster, redirect_uri, state: "s-1" };
    const address = `${w.instance.base}/acme.test/adminconsent?${new URLSearchParams(fields)}`;
    await v.open(address);
    await v.signIn(ada);
    assert.equal(await v.heading(), "Allow roster for everyone in Acme?");
    await v.portrait("admin-consent");
    await v.choose("cancel");
    assert.equal((await v.landed()).error, "permission_denied");
    assert.deepEqual(await w.instance.grants("roster"), []);
    await v.open(address);
    await v.choose("accept");
    const landing = await v.landed();
    assert.deepEqual([landing.admin_consent, landing.tenant, landing.state], ["True", w.instance.ready.tenants.acme.id, "s-1"]);
    assert.deepEqual(await w.instance.grants("roster"), ["roster -> ledger-api Entries.Post Entries.Read, everyone"]);

    const scope = "api://orders/Orders.Read";
    await v.open(`${w.instance.base}/acme.test/v2.0/adminconsent?${new URLSearchParams({ ...fields, scope })}`);
    await v.choose("accept");
    assert.equal((await v.landed()).admin_consent, "True");
    const granted = await w.instance.grants("roster");
    assert.ok(granted.includes("roster -> orders-api Orders.Read, everyone"), granted.join());
  }),

  test("a user does not get past the admin consent endpoint", async (w) => {
    const v = await w.visitor();
    const fields = { client_id: w.instance.apps["trend-report"], redirect_uri: `${w.application.origin}/` };
    await v.open(`${w.instance.base}/acme.test/adminconsent?${new URLSearchParams(fields)}`);
    await v.signIn(w.people.cas);
    assert.equal(await v.heading(), "An administrator must allow this");
    await v.choose("cancel");
    assert.deepEqual(await v.refused(), ["permission_denied", 65004]);
  }),
];
