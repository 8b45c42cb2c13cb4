// MSAL Node, unmodified: an API calls the next one on behalf of its user.
import assert from "node:assert/strict";
import { acme, apis, base, behalf, claims, middle, middleV1, requestsOf, run, test } from "./harness.mjs";
import { access, certificate, confidential, program, refused, signIn, userToken } from "./people.mjs";
import { Browser } from "./sign_in.mjs";

const everything = `${middle.uri}/.default`;
const read = [`${apis.v2.uri}/Things.Read`];
const readV1 = [`${apis.v1.uri}/Things.Read`];
const ask = (app, oboAssertion, scopes = read, options = {}) =>
  app.acquireTokenOnBehalfOf({ oboAssertion, scopes, ...options });

let tokens;
/** Of a user who accepted all that the program needs, and all that the APIs behind it need. */
async function consented() {
  tokens ??= (async () => {
    const app = program();
    const { accessToken: v2, account, idToken } = await signIn(app, new Browser("node-obo"), [everything]);
    const second = await app.acquireTokenSilent({ account, scopes: [`${middleV1.uri}/Access`] });
    return { v2, v1: second.accessToken, idToken };
  })();
  return tokens;
}

test("the first call: one request; the same user, another audience, the middle tier as client", async () => {
  const { v2 } = await consented();
  const [result, requests] = await requestsOf(() => ask(confidential(middle), v2));
  const [found, incoming] = [claims(result.accessToken), claims(v2)];
  assert.deepEqual([found.aud, found.scp, found.ver], [apis.v2.app_id, "Things.Read", "2.0"]);
  assert.deepEqual([found.azp, found.azpacr], [middle.app_id, "1"]);
  assert.deepEqual([found.oid, found.tid, found.iss], [incoming.oid, acme.id, `${base}/${acme.id}/v2.0`]);
  assert.notEqual(found.sub, incoming.sub);
  assert.deepEqual([result.fromCache, requests], [false, 1]);
});

test("the ID token is for the middle tier, with the sub of the incoming token; the account is the user's", async () => {
  const { v2 } = await consented();
  const { account, idTokenClaims } = await ask(confidential(middle), v2);
  assert.deepEqual([idTokenClaims.aud, idTokenClaims.sub], [middle.app_id, claims(v2).sub]);
  assert.deepEqual([account.homeAccountId, account.username], [`${claims(v2).oid}.${acme.id}`, "node-obo@acme.test"]);
});

test("the same assertion again: from the cache without a request", async () => {
  const [app, { v2 }] = [confidential(middle), await consented()];
  const first = await ask(app, v2);
  const [second, requests] = await requestsOf(() => ask(app, v2));
  assert.deepEqual([second.accessToken, second.fromCache, requests], [first.accessToken, true, 0]);
});

test("skipCache, another assertion and another API: a request each", async () => {
  const [app, { v2 }] = [confidential(middle), await consented()];
  await ask(app, v2);
  const other = await userToken("node-obo", access);
  for (const call of [() => ask(app, v2, read, { skipCache: true }), () => ask(app, other), () => ask(app, v2, readV1)]) {
    const [result, requests] = await requestsOf(call);
    assert.deepEqual([result.fromCache, requests], [false, 1]);
  }
});

test("refresh: acquireTokenSilent redeems the refresh token of on-behalf-of", async () => {
  const [app, { v2 }] = [confidential(middle), await consented()];
  const { account, accessToken } = await ask(app, v2);
  const silent = () => app.acquireTokenSilent({ account, scopes: read, forceRefresh: true });
  const [found, requests] = await requestsOf(silent);
  assert.deepEqual([claims(found.accessToken).scp, found.fromCache, requests], ["Things.Read", false, 1]);
  assert.notEqual(found.accessToken, accessToken);
});

test("an API of v1.0 tokens: appid and upn", async () => {
  const found = claims((await ask(confidential(middle), (await consented()).v2, readV1)).accessToken);
  assert.deepEqual([found.ver, found.aud, found.appid], ["1.0", apis.v1.uri, middle.app_id]);
  assert.equal(found.upn, "node-obo@acme.test");
});

test("a v1.0 token as assertion: its middle tier gets v1.0 and v2.0 tokens for it", async () => {
  const { v1 } = await consented();
  assert.equal(claims(v1).ver, "1.0");
  for (const [scopes, version] of [[read, "2.0"], [readV1, "1.0"]]) {
    const found = claims((await ask(confidential(middleV1), v1, scopes)).accessToken);
    assert.deepEqual([found.ver, found.scp], [version, "Things.Read"]);
  }
});

test(".default: what was granted, and it is found in the cache", async () => {
  const [app, { v2 }] = [confidential(middle), await consented()];
  const scopes = [`${apis.v2.uri}/.default`];
  assert.equal(claims((await ask(app, v2, scopes)).accessToken).scp, "Things.Read");
  const [again, requests] = await requestsOf(() => ask(app, v2, scopes));
  assert.deepEqual([again.fromCache, requests], [true, 0]);
});

test("a certificate: PS256 with x5t#S256 and x5c", async () => {
  const result = await ask(confidential(middle, certificate()), (await consented()).v2);
  assert.equal(claims(result.accessToken).azpacr, "2");
});

