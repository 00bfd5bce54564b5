/*
 * eiot: refresh the package usage of EIOTCLUB cloud eSIM cards.
 *
 *     #include <eiot.h>                               cc refresh.c $(pkg-config --cflags --libs eiot)
 *
 *     eiot_error *error;
 *     if (eiot_refresh_usage("89044011112233441122334411223321", &error) != EIOT_OK) {
 *         fprintf(stderr, "%s\n", eiot_error_message(error));
 *         eiot_error_free(error);
 *     }
 *
 * This example reads EIOT_APPKEY and EIOT_SECRET from the environment. A program with its own
 * configuration creates an eiot_config, from it an eiot_client, and calls
 * eiot_client_refresh_usage. To refresh many cards, use eiot_client_refresh_many or an eiot_batch.
 *
 * The following applies to all functions; their comments only add to it.
 *
 *   Errors        Functions that can fail return an eiot_status; EIOT_OK is 0. Details are stored
 *                 in *out_err, which is NULL on success. out_err may be NULL. All outputs are set
 *                 on every path: an output that does not apply is NULL.
 *   Ownership     You own every object that a function stores in an out_ parameter. Free it with
 *                 the _free function of its type; NULL is a no-op. Strings returned by a function
 *                 are borrowed: they live as long as the object they come from. Inputs are copied.
 *   Strings       UTF-8. A string with a length parameter does not need a terminating NUL. Pass
 *                 EIOT_NTS as the length of a NUL-terminated string.
 *   Threads       Functions that take a const pointer are thread-safe. All others require
 *                 exclusive access to the object. The library is safe to load with dlopen.
 *   Blocking      Only functions that make calls block, each until its timeout at most. I/O runs
 *                 on the calling thread; the library starts no threads, except for DNS lookups.
 *   Cancellation  Pass an eiot_cancel to a call or batch, and trigger it from another thread or a
 *                 signal handler. Calls check it every 50 ms and return EIOT_ERR_CANCELLED. On
 *                 Linux, pthread_cancel is deferred while a thread is inside the library.
 *   Memory        If the system refuses memory, the process is aborted (SIGABRT): nothing is
 *                 printed, and no function returns an error. A reply is limited to 64 KiB, of
 *                 eiot_client_call to 8 MiB.
 *   Stack         A thread that uses the library needs 128 KiB of stack.
 *   Process       The library installs no signal handlers and prints nothing. SIGPIPE never
 *                 reaches the host. After fork, both parent and child may continue to use their
 *                 objects; a batch in the child gives its cards back with an error. The
 *                 environment is read only where a function says so, except for SSL_CERT_FILE
 *                 and SSL_CERT_DIR, which override the system's CA certificates.
 *   Windows       Functions and callbacks are cdecl, the default of C and C++ compilers. For 32-bit
 *                 languages that can only call stdcall, such as Visual Basic 6, eiot_stdcall.dll
 *                 has the same functions under the same names; its callbacks are stdcall too. The
 *                 arguments of main() and the result of getenv() are in the ANSI code page, not in
 *                 UTF-8: convert them. Once used, the DLL stays loaded.
 *
 * All types are opaque; their size and layout may change at any time. What stays stable between
 * versions is described in docs/abi.md.
 *
 * This file is generated from the sources in crates/ffi; do not edit it.
 */

#ifndef EIOT_H
#define EIOT_H

#include <stddef.h>
#include <stdint.h>

/**
 * The version of this header. eiot_version() returns the version of the loaded library.
 */
#define EIOT_VERSION "0.1.0"
/**
 * Major version. Recompile when it changes; before 1.0, also when the minor version changes.
 */
#define EIOT_VERSION_MAJOR 0
/**
 * Minor version: additions; before 1.0, possibly incompatible changes.
 */
#define EIOT_VERSION_MINOR 1
/**
 * Patch version: bug fixes only.
 */
#define EIOT_VERSION_PATCH 0
/**
 * The version as one number: major * 65536 + minor * 256 + patch.
 */
#define EIOT_VERSION_NUM 0x000100

/**
 * Pass this as the length of a NUL-terminated string.
 */
#define EIOT_NTS ((size_t)-1)

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Buffer size in bytes that is large enough for any signature, including the terminating NUL.
 */
#define EIOT_SIGN_SIZE 41

/**
 * Refreshes many cards, with many calls in flight on the calling thread. Push EIDs while there is
 * room, take the next result, repeat. Memory use depends on the concurrency, not on the number of
 * cards. Prefer `eiot_client_refresh_many` if all EIDs are in an array.
 *
 * Every card that is pushed comes back exactly once, with the tag it was pushed with: refreshed,
 * failed, as a duplicate, or unsent because the batch had stopped.
 *
 * Each card is handled like a single call, including retries and rate limit; its timeout starts
 * when the rate limiter admits it. Calls make progress only inside `eiot_batch_next`, so process
 * results quickly or hand them to another thread. A batch always waits for the rate limiter, even
 * if rate_wait is off. Create a batch per job: a card that comes back is not called again in the
 * same batch, but is a duplicate.
 *
 * A batch that cannot succeed stops itself: after too many consecutive authentication failures
 * (`eiot_config_set_max_auth_failures`), or when the platform was unreachable for too long
 * (`eiot_config_set_outage_timeout_ms`). All remaining cards, including those pushed later, then
 * come back with the status of the cause (`EIOT_ERR_AUTH`, `EIOT_ERR_CONNECT` and so on), 0
 * attempts, `EIOT_DELIVERED_NO`, and a message that says why they were not sent. During an outage
 * a batch holds its cards back, probes with one of them at growing intervals (backoff), and
 * resumes when the platform responds; a card that failed during the outage is called again.
 *
 * Requires exclusive access. May outlive its client, but neither its cancellation token nor the
 * client's log callback. Free it with `eiot_batch_free`.
 */
typedef struct eiot_batch eiot_batch;

/**
 * A cancellation token. Shared by any number of calls; cannot be reset. Calls check it before
 * sending and every 50 ms while waiting, and then return `EIOT_ERR_CANCELLED`; a reply that
 * arrives first wins.
 *
 * Thread-safe. Must outlive all calls and batches that use it; free it with `eiot_cancel_free`.
 */
typedef struct eiot_cancel eiot_cancel;

/**
 * A client of one account. It keeps a connection pool and the state of the rate limiter, so create
 * one and reuse it.
 *
 * Thread-safe. After `fork`, both parent and child may continue to use it. Free it with
 * `eiot_client_free`.
 */
typedef struct eiot_client eiot_client;

/**
 * The options of a client. Options that depend on others are validated when a client is created.
 *
 * Requires exclusive access. A client copies its options: you can create several clients from one
 * `eiot_config`, and free it as soon as they exist.
 */
typedef struct eiot_config eiot_config;

/**
 * Details of a failed call: kind, message, attempts, the platform's own code, and whether the
 * platform received the request. A function that fails stores one in `*out_err` unless `out_err`
 * is NULL.
 *
 * Thread-safe, since it is immutable. Free it with `eiot_error_free`; its strings are UTF-8 and
 * live as long as it does.
 */
typedef struct eiot_error eiot_error;

