/** Options of a client, documented by `eiot refresh --help`. Times are in seconds. Omitted options have their defaults. */
export interface Options {
  /** Identifies the account's application. Required. */
  appkey?: string;
  /** Signs each request; never sent. Required, unless you use `secretFile`. */
  secret?: string;
  /** The path of a file that contains the secret and nothing else. */
  secretFile?: string;
  baseUrl?: string;
  allowHttp?: boolean;
  /** The timeout of a whole call, including all attempts and waits, in seconds. */
  timeout?: number;
  connectTimeout?: number;
  maxAttempts?: number;
  /** The account's rate limit in calls per second; 0 is unlimited. */
  rateLimit?: number;
  /** `'auto'`, `'process'`, `'host'`, or `'redis://host:port/db'`. */
  rateScope?: string;
  /** The directory of the shared rate file. */
  rateDir?: string;
  /** Such as `'2/5'`. */
  rateShare?: string;
  rateWait?: boolean;
  /** Seconds; 0 is off. */
  eidCooldown?: number;
  clockSkew?: boolean;
  /**
   * The meaning of platform error codes, such as `{ 45109: 'cooldown' }`; takes precedence over the published codes. Of the
   * kind `'platform'` are also `'final'`, the same call would fail again, and `'retry'`, which is retried as an HTTP 503 is.
   */
  errorCodes?: Record<string, 'auth' | 'rate_limited' | 'cooldown' | 'unavailable' | 'platform' | 'final' | 'retry'>;
  /** A batch stops after this many consecutive authentication failures. Default 20; 0 disables this. */
  maxAuthFailures?: number;
  /** How many seconds a batch holds its cards back while the platform is unreachable. Default 900; 0 disables holding. */
  outageTimeout?: number;
  strictEid?: boolean;
  /** Accepts EIDs that a spreadsheet or a JSON number seems to have rounded. */
  allowRoundedEid?: boolean;
  signMethod?: 'sha1' | 'md5';
  caFile?: string;
  /** A PEM file with the client certificate and its chain, for mutual TLS. Requires `clientKeyFile`. */
  clientCertFile?: string;
  /** The PEM file with the private key of the client certificate, without a passphrase. */
  clientKeyFile?: string;
  /** `http://[user:password@]host:port`; the scheme can also be `https`, `socks5` or `socks5h`. `'env'` reads the environment. */
  proxy?: string;
  /** The local IP address to connect from. */
  sourceAddress?: string;
  /** Names your program in the User-Agent header, such as `billing/2.3`. */
  userAgentSuffix?: string;
}

/** A successful reply. After a refresh, new figures may become visible a little later. */
export class Reply {
  /** The EID; empty for a call that does not concern a card. */
  readonly eid: string;
  /** Always `'200'`: all other codes are errors. */
  readonly code: string;
  /** The platform's message, verbatim: show it, but do not compare it. */
  readonly message: string;
  /** The reply's data as JSON text, or null. */
  readonly dataJson: string | null;
  /** The same, parsed. */
  readonly data: unknown;
  /** How many requests the call took. */
  readonly attempts: number;
}

/**
 * A failed call. `message` says what happened, to which EID, and what to do about it. If an AbortSignal cancelled the call,
 * its kind is `'cancelled'` and its `cause` the signal's reason.
 */
