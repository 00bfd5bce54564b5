/*
 * eiot: ask the EIOTCLUB platform to refresh the package usage of a cloud eSIM card.
 *
 *     #include <eiot.h>                               cc refresh.c $(pkg-config --cflags --libs eiot)
 *
 *     eiot_error *error;
 *     if (eiot_refresh_usage("89044011112233441122334411223321", &error) != EIOT_OK) {
 *         fprintf(stderr, "%s\n", eiot_error_message(error));
 *         eiot_error_free(error);
 *     }
 *
 * That reads EIOT_APPKEY and EIOT_SECRET from the environment. A program that holds its own
 * configuration makes an eiot_config, of it an eiot_client, and calls eiot_client_refresh_usage.
 *
 * What holds everywhere:
 *
 *   Results    Functions that can fail return an eiot_status, EIOT_OK being 0, and put the details
 *              into *out_err. out_err may be NULL. Outputs are NULL where there is nothing to give.
 *   Ownership  What a function hands out is yours, to be freed with the _free function of its type,
 *              which takes NULL too. Strings belong to the object that they came from. Inputs are
 *              copied.
 *   Text       UTF-8. With a length it needs no NUL; EIOT_NTS as the length means it ends with one.
 *   Threads    A const pointer to an object may be used by many threads at once, another by one.
 *   Process    No threads of its own (name look-ups aside), no signal handlers, no output. After
 *              fork, parent and child may both go on. SIGPIPE never reaches the host.
 *
 * This file is generated from the sources in crates/ffi; do not edit it.
 */

#ifndef EIOT_H
#define EIOT_H

#include <stddef.h>
#include <stdint.h>

/**
 * The version of this header; eiot_version() tells that of the library.
 */
#define EIOT_VERSION "0.1.0"
/**
 * Its first number: programs must be compiled anew when it changes.
 */
#define EIOT_VERSION_MAJOR 0
/**
 * Its second number: something was added.
 */
#define EIOT_VERSION_MINOR 1
/**
 * Its third number: something was mended.
 */
#define EIOT_VERSION_PATCH 0
/**
 * The same as one number: major * 65536 + minor * 256 + patch.
 */
#define EIOT_VERSION_NUM 0x000100

/**
 * As a length: the text ends with a NUL.
 */
#define EIOT_NTS ((size_t)-1)

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The room that a signature and its final NUL need at most.
 */
#define EIOT_SIGN_SIZE 41

/**
 * Refreshes many cards, with many calls under way at once on the calling thread. Push EIDs while there is room, take what
 * comes back, and again; its memory depends on how many calls may be under way, not on how many cards there are. Each card
 * goes the way of a single call, retries and account rate included; its time-out begins when its turn has come. Calls make
 * progress while `eiot_batch_next` runs, so deal with a result quickly, or hand it on. One thread at a time.
 *
 * A batch that cannot succeed stops by itself: when the account was refused too often in a row
 * (`eiot_config_set_max_auth_failures`), or the platform could not be reached for too long
 * (`eiot_config_set_outage_timeout_ms`). All remaining cards, and all that are pushed later, then come back with an error of
 * the cause's status (`EIOT_ERR_AUTH`, `EIOT_ERR_CONNECT` and so on), attempts 0, delivered no, and a message that says why
 * they were not sent. In an outage it holds its cards back, probes with one of them at growing intervals, and goes on when
 * the platform answers; a card that failed in the outage is called again.
 */
typedef struct eiot_batch eiot_batch;

/**
 * Breaks calls off. Give one to as many calls as you like; once triggered it stays so. A call looks before it sends
 * anything and every 50 ms while it waits, and then returns `EIOT_ERR_CANCELLED`; one that is answered before it looks is
 * not broken off. Any number of threads may use it at once.
 */
typedef struct eiot_cancel eiot_cancel;

/**
 * Refreshes the package usage of cloud eSIM cards of one account. Make one and keep it: it holds connections open
 * between calls. Any number of threads may use it at once. After `fork`, parent and child may both go on using it.
 */
typedef struct eiot_client eiot_client;

/**
 * The options of a client. One thread at a time. A client copies them, so one set can make many clients, and can
 * be freed as soon as they are made.
 */
typedef struct eiot_config eiot_config;

/**
 * What went wrong. Made by a call that fails, when it is given somewhere to put it (`out_err`); yours to free
 * with `eiot_error_free`. It never changes, so any thread may read it. Its strings are UTF-8 and live as long as
 * it does.
 */
typedef struct eiot_error eiot_error;