/**
 * One attempt of a call that has ended, or a call that was refused before anything was sent: the
 * EID is malformed, the card is in its cooldown, the rate limiter has no permit, or the call was
 * cancelled while it waited for one. For metrics and structured logs; `eiot_event_json` has all
 * fields in one text.
 *
 * Valid until the callback that receives it returns, and so are its strings. Thread-safe.
 */
typedef struct eiot_event eiot_event;

/**
 * A successful reply of the platform. A refresh triggers one usage sync with the carrier; new
 * figures may become visible a little later.
 *
 * Thread-safe, since it is immutable. Free it with `eiot_reply_free`; its strings are UTF-8 and
 * live as long as it does.
 */
typedef struct eiot_reply eiot_reply;

/**
 * The outcome of one card of a batch: which card it was, and the platform's reply or the error.
 * Every card that was pushed has exactly one.
 *
 * Thread-safe, since it is immutable. Free it with `eiot_result_free`; its strings, its reply and
 * its error are borrowed and live as long as it does.
 */
typedef struct eiot_result eiot_result;

/**
 * The result of a call: `EIOT_OK` or one of the EIOT_ERR_ constants. The numbers never change.
 * Later versions may add new ones, so treat an unknown status as a failure.
 */
typedef int32_t eiot_status;

/**
 * Whether the platform received the request: one of the EIOT_DELIVERED_ constants.
 */
typedef int32_t eiot_delivered;

/**
 * Which clients share the account's rate limit: one of the EIOT_RATE_SCOPE_ constants.
 */
typedef int32_t eiot_rate_scope;

/**
 * The hash function of the signature: one of the EIOT_SIGN_ constants.
 */
typedef int32_t eiot_sign_method;

/**
 * A log callback. It receives one line per attempt, without secret or signature, such as
 * "eid=8904... attempt=1 timestamp=1700000000 nonce=12345 took_ms=35 outcome=http delivered=yes
 * http_status=503 again_after_ms=120". Timestamp and nonce identify the request to the platform's
 * support. Lines that begin with "batch: " report that a batch holds its cards back during an
 * outage, resumes, or stops; those with "rate limit: " an unusually long wait, or that the rate
 * limit is not shared; those with "configuration: " an option that should be changed. For programs,
 * `eiot_event_fn` is easier to read, and also receives calls that are refused before anything is
 * sent.
 *
 * `line` is NUL-terminated and valid until the callback returns. Called on the thread that makes
 * the call, so on several threads at once if they share a client. Must return normally: no
 * exceptions, no longjmp.
 */
typedef void (*eiot_log_fn)(const char *line, void *user_data);

/**
 * A callback that receives each event. `user_data` is what `eiot_config_set_event_callback` was
 * given.
 *
 * Called on the thread that makes the call, so on several threads at once if they share a client.
 * Must return normally: no exceptions, no longjmp. Must not call the library with the batch, or
 * free the client, that it is called from.
 */
typedef void (*eiot_event_fn)(const eiot_event *event, void *user_data);

/**
 * A callback that receives the result of one card. It is freed when the callback returns.
 *
 * Return 0 to continue; any other value stops sending. Called on the calling thread. Must return
 * normally: no exceptions, no longjmp.
 */
typedef int32_t (*eiot_result_fn)(const eiot_result *result, void *user_data);

/**
 * The call succeeded. For a refresh: the platform accepted it.
 */
#define EIOT_OK 0

/**
 * An argument other than the EID is invalid, for example a required pointer is NULL.
 */
#define EIOT_ERR_INVALID_ARGUMENT 1

/**
 * The EID is malformed: not 1 to 32 decimal digits or, in strict mode, not a GSMA EID.
 */
#define EIOT_ERR_INVALID_EID 2

/**
 * An option is missing or invalid.
 */
#define EIOT_ERR_CONFIG 3

/**
 * Connecting failed: DNS lookup, connection refused, host unreachable, proxy.
 */
#define EIOT_ERR_CONNECT 20

/**
 * The TLS handshake failed, usually because the certificate is not signed by a trusted CA.
 */
#define EIOT_ERR_TLS 21

/**
 * The call's deadline passed.
 */
#define EIOT_ERR_TIMEOUT 22

/**
 * The connection was lost before the complete response arrived.
 */
#define EIOT_ERR_IO 23

/**
 * The caller cancelled the call.
 */
#define EIOT_ERR_CANCELLED 24

/**
 * Authentication or authorization failed: credentials, their permissions, or the source IP address
 * (HTTP 401 or 403, the platform's codes 403 and 502).
 */
#define EIOT_ERR_AUTH 40

/**
 * Rate limit exceeded: the platform's (HTTP 429, its code 501), or the client's own rate limiter
 * has no permit before the deadline.
 */
#define EIOT_ERR_RATE_LIMITED 41

/**
 * The card was refreshed too recently.
 */
#define EIOT_ERR_COOLDOWN 42

/**
 * The platform rejected the call with a code that has no more specific status.
 * `eiot_error_is_final` tells whether the same call would fail again.
 */
#define EIOT_ERR_PLATFORM 43

/**
 * Unexpected HTTP status.
 */
#define EIOT_ERR_HTTP 44

/**
 * The response could not be parsed: not the documented JSON, too large, or a redirect.
 */
#define EIOT_ERR_PROTOCOL 45

/**
 * The platform reports that it is temporarily unavailable (its code 500).
 */
#define EIOT_ERR_UNAVAILABLE 46

/**
 * The signature of a webhook is invalid: it was signed with another secret, modified, or is too
 * old.
 */
#define EIOT_ERR_SIGNATURE 60

/**
 * A bug in this library. Please report it.
 */
#define EIOT_ERR_INTERNAL 99

/**
 * It did not: nothing was sent, or no connection was made. Repeating the call is safe.
 */
#define EIOT_DELIVERED_NO 0

/**
 * It did, and responded.
 */
#define EIOT_DELIVERED_YES 1

/**
 * It may have: the request was at least partly sent, and no response arrived.
 */
#define EIOT_DELIVERED_UNKNOWN 2

/**
 * SHA-1, which the platform documents.
 */
#define EIOT_SIGN_SHA1 1

/**
 * MD5, for gateways that require it.
 */
#define EIOT_SIGN_MD5 2

/**
 * `EIOT_RATE_SCOPE_HOST` if its directory is usable, otherwise `EIOT_RATE_SCOPE_PROCESS`.
 */
#define EIOT_RATE_SCOPE_AUTO 0

/**
 * All clients of the account in this process.
 */
#define EIOT_RATE_SCOPE_PROCESS 1

/**
 * All processes of this user on this machine, through a small locked file in a private directory
 * or in "rate_dir".
 */
#define EIOT_RATE_SCOPE_HOST 2

/**
 * Returns the name of a status, such as "EIOT_ERR_TIMEOUT", or "EIOT_ERR_UNKNOWN" for an unknown
 * status.
 *
 * The string is static and never NULL. Thread-safe.
 */
const char *eiot_status_name(eiot_status status);

/**
 * Returns a short English description of a status. For the error of a specific call, prefer
 * `eiot_error_message`, which says what happened and what to do.
 *
 * The string is static and never NULL. Thread-safe.
 */
