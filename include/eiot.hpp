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
 *               its C++ object. Replies, outcomes and errors are plain values: copy and keep them as you like.
 * Strings       Parameters are an eiot::text: a const char *, a std::string or, from C++17, a std::string_view.
 * Errors        Functions throw eiot::error, unless their comment says otherwise. With std::nothrow they return it in
 *               an eiot::outcome or eiot::expected. Running out of memory throws std::bad_alloc even with std::nothrow.
 * Threads       Const functions are thread-safe. All others require exclusive access to the object.
 * Cancellation  Pass an eiot::cancellation to a call or batch, and trigger it from another thread or a signal handler.
 *
 * eiot.h documents each function in more detail, such as how long it blocks.
 */
#ifndef EIOT_HPP
#define EIOT_HPP

#include <eiot.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#if __cplusplus >= 201703L || (defined(_MSVC_LANG) && _MSVC_LANG >= 201703L)
#include <string_view>
#define EIOT_HAS_STRING_VIEW
#define EIOT_NODISCARD [[nodiscard]]
#else
#define EIOT_NODISCARD
#endif

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
    automatic = EIOT_RATE_SCOPE_AUTO,  /**< The host if its directory is usable, otherwise the process. */
    process = EIOT_RATE_SCOPE_PROCESS, /**< All clients of the account in this process. */
    host = EIOT_RATE_SCOPE_HOST        /**< All processes of this user on this machine. */
};

/** The version of the loaded library, such as "0.1.0". Thread-safe. */
inline std::string version() { return eiot_version(); }

/** A string parameter. Borrowed for the length of the call; the library copies what it keeps. */
class text {
public:
    /** A NUL-terminated string. A null pointer is an error of the call. */
    text(const char *nul_terminated) noexcept : data_(nul_terminated), size_(EIOT_NTS) {}
    /** A whole string. */
    text(const std::string &value) noexcept : data_(value.data()), size_(value.size()) {}
#ifdef EIOT_HAS_STRING_VIEW
    /** A view, which does not need a terminating NUL. */
    text(std::string_view value) noexcept : data_(value.data() ? value.data() : ""), size_(value.size()) {}
#endif

    /** The first byte. */
    const char *data() const noexcept { return data_; }
    /** The length in bytes, or EIOT_NTS for a NUL-terminated string. */
    std::size_t size() const noexcept { return size_; }

private:
    const char *data_;
    std::size_t size_;
};

namespace detail {
/* A copy of a C string; NULL is empty. */
inline std::string copied(const char *text) { return text ? text : ""; }

struct free_handle {
    void operator()(eiot_batch *handle) const noexcept { eiot_batch_free(handle); }
    void operator()(eiot_cancel *handle) const noexcept { eiot_cancel_free(handle); }
    void operator()(eiot_client *handle) const noexcept { eiot_client_free(handle); }
    void operator()(eiot_config *handle) const noexcept { eiot_config_free(handle); }
    void operator()(eiot_error *handle) const noexcept { eiot_error_free(handle); }
    void operator()(eiot_reply *handle) const noexcept { eiot_reply_free(handle); }
    void operator()(eiot_result *handle) const noexcept { eiot_result_free(handle); }
};

template <typename T> using handle = std::unique_ptr<T, free_handle>;

/* An out_ parameter of a C function, which owns what the function stores. */
template <typename T> class out {
public:
    out() noexcept : stored_(nullptr) {}
    out(const out &) = delete;
    out &operator=(const out &) = delete;
    ~out() { free_handle()(stored_); }
    operator T **() noexcept { return &stored_; }
    T *get() const noexcept { return stored_; }
    handle<T> take() noexcept {
        handle<T> taken(stored_);
        stored_ = nullptr;
        return taken;
    }

private:
    T *stored_;
};
} // namespace detail

/**
 * A failed call. what() says what happened, to which EID, and what to do about it; it is a single line that is safe to log.
 *
 * Thread-safe, since it is immutable. Copies share their details.
 */
class error : public std::runtime_error {
public:
    /** Copies `details`, which a C function stored in its out_err; `status` is what it returned. */
    error(eiot_status status, const eiot_error *details)
        : std::runtime_error(details ? eiot_error_message(details) : eiot_status_message(status)),
          fields_(std::make_shared<fields>(status, details)) {}

    /** An error without details. */
    error(eiot_status status, const char *message)
        : std::runtime_error(message), fields_(std::make_shared<fields>(status, nullptr)) {}

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
    /**
     * Whether you may make this call again: the failure may pass by itself, and the call is safe to repeat. Wait before you do, at
     * least retry_after(): the library has already retried the call within its timeout.
     */
    bool is_retryable() const noexcept { return fields_->is_retryable; }
    /** The HTTP status of the response, or 0 if there was none. */
    int http_status() const noexcept { return fields_->http_status; }
    /** How many requests were sent or started; 0 if the call failed before the first one. */
    unsigned attempts() const noexcept { return fields_->attempts; }
    /** How long to wait: as the platform asks, or until rate limiter or cooldown allow the call; negative if neither says. */
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
    std::string header(std::string name) const {
        for (char &letter : name) {
            if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
        }
        const auto found = fields_->headers.find(name);
        return found == fields_->headers.end() ? std::string() : found->second;
    }
    /** All kept response headers, by their names in lower case. */
    const std::map<std::string, std::string> &headers() const noexcept { return fields_->headers; }

private:
    struct fields {
        fields(eiot_status failed_with, const eiot_error *error)
            : status(failed_with), eid(detail::copied(eiot_error_eid(error))),
              platform_code(detail::copied(eiot_error_platform_code(error))),
              platform_message(detail::copied(eiot_error_platform_message(error))),
              is_final(eiot_error_is_final(error) != 0), is_retryable(eiot_error_is_retryable(error) != 0),
              http_status(eiot_error_http_status(error)), attempts(eiot_error_attempts(error)),
              retry_after(eiot_error_retry_after_ms(error)),
              delivered(static_cast<eiot::delivered>(eiot_error_delivered(error))) {
            std::size_t length = 0;
            if (const char *bytes = eiot_error_body(error, &length)) body.assign(bytes, length);
            for (std::size_t index = 0; const char *name = eiot_error_header_name(error, index); index++) {
                headers[name] = detail::copied(eiot_error_header(error, name));
            }
        }