/**
 * The platform has accepted a call. A refresh starts one synchronisation of the card's usage with the carrier; new
 * figures may become visible a little later. Yours to free with `eiot_reply_free`. It never changes, so any
 * thread may read it. Its strings are UTF-8 and live as long as it does.
 */
typedef struct eiot_reply eiot_reply;

/**
 * The result of a call: `EIOT_OK` or one of the EIOT_ERR_ constants. Numbers never change; new ones may be added, so
 * treat one that you do not know as a failure.
 */
typedef int32_t eiot_status;

/**
 * Did the platform get the request? One of the EIOT_DELIVERED_ constants.
 */
typedef int32_t eiot_delivered;

/**
 * Who shares the account's rate: one of the EIOT_RATE_SCOPE_ constants.
 */
typedef int32_t eiot_rate_scope;

/**
 * The hash behind the signature: one of the EIOT_SIGN_ constants.
 */
typedef int32_t eiot_sign_method;

/**
 * Is told of each attempt that is over, in one line without secret or signature, such as
 * "eid=8904... attempt=1 timestamp=1700000000 nonce=12345 took_ms=35 outcome=http delivered=yes http_status=503
 * again_after_ms=120". `timestamp` and `nonce` are those of the request: support can find it by them. A batch also tells when it
 * holds its cards back in an outage, goes on, or stops by itself, in a line that begins with "batch: ". The line ends with
 * a NUL and lives until the function returns. It runs on the thread that made the call; with a client that many
 * threads share, on many at once. It must return: no exception, no longjmp.
 */
typedef void (*eiot_log_fn)(const char *line, void *user_data);

/**
 * Is told of each card that came back: `reply` where it was refreshed, `error` where not, and NULL for the other. Both are
 * freed when it returns; `eiot_reply_eid` and `eiot_error_eid` tell the card. What it returns decides: 0 goes on, anything
 * else sends no more. It runs on the calling thread. It must return: no exception, no longjmp.
 */
typedef int32_t (*eiot_result_fn)(const eiot_reply *reply, const eiot_error *error, void *user_data);

/**
 * The platform accepted the call, or nothing went wrong.
 */
#define EIOT_OK 0

/**
 * An argument other than the EID cannot be used, such as a NULL that must not be one.
 */
#define EIOT_ERR_INVALID_ARGUMENT 1

/**
 * The EID is not 1 to 32 decimal digits (or, in strict mode, not a GSMA EID).
 */
#define EIOT_ERR_INVALID_EID 2

/**
 * An option is missing or has a value that cannot be used.
 */
#define EIOT_ERR_CONFIG 3

/**
 * No connection could be made: name look-up, refused, unreachable, proxy.
 */
#define EIOT_ERR_CONNECT 20

/**
 * The TLS handshake failed, most often because the certificate is not trusted.
 */
#define EIOT_ERR_TLS 21

/**
 * The deadline passed.
 */
#define EIOT_ERR_TIMEOUT 22

/**
 * The connection broke before the whole reply had come.
 */
#define EIOT_ERR_IO 23

/**
 * The caller asked to stop.
 */
#define EIOT_ERR_CANCELLED 24

/**
 * The platform does not accept the credentials, their rights or the source address (HTTP 401 or 403, its codes 403 and
 * 502).
 */
#define EIOT_ERR_AUTH 40

/**
 * Too many requests (HTTP 429, the platform's code 501), or the account's rate leaves no free slot in time.
 */
#define EIOT_ERR_RATE_LIMITED 41

/**
 * The card was refreshed too recently.
 */
#define EIOT_ERR_COOLDOWN 42

/**
 * The platform said no, with a code that has no more precise status. `eiot_error_is_final` tells whether the same call would
 * fail again.
 */
#define EIOT_ERR_PLATFORM 43

/**
 * An HTTP status that the call does not know.
 */
#define EIOT_ERR_HTTP 44

/**
 * A reply that nobody can read: not the documented JSON, too large, or a redirect.
 */
#define EIOT_ERR_PROTOCOL 45

/**
 * The platform itself says that it cannot serve calls at the moment (its code 500).
 */
#define EIOT_ERR_UNAVAILABLE 46

/**
 * A webhook is not signed with the secret, was changed, or is too old.
 */
#define EIOT_ERR_SIGNATURE 60

/**
 * A fault of this library.
 */
#define EIOT_ERR_INTERNAL 99

/**
 * It did not: nothing was sent, or no connection was made. Repeating the call is safe.
 */
#define EIOT_DELIVERED_NO 0

/**
 * It did, and answered.
 */
#define EIOT_DELIVERED_YES 1

