// Opens /swagger in Chromium, tries operations out as a person would, and says what the page showed.
// Usage: node swagger.mjs URL DIRECTORY-FOR-SCREENSHOTS. Ends with 1 when anything is not as it should be, which includes
// any error on the browser's console and anything that the Content-Security-Policy stopped.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const [url, screenshots] = process.argv.slice(2);
const profile = await mkdtemp(join(tmpdir(), "swagger-"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  viewport: { width: 1280, height: 1000 },
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const complaints = [];
let expectedFailures = 0;

const page = context.pages()[0] ?? await context.newPage();
page.setDefaultTimeout(20_000);
page.on("pageerror", error => complaints.push(`error: ${error.message}`));
page.on("console", message => {
  // The browser calls a 404 an error of the page, also one that was asked for.
  if (message.type() === "error" && !(expectedFailures > 0 && /status of 404/.test(message.text())))
    complaints.push(`console: ${message.text()}`);
});
page.on("request", request => {
  if (!request.url().startsWith(url) && !request.url().startsWith("data:"))
    complaints.push(`a request to elsewhere: ${request.url()}`);
});
await page.addInitScript(() => document.addEventListener("securitypolicyviolation", event =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`)));

const block = id => page.locator(`.opblock[id$="-${id}"]`);

async function open(id) {
  if (!await block(id).locator(".opblock-body").isVisible())
    await block(id).locator(".opblock-summary-control").click();
  await block(id).locator("button.execute").waitFor();
}

// Executes the operation as it is filled in; gives what the page shows of the answer.
async function execute(id, name) {
  await block(id).locator("button.execute").click();
  await page.waitForFunction(id => !document.querySelector(`.opblock[id$="-${id}"] .loading-container`), id);
  const answer = block(id).locator(".live-responses-table tbody tr.response");
  await answer.waitFor();
  const status = (await answer.locator(".response-col_status").innerText()).trim().split(/\s/)[0];
  const pre = answer.locator(".response-col_description pre").first();
  const body = await pre.count() > 0 ? await pre.innerText() : "";
  await block(id).screenshot({ path: join(screenshots, `${name}.png`) });
  console.log(`${name}: ${status}\n${body.trimEnd().replace(/^/gm, "  ")}`);
  return { status, body };
}

const parameter = (id, name) => block(id).locator(`tr[data-param-name="${name}"]`);
const setBodyType = (id, type) => block(id).locator(".opblock-section-request-body .body-param-content-type select, .opblock-section-request-body select[aria-label='Request content type']").first().selectOption(type);
const clear = async id => block(id).locator("button.btn-clear").click();

try {
  await page.goto(url);
  await page.locator(".opblock").first().waitFor();
  await page.screenshot({ path: join(screenshots, "page.png"), fullPage: true });
  console.log((await page.locator(".opblock-summary").allInnerTexts()).map(text => text.replace(/\s+/g, " ").trim()).join("\n"));
  assert.equal(await page.locator(".opblock").count(), 15);

  await open("produce");
  await block("produce").screenshot({ path: join(screenshots, "produce-described.png") });
  let answer = await execute("produce", "produce-json");
  assert.equal(answer.status, "201");
  assert.match(answer.body, /"topic": "orders",\s+"partition": 0,\s+"offset": 0,\s+"count": 1/);

  await clear("produce");
  await setBodyType("produce", "application/x-ndjson");
  answer = await execute("produce", "produce-lines");
  assert.equal(answer.status, "201");
  assert.match(answer.body, /"offset": 1,\s+"count": 3/);

  await clear("produce");
  await setBodyType("produce", "application/vnd.loghttp.records+ndjson");
  answer = await execute("produce", "produce-records");
  assert.match(answer.body, /"offset": 4,\s+"count": 3/);

  await clear("produce");
  await setBodyType("produce", "application/x-www-form-urlencoded");
  answer = await execute("produce", "produce-form");
  assert.match(answer.body, /"offset": 7,\s+"count": 1/);

  await clear("produce");
  await setBodyType("produce", "text/plain");
  answer = await execute("produce", "produce-text");
  assert.match(answer.body, /"offset": 8,\s+"count": 1/);

  await open("fetch");
  await block("fetch").screenshot({ path: join(screenshots, "fetch-described.png") });
  answer = await execute("fetch", "fetch");
  assert.equal(answer.status, "200");
  const lines = answer.body.trimEnd().split("\n");
  assert.equal(lines.length, 9);
  assert.match(lines[0], /^\{"offset":0,"timestamp":\d+,"value":\{.*"total": ?9\.50?/);
  assert.match(lines[5], /"key":"user-8","headers":\{"trace":"9f"\},"value":"paid"/);
  assert.match(lines[7], /"value":\{"id": 1, "total": 9\.50\}\}$/);
  assert.match(lines[8], /"value":"hello"\}$/);

  await clear("fetch");
  await block("fetch").locator(".responses-inner tr.response[data-code='200'] select.content-type").last().selectOption("application/json");
  answer = await execute("fetch", "fetch-array");
  assert.equal(JSON.parse(answer.body).length, 9);
  await block("fetch").locator(".responses-inner tr.response[data-code='200'] select.content-type").last().selectOption("application/vnd.loghttp.records+ndjson");

  await clear("fetch");
  await parameter("fetch", "key").locator("input").fill("user-7");
  answer = await execute("fetch", "fetch-key");
  assert.match(answer.body.trim(), /^\{"offset":4,[^\n]*$/);

  expectedFailures++;
  await clear("fetch");
  await parameter("fetch", "topic").locator("input").fill("none");
  answer = await execute("fetch", "fetch-unknown");
  assert.equal(answer.status, "404");
  assert.match(answer.body, /"detail": "There is no topic \\"none\\"\."/);
  expectedFailures--;

  await open("fetchValue");
  answer = await execute("fetchValue", "fetch-value");
  assert.equal(answer.status, "200");
  assert.match(answer.body, /"id": 1/);

  await open("putTopic");
  await parameter("putTopic", "topic").locator("input").fill("invoices");
  answer = await execute("putTopic", "put-topic");
  assert.equal(answer.status, "201");
  assert.match(answer.body, /"topic": "invoices"/);

  await open("listTopics");
  answer = await execute("listTopics", "list-topics");
  assert.equal(answer.status, "200");
  assert.match(answer.body, /"topic": "invoices"[^]*"topic": "orders"/);

  await page.screenshot({ path: join(screenshots, "page-tried.png"), fullPage: true });
  assert.deepEqual(complaints, []);
} catch (error) {
  console.error(error.message);
  complaints.forEach(complaint => console.error(complaint));
  await page.screenshot({ path: join(screenshots, "failed.png") });
  process.exitCode = 1;
} finally {
  await context.close();
  await rm(profile, { recursive: true, force: true });
}