        eiot_status status;
        std::string eid;
        std::string platform_code;
        std::string platform_message;
        std::string body;
        std::map<std::string, std::string> headers;
        bool is_final;
        bool is_retryable;
        int http_status;
        unsigned attempts;
        std::chrono::milliseconds retry_after;
        eiot::delivered delivered;
    };

    /* Shared: copying an exception must not throw. */
    std::shared_ptr<const fields> fields_;
};

/**
 * What a function with std::nothrow returns: its value, or the error. Modelled on std::expected of C++23.
 *
 *     eiot::expected<eiot::client> client = eiot::client::from_env(std::nothrow);
 *     if (!client) return fail(client.error().what());
 *     client->refresh_usage(eid);
 */
template <typename T> class EIOT_NODISCARD expected {
public:
    /** A value. */
    expected(T value) : value_(new T(std::move(value))) {}
    /** An error. */
    expected(const eiot::error &error) : error_(std::make_shared<const eiot::error>(error)) {}

    /** Whether there is a value. */
    explicit operator bool() const noexcept { return !error_; }
    /** EIOT_OK or one of the EIOT_ERR_ constants. */
    eiot_status status() const noexcept { return error_ ? error_->status() : EIOT_OK; }
    /** The value. Throws the error if there is none. */
    T &value() & { return *checked(); }
    /** The value. Throws the error if there is none. */
    const T &value() const & { return *checked(); }
    /** The value. Throws the error if there is none. */
    T &&value() && { return std::move(*checked()); }
    /** The value. Throws the error if there is none. */
    T &operator*() { return *checked(); }
    /** The value. Throws the error if there is none. */
    T *operator->() { return checked(); }
    /** The error. Throws std::logic_error if there is a value. */
    const eiot::error &error() const {
        if (!error_) throw std::logic_error("eiot::expected::error: the call succeeded");
        return *error_;
    }

private:
    T *checked() const {
        if (error_) throw *error_;
        return value_.get();
    }

    std::unique_ptr<T> value_;
    std::shared_ptr<const eiot::error> error_;
};

/** The same for a function without a value. */
template <> class EIOT_NODISCARD expected<void> {
public:
    /** Success. */
    expected() noexcept {}
    /** Copies `details`, unless `status` is EIOT_OK. */
    expected(eiot_status status, const eiot_error *details)
        : error_(status == EIOT_OK ? nullptr : std::make_shared<const eiot::error>(status, details)) {}

    /** Whether the call succeeded. */
    explicit operator bool() const noexcept { return !error_; }
    /** EIOT_OK or one of the EIOT_ERR_ constants. */
    eiot_status status() const noexcept { return error_ ? error_->status() : EIOT_OK; }
    /** Throws the error if the call failed. */
    void value() const {
        if (error_) throw *error_;
    }
    /** The error. Throws std::logic_error if the call succeeded. */
    const eiot::error &error() const {
        if (!error_) throw std::logic_error("eiot::expected::error: the call succeeded");
        return *error_;
    }

private:
    std::shared_ptr<const eiot::error> error_;
};

/** A successful reply of the platform. After a refresh, new figures may become visible a little later. */
class reply {
public:
    /** Copies `handle`, which a C function stored in its out_reply. */
    explicit reply(const eiot_reply *handle)
        : eid_(eiot_reply_eid(handle)), code_(eiot_reply_code(handle)), message_(eiot_reply_message(handle)),
          data_json_(detail::copied(eiot_reply_data_json(handle))), attempts_(eiot_reply_attempts(handle)) {}

    /** The EID that was refreshed; for other calls their parameter "eid", or empty if they have none. */
    const std::string &eid() const noexcept { return eid_; }
    /** The platform's code, which is always "200": all other codes are errors. */
    const std::string &code() const noexcept { return code_; }
    /** The platform's message, verbatim: show it, but do not compare it. */
    const std::string &message() const noexcept { return message_; }
    /** The reply's `data` as JSON text, verbatim; empty if there is none. */
    const std::string &data_json() const noexcept { return data_json_; }
    /** How many requests the call took. */
    unsigned attempts() const noexcept { return attempts_; }

private:
    std::string eid_;
    std::string code_;
    std::string message_;
    std::string data_json_;
    unsigned attempts_;
};

/** The result of one call, or of one card of a batch: the platform's reply, or the error. */
class EIOT_NODISCARD outcome {
public:
    /** Copies what a C function stored in its out_reply and out_err; `status` is what it returned. */
    outcome(eiot_status status, const eiot_reply *answer, const eiot_error *details)
        : tag_(0), is_duplicate_(false), was_sent_(status == EIOT_OK || eiot_error_attempts(details) > 0), reply_(answer),
          error_(status == EIOT_OK ? nullptr : std::make_shared<const eiot::error>(status, details)),
          eid_(error_ ? error_->eid() : reply_.eid()) {}

    /** Copies the result of one card of a batch. */
    explicit outcome(const eiot_result *result)
        : tag_(eiot_result_tag(result)), is_duplicate_(eiot_result_is_duplicate(result) != 0),
          was_sent_(eiot_result_was_sent(result) != 0), reply_(eiot_result_reply(result)), input_(eiot_result_input(result)),
          eid_(eiot_result_eid(result)) {
        const eiot_status status = eiot_result_status(result);
        if (status != EIOT_OK) error_ = std::make_shared<const eiot::error>(status, eiot_result_error(result));
    }