const char *eiot_status_message(eiot_status status);

/**
 * Returns the error kind of a status, such as "timeout" or "connection_lost"; "ok" for `EIOT_OK`
 * and "unknown" for an unknown status. All language bindings and the JSON output of the command
 * use the same names.
 *
 * The string is static and never NULL. Thread-safe.
 */
const char *eiot_status_kind(eiot_status status);

/**
 * Returns an EIOT_DELIVERED_ constant as a word: "no", "yes" or "unknown". Any other number is
 * "unknown".
 *
 * The string is static and never NULL. Thread-safe.
 */
const char *eiot_delivered_name(eiot_delivered delivered);

/**
 * Returns the version of the loaded library, such as "0.1.0". Compare it with `EIOT_VERSION`, the
 * version of the header.
 *
 * The string is static and never NULL. Thread-safe.
 */
const char *eiot_version(void);

/**
 * Returns the version of the loaded library as a number that can be compared: major * 65536 +
 * minor * 256 + patch, like `EIOT_VERSION_NUM`.
 *
 * Thread-safe.
 */
uint32_t eiot_version_number(void);

/**
 * Returns the status that the failed call returned; `EIOT_OK` for NULL.
 */
eiot_status eiot_error_status(const eiot_error *error);

/**
 * Returns a message for people: what happened, to which EID, and what to do about it.
 *
 * A single line that is safe to log: it contains neither the secret nor a signature, and control
 * characters in the platform's text are escaped. Never NULL; "" if `error` is NULL.
 */
const char *eiot_error_message(const eiot_error *error);

/**
 * Returns the EID of the call as the caller passed it, quoted and shortened unless it consists of
 * digits only. NULL if the error does not concern a single card.
 */
const char *eiot_error_eid(const eiot_error *error);

/**
 * Returns the platform's error code, verbatim (an integer as decimal digits). NULL if the platform
 * sent none.
 */
const char *eiot_error_platform_code(const eiot_error *error);

/**
 * Returns the platform's error message, verbatim: UTF-8, often Chinese, control characters
 * included. NULL if the platform sent none. For logs, prefer `eiot_error_message`, which escapes
 * control characters.
 */
const char *eiot_error_platform_message(const eiot_error *error);

/**
 * Returns non-zero if the same call would fail again no matter how network, account and platform
 * change: for malformed EIDs and arguments, and for the platform's codes for invalid requests (its
 * published error-code page, or the option error_codes). Unpublished codes are never final. 0 for
 * NULL.
 */
int32_t eiot_error_is_final(const eiot_error *error);

/**
 * Returns non-zero if you may make this call again: the failure may pass by itself, and the call is
 * safe to repeat, because nothing was delivered or it is idempotent, as a refresh is. Wait before
 * you do, at least `eiot_error_retry_after_ms`: the library has already retried the call within its
 * timeout. 0 for NULL.
 *
 * 0 does not mean that the call always fails: correct the configuration or the account first
 * (`EIOT_ERR_CONFIG`, `EIOT_ERR_TLS`, `EIOT_ERR_AUTH`), or wait for the end of the cooldown
 * (`EIOT_ERR_COOLDOWN`). `eiot_error_is_final` tells which calls always fail.
 */
int32_t eiot_error_is_retryable(const eiot_error *error);

/**
 * Returns the HTTP status of the response, or 0 if there was none. For `EIOT_ERR_CONNECT`, the
 * status of a proxy that refused to connect.
 */
int32_t eiot_error_http_status(const eiot_error *error);

/**
 * Returns how many requests were sent or started; 0 if the call failed before the first one.
 */
uint32_t eiot_error_attempts(const eiot_error *error);

/**
 * Returns how many milliseconds to wait before the next call: what the platform asks for, or the
 * time until the rate limiter or the card's cooldown allows it. -1 if neither says.
 */
int64_t eiot_error_retry_after_ms(const eiot_error *error);

/**
 * Returns whether the platform received the request. Check this before you repeat a call that is
 * not idempotent.
 */
eiot_delivered eiot_error_delivered(const eiot_error *error);

/**
 * Returns the first 2 KiB of the response body, verbatim, if the response is not the platform's,
 * such as the HTML page of a proxy or gateway; NULL otherwise.
 *
 * The secret and the signature are masked if the server echoes them. The body is not necessarily
 * text and can contain NUL bytes; for convenience a NUL follows it. `*out_len` receives the length
 * without that NUL, 0 if there is no body. `out_len` may be NULL.
 */
const char *eiot_error_body(const eiot_error *error, size_t *out_len);

/**
 * Returns the value of a response header, such as "server" or "x-request-id". Quote these when you
 * contact the operator of the server.
 *
 * `name` is NUL-terminated and case-insensitive. Only headers that help support are kept. NULL if
 * the response does not have the header, or if there was no response.
 */
const char *eiot_error_header(const eiot_error *error, const char *name);

/**
 * Returns the name of the kept response header at `index`, in lower case; NULL past the last one.
 * Use it to enumerate the names that `eiot_error_header` accepts.
 */
const char *eiot_error_header_name(const eiot_error *error, size_t index);

/**
 * Frees an error and its strings. NULL is a no-op.
 */
void eiot_error_free(eiot_error *error);

/**
 * Refreshes the package usage of one card, with a client that is configured by the environment.
 * This is the simplest entry point. Prefer `eiot_client_refresh_usage` if your program has its own
 * configuration, needs the reply, or cancels calls.
 *
 * The first call with a valid configuration (`EIOT_APPKEY`, `EIOT_SECRET` and so on, see
 * `eiot_config_from_env`) creates one client for the whole process. Later changes to the
 * environment have no effect.
 *
 * `eid` is NUL-terminated. `out_err` may be NULL; free `*out_err` with `eiot_error_free`. May
 * return any status.
 *
 * Thread-safe. Blocks for at most `EIOT_TIMEOUT` seconds.
 *
 *     eiot_error *error;
 *     if (eiot_refresh_usage("89044011112233441122334411223321", &error) != EIOT_OK) {
 *         fprintf(stderr, "%s\n", eiot_error_message(error));
 *         eiot_error_free(error);
 *     }
 */
eiot_status eiot_refresh_usage(const char *eid, eiot_error **out_err);

/**
 * Like `eiot_refresh_usage`, but takes the length of the EID. Prefer this for fixed-width record
 * and database fields, which have no terminating NUL.
 */
eiot_status eiot_refresh_usage_n(const char *eid, size_t eid_len, eiot_error **out_err);

/**
 * Like `eiot_refresh_usage_n`, for hosts that cannot hold pointers to objects, such as COBOL, Visual
 * Basic, Delphi and spreadsheets: nothing has to be freed.
 *
 * `text` holds `text_size` bytes. It gets the platform's message on success, and the error's
 * message on failure, NUL-terminated and truncated at a character boundary. `*out_delivered` is
 * whether the platform received the request, and `*out_is_retryable` is what
 * `eiot_error_is_retryable` says, 0 on success. Each of the three may be NULL.
 *
 * May return any status. Thread-safe. Blocks for at most `EIOT_TIMEOUT` seconds.
 *
 *     char text[256];
 *     if (eiot_refresh_usage_to_buffer(eid, EIOT_NTS, text, sizeof text, NULL, NULL) != EIOT_OK) puts(text);
 */
