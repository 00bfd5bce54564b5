/*
 * eiot for C++11 and later: a header-only wrapper around eiot.h with RAII and exceptions.
 *
 *     eiot::client client(eiot::config().appkey("my-appkey").secret("my-secret"));
 *     try {
 *         eiot::reply reply = client.refresh_usage("89044011112233441122334411223321");
 *         std::cout << reply.message() << '\n';
 *     } catch (const eiot::error &error) {
 *         std::cerr << error.what() << '\n';
 *     }
 *
 * To check the result instead of catching an exception, pass std::nothrow:
 *
 *     eiot::outcome outcome = client.refresh_usage(eid, std::nothrow);
 *     if (!outcome) std::cerr << outcome.error().what() << '\n';
 *
 * Ownership     Objects own their C counterparts and free them. get() returns the C object, which stays owned by
 *               its C++ object.
 * Errors        Functions throw eiot::error, unless their comment says otherwise. Running out of memory throws
 *               std::bad_alloc even with std::nothrow.
 * Threads       Const functions are thread-safe. All others require exclusive access to the object.
 * Cancellation  Pass an eiot::cancellation to a call or batch, and trigger it from another thread or a signal handler.
 *
 * eiot.h documents each function in more detail, such as how long it blocks.
 */
#ifndef EIOT_HPP
#define EIOT_HPP

#include <eiot.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace eiot {

/** Whether the platform received the request. Check this before you repeat a call that is not idempotent. */
enum class delivered {
    no = EIOT_DELIVERED_NO,          /**< Nothing was sent, or no connection was made. */
    yes = EIOT_DELIVERED_YES,        /**< The platform responded. */
    unknown = EIOT_DELIVERED_UNKNOWN /**< It was at least partly sent, and no response arrived. */
};

/** The hash function of the signature. */
enum class sign_method {
    sha1 = EIOT_SIGN_SHA1, /**< SHA-1, which the platform documents. */
    md5 = EIOT_SIGN_MD5    /**< MD5, for gateways that require it. */
};

/** Which clients share the account's rate limit. */
enum class rate_scope {
    process = EIOT_RATE_SCOPE_PROCESS, /**< All clients of the account in this process. */
    host = EIOT_RATE_SCOPE_HOST        /**< All processes of this user on this machine. */
};

/** The version of the loaded library, such as "0.1.0". Thread-safe. */
inline std::string version() { return eiot_version(); }

/**
 * A failed call. what() says what happened, to which EID, and what to do about it; it is a single line that is safe to log.
 *
 * Thread-safe, since it is immutable. Copies share their details.
 */
class error : public std::runtime_error {
public:
    /** Takes ownership of `details`, which a C function stored in its out_err; `status` is what it returned. */
    error(eiot_status status, eiot_error *details)
        : std::runtime_error(details ? eiot_error_message(details) : eiot_status_message(status)),
          fields_(std::make_shared<fields>(status, std::shared_ptr<const eiot_error>(details, eiot_error_free))) {}

    /** Shares `details` with the result of a batch. */
    error(eiot_status status, const std::shared_ptr<const eiot_error> &details)
        : std::runtime_error(eiot_error_message(details.get())), fields_(std::make_shared<fields>(status, details)) {}

