'use strict';

// Refreshes the package usage of EIOTCLUB cloud eSIM cards: a thin wrapper around libeiot. eiot.d.ts documents the API.

const koffi = require('koffi');

// A call over TLS takes up to 80 KiB of stack, and koffi gives one on another thread 128 KiB. Only what is touched is used.
const STACK_SIZE = 1024 * 1024;
if (koffi.config().async_stack_size < STACK_SIZE) {
  try {
    koffi.config({ async_stack_size: STACK_SIZE });
  } catch (cause) {
    const remedy = `load eiot before what else uses koffi, or begin with koffi.config({ async_stack_size: ${STACK_SIZE} })`;
    throw new Error(`eiot needs more stack for its calls than koffi gives them: ${remedy}`, { cause });
  }
}

const LIBRARIES = { win32: 'eiot.dll', darwin: 'libeiot.0.1.dylib' };
const LIBRARY = process.env.EIOT_LIBRARY || LIBRARIES[process.platform] || 'libeiot.so.0.1';
const library = load();

function load() {
  try {
    return koffi.load(LIBRARY);
  } catch (cause) {
    const remedy = 'install libeiot and run ldconfig, set LD_LIBRARY_PATH to its directory, or set EIOT_LIBRARY to its path';
    throw new Error(`cannot load ${LIBRARY}: ${remedy} (${cause.message})`, { cause });
  }
}

for (const name of ['batch', 'cancel', 'client', 'config', 'error', 'reply', 'result']) koffi.opaque(`eiot_${name}`);

