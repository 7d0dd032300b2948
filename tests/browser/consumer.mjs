// Opens a page that consumes a log in Chromium, closes it and kills the browser on the way, and writes down what the page
// has handled in the end. Usage: node consumer.mjs PAGE DIRECTORY. In the directory: `browser-runs` is made when no more
// is closed or killed, `end` says the log's end, `page.json` is what was handled, `replaced` that the topic is another one.
import assert from "node:assert/strict";
import { access, readFile, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { chromium } from "playwright-core";

const [address, directory] = process.argv.slice(2);
const profile = join(directory, "profile");
const waitMs = 60_000;
let context, page;

// As long as the profile stays, so does what the page keeps. Gives what the page asks for first.
async function open() {
  context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    handleSIGTERM: false,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  page = context.pages()[0] ?? await context.newPage();
  page.setDefaultTimeout(waitMs);
  const [request] = await Promise.all([page.waitForRequest(/\/stream\?topics=/), page.goto(address)]);
  return new URL(request.url()).searchParams.get("lastEventId");
}

const shown = () => page.locator("#list li").count();
const shows = count => page.waitForFunction(count => document.querySelectorAll("#list li").length >= count, count);

// The process that holds the profile is the browser itself, behind whatever starts it.
async function kill() {
  const browser = Number((await readlink(join(profile, "SingletonLock"))).split("-").at(-1));
  const closed = context.waitForEvent("close", { timeout: waitMs });
  process.kill(browser, "SIGKILL");
  await closed;
}

async function fileAt(name) {
  for (let leftMs = 2 * waitMs; leftMs > 0; leftMs -= 50) {
    if (await access(join(directory, name)).then(() => true, () => false))
      return await readFile(join(directory, name), "utf8");
    await pause(50);
  }
  throw new Error(`${name} does not come.`);
}

// The browser goes with it.
process.once("SIGTERM", async () => {
  await context?.close().catch(() => {});
  process.exit(1);
});

try {
  assert.equal(await open(), "");
  for (const end of [() => context.close(), kill, () => context.close(), kill]) {
    await shows(await shown() + 20);
    await end();
    // From where the page was, not from the beginning.
    const place = await open();
    assert.match(place, /^orders\/0\/[0-9a-f]{16}:[1-9]\d*$/);
    console.log(`page.html goes on at ${place}`);
  }
  await writeFile(join(directory, "browser-runs"), "");

  const end = (await fileAt("end")).trim();
  await page.waitForFunction(end => JSON.parse(localStorage.getItem("orders")).place.endsWith(`:${end}`), end);
  const kept = await page.evaluate(() => JSON.parse(localStorage.getItem("orders")));
  assert.deepEqual((await page.locator("#list li").allInnerTexts()).slice(-1000), kept.records.map(record => JSON.stringify(record.value)));
  await writeFile(join(directory, "page.json"), JSON.stringify(kept.records));

  await fileAt("replaced");
  await page.reload();
  await page.waitForFunction(() => /created again/.test(document.querySelector("#state").textContent));
  console.log(`page.html says: ${await page.locator("#state").innerText()}`);
} catch (error) {
  console.error(error.message, await page.locator("#state").innerText().catch(() => ""));
  process.exitCode = 1;
} finally {
  await context?.close().catch(() => {});
}
