// openid-client, unmodified: client_secret_basic and _post, and private_key_jwt with aud = issuer; users
// by code with PKCE, refresh, userinfo, introspection, revocation and signing out.
import assert from "node:assert/strict";
import { createPrivateKey, webcrypto } from "node:crypto";
import * as client from "openid-client";
import {
  acme, apis, base, certificates, claims, daemon, desk, middle, read, refusal, run, scope, secret, test, web,
} from "./harness.mjs";
import { Browser } from "./sign_in.mjs";

const issuer = new URL(`${base}/${acme.id}/v2.0`);
const digest = (kind, name = "valid") => Buffer.from(certificates[name][kind], "hex").toString("base64url");

async function privateKey(algorithm, name = "valid") {
  const der = createPrivateKey(read(certificates[name].key)).export({ type: "pkcs8", format: "der" });
  return webcrypto.subtle.importKey("pkcs8", der, { name: algorithm, hash: "SHA-256" }, false, ["sign"]);
}

async function grant(authentication, asked = scope) {
  const found = await client.discovery(issuer, daemon.app_id, undefined, authentication);
  return client.clientCredentialsGrant(found, { scope: asked });
}

test("discovery by the tenant's id: the issuer is exactly the URL asked", async () => {
  const found = await client.discovery(issuer, daemon.app_id);
  assert.equal(found.serverMetadata().issuer, issuer.href);
});

test("client_secret_post", async () => {
  const answer = await grant(client.ClientSecretPost(daemon.secret));
  assert.equal(answer.token_type, "bearer");
  assert.equal(claims(answer.access_token).azpacr, "1");
});

test("client_secret_basic", () => grant(client.ClientSecretBasic(daemon.secret)));

for (const algorithm of ["RSASSA-PKCS1-v1_5", "RSA-PSS"]) {
  for (const kind of ["sha1", "sha256"]) {
    test(`private_key_jwt with ${algorithm}, kid = ${kind} thumbprint`, async () => {
      const key = await privateKey(algorithm);
      const answer = await grant(client.PrivateKeyJwt({ key, kid: digest(kind) }));
      assert.equal(claims(answer.access_token).azpacr, "2");
    });
  }
}

test("private_key_jwt with x5t#S256", async () => {
  const key = await privateKey("RSA-PSS");
  const authentication = client.PrivateKeyJwt(key, {
    [client.modifyAssertion]: (header) => {
      header["x5t#S256"] = digest("sha256");
    },
  });
  await grant(authentication);
});

test("private_key_jwt and a resource of v1.0 tokens", async () => {
  const key = await privateKey("RSASSA-PKCS1-v1_5");
  const answer = await grant(client.PrivateKeyJwt({ key, kid: digest("sha1") }), `${apis.v1.uri}/.default`);
  assert.equal(claims(answer.access_token).appid, daemon.app_id);
});

test("wrong secret: 401 invalid_client 7000215", async () => {
  const error = await refusal(grant(client.ClientSecretPost("not-the-secret-of-this-application")));
  assert.deepEqual([error.status, error.error], [401, "invalid_client"]);
  assert.match(error.error_description, /^AADSTS7000215: /);
});

test("expired certificate: 401 invalid_client 1000502", async () => {
  const key = await privateKey("RSA-PSS", "expired");
  const error = await refusal(grant(client.PrivateKeyJwt({ key, kid: digest("sha256", "expired") })));
  assert.deepEqual([error.status, error.error], [401, "invalid_client"]);
  assert.match(error.error_description, /^AADSTS1000502: /);
});

const access = `${middle.uri}/Access`;
const redirectUri = "http://localhost:49160/signed-in";
const onDesk = "http://localhost:49161/";
const identity = "openid profile email offline_access";

/** A client, its ID tokens' signatures checked. */
async function configured(app, authentication) {
  const found = await client.discovery(issuer, app.app_id, undefined, authentication);
  client.enableNonRepudiationChecks(found);
  return found;
}

const webApp = () => configured(web, client.ClientSecretBasic(secret));
const program = () => configured(desk, client.None());
const api = (app = middle, own = secret) => configured(app, client.ClientSecretPost(own));

/** What the browser brings back, and what it must be checked against. */
async function visit(found, browser, asked, redirect_uri = redirectUri) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()];
  const url = client.buildAuthorizationUrl(found, {
    redirect_uri, scope: asked, state: expectedState, nonce: expectedNonce,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: "S256",
  });
  const landing = await browser.through(url.href);
  return [new URL(landing.url), { pkceCodeVerifier, expectedState, expectedNonce }];
}

async function signIn(found, browser, asked, redirect) {
  return client.authorizationCodeGrant(found, ...(await visit(found, browser, asked, redirect)));
}

/** The AADSTS number of an answer to a client. */
const number = (error) => Number(/^AADSTS(\d+): /.exec(error.error_description)?.[1]);

test("code with PKCE, state, nonce and iss: userinfo tells who the user is", async () => {
  const found = await webApp();
  const tokens = await signIn(found, new Browser("openid"), identity);
  const told = await client.fetchUserInfo(found, tokens.access_token, tokens.claims().sub);
  assert.deepEqual([told.sub, told.preferred_username], [tokens.claims().sub, "openid@acme.test"]);
});