// As in eiot.h. Text is passed with a length, so that a NUL does not truncate it.
const c = Object.fromEntries(
  [
    'const char *eiot_version(void)',
    'const char *eiot_status_kind(int32_t status)',
    'const char *eiot_delivered_name(int32_t delivered)',
    'int32_t eiot_error_status(const eiot_error *error)',
    'const char *eiot_error_message(const eiot_error *error)',
    'const char *eiot_error_eid(const eiot_error *error)',
    'const char *eiot_error_platform_code(const eiot_error *error)',
    'const char *eiot_error_platform_message(const eiot_error *error)',
    'int32_t eiot_error_http_status(const eiot_error *error)',
    'uint32_t eiot_error_attempts(const eiot_error *error)',
    'int64_t eiot_error_retry_after_ms(const eiot_error *error)',
    'int32_t eiot_error_delivered(const eiot_error *error)',
    'int32_t eiot_error_is_final(const eiot_error *error)',
    'int32_t eiot_error_is_retryable(const eiot_error *error)',
    'const void *eiot_error_body(const eiot_error *error, _Out_ size_t *length)',
    'const char *eiot_error_header(const eiot_error *error, const char *name)',
    'const char *eiot_error_header_name(const eiot_error *error, size_t index)',
    'void eiot_error_free(eiot_error *error)',
    'const char *eiot_reply_eid(const eiot_reply *reply)',
    'const char *eiot_reply_code(const eiot_reply *reply)',
    'const char *eiot_reply_message(const eiot_reply *reply)',
    'const char *eiot_reply_data_json(const eiot_reply *reply)',
    'uint32_t eiot_reply_attempts(const eiot_reply *reply)',
    'void eiot_reply_free(eiot_reply *reply)',
    'int32_t eiot_config_new(_Out_ eiot_config **config, _Out_ eiot_error **error)',
    'int32_t eiot_config_from_env(_Out_ eiot_config **config, _Out_ eiot_error **error)',
    `int32_t eiot_config_set_option(eiot_config *config, const uint8_t *name, size_t name_len, const uint8_t *value,
                                    size_t value_len, _Out_ eiot_error **error)`,
    'void eiot_config_free(eiot_config *config)',
    'int32_t eiot_client_new(const eiot_config *config, _Out_ eiot_client **client, _Out_ eiot_error **error)',
    'int32_t eiot_config_from_client(const eiot_client *client, _Out_ eiot_config **config, _Out_ eiot_error **error)',
    `int32_t eiot_client_with_options(const eiot_client *client, const eiot_config *config, _Out_ eiot_client **derived,
                                    _Out_ eiot_error **error)`,
    'size_t eiot_client_stats_json(const eiot_client *client, uint8_t *buffer, size_t size)',
    `int32_t eiot_client_refresh_usage_with_cancel(const eiot_client *client, const uint8_t *eid, size_t eid_len,
                                    const eiot_cancel *cancel, _Out_ eiot_reply **reply, _Out_ eiot_error **error)`,
    `int32_t eiot_client_call(const eiot_client *client, const uint8_t *path, size_t path_len, const uint8_t *parameters,
                                    size_t parameters_len, int32_t idempotent, const eiot_cancel *cancel,
                                    _Out_ eiot_reply **reply, _Out_ eiot_error **error)`,
    'void eiot_client_free(eiot_client *client)',
    'int32_t eiot_refresh_usage_n(const uint8_t *eid, size_t eid_len, _Out_ eiot_error **error)',
    'int32_t eiot_cancel_new(_Out_ eiot_cancel **cancel, _Out_ eiot_error **error)',
    'void eiot_cancel_trigger(const eiot_cancel *cancel)',
    'void eiot_cancel_free(eiot_cancel *cancel)',
    `int32_t eiot_batch_new(const eiot_client *client, uint32_t concurrency, const eiot_cancel *cancel,
                                    _Out_ eiot_batch **batch, _Out_ eiot_error **error)`,
    'int32_t eiot_batch_has_room(const eiot_batch *batch)',
    `int32_t eiot_batch_push(eiot_batch *batch, const uint8_t *eid, size_t eid_len, uint64_t tag,
                                    _Out_ eiot_error **error)`,
    'int32_t eiot_batch_next(eiot_batch *batch, int64_t timeout_ms, _Out_ eiot_result **result, _Out_ eiot_error **error)',
    'uint64_t eiot_result_tag(const eiot_result *result)',
    'int32_t eiot_result_status(const eiot_result *result)',
    'const char *eiot_result_input(const eiot_result *result)',
    'const char *eiot_result_eid(const eiot_result *result)',
    'int32_t eiot_result_is_duplicate(const eiot_result *result)',
    'const eiot_reply *eiot_result_reply(const eiot_result *result)',
    'const eiot_error *eiot_result_error(const eiot_result *result)',
    'void eiot_result_free(eiot_result *result)',
    'void eiot_batch_free(eiot_batch *batch)',
    `int32_t eiot_webhook_verify(const uint8_t *payload, size_t payload_len, const uint8_t *secret, size_t secret_len,
                                    int32_t method, uint64_t max_age_ms, _Out_ eiot_error **error)`,
    `int32_t eiot_sign(const char **names, const char **values, size_t count, const uint8_t *secret, size_t secret_len,
                                    int32_t method, uint8_t *out_sign, size_t out_size, _Out_ eiot_error **error)`,
  ].map((declaration) => [/(eiot_\w+)\(/.exec(declaration)[1], library.func(declaration)]),
);

const SIGN_METHODS = { sha1: 1, md5: 2 };
const SIGN_SIZE = 41;
// How long to wait for the next result.
const FOREVER = -1;

class EiotError extends Error {
  name = 'EiotError';

  constructor(status, handle) {
    super(c.eiot_error_message(handle));
    this.status = status;
    this.kind = c.eiot_status_kind(status);
    this.code = c.eiot_error_platform_code(handle);
    this.platformMessage = c.eiot_error_platform_message(handle);
    this.httpStatus = c.eiot_error_http_status(handle);
    this.attempts = c.eiot_error_attempts(handle);
    const retryAfterMs = Number(c.eiot_error_retry_after_ms(handle));
    this.retryAfterMs = retryAfterMs < 0 ? null : retryAfterMs;
    this.delivered = c.eiot_delivered_name(c.eiot_error_delivered(handle));
    this.final = c.eiot_error_is_final(handle) !== 0;
    this.retryable = c.eiot_error_is_retryable(handle) !== 0;
    this.eid = c.eiot_error_eid(handle);
    const length = [0];
    const body = c.eiot_error_body(handle, length);
    this.body = body === null ? null : Buffer.from(koffi.decode(body, 'uint8_t', Number(length[0])));
    this.headers = {};
    for (let index = 0, name; (name = c.eiot_error_header_name(handle, index)) !== null; index++) {
      this.headers[name] = c.eiot_error_header(handle, name);
    }
  }

  // Takes ownership of what a C function stored in its out_err.
  static take(status, handle) {
    const error = new EiotError(status, handle);
    c.eiot_error_free(handle);
    return error;
  }
}

class Reply {
  constructor(handle) {
    this.eid = c.eiot_reply_eid(handle);
    this.code = c.eiot_reply_code(handle);
    this.message = c.eiot_reply_message(handle);
    this.dataJson = c.eiot_reply_data_json(handle);
    this.attempts = c.eiot_reply_attempts(handle);
    Object.freeze(this);
  }

  static take(handle) {
    const reply = new Reply(handle);
    c.eiot_reply_free(handle);
    return reply;
  }

  get data() {
    return this.dataJson === null ? null : JSON.parse(this.dataJson);
  }
}

// The result of one card of a batch.
const takeResult = (handle) => {
  const [reply, error] = [c.eiot_result_reply(handle), c.eiot_result_error(handle)];
  const result = {
    index: Number(c.eiot_result_tag(handle)),
    input: c.eiot_result_input(handle),
    eid: c.eiot_result_eid(handle),
    isDuplicate: c.eiot_result_is_duplicate(handle) !== 0,
    reply: reply && new Reply(reply),
    error: error && new EiotError(c.eiot_result_status(handle), error),
  };
  c.eiot_result_free(handle);
  return result;
};

const bytes = (text) => {
  if (typeof text !== 'string') throw new TypeError(`a string is needed here, not ${text === null ? 'null' : typeof text}`);
  return Buffer.from(text, 'utf8');
};

// Calls a function whose last parameters are outputs: the object that it created, or null, and the error.
const called = (name, args, made) => {
  const out = made ? [null] : undefined;
  const error = [null];
  const status = c[name](...args, ...(made ? [out] : []), error);
  if (status !== 0) throw EiotError.take(status, error[0]);
  return out && out[0];
};

// koffi refuses more than 256 concurrent calls in the process. Further calls queue here.
const MAX_AT_ONCE = 128;
const waiting = [];
let atOnce = 0;

// The same on a libuv thread, with what `take` makes of the object. `args` must live until it completes, which this function ensures.
const awaited = async (name, args, take) => {
  if (atOnce < MAX_AT_ONCE) atOnce += 1;
  else await new Promise((go) => waiting.push(go));
  try {
    return await new Promise((resolve, reject) => {
      const out = [null];
      const error = [null];
      c[name].async(...args, out, error, (failure, status) => {
        if (failure) reject(failure);
        else if (status !== 0) reject(EiotError.take(status, error[0]));
        else resolve(out[0] && take(out[0]));
        void args;
      });
    });
  } finally {
    const next = waiting.shift();
    if (next) next();
    else atOnce -= 1;
  }
};

// The value of a promise, or NOT_YET if it is still pending after one iteration of the event loop. Other values are returned at once.
const NOT_YET = Symbol('not yet');
const soon = (value) => {
  if (typeof value?.then !== 'function') return value;
  value.then(undefined, () => {}); // if it is no longer awaited
  return Promise.race([value, new Promise((resolve) => setImmediate(resolve, NOT_YET))]);
};

// Adds the signal's reason to the error of a cancelled call.
const explained = (error, signal) => {
  if (signal?.aborted && error.kind === 'cancelled') error.cause = signal.reason;
  return error;
};

const optionText = (value) => {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (value !== null && typeof value === 'object') return Object.entries(value).map((pair) => pair.join('=')).join(',');
  return String(value);
};

const snake = (name) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

// Frees clients that were garbage-collected instead of closed.
const forgotten = new FinalizationRegistry((handle) => c.eiot_client_free(handle));

// The same for a loop over many cards that was abandoned.
const abandoned = new FinalizationRegistry((held) => held.free());

// Among the options of a client: omitted options come from the environment, or from another client.
const FROM_ENVIRONMENT = Symbol('from the environment');
const FROM_CLIENT = Symbol('from another client');

class Client {
  #handle;
  #underWay = 0;
  #closed = false;

  constructor(options = {}) {
    const parent = options[FROM_CLIENT];
    const config = parent
      ? called('eiot_config_from_client', [parent.#opened()], true)
      : called(options[FROM_ENVIRONMENT] ? 'eiot_config_from_env' : 'eiot_config_new', [], true);
    try {
      for (const [name, value] of Object.entries(options)) {
        if (value === undefined || value === null) continue;
        const [option, text] = [bytes(snake(name)), bytes(optionText(value))];
        called('eiot_config_set_option', [config, option, option.length, text, text.length]);
      }
      this.#handle = parent
        ? called('eiot_client_with_options', [parent.#opened(), config], true)
        : called('eiot_client_new', [config], true);
    } finally {
      c.eiot_config_free(config);
    }
    forgotten.register(this, this.#handle, this);
  }

  static fromEnv(options = {}) {
    return new Client({ ...options, [FROM_ENVIRONMENT]: true });
  }

  withOptions(options) {
    return new Client({ ...options, [FROM_CLIENT]: this });
  }

  get stats() {
    for (let size = 2048; ; ) {
      const room = Buffer.alloc(size);
      const length = Number(c.eiot_client_stats_json(this.#opened(), room, size));
      if (length === 0) return null;
      if (length < size) return JSON.parse(room.toString('utf8', 0, length));
      size = length + 1024;
    }
  }

  refreshUsage(eid, { signal } = {}) {
    return this.#ask(signal, (cancel) => {
      const text = bytes(eid);
      return ['eiot_client_refresh_usage_with_cancel', [this.#opened(), text, text.length, cancel]];
    });
  }

  refreshUsageSync(eid) {
    const text = bytes(eid);
    return Reply.take(called('eiot_client_refresh_usage_with_cancel', [this.#opened(), text, text.length, null], true));
  }

  call(path, parameters = {}, { idempotent = false, signal } = {}) {
    return this.#ask(signal, (cancel) => {
      const [place, json] = [bytes(path), bytes(typeof parameters === 'string' ? parameters : JSON.stringify(parameters))];
      return [
        'eiot_client_call',
        [this.#opened(), place, place.length, json, json.length, idempotent ? 1 : 0, cancel],
      ];
    });
  }

  refreshMany(eids, { concurrency = 0, signal } = {}) {
    if (typeof eids === 'string') throw new TypeError('many EIDs are needed here, not one string');
    // C would take the remainder by 2^32.
    if (!Number.isInteger(concurrency) || concurrency < 0 || concurrency > 0xffffffff) {
      throw new RangeError(`concurrency must be from 1 to 1024, is ${concurrency}`);
    }
    const source = (eids[Symbol.asyncIterator] || eids[Symbol.iterator]).call(eids);
    const held = { free: () => {} };
    const results = this.#results(source, concurrency, signal, held);
    abandoned.register(results, held);
    return results;
  }

  async *#results(source, concurrency, signal, held) {
    const [handle, stop] = this.#begin(signal);
    let batch = null;
    held.free = () => {
      held.free = () => {};
      if (batch !== null) c.eiot_batch_free(batch);
      this.#end(stop);
    };
    let [asked, ended, stopped, count] = [null, false, false, 0];
    try {
      batch = called('eiot_batch_new', [handle, concurrency, stop.cancel], true);
      for (;;) {
        // A batch that the signal has stopped has no room; the source knows whether cards remain.
        while (!ended && !stopped && (signal?.aborted || c.eiot_batch_has_room(batch))) {
          asked ??= source.next();
          const next = await soon(asked); // a slow source must not delay results
          if (next !== NOT_YET) {
            asked = null;
            ended = Boolean(next.done);
          }
          stopped = !ended && Boolean(signal?.aborted);
          if (next === NOT_YET || ended || stopped) break;
          const text = bytes(next.value);
          called('eiot_batch_push', [batch, text, text.length, count++]);
        }
        const result = await awaited('eiot_batch_next', [batch, FOREVER], takeResult);
        if (result?.error) explained(result.error, signal);
        if (result !== null) yield result;
        else if (ended) return;
        else if (stopped) throw signal.reason;
        else await Promise.race([asked, stop.aborted]);
      }
    } finally {
      held.free();
      if (!ended) {
        const left = source.return?.();
        // Closing a source that is still producing the next EID would wait for it.
        if (asked === null) await left;
        else left?.catch?.(() => {});
      }
    }
  }

  close() {
    this.#closed = true;
    if (this.#underWay > 0 || this.#handle === null) return;
    forgotten.unregister(this);
    c.eiot_client_free(this.#handle);
    this.#handle = null;
  }

  #opened() {
    // The library reports a call on NULL.
    return this.#closed ? null : this.#handle;
  }

  async #ask(signal, prepare) {
    const [, stop] = this.#begin(signal);
    try {
      const [name, args] = prepare(stop.cancel);
      return await awaited(name, args, Reply.take);
    } catch (error) {
      throw explained(error, signal);
    } finally {
      this.#end(stop);
    }
  }

  // While a call is in flight, the client must not be freed, and aborting the signal cancels it.
  #begin(signal) {
    const cancel = signal ? called('eiot_cancel_new', [], true) : null;
    let tell;
    const aborted = new Promise((resolve) => {
      tell = resolve;
    });
    const trigger = () => {
      c.eiot_cancel_trigger(cancel);
      tell();
    };
    if (signal?.aborted) trigger();
    signal?.addEventListener('abort', trigger, { once: true });
    this.#underWay += 1;
    return [this.#opened(), { cancel, aborted, done: () => signal?.removeEventListener('abort', trigger) }];
  }

  #end(stop) {
    stop.done();
    if (stop.cancel !== null) c.eiot_cancel_free(stop.cancel);
    this.#underWay -= 1;
    if (this.#closed) this.close();
  }
}

if (Symbol.dispose) Client.prototype[Symbol.dispose] = Client.prototype.close;

const method = (name) => {
  if (!Object.hasOwn(SIGN_METHODS, name)) throw new TypeError(`signMethod must be "sha1" or "md5", is ${JSON.stringify(name)}`);
  return SIGN_METHODS[name];
};

const refreshUsageSync = (eid) => {
  const text = bytes(eid);
  called('eiot_refresh_usage_n', [text, text.length]);
};

const verifyWebhook = (payload, secret, { maxAge = 0, signMethod = 'sha1' } = {}) => {
  const [body, key] = [Buffer.isBuffer(payload) ? payload : bytes(payload), bytes(secret)];
  if (!(maxAge >= 0)) throw new RangeError(`maxAge must be a number of seconds, is ${maxAge}`);
  // Never rounded down to "no limit".
  const maxAgeMs = Math.ceil(maxAge * 1000);
  called('eiot_webhook_verify', [body, body.length, key, key.length, method(signMethod), maxAgeMs]);
};

// The value of a parameter as the text that is signed. C strings end at a NUL, so text with one is rejected.
const signable = ([name, value]) => {
  if (typeof value !== 'string' && !Number.isSafeInteger(value)) {
    throw new TypeError(`parameter ${name}: a string or a whole number is needed here`);
  }
  if (`${name}${value}`.includes('\0')) throw new TypeError(`parameter ${name}: a NUL cannot be signed`);
  return String(value);
};

const sign = (parameters, secret, signMethod = 'sha1') => {
  const [names, values, key] = [Object.keys(parameters), Object.entries(parameters).map(signable), bytes(secret)];
  const room = Buffer.alloc(SIGN_SIZE);
  called('eiot_sign', [names, values, names.length, key, key.length, method(signMethod), room, room.length]);
  return room.toString('latin1', 0, room.indexOf(0));
};

module.exports = {
  Client,
  EiotError,
  Reply,
  refreshUsageSync,
  verifyWebhook,
  sign,
  kind: (status) => c.eiot_status_kind(status),
  version: () => c.eiot_version(),
};
