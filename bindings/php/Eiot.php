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
    public function __construct(
        public string $eid,
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
        bool $fromEnv = false,
    ) {
        $options = array_diff_key(get_defined_vars(), ['fromEnv' => true, 'this' => true]);
        $config = Library::make('eiot_config', $fromEnv ? 'eiot_config_from_env' : 'eiot_config_new');
        try {
            foreach ($options as $name => $value) {
                // maxAttempts is max_attempts in all other languages, and so in messages.
                Library::setOption($config, strtolower(preg_replace('/[A-Z]/', '_$0', $name)), $value);
            }
            $this->handle = Library::make('eiot_client', 'eiot_client_new', $config);
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
     * order of completion, failures as results with an error. EIDs are read while there is room, so a generator of a million
     * needs no memory. Duplicates are skipped. Leaving the loop cancels calls in flight.
     *
     * A batch that cannot succeed stops itself: after maxAuthFailures consecutive authentication failures, or when the
     * platform was unreachable for outageTimeout. All remaining cards then come back with an error of the cause's kind,
     * attempts 0 and Delivered::No, which says why they were not sent. During an outage it holds its cards back, and resumes when
     * the platform responds.
     *
     * @param iterable<string> $eids
     *
     * @return \Generator<int, Result>
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

    /** @param iterable<string> $eids */
    private function results(iterable $eids, int $concurrency): \Generator
    {
        $library = Library::get();
        $batch = Library::make('eiot_batch', 'eiot_batch_new', $this->open(), $concurrency, null);
        try {
            $source = (static fn (): \Generator => yield from $eids)();
            $begun = $ended = false;
            while (true) {
                // The source moves on only when there is room: it may have to wait for its next card.
                while (!$ended && $library->eiot_batch_has_room($batch) !== 0) {
                    if ($begun) {
                        $source->next();
                    }
                    $begun = true;
                    if ($source->valid()) {
                        self::push($batch, $source->current());
                    } else {
                        $ended = true;
                    }
                }
                try {
                    $reply = Library::make('eiot_reply', 'eiot_batch_next', $batch);
                } catch (EiotException $error) {
                    yield new Result($error->eid ?? throw $error, null, $error);
                    continue;
                }
                if (FFI::isNull($reply)) {
                    return;
                }
                $reply = Library::takeReply($reply);
                yield new Result($reply->eid, $reply, null);
            }
        } finally {
            $library->eiot_batch_free($batch);
        }
    }

    private static function push(CData $batch, string $eid): void
    {
        Library::call('eiot_batch_push', $batch, $eid, \strlen($eid));
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

    private const DECLARATIONS = <<<'C'
        typedef struct eiot_batch eiot_batch;
        typedef struct eiot_cancel eiot_cancel;
        typedef struct eiot_client eiot_client;
        typedef struct eiot_config eiot_config;
        typedef struct eiot_error eiot_error;
        typedef struct eiot_reply eiot_reply;
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
        void eiot_config_free(eiot_config *);
        int32_t eiot_client_new(const eiot_config *, eiot_client **, eiot_error **);
        int32_t eiot_client_refresh_usage_with_cancel(const eiot_client *, const char *, size_t, const eiot_cancel *,
                                                      eiot_reply **, eiot_error **);
        int32_t eiot_client_call(const eiot_client *, const char *, size_t, const char *, size_t, int32_t,
                                 const eiot_cancel *, eiot_reply **, eiot_error **);
        void eiot_client_free(eiot_client *);
        int32_t eiot_batch_new(const eiot_client *, uint32_t, const eiot_cancel *, eiot_batch **, eiot_error **);
        int32_t eiot_batch_has_room(const eiot_batch *);
        int32_t eiot_batch_push(eiot_batch *, const char *, size_t, eiot_error **);
        int32_t eiot_batch_next(eiot_batch *, eiot_reply **, eiot_error **);
        void eiot_batch_free(eiot_batch *);
        int32_t eiot_refresh_usage_n(const char *, size_t, eiot_error **);
        int32_t eiot_webhook_verify(const char *, size_t, const char *, size_t, int32_t, uint64_t, eiot_error **);
        int32_t eiot_sign(const char *const *, const char *const *, size_t, const char *, size_t, int32_t, char *, size_t,
                          eiot_error **);
        C;

    private static ?FFI $ffi = null;

    public static function get(): FFI
    {
        return self::$ffi ??= FFI::cdef(self::DECLARATIONS, getenv('EIOT_LIBRARY') ?: 'libeiot.so.0');
    }

    /** Calls a function that gives a status, with a place for its error as the last argument. */
    public static function call(string $function, #[\SensitiveParameter] mixed ...$arguments): void
    {
        $library = self::get();
        $error = $library->new('eiot_error *');
        $status = $library->$function(...$arguments, ...[FFI::addr($error)]);
        if ($status !== 0) {
            throw self::takeError($status, $error);
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

    public static function takeReply(CData $reply): Reply
    {
        $library = self::get();
        try {
            $json = $library->eiot_reply_data_json($reply);

            return new Reply(
                eid: $library->eiot_reply_eid($reply),
                code: $library->eiot_reply_code($reply),
                message: $library->eiot_reply_message($reply),
                dataJson: $json,
                data: $json === null ? null : json_decode($json, true, 512, \JSON_BIGINT_AS_STRING),
                attempts: $library->eiot_reply_attempts($reply),
            );
        } finally {
            $library->eiot_reply_free($reply);
        }
    }

    private static function takeError(int $status, CData $error): EiotException
    {
        $library = self::get();
        try {
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
                isFinal: $library->eiot_error_is_final($error) !== 0,
                body: $body === null ? null : FFI::string($body, $length->cdata),
                headers: $headers,
            );
        } finally {
            $library->eiot_error_free($error);
        }
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