    /** The card's EID without surrounding whitespace. In a batch, a malformed EID is returned as it was pushed. */
    const std::string &eid() const noexcept { return eid_; }
    /** The tag that the card was pushed with; 0 if this is not the outcome of a batch. */
    std::uint64_t tag() const noexcept { return tag_; }
    /** The EID as it was pushed; empty if this is not the outcome of a batch. */
    const std::string &input() const noexcept { return input_; }
    /** Whether the card repeats one of the batch; nothing was sent for it, and the outcome is that of the first. */
    bool is_duplicate() const noexcept { return is_duplicate_; }
    /** Whether a request was sent or started. */
    bool was_sent() const noexcept { return was_sent_; }
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
    std::uint64_t tag_;
    bool is_duplicate_;
    bool was_sent_;
    eiot::reply reply_;
    std::shared_ptr<const eiot::error> error_;
    std::string input_;
    std::string eid_;
};

/**
 * One attempt of a call that has ended, or a call that was refused before anything was sent. For metrics and structured logs.
 *
 * Valid until the callback that receives it returns. Thread-safe.
 */
class event {
public:
    /** Borrows what the C library passes to its callback. */
    explicit event(const eiot_event *handle) noexcept : handle_(handle) {}
    event(const event &) = delete;
    event &operator=(const event &) = delete;

    /** All fields as one line of JSON, the same in every language. */
    std::string json() const { return eiot_event_json(handle_); }
    /** The path of the call. */
    std::string path() const { return eiot_event_path(handle_); }
    /** The EID; the beginning of the input if it is malformed, and empty if the call does not concern a card. */
    std::string eid() const { return detail::copied(eiot_event_eid(handle_)); }
    /** Which attempt of the call this was; 1 is the first. 0: the call was refused, and nothing was sent. */
    unsigned attempt() const noexcept { return eiot_event_attempt(handle_); }
    /** EIOT_OK or one of the EIOT_ERR_ constants. */
    eiot_status status() const noexcept { return eiot_event_status(handle_); }
    /** The error kind, such as "timeout", or "ok". */
    const char *kind() const noexcept { return eiot_status_kind(status()); }
    /** Whether the platform received this request. */
    eiot::delivered delivered() const noexcept { return static_cast<eiot::delivered>(eiot_event_delivered(handle_)); }
    /** The platform's code, "200" if the attempt succeeded; empty if it sent none. */
    std::string platform_code() const { return detail::copied(eiot_event_platform_code(handle_)); }
    /** The HTTP status of the response, or 0 if there was none. */
    int http_status() const noexcept { return eiot_event_http_status(handle_); }
    /** How long the attempt took, not counting the wait for a permit. */
    std::chrono::duration<double, std::milli> duration() const noexcept {
        return std::chrono::duration<double, std::milli>(eiot_event_duration_ms(handle_));
    }
    /** How long the call waits before it retries; negative if this was its last attempt. */
    std::chrono::milliseconds next_wait() const noexcept {
        return std::chrono::milliseconds(eiot_event_next_wait_ms(handle_));
    }
    /** The timestamp of the request in Unix seconds; 0 if nothing was sent. */
    std::uint64_t timestamp() const noexcept { return eiot_event_timestamp(handle_); }
    /** The nonce of the request; 0 if nothing was sent. */
    std::uint32_t nonce() const noexcept { return eiot_event_nonce(handle_); }
    /** The error's message; empty if the attempt succeeded. */
    std::string message() const { return detail::copied(eiot_event_message(handle_)); }

private:
    const eiot_event *handle_;
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
    cancellation() : cancellation(create(std::nothrow).value()) {}

    /** The same, but returns the error instead of throwing it. */
    static expected<cancellation> create(std::nothrow_t) {
        detail::out<eiot_cancel> made;
        detail::out<eiot_error> details;
        const eiot_status status = eiot_cancel_new(made, details);
        if (status != EIOT_OK) return error(status, details.get());
        return cancellation(made.take());
    }

    /** Cancels all calls that use this token, both those in flight and future ones. Async-signal-safe. */
    void trigger() const noexcept { eiot_cancel_trigger(handle_.get()); }

    /** The underlying C object, still owned by this one. */
    const eiot_cancel *get() const noexcept { return handle_.get(); }

private:
    explicit cancellation(detail::handle<eiot_cancel> handle) noexcept : handle_(std::move(handle)) {}

    detail::handle<eiot_cancel> handle_;
};

namespace detail {
/* The functions that the C library calls; shared by the options, clients and batches that have them. */
struct callbacks {
    std::shared_ptr<std::function<void(const char *)>> log;
    std::shared_ptr<std::function<void(const event &)>> event;
};

/* Exceptions must not unwind through the C library. */
inline void tell_log(const char *line, void *log) {
    try {
        (*static_cast<std::function<void(const char *)> *>(log))(line);
    } catch (...) {
    }
}

inline void tell_event(const eiot_event *happened, void *on_event) {
    try {
        (*static_cast<std::function<void(const event &)> *>(on_event))(event(happened));
    } catch (...) {
    }
}
} // namespace detail

/** One option by name; see config::set(). */
struct option {
    text name;  /**< Such as "timeout". */
    text value; /**< In the same format as in the environment, such as "2.5". */
};

/**
 * The options of a client. Setters return the object itself, for chaining. Invalid values throw eiot::error, in the
 * setter or when a client is created.
 *
 *     eiot::config options{{"appkey", "my-appkey"}, {"secret_file", "/etc/my-secret"}, {"timeout", "5"}};
 *
 * Options that are made with std::nothrow do not throw: they keep the first error, which failure() returns, and with which
 * creating a client fails.
 *
 *     eiot::expected<eiot::client> client =
 *         eiot::client::create(eiot::config(std::nothrow).appkey(appkey).secret(secret), std::nothrow);
 *
 * Requires exclusive access. A client copies its options, so a config can be destroyed as soon as the client exists.
 */
class config {
public:
    /** Default values. Set appkey and a secret before you create a client. */
    config() : config(true, eiot_config_new) {}
    /** The same, with setters that do not throw. */
    explicit config(std::nothrow_t) : config(false, eiot_config_new) {}
    /** Options by name. */
    config(std::initializer_list<option> options) : config() { set_all(options); }
    /** The same, but does not throw. */
    config(std::initializer_list<option> options, std::nothrow_t) : config(std::nothrow) { set_all(options); }

