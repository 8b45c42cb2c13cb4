// @azure/identity, unmodified: OnBehalfOfCredential with secret and certificate.
import assert from "node:assert/strict";
import { OnBehalfOfCredential } from "@azure/identity";
import {
  acme, apis, base, certificates, claims, middle, middleV1, refusal, requestsOf, run, secret, test,
} from "./harness.mjs";
import { access, program, signIn, userToken } from "./people.mjs";
import { Browser } from "./sign_in.mjs";

const read = `${apis.v2.uri}/Things.Read`;
const WRONG = "not-the-secret-of-this-application";
const known = new Map();

/** A token of a user who has consented to all there is. */
async function assertion(api = middle.uri) {
  if (!known.has(api)) known.set(api, (await signIn(program(), new Browser("identity"), [`${api}/.default`])).accessToken);
  return known.get(api);
}

const credential = (userAssertionToken, proof = { clientSecret: secret }) =>
  new OnBehalfOfCredential({
    tenantId: acme.domain, clientId: middle.app_id, userAssertionToken,
    authorityHost: base, disableInstanceDiscovery: true, ...proof,
  });
const certificate = (name) => ({ certificatePath: certificates[name].pem });

async function refused(own, name, code, scope = read) {
  const [error, requests] = await requestsOf(() => refusal(own.getToken(scope)));
  assert.match(error.message, new RegExp(`AADSTS${code}: `));
  assert.deepEqual([error.name, requests], [name, 1], error.message);
}

test("secret: a token for the next API, for the same user", async () => {
  const incoming = await assertion();
  const [{ token }, requests] = await requestsOf(() => credential(incoming).getToken(read));
  const found = claims(token);
  assert.deepEqual([found.aud, found.scp], [apis.v2.app_id, "Things.Read"]);
  assert.deepEqual([found.azp, found.azpacr, found.oid], [middle.app_id, "1", claims(incoming).oid]);
  assert.equal(requests, 1);
});

test("the second call is served from the client's cache", async () => {
  const own = credential(await assertion());
  const { token } = await own.getToken(read);
  const [second, requests] = await requestsOf(() => own.getToken(read));
  assert.deepEqual([second.token, requests], [token, 0]);
});

test("an API of v1.0 tokens", async () => {
  const { token } = await credential(await assertion()).getToken(`${apis.v1.uri}/.default`);
  assert.deepEqual([claims(token).ver, claims(token).appid], ["1.0", middle.app_id]);
});

test("certificate, alone and with its chain", async () => {
  for (const chain of [false, true]) {
    const own = credential(await assertion(), { ...certificate("valid"), sendCertificateChain: chain });
    assert.equal(claims((await own.getToken(read)).token).azpacr, "2");
  }
});

test("continuous access evaluation asked for", async () => {
  assert.ok((await credential(await assertion()).getToken(read, { enableCae: true })).token);
});

test("wrong secret, expired and unregistered certificate: 7000215, 1000502, 700027", async () => {
  const incoming = await assertion();
  const name = "AuthenticationRequiredError";
  await refused(credential(incoming, { clientSecret: WRONG }), name, 7000215);
  await refused(credential(incoming, certificate("expired")), name, 1000502);
  await refused(credential(incoming, certificate("unregistered")), name, 700027);
});

test("an assertion for another API 500131, none at all 50027", async () => {
  await refused(credential(await assertion(middleV1.uri)), "AuthenticationRequiredError", 500131);
  await refused(credential("no-token"), "AuthenticationRequiredError", 50027);
});

test("missing consent 65001, a second factor demanded 50076, unknown API 500011", async () => {
  const name = "AuthenticationRequiredError";
  await refused(credential(await userToken("identity-fresh", access)), name, 65001);
  await refused(credential(await assertion()), name, 50076, `${apis.mfa.uri}/Things.Read`);
  await refused(credential(await assertion()), name, 500011, "api://nowhere/.default");
});

await run();