    /** One of the EIOT_ERR_ constants. */
    eiot_status status() const noexcept { return fields_->status; }
    /** The constant's name, such as "EIOT_ERR_TIMEOUT". */
    const char *status_name() const noexcept { return eiot_status_name(fields_->status); }
    /** The error kind, such as "timeout". All language bindings and the JSON output of the command use the same names. */
    const char *kind() const noexcept { return eiot_status_kind(fields_->status); }
    /** The EID of the call; empty if the error does not concern a single card. */
    const std::string &eid() const noexcept { return fields_->eid; }
    /** The platform's error code, verbatim; empty if it sent none. */
    const std::string &platform_code() const noexcept { return fields_->platform_code; }
    /** The platform's error message, verbatim (UTF-8); empty if it sent none. */
    const std::string &platform_message() const noexcept { return fields_->platform_message; }
    /**
     * Whether the same call would fail again no matter how network, account and platform change: for malformed EIDs and
     * arguments, and for the platform's codes for invalid requests. Unpublished codes are never final.
     */
    bool is_final() const noexcept { return fields_->is_final; }
    /** Whether you may make this call again: the failure may pass by itself, and the call is safe to repeat. */
    bool is_retryable() const noexcept { return eiot_error_is_retryable(fields_->details.get()) != 0; }
    /** The HTTP status of the response, or 0 if there was none. */
    int http_status() const noexcept { return fields_->http_status; }
    /** How many requests were sent or started; 0 if the call failed before the first one. */
    unsigned attempts() const noexcept { return fields_->attempts; }
    /** How long the platform asks to wait before the next call; negative if it did not say. */
    std::chrono::milliseconds retry_after() const noexcept { return fields_->retry_after; }
    /** Whether the platform received the request. */
    eiot::delivered delivered() const noexcept { return fields_->delivered; }
    /**
     * The first 2 KiB of the response body, verbatim, if the response is not the platform's, such as the HTML page of a proxy;
     * empty otherwise.
     */
    const std::string &body() const noexcept { return fields_->body; }
    /**
     * A response header that helps support, such as "server" or "x-request-id", by its case-insensitive name; empty if the
     * response does not have it.
     */
    std::string header(const std::string &name) const {
        const char *value = eiot_error_header(fields_->details.get(), name.c_str());
        return value ? value : "";
    }
    /** All kept response headers, by their names in lower case. */
    std::map<std::string, std::string> headers() const {
        std::map<std::string, std::string> all;
        const eiot_error *details = fields_->details.get();
        for (std::size_t index = 0; const char *name = eiot_error_header_name(details, index); index++) {
            all[name] = header(name);
        }
        return all;
    }

private:
    static std::string text(const char *text) { return text ? text : ""; }

    static std::string bytes(const eiot_error *details) {
        std::size_t length = 0;
        const char *body = eiot_error_body(details, &length);
        return body ? std::string(body, length) : std::string();
    }

    struct fields {
        fields(eiot_status failed_with, const std::shared_ptr<const eiot_error> &error)
            : status(failed_with), details(error), eid(text(eiot_error_eid(error.get()))),
              platform_code(text(eiot_error_platform_code(error.get()))),
              platform_message(text(eiot_error_platform_message(error.get()))), body(bytes(error.get())),
              is_final(eiot_error_is_final(error.get()) != 0), http_status(eiot_error_http_status(error.get())),
              attempts(eiot_error_attempts(error.get())), retry_after(eiot_error_retry_after_ms(error.get())),
              delivered(static_cast<eiot::delivered>(eiot_error_delivered(error.get()))) {}

        eiot_status status;
        /* Holds the headers. Before the other fields, so that it is freed if copying one of them throws. */
        std::shared_ptr<const eiot_error> details;
        std::string eid;
        std::string platform_code;
        std::string platform_message;
        std::string body;
        bool is_final;
        int http_status;
        unsigned attempts;
        std::chrono::milliseconds retry_after;
        eiot::delivered delivered;
    };

    /* Shared: copying an exception must not throw. */
    std::shared_ptr<const fields> fields_;
};

namespace detail {
/* By reference: the call that yields `status` fills in `details`, and the order of evaluation is unspecified. */
inline void check(eiot_status status, eiot_error *&details) {
    if (status != EIOT_OK) throw error(status, details);
}
} // namespace detail

/**
 * A successful reply of the platform. After a refresh, new figures may become visible a little later.
 *
 * Thread-safe, since it is immutable. Can be moved, not copied.
 */
class reply {
public:
    /** Takes ownership of `handle`, which a C function stored in its out_reply. */
    explicit reply(eiot_reply *handle) : handle_(handle, eiot_reply_free) {}
    /** Shares `handle` with the result of a batch. */
    explicit reply(std::shared_ptr<const eiot_reply> handle) : handle_(std::move(handle)) {}

