// A device without a browser: MSAL Node polls while the user types the code elsewhere.
import assert from "node:assert/strict";
import { base, claims, desk, middle, refusal, requestsOf, run, test } from "./harness.mjs";
import { access, program } from "./people.mjs";
import { Browser } from "./sign_in.mjs";

const USER = "node-device";

/** What the user does in a browser elsewhere; the last page. */
async function approve(uri, code, consent = "accept") {
  const browser = new Browser(USER, consent);
  const page = await browser.open(uri);
  assert.equal(page.heading, "Enter the code that your device shows");
  return browser.finish(await browser.submit(page, { user_code: code }));
}

/** Starts polling, and lets the user act once the device shows its code. */
async function onDevice(app, act) {
  let acted;
  const token = app.acquireTokenByDeviceCode({
    scopes: [access],
    deviceCodeCallback: (shown) => {
      acted = act(shown);
    },
  });
  const result = await token.catch((error) => error);
  return [result, await acted];
}

test("pending until the user has typed the code, confirmed and consented; then tokens", async () => {
  const app = program();
  const [result, page] = await onDevice(app, ({ verificationUri, userCode, message }) => {
    assert.equal(verificationUri, `${base}/devicelogin`);
    assert.ok(message.includes(userCode) && message.includes(verificationUri), message);
    return approve(verificationUri, userCode);
  });
  assert.equal(page.heading, "You are signed in to interop-desk on your device");
  const found = claims(result.accessToken);
  assert.deepEqual([found.aud, found.scp, found.azp], [middle.app_id, "Access", desk.app_id]);
  assert.deepEqual([result.account.username, result.fromCache], [`${USER}@acme.test`, false]);
  const silent = () => app.acquireTokenSilent({ account: result.account, scopes: [access] });
  const [again, requests] = await requestsOf(silent);
  assert.deepEqual([again.accessToken, requests], [result.accessToken, 0]);
  assert.equal((await app.acquireTokenSilent({ account: result.account, scopes: [access], forceRefresh: true })).fromCache, false);
});

test("a user who cancels: the client stops polling with authorization_declined", async () => {
  const [error, page] = await onDevice(program(), ({ verificationUri, userCode }) =>
    approve(verificationUri, userCode, "cancel"));
  assert.equal(page.heading, "The device was not signed in");
  assert.deepEqual([error.errorCode, error.errorMessage], ["post_request_failed", "authorization_declined"]);
});

test("a program that gives up: device_code_polling_cancelled, and nothing was issued", async () => {
  const request = { scopes: [access], deviceCodeCallback: () => { request.cancel = true; } };
  const error = await refusal(program().acquireTokenByDeviceCode(request));
  assert.equal(error.errorCode, "device_code_polling_cancelled");
});

await run();