eiot_status eiot_refresh_usage_to_buffer(const char *eid,
                                         size_t eid_len,
                                         char *text,
                                         size_t text_size,
                                         eiot_delivered *out_delivered,
                                         int32_t *out_is_retryable);

/**
 * Returns the event as one line of JSON, the same in every language. `null` stands for a value
 * that does not apply; later versions may add fields at the end. Never NULL; "" if `event` is
 * NULL.
 *
 *     {"path":"/api/v3/cloudesim/refreshUsage","eid":"89044011112233441122334411223321","attempt":1,
 *      "outcome":"http","delivered":"yes","code":null,"http_status":503,"duration_ms":35.123,
 *      "next_wait_ms":120,"timestamp":1700000000,"nonce":12345,"message":"EID 8904...: HTTP 503"}
 */
const char *eiot_event_json(const eiot_event *event);

/**
 * Returns the path of the call. Never NULL; "" if `event` is NULL.
 */
const char *eiot_event_path(const eiot_event *event);

/**
 * Returns the EID; the beginning of the input if it is malformed. NULL if the call does not
 * concern a card.
 */
const char *eiot_event_eid(const eiot_event *event);

/**
 * Returns which attempt of the call this was; 1 is the first. 0: the call was refused, and nothing
 * was sent. 0 for NULL.
 */
uint32_t eiot_event_attempt(const eiot_event *event);

/**
 * Returns `EIOT_OK` if the attempt succeeded, otherwise the status of its failure; `EIOT_OK` for
 * NULL.
 */
eiot_status eiot_event_status(const eiot_event *event);

/**
 * Returns whether the platform received this request; `EIOT_DELIVERED_NO` for NULL.
 */
eiot_delivered eiot_event_delivered(const eiot_event *event);

/**
 * Returns the platform's code, "200" if the attempt succeeded. NULL if the platform sent none.
 */
const char *eiot_event_platform_code(const eiot_event *event);

/**
 * Returns the HTTP status of the response, or 0 if there was none.
 */
int32_t eiot_event_http_status(const eiot_event *event);

/**
 * Returns how many milliseconds the attempt took, not counting the wait for a permit; 0 for NULL.
 */
double eiot_event_duration_ms(const eiot_event *event);

/**
 * Returns how many milliseconds the call waits before it retries; -1 if this was its last attempt,
 * and for NULL.
 */
int64_t eiot_event_next_wait_ms(const eiot_event *event);

/**
 * Returns the timestamp of the request in Unix seconds. With the nonce, it identifies the request
 * to the platform's support. 0 if nothing was sent, and for NULL.
 */
uint64_t eiot_event_timestamp(const eiot_event *event);

/**
 * Returns the nonce of the request; 0 if nothing was sent, and for NULL.
 */
uint32_t eiot_event_nonce(const eiot_event *event);

/**
 * Returns the error's message; NULL if the attempt succeeded.
 */
const char *eiot_event_message(const eiot_event *event);

/**
 * Creates options with default values. Set `appkey` and a secret before you create a client. Does
 * not read the environment; `eiot_config_from_env` does.
 *
 * `*out_config` is NULL on failure; free it with `eiot_config_free`.
 *
 * Thread-safe.
 */
eiot_status eiot_config_new(eiot_config **out_config, eiot_error **out_err);

/**
 * Creates options from the environment: `EIOT_APPKEY`, `EIOT_SECRET` and so on, `EIOT_` followed
 * by the option's name in upper case. Options whose variable is unset or empty keep their
 * defaults.
 *
 * `*out_config` is NULL on failure; free it with `eiot_config_free`. `EIOT_ERR_CONFIG` names the
 * variable that is invalid.
 *
 * Thread-safe, provided that no other thread changes the environment at the same time.
 */
eiot_status eiot_config_from_env(eiot_config **out_config, eiot_error **out_err);

/**
 * Frees options and wipes the secret from memory. Clients created from them are not affected. NULL
 * is a no-op.
 *
 * Requires exclusive access.
 */
void eiot_config_free(eiot_config *config);

/**
 * Sets an option by name, from text in the same format as the environment: "timeout" is in seconds
 * ("2.5"), switches are "on" and "off", "rate_share" is "1/4", "error_codes" is
 * "CODE=KIND,CODE=KIND". For programs and bindings that look up options by name. From C, prefer
 * the typed functions below, which also document each option.
 *
 * `name` and `value` are UTF-8, `name_len` and `value_len` bytes long, or NUL-terminated with
 * `EIOT_NTS` as the length. They are copied. `EIOT_ERR_CONFIG` if the option is unknown or its
 * value cannot be parsed.
 *
 * Requires exclusive access, like all functions that set options.
 */
eiot_status eiot_config_set_option(eiot_config *config,
                                   const char *name,
                                   size_t name_len,
                                   const char *value,
                                   size_t value_len,
                                   eiot_error **out_err);

/**
 * Sets the appkey, which identifies the account's application. Required.
 *
 * `value` is UTF-8, `value_len` bytes long, or NUL-terminated with `EIOT_NTS` as the length. It is
 * copied. The same applies to all text options below.
 */
eiot_status eiot_config_set_appkey(eiot_config *config,
                                   const char *value,
                                   size_t value_len,
                                   eiot_error **out_err);

/**
 * Sets the secret that signs each request. It is never sent, and the copy is wiped when the
 * options are freed. Required, unless you use `eiot_config_set_secret_file`.
 */
eiot_status eiot_config_set_secret(eiot_config *config,
                                   const char *value,
                                   size_t value_len,
                                   eiot_error **out_err);

/**
 * Sets the path of a file that contains the secret and nothing else; a trailing newline is
 * ignored. The file is read when a client is created.
 */
eiot_status eiot_config_set_secret_file(eiot_config *config,
                                        const char *value,
                                        size_t value_len,
                                        eiot_error **out_err);

/**
 * Sets the base URL of the platform: https, or http to a loopback address. Default
 * "https://oapi.eiotclub.com".
 */
eiot_status eiot_config_set_base_url(eiot_config *config,
                                     const char *value,
                                     size_t value_len,
                                     eiot_error **out_err);

/**
 * Non-zero allows plain http to any address. Appkey and signature are then sent unencrypted.
 * Default 0.
 */
eiot_status eiot_config_set_allow_http(eiot_config *config, int32_t allow, eiot_error **out_err);

/**
 * Sets the timeout of a whole call, including all attempts and waits, in milliseconds. Default
 * 30000.
 */
eiot_status eiot_config_set_timeout_ms(eiot_config *config,
                                       uint64_t timeout_ms,
                                       eiot_error **out_err);

/**
 * Sets the timeout of establishing a connection, including DNS lookup and TLS handshake, in
 * milliseconds. Default 5000.
 */
eiot_status eiot_config_set_connect_timeout_ms(eiot_config *config,
                                               uint64_t connect_timeout_ms,
                                               eiot_error **out_err);

