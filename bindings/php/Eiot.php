<?php

/**
 * eiot: refresh the package usage of EIOTCLUB cloud eSIM cards, over the C library libeiot.
 *
 *     $client = new Eiot\Client(appkey: 'my-appkey', secret: 'my-secret', timeout: 10);
 *     echo $client->refreshUsage('89044011112233441122334411223321')->message;
 *
 * Text is UTF-8 in both directions. Every failure throws an {@see EiotException}. Calls block the process; a child made by
 * pcntl_fork may continue to use its parent's client.
 */

declare(strict_types=1);

namespace Eiot;

use FFI;
use FFI\CData;

/** What kind of failure it is, by the names that all languages have. Numbers and kinds are added to, never changed. */
enum Kind: string
{
    /** An argument other than the EID is invalid, or the client is closed. */
    case InvalidArgument = 'invalid_argument';
    /** The EID is not 1 to 32 decimal digits (or, in strict mode, not a GSMA EID). */
    case InvalidEid = 'invalid_eid';
    /** An option is missing or invalid; the message names it. */
    case Config = 'config';
    /** Connecting failed: DNS lookup, connection refused, host unreachable, proxy. */
    case Connect = 'connect';
    /** The TLS handshake failed, usually because the certificate is not signed by a trusted CA. */
    case Tls = 'tls';
    /** The deadline passed. */
    case Timeout = 'timeout';
    /** The connection was lost before the complete response arrived. */
    case ConnectionLost = 'connection_lost';
    /** The caller cancelled the call. */
    case Cancelled = 'cancelled';
    /** HTTP 401 or 403, code 403 or 502: credentials, rights, or the address is not on the allow-list. */
    case Auth = 'auth';
    /** HTTP 429, code 501, or no permit of the rate limiter before the deadline. */
    case RateLimited = 'rate_limited';
    /** The card was refreshed too recently. */
    case Cooldown = 'cooldown';
    /** The platform rejected the call with a code that has no more specific kind; isFinal says whether the same call would fail again. */
    case Platform = 'platform';
    /** Unexpected HTTP status. */
    case Http = 'http';
    /** The response could not be parsed: not the documented JSON, too large, or a redirect. */
    case Protocol = 'protocol';
    /** The platform is temporarily unavailable. */
    case Unavailable = 'unavailable';
    /** A webhook was signed with another secret, modified, or is too old. */
    case InvalidSignature = 'invalid_signature';
    /** A bug in the library. */
    case Internal = 'internal';
    /** A status that this file does not know: also a failure. */
    case Unknown = 'unknown';

    /** The kind behind a status number of the C library, other than 0. */
    public static function ofStatus(int $status): self
    {
        return self::tryFrom(Library::get()->eiot_status_kind($status)) ?? self::Unknown;
    }
}

/** Whether the platform received the request. Check this before you repeat a call. */
enum Delivered: string
{
    /** Nothing was sent: repeating is safe. */
    case No = 'no';
    /** The platform responded. */
    case Yes = 'yes';
    /** The request was at least partly sent, and no response arrived. */
    case Unknown = 'unknown';
}

/** The hash function of the signature. */
enum SignMethod: string
{
    /** What the platform documents. */
    case Sha1 = 'sha1';
    /** For gateways that require it. */
    case Md5 = 'md5';

    /** @internal */
    public function number(): int
    {
        return match ($this) {
            self::Sha1 => 1,
            self::Md5 => 2,
        };
    }
}

/** Which clients share the account's rate limit. */
enum RateScope: string
{
    /** All clients of the account in this process. */
    case Process = 'process';
    /** All processes of this user on this machine: what PHP-FPM and forked workers want. Also the default, if possible. */
    case Host = 'host';
}

