// What a case gets: an instance, an application, and browsers of people.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { Visitor } from "./visitor.mjs";

// RFC 7636 appendix B.
const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const PATHS = { "desk-app": "/", "trend-report": "/", "time-sheets": "/time" };

/** `api://ledger` and the other names of the dev world. */
export const ORDERS = "openid profile offline_access api://orders/Orders.Read";

export class World {
  constructor(parts) {
    Object.assign(this, parts);
    this.visitors = [];
  }

  get people() {
    return this.instance.people;
  }

  /** Somebody with a browser of his own, or another window of one. */
  async visitor(context) {
    const visitor = await Visitor.enter(this, context);
    this.visitors.push(visitor);
    return visitor;
  }

  /** After a case: nobody's browser may have complained. */
  async everybodyLeaves() {
    for (const visitor of this.visitors) await visitor.leave();
    this.visitors = [];
    const told = this.application.requests.map(({ headers }) => headers.referer ?? "");
    const pages = told.filter((from) => from.startsWith(`${this.instance.base}/`) && from !== `${this.instance.base}/`);
    assert.deepEqual(pages, [], "the application learns no page's address");
  }

  /** After a case that failed: what its people saw last is kept. */
  async giveUp(name) {
    for (const [number, visitor] of this.visitors.splice(0).entries()) {
      const file = `failed ${name} ${number}.png`.replace(/[^\w.]+/g, "-");
      console.error(await visitor.trace());
      await visitor.page.screenshot({ path: join(this.screenshots, file), fullPage: true }).catch(() => {});
      await visitor.context.close().catch(() => {});
    }
  }

  /** An authorization request of `client`, with fields changed or added. */
  asks(client, changes = {}) {
    const state = randomUUID();
    const redirect = `${this.application.origin}${PATHS[client] ?? `/${client}`}`;
    const fields = {
      client_id: this.instance.apps[client],
      response_type: "code",
      redirect_uri: redirect,
      scope: ORDERS,
      state,
      nonce: "n",
      code_challenge: CHALLENGE,
      code_challenge_method: "S256",
      ...changes,
    };
    const path = `${this.instance.base}/acme.test/oauth2/v2.0/authorize`;
    return { url: `${path}?${new URLSearchParams(fields)}`, path, fields, state, redirect };
  }

  /** What the application gets for a code: the token answer with its claims. */
  async redeem(ask, landing) {
    assert.equal(landing.state, ask.state);
    assert.ok(landing.code, JSON.stringify(landing));
    const answer = await this.instance.post("/acme.test/oauth2/v2.0/token", {
      grant_type: "authorization_code",
      client_id: ask.fields.client_id,
      redirect_uri: ask.redirect,
      code: landing.code,
      code_verifier: VERIFIER,
    });
    assert.ok(answer.access_token, answer.error_description);
    const claims = JSON.parse(Buffer.from(answer.access_token.split(".")[1], "base64url").toString());
    const user = JSON.parse(Buffer.from(answer.id_token.split(".")[1], "base64url").toString()).preferred_username;
    return { ...answer, claims, user };
  }

  /** Opens the request, signs `person` in, accepts what is asked for, and is back at the application. */
  async wholeWay(visitor, ask, person) {
    await visitor.open(ask.url);
    await visitor.signIn(person);
    if (!visitor.page.url().startsWith(this.application.origin)) await visitor.choose("accept");
    return visitor.landed();
  }
}

/** A case. */
export function test(name, body) {
  return { name, body };
}