/**
 * Sets the maximum number of requests per call: the first one, and retries of transient failures.
 * 1 disables retries. Default 3.
 */
eiot_status eiot_config_set_max_attempts(eiot_config *config,
                                         uint32_t max_attempts,
                                         eiot_error **out_err);

/**
 * Sets the rate limit of the account in calls per second; 0 is unlimited. The rate limiter spaces
 * calls evenly and uses 95 % of the limit, so that no one-second window exceeds it. Default 10.
 */
eiot_status eiot_config_set_rate_limit(eiot_config *config,
                                       double calls_per_second,
                                       eiot_error **out_err);

/**
 * Sets which clients share the rate limit. Default `EIOT_RATE_SCOPE_AUTO`.
 */
eiot_status eiot_config_set_rate_scope(eiot_config *config,
                                       eiot_rate_scope scope,
                                       eiot_error **out_err);

/**
 * Sets this client's share of the rate limit, for fleets of machines: part `which`, from 1 to
 * `of`, of `of` equal parts. Default 1 of 1.
 */
eiot_status eiot_config_set_rate_share(eiot_config *config,
                                       uint32_t which,
                                       uint32_t of,
                                       eiot_error **out_err);

/**
 * Non-zero waits for the rate limiter, within the call's timeout; 0 fails immediately with
 * `EIOT_ERR_RATE_LIMITED`. Default 1.
 */
eiot_status eiot_config_set_rate_wait(eiot_config *config, int32_t wait, eiot_error **out_err);

/**
 * Sets the cooldown per card in milliseconds: refreshing a card again sooner fails with
 * `EIOT_ERR_COOLDOWN`. 0, the default, disables it. The vendor documents 300000 for the
 * corresponding call by ICCID; for EIDs that is inferred.
 */
eiot_status eiot_config_set_eid_cooldown_ms(eiot_config *config,
                                            uint64_t eid_cooldown_ms,
                                            eiot_error **out_err);

/**
 * Non-zero measures the offset of this machine's clock from the platform's replies and corrects
 * the timestamps of requests by it. Default 1.
 */
eiot_status eiot_config_set_clock_skew(eiot_config *config, int32_t correct, eiot_error **out_err);

/**
 * Sets the meaning of platform error codes: "CODE=KIND,CODE=KIND". Takes precedence over the
 * published codes. Default empty.
 *
 * The kinds auth, rate_limited, cooldown, unavailable and platform map to `EIOT_ERR_AUTH` and so
 * on. Two more kinds map to `EIOT_ERR_PLATFORM`: final, if the same call would fail again, and
 * retry, for a transient failure that is retried like an HTTP 503.
 */
eiot_status eiot_config_set_error_codes(eiot_config *config,
                                        const char *value,
                                        size_t value_len,
                                        eiot_error **out_err);

/**
 * Sets how many consecutive authentication failures (`EIOT_ERR_AUTH`) without a success in between
 * stop a batch: all remaining cards come back unsent. 0 disables this. Does not affect single
 * calls. Default 20.
 */
eiot_status eiot_config_set_max_auth_failures(eiot_config *config,
                                              uint32_t max_auth_failures,
                                              eiot_error **out_err);

/**
 * Sets how long a batch holds its cards back while the platform is unreachable, in milliseconds,
 * before it gives up and all remaining cards come back unsent. 0 disables holding: each card fails
 * like a single call. Does not affect single calls. Default 900000.
 */
eiot_status eiot_config_set_outage_timeout_ms(eiot_config *config,
                                              uint64_t outage_timeout_ms,
                                              eiot_error **out_err);

/**
 * Non-zero accepts only GSMA EIDs: 32 digits with a valid checksum. Default 0.
 */
eiot_status eiot_config_set_strict_eid(eiot_config *config, int32_t strict, eiot_error **out_err);

/**
 * Non-zero accepts EIDs that a spreadsheet or a JSON number seems to have rounded: those of 28 or
 * more digits whose last digits are lost. Default 0: they are malformed.
 */
eiot_status eiot_config_set_allow_rounded_eid(eiot_config *config,
                                              int32_t allow,
                                              eiot_error **out_err);

/**
 * Sets the hash function of the signature. Default `EIOT_SIGN_SHA1`.
 */
eiot_status eiot_config_set_sign_method(eiot_config *config,
                                        eiot_sign_method method,
                                        eiot_error **out_err);

/**
 * Sets a PEM file of CA certificates to trust instead of the system's. It is read when a client is
 * created.
 */
eiot_status eiot_config_set_ca_file(eiot_config *config,
                                    const char *value,
                                    size_t value_len,
                                    eiot_error **out_err);

/**
 * Sets a PEM file with the client certificate, followed by its chain, for gateways that require
 * mutual TLS. Requires `eiot_config_set_client_key_file`. It is read when a client is created.
 * Default none.
 */
eiot_status eiot_config_set_client_cert_file(eiot_config *config,
                                             const char *value,
                                             size_t value_len,
                                             eiot_error **out_err);

/**
 * Sets the PEM file with the private key of the client certificate, without a passphrase. It is
 * read when a client is created. Default none.
 */
eiot_status eiot_config_set_client_key_file(eiot_config *config,
                                            const char *value,
                                            size_t value_len,
                                            eiot_error **out_err);

/**
 * Sets a proxy: "http://[user:password@]host:port". The scheme can also be https, socks5 (host
 * names are resolved locally) or socks5h (the proxy resolves them). "env" reads HTTPS_PROXY,
 * ALL_PROXY and NO_PROXY (http_proxy for plain http) when a client is created. Default none:
 * without "env" these variables are ignored.
 */
eiot_status eiot_config_set_proxy(eiot_config *config,
                                  const char *value,
                                  size_t value_len,
                                  eiot_error **out_err);

/**
 * Sets the directory of the file through which processes share the rate limit. Set it if several
 * users or containers share an account. The directory must be usable when a client is created.
 *
 * To share the rate limit between machines, use Redis: pass "rate_scope" and
 * "redis://host:port/db" to `eiot_config_set_option`.
 */
eiot_status eiot_config_set_rate_dir(eiot_config *config,
                                     const char *value,
                                     size_t value_len,
                                     eiot_error **out_err);

/**
 * Sets the local IP address to connect from, such as "192.0.2.7". The platform allow-lists
 * addresses, and a host can have several. "0.0.0.0" means any IPv4 address, "::" any IPv6 address.
 * Default: the system chooses.
 */
eiot_status eiot_config_set_source_address(eiot_config *config,
                                           const char *value,
                                           size_t value_len,
                                           eiot_error **out_err);

/**
 * Sets the suffix of the User-Agent header, which names your program to the platform:
 * "eiot/VERSION" followed by this text, for example "billing/2.3". At most 200 printable ASCII
 * characters. Default "(c)".
 */
eiot_status eiot_config_set_user_agent_suffix(eiot_config *config,
                                              const char *value,
                                              size_t value_len,
                                              eiot_error **out_err);

/**
 * Sets a log callback, to which `user_data` is passed. NULL, the default, disables logging.
 *
 * Both must outlive all clients and batches created from these options, and must be safe to use
 * from all threads that make calls.
 */
