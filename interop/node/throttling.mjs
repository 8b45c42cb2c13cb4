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

/** Asks through MSAL until its own request is the one that is held back. */
async function heldBack(ask) {
  // The bucket refills while MSAL works: on a slow machine its request may find room again. The
  // first one pays for reading the authority's metadata.
  for (let tries = 0; tries < 20; tries += 1) {
    const started = performance.now();
    const error = await refusal(ask());
    if (error.errorCode === "temporarily_unavailable") return { error, started };
    assert.equal(error.errorCode, "invalid_client", error.message);
    await provoke();
  }
  assert.fail("MSAL's own request was never held back");
}

test("MSAL Node reports the 429 and asks nobody before Retry-After is over", async () => {
  const app = new ConfidentialClientApplication({
    auth: {
      clientId: wrong.client_id,
      clientSecret: wrong.client_secret,
      authority: `${base}/${acme.domain}`,
      knownAuthorities: [host],
    },
  });
  const ask = () => app.acquireTokenByClientCredential({ scopes: [scope] });
  for (let tries = 0; tries < 20; tries += 1) {
    const { error: first, started } = await heldBack(ask);
    assert.match(first.message, /AADSTS90055: /);
    const second = await refusal(ask());
    // A request of its own would have a trace of its own.
    if (trace(second) === trace(first)) return;
    // Retry-After is a second at least: asked again within it, MSAL did not back off.
    assert.ok(performance.now() - started > 1000, "asked again before Retry-After was over");
  }
  assert.fail("this machine took more than Retry-After for two calls, 20 times");
});

await run();
