// What the suites about users share: sign-ins with MSAL Node, and tokens for the middle tier.
import assert from "node:assert/strict";
import { ConfidentialClientApplication, CryptoProvider, PublicClientApplication } from "@azure/msal-node";
import { acme, base, certificates, desk, host, middle, read, refusal, requestsOf, secret } from "./harness.mjs";
import { Browser } from "./sign_in.mjs";

export const redirectUri = "http://localhost:49152";
export const access = `${middle.uri}/Access`;
const pointed = { authority: `${base}/${acme.domain}`, knownAuthorities: [host] };

/** The program on the user's machine; each has a cache of its own. */
export const program = () =>
  new PublicClientApplication({ auth: { clientId: desk.app_id, ...pointed } });

/** A web application or an API; each has a cache of its own. */
export const confidential = (app, credential = { clientSecret: secret }) =>
  new ConfidentialClientApplication({ auth: { clientId: app.app_id, ...pointed, ...credential } });

/** The registered certificate as MSAL takes it. */
export const certificate = () => ({
  clientCertificate: {
    privateKey: read(certificates.valid.key), thumbprintSha256: certificates.valid.sha256, x5c: read(certificates.valid.crt),
  },
});

/** What MSAL asks for, what it redeems, and what the browser brings back. */
export async function visit(app, browser, scopes, options = {}) {
  const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
  const request = { scopes, redirectUri, nonce: "n-1", ...options };
  const url = await app.getAuthCodeUrl({
    ...request, state: "s-1", codeChallenge: challenge, codeChallengeMethod: "S256",
  });
  const landing = await browser.through(url);
  const { code, client_info: clientInfo } = landing.parameters;
  return { url, landing, redemption: { ...request, code, clientInfo, codeVerifier: verifier } };
}

/** A whole sign-in: authorization code with PKCE. */
export async function signIn(app, browser, scopes, options = {}) {
  const { redemption } = await visit(app, browser, scopes, options);
  return app.acquireTokenByCode(redemption);
}

/** An access token of a user for a middle tier, by the program on his machine. */
export async function userToken(user, scope) {
  return (await signIn(program(), new Browser(user), [scope])).accessToken;
}

/** Fails unless the client raises exactly this, after so many requests. */
export async function refused(call, expected, requests = 1) {
  const [error, made] = await requestsOf(() => refusal(call()));
  const [, code] = /AADSTS(\d+): /.exec(error.message) ?? [];
  const found = [error.constructor.name, error.errorCode, Number(code), error.subError || null];
  assert.deepEqual(found, expected, error.message);
  assert.equal(made, requests, "token requests");
  return error;
}