eiot_status eiot_config_set_log(eiot_config *config,
                                eiot_log_fn log,
                                void *user_data,
                                eiot_error **out_err);

/**
 * Sets a callback that receives each attempt, and each call that is refused before anything is
 * sent, as an `eiot_event`: for metrics and structured logs. `user_data` is passed to it. NULL, the
 * default, disables it.
 *
 * Both must outlive all clients and batches created from these options, and must be safe to use
 * from all threads that make calls.
 */
eiot_status eiot_config_set_event_callback(eiot_config *config,
                                           eiot_event_fn on_event,
                                           void *user_data,
                                           eiot_error **out_err);

/**
 * Creates a cancellation token.
 *
 * `*out_cancel` is NULL on failure; free it with `eiot_cancel_free`.
 *
 * Thread-safe.
 */
eiot_status eiot_cancel_new(eiot_cancel **out_cancel, eiot_error **out_err);

/**
 * Cancels all calls that use this token, both those in flight and future ones. NULL is a no-op.
 *
 * Thread-safe and async-signal-safe: you may call it from a signal handler.
 */
void eiot_cancel_trigger(const eiot_cancel *cancel);

/**
 * Frees a cancellation token. No call or batch may still use it. NULL is a no-op.
 *
 * Requires exclusive access.
 */
void eiot_cancel_free(eiot_cancel *cancel);

/**
 * Creates a client. Validates all options and reads the files they name. Sends nothing.
 *
 * `config` is copied. `*out_client` is NULL on failure; free it with `eiot_client_free`.
 * `EIOT_ERR_CONFIG` names the option that is invalid.
 *
 * Thread-safe.
 *
 *     eiot_config *config = NULL;
 *     eiot_client *client = NULL;
 *     eiot_error *error = NULL;
 *     if (eiot_config_new(&config, &error) != EIOT_OK
 *         || eiot_config_set_appkey(config, "my-appkey", EIOT_NTS, &error) != EIOT_OK
 *         || eiot_config_set_secret_file(config, "/etc/my-secret", EIOT_NTS, &error) != EIOT_OK
 *         || eiot_client_new(config, &client, &error) != EIOT_OK) {
 *         fprintf(stderr, "%s\n", eiot_error_message(error));
 *         eiot_error_free(error);
 *     }
 *     eiot_config_free(config);
 */
eiot_status eiot_client_new(const eiot_config *config,
                            eiot_client **out_client,
                            eiot_error **out_err);

/**
 * Creates a copy of a client's options, its log and its event callback, without the secret. Change
 * what one call or a group of calls needs, and pass it to `eiot_client_with_options`.
 *
 * `*out_config` is NULL on failure; free it with `eiot_config_free`.
 *
 * Thread-safe.
 */
eiot_status eiot_config_from_client(const eiot_client *client,
                                    eiot_config **out_config,
                                    eiot_error **out_err);

/**
 * Creates a client with different options per call, such as another timeout. It shares connections,
 * rate limiter, cooldowns and counters with `client`, and may outlive it. It is cheap enough to
 * create for a single call.
 *
 * Start from `eiot_config_from_client`: only timeout, max_attempts, rate_wait, error_codes,
 * max_auth_failures, outage_timeout, strict_eid, allow_rounded_eid, the log and the event callback
 * can differ. `EIOT_ERR_CONFIG` names any other option that does.
 *
 * `config` is copied. `*out_client` is NULL on failure; free it with `eiot_client_free`.
 *
 * Thread-safe.
 *
 *     eiot_config *options = NULL;
 *     eiot_client *hasty = NULL;
 *     if (eiot_config_from_client(client, &options, &error) == EIOT_OK
 *         && eiot_config_set_timeout_ms(options, 3000, &error) == EIOT_OK
 *         && eiot_client_with_options(client, options, &hasty, &error) == EIOT_OK)
 *         eiot_client_refresh_usage(hasty, eid, EIOT_NTS, NULL, &error);
 *     eiot_client_free(hasty);
 *     eiot_config_free(options);
 */
eiot_status eiot_client_with_options(const eiot_client *client,
                                     const eiot_config *config,
                                     eiot_client **out_client,
                                     eiot_error **out_err);

/**
 * Refreshes the package usage of one card and waits for the platform's reply. For many cards,
 * prefer `eiot_client_refresh_many` or a batch, which keep many calls in flight on one thread.
 *
 * `eid` is `eid_len` bytes long, or NUL-terminated with `EIOT_NTS` as the length; surrounding
 * whitespace is ignored. `out_reply` and `out_err` may be NULL. Free `*out_reply` with
 * `eiot_reply_free` and `*out_err` with `eiot_error_free`; the one that does not apply is NULL.
 *
 * May return any status. `EIOT_ERR_CONFIG` is possible if the shared rate file becomes unusable
 * after the client was created.
 *
 * Thread-safe. Blocks for at most the client's timeout. All I/O runs on the calling thread, with
 * SIGPIPE blocked.
 *
 *     eiot_error *error;
 *     if (eiot_client_refresh_usage(client, eid, EIOT_NTS, NULL, &error) != EIOT_OK) {
 *         fprintf(stderr, "%s\n", eiot_error_message(error));
 *         eiot_error_free(error);
 *     }
 */
eiot_status eiot_client_refresh_usage(const eiot_client *client,
                                      const char *eid,
                                      size_t eid_len,
                                      eiot_reply **out_reply,
                                      eiot_error **out_err);

/**
 * Like `eiot_client_refresh_usage`, but another thread or a signal handler can cancel the call
 * with `eiot_cancel_trigger`. `cancel` may be NULL.
 */
eiot_status eiot_client_refresh_usage_with_cancel(const eiot_client *client,
                                                  const char *eid,
                                                  size_t eid_len,
                                                  const eiot_cancel *cancel,
                                                  eiot_reply **out_reply,
                                                  eiot_error **out_err);

/**
 * Makes any other signed call of the platform's API and waits for the reply. Rate limit, retries
 * and errors are those of a refresh.
 *
 * `path` is, for example, "/api/v3/cloudesim/get", and `parameters_json` the text of a JSON
 * object, for example {"eid": "8904..."}. Each is as long as its length says, or NUL-terminated
 * with `EIOT_NTS` as the length. The client adds appkey, timestamp, nonce and sign, which must not
 * be among the parameters. Values are sent as they are signed: numbers verbatim, the members of
 * nested objects in their original order.
 *
 * If the reply is lost, the call is retried only when it is idempotent. Read-only calls and
 * refreshUsage are; for other calls pass a non-zero `idempotent`.
 *
 * `cancel`, `out_reply` and `out_err` may be NULL. Free `*out_reply` with `eiot_reply_free` and
 * `*out_err` with `eiot_error_free`. May return any status.
 *
 * Thread-safe. Blocks for at most the client's timeout.
 *
 *     eiot_reply *reply;
 *     if (eiot_client_call(client, "/api/v3/cloudesim/get", EIOT_NTS, "{\"eid\": \"89044011112233441122334411223321\"}",
 *                          EIOT_NTS, 0, NULL, &reply, NULL) == EIOT_OK)
 *         puts(eiot_reply_message(reply));
 *     eiot_reply_free(reply);
 */
