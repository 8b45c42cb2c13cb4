// A user with a browser without screen and script: it keeps cookies, follows redirects of the server, and
// sends the forms that it finds in the pages.
import assert from "node:assert/strict";
import { base, ready, world } from "./harness.mjs";

const MOST_REDIRECTS = 10;
const MOST_PAGES = 10;

const text = (html) =>
  html
    .replace(/&(lt|#60);/g, "<").replace(/&(gt|#62);/g, ">").replace(/&(quot|#34);/g, '"')
    .replace(/&#39;/g, "'").replace(/&(amp|#38);/g, "&");

/** The attributes of a tag. */
function attributes(tag) {
  const found = [...tag.matchAll(/([a-z-]+)="([^"]*)"/g)];
  return Object.fromEntries(found.map(([, name, value]) => [name, text(value)]));
}

/** A page of the server; `problem` is what it says went wrong. */
class Page {
  constructor(url, status, html) {
    Object.assign(this, { url, status, html });
    this.heading = text(/<h1>(.*?)<\/h1>/s.exec(html)?.[1] ?? "").trim();
    this.problem = text(/id="problem"[^>]*>(.*?)</s.exec(html)?.[1] ?? "").trim();
    const form = /<form [^>]*>/.exec(html)?.[0];
    this.action = form && new URL(attributes(form).action, url).href;
    const inputs = [...html.matchAll(/<input [^>]*>/g)].map(([tag]) => attributes(tag));
    this.hidden = inputs.filter((input) => input.type === "hidden");
    this.inputs = inputs.filter((input) => input.type !== "hidden").map((input) => input.name);
    this.buttons = [...html.matchAll(/(<button [^>]*>)([^<]*)/g)].map(([, tag, label]) => ({
      ...attributes(tag), label: text(label),
    }));
  }

  offers(name, value) {
    return this.buttons.some((button) => button.name === name && button.value === value);
  }

  toString() {
    return `${this.status} ${this.url}: ${this.heading} ${this.problem}`;
  }
}

/** What the browser takes to the application: in the address, or in a form (`form_post`). */
class Landing {
  constructor(url, parameters, byForm) {
    Object.assign(this, { url, parameters, byForm });
  }

  deliver() {
    if (!this.byForm) return fetch(this.url);
    return fetch(this.url, { method: "POST", body: new URLSearchParams(this.parameters) });
  }
}

/** A browser of one user, who accepts or cancels (`consent`) what he is asked for. */
export class Browser {
  #cookies = new Map();

  constructor(user, consent = "accept") {
    const { name, password } = world.users[user] ?? ready.users[user];
    Object.assign(this, { name, password, consent, seen: [] });
  }

  /** Opens an address and follows where it leads. */
  async open(url) {
    return this.#follow(await this.#send(url));
  }

  /** Sends the page's form with these fields in addition, and follows. */
  async submit(page, fields) {
    const body = new URLSearchParams(page.hidden.map(({ name, value }) => [name, value ?? ""]));
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
    return this.#follow(await this.#send(page.action, { method: "POST", body, headers: { origin: base } }));
  }

  /** Goes all the way: signs in and answers what is asked, until the browser is sent away. */
  async through(url) {
    const seen = await this.finish(await this.open(url));
    assert.ok(seen instanceof Landing, `stopped on a page: ${seen}`);
    return seen;
  }

  /** Answers what is asked, until there is nothing to answer. */
  async finish(seen) {
    for (let count = 0; count < MOST_PAGES; count += 1) {
      if (seen instanceof Landing || seen.problem || !seen.action) return seen;
      this.seen.push(seen.heading);
      seen = await this.submit(seen, this.#answer(seen));
    }
    assert.fail(`pages without end: ${this.seen}`);
  }

  #answer(page) {
    if (page.inputs.includes("username")) {
      return { username: this.name, password: this.password, do: "sign-in" };
    }
    const accounts = page.buttons.filter((button) => button.name === "account");
    if (accounts.length) {
      const own = accounts.find((button) => button.label.startsWith(this.name));
      return { account: own?.value ?? "other" };
    }
    const pressed = [this.consent, "continue", "sign-out"].find((value) => page.offers("do", value));
    assert.ok(pressed, `nothing to press: ${page}`);
    return { do: pressed };
  }

  async #send(url, options = {}) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = { ...options.headers, ...(cookie && { cookie }) };
    const answer = await fetch(url, { ...options, headers, redirect: "manual" });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (/max-age=0/i.test(line)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return { url, answer };
  }

  async #follow(sent) {
    let { url, answer } = sent;
    for (let count = 0; count < MOST_REDIRECTS; count += 1) {
      const location = answer.headers.get("location");
      if (!location) return this.#arrived(url, answer);
      const next = new URL(location, url);
      if (next.origin !== new URL(base).origin) {
        const parameters = new URLSearchParams(next.search || next.hash.slice(1));
        return new Landing(next.href, Object.fromEntries(parameters), false);
      }
      ({ url, answer } = await this.#send(next.href));
    }
    assert.fail(`redirects without end: ${url}`);
  }

  async #arrived(url, answer) {
    const page = new Page(url, answer.status, await answer.text());
    if (page.action && new URL(page.action).origin !== new URL(base).origin) {
      const parameters = page.hidden.map(({ name, value }) => [name, value ?? ""]);
      return new Landing(page.action, Object.fromEntries(parameters), true);
    }
    return page;
  }
}