/** A failed call. getMessage() says what happened, to which EID, and what to do about it; it never shows the secret. */
final class EiotException extends \RuntimeException
{
    /**
     * @param int         $status          the number of the kind in the C library, which getCode() is too
     * @param string|null $platformCode    the platform's error code, verbatim
     * @param string|null $platformMessage the platform's error message, verbatim, often Chinese
     * @param int|null    $httpStatus      of the reply; null when there was none
     * @param int         $attempts        how many requests were sent or started
     * @param float|null  $retryAfter      seconds that the platform asks to wait; null when it does not say
     * @param string|null $eid             the card, quoted and shortened where it is no EID; null when it is about none
     * @param bool        $isRetryable     whether the failure may pass by itself and it is safe to repeat this call
     * @param bool        $isFinal         whether the same call would fail again no matter how network, account and platform
     *                                     change: for malformed EIDs, and for the platform's codes for invalid requests
     * @param string|null $body            the first 2 KiB of the response body, verbatim, if the response is not the platform's,
     *                                     such as the HTML page of a proxy; otherwise null
     * @param array<string, string> $headers the response headers that help support, such as x-request-id, by their names in
     *                                     lower case; empty if there was no response
     */
    public function __construct(
        string $message,
        public readonly Kind $kind,
        public readonly int $status,
        public readonly Delivered $delivered = Delivered::No,
        public readonly ?string $platformCode = null,
        public readonly ?string $platformMessage = null,
        public readonly ?int $httpStatus = null,
        public readonly int $attempts = 0,
        public readonly ?float $retryAfter = null,
        public readonly ?string $eid = null,
        public readonly bool $isRetryable = false,
        public readonly bool $isFinal = false,
        public readonly ?string $body = null,
        public readonly array $headers = [],
    ) {
        parent::__construct($message, $status);
    }
}

/**
 * A successful reply. A refresh triggers one usage sync with the carrier; new figures may become visible a little
 * later.
 */
final readonly class Reply
{
    /**
     * @param string      $eid      the card that was refreshed, or the call's parameter "eid"; '' where there is none
     * @param string      $code     the platform's code, always "200"
     * @param string      $message  the platform's message, verbatim: show it, but do not compare it
     * @param string|null $dataJson the reply's data as JSON text, verbatim; null if there is none
     * @param mixed       $data     the same, decoded: objects are arrays, and integers too large for PHP text
     * @param int         $attempts how many requests the call took
     */
    public function __construct(
        public string $eid,
        public string $code,
        public string $message,
        public ?string $dataJson,
        public mixed $data,
        public int $attempts,
    ) {
    }
}

/** The result of one card of {@see Client::refreshMany()}: a reply or an error. */
final readonly class Result
{
    /**
     * @param int    $index       the card's place among the EIDs, from 0
     * @param string $input       the EID as it was given
     * @param string $eid         the EID without the whitespace around it
     * @param bool   $isDuplicate the same card came shortly before: this is its result, and nothing was sent
     */
    public function __construct(
        public int $index,
        public string $input,
        public string $eid,
        public bool $isDuplicate,
        public ?Reply $reply,
        public ?EiotException $error,
    ) {
    }
}

/**
 * A client of one account. Create one and reuse it: it keeps a connection pool and the account's rate limiter. It is closed when
 * it is forgotten, or by close(). It cannot be cloned or serialized, and no dump of it shows the secret.
 */
final class Client
{
    private ?CData $handle = null;

