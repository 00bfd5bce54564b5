'use strict';

// Tests specific to Node.js; tests/test_bindings.py runs the others through driver.js. Needs eiot-sim, in PATH or where EIOT_SIM
// says. Run it by node --test test/eiot.test.js.

const assert = require('node:assert/strict');
const { execFile, spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { test } = require('node:test');
const util = require('node:util');
const v8 = require('node:v8');
const vm = require('node:vm');

const eiot = require('../eiot.js');

const EID = '89044011112233441122334411223321';
const SECRET = 'demo-secret';

/** Starts a simulator that speaks TLS, until the test ends, and gives what a client needs to reach it. */
async function simulator(t, ...options) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'eiot-'));
  const caFile = path.join(folder, 'ca.pem');
  const words = [...options, '--port', '0', '--stop-with-stdin', '--unlimited', '--tls', '--ca-out', caFile];
  const running = spawn(process.env.EIOT_SIM || 'eiot-sim', words, { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => {
    running.stdin.end();
    fs.rmSync(folder, { recursive: true });
  });
  const [url] = await require('node:events').once(running.stdout, 'data');
  return { baseUrl: String(url).trim(), caFile, appkey: 'demo-appkey', secret: SECRET, rateLimit: 0, maxAttempts: 1 };
}

async function clientOf(t, ...options) {
  const client = new eiot.Client(await simulator(t, ...options));
  t.after(() => client.close());
  return client;
}

function* cards(count, taken = {}) {
  try {
    for (taken.count = 0; taken.count < count; ) yield String(89040000 + taken.count++);
  } finally {
    taken.returned = true;
  }
}

const isCancelled = (error) => error instanceof eiot.EiotError && error.kind === 'cancelled';

test('the event loop goes on while a call waits', async (t) => {
  const client = await clientOf(t, '--latency-ms', '300');
  let ticks = 0;
  const clock = setInterval(() => ticks++, 10);
  await client.refreshUsage(EID);
  clearInterval(clock);
  assert.ok(ticks > 5, `${ticks} ticks`);
});

test('64 calls at once, and more than koffi takes', async (t) => {
  const client = await clientOf(t);
  for (const count of [64, 600]) {
    const replies = await Promise.all([...cards(count)].map((eid) => client.refreshUsage(eid)));
    assert.equal(new Set(replies.map((reply) => reply.eid)).size, count);
  }
});

test('a signal cancels a call, before and while it is in flight', async (t) => {
  const client = await clientOf(t, '--latency-ms', '5000');
  const reason = new Error('not needed any more');
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 100);
  const began = Date.now();
  await assert.rejects(client.refreshUsage(EID, { signal: controller.signal }), (error) => {
    return isCancelled(error) && error.delivered === 'unknown' && error.cause === reason;
  });
  assert.ok(Date.now() - began < 2000);
  await assert.rejects(client.call('/api/v3/cloudesim/get', {}, { signal: controller.signal }), (error) => {
    return isCancelled(error) && error.attempts === 0 && error.delivered === 'no';
  });
  const timeout = AbortSignal.timeout(50);
  await assert.rejects(client.refreshUsage(EID, { signal: timeout }), (error) => error.cause.name === 'TimeoutError');
});

test('close lets calls in flight complete, and rejects later ones', async (t) => {
  const client = await clientOf(t, '--latency-ms', '300');
  const underWay = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => client.refreshUsage(String(n)));
  const loop = client.refreshMany(cards(20))[Symbol.asyncIterator]();
  const first = loop.next();
  await sleep(50);
  client.close();
  client.close();
  await assert.rejects(client.refreshUsage(EID), { kind: 'invalid_argument' });
  assert.throws(() => client.refreshUsageSync(EID), { kind: 'invalid_argument' });
  await assert.rejects(client.refreshMany([EID]).next(), { kind: 'invalid_argument' });
  await Promise.all(underWay);
  assert.equal((await first).value.error, null);
  for await (const { error } of loop) assert.equal(error, null);
});

test('a derived client outlives its client', async (t) => {
  const client = await clientOf(t);
  const derived = client.withOptions({ timeout: 3 });
  client.close();
  assert.throws(() => client.withOptions({ timeout: 3 }), { kind: 'invalid_argument' });
  assert.equal((await derived.refreshUsage(EID)).message, 'success');
  assert.equal(derived.stats.calls.started, 1);
  derived.close();
  assert.equal(derived.stats, null);
});

test('many cards are asked for as there is room, and a loop can be left', async (t) => {
  const client = await clientOf(t);
  const taken = {};
  let back = 0;
  let ahead = 0;
  for await (const { reply } of client.refreshMany(cards(1_000_000, taken), { concurrency: 8 })) {
    assert.ok(reply);
    ahead = Math.max(ahead, taken.count - back++);
    if (back === 100) break;
  }
  assert.ok(taken.returned, 'the source is told');
  assert.ok(ahead <= 9, `${ahead} ahead`);
  await assert.rejects(client.refreshMany([EID, 8904]).next(), TypeError);
  assert.throws(() => client.refreshMany(EID), TypeError);
  await assert.rejects(client.refreshMany([EID], { concurrency: 1025 }).next(), { kind: 'invalid_argument' });
  for (const concurrency of [-1, 1.5, 2 ** 32, '8']) assert.throws(() => client.refreshMany([EID], { concurrency }), RangeError);
});

