// Drives Chromium over the pages of `behalf dev`, with JavaScript and without it.
//
// Prints a line per case and closes with `N passed, N failed`; exits 1 when a case failed.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import puppeteer from "puppeteer-core";
import { Application } from "./application.mjs";
import { Instance } from "./instance.mjs";
import { World } from "./world.mjs";

const FILES = ["sign_in", "accounts", "consent", "admin_consent", "answers", "sign_out", "problems", "boundaries", "keyboard", "device"];

const { values: options } = parseArgs({
  options: {
    behalf: { type: "string", default: "target/debug/behalf" },
    chromium: { type: "string", default: "chromium" },
    screenshots: { type: "string", default: "target/screenshots" },
    only: { type: "string", default: "" },
  },
});

const scratch = mkdtempSync(join(tmpdir(), "behalf-browser-"));
const screenshots = resolve(options.screenshots);
mkdirSync(screenshots, { recursive: true });
const cases = (await Promise.all(FILES.map((file) => import(`./cases/${file}.mjs`)))).flatMap((file) => file.default);
const wanted = cases.filter(({ name }) => name.includes(options.only));

const binary = resolve(options.behalf);
const instances = [await Instance.start(binary, scratch, "with"), await Instance.start(binary, scratch, "without")];
trust(instances[0].ready.ca_file);
const browser = await puppeteer.launch({
  executablePath: execFileSync("which", [options.chromium], { encoding: "utf8" }).trim(),
  env: { ...process.env, HOME: scratch },
  userDataDir: join(scratch, "profile"),
  args: [
    ...(process.getuid() === 0 ? ["--no-sandbox"] : []),
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
  ],
});
const [passed, failed] = (await Promise.all([visit(instances[0], true), visit(instances[1], false)])).reduce(
  ([good, bad], [ok, wrong]) => [good + ok, bad + wrong],
);
await browser.close();
for (const instance of instances) await instance.stop();
rmSync(scratch, { recursive: true, force: true });
console.log(`\nScreenshots: ${screenshots}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed || !passed ? 1 : 0);

/** Makes the browser trust the dev instance's authority, as `certutil` of NSS does it for people. */
function trust(authority) {
  const store = join(scratch, ".pki", "nssdb");
  mkdirSync(store, { recursive: true });
  const certutil = (...args) => execFileSync("certutil", ["-d", `sql:${store}`, ...args], { stdio: "pipe" });
  certutil("-N", "--empty-password");
  certutil("-A", "-t", "C,,", "-n", "behalf dev", "-i", authority);
}

/** Every case, one after the other, over one instance. */
async function visit(instance, script) {
  const application = await Application.start();
  await instance.furnish(application.origin);
  const world = new World({ instance, application, browser, script, screenshots });
  const counts = [0, 0];
  for (const { name, body } of wanted) {
    const line = `${name} (${script ? "with" : "without"} JavaScript)`;
    try {
      await body(world);
      await world.everybodyLeaves();
      counts[0] += 1;
      console.log(`ok ${line}`);
    } catch (error) {
      counts[1] += 1;
      console.log(`not ok ${line}: ${String(error?.message ?? error)}`);
      console.error(error);
      await world.giveUp(name);
    }
  }
  if (counts[1]) console.error(`--- the server's output:\n${instance.log().slice(-4000)}`);
  application.stop();
  return counts;
}