/**
 * It may have: the request was at least partly sent, and no answer came.
 */
#define EIOT_DELIVERED_UNKNOWN 2

/**
 * SHA-1, which the platform documents.
 */
#define EIOT_SIGN_SHA1 1

/**
 * MD5, for gateways that ask for it.
 */
#define EIOT_SIGN_MD5 2

/**
 * `EIOT_RATE_SCOPE_HOST` where its directory can be used, otherwise `EIOT_RATE_SCOPE_PROCESS`.
 */
#define EIOT_RATE_SCOPE_AUTO 0

/**
 * All clients of the account in this process.
 */
#define EIOT_RATE_SCOPE_PROCESS 1

/**
 * All processes of this user on this machine, through a small locked file in a private directory, or in "rate_dir".
 */
#define EIOT_RATE_SCOPE_HOST 2

/**
 * The name of a status, such as "EIOT_ERR_TIMEOUT"; "EIOT_ERR_UNKNOWN" for a number that is none. Static; never
 * NULL.
 */
const char *eiot_status_name(eiot_status status);

/**
 * One sentence in English about a status. Static; never NULL.
 */
const char *eiot_status_message(eiot_status status);

/**
 * The kind behind a status, by the name that it has in every language and in the command's JSON, such as "timeout" or
 * "connection_lost"; "ok" for `EIOT_OK`, "unknown" for a number that is none. Static; never NULL.
 */
const char *eiot_status_kind(eiot_status status);

/**
 * One of the EIOT_DELIVERED_ constants as a word: "no", "yes" or "unknown", which every other number is too. Static; never
 * NULL.
 */
const char *eiot_delivered_name(eiot_delivered delivered);

/**
 * The version of the library that is running, such as "0.1.0"; compare with `EIOT_VERSION`, the version of the
 * header. Static; never NULL.
 */
const char *eiot_version(void);

/**
 * The same as a number that can be compared: major * 65536 + minor * 256 + patch, like `EIOT_VERSION_NUM`.
 */
uint32_t eiot_version_number(void);

/**
 * The status that the failed call returned; `EIOT_OK` for NULL.
 */
eiot_status eiot_error_status(const eiot_error *error);

/**
 * What happened, to which EID, and what to do, for people. One line without the secret or a signature, and control characters
 * in what the platform said are escaped, so it can be logged. Never NULL; "" for NULL.
 */
const char *eiot_error_message(const eiot_error *error);

/**
 * The EID of the call, as it was given (quoted and shortened where it is not plain digits); NULL when the failure
 * has nothing to do with one card.
 */
const char *eiot_error_eid(const eiot_error *error);

/**
 * The platform's own code, exactly as it came (an integer as its digits); NULL when the platform gave none.
 */
const char *eiot_error_platform_code(const eiot_error *error);

/**
 * The platform's own message, verbatim (UTF-8, often Chinese, control characters included); NULL when the platform gave none.
 */
const char *eiot_error_platform_message(const eiot_error *error);

/**
 * Not 0: the same call would fail again, whatever becomes of network, account and platform. True of malformed EIDs and
 * arguments, and of the platform's codes for a wrong request (its published error-code page, or the option error_codes). A code
 * that is not published is never final. 0 for NULL.
 */
int32_t eiot_error_is_final(const eiot_error *error);

/**
 * The HTTP status of the reply, or 0 when there was no reply.
 */
int32_t eiot_error_http_status(const eiot_error *error);

/**
 * How many requests were sent or begun; 0 when the call was refused before that.
 */
uint32_t eiot_error_attempts(const eiot_error *error);

/**
 * How many milliseconds the platform asks to wait before the next try; -1 when it does not say.
 */
int64_t eiot_error_retry_after_ms(const eiot_error *error);

/**
 * Whether the platform got the request: what to look at before repeating a call.
 */
eiot_delivered eiot_error_delivered(const eiot_error *error);

/**
 * The first 2 KiB of the response body, verbatim, when the response is not the platform's, such as the HTML page of a proxy or
 * gateway; NULL otherwise. The secret and the signature are masked if the server echoes them. The body is not necessarily text
 * and can contain NUL bytes; for convenience a NUL follows it.
 *
 * `*out_len` receives the length without that NUL, 0 for NULL. `out_len` may be NULL.
 */
const char *eiot_error_body(const eiot_error *error,
                            size_t *out_len);

/**
 * A response header, such as "server" or "x-request-id": quote it when you contact the operator of the server. Only headers that
 * help support are kept. NULL when the response does not have the header, or when there was no response.
 *
 * `name` is NUL-terminated and case-insensitive.
 */