    /** The EID that was refreshed; for other calls their parameter "eid", or empty if they have none. */
    std::string eid() const { return eiot_reply_eid(handle_.get()); }
    /** The platform's code, which is always "200": all other codes are errors. */
    std::string code() const { return eiot_reply_code(handle_.get()); }
    /** The platform's message, verbatim: show it, but do not compare it. */
    std::string message() const { return eiot_reply_message(handle_.get()); }
    /** The reply's `data` as JSON text, verbatim; empty if there is none. */
    std::string data_json() const {
        const char *data = eiot_reply_data_json(handle_.get());
        return data ? data : "";
    }
    /** How many requests the call took. */
    unsigned attempts() const noexcept { return eiot_reply_attempts(handle_.get()); }

private:
    std::shared_ptr<const eiot_reply> handle_;
};

/** The result of one call, or of one card of a batch: the platform's reply, or the error. */
class outcome {
public:
    /** Takes ownership of what a C function stored in its out_reply and out_err; `status` is what it returned. */
    outcome(eiot_status status, eiot_reply *answer, eiot_error *details)
        : reply_(answer), error_(status == EIOT_OK ? nullptr : std::make_shared<eiot::error>(status, details)) {}

    /** Takes ownership of a result that eiot_batch_next made. */
    explicit outcome(eiot_result *result) : outcome(std::shared_ptr<const eiot_result>(result, eiot_result_free)) {}

    /** The card's EID without surrounding whitespace. In a batch, a malformed EID is returned as it was pushed. */
    std::string eid() const {
        if (result_) return eiot_result_eid(result_.get());
        return error_ ? error_->eid() : reply_.eid();
    }
    /** The tag that the card was pushed with; 0 if this is not the outcome of a batch. */
    std::uint64_t tag() const noexcept { return eiot_result_tag(result_.get()); }
    /** The EID as it was pushed; empty if this is not the outcome of a batch. */
    std::string input() const { return eiot_result_input(result_.get()); }
    /** Whether the card repeats one of the batch; nothing was sent for it, and the outcome is that of the first. */
    bool is_duplicate() const noexcept { return eiot_result_is_duplicate(result_.get()) != 0; }
    /** Whether a request was sent or started for this card of a batch. */
    bool was_sent() const noexcept { return eiot_result_was_sent(result_.get()) != 0; }
    /** Whether the call succeeded. */
    explicit operator bool() const noexcept { return !error_; }
    /** EIOT_OK or one of the EIOT_ERR_ constants. */
    eiot_status status() const noexcept { return error_ ? error_->status() : EIOT_OK; }
    /** The reply. Throws the error if the call failed. */
    const eiot::reply &reply() const {
        if (error_) throw *error_;
        return reply_;
    }
    /** The error. Throws std::logic_error if the call succeeded. */
    const eiot::error &error() const {
        if (!error_) throw std::logic_error("eiot::outcome::error: the call succeeded");
        return *error_;
    }

private:
    explicit outcome(const std::shared_ptr<const eiot_result> &result)
        : result_(result), reply_(std::shared_ptr<const eiot_reply>(result, eiot_result_reply(result.get()))) {
        std::shared_ptr<const eiot_error> details(result, eiot_result_error(result.get()));
        if (details) error_ = std::make_shared<eiot::error>(eiot_result_status(result.get()), details);
    }

    /* NULL unless this is the outcome of a batch. */
    std::shared_ptr<const eiot_result> result_;
    eiot::reply reply_;
    std::shared_ptr<const eiot::error> error_;
};

/**
 * A cancellation token. Shared by any number of calls; cannot be reset. Calls check it before sending and every 50 ms while
 * waiting; a reply that arrives first wins. A cancelled call fails with EIOT_ERR_CANCELLED.
 *
 * Thread-safe. Must outlive all calls and batches that use it.
 */
class cancellation {
public:
    /** Creates a token that is not triggered. */
    cancellation() : handle_(nullptr, eiot_cancel_free) {
        eiot_cancel *handle = nullptr;
        eiot_error *details = nullptr;
        detail::check(eiot_cancel_new(&handle, &details), details);
        handle_.reset(handle);
    }

