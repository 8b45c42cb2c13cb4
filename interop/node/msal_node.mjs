// MSAL Node, unmodified: secret, certificate, refusals, its cache.
import assert from "node:assert/strict";
import { ConfidentialClientApplication } from "@azure/msal-node";
import {
  acme, apis, base, certificates, claims, daemon, host, read, refusal, run, scope, test, tokenRequests,
} from "./harness.mjs";

function application(credential, options = {}) {
  return new ConfidentialClientApplication({
    auth: {
      clientId: daemon.app_id,
      authority: `${base}/${acme.domain}`,
      knownAuthorities: [host],
      ...credential,
      ...options,
    },
  });
}

const secret = { clientSecret: daemon.secret };

function certificate(name, thumbprint) {
  const files = certificates[name];
  return { clientCertificate: { privateKey: read(files.key), ...thumbprint(files) } };
}

const sha256 = (files) => ({ thumbprintSha256: files.sha256 });
const sha1 = (files) => ({ thumbprint: files.sha1 });
const chain = (files) => ({ thumbprintSha256: files.sha256, x5c: read(files.crt) });

const ask = (app, ...scopes) =>
  app.acquireTokenByClientCredential({ scopes: scopes.length ? scopes : [scope] });

async function granted(app, ...scopes) {
  const result = await ask(app, ...scopes);
  assert.equal(result.tokenType, "Bearer");
  return claims(result.accessToken);
}

async function refused(app, error, code, ...scopes) {
  const found = await refusal(ask(app, ...scopes));
  assert.equal(found.errorCode, error);
  assert.match(found.message, new RegExp(`AADSTS${code}: `));
  assert.equal(found.constructor.name, "ServerError");
}

test("secret", async () => {
  const found = await granted(application(secret));
  assert.deepEqual([found.azp, found.azpacr], [daemon.app_id, "1"]);
  assert.deepEqual(found.roles, ["Things.Read.All"]);
});

test("secret, tenant by id", () => granted(application(secret, { authority: `${base}/${acme.id}` })));

test("secret, as a plain OpenID provider", async () => {
  const app = new ConfidentialClientApplication({
    auth: { clientId: daemon.app_id, authority: `${base}/${acme.id}/v2.0`, knownAuthorities: [host], ...secret },
    system: { protocolMode: "OIDC" },
  });
  await granted(app);
});

test("certificate: PS256 with x5t#S256", async () => {
  assert.equal((await granted(application(certificate("valid", sha256)))).azpacr, "2");
});

test("certificate: PS256 with x5t#S256 and x5c", () => granted(application(certificate("valid", chain))));

test("certificate: RS256 with x5t", () => granted(application(certificate("valid", sha1))));

test("a resource that asks for v1.0 tokens gets one", async () => {
  const found = await granted(application(secret), `${apis.v1.uri}/.default`);
  assert.deepEqual([found.ver, found.appid], ["1.0", daemon.app_id]);
});

test("client capabilities (a claims parameter) are accepted", () =>
  granted(application(secret, { clientCapabilities: ["CP1"] })));

test("the second call is served from the client's cache", async () => {
  const app = application(secret);
  const before = await tokenRequests();
  const first = await ask(app);
  const second = await ask(app);
  assert.deepEqual([first.fromCache, second.fromCache], [false, true]);
  assert.equal(second.accessToken, first.accessToken);
  assert.equal((await tokenRequests()) - before, 1);
});

test("wrong secret: invalid_client 7000215, 401", async () => {
  const app = application({ clientSecret: "not-the-secret-of-this-application" });
  await refused(app, "invalid_client", 7000215);
  const found = await refusal(ask(app));
  assert.equal(found.status, 401);
  assert.equal(String(found.errorNo), "7000215");
});

test("expired secret: invalid_client 7000222", () =>
  refused(application({ clientSecret: daemon.expired_secret }), "invalid_client", 7000222));

test("expired certificate: invalid_client 1000502", () =>
  refused(application(certificate("expired", sha256)), "invalid_client", 1000502));

test("unregistered certificate: invalid_client 700027", () =>
  refused(application(certificate("unregistered", sha256)), "invalid_client", 700027));

test("unknown resource: invalid_resource 500011", () =>
  refused(application(secret), "invalid_resource", 500011, "api://nowhere/.default"));

test("a resource that requires an assignment: invalid_grant 501051, no interaction asked for", () =>
  refused(application(secret), "invalid_grant", 501051, `${apis.closed.uri}/.default`));

test("unknown tenant: endpoints cannot be resolved", async () => {
  const app = application(secret, { authority: `${base}/nowhere.test` });
  assert.equal((await refusal(ask(app))).errorCode, "endpoints_resolution_error");
});

await run();