const char *eiot_error_header(const eiot_error *error,
                              const char *name);

/**
 * The name of the kept response header at `index`, in lower case; NULL past the last one. Enumerates the names that
 * `eiot_error_header` knows.
 */
const char *eiot_error_header_name(const eiot_error *error,
                                   size_t index);

/**
 * Frees an error and its strings. NULL is fine.
 */
void eiot_error_free(eiot_error *error);

/**
 * Asks the platform to refresh one card's package usage, configured by the environment, and waits for its answer.
 * The simplest way in; programs that hold their own configuration prefer `eiot_client_refresh_usage`.
 *
 * The first call that finds a usable configuration (`EIOT_APPKEY`, `EIOT_SECRET` and so on, see
 * `eiot_config_from_env`) makes one client for the whole process; later changes of the environment are not seen.
 * `eid` ends with a NUL. `out_err` may be NULL; what is put there is yours to free with `eiot_error_free`. Any
 * number of threads may call at once. Blocks for at most `EIOT_TIMEOUT` seconds. Any status may come back.
 *
 *     eiot_error *error;
 *     if (eiot_refresh_usage("89044011112233441122334411223321", &error) != EIOT_OK) {
 *         fprintf(stderr, "%s\n", eiot_error_message(error));
 *         eiot_error_free(error);
 *     }
 */
eiot_status eiot_refresh_usage(const char *eid,
                               eiot_error **out_err);

/**
 * As `eiot_refresh_usage`, for an EID of `eid_len` bytes that need not end with a NUL, as fields of records and
 * databases have it.
 */
eiot_status eiot_refresh_usage_n(const char *eid,
                                 size_t eid_len,
                                 eiot_error **out_err);

/**
 * Makes a set of options with their defaults. `appkey` and a secret are still to be set. The environment is not
 * read; `eiot_config_from_env` does that.
 *
 * `*out_config` is yours to free with `eiot_config_free`; it is NULL on failure.
 */
eiot_status eiot_config_new(eiot_config **out_config,
                            eiot_error **out_err);

/**
 * Makes a set of options from the environment: `EIOT_APPKEY`, `EIOT_SECRET` and so on, each option in upper case
 * behind `EIOT_`; what is not set or empty has its default. The environment must not be changed by another thread
 * at the same time.
 *
 * `*out_config` is yours to free with `eiot_config_free`; it is NULL on failure. `EIOT_ERR_CONFIG` names the
 * variable that cannot be used.
 */
eiot_status eiot_config_from_env(eiot_config **out_config,
                                 eiot_error **out_err);

/**
 * Frees the options and wipes the secret in them. NULL is fine.
 */
void eiot_config_free(eiot_config *config);

/**
 * Sets any option by its name, from text as the environment has it: "timeout" is seconds ("2.5"), switches are "on" and
 * "off", "rate_share" is "1/4", "error_codes" is "CODE=KIND,CODE=KIND". For programs and languages that take options by name;
 * the functions below say what each is. `EIOT_ERR_CONFIG` names an option that there is not, or whose value cannot be used.
 *
 * `name` and `value` are UTF-8, of `name_len` and `value_len` bytes or ended by a NUL (`EIOT_NTS`), and are copied.
 */
eiot_status eiot_config_set_option(eiot_config *config,
                                   const char *name,
                                   size_t name_len,
                                   const char *value,
                                   size_t value_len,
                                   eiot_error **out_err);

/**
 * Identifies the account's application. Required.
 *
 * `value` is UTF-8, of `value_len` bytes or ended by a NUL (`EIOT_NTS`), and is copied. That holds for every text
 * option below.
 */
eiot_status eiot_config_set_appkey(eiot_config *config,
                                   const char *value,
                                   size_t value_len,
                                   eiot_error **out_err);

/**
 * The secret that signs each request; it is never sent, and the copy is wiped when it is freed. Required, here or
 * by `eiot_config_set_secret_file`.
 */
eiot_status eiot_config_set_secret(eiot_config *config,
                                   const char *value,
                                   size_t value_len,
                                   eiot_error **out_err);

/**
 * A file that holds the secret and nothing else (a line end after it is ignored). It is read when a client is
 * made.
 */
eiot_status eiot_config_set_secret_file(eiot_config *config,
                                        const char *value,
                                        size_t value_len,
                                        eiot_error **out_err);

/**
 * Where the platform is: https, or http to a loopback address. Default "https://oapi.eiotclub.com".
 */
eiot_status eiot_config_set_base_url(eiot_config *config,
                                     const char *value,
                                     size_t value_len,
                                     eiot_error **out_err);