    /**
     * Sends nothing yet. What is null has its default. README.md of eiot explains each option.
     *
     * @param string|null              $secret         or secretFile, the path of a file that holds it
     * @param float|null               $timeout        seconds for a whole call, all attempts and waits included (30)
     * @param float|null               $connectTimeout seconds for making a connection (5)
     * @param int|null                 $maxAttempts    requests that a call may make (3)
     * @param float|null               $rateLimit      the account's rate limit in calls per second (10), 0 for unlimited
     * @param string|null              $rateShare      this client's share of the rate limit: '2/5' is the second of five
     * @param bool|null                $rateWait       wait for the rate limiter (true), or fail immediately
     * @param float|null               $eidCooldown    seconds in which a card is not refreshed again (0)
     * @param bool|null                $clockSkew      learn how far this machine's clock is off (true)
     * @param array<string, Kind|string>|null $codes   what error codes of the platform mean: Auth, RateLimited, Cooldown,
     *                                                 Unavailable, Platform, 'final' or 'retry'; before the published ones
     * @param int|null                 $maxAuthFailures consecutive authentication failures that stop a batch (20), 0 for any number
     * @param float|null               $outageTimeout  seconds that a batch waits for a platform that cannot be reached (900)
     * @param bool|null                $strictEid      ask for GSMA EIDs: 32 digits that pass the check
     * @param bool|null                $allowRoundedEid accept EIDs that a spreadsheet or a JSON number seems to have rounded
     * @param string|null              $caFile         a PEM file of authorities to trust in place of the system's
     * @param string|null              $clientCertFile a PEM file with the certificate chain that the client presents (mutual TLS)
     * @param string|null              $clientKeyFile  the PEM file with its private key, without a passphrase
     * @param string|null              $proxy          http://[user:password@]host:port, or https, socks5 or socks5h; 'env' reads
     *                                                 HTTPS_PROXY, ALL_PROXY and NO_PROXY
     * @param string|null              $sourceAddress  the local IP address that connections are made from
     * @param string|null              $userAgentSuffix names your program in the User-Agent header, such as billing/2.3
     * @param bool|null                $allowHttp      allow plain http to any address
     * @param (callable(string): mixed)|null $log       is given one line per attempt, and when a batch holds its cards back, resumes or
     *                                                 stops itself; without secret or signature. What it throws is discarded
     * @param (callable(array<string, mixed>): mixed)|null $events is given each attempt and each local refusal, as docs/statistics.md of
     *                                                 eiot describes them; called as $log is
     * @param self|null                $from           take what is null from this client, and share its connections and rate
     * @param bool                     $fromEnv        take what is null from the environment: EIOT_APPKEY and so on
     *
     * @throws EiotException of Kind::Config; its message names the option that cannot be used
     */
    public function __construct(
        ?string $appkey = null,
        #[\SensitiveParameter] ?string $secret = null,
        ?string $secretFile = null,
        ?string $baseUrl = null,
        ?float $timeout = null,
        ?float $connectTimeout = null,
        ?int $maxAttempts = null,
        ?float $rateLimit = null,
        RateScope|string|null $rateScope = null,
        ?string $rateDir = null,
        ?string $rateShare = null,
        ?bool $rateWait = null,
        ?float $eidCooldown = null,
        ?bool $clockSkew = null,
        ?array $errorCodes = null,
        ?int $maxAuthFailures = null,
        ?float $outageTimeout = null,
        ?bool $strictEid = null,
        ?bool $allowRoundedEid = null,
        ?SignMethod $signMethod = null,
        ?string $caFile = null,
        ?string $clientCertFile = null,
        ?string $clientKeyFile = null,
        #[\SensitiveParameter] ?string $proxy = null,
        ?string $sourceAddress = null,
        ?string $userAgentSuffix = null,
        ?bool $allowHttp = null,
        ?callable $log = null,
        ?callable $events = null,
        ?self $from = null,
        bool $fromEnv = false,
    ) {
        $options = array_diff_key(get_defined_vars(), array_flip(['log', 'events', 'from', 'fromEnv', 'this']));
        $config = $from !== null
            ? Library::make('eiot_config', 'eiot_config_from_client', $from->open())
            : Library::make('eiot_config', $fromEnv ? 'eiot_config_from_env' : 'eiot_config_new');
        try {
            foreach ($options as $name => $value) {
                // maxAttempts is max_attempts in all other languages, and so in messages.
                Library::setOption($config, strtolower(preg_replace('/[A-Z]/', '_$0', $name)), $value);
            }
            if ($log !== null) {
                Library::setCallback('eiot_config_set_log', $config, static fn (mixed $line) => $log(Library::string($line)));
            }
            if ($events !== null) {
                Library::setCallback('eiot_config_set_event_callback', $config, static fn (CData $event) => $events(Library::event($event)));
            }
            $this->handle = $from !== null
                ? Library::make('eiot_client', 'eiot_client_with_options', $from->open(), $config)
                : Library::make('eiot_client', 'eiot_client_new', $config);
        } finally {
            Library::get()->eiot_config_free($config);
        }
    }