test("a chain: the next API calls on for the same user", async () => {
  const { accessToken } = await ask(confidential(middle), (await consented()).v2);
  const found = claims((await ask(confidential(apis.v2), accessToken, readV1)).accessToken);
  assert.deepEqual([found.appid, found.oid], [apis.v2.app_id, claims(accessToken).oid]);
});

test("an assertion for another API: ServerError 500131, nothing for a user to do", async () => {
  const { v1 } = await consented();
  await refused(() => ask(confidential(middle), v1), ["ServerError", "invalid_grant", 500131, null]);
});

test("the client's ID token, and the middle tier's own: 500131 and 240002", async () => {
  const [app, { v2, idToken }] = [confidential(middle), await consented()];
  await refused(() => ask(app, idToken), ["ServerError", "invalid_grant", 500131, null]);
  const { idToken: own } = await ask(app, v2);
  await refused(() => ask(app, own), ["ServerError", "invalid_request", 240002, null]);
});

test("an application's own token: ServerError unauthorized_client 7000114", async () => {
  const app = confidential(middle);
  const { accessToken } = await app.acquireTokenByClientCredential({ scopes: [everything] });
  await refused(() => ask(app, accessToken), ["ServerError", "unauthorized_client", 7000114, null]);
});

test("a changed assertion, and text that is none: 50013 and 50027", async () => {
  const [head, payload, signature] = (await consented()).v2.split(".");
  const at = signature.length / 2;
  const changed = signature.slice(0, at) + (signature[at] === "A" ? "B" : "A") + signature.slice(at + 1);
  const app = confidential(middle);
  await refused(() => ask(app, [head, payload, changed].join(".")), ["ServerError", "invalid_grant", 50013, null]);
  await refused(() => ask(app, "no-token"), ["ServerError", "invalid_request", 50027, null]);
});

test("missing consent: InteractionRequiredAuthError 65001 consent_required; after consent it is granted", async () => {
  const [app, token] = [confidential(middle), await userToken("node-obo-fresh", access)];
  const expected = ["InteractionRequiredAuthError", "invalid_grant", 65001, "consent_required"];
  const error = await refused(() => ask(app, token), expected);
  assert.ok(error.correlationId && error.timestamp && error.traceId, "ids for the server's log");
  const browser = new Browser("node-obo-fresh");
  await signIn(program(), browser, [everything], { prompt: "consent" });
  assert.equal(browser.seen.at(-1), "Allow interop-desk?");
  const [result, requests] = await requestsOf(() => ask(app, token));
  assert.deepEqual([claims(result.accessToken).scp, requests], ["Things.Read", 1]);
});

test("a scope that only administrators grant: InteractionRequiredAuthError 65001", async () => {
  const wanted = [`${apis.v2.uri}/Things.Write`];
  const call = async () => ask(confidential(middle), (await consented()).v2, wanted);
  await refused(call, ["InteractionRequiredAuthError", "invalid_grant", 65001, "consent_required"]);
});

test("a demand on the sign-in: InteractionRequiredAuthError 50076 with claims", async () => {
  const call = async () => ask(confidential(middle), (await consented()).v2, [`${apis.mfa.uri}/Things.Read`]);
  const error = await refused(call, ["InteractionRequiredAuthError", "invalid_grant", 50076, "basic_action"]);
  const demanded = { access_token: { capolids: { essential: true, values: [apis.mfa.app_id] } } };
  assert.deepEqual(JSON.parse(error.claims), demanded);
});

test("an unknown API, an unknown scope, two APIs: 500011, 70011, 28000", async () => {
  const [app, { v2 }] = [confidential(middle), await consented()];
  await refused(() => ask(app, v2, ["api://nowhere/Read"]), ["ServerError", "invalid_resource", 500011, null]);
  await refused(() => ask(app, v2, [`${apis.v2.uri}/Things.Burn`]), ["ServerError", "invalid_scope", 70011, null]);
  await refused(() => ask(app, v2, [...read, ...readV1]), ["ServerError", "invalid_scope", 28000, null]);
});

test("a wrong secret: ServerError invalid_client 7000215", async () => {
  const app = confidential(middle, { clientSecret: "not-the-secret-of-this-application" });
  const call = async () => ask(app, (await consented()).v2);
  await refused(call, ["ServerError", "invalid_client", 7000215, null]);
});

test("after an administrator takes the grant back: InteractionRequiredAuthError 65001", async () => {
  const token = await userToken("node-obo-fresh", access);
  behalf("grant", "revoke", "interop-middle", "--user", claims(token).oid, "--tenant", acme.domain);
  const call = () => ask(confidential(middle), token);
  await refused(call, ["InteractionRequiredAuthError", "invalid_grant", 65001, "consent_required"]);
});

test("after revoke-sessions: the assertion and the refresh token are refused with 50173 bad_token", async () => {
  const browser = new Browser("node-gone");
  const { accessToken: token } = await signIn(program(), browser, [everything], { prompt: "consent" });
  const app = confidential(middle);
  const { account } = await ask(app, token);
  behalf("user", "revoke-sessions", "node-gone@acme.test");
  const expected = ["InteractionRequiredAuthError", "invalid_grant", 50173, "bad_token"];
  await refused(() => ask(confidential(middle), token), expected);
  await refused(() => app.acquireTokenSilent({ account, scopes: read, forceRefresh: true }), expected);
});

await run();