    /** Cancels all calls that use this token, both those in flight and future ones. Async-signal-safe. */
    void trigger() const noexcept { eiot_cancel_trigger(handle_.get()); }

    /** The underlying C object, still owned by this one. */
    const eiot_cancel *get() const noexcept { return handle_.get(); }

private:
    std::unique_ptr<eiot_cancel, void (*)(eiot_cancel *)> handle_;
};

/**
 * The options of a client. Setters return the object itself, for chaining. Invalid values throw eiot::error, in the
 * setter or when a client is created.
 *
 * Requires exclusive access. A client copies its options, so a config can be destroyed as soon as the client exists.
 */
class config {
public:
    /** Default values. Set appkey and a secret before you create a client. */
    config() : handle_(nullptr, eiot_config_free) {
        eiot_config *handle = nullptr;
        eiot_error *details = nullptr;
        detail::check(eiot_config_new(&handle, &details), details);
        handle_.reset(handle);
    }

    /** Options from the environment: EIOT_APPKEY, EIOT_SECRET and so on. Unset options keep their defaults. */
    static config from_env() {
        eiot_config *handle = nullptr;
        eiot_error *details = nullptr;
        detail::check(eiot_config_from_env(&handle, &details), details);
        return config(handle);
    }

    /** Identifies the account's application. Required. */
    config &appkey(const std::string &value) { return set_text(eiot_config_set_appkey, value); }
    /** Signs each request; never sent. Required, unless you use secret_file. */
    config &secret(const std::string &value) { return set_text(eiot_config_set_secret, value); }
    /** The path of a file that contains the secret and nothing else. */
    config &secret_file(const std::string &value) { return set_text(eiot_config_set_secret_file, value); }
    /** The base URL of the platform: https, or http to a loopback address. */
    config &base_url(const std::string &value) { return set_text(eiot_config_set_base_url, value); }
    /** A PEM file of CA certificates to trust instead of the system's. */
    config &ca_file(const std::string &value) { return set_text(eiot_config_set_ca_file, value); }
    /** A PEM file with the client certificate and its chain, for mutual TLS. Requires client_key_file. */
    config &client_cert_file(const std::string &value) { return set_text(eiot_config_set_client_cert_file, value); }
    /** The PEM file with the private key of the client certificate, without a passphrase. */
    config &client_key_file(const std::string &value) { return set_text(eiot_config_set_client_key_file, value); }
    /** A proxy, "http://[user:password@]host:port"; the scheme can also be https, socks5 or socks5h. "env" reads the environment. */
    config &proxy(const std::string &value) { return set_text(eiot_config_set_proxy, value); }
    /** The local IP address to connect from. Default: the system chooses. */
    config &source_address(const std::string &value) { return set_text(eiot_config_set_source_address, value); }
    /** The suffix of the User-Agent header, which names your program, for example "billing/2.3". */
    config &user_agent_suffix(const std::string &value) { return set_text(eiot_config_set_user_agent_suffix, value); }

    /** The timeout of a whole call, including all attempts and waits. Default 30 s. */
    config &timeout(std::chrono::milliseconds value) { return set_time(eiot_config_set_timeout_ms, value); }
    /** The timeout of establishing a connection, including DNS lookup and TLS handshake. Default 5 s. */
    config &connect_timeout(std::chrono::milliseconds value) {
        return set_time(eiot_config_set_connect_timeout_ms, value);
    }