export class EiotError extends Error {
  /** The error kind, the same in every language, such as `'timeout'`. */
  readonly kind: string;
  /** The status of the C library for this kind. */
  readonly status: number;
  /** The platform's error code, verbatim. */
  readonly code: string | null;
  readonly platformMessage: string | null;
  /** The HTTP status of the response, or 0 if there was none. */
  readonly httpStatus: number;
  readonly attempts: number;
  /** How many milliseconds the platform asks to wait, or null. */
  readonly retryAfterMs: number | null;
  /** Whether the platform received the request. Check this before you repeat a call. */
  readonly delivered: 'no' | 'yes' | 'unknown';
  /**
   * Whether the same call would fail again no matter how network, account and platform change: for malformed EIDs and arguments, and
   * the platform's codes for invalid requests. Unpublished codes are never final.
   */
  readonly final: boolean;
  /** Whether the failure may pass by itself and it is safe to repeat this call. */
  readonly retryable: boolean;
  readonly eid: string | null;
  /** The first 2 KiB of the response body, verbatim, if the response is not the platform's, such as the HTML page of a proxy. */
  readonly body: Buffer | null;
  /** The response headers that help support, such as `'x-request-id'`, by their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The result of one card of a batch. */
export type Result = {
  /** The card's place among the EIDs, from 0. */
  index: number;
  /** The EID as it was given. */
  input: string;
  /** The EID without the whitespace around it. */
  eid: string;
  /** The same card came shortly before: this is its result, and nothing was sent. */
  isDuplicate: boolean;
} & ({ reply: Reply; error: null } | { reply: null; error: EiotError });

/** Refreshes the cards of one account. Create one and reuse it: it keeps a connection pool. */
export class Client {
  /** Throws `EiotError` of the kind `config`, which names the option. */
  constructor(options?: Options);
  /** Omitted options are taken from the environment: `EIOT_APPKEY`, `EIOT_SECRET`, … */
  static fromEnv(options?: Options): Client;
  /** A client with these options and otherwise those of this one, with which it shares connections and rate. */
  withOptions(options: Options): Client;
  /** Counters of the client: calls, attempts, errors by kind, retries, waits; docs/statistics.md of eiot explains each. Null once it is closed. */
  readonly stats: Record<string, unknown> | null;
  /** Refreshes one card on a thread of libuv's pool, of which there are four unless UV_THREADPOOL_SIZE says otherwise. */
  refreshUsage(eid: string, options?: { signal?: AbortSignal }): Promise<Reply>;
  /** The same, but blocks the event loop. */
  refreshUsageSync(eid: string): Reply;
  /**
   * Makes any other signed API call, such as `/api/v3/cloudesim/get`. If the reply is lost, the call is retried only when it is
   * idempotent. Read-only calls and refreshUsage are; for other calls pass `idempotent`.
   */
  call(path: string, parameters?: object | string, options?: { idempotent?: boolean; signal?: AbortSignal }): Promise<Reply>;
  /**
   * Refreshes many cards, with many calls in flight on one thread, and yields the results in order of completion, one for each card;
   * duplicates come back with the result of the first. Leaving the loop cancels calls in flight. Aborting `signal` stops sending: calls in flight complete, then the loop throws the signal's reason if
   * cards remain. `concurrency` is the maximum number of calls in flight, 1 to 1024; 0 is the default, 32.
   *
   * A batch that cannot succeed stops itself: after `maxAuthFailures` consecutive authentication failures, or when the platform
   * was unreachable for `outageTimeout`. All remaining cards then come back with an error of the cause's kind, attempts 0 and
   * delivered `'no'`, which says why they were not sent. During an outage it holds its cards back, and resumes when the platform
   * responds.
   */
  refreshMany(
    eids: Iterable<string> | AsyncIterable<string>,
    options?: { concurrency?: number; signal?: AbortSignal },
  ): AsyncGenerator<Result>;
  /** Closes the connections, once the calls in flight have completed. Later calls fail. */
  close(): void;
}

/** Refreshes one card with a process-wide client that is configured by the environment. Blocks the event loop. */
export function refreshUsageSync(eid: string): void;

/**
 * Throws `EiotError` of the kind `invalid_signature` unless the webhook's signature is valid. `payload` is the
 * raw body of the HTTP request; its appkey is not covered by the signature. `maxAge` is in seconds.
 */
export function verifyWebhook(
  payload: string | Buffer,
  secret: string,
  options?: { maxAge?: number; signMethod?: 'sha1' | 'md5' },
): void;

/** Computes the platform's signature of flat parameters, upper-case hex. */
export function sign(parameters: Record<string, string | number>, secret: string, signMethod?: 'sha1' | 'md5'): string;

/** The kind behind a status number. */
export function kind(status: number): string;

/** The version of the library. */
export function version(): string;
