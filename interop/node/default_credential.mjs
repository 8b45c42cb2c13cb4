// DefaultAzureCredential by environment alone: AZURE_TENANT_ID=adfs, no line of code changed.
import assert from "node:assert/strict";
import { DefaultAzureCredential } from "@azure/identity";
import { base, certificates, claims, daemon, run, scope, test } from "./harness.mjs";

const credentials = {
  AZURE_CLIENT_SECRET: daemon.secret,
  AZURE_CLIENT_CERTIFICATE_PATH: certificates.valid.pem,
};

async function token(variable) {
  for (const name of Object.keys(credentials)) delete process.env[name];
  process.env.AZURE_AUTHORITY_HOST = base;
  process.env.AZURE_TENANT_ID = "adfs";
  process.env.AZURE_CLIENT_ID = daemon.app_id;
  process.env[variable] = credentials[variable];
  return (await new DefaultAzureCredential().getToken(scope)).token;
}

test("new DefaultAzureCredential() with a secret", async () => {
  const found = claims(await token("AZURE_CLIENT_SECRET"));
  assert.deepEqual([found.azpacr, found.roles], ["1", ["Things.Read.All"]]);
});

test("new DefaultAzureCredential() with a certificate", async () => {
  const found = claims(await token("AZURE_CLIENT_CERTIFICATE_PATH"));
  assert.deepEqual([found.azpacr, found.roles], ["2", ["Things.Read.All"]]);
});

await run();
