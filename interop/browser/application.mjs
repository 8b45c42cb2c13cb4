// The application's side of the browser: where behalf sends people back to, a page that tells it of
// sign-outs, and pages as hostile sites serve them.
import { createServer } from "node:http";

const WAIT_MS = 30_000;

export class Application {
  static async start() {
    const application = new Application();
    await new Promise((resolve) => application.server.listen(0, "127.0.0.1", resolve));
    const { port } = application.server.address();
    /** The application's origin; to browsers a site other than behalf's, for the scheme differs. */
    application.origin = `http://localhost:${port}`;
    /** The same server under another host: a site that has nothing to do with either. */
    application.elsewhere = `http://127.0.0.1:${port}`;
    return application;
  }

  constructor() {
    this.requests = [];
    this.waiting = [];
    this.server = createServer((request, response) => this.#answer(request, response));
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }

  /** The next request, or one that came already, whose fields hold these. */
  received(path, fields) {
    const fits = (request) =>
      request.path === path && Object.entries(fields).every(([name, value]) => request.fields[name] === value);
    const found = this.requests.find(fits);
    if (found) return Promise.resolve(found);
    const arrival = new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`no request for ${path} with ${JSON.stringify(fields)}`)), WAIT_MS);
      this.waiting.push((request) => {
        if (!fits(request)) return false;
        clearTimeout(late);
        resolve(request);
        return true;
      });
    });
    arrival.catch(() => {}); // Whoever waits hears of it; who failed before that does not care.
    return arrival;
  }

  async #answer(request, response) {
    const url = new URL(request.url, this.origin);
    let body = "";
    for await (const chunk of request) body += chunk;
    const { method, headers } = request;
    const fields = { ...Object.fromEntries(url.searchParams), ...Object.fromEntries(new URLSearchParams(body)) };
    if (url.pathname === "/favicon.ico") return response.writeHead(204).end();
    const received = { method, path: url.pathname, headers, fields };
    this.requests.push(received);
    this.waiting = this.waiting.filter((takes) => !takes(received));
    if (url.pathname === "/onward") {
      return response.writeHead(303, { location: `${this.elsewhere}/home${url.search}` }).end();
    }
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    return response.end(page(PAGES[url.pathname]?.(fields) ?? ""));
  }
}

const PAGES = {
  "/frames": ({ src }) => `<iframe title="framed" src="${escaped(src)}"></iframe>`,
  "/sends": ({ to, ...fields }) => {
    const inputs = Object.entries(fields).map(([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`);
    return `<form method="post" action="${escaped(to)}">${inputs.join("")}<button>Go</button></form>`;
  },
  "/script": () => `<p id="ran">no</p><script>document.getElementById("ran").textContent = "yes"</script>`,
};

function page(content) {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Application</title><h1>Application</h1>${content}</html>`;
}

function escaped(text) {
  const names = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (c) => names[c]);
}
