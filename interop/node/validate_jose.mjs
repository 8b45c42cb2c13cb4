// jose validates both token formats from nothing but the metadata.
import assert from "node:assert/strict";
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { acme, apis, daemon, getJson, refusal, run, test, token } from "./harness.mjs";

const formats = {
  v1: { document: ".well-known/openid-configuration", audience: apis.v1.uri, app: "appid" },
  v2: { document: "v2.0/.well-known/openid-configuration", audience: apis.v2.app_id, app: "azp" },
};

async function verify(raw, version, changed = {}) {
  const { document, audience } = formats[version];
  const metadata = await getJson(`${acme.id}/${document}`);
  const keys = createRemoteJWKSet(new URL(metadata.jwks_uri));
  const expected = { issuer: metadata.issuer, audience, algorithms: ["RS256"], ...changed };
  return jwtVerify(raw, keys, expected);
}

for (const [version, { app }] of Object.entries(formats)) {
  for (const path of ["oauth2/token", "oauth2/v2.0/token"]) {
    test(`a ${version}.0 token from ${path} is valid`, async () => {
      const { payload } = await verify(await token(apis[version], path), version);
      assert.deepEqual([payload.ver, payload[app]], [`${version[1]}.0`, daemon.app_id]);
      assert.deepEqual(payload.roles, ["Things.Read.All"]);
    });
  }
}

test("the keys of both documents are the same, with use sig and unique ids", async () => {
  const sets = await Promise.all(
    ["discovery/keys", "discovery/v2.0/keys"].map((path) => getJson(`${acme.id}/${path}`)),
  );
  const ids = sets.map(({ keys }) => keys.map(({ kid }) => kid));
  assert.deepEqual(ids[0], ids[1]);
  assert.equal(new Set(ids[0]).size, ids[0].length);
  assert.ok(sets[1].keys.every(({ use }) => use === "sig"));
});

test("the header names the key and nothing else that could be trusted", async () => {
  const header = decodeProtectedHeader(await token(apis.v2));
  assert.equal(header.alg, "RS256");
  assert.equal(header.typ, "JWT");
  assert.ok(!("jku" in header || "jwk" in header || "x5u" in header || "x5c" in header));
});

test("another audience is refused", async () => {
  const error = await refusal(verify(await token(apis.v2), "v2", { audience: apis.v1.app_id }));
  assert.equal(error.code, "ERR_JWT_CLAIM_VALIDATION_FAILED");
});

test("a changed claim breaks the signature", async () => {
  const [header, payload, signature] = (await token(apis.v2)).split(".");
  const changed = { ...JSON.parse(Buffer.from(payload, "base64url")), roles: ["Things.Write.All"] };
  const forged = Buffer.from(JSON.stringify(changed)).toString("base64url");
  const error = await refusal(verify(`${header}.${forged}.${signature}`, "v2"));
  assert.equal(error.code, "ERR_JWS_SIGNATURE_VERIFICATION_FAILED");
});

await run();
