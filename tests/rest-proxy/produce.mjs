// Produces with Confluent's own client for Node of its REST Proxy, as it is installed, and compares what it was answered
// and what is in the log then. Usage: node produce.mjs URL
import assert from 'node:assert/strict';
import Client from 'kafka-rest';

const url = process.argv[2];

// The client was made for version 1 and makes its content types of the number; what it sends to produce is the same in 2.
Client.prototype.SUPPORTED_VERSIONS.push(2);
const client = new Client({ url, version: 2 });

const produce = (resource, ...messages) => new Promise((resolve, reject) =>
  resource.produce(messages, (error, answer) => error ? reject(error) : resolve(answer)));
const at = (partition, offset) => ({ partition, offset, error_code: null, error: null });
const put = await fetch(`${url}/topics/orders`, { method: 'PUT', body: '{"partitions":3}' });
assert.equal(put.status, 201);

// Values alone, with keys, with partitions; strings and bytes.
const orders = client.topic('orders');
const native = await (await fetch(`${url}/topics/orders`, { method: 'POST', body: 'native', headers: { 'Record-Key': 'user-7' } })).json();
const mixed = await produce(orders, { key: 'user-7', value: 'one' }, { partition: 2, value: Buffer.from([0, 255]) }, { key: 'user-7', value: 'two' }, { partition: 9, value: 'nowhere' });
assert.deepEqual([mixed.key_schema_id, mixed.value_schema_id], [null, null]);
const [one, bytes, two, nowhere] = mixed.offsets;
assert.equal(one.partition, native.partition, 'a key goes where it goes from other clients');
assert.deepEqual([one, two].map(place => place.offset - native.offset), native.partition === 2 ? [1, 3] : [1, 2]);
assert.equal(bytes.partition, 2);
assert.deepEqual([nowhere.partition, nowhere.offset, nowhere.error_code], [null, null, 50002]);

// To a partition, by its own resource.
assert.deepEqual((await produce(client.topicPartition('orders', 1), 'three', 'four')).offsets.map(place => place.partition), [1, 1]);

// Many, one after the other and in requests of a hundred: every offset is one more than the one before.
for (let request = 0; request < 100; request++) {
  const messages = Array.from({ length: 100 }, (_, number) => ({ key: `k${request}`, value: `${request * 100 + number}` }));
  assert.deepEqual((await produce(client.topic('many'), ...messages)).offsets, messages.map((_, number) => at(0, request * 100 + number)));
}
const values = [];
for (let next = new URL('/topics/many/earliest', url); ;) {
  const page = await fetch(next);
  if (page.status === 204)
    break;
  for (const line of (await page.text()).trim().split('\n')) {
    const record = JSON.parse(line);
    values.push(Buffer.from(record.valueBase64, 'base64').toString());
    assert.equal(record.key, `k${Math.floor(record.offset / 100)}`);
  }
  next = new URL(page.headers.get('link').match(/<(.*)>/)[1], page.url);
}
assert.deepEqual(values, Array.from({ length: 10000 }, (_, number) => `${number}`));

// An error arrives as the client's own, with its text.
await assert.rejects(produce(client.topicPartition('orders', 7), 'five'), error =>
  error.status === 404 && error.data.error_code === 40402 && error.message.includes('no partition 7'));
await assert.rejects(produce(client.topic('no topic'), 'five'), error => error.status === 400);

console.log(`kafka-rest produced ${values.length} records in 100 requests, and a few with keys, bytes and partitions; every answer and every record is right.`);