eiot_status eiot_client_call(const eiot_client *client,
                             const char *path,
                             size_t path_len,
                             const char *parameters_json,
                             size_t parameters_json_len,
                             int32_t idempotent,
                             const eiot_cancel *cancel,
                             eiot_reply **out_reply,
                             eiot_error **out_err);

/**
 * Writes the client's counters into `buffer` as one line of JSON: calls, attempts and their
 * outcomes, retries, waits for the rate limiter. docs/statistics.md describes each field. Clients
 * made by `eiot_client_with_options` share them; a forked child starts at zero.
 *
 * `buffer` holds `size` bytes, and gets at most `size - 1` and a NUL. Returns the length of the
 * whole text without the NUL, as snprintf does; it is longer than the buffer if the text was
 * truncated. 4,096 bytes are enough. If `buffer` is NULL, only returns the length. 0 for a NULL
 * client.
 *
 * Thread-safe. Does no I/O.
 *
 *     char json[4096];
 *     if (eiot_client_stats_json(client, json, sizeof json) < sizeof json) puts(json);
 */
size_t eiot_client_stats_json(const eiot_client *client, char *buffer, size_t size);

/**
 * Closes the client's connections and frees it. No call may still be using it. Batches created
 * from it keep working. NULL is a no-op.
 *
 * Requires exclusive access.
 */
void eiot_client_free(eiot_client *client);

/**
 * Returns the EID that was refreshed, without surrounding whitespace. For other calls: their
 * parameter "eid", or "" if they have none. Never NULL; "" if `reply` is NULL.
 */
const char *eiot_reply_eid(const eiot_reply *reply);

/**
 * Returns the platform's code, which is always "200": all other codes are errors. Never NULL; ""
 * if `reply` is NULL.
 */
const char *eiot_reply_code(const eiot_reply *reply);

/**
 * Returns the platform's message, verbatim. Its wording varies: show it, but do not compare it.
 * Never NULL; "" if `reply` is NULL.
 */
const char *eiot_reply_message(const eiot_reply *reply);

/**
 * Returns the reply's `data` as JSON text, verbatim; NULL if there is none. The platform documents
 * no fields for a refresh.
 */
const char *eiot_reply_data_json(const eiot_reply *reply);

/**
 * Returns how many requests the call took; 0 for NULL.
 */
uint32_t eiot_reply_attempts(const eiot_reply *reply);

/**
 * Frees a reply and its strings. NULL is a no-op.
 */
void eiot_reply_free(eiot_reply *reply);

/**
 * Returns the tag that the card was pushed with, which leads back to your record; 0 for NULL.
 */
uint64_t eiot_result_tag(const eiot_result *result);

/**
 * Returns `EIOT_OK` if the card was refreshed, otherwise the status of the error; `EIOT_OK` for
 * NULL.
 */
eiot_status eiot_result_status(const eiot_result *result);

/**
 * Returns the EID as it was pushed; NUL bytes and bytes that are not UTF-8 are replaced. Never
 * NULL; "" if `result` is NULL.
 */
const char *eiot_result_input(const eiot_result *result);

/**
 * Returns the EID without surrounding whitespace; if it is malformed, the same as
 * `eiot_result_input`. Never NULL; "" if `result` is NULL.
 */
const char *eiot_result_eid(const eiot_result *result);

/**
 * Returns non-zero if the card repeats one that is in the batch, or one of the last 8,192 that
 * came back within the last 15 minutes. Nothing was sent for it: status, reply and error are those
 * of the first, but without the reply's data, and without the error's body and headers. 0 for
 * NULL.
 */
int32_t eiot_result_is_duplicate(const eiot_result *result);

/**
 * Returns non-zero if a request was sent or started for this card. 0: the batch had stopped or was
 * cancelled before, the EID is malformed, the card was in its cooldown, the rate limiter had no
 * permit, or the card is a duplicate. 0 for NULL.
 */
int32_t eiot_result_was_sent(const eiot_result *result);

/**
 * Returns the platform's reply, borrowed: do not free it. NULL if the card was not refreshed.
 */
const eiot_reply *eiot_result_reply(const eiot_result *result);

/**
 * Returns why the card was not refreshed, borrowed: do not free it. NULL if it was.
 */
const eiot_error *eiot_result_error(const eiot_result *result);

/**
 * Frees a result with its reply, its error and its strings. NULL is a no-op.
 */
void eiot_result_free(eiot_result *result);

/**
 * Creates a batch. Sends nothing. The batch keeps working after the client is freed.
 *
 * `concurrency` is the maximum number of calls in flight, 1 to 1024; 0 is the default, 32.
 * `cancel` may be NULL; it cancels the batch and must outlive it. `*out_batch` is NULL on failure;
 * free it with `eiot_batch_free`.
 *
 * Thread-safe.
 *
 *     eiot_batch *batch;
 *     eiot_result *result;
 *     if (eiot_batch_new(client, 0, NULL, &batch, NULL) != EIOT_OK) return 1;
 *     for (;;) {
 *         while (eiot_batch_has_room(batch) && next_record(&record))
 *             eiot_batch_push(batch, record.eid, EIOT_NTS, record.id, NULL);
 *         if (eiot_batch_next(batch, -1, &result, NULL) != EIOT_OK || result == NULL) break;
 *         record_outcome(eiot_result_tag(result), eiot_result_status(result));
 *         eiot_result_free(result);
 *     }
 *     eiot_batch_free(batch);
 */
eiot_status eiot_batch_new(const eiot_client *client,
                           uint32_t concurrency,
                           const eiot_cancel *cancel,
                           eiot_batch **out_batch,
                           eiot_error **out_err);

/**
 * Returns non-zero if the batch can take another EID now. You can push more, but they wait in
 * memory.
 *
 * 0 after the caller stopped or cancelled the batch, so that you stop reading your input. Non-zero
 * after the batch stopped itself, so that every card of your input comes back with the reason. 0
 * for NULL.
 */
int32_t eiot_batch_has_room(const eiot_batch *batch);

/**
 * Adds a card to the batch. Sends nothing yet.
 *
 * `tag` is a number of your choice, such as an index, a record number, or a pointer cast to
 * `uintptr_t`; `eiot_result_tag` returns it with the card's result. Tags need not be unique.
 *
 * A duplicate of a card that is in the batch, or of one of the last 8,192 that came back within
 * the last 15 minutes, comes back with the result of the first, marked, and nothing is sent for it. A malformed EID comes back
 * with `EIOT_ERR_INVALID_EID`, and every card after the batch has stopped as unsent. If this
 * function fails, which is possible for NULL and impossible lengths only, nothing was pushed.
 *
 * `eid` is `eid_len` bytes long, or NUL-terminated with `EIOT_NTS` as the length. It is copied.
 *
 * Requires exclusive access. Does not block.
 */
eiot_status eiot_batch_push(eiot_batch *batch,
                            const char *eid,
                            size_t eid_len,
                            uint64_t tag,
                            eiot_error **out_err);