    /** Options from the environment: EIOT_APPKEY, EIOT_SECRET and so on. Unset options keep their defaults. */
    static config from_env() { return config(true, eiot_config_from_env); }
    /** The same, but does not throw. */
    static config from_env(std::nothrow_t) { return config(false, eiot_config_from_env); }

    /** The first error of options that were made with std::nothrow; a null pointer if there is none. */
    const eiot::error *failure() const noexcept { return failure_.get(); }

    /**
     * Sets an option by name, from text in the same format as in the environment: "timeout" is in seconds ("2.5"), switches are
     * "on" and "off". For programs that read their options from a file.
     */
    config &set(text name, text value) {
        return apply(eiot_config_set_option, name.data(), name.size(), value.data(), value.size());
    }

    /** Identifies the account's application. Required. */
    config &appkey(text value) { return apply_text(eiot_config_set_appkey, value); }
    /** Signs each request; never sent. Required, unless you use secret_file. */
    config &secret(text value) { return apply_text(eiot_config_set_secret, value); }
    /** The path of a file that contains the secret and nothing else. */
    config &secret_file(text value) { return apply_text(eiot_config_set_secret_file, value); }
    /** The base URL of the platform: https, or http to a loopback address. */
    config &base_url(text value) { return apply_text(eiot_config_set_base_url, value); }
    /** A PEM file of CA certificates to trust instead of the system's. */
    config &ca_file(text value) { return apply_text(eiot_config_set_ca_file, value); }
    /** A PEM file with the client certificate and its chain, for mutual TLS. Requires client_key_file. */
    config &client_cert_file(text value) { return apply_text(eiot_config_set_client_cert_file, value); }
    /** The PEM file with the private key of the client certificate, without a passphrase. */
    config &client_key_file(text value) { return apply_text(eiot_config_set_client_key_file, value); }
    /** A proxy, "http://[user:password@]host:port"; the scheme can also be https, socks5 or socks5h. "env" reads the environment. */
    config &proxy(text value) { return apply_text(eiot_config_set_proxy, value); }
    /** The local IP address to connect from. Default: the system chooses. */
    config &source_address(text value) { return apply_text(eiot_config_set_source_address, value); }
    /** The suffix of the User-Agent header, which names your program, for example "billing/2.3". */
    config &user_agent_suffix(text value) { return apply_text(eiot_config_set_user_agent_suffix, value); }

    /** The timeout of a whole call, including all attempts and waits. Default 30 s. */
    config &timeout(std::chrono::milliseconds value) { return apply_time(eiot_config_set_timeout_ms, value); }
    /** The timeout of establishing a connection, including DNS lookup and TLS handshake. Default 5 s. */
    config &connect_timeout(std::chrono::milliseconds value) {
        return apply_time(eiot_config_set_connect_timeout_ms, value);
    }

    /** Allows plain http to any address; appkey and signature are then sent unencrypted. Default off. */
    config &allow_http(bool allow) { return apply(eiot_config_set_allow_http, allow ? 1 : 0); }
    /** The maximum number of requests per call: the first one, and retries of transient failures. Default 3. */
    config &max_attempts(std::uint32_t count) { return apply(eiot_config_set_max_attempts, count); }
    /** The rate limit of the account in calls per second; 0 is unlimited. Default 10. */
    config &rate_limit(double calls_per_second) { return apply(eiot_config_set_rate_limit, calls_per_second); }
    /** Which clients share the rate limit. Default: all processes of this user on this machine, if possible. */
    config &rate_scope(eiot::rate_scope scope) {
        return apply(eiot_config_set_rate_scope, static_cast<eiot_rate_scope>(scope));
    }
    /** The same by name: "auto", "process", "host", or "redis://host:port/db" to share it between machines through Redis. */
    config &rate_scope(text value) {
        return set("rate_scope", value);
    }
    /** The directory of the file through which processes share the rate limit, for several users or containers. */
    config &rate_dir(text value) { return apply_text(eiot_config_set_rate_dir, value); }
    /** This client's share of the rate limit, for fleets of machines: part `which`, from 1 to `of`. Default 1 of 1. */
    config &rate_share(std::uint32_t which, std::uint32_t of) { return apply(eiot_config_set_rate_share, which, of); }
    /** Whether to wait for the rate limiter or fail immediately. Default on. */
    config &rate_wait(bool wait) { return apply(eiot_config_set_rate_wait, wait ? 1 : 0); }
    /** The cooldown per card: refreshing a card again sooner fails. Zero, the default, disables it. */
    config &eid_cooldown(std::chrono::milliseconds value) { return apply_time(eiot_config_set_eid_cooldown_ms, value); }
    /** Corrects timestamps by the clock offset measured from the platform's replies. Default on. */
    config &clock_skew(bool correct) { return apply(eiot_config_set_clock_skew, correct ? 1 : 0); }
    /**
     * The meaning of platform error codes: "CODE=KIND,CODE=KIND", with the kinds auth, rate_limited, cooldown, unavailable,
     * platform, final and retry. Takes precedence over the published codes.
     */
    config &error_codes(text value) { return apply_text(eiot_config_set_error_codes, value); }
    /** How many consecutive authentication failures stop a batch; 0 disables this. Default 20. */
    config &max_auth_failures(std::uint32_t count) { return apply(eiot_config_set_max_auth_failures, count); }
    /** How long a batch holds its cards back while the platform is unreachable; zero disables holding. Default 15 minutes. */
    config &outage_timeout(std::chrono::milliseconds value) { return apply_time(eiot_config_set_outage_timeout_ms, value); }
    /** Accepts only GSMA EIDs: 32 digits with a valid checksum. Default off. */
    config &strict_eid(bool strict) { return apply(eiot_config_set_strict_eid, strict ? 1 : 0); }
    /** Accepts EIDs that a spreadsheet or a JSON number seems to have rounded. Default off: they are malformed. */
    config &allow_rounded_eid(bool allow) { return apply(eiot_config_set_allow_rounded_eid, allow ? 1 : 0); }
    /** The hash function of the signature. Default SHA-1. */
    config &sign_method(eiot::sign_method method) {
        return apply(eiot_config_set_sign_method, static_cast<eiot_sign_method>(method));
    }

