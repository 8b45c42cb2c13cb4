// Somebody with a browser of his own: cookies, one window, and a watch over what the browser says.
import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { audit, focused } from "./audit.mjs";

const LAYOUTS = [320, 900].flatMap((width) => ["light", "dark"].map((scheme) => ({ width, scheme })));
/** What a browser says of a page that answers with an error status, which is no fault of the page. */
const OF_THE_STATUS = /^Failed to load resource: the server responded with a status of 4/;

export class Visitor {
  static async enter(world, context) {
    const visitor = new Visitor();
    visitor.world = world;
    visitor.context = context ?? (await world.browser.createBrowserContext());
    const page = (visitor.page = await visitor.context.newPage());
    page.setDefaultTimeout(30_000);
    await page.setViewport({ width: 900, height: 700 });
    await page.setJavaScriptEnabled(world.script);
    visitor.client = await page.createCDPSession();
    await visitor.client.send("Emulation.setFocusEmulationEnabled", { enabled: true });
    visitor.#watch();
    await visitor.client.send("Audits.enable");
    return visitor;
  }

  constructor() {
    this.complaints = [];
    this.expected = [];
  }

  #watch() {
    const { page, world } = this;
    const own = (url) => url.startsWith(`${world.instance.base}/`);
    page.on("console", (message) => {
      if (["error", "warn", "warning"].includes(message.type()) && !OF_THE_STATUS.test(message.text())) {
        this.complaints.push(`console: ${message.text()}`);
      }
    });
    page.on("pageerror", (error) => this.complaints.push(`script: ${error.message}`));
    page.on("request", (request) => {
      const { origin, protocol } = new URL(request.url());
      const known = [new URL(world.instance.base).origin, world.application.origin, world.application.elsewhere];
      if (protocol !== "chrome-error:" && !known.includes(origin)) this.complaints.push(`request to ${request.url()}`);
      if (own(request.url()) && request.resourceType() !== "document") this.complaints.push(`loads ${request.url()}`);
    });
    page.on("response", (response) => {
      if (own(response.url()) && !response.url().includes("/error")) this.#closed(response);
    });
    this.client.on("Audits.issueAdded", ({ issue: { code, details } }) => {
      // The application shares the host, and gets none of the cookies: that is as it should be.
      const kept = details.cookieIssueDetails;
      if (!kept || own(kept.cookieUrl)) this.complaints.push(`issue: ${code} ${JSON.stringify(details)}`);
    });
  }

  /** Every answer to a browser: kept nowhere, framed nowhere, told to nobody. */
  #closed(response) {
    const headers = response.headers();
    const policy = headers["content-security-policy"] ?? "";
    const expected = {
      "cache-control": "no-store",
      "x-frame-options": "DENY",
      // A form that sends itself to the application says from where.
      "referrer-policy": policy.includes("script-src") ? "origin" : "same-origin",
      "x-content-type-options": "nosniff",
    };
    for (const [name, value] of Object.entries(expected)) {
      if (headers[name] !== value) this.complaints.push(`${name} of ${response.url()}: ${headers[name]}`);
    }
    const page = response.status() < 300 || response.status() >= 400;
    if (page && !(policy.startsWith("default-src 'none'; ") && policy.includes("frame-ancestors 'none'") && !policy.includes("unsafe"))) {
      this.complaints.push(`policy of ${response.url()}: ${policy}`);
    }
  }

  /** Takes what the browser says of something hostile for good. */
  expects(pattern) {
    this.expected.push(pattern);
  }

  /** Closes the window; fails when the browser complained of anything. */
  async leave() {
    const others = this.complaints.filter((complaint) => !this.expected.some((pattern) => pattern.test(complaint)));
    assert.deepEqual(others, [], "what the browser complains of");
    if (!this.context.closed) await this.context.close();
  }

  /** Where he is, and what his browser said: for a case that failed. */
  async trace() {
    const heading = await this.heading().catch(() => "nothing");
    return [`at ${this.page.url().slice(0, 120)}: ${heading}`, ...this.complaints.map((text) => text.slice(0, 300))].join("\n  ");
  }

  async open(url) {
    const response = await this.page.goto(url);
    this.status = response?.status();
    return this;
  }

  /** Clicks what leads to another page, the first that shows `text`, and is there. */
  async press(selector, text = "") {
    for (const element of await this.page.$$(selector)) {
      if (!(await element.evaluate((found) => found.textContent)).includes(text)) continue;
      const [response] = await Promise.all([this.page.waitForNavigation(), element.click()]);
      this.status = response?.status();
      return;
    }
    assert.fail(`no ${selector} ${text} on "${await this.heading()}"`);
  }

  /** Presses the button that sends this value. */
  async choose(value) {
    await this.press(`button[value="${value}"]`);
  }

  async type(selector, text) {
    await this.page.$eval(selector, (field) => {
      field.value = "";
      field.focus();
    });
    await this.page.keyboard.sendCharacter(text);
  }

  async signIn({ name, password }) {
    assert.match(await this.heading(), /^Sign in to /);
    await this.type("#username", name);
    await this.type("#password", password);
    await this.choose("sign-in");
  }

  heading() {
    return this.page.$eval("h1", (heading) => heading.textContent.trim());
  }

  /** What is to be read on the page. */
  text() {
    return this.page.$eval("body", (body) => body.innerText);
  }

  async shows(...texts) {
    const all = (await this.text()).replace(/\s+/g, " ");
    for (const text of texts) assert.ok(all.includes(text), `expected "${text}" on the page: ${all}`);
  }

  /** What the application's address carries after `?` or `#`; fails while still on a page of behalf's. */
  async landed() {
    const url = this.page.url();
    const { origin, elsewhere } = this.world.application;
    if (!url.startsWith(origin) && !url.startsWith(elsewhere)) {
      assert.fail(`still on "${await this.heading()}": ${(await this.text()).replace(/\s+/g, " ")}`);
    }
    return Object.fromEntries(new URLSearchParams(url.split(/[?#]/, 2)[1] ?? ""));
  }

  /** `error`, and the number of its row. */
  async refused() {
    const { error, error_description: text = "" } = await this.landed();
    return [error, Number(/^AADSTS(\d+)/.exec(text)?.[1])];
  }

  /** Looks at the page in every layout and keeps a picture of each. */
  async portrait(name, { withoutScript = false } = {}) {
    if (this.world.script === withoutScript) return;
    const problems = [];
    await this.page.bringToFront(); // A window behind another one draws nothing.
    for (const { width, scheme } of LAYOUTS) {
      await this.page.setViewport({ width, height: 700 });
      await this.page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      const found = await this.page.evaluate(audit);
      problems.push(...found.map((problem) => `${width} ${scheme}: ${problem}`));
      const path = join(this.world.screenshots, `${name}-${width}-${scheme}.png`);
      await this.page.screenshot({ path, fullPage: true, optimizeForSpeed: true });
    }
    problems.push(...(await this.#stops()));
    assert.deepEqual(problems, [], `the page ${name}`);
  }

  /** Goes through the page with the Tab key: everything is reached, and shows it. */
  async #stops() {
    const all = "a[href], button, input:not([type=hidden]), textarea, summary";
    const expected = await this.page.$$eval(all, (found) => found.filter((e) => e.getClientRects().length).length);
    const reached = new Map();
    for (let press = 0; press < 2 * expected + 2 && reached.size < expected; press += 1) {
      await this.page.keyboard.press("Tab");
      const { name, shows, body } = await this.page.evaluate(focused);
      if (!body) reached.set(name, shows);
    }
    const hidden = [...reached].filter(([, shows]) => !shows).map(([name]) => `the focus on ${name} is not to be seen`);
    return reached.size === expected ? hidden : [...hidden, `the Tab key reaches ${[...reached.keys()].join(", ")} of ${expected}`];
  }

  /** Waits until the page has put the focus there, which it does when it is first drawn. */
  async isIn(selector) {
    const there = () => this.page.$eval(selector, (field) => field === document.activeElement);
    for (let look = 0; look < 100; look += 1) {
      if (await there()) return;
      await delay(50);
    }
    assert.fail(`the focus is not on ${selector} of "${await this.heading()}"`);
  }

  /** Presses Tab until the button that sends this value has the focus. */
  async tabTo(value) {
    for (let press = 0; press < 12; press += 1) {
      await this.page.keyboard.press("Tab");
      if ((await this.page.evaluate(() => document.activeElement.value)) === value) return;
    }
    assert.fail(`the Tab key does not reach "${value}"`);
  }

  /** Presses Enter, and is on the page that follows. */
  async enter() {
    await Promise.all([this.page.waitForNavigation(), this.page.keyboard.press("Enter")]);
  }

  async cookies() {
    const { cookies } = await this.client.send("Network.getCookies", { urls: [this.world.instance.base] });
    return cookies;
  }
}