/**
 * Waits for the next result, in order of completion, and stores it in `*out_result`; free it with
 * `eiot_result_free`.
 *
 * `timeout_ms` limits the wait: -1 waits as long as needed, and 0 polls: it sends and receives what
 * is possible at once, and does not wait. `EIOT_OK` and NULL: with a limit, nothing has come back
 * within it, or all cards have come back, and `eiot_batch_pending` tells which; with -1, all cards
 * have come back. The status of the card is in the result; this function fails only for invalid
 * arguments, and for a bug in the library (`EIOT_ERR_INTERNAL`).
 *
 * Beside an event loop, call it with 0 whenever the loop wakes up, and let the loop wake up every
 * 10 ms while calls are in flight. A pause of up to a second between two calls counts towards the
 * timeout of the cards.
 *
 * Requires exclusive access. With -1, blocks as long as the rate limit requires plus the client's
 * timeout, and up to the outage timeout longer in an outage.
 */
eiot_status eiot_batch_next(eiot_batch *batch,
                            int64_t timeout_ms,
                            eiot_result **out_result,
                            eiot_error **out_err);

/**
 * Returns how many cards were pushed and have not come back from `eiot_batch_next`, including
 * duplicates; 0 for NULL.
 */
uint64_t eiot_batch_pending(const eiot_batch *batch);

/**
 * Returns how many calls are in flight: sent and not answered, or waiting for a retry; 0 for NULL.
 */
uint64_t eiot_batch_in_flight(const eiot_batch *batch);

/**
 * Stops sending. Cards that are waiting, and all that are pushed later, come back with
 * `EIOT_ERR_CANCELLED`, unsent; calls in flight complete. A card that failed in an outage and
 * waits to be called again comes back with that failure. NULL is a no-op.
 *
 * Requires exclusive access. To stop a batch from another thread, pass a cancellation token to
 * `eiot_batch_new`.
 */
void eiot_batch_stop(eiot_batch *batch);

/**
 * Returns how many EIDs were pushed, including duplicates and malformed ones; 0 for NULL.
 */
uint64_t eiot_batch_submitted(const eiot_batch *batch);

/**
 * Returns how many duplicates have come back; 0 for NULL.
 */
uint64_t eiot_batch_duplicates(const eiot_batch *batch);

/**
 * Returns how many cards have come back with this status, `EIOT_OK` for refreshed cards, not
 * counting duplicates; 0 for NULL and for an unknown status.
 *
 * Once all cards have come back, the counts of all statuses plus the duplicates equal
 * `eiot_batch_submitted`.
 */
uint64_t eiot_batch_count(const eiot_batch *batch, eiot_status status);

/**
 * Closes the batch's connections and frees it. Calls in flight are cancelled. NULL is a no-op.
 *
 * Requires exclusive access.
 */
void eiot_batch_free(eiot_batch *batch);

/**
 * Refreshes all cards of an array and passes each result to `on_result` as it arrives. Runs a
 * batch with default concurrency. Prefer `eiot_batch` if the EIDs do not fit in memory.
 *
 * `eids` holds `count` NUL-terminated strings. Each has exactly one result, whose tag is its index;
 * duplicates get that of the first. `on_result` and `cancel` may be NULL; `user_data` is passed to
 * `on_result`.
 *
 * `EIOT_OK` means that all cards have come back, refreshed or not. `EIOT_ERR_CANCELLED` means that
 * `on_result` or `cancel` stopped it: the remaining cards come back as `EIOT_ERR_CANCELLED`, unsent
 * (`eiot_result_was_sent`). If a batch stops itself (see `eiot_batch`), they come back with the
 * reason. Other errors mean that nothing was sent.
 *
 * Thread-safe. Blocks as long as the rate limit requires, and up to the outage timeout longer in
 * an outage.
 */
eiot_status eiot_client_refresh_many(const eiot_client *client,
                                     const char *const *eids,
                                     size_t count,
                                     const eiot_cancel *cancel,
                                     eiot_result_fn on_result,
                                     void *user_data,
                                     eiot_error **out_err);

/**
 * Validates an EID without sending anything. Returns `EIOT_OK`, or `EIOT_ERR_INVALID_EID` with an
 * error that says what is wrong.
 *
 * `eid` is `eid_len` bytes long, or NUL-terminated with `EIOT_NTS` as the length. Non-zero
 * `strict` requires a GSMA EID: 32 digits with a valid checksum. An EID that a spreadsheet or a
 * JSON number has rounded is invalid.
 *
 * Thread-safe. Does no I/O.
 */
eiot_status eiot_eid_validate(const char *eid,
                              size_t eid_len,
                              int32_t strict,
                              eiot_error **out_err);

/**
 * Copies a string into a fixed-width, space-padded field without a terminating NUL. Longer text is
 * truncated at a character boundary. For record and database fields, for example in COBOL.
 *
 * `text` is NUL-terminated UTF-8; NULL is "". `field` is `field_size` bytes long. Returns the
 * length of the whole text in bytes, which is greater than `field_size` if it was truncated. If
 * `field` is NULL, only returns the length.
 *
 * Thread-safe. Does no I/O.
 */
size_t eiot_copy_padded(const char *text, char *field, size_t field_size);

/**
 * Computes the platform's signature of flat parameters, for requests that you send yourself. To
 * make other signed calls, prefer `eiot_client_call`.
 *
 * `names` and `values` are arrays of `count` NUL-terminated strings, in any order. Empty values
 * and a parameter named "sign" are skipped. `secret` is `secret_len` bytes long, or NUL-terminated
 * with `EIOT_NTS` as the length.
 *
 * `out_sign` receives the signature in upper-case hex, NUL-terminated; `out_size` is its size, for
 * which `EIOT_SIGN_SIZE` is always enough. On failure `out_sign` is "".
 *
 * Thread-safe. Does no I/O.
 */
eiot_status eiot_sign(const char *const *names,
                      const char *const *values,
                      size_t count,
                      const char *secret,
                      size_t secret_len,
                      eiot_sign_method method,
                      char *out_sign,
                      size_t out_size,
                      eiot_error **out_err);

/**
 * Verifies the signature of a webhook that the platform sends to your server. Returns `EIOT_OK`,
 * or `EIOT_ERR_SIGNATURE` with an error that says why.
 *
 * `payload` is the raw body of the HTTP request, JSON text. `secret` and `method` are those of the
 * account. `payload` and `secret` are as long as their lengths say, or NUL-terminated with
 * `EIOT_NTS` as the length.
 *
 * A non-zero `max_age_ms` rejects webhooks whose timestamp is further than that from this
 * machine's clock, which limits replay attacks. The appkey in the payload is not covered by the
 * signature: do not rely on it.
 *
 * Thread-safe. Does no I/O. The signature is compared in constant time.
 *
 *     if (eiot_webhook_verify(body, body_len, secret, EIOT_NTS, EIOT_SIGN_SHA1, 300000, NULL) != EIOT_OK) return 401;
 */
eiot_status eiot_webhook_verify(const char *payload,
                                size_t payload_len,
                                const char *secret,
                                size_t secret_len,
                                eiot_sign_method method,
                                uint64_t max_age_ms,
                                eiot_error **out_err);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* EIOT_H */