test('a source that takes its time keeps no result waiting, and its failure is the loop’s', async (t) => {
  const client = await clientOf(t);
  async function* slow() {
    yield '1';
    await sleep(600);
    yield '2';
    await sleep(600);
    throw new Error('the source broke');
  }
  const came = [];
  const began = Date.now();
  await assert.rejects(async () => {
    for await (const { eid } of client.refreshMany(slow())) came.push([eid, Date.now() - began]);
  }, /the source broke/);
  assert.deepEqual(came.map(([eid]) => eid), ['1', '2']);
  assert.ok(came[0][1] < 550, `the first came after ${came[0][1]} ms`);
  async function* never() {
    yield '1';
    await new Promise(() => {});
  }
  for await (const { eid } of client.refreshMany(never())) {
    assert.equal(eid, '1');
    break;
  }
  const signal = AbortSignal.timeout(100);
  await assert.rejects(async () => {
    for await (const { eid } of client.refreshMany(never(), { signal })) assert.equal(eid, '1');
  }, (error) => error === signal.reason);
});

test('a signal ends a loop over many cards', async (t) => {
  const client = await clientOf(t);
  const controller = new AbortController();
  const taken = {};
  let back = 0;
  await assert.rejects(async () => {
    for await (const { error } of client.refreshMany(cards(1_000_000, taken), { concurrency: 8, signal: controller.signal })) {
      assert.ok(error === null || (isCancelled(error) && error.cause === controller.signal.reason));
      if (++back === 20) controller.abort();
    }
  }, (error) => error === controller.signal.reason);
  assert.equal(taken.count - 1, back, 'all that were sent have come back');
  const late = AbortSignal.abort();
  for await (const { error } of client.refreshMany([], { signal: late })) assert.fail(error);
});

test('a signal ends a loop that has no room for more cards', async (t) => {
  const client = await clientOf(t, '--latency-ms', '5000');
  const signal = AbortSignal.timeout(100);
  const taken = {};
  let back = 0;
  await assert.rejects(async () => {
    for await (const { error } of client.refreshMany(cards(1_000_000, taken), { concurrency: 4, signal })) {
      assert.ok(isCancelled(error) && error.cause === signal.reason);
      back += 1;
    }
  }, (error) => error === signal.reason);
  assert.deepEqual([taken.count, back], [5, 4]);
});

test('what is forgotten is collected', async (t) => {
  const options = await simulator(t);
  v8.setFlagsFromString('--expose-gc');
  const gc = vm.runInNewContext('gc');
  const descriptors = () => fs.readdirSync('/proc/self/fd').length;
  const before = descriptors();
  const forget = async () => {
    await new eiot.Client(options).refreshUsage(EID);
    await new eiot.Client(options).refreshMany(['1', '2', '3']).next();
  };
  for (let n = 0; n < 20; n++) await forget();
  assert.ok(descriptors() > before + 10);
  for (let n = 0; n < 100 && descriptors() > before + 5; n++) {
    gc();
    await sleep(10);
  }
  assert.ok(descriptors() <= before + 5, `${before} descriptors, then ${descriptors()}`);
});

test('the secret is nowhere', async (t) => {
  const client = await clientOf(t, '--refuse', '40003');
  const error = await client.refreshUsage(EID).catch((reason) => reason);
  assert.equal(error.code, '40003');
  const said = [client, error, eiot].map((thing) => util.inspect(thing, { depth: null, showHidden: true }) + JSON.stringify(thing));
  assert.ok(!said.join().includes(SECRET));
});

test('a peer that resets does not disturb other calls', async (t) => {
  for (const fault of ['reset-after', 'reset']) {
    const client = await clientOf(t, '--fault', fault, '--fault-repeat');
    const call = async () => {
      for (let n = 0; n < 125; n++) {
        await client.refreshUsage(EID).catch((error) => assert.equal(error.kind, 'connection_lost'));
      }
    };
    await Promise.all([1, 2, 3, 4].map(call));
  }
});

test('a process can end while calls are in flight', async (t) => {
  const options = await simulator(t, '--latency-ms', '400');
  const program = `
    const eiot = require(${JSON.stringify(require.resolve('../eiot.js'))});
    const client = new eiot.Client(${JSON.stringify(options)});
    for (let n = 0; n < 4; n++) client.refreshUsage(String(n)).catch(() => {});
    client.refreshMany(['8', '9']).next();
    setTimeout(() => process.exit(7), 50);`;
  const { code } = await new Promise((resolve) => {
    execFile(process.execPath, ['-e', program], (error) => resolve(error ?? { code: 0 }));
  });
  assert.equal(code, 7);
});

test('values that are not strings are rejected with advice', async (t) => {
  const client = await clientOf(t);
  await assert.rejects(client.refreshUsage(89044011112233441122334411223321n), /string/);
  assert.throws(() => new eiot.Client({ ...{ appkey: 'k', secret: 's' }, timeOut: 3 }), /time_out.*timeout/s);
  assert.throws(() => eiot.verifyWebhook('{}', 's', { maxAge: -1 }), RangeError);
  assert.throws(() => eiot.verifyWebhook('{}', 's', { maxAge: NaN }), RangeError);
  assert.throws(() => eiot.sign({ a: '1\x002' }, 's'), TypeError);
  assert.throws(() => eiot.sign({ a: ['1'] }, 's'), TypeError);
  assert.equal(eiot.sign({ a: 24 }, 's'), eiot.sign({ a: '24' }, 's'));
});

test('the types have every option', () => {
  const types = fs.readFileSync(path.join(__dirname, '..', 'eiot.d.ts'), 'utf8');
  const typed = [.../interface Options \{(.*?)^\}/ms.exec(types)[1].matchAll(/^ {2}(\w+)\?:/gm)].map((match) => match[1]);
  let message;
  try {
    new eiot.Client({ nothing: '1' });
  } catch (error) {
    message = error.message;
  }
  const known = /valid options are ([\w, ]+)/.exec(message)[1].split(', ');
  assert.deepEqual(typed.map((name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)).sort(), known.sort());
});
