#!/usr/bin/env node
// Handles every record of a partition, and those to come. Keeps its place in TOPIC-PARTITION.place,
// after the records before it were handled. Waits for a topic that does not exist yet.
// Usage: consumer.mjs SERVER TOPIC PARTITION
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const [server, topic, partition] = process.argv.slice(2);
const handle = async line => console.log(line); // yours: a record, as JSON

const placeFile = `${topic}-${partition}.place`;
let place = existsSync(placeFile) ? readFileSync(placeFile, "utf8") : null;
let pause = 1;

function keep(next) {
  writeFileSync(`${placeFile}.new`, next);
  renameSync(`${placeFile}.new`, placeFile);
  place = next;
}

async function follow() {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), 60_000); // not even a heartbeat comes
  try {
    const from = place ?? `earliest?partition=${partition}&follow=true`;
    const answer = await fetch(`${server}/topics/${topic}/${from}`, { signal: silence.signal });
    if (answer.status === 404 && place === null) {
      if (pause === 1) console.error(`${topic}/${partition} does not exist yet`);
    } else if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) {
      console.error(await answer.text()); // asking again will not help: see what to do about 410
      process.exit(1);
    }
    if (!answer.ok) {
      await answer.body?.cancel();
      pause = Number(answer.headers.get("Retry-After")) || pause;
      return;
    }
    pause = 1;
    let rest = "";
    for await (const piece of answer.body.pipeThrough(new TextDecoderStream())) {
      timer.refresh();
      const lines = (rest + piece).split("\n");
      rest = lines.pop(); // its end has not come yet
      let offset = null;
      for (const line of lines) {
        if (line === "") continue; // a heartbeat
        await handle(line);
        ({ offset } = JSON.parse(line));
      }
      if (offset !== null)
        keep(`${offset + 1}?partition=${partition}&follow=true&v=${answer.headers.get("Log-Topic-Id")}`);
    }
  } finally {
    clearTimeout(timer);
  }
}

while (true) {
  try {
    await follow();
  } catch (error) {
    // fetch names a cause when the connection breaks off or the server stops. Other errors are those of handle.
    if (!error.cause && error.name !== "AbortError") throw error;
  }
  await sleep(pause * 1000);
  pause = Math.min(2 * pause, 10);
}