/**
 * Not 0: allow plain http to any address; appkey and signature can then be read on the way. Default 0.
 */
eiot_status eiot_config_set_allow_http(eiot_config *config,
                                       int32_t allow,
                                       eiot_error **out_err);

/**
 * The deadline of a whole call, all attempts and waits included, in milliseconds. Default 30000.
 */
eiot_status eiot_config_set_timeout_ms(eiot_config *config,
                                       uint64_t timeout_ms,
                                       eiot_error **out_err);

/**
 * How long making a connection may take, name look-up and TLS handshake included, in milliseconds. Default 5000.
 */
eiot_status eiot_config_set_connect_timeout_ms(eiot_config *config,
                                               uint64_t connect_timeout_ms,
                                               eiot_error **out_err);

/**
 * How many requests a call may make: the first, and retries of what may pass. Default 3.
 */
eiot_status eiot_config_set_max_attempts(eiot_config *config,
                                         uint32_t max_attempts,
                                         eiot_error **out_err);

/**
 * Calls a second that the account may make, 0 for any number. 95 % of the limit is used, evenly spaced, so that no
 * closed second holds more. Default 10.
 */
eiot_status eiot_config_set_rate_limit(eiot_config *config,
                                       double calls_per_second,
                                       eiot_error **out_err);

/**
 * Who shares that rate. Default `EIOT_RATE_SCOPE_AUTO`.
 */
eiot_status eiot_config_set_rate_scope(eiot_config *config,
                                       eiot_rate_scope scope,
                                       eiot_error **out_err);

/**
 * Which part of that rate is this client's, for fleets of machines: `which` from 1 to `of`. Default 1 of 1.
 */
eiot_status eiot_config_set_rate_share(eiot_config *config,
                                       uint32_t which,
                                       uint32_t of,
                                       eiot_error **out_err);

/**
 * Not 0: wait for a free slot, as long as the time-out allows; 0: fail at once with `EIOT_ERR_RATE_LIMITED`. Default 1.
 */
eiot_status eiot_config_set_rate_wait(eiot_config *config,
                                      int32_t wait,
                                      eiot_error **out_err);

/**
 * Refuse to refresh a card again before so many milliseconds, with `EIOT_ERR_COOLDOWN`; 0, the default, is off. The
 * vendor says 300000 for the twin call by ICCID; for EIDs that is inferred.
 */
eiot_status eiot_config_set_eid_cooldown_ms(eiot_config *config,
                                            uint64_t eid_cooldown_ms,
                                            eiot_error **out_err);

/**
 * Not 0: learn from the platform's replies how far this machine's clock is off, and date requests accordingly.
 * Default 1.
 */
eiot_status eiot_config_set_clock_skew(eiot_config *config,
                                       int32_t correct,
                                       eiot_error **out_err);

/**
 * What error codes of the platform mean: "CODE=KIND,CODE=KIND". Takes precedence over the published codes. The kinds are
 * auth, rate_limited, cooldown, unavailable and platform, for `EIOT_ERR_AUTH` and so on, and for `EIOT_ERR_PLATFORM` also
 * final, the same call would fail again, and retry, which is retried as an HTTP 503 is. Default empty.
 */
eiot_status eiot_config_set_error_codes(eiot_config *config,
                                        const char *value,
                                        size_t value_len,
                                        eiot_error **out_err);

/**
 * A batch stops after this many calls in a row were refused for the account (`EIOT_ERR_AUTH`) and none succeeded in between:
 * all remaining cards come back unsent. Single calls are not affected. 0 is off. Default 20.
 */
eiot_status eiot_config_set_max_auth_failures(eiot_config *config,
                                              uint32_t max_auth_failures,
                                              eiot_error **out_err);

/**
 * How long a batch holds its cards back while the platform cannot be reached, in milliseconds, before it gives up and all
 * remaining cards come back unsent. Single calls are not affected. 0: a batch does not hold its cards back, and each fails as
 * in a single call. Default 900000.
 */
eiot_status eiot_config_set_outage_timeout_ms(eiot_config *config,
                                              uint64_t outage_timeout_ms,
                                              eiot_error **out_err);

/**
 * Not 0: ask for GSMA EIDs, 32 digits that pass the check. Default 0.
 */
eiot_status eiot_config_set_strict_eid(eiot_config *config, int32_t strict, eiot_error **out_err);

/**
 * The hash behind the signature. Default `EIOT_SIGN_SHA1`.
 */
eiot_status eiot_config_set_sign_method(eiot_config *config,
                                        eiot_sign_method method,
                                        eiot_error **out_err);

