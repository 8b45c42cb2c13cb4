// @azure/identity, unmodified: secret and certificate, its cache, refusals.
import assert from "node:assert/strict";
import { ClientCertificateCredential, ClientSecretCredential } from "@azure/identity";
import {
  acme, base, certificates, claims, daemon, refusal, run, scope, test, tokenRequests,
} from "./harness.mjs";

const pointed = { authorityHost: base, disableInstanceDiscovery: true };
const secret = (value = daemon.secret, tenant = acme.domain) =>
  new ClientSecretCredential(tenant, daemon.app_id, value, pointed);
const certificate = (name, options = {}) =>
  new ClientCertificateCredential(
    acme.id, daemon.app_id, { certificatePath: certificates[name].pem }, { ...pointed, ...options },
  );

async function refused(credential, code) {
  const error = await refusal(credential.getToken(scope));
  assert.match(error.message, new RegExp(`AADSTS${code}: `));
}

test("secret, with the tenant's domain and with its id", async () => {
  for (const tenant of [acme.domain, acme.id]) {
    const { token } = await secret(daemon.secret, tenant).getToken(scope);
    assert.deepEqual(claims(token).roles, ["Things.Read.All"]);
  }
});

test("certificate", async () => {
  assert.equal(claims((await certificate("valid").getToken(scope)).token).azpacr, "2");
});

test("certificate with its chain in the assertion", () =>
  certificate("valid", { sendCertificateChain: true }).getToken(scope));

test("continuous access evaluation asked for", () => secret().getToken(scope, { enableCae: true }));

test("the second call is served from the client's cache", async () => {
  const credential = secret();
  const before = await tokenRequests();
  const first = await credential.getToken(scope);
  const second = await credential.getToken(scope);
  assert.equal(second.token, first.token);
  assert.equal((await tokenRequests()) - before, 1);
});

test("wrong secret: 7000215", () => refused(secret("not-the-secret-of-this-application"), 7000215));

test("expired certificate: 1000502", () => refused(certificate("expired"), 1000502));

await run();