    /**
     * A log callback. It receives one line per attempt, and when a batch holds its cards back, resumes or stops itself; without
     * secret or signature. Called on the thread that makes the call, so on several threads at once if they share a client.
     * Exceptions that it throws are discarded. Default none.
     */
    config &log(std::function<void(const char *line)> log) {
        auto shared = std::make_shared<std::function<void(const char *)>>(std::move(log));
        apply(eiot_config_set_log, *shared ? detail::tell_log : nullptr, static_cast<void *>(shared.get()));
        callbacks_.log = std::move(shared);
        return *this;
    }

    /**
     * A callback that receives each attempt, and each call that is refused before anything is sent, for metrics and structured
     * logs. Called on the thread that makes the call, so on several threads at once if they share a client. Exceptions that it
     * throws are discarded. Default none.
     */
    config &on_event(std::function<void(const event &)> on_event) {
        auto shared = std::make_shared<std::function<void(const event &)>>(std::move(on_event));
        apply(eiot_config_set_event_callback, *shared ? detail::tell_event : nullptr, static_cast<void *>(shared.get()));
        callbacks_.event = std::move(shared);
        return *this;
    }

    /** The underlying C object, still owned by this one. */
    const eiot_config *get() const noexcept { return handle_.get(); }

private:
    friend class client;

    /* `make` is called with the out_ parameters of a C function that creates options. */
    template <typename Make> config(bool throws, Make make) : throws_(throws) {
        detail::out<eiot_config> made;
        detail::out<eiot_error> details;
        const eiot_status status = make(made, details);
        note(status, details.get());
        handle_ = made.take();
    }

    void note(eiot_status status, const eiot_error *details) {
        if (status == EIOT_OK) return;
        const eiot::error failed(status, details);
        if (throws_) throw failed;
        if (!failure_) failure_ = std::make_shared<const eiot::error>(failed);
    }

    /* Calls a C setter with the values between its config and out_err parameters. */
    template <typename Setter, typename... Values> config &apply(Setter setter, Values... values) {
        detail::out<eiot_error> details;
        const eiot_status status = setter(handle_.get(), values..., details);
        note(status, details.get());
        return *this;
    }

    template <typename Setter> config &apply_text(Setter setter, text value) {
        return apply(setter, value.data(), value.size());
    }

    template <typename Setter> config &apply_time(Setter setter, std::chrono::milliseconds value) {
        /* A negative time becomes one that is far too long: it is rejected with the name of the option. */
        return apply(setter, value.count() < 0 ? UINT64_MAX : static_cast<std::uint64_t>(value.count()));
    }

    void set_all(std::initializer_list<option> options) {
        for (const option &one : options) set(one.name, one.value);
    }

    bool throws_;
    std::shared_ptr<const eiot::error> failure_;
    /* Before the handle, which has their addresses. */
    detail::callbacks callbacks_;
    detail::handle<eiot_config> handle_;
};

namespace detail {
/* The EIDs of a range as eiot_client_refresh_many takes them. */
template <typename Eids> class eid_array {
public:
    explicit eid_array(const Eids &eids) {
        for (const auto &eid : eids) add(text(eid));
    }
    const char *const *data() const noexcept { return pointers_.data(); }
    std::size_t size() const noexcept { return pointers_.size(); }

private:
    void add(text eid) {
        if (eid.size() == EIOT_NTS) {
            pointers_.push_back(eid.data());
            return;
        }
        std::string copy;
        copy.reserve(eid.size());
        for (std::size_t index = 0; index < eid.size(); index++) {
            /* Otherwise the EID would end here, and might be that of another card. */
            if (eid.data()[index] == '\0') copy += "\xEF\xBF\xBD";
            else copy += eid.data()[index];
        }
        copies_.push_back(std::move(copy));
        pointers_.push_back(copies_.back().c_str());
    }

    /* A deque: its elements keep their addresses. */
    std::deque<std::string> copies_;
    std::vector<const char *> pointers_;
};

/* A function with the C library's signature for one that takes outcomes. Exceptions wait until the C function has returned. */
template <typename OnOutcome> class result_callback {
public:
    explicit result_callback(OnOutcome &on_outcome) noexcept : on_outcome_(on_outcome) {}

    static std::int32_t call(const eiot_result *result, void *self) noexcept {
        result_callback &callback = *static_cast<result_callback *>(self);
        if (callback.thrown_) return 1;
        try {
            return callback.goes_on(outcome(result), returns_nothing()) ? 0 : 1;
        } catch (...) {
            callback.thrown_ = std::current_exception();
            return 1;
        }
    }

    void rethrow() const {
        if (thrown_) std::rethrow_exception(thrown_);
    }

private:
    typedef std::is_void<decltype(std::declval<OnOutcome &>()(std::declval<const outcome &>()))> returns_nothing;

    bool goes_on(const outcome &outcome, std::true_type) {
        on_outcome_(outcome);
        return true;
    }
    bool goes_on(const outcome &outcome, std::false_type) { return on_outcome_(outcome); }

    OnOutcome &on_outcome_;
    std::exception_ptr thrown_;
};
} // namespace detail

/**
 * A client of one account. It keeps a connection pool and the state of the rate limiter, so create one and reuse it.
 *
 * Thread-safe. After fork, both parent and child may continue to use it.
 */
class client {
public:
    /** Validates all options and reads the files they name. Sends nothing. The error names the invalid option. */
    explicit client(const config &options) : client(create(options, std::nothrow).value()) {}
    /** The same, but returns the error instead of throwing it. */
    static expected<client> create(const config &options, std::nothrow_t) {
        return make(options, [&](eiot_client **made, eiot_error **details) {
            return eiot_client_new(options.get(), made, details);
        });
    }