    /** Allows plain http to any address; appkey and signature are then sent unencrypted. Default off. */
    config &allow_http(bool allow) { return set(eiot_config_set_allow_http, allow ? 1 : 0); }
    /** The maximum number of requests per call: the first one, and retries of transient failures. Default 3. */
    config &max_attempts(std::uint32_t count) { return set(eiot_config_set_max_attempts, count); }
    /** The rate limit of the account in calls per second; 0 is unlimited. Default 10. */
    config &rate_limit(double calls_per_second) { return set(eiot_config_set_rate_limit, calls_per_second); }
    /** Which clients share the rate limit. Default: all processes of this user on this machine, if possible. */
    config &rate_scope(eiot::rate_scope scope) {
        return set(eiot_config_set_rate_scope, static_cast<eiot_rate_scope>(scope));
    }
    /** The same by name: "auto", "process", "host", or "redis://host:port/db" to share it between machines through Redis. */
    config &rate_scope(const std::string &value) {
        return set(eiot_config_set_option, "rate_scope", std::size_t(EIOT_NTS), value.data(), value.size());
    }
    /** The directory of the file through which processes share the rate limit, for several users or containers. */
    config &rate_dir(const std::string &value) { return set_text(eiot_config_set_rate_dir, value); }
    /** This client's share of the rate limit, for fleets of machines: part `which`, from 1 to `of`. Default 1 of 1. */
    config &rate_share(std::uint32_t which, std::uint32_t of) {
        return set(eiot_config_set_rate_share, which, of);
    }
    /** Whether to wait for the rate limiter or fail immediately. Default on. */
    config &rate_wait(bool wait) { return set(eiot_config_set_rate_wait, wait ? 1 : 0); }
    /** The cooldown per card: refreshing a card again sooner fails. Zero, the default, disables it. */
    config &eid_cooldown(std::chrono::milliseconds value) { return set_time(eiot_config_set_eid_cooldown_ms, value); }
    /** Corrects timestamps by the clock offset measured from the platform's replies. Default on. */
    config &clock_skew(bool correct) { return set(eiot_config_set_clock_skew, correct ? 1 : 0); }
    /**
     * The meaning of platform error codes: "CODE=KIND,CODE=KIND", with the kinds auth, rate_limited, cooldown, unavailable,
     * platform, final and retry. Takes precedence over the published codes.
     */
    config &error_codes(const std::string &value) { return set_text(eiot_config_set_error_codes, value); }
    /** How many consecutive authentication failures stop a batch; 0 disables this. Default 20. */
    config &max_auth_failures(std::uint32_t count) { return set(eiot_config_set_max_auth_failures, count); }
    /** How long a batch holds its cards back while the platform is unreachable; zero disables holding. Default 15 minutes. */
    config &outage_timeout(std::chrono::milliseconds value) { return set_time(eiot_config_set_outage_timeout_ms, value); }
    /** Accepts only GSMA EIDs: 32 digits with a valid checksum. Default off. */
    config &strict_eid(bool strict) { return set(eiot_config_set_strict_eid, strict ? 1 : 0); }
    /** Accepts EIDs that a spreadsheet or a JSON number seems to have rounded. Default off: they are malformed. */
    config &allow_rounded_eid(bool allow) { return set(eiot_config_set_allow_rounded_eid, allow ? 1 : 0); }
    /** The hash function of the signature. Default SHA-1. */
    config &sign_method(eiot::sign_method method) {
        return set(eiot_config_set_sign_method, static_cast<eiot_sign_method>(method));
    }

    /**
     * A log callback. It receives one line per attempt, and when a batch holds its cards back, resumes or stops itself; without
     * secret or signature. Called on the thread that makes the call, so on several threads at once if they share a client.
     * Exceptions that it throws are discarded. Default none.
     */
    config &log(std::function<void(const char *line)> log) {
        std::shared_ptr<log_function> shared = std::make_shared<log_function>(std::move(log));
        set(eiot_config_set_log, *shared ? tell : nullptr, static_cast<void *>(shared.get()));
        log_ = shared;
        return *this;
    }

    /** The underlying C object, still owned by this one. */
    const eiot_config *get() const noexcept { return handle_.get(); }

private:
    friend class client;
    friend class batch;
    typedef std::function<void(const char *)> log_function;

    /* Exceptions must not unwind through the C library. */
    static void tell(const char *line, void *log) {
        try {
            (*static_cast<log_function *>(log))(line);
        } catch (...) {
        }
    }

    explicit config(eiot_config *handle) : handle_(handle, eiot_config_free) {}

    /* Calls a C setter with the values between its config and out_err parameters. */
    template <typename Setter, typename... Values> config &set(Setter setter, Values... values) {
        eiot_error *details = nullptr;
        detail::check(setter(handle_.get(), values..., &details), details);
        return *this;
    }