/**
 * A PEM file of certificate authorities to trust instead of the system's. It is read when a client is made.
 */
eiot_status eiot_config_set_ca_file(eiot_config *config,
                                    const char *value,
                                    size_t value_len,
                                    eiot_error **out_err);

/**
 * A PEM file with the certificate that the client presents to the server (mutual TLS), followed by its chain. For gateways that
 * require a client certificate. Requires `eiot_config_set_client_key_file`. It is read when a client is made. Default none.
 */
eiot_status eiot_config_set_client_cert_file(eiot_config *config,
                                             const char *value,
                                             size_t value_len,
                                             eiot_error **out_err);

/**
 * The PEM file with the private key of that certificate, without a passphrase. It is read when a client is made. Default none.
 */
eiot_status eiot_config_set_client_key_file(eiot_config *config,
                                            const char *value,
                                            size_t value_len,
                                            eiot_error **out_err);

/**
 * A proxy, "http://[user:password@]host:port". The scheme can also be https, socks5 (host names are resolved locally) or socks5h
 * (the proxy resolves them). "env" reads HTTPS_PROXY, ALL_PROXY and NO_PROXY (http_proxy for plain http) when a client is made.
 * Default none; without "env" these variables are not read.
 */
eiot_status eiot_config_set_proxy(eiot_config *config,
                                  const char *value,
                                  size_t value_len,
                                  eiot_error **out_err);

/**
 * The directory of the file through which processes share the account's rate, where that of the user cannot be used: for several
 * users or containers. A directory that cannot be used is refused when the client is made.
 *
 * A Redis that shares the rate between machines is set by `eiot_config_set_option`: "rate_scope" takes "redis://host:port/db".
 */
eiot_status eiot_config_set_rate_dir(eiot_config *config,
                                     const char *value,
                                     size_t value_len,
                                     eiot_error **out_err);

/**
 * The local IP address that connections are made from, such as "192.0.2.7". The platform allow-lists addresses, and a host can
 * have several. "0.0.0.0" means any IPv4 address, "::" any IPv6 address. Default: the system chooses.
 */
eiot_status eiot_config_set_source_address(eiot_config *config,
                                           const char *value,
                                           size_t value_len,
                                           eiot_error **out_err);

/**
 * Names the calling program to the platform: the user agent is "eiot/VERSION" followed by this text, for example
 * "billing/2.3". At most 200 printable ASCII characters. Default "(c)".
 */
eiot_status eiot_config_set_user_agent_suffix(eiot_config *config,
                                              const char *value,
                                              size_t value_len,
                                              eiot_error **out_err);

/**
 * A function that is told of each attempt, and of what a batch does by itself, with `user_data` passed on to it; NULL, the default, is none. Both must
 * live as long as the clients made with these options.
 */
eiot_status eiot_config_set_log(eiot_config *config,
                                eiot_log_fn log,
                                void *user_data,
                                eiot_error **out_err);

/**
 * Makes one that is not triggered. `*out_cancel` is yours to free with `eiot_cancel_free`; it is NULL on failure.
 */
eiot_status eiot_cancel_new(eiot_cancel **out_cancel,
                            eiot_error **out_err);

/**
 * Breaks off the calls that were given this one, those under way and those to come. May be called from another thread
 * or from a signal handler. NULL is fine.
 */
void eiot_cancel_trigger(const eiot_cancel *cancel);

/**
 * Frees it. No call may be using it. NULL is fine.
 */
void eiot_cancel_free(eiot_cancel *cancel);

/**
 * Makes a client. Checks all options and reads the files among them; nothing is sent yet.
 *
 * `config` is copied. `*out_client` is yours to free with `eiot_client_free`; it is NULL on failure.
 * `EIOT_ERR_CONFIG` names the option that cannot be used.
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
 * Asks the platform to refresh one card's package usage, and waits for its answer: for at most the client's
 * time-out. The work is done on the calling thread, which has SIGPIPE blocked meanwhile.
 *
 * `eid` has `eid_len` bytes or ends with a NUL (`EIOT_NTS`); white space around it is ignored. `out_reply` and
 * `out_err` may each be NULL; what is put there is yours to free with `eiot_reply_free` and `eiot_error_free`,
 * and is NULL where it does not apply. Any status may come back, `EIOT_ERR_CONFIG` aside.
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
 * As `eiot_client_refresh_usage`, for a call that another thread, or a signal handler, can break off with
 * `eiot_cancel_trigger`. `cancel` may be NULL.
 */
