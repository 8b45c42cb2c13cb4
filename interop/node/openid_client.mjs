// openid-client, unmodified: client_secret_basic and _post, and private_key_jwt with aud = issuer.
import assert from "node:assert/strict";
import { createPrivateKey, webcrypto } from "node:crypto";
import * as client from "openid-client";
import { acme, apis, base, certificates, claims, daemon, read, refusal, run, scope, test } from "./harness.mjs";

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

await run();
