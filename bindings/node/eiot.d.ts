/** Options of a client; `eiot refresh --help` explains each. Times are seconds. What is missing has its default. */
export interface Options {
  /** Identifies the account's application. Required. */
  appkey?: string;
  /** Signs each request and is never sent. Required, here or through `secretFile`. */
  secret?: string;
  /** A file that holds the secret and nothing else. */
  secretFile?: string;
  baseUrl?: string;
  allowHttp?: boolean;
  /** The deadline of a whole call, all attempts and waits included, in seconds. */
  timeout?: number;
  connectTimeout?: number;
  maxAttempts?: number;
  /** Calls a second that the account may make, 0 for any number. */
  rateLimit?: number;
  /** `'auto'`, `'process'`, `'host'`, or `'redis://host:port/db'`. */
  rateScope?: string;
  /** The directory of the file that processes share. */
  rateDir?: string;
  /** Such as `'2/5'`. */
  rateShare?: string;
  rateWait?: boolean;
  /** Seconds; 0 is off. */
  eidCooldown?: number;
  clockSkew?: boolean;
  /**
   * What error codes of the platform mean, such as `{ 45109: 'cooldown' }`; takes precedence over the published codes. Of the
   * kind `'platform'` are also `'final'`, the same call would fail again, and `'retry'`, which is retried as an HTTP 503 is.
   */
  errorCodes?: Record<string, 'auth' | 'rate_limited' | 'cooldown' | 'unavailable' | 'platform' | 'final' | 'retry'>;
  /** A batch stops after so many refusals of the account in a row, 20; 0 is off. */
  maxAuthFailures?: number;
  /** How many seconds a batch holds its cards back while the platform cannot be reached, 900; 0 is off. */
  outageTimeout?: number;
  strictEid?: boolean;
  signMethod?: 'sha1' | 'md5';
  caFile?: string;
  /** A PEM file with the certificate chain that the client presents (mutual TLS). Requires `clientKeyFile`. */
  clientCertFile?: string;
  /** The PEM file with the private key of that certificate, without a passphrase. */
  clientKeyFile?: string;
  /** `http://[user:password@]host:port`; the scheme can also be `https`, `socks5` or `socks5h`. `'env'` reads the environment. */
  proxy?: string;
  /** The local IP address that connections are made from. */
  sourceAddress?: string;
  /** Names the calling program in the user agent, such as `billing/2.3`. */
  userAgentSuffix?: string;
}

/** The platform has accepted. After a refresh, new figures may become visible a little later. */
export class Reply {
  /** The card; empty for a call that is not about one. */
  readonly eid: string;
  /** Always `'200'`: every other code is an error. */
  readonly code: string;
  /** Exactly as it came: show it, never compare it. */
  readonly message: string;
  /** The reply's data as JSON text, or null. */
  readonly dataJson: string | null;
  /** The same, parsed. */
  readonly data: unknown;
  /** How many requests it took. */
  readonly attempts: number;
}

/**
 * Why a call did not succeed; `message` says what happened, to which EID, and what to do. Where an AbortSignal broke the call off,
 * its kind is `'cancelled'` and its `cause` the signal's reason.
 */
export class EiotError extends Error {
  /** The kind by its name in every language, such as `'timeout'`. */
  readonly kind: string;
  /** The kind by number, as the C library returns it. */
  readonly status: number;
  /** The platform's own code, exactly as it came. */
  readonly code: string | null;
  readonly platformMessage: string | null;
  /** 0 when there was no reply. */
  readonly httpStatus: number;
  readonly attempts: number;
  /** How long the platform asks to wait, in milliseconds. */
  readonly retryAfterMs: number | null;
  /** Did the platform get the request? What to look at before repeating a call. */
  readonly delivered: 'no' | 'yes' | 'unknown';
  /**
   * Whether the same call would fail again, whatever becomes of network, account and platform: malformed EIDs and arguments, and
   * the platform's codes for a wrong request. A code that is not published is never final.
   */
  readonly final: boolean;
  readonly eid: string | null;
  /** The first 2 KiB of the response body, verbatim, when the response is not the platform's, such as the HTML page of a proxy. */
  readonly body: Buffer | null;
  /** The response headers that help support, such as `'x-request-id'`, by their names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What became of one card of many. */
export type Result = { eid: string; reply: Reply; error: null } | { eid: string; reply: null; error: EiotError };

/** Refreshes the cards of one account. Make one and keep it: it holds connections open between calls. */
export class Client {
  /** Throws `EiotError` of the kind `config`, which names the option. */
  constructor(options?: Options);
  /** What is not given is taken from the environment: `EIOT_APPKEY`, `EIOT_SECRET`, … */
  static fromEnv(options?: Options): Client;
  /** Refreshes one card on a thread of libuv's pool, of which there are four unless UV_THREADPOOL_SIZE says otherwise. */
  refreshUsage(eid: string, options?: { signal?: AbortSignal }): Promise<Reply>;
  /** The same, while the event loop waits. */
  refreshUsageSync(eid: string): Reply;
  /**
   * Any other signed call, such as `/api/v3/cloudesim/get`. One that is not known to be harmless to repeat is not repeated
   * when its reply is lost, unless `idempotent` says so.
   */
  call(path: string, parameters?: object | string, options?: { idempotent?: boolean; signal?: AbortSignal }): Promise<Reply>;
  /**
   * Refreshes many cards, many at once on one thread, and gives the results as they come. Leaving the loop ends it. When `signal`
   * is aborted, no more are sent: what is under way still comes back, and then the loop throws the signal's reason if cards were
   * left. At most `concurrency` calls are under way at once, 1 to 1024; 0 is the usual number, 32.
   *
   * A batch that cannot succeed stops by itself: after `maxAuthFailures` refusals of the account in a row, and when the platform
   * could not be reached for `outageTimeout`. All remaining cards then come back with an error of the cause's kind, attempts 0 and
   * delivered `'no'`, which says why they were not sent. In an outage it holds its cards back, and goes on when the platform
   * answers.
   */
  refreshMany(
    eids: Iterable<string> | AsyncIterable<string>,
    options?: { concurrency?: number; signal?: AbortSignal },
  ): AsyncGenerator<Result>;
  /** Closes the connections, once the calls that are under way have ended. Later calls fail. */
  close(): void;
}

/** Refreshes one card with a client of the whole process, which the environment configures; the event loop waits. */
export function refreshUsageSync(eid: string): void;

/**
 * Throws `EiotError` of the kind `invalid_signature` unless a webhook is signed with the secret, and unchanged. `payload` is the
 * body of its HTTP request as it came; its appkey is not signed. `maxAge` is in seconds.
 */
export function verifyWebhook(
  payload: string | Buffer,
  secret: string,
  options?: { maxAge?: number; signMethod?: 'sha1' | 'md5' },
): void;

/** The platform's signature of flat parameters, upper-case hex. */
export function sign(parameters: Record<string, string | number>, secret: string, signMethod?: 'sha1' | 'md5'): string;

/** The kind behind a status number. */
export function kind(status: number): string;

/** The version of the library. */
export function version(): string;
