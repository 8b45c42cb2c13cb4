// Cases, the world they run in, and the few requests that no client makes for them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

export const world = JSON.parse(readFileSync(process.env.INTEROP_WORLD, "utf8"));
export const { ready } = world;
export const base = ready.base_url.replace(/\/$/, "");
export const host = new URL(base).host;
export const acme = ready.tenants.acme;
export const { daemon, certificates, apis } = world;
// Users sign in to the first two, which call the next two, which call the APIs above for them.
export const { desk, web, middle, middle_v1: middleV1, secret } = world;
export const scope = `${apis.v2.uri}/.default`;

const cases = [];

/** Registers an asynchronous function as a case; it passes unless it throws. */
export function test(name, body) {
  cases.push({ name, body });
}

/** Runs every case in order, a line each, and exits. */
export async function run() {
  let failed = 0;
  for (const { name, body } of cases) {
    try {
      await body();
      console.log(`ok ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`not ok ${name}: ${String(error?.message ?? error).split("\n")[0]}`);
      console.error(error);
    }
  }
  process.exit(failed ? 1 : 0);
}

/** The claims of a token, unverified. */
export function claims(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
}

/** How many token requests the server has counted. */
export async function tokenRequests() {
  const answer = await fetch(`${ready.management_url.replace(/\/$/, "")}/metrics`);
  const lines = (await answer.text()).split("\n");
  const counted = lines.filter((line) => line.startsWith("behalf_token_requests_total"));
  return counted.reduce((sum, line) => sum + Number(line.trim().split(" ").at(-1)), 0);
}

/** What `call` resolves to, and how many token requests it took. */
export async function requestsOf(call) {
  const before = await tokenRequests();
  const result = await call();
  return [result, (await tokenRequests()) - before];
}

/** What the command line says about the running server. */
export function behalf(...words) {
  const env = { ...process.env, BEHALF_DEV_DIR: world.dev_dir };
  return execFileSync(`${world.bin_dir}/behalf`, words, { env, encoding: "utf8", timeout: 60_000 });
}

export function read(file) {
  return readFileSync(file, "utf8");
}

/** Fails unless the promise is refused; returns the error. */
export async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  assert.fail("granted, expected a refusal");
}

export async function getJson(path) {
  const answer = await fetch(`${base}/${path}`);
  assert.equal(answer.status, 200, path);
  return answer.json();
}

/** A token got without any library. */
export async function token(api, path = "oauth2/v2.0/token") {
  const answer = await fetch(`${base}/${acme.domain}/${path}`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "client_credentials",
      client_id: daemon.app_id,
      client_secret: daemon.secret,
      scope: `${api.uri}/.default`,
    }),
  });
  const body = await answer.json();
  assert.equal(answer.status, 200, body.error_description);
  return body.access_token;
}