eiot_status eiot_client_refresh_usage_with_cancel(const eiot_client *client,
                                                  const char *eid,
                                                  size_t eid_len,
                                                  const eiot_cancel *cancel,
                                                  eiot_reply **out_reply,
                                                  eiot_error **out_err);

/**
 * Makes any other signed call of the platform's family, and waits for its answer: the same way as a refresh, with the same
 * rate, retries and errors.
 *
 * `path` is such as "/api/v3/cloudesim/get", and `parameters_json` the text of a JSON object such as {"eid": "8904..."};
 * each has as many bytes as said, or ends with a NUL (`EIOT_NTS`). appkey, timestamp, nonce and sign are added, and must not
 * be among the parameters. Values are sent as they are signed: numbers as they are written, inner names in their own order.
 *
 * A call whose reply is lost is repeated only where that is known to be harmless: so it is of calls that only read and of the
 * refresh; of others, `idempotent` not 0 says so.
 *
 * `cancel`, `out_reply` and `out_err` may each be NULL. What is put into the outputs is yours to free.
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
 * Closes the client's connections and frees it. No call may be using it. NULL is fine.
 */
void eiot_client_free(eiot_client *client);

/**
 * The EID that was refreshed, without the white space it may have come with; of another call its parameter "eid", and ""
 * where there is none. Never NULL; "" for NULL.
 */
const char *eiot_reply_eid(const eiot_reply *reply);

/**
 * The platform's code, always "200": every other one is an error. Never NULL; "" for NULL.
 */
const char *eiot_reply_code(const eiot_reply *reply);

/**
 * The platform's message, exactly as it came. Its wording varies: show it, never compare it. Never NULL; "" for
 * NULL.
 */
const char *eiot_reply_message(const eiot_reply *reply);

/**
 * The reply's `data` as JSON text, exactly as it came; NULL when there is none. Of a refresh its fields are not documented.
 */
const char *eiot_reply_data_json(const eiot_reply *reply);

/**
 * How many requests it took; 0 for NULL.
 */
uint32_t eiot_reply_attempts(const eiot_reply *reply);

/**
 * Frees a reply and its strings. NULL is fine.
 */
void eiot_reply_free(eiot_reply *reply);

/**
 * Starts a batch; nothing is sent yet. It goes on when the client is freed.
 *
 * At most `concurrency` calls are under way at once, 1 to 1024; 0 is the usual number, 32. `cancel` may be NULL; it breaks
 * the batch off, and must live as long as the batch. `*out_batch` is yours to free with `eiot_batch_free`; it is NULL on
 * failure.
 *
 *     eiot_batch *batch;
 *     if (eiot_batch_new(client, 0, NULL, &batch, NULL) != EIOT_OK) return 1;
 *     for (;;) {
 *         eiot_reply *reply;
 *         eiot_error *error;
 *         while (eiot_batch_has_room(batch) && next_eid(eid)) eiot_batch_push(batch, eid, EIOT_NTS, NULL);
 *         if (eiot_batch_next(batch, &reply, &error) == EIOT_OK && reply == NULL) break;
 *         if (error != NULL) fprintf(stderr, "%s\n", eiot_error_message(error));
 *         eiot_reply_free(reply);
 *         eiot_error_free(error);
 *     }
 *     eiot_batch_free(batch);
 */
eiot_status eiot_batch_new(const eiot_client *client,
                           uint32_t concurrency,
                           const eiot_cancel *cancel,
                           eiot_batch **out_batch,
                           eiot_error **out_err);

/**
 * Not 0: there is room for another EID. More can be pushed all the same, and wait in memory. 0 once the batch was stopped or
 * broken off by the caller, so that the input is not read any further; not 0 once it has stopped by itself, so that each card
 * of the input comes back with the reason. 0 for NULL.
 */
int32_t eiot_batch_has_room(const eiot_batch *batch);

/**
 * Takes a card; nothing is sent yet. One that came among the last 8,192 is left out and only counted; a malformed EID
 * comes back from `eiot_batch_next` as an error, and so does every card once the batch has stopped.
 *
 * `eid` has `eid_len` bytes or ends with a NUL (`EIOT_NTS`).
 */
eiot_status eiot_batch_push(eiot_batch *batch,
                            const char *eid,
                            size_t eid_len,
                            eiot_error **out_err);

/**
 * Waits until one card comes back, whichever is first: for as long as the account's rate asks for, plus the client's
 * timeout, and in an outage for up to the outage timeout longer.
 *
 * `EIOT_OK` with a reply: that card was refreshed. Another status: that card was not, and the error says why; what is no
 * call of a card, such as a NULL for `batch`, has no EID. `EIOT_OK` with `*out_reply` NULL: all cards that were pushed have
 * come back. `out_err` may be NULL. What is put there is yours to free with `eiot_reply_free` and `eiot_error_free`.
 */
