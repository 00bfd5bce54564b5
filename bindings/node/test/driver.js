'use strict';

// Drives the Node.js wrapper for tests/test_bindings.py, which says what the arguments are.

const eiot = require('../eiot.js');

const DELIVERED = ['no', 'yes', 'unknown'];
const print = (object) => require('fs').writeSync(1, `${JSON.stringify(object)}\n`);

const printReply = ({ eid, code, message, dataJson, attempts }, more) =>
  print({ ...more, ok: true, status: 0, eid, code, message, data_json: dataJson, attempts });

const printError = (error, more) => {
  if (!(error instanceof eiot.EiotError)) throw error;
  const { status, kind, message, eid, code, platformMessage, httpStatus, attempts, retryAfterMs, delivered, final, body, headers, retryable } = error;
  print({
    ...more, ok: false, retryable, status, kind, message, eid, code, platform_message: platformMessage, http_status: httpStatus, attempts,
    retry_after_ms: retryAfterMs ?? -1, delivered: DELIVERED.indexOf(delivered), final,
    body: body && body.toString(), headers,
  });
};

const printResult = ({ index, input, isDuplicate, reply, error }) => {
  const more = { index, input, duplicate: isDuplicate };
  return reply ? printReply(reply, more) : printError(error, more);
};

// As the handlers of a promise, which calls them with one argument.
const printed = [(reply) => printReply(reply), (error) => printError(error)];

const camel = (name) => name.replace(/_(.)/g, (_, letter) => letter.toUpperCase());

const words = process.argv.slice(2);
const VERBS = ['batch', 'call', 'derived', 'stats', 'verify', 'sign', 'statuses', 'options', 'closed', 'shown', 'cancelled'];
const verb = VERBS.includes(words[0]) ? words.shift() : 'refresh';
const cut = words.includes('--') ? words.indexOf('--') : words.length;
const options = Object.fromEntries(
  words.slice(0, cut).map((word) => {
    const [name, value] = [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)];
    return [camel(name), value];
  }),
);
const rest = words.slice(cut + 1);

const verbs = {
  async refresh(client) {
    for (const eid of rest) await client.refreshUsage(eid).then(...printed);
  },
  async batch(client) {
    for await (const result of client.refreshMany(rest, { concurrency: 8 })) printResult(result);
  },
  async derived(client) {
    const [name, value, ...eids] = rest;
    const derived = client.withOptions({ [camel(name)]: value });
    for (const eid of eids) await derived.refreshUsage(eid).then(...printed);
    derived.close();
    for (const eid of eids) await client.refreshUsage(eid).then(...printed);
  },
  async stats(client) {
    for (const eid of rest) await client.refreshUsage(eid).then(...printed);
    print({ stats: client.stats });
  },
  async call(client) {
    const [path, parameters, idempotent] = rest;
    await client.call(path, parameters, { idempotent: idempotent !== undefined }).then(...printed);
  },
  verify() {
    const [payload, secret, signMethod, maxAgeMs] = rest;
    eiot.verifyWebhook(payload, secret, { maxAge: maxAgeMs / 1000, signMethod });
    print({ ok: true, status: 0 });
  },
  sign() {
    const [secret, method, ...parameters] = rest;
    const flat = parameters.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]);
    print({ sign: eiot.sign(Object.fromEntries(flat), secret, method) });
  },
  statuses() {
    // The wrapper has no table of its own: it asks the library.
    for (let status = 0; status <= 200; status++) if (eiot.kind(status) !== 'unknown') print({ status, kind: eiot.kind(status) });
  },
  options: () => print({ options: 'any' }),
  async closed(client) {
    const call = client.refreshUsage('1');
    client.close();
    client.close();
    await call;
    await client.refreshUsage('1').then(...printed);
  },
  shown(client) {
    const shown = require('util').inspect(client, { depth: null, showHidden: true }) + JSON.stringify(client) + String(client);
    print({ shown });
  },
  async cancelled(client) {
    // Two at once, while the event loop goes on.
    const signal = AbortSignal.timeout(200);
    await Promise.all(rest.map((eid) => client.refreshUsage(eid, { signal }).then(...printed)));
    const batch = client.refreshMany(rest, { signal: AbortSignal.timeout(200) });
    for await (const result of batch) printResult(result);
  },
};

(async () => {
  try {
    const needsClient = ['refresh', 'batch', 'call', 'derived', 'stats', 'closed', 'shown', 'cancelled'].includes(verb);
    const client = needsClient && (Object.keys(options).length ? new eiot.Client(options) : eiot.Client.fromEnv());
    await verbs[verb](client);
    if (client) client.close();
  } catch (error) {
    printError(error);
  }
})();