    template <typename Setter> config &set_text(Setter setter, const std::string &value) {
        return set(setter, value.data(), value.size());
    }

    template <typename Setter> config &set_time(Setter setter, std::chrono::milliseconds value) {
        /* A negative time becomes one that is far too long: the client rejects it with the name of the option. */
        return set(setter, value.count() < 0 ? UINT64_MAX : static_cast<std::uint64_t>(value.count()));
    }

    std::unique_ptr<eiot_config, void (*)(eiot_config *)> handle_;
    /* Shared with the clients created from these options. */
    std::shared_ptr<log_function> log_;
};

/**
 * A client of one account. It keeps a connection pool and the state of the rate limiter, so create one and reuse it.
 *
 * Thread-safe. After fork, both parent and child may continue to use it.
 */
class client {
public:
    /** Validates all options and reads the files they name. Sends nothing. Throws eiot::error, which names the invalid option. */
    explicit client(const config &options) : log_(options.log_), handle_(nullptr, eiot_client_free) {
        eiot_client *handle = nullptr;
        eiot_error *details = nullptr;
        detail::check(eiot_client_new(options.get(), &handle, &details), details);
        handle_.reset(handle);
    }

    /** Creates a client that is configured by the environment; see config::from_env(). */
    static client from_env() { return client(config::from_env()); }

    /** Refreshes the package usage of one card and waits for the reply, at most until the timeout. Throws eiot::error. */
    reply refresh_usage(const std::string &eid) const { return refresh(eid, nullptr); }

    /** The same, with a cancellation token. */
    reply refresh_usage(const std::string &eid, const cancellation &cancel) const { return refresh(eid, cancel.get()); }

    /** The same, but returns the error in the outcome instead of throwing it. */
    outcome refresh_usage(const std::string &eid, std::nothrow_t) const { return ask(eid, nullptr); }

    /** The same, with a cancellation token. */
    outcome refresh_usage(const std::string &eid, const cancellation &cancel, std::nothrow_t) const {
        return ask(eid, cancel.get());
    }

    /**
     * Refreshes all cards of a range, with many calls in flight, and passes each outcome to `on_outcome` as it arrives. The
     * callback returns nothing, or whether to continue. Each card has exactly one outcome, whose tag is its index. Returns false
     * if the callback stopped it; the remaining cards then come back as EIOT_ERR_CANCELLED, unsent. If a run stops itself (see
     * eiot::batch), they come back with the reason. Prefer eiot::batch if the EIDs arrive over time, or to cancel from another thread.
     *
     *     client.refresh_many(eids, [](const eiot::outcome &outcome) {
     *         if (!outcome) std::cerr << outcome.error().what() << '\n';
     *     });
     */
    template <typename Eids, typename OnOutcome>
    bool refresh_many(const Eids &eids, OnOutcome on_outcome, unsigned concurrency = 0) const;

    /**
     * Makes any other signed call of the platform's API, with the rate limit, retries and errors of a refresh. Appkey, timestamp,
     * nonce and sign are added to the members of the JSON object `parameters_json`. If the reply is lost, the call is retried
     * only when it is idempotent: read-only calls and refreshUsage are; for other calls pass `idempotent`. Throws eiot::error.
     *
     *     std::string card = client.call("/api/v3/cloudesim/get", "{\"eid\": \"89044011112233441122334411223321\"}").data_json();
     */
    reply call(const std::string &path, const std::string &parameters_json, bool idempotent = false) const {
        eiot_reply *answer = nullptr;
        eiot_error *details = nullptr;
        detail::check(post(path, parameters_json, idempotent, nullptr, &answer, &details), details);
        return reply(answer);
    }

    /** The same, with a cancellation token. */
    reply call(const std::string &path, const std::string &parameters_json, const cancellation &cancel,
               bool idempotent = false) const {
        eiot_reply *answer = nullptr;
        eiot_error *details = nullptr;
        detail::check(post(path, parameters_json, idempotent, cancel.get(), &answer, &details), details);
        return reply(answer);
    }

