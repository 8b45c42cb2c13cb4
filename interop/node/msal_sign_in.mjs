// MSAL Node, unmodified: users sign in by authorization code with PKCE, and stay signed in.
import assert from "node:assert/strict";
import { createRemoteJWKSet, jwtVerify } from "jose";
import {
  acme, base, behalf, claims, desk, getJson, middle, middleV1, refusal, requestsOf, run, test, web, world,
} from "./harness.mjs";
import { access, certificate, confidential, program, redirectUri, refused, signIn, visit } from "./people.mjs";
import { Browser } from "./sign_in.mjs";

const accessV1 = `${middleV1.uri}/Access`;
const web1 = { redirectUri: "http://localhost:49153/signed-in" };
const metadata = () => getJson(`${acme.domain}/v2.0/.well-known/openid-configuration`);

test("code with PKCE: the user signs in and consents, the client gets tokens for the API", async () => {
  const browser = new Browser("node");
  const [result, requests] = await requestsOf(() => signIn(program(), browser, [access]));
  assert.deepEqual(browser.seen, ["Sign in to interop-desk", "Allow interop-desk?"]);
  const found = claims(result.accessToken);
  assert.deepEqual([found.aud, found.scp, found.ver], [middle.app_id, "Access", "2.0"]);
  assert.deepEqual([found.azp, found.azpacr], [desk.app_id, "0"]);
  assert.deepEqual([result.fromCache, result.tokenType, requests], [false, "Bearer", 1]);
});

test("the ID token is valid for jose, and refused for another audience", async () => {
  const { idToken, idTokenClaims } = await signIn(program(), new Browser("node"), [access]);
  const { issuer, jwks_uri } = await metadata();
  const keys = createRemoteJWKSet(new URL(jwks_uri));
  const { payload } = await jwtVerify(idToken, keys, { issuer, audience: desk.app_id });
  assert.deepEqual([payload.nonce, payload.tid], ["n-1", acme.id]);
  assert.deepEqual(idTokenClaims, payload);
  const error = await refusal(jwtVerify(idToken, keys, { issuer, audience: middle.app_id }));
  assert.equal(error.claim, "aud");
});

test("client_info names the account across tenants: {oid}.{tid}", async () => {
  const { account, idTokenClaims, tenantId, uniqueId } = await signIn(program(), new Browser("node"), [access]);
  assert.equal(account.homeAccountId, `${idTokenClaims.oid}.${acme.id}`);
  assert.deepEqual([account.localAccountId, uniqueId], [idTokenClaims.oid, idTokenClaims.oid]);
  assert.deepEqual([account.username, tenantId], ["node@acme.test", acme.id]);
});

test("accounts are enumerated, and found by their ids", async () => {
  const app = program();
  const { account } = await signIn(app, new Browser("node"), [access]);
  await signIn(app, new Browser("node-web"), [access]);
  const names = (await app.getAllAccounts()).map(({ username }) => username).sort();
  assert.deepEqual(names, ["node-web@acme.test", "node@acme.test"]);
  const cache = app.getTokenCache();
  assert.equal((await cache.getAccountByHomeId(account.homeAccountId)).username, "node@acme.test");
  assert.equal((await cache.getAccountByLocalId(account.localAccountId)).username, "node@acme.test");
  assert.equal(await cache.getAccountByLocalId("00000000-0000-4000-8000-0000000000ff"), null);
});

test("acquireTokenSilent: from the cache without a request", async () => {
  const app = program();
  const first = await signIn(app, new Browser("node"), [access]);
  const silent = () => app.acquireTokenSilent({ account: first.account, scopes: [access] });
  const [found, requests] = await requestsOf(silent);
  assert.deepEqual([found.accessToken, found.fromCache, requests], [first.accessToken, true, 0]);
});

test("acquireTokenSilent with forceRefresh: one request each, by a refresh token that rotates", async () => {
  const app = program();
  const { account, accessToken } = await signIn(app, new Browser("node"), [access]);
  const seen = new Set([accessToken]);
  for (let count = 0; count < 3; count += 1) {
    const silent = () => app.acquireTokenSilent({ account, scopes: [access], forceRefresh: true });
    const [found, requests] = await requestsOf(silent);
    assert.deepEqual([found.fromCache, requests, found.account.username], [false, 1, "node@acme.test"]);
    seen.add(found.accessToken);
  }
  assert.equal(seen.size, 4);
});

test("the refresh token serves another API: one request, a v1.0 token", async () => {
  const browser = new Browser("node");
  await signIn(program(), browser, [accessV1]);
  const app = program();
  const { account } = await signIn(app, browser, [access]);
  const [found, requests] = await requestsOf(() => app.acquireTokenSilent({ account, scopes: [accessV1] }));
  const token = claims(found.accessToken);
  assert.deepEqual([token.ver, token.aud, token.appid], ["1.0", middleV1.uri, desk.app_id]);
  assert.equal(requests, 1);
});

test("an API without consent: InteractionRequiredAuthError 65001 consent_required", async () => {
  const app = program();
  const { account } = await signIn(app, new Browser("node-web"), [access]);
  const silent = () => app.acquireTokenSilent({ account, scopes: [accessV1] });
  await refused(silent, ["InteractionRequiredAuthError", "invalid_grant", 65001, "consent_required"]);
});