    /** Creates a client that is configured by the environment; see config::from_env(). */
    static client from_env() { return client(config::from_env()); }
    /** The same, but returns the error instead of throwing it. */
    static expected<client> from_env(std::nothrow_t) { return create(config::from_env(std::nothrow), std::nothrow); }

    /** A copy of the client's options and callbacks, without the secret, to pass to with_options(). */
    config options() const { return copy_options(true); }
    /** The same, but does not throw. */
    config options(std::nothrow_t) const { return copy_options(false); }

    /**
     * Creates a client with different options per call. It shares connections, rate limiter, cooldowns and counters with this
     * one, and may outlive it. Only timeout, max_attempts, rate_wait, error_codes, max_auth_failures, outage_timeout, strict_eid,
     * allow_rounded_eid, the log and the event callback can differ. It is cheap enough to create for a single call:
     *
     *     client.with_options(client.options().timeout(std::chrono::seconds(3))).refresh_usage(eid);
     */
    client with_options(const config &options) const { return with_options(options, std::nothrow).value(); }
    /** The same, but returns the error instead of throwing it. */
    expected<client> with_options(const config &options, std::nothrow_t) const {
        return make(options, [&](eiot_client **made, eiot_error **details) {
            return eiot_client_with_options(handle_.get(), options.get(), made, details);
        });
    }

    /** Refreshes the package usage of one card and waits for the reply, at most until the timeout. */
    reply refresh_usage(text eid) const { return request(eid, nullptr).reply(); }
    /** The same, with a cancellation token. */
    reply refresh_usage(text eid, const cancellation &cancel) const { return request(eid, cancel.get()).reply(); }
    /** The same, but returns the error in the outcome instead of throwing it. */
    outcome refresh_usage(text eid, std::nothrow_t) const { return request(eid, nullptr); }
    /** The same, with a cancellation token. */
    outcome refresh_usage(text eid, const cancellation &cancel, std::nothrow_t) const { return request(eid, cancel.get()); }

    /**
     * Refreshes all cards of a range, with many calls in flight, and returns one outcome per card, in the order of the range. A card
     * that fails is an outcome, not an exception. If a run stops itself (see eiot::batch), the remaining cards come back with the
     * reason. For more cards than fit in memory, use eiot::batch.
     *
     *     for (const eiot::outcome &card : client.refresh_many(eids))
     *         if (!card) std::cerr << card.error().what() << '\n';
     */
    template <typename Eids> std::vector<outcome> refresh_many(const Eids &eids) const {
        return collect(eids, nullptr).value();
    }
    /** The same, with a cancellation token: the remaining cards come back as EIOT_ERR_CANCELLED, unsent. */
    template <typename Eids> std::vector<outcome> refresh_many(const Eids &eids, const cancellation &cancel) const {
        return collect(eids, cancel.get()).value();
    }
    /** The same, but returns the error instead of throwing it. */
    template <typename Eids> expected<std::vector<outcome>> refresh_many(const Eids &eids, std::nothrow_t) const {
        return collect(eids, nullptr);
    }
    /** The same, with a cancellation token. */
    template <typename Eids>
    expected<std::vector<outcome>> refresh_many(const Eids &eids, const cancellation &cancel, std::nothrow_t) const {
        return collect(eids, cancel.get());
    }

    /**
     * The same, but passes each outcome to `on_outcome` as it arrives; its tag is its index in the range. The callback returns
     * nothing, or whether to continue. Returns false if the callback stopped it; the remaining cards then come back as
     * EIOT_ERR_CANCELLED, unsent. An exception of the callback stops it too, and is thrown when the calls in flight have ended.
     *
     *     client.refresh_many(eids, [](const eiot::outcome &outcome) {
     *         if (!outcome) std::cerr << outcome.error().what() << '\n';
     *     });
     */
    template <typename Eids, typename OnOutcome> bool refresh_many(const Eids &eids, OnOutcome on_outcome) const {
        return completed(run(eids, nullptr, on_outcome));
    }
    /** The same, with a cancellation token. Returns false if it was triggered. */
    template <typename Eids, typename OnOutcome>
    bool refresh_many(const Eids &eids, const cancellation &cancel, OnOutcome on_outcome) const {
        return completed(run(eids, cancel.get(), on_outcome));
    }
    /** The same, but returns the error instead of throwing it: EIOT_ERR_CANCELLED if the callback stopped it. */
    template <typename Eids, typename OnOutcome>
    expected<void> refresh_many(const Eids &eids, OnOutcome on_outcome, std::nothrow_t) const {
        return run(eids, nullptr, on_outcome);
    }
    /** The same, with a cancellation token. */
    template <typename Eids, typename OnOutcome>
    expected<void> refresh_many(const Eids &eids, const cancellation &cancel, OnOutcome on_outcome, std::nothrow_t) const {
        return run(eids, cancel.get(), on_outcome);
    }

    /**
     * Makes any other signed call of the platform's API, with the rate limit, retries and errors of a refresh. Appkey, timestamp,
     * nonce and sign are added to the members of the JSON object `parameters_json`. If the reply is lost, the call is retried
     * only when it is idempotent: read-only calls and refreshUsage are; for other calls pass `idempotent`.
     *
     *     std::string card = client.call("/api/v3/cloudesim/get", "{\"eid\": \"89044011112233441122334411223321\"}").data_json();
     */
    reply call(text path, text parameters_json, bool idempotent = false) const {
        return post(path, parameters_json, idempotent, nullptr).reply();
    }
    /** The same, with a cancellation token. */
    reply call(text path, text parameters_json, const cancellation &cancel, bool idempotent = false) const {
        return post(path, parameters_json, idempotent, cancel.get()).reply();
    }
    /** The same, but returns the error in the outcome instead of throwing it. */
    outcome call(text path, text parameters_json, std::nothrow_t, bool idempotent = false) const {
        return post(path, parameters_json, idempotent, nullptr);
    }
    /** The same, with a cancellation token. */
    outcome call(text path, text parameters_json, const cancellation &cancel, std::nothrow_t, bool idempotent = false) const {
        return post(path, parameters_json, idempotent, cancel.get());
    }