    /** The same, but returns the error in the outcome instead of throwing it. */
    outcome call(const std::string &path, const std::string &parameters_json, std::nothrow_t, bool idempotent = false) const {
        eiot_reply *answer = nullptr;
        eiot_error *details = nullptr;
        eiot_status status = post(path, parameters_json, idempotent, nullptr, &answer, &details);
        return outcome(status, answer, details);
    }

    /** The underlying C object, still owned by this one. */
    const eiot_client *get() const noexcept { return handle_.get(); }

private:
    friend class batch;
    reply refresh(const std::string &eid, const eiot_cancel *cancel) const {
        eiot_reply *answer = nullptr;
        eiot_error *details = nullptr;
        detail::check(request(eid, cancel, &answer, &details), details);
        return reply(answer);
    }

    outcome ask(const std::string &eid, const eiot_cancel *cancel) const {
        eiot_reply *answer = nullptr;
        eiot_error *details = nullptr;
        eiot_status status = request(eid, cancel, &answer, &details);
        return outcome(status, answer, details);
    }

    eiot_status post(const std::string &path, const std::string &parameters, bool idempotent, const eiot_cancel *cancel,
                     eiot_reply **answer, eiot_error **details) const {
        return eiot_client_call(handle_.get(), path.data(), path.size(), parameters.data(), parameters.size(),
                                idempotent ? 1 : 0, cancel, answer, details);
    }

    eiot_status request(const std::string &eid, const eiot_cancel *cancel, eiot_reply **answer, eiot_error **details) const {
        return eiot_client_refresh_usage_with_cancel(handle_.get(), eid.data(), eid.size(), cancel, answer, details);
    }

    std::shared_ptr<config::log_function> log_;
    std::unique_ptr<eiot_client, void (*)(eiot_client *)> handle_;
};

/**
 * Refreshes many cards, with many calls in flight on the thread that calls next(). Push EIDs while there is room, take the
 * next outcome, repeat. Memory use depends on the concurrency, not on the number of cards.
 *
 * A batch that cannot succeed stops itself: after config::max_auth_failures consecutive authentication failures, or when the
 * platform was unreachable for config::outage_timeout. All remaining cards then come back with the status of the cause, 0
 * attempts, delivered no, and a message that says why they were not sent. During an outage a batch holds its cards back, and
 * resumes when the platform responds; a card that failed during the outage is called again.
 *
 * Requires exclusive access. May outlive its client, whose log callback it keeps, but not its cancellation token.
 */
class batch {
public:
    /** Creates a batch with at most `concurrency` calls in flight, 1 to 1024; 0 is the default, 32. Sends nothing. */
    explicit batch(const client &client, unsigned concurrency = 0) : batch(client, concurrency, nullptr) {}
    /** The same, with a cancellation token. */
    batch(const client &client, const cancellation &cancel, unsigned concurrency = 0)
        : batch(client, concurrency, cancel.get()) {}

    /** Whether the batch can take another EID now; false after stop(). */
    bool has_room() const noexcept { return eiot_batch_has_room(handle_.get()) != 0; }

    /**
     * Adds a card, with a tag that comes back with its outcome; sends nothing yet. Each card comes back exactly once: a duplicate
     * with the outcome of the first, and a malformed EID with its error.
     */
    void push(const std::string &eid, std::uint64_t tag = 0) {
        eiot_error *details = nullptr;
        detail::check(eiot_batch_push(handle_.get(), eid.data(), eid.size(), tag, &details), details);
    }

    /** Waits for the next outcome, in order of completion; a null pointer if all cards that were pushed have come back. */
    std::unique_ptr<outcome> next() { return next_within(-1); }

    /**
     * The same, but waits for at most `limit`; zero polls. A null pointer if nothing has come back within the limit, or if all
     * cards have come back; pending() tells which.
     */
    std::unique_ptr<outcome> next(std::chrono::milliseconds limit) {
        return next_within(limit.count() < 0 ? 0 : static_cast<std::int64_t>(limit.count()));
    }