    /**
     * A client configured by the environment: EIOT_APPKEY, EIOT_SECRET and so on. With options of one's own it is
     * `new Client(timeout: 10, fromEnv: true)`: named arguments gathered by this method would show in stack traces.
     *
     * @throws EiotException
     */
    public static function fromEnv(): self
    {
        return new self(fromEnv: true);
    }

    /**
     * A client with these options, named as those of the constructor, and otherwise those of this one, with which it shares connections and
     * rate: `$client->withOptions(timeout: 3)->refreshUsage($eid)`.
     *
     * @throws EiotException
     */
    public function withOptions(#[\SensitiveParameter] mixed ...$options): self
    {
        return new self(...$options, from: $this);
    }

    /**
     * Counters of this client and of those that share its connections: calls, attempts, errors by kind, retries,
     * waits. docs/statistics.md of eiot describes them.
     *
     * @return array<string, mixed>
     */
    public function stats(): array
    {
        $library = Library::get();
        for ($size = 2048;; $size = $length + 1024) {
            $room = $library->new("char[{$size}]");
            $length = $library->eiot_client_stats_json($this->open(), $room, $size);
            if ($length < $size) {
                return json_decode(FFI::string($room, $length), true, 512, \JSON_THROW_ON_ERROR);
            }
        }
    }

    /**
     * Refreshes the package usage of one card and waits for the reply, at most `timeout` seconds. Surrounding whitespace is
     * ignored.
     *
     * @throws EiotException
     */
    public function refreshUsage(string $eid): Reply
    {
        return Library::takeReply(Library::make(
            'eiot_reply',
            'eiot_client_refresh_usage_with_cancel',
            $this->open(),
            $eid,
            \strlen($eid),
            null,
        ));
    }

    /**
     * Refreshes many cards, with up to `concurrency` calls (1 to 1024; 0: 32) in flight on this thread. Yields results in
     * order of completion, failures as results with an error, each under the key that its EID has in `eids`. Each card comes back exactly
     * once, duplicates with the result of the first. EIDs are read while there is room, so a generator of a million needs no
     * memory. Leaving the loop cancels calls in flight.
     *
     * A batch that cannot succeed stops itself: after maxAuthFailures consecutive authentication failures, or when the
     * platform was unreachable for outageTimeout. All remaining cards then come back with an error of the cause's kind,
     * attempts 0 and Delivered::No, which says why they were not sent. During an outage it holds its cards back, and resumes when
     * the platform responds.
     *
     * @template K
     *
     * @param iterable<K, string> $eids
     *
     * @return \Generator<K, Result>
     *
     * @throws EiotException when there can be no batch at all
     */
    public function refreshMany(iterable $eids, int $concurrency = 0): \Generator
    {
        // Not in the generator itself: a mistake shows here, and not where the loop begins.
        if ($concurrency < 0 || $concurrency > 1024) {
            throw new \ValueError("concurrency must be 1 to 1024, or 0, not {$concurrency}");
        }
        $this->open();

        return $this->results($eids, $concurrency);
    }

    /** @param iterable<mixed, string> $eids */
    private function results(iterable $eids, int $concurrency): \Generator
    {
        $library = Library::get();
        $batch = Library::make('eiot_batch', 'eiot_batch_new', $this->open(), $concurrency, null);
        try {
            $source = (static fn (): \Generator => yield from $eids)();
            $begun = $ended = false;
            $keys = [];
            $count = 0;
            while (true) {
                // The source moves on only when there is room: it may have to wait for its next card.
                while (!$ended && $library->eiot_batch_has_room($batch) !== 0) {
                    if ($begun) {
                        $source->next();
                    }
                    $begun = true;
                    if ($source->valid()) {
                        self::push($batch, $source->current(), $count);
                        $keys[$count++] = $source->key();
                    } else {
                        $ended = true;
                    }
                }
                $result = Library::make('eiot_result', 'eiot_batch_next', $batch, Library::FOREVER);
                if (FFI::isNull($result)) {
                    return;
                }
                $result = Library::takeResult($result);
                $key = $keys[$result->index];
                unset($keys[$result->index]);
                yield $key => $result;
            }
        } finally {
            $library->eiot_batch_free($batch);
        }
    }

    private static function push(CData $batch, string $eid, int $tag): void
    {
        Library::call('eiot_batch_push', $batch, $eid, \strlen($eid), $tag);
    }

    /**
     * Makes any other signed API call, such as '/api/v3/cloudesim/get', and waits for the reply. appkey,
     * timestamp, nonce and sign are added. If the reply is lost, the call is retried only when it is idempotent. Read-only
     * calls and refreshUsage are; for other calls pass `idempotent`.
     *
     * @param array<string, mixed> $parameters EIDs as text: an integer has no room for 32 digits
     *
     * @throws EiotException
     * @throws \JsonException when the parameters cannot be JSON
     */
    public function call(string $path, array $parameters = [], bool $idempotent = false): Reply
    {
        $flags = \JSON_THROW_ON_ERROR | \JSON_UNESCAPED_UNICODE | \JSON_UNESCAPED_SLASHES | \JSON_PRESERVE_ZERO_FRACTION;
        $json = json_encode((object) $parameters, $flags);

        return Library::takeReply(Library::make(
            'eiot_reply',
            'eiot_client_call',
            $this->open(),
            $path,
            \strlen($path),
            $json,
            \strlen($json),
            (int) $idempotent,
            null,
        ));
    }

    /** Closes the connections. Later calls throw; closing again has no effect. Batches that have started keep working. */
    public function close(): void
    {
        if ($this->handle !== null) {
            $handle = $this->handle;
            $this->handle = null;
            Library::get()->eiot_client_free($handle);
        }
    }

    public function __destruct()
    {
        $this->close();
    }

    private function __clone()
    {
    }

    public function __serialize(): array
    {
        throw new \LogicException('An Eiot\Client cannot be serialized; make one where it is needed.');
    }

    public function __unserialize(array $data): void
    {
        throw new \LogicException('An Eiot\Client cannot be unserialized.');
    }

    private function open(): CData
    {
        return $this->handle
            ?? throw new EiotException('the client is closed', Kind::InvalidArgument, Library::INVALID_ARGUMENT, isFinal: true);
    }
}

/**
 * Refreshes one card with a process-wide client that is configured by the environment at the first call. It outlives the
 * requests of PHP-FPM, and with it the connection and the account's rate.
 *
 * @throws EiotException
 */
function refreshUsage(string $eid): void
{
    Library::call('eiot_refresh_usage_n', $eid, \strlen($eid));
}

/**
 * Verifies the signature of a webhook, and that its timestamp is at most `maxAge` seconds from this machine's clock. Throws an
 * EiotException of Kind::InvalidSignature. Does no I/O.
 *
 * @param string     $payload the raw body of the webhook's HTTP request: file_get_contents('php://input')
 * @param float|null $maxAge  null: any age
 *
 * @throws EiotException
 */
function verifyWebhook(
    string $payload,
    #[\SensitiveParameter] string $secret,
    ?float $maxAge = null,
    SignMethod $method = SignMethod::Sha1,
): void {
    $maxAgeMs = $maxAge === null ? 0 : (int) max(1, round($maxAge * 1000));
    Library::call('eiot_webhook_verify', $payload, \strlen($payload), $secret, \strlen($secret), $method->number(), $maxAgeMs);
}

/**
 * Signs flat parameters as the platform does, for calls that the program makes itself: upper-case hex. Empty values and a
 * parameter "sign" are left out.
 *
 * @param array<string, string|int> $parameters
 *
 * @throws EiotException
 */
function sign(array $parameters, #[\SensitiveParameter] string $secret, SignMethod $method = SignMethod::Sha1): string
{
    $names = Library::texts(array_keys($parameters));
    $values = Library::texts(array_values($parameters));
    $sign = Library::get()->new('char[41]');
    Library::call(
        'eiot_sign',
        $names[0],
        $values[0],
        \count($parameters),
        $secret,
        \strlen($secret),
        $method->number(),
        $sign,
        FFI::sizeof($sign),
    );

    return FFI::string($sign);
}

/** The version of the library. */
function version(): string
{
    return Library::get()->eiot_version();
}

/**
 * The C library, and what all calls of it have in common.
 *
 * @internal
 */
final class Library
{
    public const INVALID_ARGUMENT = 1;
    /** How long to wait for the next result. */
    public const FOREVER = -1;

    private const DECLARATIONS = <<<'C'
        typedef struct eiot_batch eiot_batch;
        typedef struct eiot_cancel eiot_cancel;
        typedef struct eiot_client eiot_client;
        typedef struct eiot_config eiot_config;
        typedef struct eiot_error eiot_error;
        typedef struct eiot_event eiot_event;
        typedef struct eiot_reply eiot_reply;
        typedef struct eiot_result eiot_result;
        const char *eiot_version(void);
        const char *eiot_status_kind(int32_t);
        const char *eiot_delivered_name(int32_t);
        const char *eiot_error_message(const eiot_error *);
        const char *eiot_error_eid(const eiot_error *);
        const char *eiot_error_platform_code(const eiot_error *);
        const char *eiot_error_platform_message(const eiot_error *);
        int32_t eiot_error_http_status(const eiot_error *);
        uint32_t eiot_error_attempts(const eiot_error *);
        int64_t eiot_error_retry_after_ms(const eiot_error *);
        int32_t eiot_error_delivered(const eiot_error *);
        int32_t eiot_error_is_final(const eiot_error *);
        int32_t eiot_error_is_retryable(const eiot_error *);
        const char *eiot_error_header(const eiot_error *, const char *);
        const char *eiot_error_header_name(const eiot_error *, size_t);
        const void *eiot_error_body(const eiot_error *, size_t *);
        void eiot_error_free(eiot_error *);
        const char *eiot_reply_eid(const eiot_reply *);
        const char *eiot_reply_code(const eiot_reply *);
        const char *eiot_reply_message(const eiot_reply *);
        const char *eiot_reply_data_json(const eiot_reply *);
        uint32_t eiot_reply_attempts(const eiot_reply *);
        void eiot_reply_free(eiot_reply *);
        int32_t eiot_config_new(eiot_config **, eiot_error **);
        int32_t eiot_config_from_env(eiot_config **, eiot_error **);
        int32_t eiot_config_set_option(eiot_config *, const char *, size_t, const char *, size_t, eiot_error **);
        int32_t eiot_config_set_log(eiot_config *, void (*)(const char *, void *), void *, eiot_error **);
        int32_t eiot_config_set_event_callback(eiot_config *, void (*)(const eiot_event *, void *), void *, eiot_error **);
        const char *eiot_event_json(const eiot_event *);
        int32_t eiot_config_from_client(const eiot_client *, eiot_config **, eiot_error **);
        void eiot_config_free(eiot_config *);
        int32_t eiot_client_new(const eiot_config *, eiot_client **, eiot_error **);
        int32_t eiot_client_with_options(const eiot_client *, const eiot_config *, eiot_client **, eiot_error **);
        size_t eiot_client_stats_json(const eiot_client *, char *, size_t);
        int32_t eiot_client_refresh_usage_with_cancel(const eiot_client *, const char *, size_t, const eiot_cancel *,
                                                      eiot_reply **, eiot_error **);
        int32_t eiot_client_call(const eiot_client *, const char *, size_t, const char *, size_t, int32_t,
                                 const eiot_cancel *, eiot_reply **, eiot_error **);
        void eiot_client_free(eiot_client *);
        int32_t eiot_batch_new(const eiot_client *, uint32_t, const eiot_cancel *, eiot_batch **, eiot_error **);
        int32_t eiot_batch_has_room(const eiot_batch *);
        int32_t eiot_batch_push(eiot_batch *, const char *, size_t, uint64_t, eiot_error **);
        int32_t eiot_batch_next(eiot_batch *, int64_t, eiot_result **, eiot_error **);
        uint64_t eiot_result_tag(const eiot_result *);
        int32_t eiot_result_status(const eiot_result *);
        const char *eiot_result_input(const eiot_result *);
        const char *eiot_result_eid(const eiot_result *);
        int32_t eiot_result_is_duplicate(const eiot_result *);
        const eiot_reply *eiot_result_reply(const eiot_result *);
        const eiot_error *eiot_result_error(const eiot_result *);
        void eiot_result_free(eiot_result *);
        void eiot_batch_free(eiot_batch *);
        int32_t eiot_refresh_usage_n(const char *, size_t, eiot_error **);
        int32_t eiot_webhook_verify(const char *, size_t, const char *, size_t, int32_t, uint64_t, eiot_error **);
        int32_t eiot_sign(const char *const *, const char *const *, size_t, const char *, size_t, int32_t, char *, size_t,
                          eiot_error **);
        C;

    private static ?FFI $ffi = null;

    public static function get(): FFI
    {
        $usual = ['Windows' => 'eiot.dll', 'Darwin' => 'libeiot.0.1.dylib'][\PHP_OS_FAMILY] ?? 'libeiot.so.0.1';

        return self::$ffi ??= self::load(getenv('EIOT_LIBRARY') ?: $usual);
    }

    private static function load(string $library): FFI
    {
        try {
            return FFI::cdef(self::DECLARATIONS, $library);
        } catch (FFI\Exception $cause) {
            if (!str_contains($cause->getMessage(), 'loading')) {
                throw $cause;
            }
            $remedy = 'install libeiot and run ldconfig, set LD_LIBRARY_PATH to its directory, or set EIOT_LIBRARY to its path';
            throw new FFI\Exception("cannot load {$library}: {$remedy} ({$cause->getMessage()})", 0, $cause);
        }
    }

    /** Calls a function that gives a status, with a place for its error as the last argument. */
    public static function call(string $function, #[\SensitiveParameter] mixed ...$arguments): void
    {
        $library = self::get();
        $error = $library->new('eiot_error *');
        $status = $library->$function(...$arguments, ...[FFI::addr($error)]);
        if ($status !== 0) {
            try {
                throw self::readError($status, $error);
            } finally {
                $library->eiot_error_free($error);
            }
        }
    }

    /** The same for a function that makes something, with a place for it before that. It may be NULL. */
    public static function make(string $type, string $function, #[\SensitiveParameter] mixed ...$arguments): CData
    {
        $made = self::get()->new("{$type} *");
        self::call($function, ...$arguments, ...[FFI::addr($made)]);

        return $made;
    }

    /** Sets an option from a value of PHP's, unless that is null. */
    public static function setOption(CData $config, string $name, #[\SensitiveParameter] mixed $value): void
    {
        if (\is_array($value)) {
            $pair = static fn (string|int $code, Kind|string $kind): string => $code . '=' . ($kind->value ?? $kind);
            $value = implode(',', array_map($pair, array_keys($value), $value));
        }
        $text = match (true) {
            \is_bool($value) => $value ? 'on' : 'off',
            $value instanceof \BackedEnum => (string) $value->value,
            default => (string) $value,
        };
        if ($value !== null) {
            self::call('eiot_config_set_option', $config, $name, \strlen($name), $text, \strlen($text));
        }
    }

    /** C calls it on the thread that makes the call, which PHP needs. */
    public static function setCallback(string $setter, CData $config, callable $callback): void
    {
        $harmless = static function (mixed $told) use ($callback): void {
            try {
                $callback($told);
            } catch (\Throwable) {
                // Nothing may be thrown through C, and the call is not to fail for it.
            }
        };
        self::call($setter, $config, $harmless, null);
    }

    /** PHP gives a callback C strings as pointers. */
    public static function string(string|CData $text): string
    {
        return \is_string($text) ? $text : FFI::string($text);
    }

    /** @return array<string, mixed> */
    public static function event(CData $event): array
    {
        return json_decode(self::get()->eiot_event_json($event), true, 512, \JSON_THROW_ON_ERROR | \JSON_BIGINT_AS_STRING);
    }

    public static function takeReply(CData $reply): Reply
    {
        try {
            return self::readReply($reply);
        } finally {
            self::get()->eiot_reply_free($reply);
        }
    }

    public static function takeResult(CData $result): Result
    {
        $library = self::get();
        try {
            [$reply, $error] = [$library->eiot_result_reply($result), $library->eiot_result_error($result)];

            return new Result(
                index: $library->eiot_result_tag($result),
                input: $library->eiot_result_input($result),
                eid: $library->eiot_result_eid($result),
                isDuplicate: $library->eiot_result_is_duplicate($result) !== 0,
                reply: $reply === null ? null : self::readReply($reply),
                error: $error === null ? null : self::readError($library->eiot_result_status($result), $error),
            );
        } finally {
            $library->eiot_result_free($result);
        }
    }

    private static function readReply(CData $reply): Reply
    {
        $library = self::get();
        $json = $library->eiot_reply_data_json($reply);

        return new Reply(
            eid: $library->eiot_reply_eid($reply),
            code: $library->eiot_reply_code($reply),
            message: $library->eiot_reply_message($reply),
            dataJson: $json,
            data: $json === null ? null : json_decode($json, true, 512, \JSON_BIGINT_AS_STRING),
            attempts: $library->eiot_reply_attempts($reply),
        );
    }

    private static function readError(int $status, CData $error): EiotException
    {
        $library = self::get();
        $retryAfterMs = $library->eiot_error_retry_after_ms($error);
        $length = $library->new('size_t');
        $body = $library->eiot_error_body($error, FFI::addr($length));
        $headers = [];
        while (($name = $library->eiot_error_header_name($error, \count($headers))) !== null) {
            $headers[$name] = $library->eiot_error_header($error, $name);
        }

        return new EiotException(
            message: $library->eiot_error_message($error),
            kind: Kind::ofStatus($status),
            status: $status,
            delivered: Delivered::from($library->eiot_delivered_name($library->eiot_error_delivered($error))),
            platformCode: $library->eiot_error_platform_code($error),
            platformMessage: $library->eiot_error_platform_message($error),
            httpStatus: $library->eiot_error_http_status($error) ?: null,
            attempts: $library->eiot_error_attempts($error),
            retryAfter: $retryAfterMs < 0 ? null : $retryAfterMs / 1000,
            eid: $library->eiot_error_eid($error),
            isRetryable: $library->eiot_error_is_retryable($error) !== 0,
            isFinal: $library->eiot_error_is_final($error) !== 0,
            body: $body === null ? null : FFI::string($body, $length->cdata),
            headers: $headers,
        );
    }

    /**
     * An array of C strings, and what it points to, which must live as long.
     *
     * @param list<string|int> $texts
     *
     * @return array{CData, list<CData>}
     */
    public static function texts(array $texts): array
    {
        // An array of C's has at least one element.
        $pointers = self::get()->new('const char *[' . max(1, \count($texts)) . ']');
        $kept = [];
        foreach ($texts as $i => $text) {
            $text = self::text($text);
            $room = self::get()->new('char[' . (\strlen($text) + 1) . ']');
            FFI::memcpy($room, $text, \strlen($text));
            $pointers[$i] = self::get()->cast('char *', $room);
            $kept[] = $room;
        }

        return [$pointers, $kept];
    }

    private static function text(string|int $text): string
    {
        if (str_contains((string) $text, "\0")) {
            throw new \ValueError('a parameter must not contain a NUL');
        }

        return (string) $text;
    }
}
