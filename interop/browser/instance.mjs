// A `behalf dev` with the people and applications of the cases, and its command line.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";

const PEOPLE = ["ann", "ben", "tom", "pat", "pia", "cas", "nat", "ron", "eva", "kay", "sol", "max", "liv", "dan", "ida"];

/** Every case has its people, so that no case sees what another one's people accepted. */
const manifest = (origin) => `\
apiVersion: behalf/v1
tenant: acme.test
users:
${PEOPLE.map((name) => `  - { name: ${name}@acme.test, password: { from-file: password.txt } }`).join("\n")}
apps:
  - name: time-sheets
    type: web
    redirects: ["${origin}/time"]
    logout: ${origin}/time/out
    calls: { orders-api: { as-user: [Orders.Read] } }
  - name: onward
    type: web
    redirects: ["${origin}/onward"]
    calls: { orders-api: { as-user: [Orders.Read] } }
${["payroll", "roster", "rota"].map((name) => `\
  - name: ${name}
    type: native
    redirects: [http://localhost/${name}]
    calls: { ledger-api: { as-user: [Entries.Read, Entries.Post] } }
`).join("")}`;

export class Instance {
  /** Starts one whose certificates and whereabouts lie in `folder`. */
  static async start(binary, folder, name) {
    const instance = new Instance();
    instance.binary = binary;
    instance.folder = join(folder, name);
    mkdirSync(instance.folder, { recursive: true });
    instance.environment = { PATH: process.env.PATH, HOME: folder, BEHALF_DEV_DIR: join(folder, "dev") };
    const log = openSync(join(instance.folder, "behalf.log"), "w");
    instance.child = spawn(binary, ["dev", "--port", "0", "--json"], {
      env: instance.environment,
      stdio: ["ignore", "pipe", log],
    });
    instance.ready = JSON.parse(await firstLine(instance.child));
    instance.base = instance.ready.base_url;
    instance.environment.BEHALF_URL = instance.base;
    instance.apps = Object.fromEntries(Object.entries(instance.ready.apps).map(([app, entry]) => [app, entry.app_id]));
    return instance;
  }

  /** Makes the people and applications. */
  async furnish(origin) {
    this.password = randomBytes(12).toString("base64url");
    writeFileSync(join(this.folder, "password.txt"), this.password, { mode: 0o600 });
    writeFileSync(join(this.folder, "manifest.yaml"), manifest(origin));
    await this.behalf("apply", "-f", "manifest.yaml");
    for (const app of await this.asked("app", "list", "--tenant", "acme.test")) this.apps[app.name] = app.appId;
    this.people = {};
    for (const user of await this.asked("user", "list", "--tenant", "acme.test")) {
      const known = Object.values(this.ready.users).find((one) => one.name === user.name);
      this.people[user.name.split("@")[0]] = { name: user.name, id: user.id, password: known?.password ?? this.password };
    }
    this.people.gus = this.ready.users.gus;
  }

  /** Runs a command; its standard output. `talk` may answer what it says. */
  behalf(...args) {
    return this.talk(args, () => {});
  }

  talk(args, answer) {
    return new Promise((resolve, reject) => {
      const child = spawn(this.binary, args, { cwd: this.folder, env: this.environment });
      let [out, error] = ["", ""];
      child.stdout.on("data", (text) => answer((out += text), child.stdin));
      child.stderr.on("data", (text) => (error += text));
      child.on("error", reject);
      child.on("close", (code) => {
        if (code === 0) return resolve(out);
        return reject(Object.assign(new Error(`behalf ${args.join(" ")}: exit ${code}\n${error}`), { code }));
      });
    });
  }

  /** Runs a command and reads the JSON it answers with. */
  async asked(...args) {
    return JSON.parse(await this.behalf(...args, "-o", "json"));
  }

  /** Who may use what in Acme: "client -> API permissions, for whom". */
  async grants(client) {
    const found = await this.asked("grant", "list", this.apps[client], "--tenant", "acme.test");
    const names = new Map(Object.values(this.people).map((person) => [person.id, person.name]));
    const whom = ({ user }) => (user ? names.get(user) : "everyone");
    return found.map((grant) => `${grant.client} -> ${grant.resource} ${[...grant.values].sort().join(" ")}, ${whom(grant)}`).sort();
  }

  /** Posts a form as a program does; the JSON of the answer. */
  post(path, form) {
    const body = new URLSearchParams(form).toString();
    const headers = { "content-type": "application/x-www-form-urlencoded", "content-length": body.length };
    const options = { method: "POST", headers, ca: readFileSync(this.ready.ca_file) };
    return new Promise((resolve, reject) => {
      const sent = request(`${this.base}${path}`, options, async (answer) => {
        let text = "";
        for await (const chunk of answer) text += chunk;
        resolve(JSON.parse(text));
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }

  /** Asks it to end; its exit code. */
  stop() {
    return new Promise((resolve) => {
      this.child.on("exit", resolve);
      this.child.kill("SIGTERM");
    });
  }

  log() {
    return readFileSync(join(this.folder, "behalf.log"), "utf8");
  }
}

function firstLine(child) {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
      if (text.includes("\n")) resolve(text.split("\n")[0]);
    });
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`behalf dev ended before it was ready: exit ${code}`)));
  });
}