test("signOut: no account, no token, no request", async () => {
  const app = program();
  const { account } = await signIn(app, new Browser("node"), [access]);
  await app.signOut({ account });
  assert.deepEqual(await app.getAllAccounts(), []);
  const silent = () => refusal(app.acquireTokenSilent({ account, scopes: [access] }));
  const [error, requests] = await requestsOf(silent);
  assert.deepEqual([error.errorCode, requests], ["no_tokens_found", 0]);
});

test("acquireTokenInteractive: MSAL's own listener takes the answer as a form", async () => {
  const app = program();
  const openBrowser = async (url) => {
    const answer = await (await new Browser("node").through(url)).deliver();
    assert.ok(answer.ok, `${answer.status}`);
  };
  const [result, requests] = await requestsOf(() => app.acquireTokenInteractive({ scopes: [access], openBrowser }));
  assert.deepEqual([claims(result.accessToken).scp, requests], ["Access", 1]);
});

test("acquireTokenInteractive and a user who cancels: ServerError access_denied, no request", async () => {
  const openBrowser = async (url) => (await new Browser("node-fresh", "cancel").through(url)).deliver();
  const ask = () => program().acquireTokenInteractive({ scopes: [access], openBrowser });
  await refused(ask, ["ServerError", "access_denied", 65004, null], 0);
});

test("a web application: code with PKCE and its secret, or its certificate", async () => {
  const browser = new Browser("node-web");
  for (const [app, azpacr] of [[confidential(web), "1"], [confidential(web, certificate()), "2"]]) {
    const result = await signIn(app, browser, [access], web1);
    const found = claims(result.accessToken);
    assert.deepEqual([found.azp, found.azpacr, result.idTokenClaims.aud], [web.app_id, azpacr, web.app_id]);
  }
});

test("a web application with a wrong secret: invalid_client 7000215, and the code is still good", async () => {
  const { redemption } = await visit(confidential(web), new Browser("node-web"), [access], web1);
  const wrong = confidential(web, { clientSecret: "not-the-secret-of-this-application" });
  const redeem = () => wrong.acquireTokenByCode({ ...redemption });
  await refused(redeem, ["ServerError", "invalid_client", 7000215, null]);
  assert.ok((await confidential(web).acquireTokenByCode({ ...redemption })).accessToken);
});

test("a code counts once: 54005, and what it brought is revoked", async () => {
  const app = program();
  const { redemption } = await visit(app, new Browser("node"), [access]);
  const { account } = await app.acquireTokenByCode({ ...redemption });
  const again = () => program().acquireTokenByCode({ ...redemption });
  await refused(again, ["ServerError", "invalid_grant", 54005, null]);
  const silent = () => app.acquireTokenSilent({ account, scopes: [access], forceRefresh: true });
  await refused(silent, ["InteractionRequiredAuthError", "invalid_grant", 50173, "bad_token"]);
});

test("another verifier than the one of the challenge: 501481", async () => {
  const { redemption } = await visit(program(), new Browser("node"), [access]);
  const stolen = () => program().acquireTokenByCode({ ...redemption, codeVerifier: "x".repeat(43) });
  await refused(stolen, ["ServerError", "invalid_grant", 501481, null]);
});

test("a user who cancels, and prompt=none without a session: access_denied, login_required", async () => {
  const cancelled = await visit(program(), new Browser("node-fresh", "cancel"), [access]);
  assert.equal(cancelled.landing.parameters.error, "access_denied");
  assert.match(cancelled.landing.parameters.error_description, /^AADSTS65004: /);
  const silent = await visit(program(), new Browser("node"), [access], { prompt: "none" });
  assert.equal(silent.landing.parameters.error, "login_required");
});

test("the password grant, which nobody allowed: ServerError unsupported_grant_type", async () => {
  const { name: username, password } = world.users.node;
  const ask = () => program().acquireTokenByUsernamePassword({ scopes: [access], username, password });
  await refused(ask, ["ServerError", "unsupported_grant_type", 70003, null]);
});

test("another nonce than the one of the request: MSAL refuses the ID token", async () => {
  const { redemption } = await visit(program(), new Browser("node"), [access]);
  const error = await refusal(program().acquireTokenByCode({ ...redemption, nonce: "another" }));
  assert.equal(error.errorCode, "nonce_mismatch");
});

test("signing out at the server ends the session; the client keeps its refresh token", async () => {
  const [app, browser] = [program(), new Browser("node")];
  const { account } = await signIn(app, browser, [access]);
  const address = new URL((await metadata()).end_session_endpoint);
  address.search = new URLSearchParams({ client_id: desk.app_id, post_logout_redirect_uri: `${redirectUri}/` });
  const landing = await browser.through(address.href);
  assert.ok(landing.url.startsWith(redirectUri), landing.url);
  const silent = await visit(program(), browser, [access], { prompt: "none" });
  assert.equal(silent.landing.parameters.error, "login_required");
  await app.acquireTokenSilent({ account, scopes: [access], forceRefresh: true });
});

test("after revoke-sessions: InteractionRequiredAuthError 50173 bad_token, until the user signs in", async () => {
  const [app, browser] = [program(), new Browser("node-gone")];
  const { account } = await signIn(app, browser, [access]);
  behalf("user", "revoke-sessions", "node-gone@acme.test");
  const silent = () => app.acquireTokenSilent({ account, scopes: [access], forceRefresh: true });
  await refused(silent, ["InteractionRequiredAuthError", "invalid_grant", 50173, "bad_token"]);
  browser.seen = [];
  await signIn(app, browser, [access]);
  assert.deepEqual(browser.seen, ["Sign in to interop-desk"]);
  assert.equal((await silent()).account.username, "node-gone@acme.test");
});

await run();