test("another state or verifier: refused, by the client or by the server with 501481", async () => {
  const found = await webApp();
  const [url, checks] = await visit(found, new Browser("openid"), identity);
  const state = client.authorizationCodeGrant(found, url, { ...checks, expectedState: "another" });
  assert.match((await refusal(state)).cause?.message ?? "", /state/);
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const error = await refusal(client.authorizationCodeGrant(found, url, { ...checks, pkceCodeVerifier }));
  assert.deepEqual([error.error, number(error)], ["invalid_grant", 501481]);
});

test("a user who cancels: access_denied", async () => {
  const found = await webApp();
  const error = await refusal(signIn(found, new Browser("openid", "cancel"), `${identity} ${access}`));
  assert.equal(error.error, "access_denied");
});

test("refresh: the same API, and the user again", async () => {
  const found = await webApp();
  const first = await signIn(found, new Browser("openid"), `${access} ${identity}`);
  assert.equal(claims(first.access_token).aud, middle.app_id);
  const second = await client.refreshTokenGrant(found, first.refresh_token);
  assert.deepEqual([claims(second.access_token).scp, second.claims().sub], ["Access", first.claims().sub]);
  const third = await client.refreshTokenGrant(found, second.refresh_token, { scope: "openid profile" });
  const told = await client.fetchUserInfo(found, third.access_token, first.claims().sub);
  assert.equal(told.preferred_username, "openid@acme.test");
});

test("userinfo for an API's token, a changed one and none: 401 invalid_token", async () => {
  const found = await webApp();
  const tokens = await signIn(found, new Browser("openid"), `${access} ${identity}`);
  for (const token of [tokens.access_token, `${tokens.access_token.slice(0, -4)}AAAA`, tokens.id_token]) {
    const error = await refusal(client.fetchUserInfo(found, token, tokens.claims().sub));
    assert.deepEqual([error.status, error.cause[0].parameters.error], [401, "invalid_token"]);
  }
});

test("introspection: told to the API that a token is for, and to nobody else", async () => {
  const tokens = await signIn(await webApp(), new Browser("openid"), `${access} ${identity}`);
  const told = await client.tokenIntrospection(await api(), tokens.access_token);
  assert.deepEqual(
    [told.active, told.scope, told.client_id, told.aud, told.username],
    [true, "Access", web.app_id, middle.app_id, "openid@acme.test"],
  );
  const { exp, iat, sub } = claims(tokens.access_token);
  assert.deepEqual([told.exp, told.iat, told.sub], [exp, iat, sub]);
  for (const [asking, token] of [
    [await webApp(), tokens.access_token], [await api(apis.v2), tokens.access_token],
    [await api(), tokens.refresh_token], [await api(), tokens.id_token], [await api(), "nonsense"],
  ]) {
    assert.deepEqual(await client.tokenIntrospection(asking, token), { active: false });
  }
  const own = await client.tokenIntrospection(await webApp(), tokens.refresh_token);
  assert.deepEqual([own.active, own.client_id], [true, web.app_id]);
  const wrong = await refusal(client.tokenIntrospection(await api(middle, "not-the-secret"), "x"));
  assert.deepEqual([wrong.status, wrong.error, number(wrong)], [401, "invalid_client", 7000215]);
});

test("revocation: the refresh token, the user's token and what stems from both are over", async () => {
  const found = await program();
  const tokens = await signIn(found, new Browser("openid"), `${access} ${identity}`, onDesk);
  const foreign = await refusal(client.tokenRevocation(await webApp(), tokens.refresh_token));
  assert.deepEqual([foreign.error, number(foreign)], ["invalid_grant", 70000]);
  const bearer = await refusal(client.tokenRevocation(found, tokens.access_token));
  assert.equal(bearer.error, "unsupported_token_type");
  assert.ok((await client.tokenIntrospection(await api(), tokens.access_token)).active);
  await client.tokenRevocation(found, tokens.refresh_token);
  await client.tokenRevocation(found, tokens.refresh_token);
  await client.tokenRevocation(found, "nonsense");
  const again = await refusal(client.refreshTokenGrant(found, tokens.refresh_token));
  assert.deepEqual([again.error, number(again)], ["invalid_grant", 50173]);
  assert.deepEqual(await client.tokenIntrospection(await api(), tokens.access_token), { active: false });
});

test("end_session_endpoint with an ID token: signed out without a question, and back", async () => {
  const [found, browser] = [await program(), new Browser("openid")];
  const tokens = await signIn(found, browser, `${access} ${identity}`, onDesk);
  const end = (id_token_hint) =>
    client.buildEndSessionUrl(found, { id_token_hint, post_logout_redirect_uri: onDesk, state: "s" }).href;
  const forged = `${tokens.id_token.slice(0, -4)}AAAA`;
  assert.equal((await browser.open(end(forged))).heading, "Sign out?");
  assert.equal((await browser.open(end(tokens.id_token))).url, `${onDesk}?state=s`);
  const silent = client.buildAuthorizationUrl(found, {
    redirect_uri: onDesk, scope: identity, prompt: "none", code_challenge: "A".repeat(43), code_challenge_method: "S256",
  });
  assert.equal((await browser.open(silent.href)).parameters.error, "login_required");
});

await run();