    /**
     * The client's counters as one line of JSON: calls, attempts and their outcomes, retries, waits for the rate limiter.
     * docs/statistics.md describes each field. Throws no eiot::error.
     */
    std::string stats_json() const {
        std::string json(4096, '\0');
        for (;;) {
            const std::size_t length = eiot_client_stats_json(handle_.get(), &json[0], json.size());
            const bool fits = length < json.size();
            /* The counters may have got longer when they are read again. */
            json.resize(fits ? length : length + 256);
            if (fits) return json;
        }
    }

    /** The underlying C object, still owned by this one. */
    const eiot_client *get() const noexcept { return handle_.get(); }

private:
    friend class batch;

    client(const detail::callbacks &callbacks, detail::handle<eiot_client> handle)
        : callbacks_(callbacks), handle_(std::move(handle)) {}

    /* `create` is called with the out_ parameters of a C function that creates a client. */
    template <typename Create> static expected<client> make(const config &options, Create create) {
        if (options.failure()) return *options.failure();
        detail::out<eiot_client> made;
        detail::out<eiot_error> details;
        const eiot_status status = create(made, details);
        if (status != EIOT_OK) return error(status, details.get());
        return client(options.callbacks_, made.take());
    }

    config copy_options(bool throws) const {
        config copy(throws, [&](eiot_config **made, eiot_error **details) {
            return eiot_config_from_client(handle_.get(), made, details);
        });
        copy.callbacks_ = callbacks_;
        return copy;
    }

    outcome request(text eid, const eiot_cancel *cancel) const {
        detail::out<eiot_reply> answer;
        detail::out<eiot_error> details;
        const eiot_status status =
            eiot_client_refresh_usage_with_cancel(handle_.get(), eid.data(), eid.size(), cancel, answer, details);
        return outcome(status, answer.get(), details.get());
    }

    outcome post(text path, text parameters, bool idempotent, const eiot_cancel *cancel) const {
        detail::out<eiot_reply> answer;
        detail::out<eiot_error> details;
        const eiot_status status =
            eiot_client_call(handle_.get(), path.data(), path.size(), parameters.data(), parameters.size(),
                             idempotent ? 1 : 0, cancel, answer, details);
        return outcome(status, answer.get(), details.get());
    }

    template <typename Eids, typename OnOutcome>
    expected<void> run(const Eids &eids, const eiot_cancel *cancel, OnOutcome &on_outcome) const {
        const detail::eid_array<Eids> array(eids);
        detail::result_callback<OnOutcome> callback(on_outcome);
        detail::out<eiot_error> details;
        const eiot_status status =
            eiot_client_refresh_many(handle_.get(), array.data(), array.size(), cancel,
                                     detail::result_callback<OnOutcome>::call, &callback, details);
        callback.rethrow();
        return expected<void>(status, details.get());
    }

    /* Whether all cards were tried; throws every other error. */
    static bool completed(const expected<void> &ended) {
        if (ended.status() == EIOT_ERR_CANCELLED) return false;
        ended.value();
        return true;
    }

    template <typename Eids>
    expected<std::vector<outcome>> collect(const Eids &eids, const eiot_cancel *cancel) const {
        std::vector<outcome> all;
        auto keep = [&all](const outcome &one) { all.push_back(one); };
        const expected<void> ended = run(eids, cancel, keep);
        /* After a cancellation too, each card has an outcome. */
        if (!ended && ended.status() != EIOT_ERR_CANCELLED) return ended.error();
        std::sort(all.begin(), all.end(), [](const outcome &a, const outcome &b) { return a.tag() < b.tag(); });
        return expected<std::vector<outcome>>(std::move(all));
    }

    detail::callbacks callbacks_;
    detail::handle<eiot_client> handle_;
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
 *     eiot::batch batch(client);
 *     for (;;) {
 *         while (batch.has_room() && next_record(record)) batch.push(record.eid, record.id);
 *         std::unique_ptr<eiot::outcome> card = batch.next();
 *         if (!card) break;
 *         record_outcome(card->tag(), card->status());
 *     }
 *
 * Requires exclusive access. May outlive its client, whose callbacks it keeps, but not its cancellation token.
 */
class batch {
public:
    /** Creates a batch with at most `concurrency` calls in flight, 1 to 1024; 0 is the default, 32. Sends nothing. */
    explicit batch(const client &client, unsigned concurrency = 0)
        : batch(make(client, concurrency, nullptr).value()) {}
    /** The same, with a cancellation token. */
    batch(const client &client, const cancellation &cancel, unsigned concurrency = 0)
        : batch(make(client, concurrency, cancel.get()).value()) {}
    /** The same, but returns the error instead of throwing it. */
    static expected<batch> create(const client &client, std::nothrow_t, unsigned concurrency = 0) {
        return make(client, concurrency, nullptr);
    }
    /** The same, with a cancellation token. */
    static expected<batch> create(const client &client, const cancellation &cancel, std::nothrow_t,
                                  unsigned concurrency = 0) {
        return make(client, concurrency, cancel.get());
    }

    /** Whether the batch can take another EID now; false after stop(). */
    bool has_room() const noexcept { return eiot_batch_has_room(handle_.get()) != 0; }

    /**
     * Adds a card, with a tag that comes back with its outcome; sends nothing yet. Each card comes back exactly once: a duplicate
     * with the outcome of the first, and a malformed EID with its error.
     */
    void push(text eid, std::uint64_t tag = 0) { push(eid, tag, std::nothrow).value(); }
    /** The same, but returns the error instead of throwing it. */
    expected<void> push(text eid, std::uint64_t tag, std::nothrow_t) {
        detail::out<eiot_error> details;
        const eiot_status status = eiot_batch_push(handle_.get(), eid.data(), eid.size(), tag, details);
        return expected<void>(status, details.get());
    }

