// 429 with Retry-After: MSAL Node tells its caller and backs off.
import assert from "node:assert/strict";
import { ConfidentialClientApplication } from "@azure/msal-node";
import { acme, apis, base, host, refusal, run, scope, test } from "./harness.mjs";

const wrong = { client_id: apis.closed.app_id, client_secret: "not-the-secret-of-this-application" };

/** Presents wrong secrets until the server has had enough. */
async function provoke() {
  for (let tries = 0; tries < 400; tries += 1) {
    const answer = await fetch(`${base}/${acme.domain}/oauth2/v2.0/token`, {
      method: "POST",
      body: new URLSearchParams({ grant_type: "client_credentials", scope, ...wrong }),
    });
    await answer.arrayBuffer();
    if (answer.status === 429) return;
  }
  assert.fail("no 429 after 400 wrong secrets");
}

const trace = (error) => error.message.match(/Trace ID: ([0-9a-f-]{36})/)[1];

test("MSAL Node reports the 429 and asks nobody before Retry-After is over", async () => {
  const app = new ConfidentialClientApplication({
    auth: {
      clientId: wrong.client_id,
      clientSecret: wrong.client_secret,
      authority: `${base}/${acme.domain}`,
      knownAuthorities: [host],
    },
  });
  await provoke();
  const first = await refusal(app.acquireTokenByClientCredential({ scopes: [scope] }));
  const second = await refusal(app.acquireTokenByClientCredential({ scopes: [scope] }));
  assert.match(`${first.errorCode} ${first.message}`, /temporarily_unavailable/);
  assert.match(first.message, /AADSTS90055: /);
  // A request of its own would have a trace of its own.
  assert.equal(trace(second), trace(first));
});

await run();