    /** How many cards were pushed and have not come back. */
    std::uint64_t pending() const noexcept { return eiot_batch_pending(handle_.get()); }
    /** How many calls are in flight. */
    std::uint64_t in_flight() const noexcept { return eiot_batch_in_flight(handle_.get()); }

    /** Stops sending: cards that wait or are pushed later come back as cancelled; calls in flight complete. */
    void stop() noexcept { eiot_batch_stop(handle_.get()); }

    /** How many EIDs were pushed, including duplicates and malformed ones. */
    std::uint64_t submitted() const noexcept { return eiot_batch_submitted(handle_.get()); }
    /** How many duplicates have come back. */
    std::uint64_t duplicates() const noexcept { return eiot_batch_duplicates(handle_.get()); }
    /** How many cards have come back with this status; EIOT_OK for refreshed cards. */
    std::uint64_t count(eiot_status status) const noexcept { return eiot_batch_count(handle_.get(), status); }

private:
    batch(const client &client, unsigned concurrency, const eiot_cancel *cancel)
        : log_(client.log_), handle_(nullptr, eiot_batch_free) {
        eiot_batch *handle = nullptr;
        eiot_error *details = nullptr;
        detail::check(eiot_batch_new(client.get(), concurrency, cancel, &handle, &details), details);
        handle_.reset(handle);
    }

    std::unique_ptr<outcome> next_within(std::int64_t milliseconds) {
        eiot_result *result = nullptr;
        eiot_error *details = nullptr;
        detail::check(eiot_batch_next(handle_.get(), milliseconds, &result, &details), details);
        return std::unique_ptr<outcome>(result ? new outcome(result) : nullptr);
    }

    /* Before the handle, which calls it until it is freed. */
    std::shared_ptr<config::log_function> log_;
    std::unique_ptr<eiot_batch, void (*)(eiot_batch *)> handle_;
};

namespace detail {
/* Whether to continue: what the callback returns, or true if it returns nothing. */
template <typename OnOutcome> bool goes_on(OnOutcome &on_outcome, const outcome &outcome, std::true_type) {
    on_outcome(outcome);
    return true;
}
template <typename OnOutcome> bool goes_on(OnOutcome &on_outcome, const outcome &outcome, std::false_type) {
    return on_outcome(outcome);
}
} // namespace detail

template <typename Eids, typename OnOutcome>
bool client::refresh_many(const Eids &eids, OnOutcome on_outcome, unsigned concurrency) const {
    typedef std::is_void<decltype(on_outcome(std::declval<const outcome &>()))> returns_nothing;
    batch many(*this, concurrency);
    bool stopped = false;
    std::uint64_t index = 0;
    auto eid = std::begin(eids);
    for (;;) {
        /* After a stop, each card that is pushed comes back at once. */
        for (; eid != std::end(eids) && (stopped ? many.pending() == 0 : many.has_room()); ++eid) many.push(*eid, index++);
        std::unique_ptr<outcome> ended = many.next();
        if (!ended) return !stopped;
        if (!detail::goes_on(on_outcome, *ended, returns_nothing()) && !stopped) {
            stopped = true;
            many.stop();
        }
    }
}

/**
 * Verifies the signature of a webhook that the platform sends to your server. `payload` is the raw body of the HTTP request. A
 * non-zero `max_age` rejects webhooks whose timestamp is further than that from this machine's clock, which limits replay
 * attacks. The appkey in the payload is not covered by the signature. Throws eiot::error with EIOT_ERR_SIGNATURE, which says why.
 *
 * Thread-safe. Does no I/O.
 */
inline void verify_webhook(const std::string &payload, const std::string &secret,
                                std::chrono::milliseconds max_age = std::chrono::milliseconds::zero(),
                                sign_method method = sign_method::sha1) {
    eiot_error *details = nullptr;
    const std::uint64_t milliseconds = max_age.count() < 0 ? 1 : static_cast<std::uint64_t>(max_age.count());
    detail::check(eiot_webhook_verify(payload.data(), payload.size(), secret.data(), secret.size(),
                                           static_cast<eiot_sign_method>(method), milliseconds, &details),
                  details);
}

} // namespace eiot

#endif /* EIOT_HPP */