    /** Waits for the next outcome, in order of completion; a null pointer if all cards that were pushed have come back. */
    std::unique_ptr<outcome> next() { return take(-1).value(); }
    /**
     * The same, but waits for at most `limit`; zero polls. A null pointer if nothing has come back within the limit, or if all
     * cards have come back; pending() tells which.
     */
    std::unique_ptr<outcome> next(std::chrono::milliseconds limit) { return take(at_least_zero(limit)).value(); }
    /** The same, but returns an error, which is a bug in the library, instead of throwing it. */
    expected<std::unique_ptr<outcome>> next(std::nothrow_t) { return take(-1); }
    /** The same, with a limit. */
    expected<std::unique_ptr<outcome>> next(std::chrono::milliseconds limit, std::nothrow_t) {
        return take(at_least_zero(limit));
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
    /** How many cards have come back with this status, EIOT_OK for refreshed cards, not counting duplicates. */
    std::uint64_t count(eiot_status status) const noexcept { return eiot_batch_count(handle_.get(), status); }

private:
    batch(const detail::callbacks &callbacks, detail::handle<eiot_batch> handle)
        : callbacks_(callbacks), handle_(std::move(handle)) {}

    static expected<batch> make(const client &client, unsigned concurrency, const eiot_cancel *cancel) {
        detail::out<eiot_batch> made;
        detail::out<eiot_error> details;
        const eiot_status status = eiot_batch_new(client.get(), concurrency, cancel, made, details);
        if (status != EIOT_OK) return error(status, details.get());
        return batch(client.callbacks_, made.take());
    }

    expected<std::unique_ptr<outcome>> take(std::int64_t milliseconds) {
        detail::out<eiot_result> result;
        detail::out<eiot_error> details;
        const eiot_status status = eiot_batch_next(handle_.get(), milliseconds, result, details);
        if (status != EIOT_OK) return error(status, details.get());
        return std::unique_ptr<outcome>(result.get() ? new outcome(result.get()) : nullptr);
    }

    static std::int64_t at_least_zero(std::chrono::milliseconds limit) {
        return limit.count() < 0 ? 0 : static_cast<std::int64_t>(limit.count());
    }

    /* Before the handle, which calls them until it is freed. */
    detail::callbacks callbacks_;
    detail::handle<eiot_batch> handle_;
};

/**
 * Validates an EID without sending anything. Returns success, or EIOT_ERR_INVALID_EID with an error that says what is wrong.
 * `strict` requires a GSMA EID: 32 digits with a valid checksum. An EID that a spreadsheet or a JSON number has rounded is invalid.
 *
 * Thread-safe. Does no I/O.
 */
inline expected<void> validate_eid(text eid, std::nothrow_t, bool strict = false) {
    detail::out<eiot_error> details;
    const eiot_status status = eiot_eid_validate(eid.data(), eid.size(), strict ? 1 : 0, details);
    return expected<void>(status, details.get());
}

/** The same, but throws the error. */
inline void validate_eid(text eid, bool strict = false) { validate_eid(eid, std::nothrow, strict).value(); }

/**
 * Returns the platform's signature of flat parameters in upper-case hex, for requests that you send yourself. To make other
 * signed calls, prefer client::call(). Empty values and a parameter named "sign" are skipped.
 *
 * Thread-safe. Does no I/O.
 */
inline expected<std::string> sign(const std::map<std::string, std::string> &parameters, text secret, std::nothrow_t,
                                  sign_method method = sign_method::sha1) {
    std::vector<const char *> names, values;
    for (const auto &parameter : parameters) {
        if ((parameter.first + parameter.second).find('\0') != std::string::npos) {
            return error(EIOT_ERR_INVALID_ARGUMENT, "a parameter contains a NUL byte");
        }
        names.push_back(parameter.first.c_str());
        values.push_back(parameter.second.c_str());
    }
    char sign[EIOT_SIGN_SIZE];
    detail::out<eiot_error> details;
    const eiot_status status = eiot_sign(names.data(), values.data(), names.size(), secret.data(), secret.size(),
                                         static_cast<eiot_sign_method>(method), sign, sizeof sign, details);
    if (status != EIOT_OK) return error(status, details.get());
    return std::string(sign);
}

/** The same, but throws the error. */
inline std::string sign(const std::map<std::string, std::string> &parameters, text secret,
                        sign_method method = sign_method::sha1) {
    return sign(parameters, secret, std::nothrow, method).value();
}

/**
 * Verifies the signature of a webhook that the platform sends to your server. `payload` is the raw body of the HTTP request. A
 * non-zero `max_age` rejects webhooks whose timestamp is further than that from this machine's clock, which limits replay
 * attacks. The appkey in the payload is not covered by the signature. Returns success, or EIOT_ERR_SIGNATURE with an error that
 * says why.
 *
 * Thread-safe. Does no I/O.
 */
inline expected<void> verify_webhook(text payload, text secret, std::nothrow_t,
                                     std::chrono::milliseconds max_age = std::chrono::milliseconds::zero(),
                                     sign_method method = sign_method::sha1) {
    /* No webhook is as young as a negative age: it is rejected like the smallest one. */
    const std::uint64_t milliseconds = max_age.count() < 0 ? 1 : static_cast<std::uint64_t>(max_age.count());
    detail::out<eiot_error> details;
    const eiot_status status = eiot_webhook_verify(payload.data(), payload.size(), secret.data(), secret.size(),
                                                   static_cast<eiot_sign_method>(method), milliseconds, details);
    return expected<void>(status, details.get());
}

/** The same, but throws the error. */
inline void verify_webhook(text payload, text secret,
                           std::chrono::milliseconds max_age = std::chrono::milliseconds::zero(),
                           sign_method method = sign_method::sha1) {
    verify_webhook(payload, secret, std::nothrow, max_age, method).value();
}

} // namespace eiot

#undef EIOT_HAS_STRING_VIEW
#undef EIOT_NODISCARD

#endif /* EIOT_HPP */