eiot_status eiot_batch_next(eiot_batch *batch,
                            eiot_reply **out_reply,
                            eiot_error **out_err);

/**
 * Sends no more: cards that wait for their turn, and all that are pushed later, come back with `EIOT_ERR_CANCELLED`, nothing
 * sent; calls that are under way end as they end. A card that has failed in an outage and waits to be called again comes back
 * as it failed. NULL is fine.
 */
void eiot_batch_stop(eiot_batch *batch);

/**
 * How many EIDs were pushed, repeated and malformed ones included; 0 for NULL.
 */
uint64_t eiot_batch_submitted(const eiot_batch *batch);

/**
 * How many EIDs came again soon after, and were left out; 0 for NULL.
 */
uint64_t eiot_batch_duplicates(const eiot_batch *batch);

/**
 * How many cards have come back with a status, `EIOT_OK` being those refreshed; 0 for NULL and for a status that is none.
 * Over all statuses and with the duplicates they add up to those given, once all have come back.
 */
uint64_t eiot_batch_count(const eiot_batch *batch,
                          eiot_status status);

/**
 * Closes the batch's connections and frees it; calls that are under way are broken off. NULL is fine.
 */
void eiot_batch_free(eiot_batch *batch);

/**
 * Refreshes all cards of an array, and tells `on_result` of each as it comes back: a batch with the usual number of calls
 * under way, for programs that have all EIDs at hand.
 *
 * `eids` has `count` strings, each ended by a NUL; one that comes again soon after is left out. `on_result` may be NULL, and
 * `user_data` is passed on to it. `cancel` may be NULL. `EIOT_OK`: all cards have come back, whatever became of them.
 * A run that stops by itself, see `eiot_batch`, tells of each card too, those that were not sent with the reason.
 * `EIOT_ERR_CANCELLED`: `on_result` or `cancel` stopped it; cards that were not sent are not told of. Blocks for as long as
 * the account's rate asks for, and in an outage for up to the outage timeout longer.
 */
eiot_status eiot_client_refresh_many(const eiot_client *client,
                                     const char *const *eids,
                                     size_t count,
                                     const eiot_cancel *cancel,
                                     eiot_result_fn on_result,
                                     void *user_data,
                                     eiot_error **out_err);

/**
 * Checks an EID without calling anybody: `EIOT_OK`, or `EIOT_ERR_INVALID_EID` with an error that says what is
 * wrong. When `strict` is not 0, it must be a GSMA EID: 32 digits that pass the check.
 *
 * `eid` has `eid_len` bytes or ends with a NUL (`EIOT_NTS`).
 */
eiot_status eiot_eid_validate(const char *eid,
                              size_t eid_len,
                              int32_t strict,
                              eiot_error **out_err);

/**
 * Copies a text of this library's into a fixed-width field, as records and databases have it: no NUL, and spaces after it.
 * What is too long is cut between two characters. Returns how many bytes the whole text has, more than `field_size` when it
 * was cut.
 *
 * `text` ends with a NUL; NULL is "". `field` has `field_size` bytes; when it is NULL, only the length is told.
 */
size_t eiot_copy_padded(const char *text,
                        char *field,
                        size_t field_size);

/**
 * Signs flat parameters as the platform does, for other calls than the one this library makes. Blocks nothing and
 * sends nothing.
 *
 * `names` and `values` are arrays of `count` strings, each ended by a NUL, in any order; empty values and a
 * parameter named "sign" are left out. `secret` has `secret_len` bytes or ends with a NUL (`EIOT_NTS`). The
 * signature, upper-case hex, is written to `out_sign` with a NUL after it; `out_size` is the room there,
 * `EIOT_SIGN_SIZE` is always enough. On failure `out_sign` holds "".
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
 * Checks that a webhook comes from somebody who knows the secret, and has not been changed on its way: `EIOT_OK`, or
 * `EIOT_ERR_SIGNATURE` with an error that says why. Blocks nothing and calls nobody; any number of threads may check at
 * once.
 *
 * `payload` is the body of the webhook's HTTP request as it came, JSON text; `secret` signs it with `method`. Each has
 * as many bytes as said, or ends with a NUL (`EIOT_NTS`). The payload's appkey takes no part in its signature: do not rely
 * on it. With `max_age_ms` not 0, a webhook whose timestamp is further away from this machine's clock is refused, so
 * that old ones cannot be replayed for ever.
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
