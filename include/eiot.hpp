/*
 * eiot for C++11 and later: eiot.h with RAII and exceptions, header-only.
 *
 *     eiot::client client(eiot::config().appkey("my-appkey").secret("my-secret"));
 *     try {
 *         eiot::reply reply = client.refresh_usage("89044011112233441122334411223321");
 *         std::cout << reply.message() << '\n';
 *     } catch (const eiot::error &error) {
 *         std::cerr << error.what() << '\n';
 *     }
 *
 * Who would rather look than catch asks with std::nothrow:
 *
 *     eiot::outcome outcome = client.refresh_usage(eid, std::nothrow);
 *     if (!outcome) std::cerr << outcome.error().what() << '\n';
 *
 * A client and a cancellation may be used by many threads at once; everything else by one thread at a time.
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

/** Did the platform get the request? What to look at before repeating a call. */
enum class delivered {
    no = EIOT_DELIVERED_NO,          /**< Nothing was sent, or no connection was made. */
    yes = EIOT_DELIVERED_YES,        /**< The platform answered. */
    unknown = EIOT_DELIVERED_UNKNOWN /**< It was sent, and no answer came. */
};

/** The hash behind the signature. */
enum class sign_method {
    sha1 = EIOT_SIGN_SHA1, /**< Which the platform documents. */
    md5 = EIOT_SIGN_MD5    /**< For gateways that ask for it. */
};

/** Who shares the account's rate. */
enum class rate_scope {
    process = EIOT_RATE_SCOPE_PROCESS, /**< All clients of the account in this process. */
    host = EIOT_RATE_SCOPE_HOST        /**< All processes of this user on this machine. */
};

/** The version of the library that is running, such as "0.1.0". */
inline std::string version() { return eiot_version(); }

/** Why a call did not succeed. what() says what happened, to which EID, and what to do. */
class error : public std::runtime_error {
public:
    /** Takes over and frees what a C function put into its out_err; `status` is what it returned. */
    error(eiot_status status, eiot_error *details)
        : std::runtime_error(details ? eiot_error_message(details) : eiot_status_message(status)),
          fields_(std::make_shared<fields>(status, details)) {}

    /** One of the EIOT_ERR_ constants. */
    eiot_status status() const noexcept { return fields_->status; }
    /** The constant's name, such as "EIOT_ERR_TIMEOUT". */
    const char *status_name() const noexcept { return eiot_status_name(fields_->status); }
    /** The kind behind it, such as "timeout": its name in every language and in the command's JSON. */
    const char *kind() const noexcept { return eiot_status_kind(fields_->status); }
    /** The EID of the call; empty when the failure has nothing to do with one card. */
    const std::string &eid() const noexcept { return fields_->eid; }
    /** The platform's own code, exactly as it came; empty when it gave none. */
    const std::string &platform_code() const noexcept { return fields_->platform_code; }
    /** The platform's own message, exactly as it came (UTF-8); empty when it gave none. */
    const std::string &platform_message() const noexcept { return fields_->platform_message; }
    /**
     * Whether the same call would fail again, whatever becomes of network, account and platform: malformed EIDs and
     * arguments, and the platform's codes for a wrong request. A code that is not published is never final.
     */
    bool is_final() const noexcept { return fields_->is_final; }
    /** The HTTP status of the reply, or 0 when there was no reply. */
    int http_status() const noexcept { return fields_->http_status; }
    /** How many requests were sent or begun. */
    unsigned attempts() const noexcept { return fields_->attempts; }
    /** How long the platform asks to wait before the next try; negative when it does not say. */
    std::chrono::milliseconds retry_after() const noexcept { return fields_->retry_after; }
    /** Whether the platform got the request. */
    eiot::delivered delivered() const noexcept { return fields_->delivered; }
    /**
     * The first 2 KiB of the response body, verbatim, when the response is not the platform's, such as the HTML page of a proxy;
     * empty otherwise.
     */
    const std::string &body() const noexcept { return fields_->body; }
    /**
     * A response header that helps support, such as "server" or "x-request-id", by its case-insensitive name; empty when the
     * response does not have it.
     */
    std::string header(const std::string &name) const {
        const char *value = eiot_error_header(fields_->details.get(), name.c_str());
        return value ? value : "";
    }
    /** The headers that header() knows, by their names in lower case. */
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
        fields(eiot_status failed_with, eiot_error *error)
            : status(failed_with), details(error, eiot_error_free), eid(text(eiot_error_eid(error))),
              platform_code(text(eiot_error_platform_code(error))),
              platform_message(text(eiot_error_platform_message(error))), body(bytes(error)),
              is_final(eiot_error_is_final(error) != 0), http_status(eiot_error_http_status(error)),
              attempts(eiot_error_attempts(error)), retry_after(eiot_error_retry_after_ms(error)),
              delivered(static_cast<eiot::delivered>(eiot_error_delivered(error))) {}

        eiot_status status;
        /* Has the headers. First of the rest, so that it is freed also when copying one of them fails. */
        std::unique_ptr<eiot_error, void (*)(eiot_error *)> details;
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

    /* Shared, so that copying an exception cannot throw. */
    std::shared_ptr<const fields> fields_;
};

namespace detail {
/* By reference: the call that makes `status` fills `details` in, and arguments are evaluated in any order. */
inline void check(eiot_status status, eiot_error *&details) {
    if (status != EIOT_OK) throw error(status, details);
}
} // namespace detail

/** The platform has accepted a call. After a refresh, new figures may become visible a little later. */
class reply {
public:
    /** Takes over what a C function put into its out_reply. */
    explicit reply(eiot_reply *handle) : handle_(handle, eiot_reply_free) {}

    /** The EID that was refreshed; of another call its parameter "eid", and empty where there is none. */
    std::string eid() const { return eiot_reply_eid(handle_.get()); }
    /** The platform's code, always "200": every other one is an error. */
    std::string code() const { return eiot_reply_code(handle_.get()); }
    /** The platform's message, exactly as it came: show it, never compare it. */
    std::string message() const { return eiot_reply_message(handle_.get()); }
    /** The reply's `data` as JSON text; empty when there is none. */
    std::string data_json() const {
        const char *data = eiot_reply_data_json(handle_.get());
        return data ? data : "";
    }
    /** How many requests it took. */
    unsigned attempts() const noexcept { return eiot_reply_attempts(handle_.get()); }

private:
    std::unique_ptr<eiot_reply, void (*)(eiot_reply *)> handle_;
};

/** What became of one call: the platform's reply, or why there is none. */
class outcome {
public:
    /** Takes over what a C function returned and put into its out_reply and out_err. */
    outcome(eiot_status status, eiot_reply *answer, eiot_error *details)
        : reply_(answer), error_(status == EIOT_OK ? nullptr : std::make_shared<eiot::error>(status, details)) {}

    /** The card's EID; as it was given, quoted and shortened, where it is none. */
    std::string eid() const { return error_ ? error_->eid() : reply_.eid(); }
    /** Did the platform accept the refresh? */
    explicit operator bool() const noexcept { return !error_; }
    /** EIOT_OK, or one of the EIOT_ERR_ constants. */
    eiot_status status() const noexcept { return error_ ? error_->status() : EIOT_OK; }
    /** The reply; throws the error where there is none. */
    const eiot::reply &reply() const {
        if (error_) throw *error_;
        return reply_;
    }
    /** The error; throws std::logic_error where there is none. */
    const eiot::error &error() const {
        if (!error_) throw std::logic_error("eiot::outcome::error: the call succeeded");
        return *error_;
    }

private:
    eiot::reply reply_;
    std::shared_ptr<const eiot::error> error_;
};

/** Breaks calls off: those under way, within 50 ms, and those to come. Once triggered it stays so. */
class cancellation {
public:
    cancellation() : handle_(nullptr, eiot_cancel_free) {
        eiot_cancel *handle = nullptr;
        eiot_error *details = nullptr;
        detail::check(eiot_cancel_new(&handle, &details), details);
        handle_.reset(handle);
    }

    /** Breaks off the calls that were given this one. May be called from another thread or from a signal handler. */
    void trigger() const noexcept { eiot_cancel_trigger(handle_.get()); }

    /** The C object, which stays this object's. */
    const eiot_cancel *get() const noexcept { return handle_.get(); }

private:
    std::unique_ptr<eiot_cancel, void (*)(eiot_cancel *)> handle_;
};

/** The options of a client; each setter returns the options, so that they can be chained. */
class config {
public:
    /** The defaults. appkey and a secret are still to be set. */
    config() : handle_(nullptr, eiot_config_free) {
        eiot_config *handle = nullptr;
        eiot_error *details = nullptr;
        detail::check(eiot_config_new(&handle, &details), details);
        handle_.reset(handle);
    }

    /** The defaults, overridden by EIOT_APPKEY, EIOT_SECRET and so on. */
    static config from_env() {
        eiot_config *handle = nullptr;
        eiot_error *details = nullptr;
        detail::check(eiot_config_from_env(&handle, &details), details);
        return config(handle);
    }

    /** Identifies the account's application. Required. */
    config &appkey(const std::string &value) { return set_text(eiot_config_set_appkey, value); }
    /** Signs each request and is never sent. Required, here or by secret_file. */
    config &secret(const std::string &value) { return set_text(eiot_config_set_secret, value); }
    /** A file that holds the secret and nothing else. */
    config &secret_file(const std::string &value) { return set_text(eiot_config_set_secret_file, value); }
    /** Where the platform is: https, or http to a loopback address. */
    config &base_url(const std::string &value) { return set_text(eiot_config_set_base_url, value); }
    /** A PEM file of certificate authorities to trust instead of the system's. */
    config &ca_file(const std::string &value) { return set_text(eiot_config_set_ca_file, value); }
    /** A PEM file with the certificate chain that the client presents (mutual TLS). Requires client_key_file. */
    config &client_cert_file(const std::string &value) { return set_text(eiot_config_set_client_cert_file, value); }
    /** The PEM file with the private key of that certificate, without a passphrase. */
    config &client_key_file(const std::string &value) { return set_text(eiot_config_set_client_key_file, value); }
    /** A proxy, "http://[user:password@]host:port"; the scheme can also be https, socks5 or socks5h. "env" reads the environment. */
    config &proxy(const std::string &value) { return set_text(eiot_config_set_proxy, value); }
    /** The local IP address that connections are made from. Default: the system chooses. */
    config &source_address(const std::string &value) { return set_text(eiot_config_set_source_address, value); }
    /** Names the calling program in the user agent, for example "billing/2.3". */
    config &user_agent_suffix(const std::string &value) { return set_text(eiot_config_set_user_agent_suffix, value); }

    /** The deadline of a whole call. Default 30 s. */
    config &timeout(std::chrono::milliseconds value) { return set_time(eiot_config_set_timeout_ms, value); }
    /** How long making a connection may take. Default 5 s. */
    config &connect_timeout(std::chrono::milliseconds value) {
        return set_time(eiot_config_set_connect_timeout_ms, value);
    }

    /** Allow plain http to any address; appkey and signature can then be read on the way. Default off. */
    config &allow_http(bool allow) { return set(eiot_config_set_allow_http, allow ? 1 : 0); }
    /** How many requests a call may make: the first, and retries of what may pass. Default 3. */
    config &max_attempts(std::uint32_t count) { return set(eiot_config_set_max_attempts, count); }
    /** Calls a second that the account may make, 0 for any number. Default 10. */
    config &rate_limit(double calls_per_second) { return set(eiot_config_set_rate_limit, calls_per_second); }
    /** Who shares that rate. Default all processes of this user on this machine, where that can be had. */
    config &rate_scope(eiot::rate_scope scope) {
        return set(eiot_config_set_rate_scope, static_cast<eiot_rate_scope>(scope));
    }
    /** Who shares that rate, by name: "auto", "process", "host", or "redis://host:port/db" for machines that use one Redis. */
    config &rate_scope(const std::string &value) {
        return set(eiot_config_set_option, "rate_scope", std::size_t(EIOT_NTS), value.data(), value.size());
    }
    /** The directory of the file that processes share, for several users or containers. */
    config &rate_dir(const std::string &value) { return set_text(eiot_config_set_rate_dir, value); }
    /** Which part of that rate is this client's, for fleets: `which` from 1 to `of`. Default 1 of 1. */
    config &rate_share(std::uint32_t which, std::uint32_t of) {
        return set(eiot_config_set_rate_share, which, of);
    }
    /** Wait for a free slot, or fail at once. Default on. */
    config &rate_wait(bool wait) { return set(eiot_config_set_rate_wait, wait ? 1 : 0); }
    /** Refuse to refresh a card again before so long; zero, the default, is off. */
    config &eid_cooldown(std::chrono::milliseconds value) { return set_time(eiot_config_set_eid_cooldown_ms, value); }
    /** Learn from the platform's replies how far this machine's clock is off. Default on. */
    config &clock_skew(bool correct) { return set(eiot_config_set_clock_skew, correct ? 1 : 0); }
    /**
     * What error codes of the platform mean: "CODE=KIND,CODE=KIND", with the kinds auth, rate_limited, cooldown, unavailable,
     * platform, final and retry. Takes precedence over the published codes.
     */
    config &error_codes(const std::string &value) { return set_text(eiot_config_set_error_codes, value); }
    /** A batch stops after so many refusals of the account in a row; 0 is off. Default 20. */
    config &max_auth_failures(std::uint32_t count) { return set(eiot_config_set_max_auth_failures, count); }
    /** How long a batch holds its cards back while the platform cannot be reached; zero is off. Default 15 minutes. */
    config &outage_timeout(std::chrono::milliseconds value) { return set_time(eiot_config_set_outage_timeout_ms, value); }
    /** Ask for GSMA EIDs: 32 digits that pass the check. Default off. */
    config &strict_eid(bool strict) { return set(eiot_config_set_strict_eid, strict ? 1 : 0); }
    /** The hash behind the signature. Default SHA-1. */
    config &sign_method(eiot::sign_method method) {
        return set(eiot_config_set_sign_method, static_cast<eiot_sign_method>(method));
    }

    /**
     * A function that is told of each attempt that is over, and of a batch that holds its cards back, goes on, or stops by
     * itself, in one line without secret or signature. It runs on the thread
     * that made the call, on many at once where many call; what it throws is dropped. Default none.
     */
    config &log(std::function<void(const char *line)> log) {
        std::shared_ptr<log_function> shared = std::make_shared<log_function>(std::move(log));
        set(eiot_config_set_log, *shared ? tell : nullptr, static_cast<void *>(shared.get()));
        log_ = shared;
        return *this;
    }

    /** The C object, which stays this object's. */
    const eiot_config *get() const noexcept { return handle_.get(); }

private:
    friend class client;
    typedef std::function<void(const char *)> log_function;

    /* No exception may pass through the C library. */
    static void tell(const char *line, void *log) {
        try {
            (*static_cast<log_function *>(log))(line);
        } catch (...) {
        }
    }

    explicit config(eiot_config *handle) : handle_(handle, eiot_config_free) {}

    /* Calls a setter with what it takes between the options and the error. */
    template <typename Setter, typename... Values> config &set(Setter setter, Values... values) {
        eiot_error *details = nullptr;
        detail::check(setter(handle_.get(), values..., &details), details);
        return *this;
    }

    template <typename Setter> config &set_text(Setter setter, const std::string &value) {
        return set(setter, value.data(), value.size());
    }

    template <typename Setter> config &set_time(Setter setter, std::chrono::milliseconds value) {
        /* A negative time is as wrong as one that is much too long, which the client refuses by name. */
        return set(setter, value.count() < 0 ? UINT64_MAX : static_cast<std::uint64_t>(value.count()));
    }

    std::unique_ptr<eiot_config, void (*)(eiot_config *)> handle_;
    /* Clients that were made with these options keep it, too. */
    std::shared_ptr<log_function> log_;
};

/**
 * Refreshes the package usage of cloud eSIM cards of one account. Make one and keep it: it holds connections
 * open between calls. Any number of threads may call at once.
 */
class client {
public:
    /** Checks all options; nothing is sent yet. Throws eiot::error, which names the option. */
    explicit client(const config &options) : log_(options.log_), handle_(nullptr, eiot_client_free) {
        eiot_client *handle = nullptr;
        eiot_error *details = nullptr;
        detail::check(eiot_client_new(options.get(), &handle, &details), details);
        handle_.reset(handle);
    }

    /** A client that is configured by the environment. */
    static client from_env() { return client(config::from_env()); }

    /** Asks the platform to refresh one card's package usage, and waits for its answer. Throws eiot::error. */
    reply refresh_usage(const std::string &eid) const { return refresh(eid, nullptr); }

    /** The same, for a call that can be broken off. */
    reply refresh_usage(const std::string &eid, const cancellation &cancel) const { return refresh(eid, cancel.get()); }

    /** The same, with the error in the outcome instead of thrown. Out of memory is thrown all the same. */
    outcome refresh_usage(const std::string &eid, std::nothrow_t) const { return ask(eid, nullptr); }

    /** The same, for a call that can be broken off. */
    outcome refresh_usage(const std::string &eid, const cancellation &cancel, std::nothrow_t) const {
        return ask(eid, cancel.get());
    }

    /**
     * Refreshes all cards of a range, many at once, and hands each outcome to `on_outcome` as it comes back; that returns
     * whether to go on, or nothing. Returns false when it was stopped: then cards that were not sent are not handed out. Where
     * it stops by itself, as eiot::batch says, each card is handed out with the reason. A
     * card that comes again soon after is left out. See eiot::batch, for ranges that are too long for the memory too.
     *
     *     client.refresh_many(eids, [](const eiot::outcome &outcome) {
     *         if (!outcome) std::cerr << outcome.error().what() << '\n';
     *     });
     */
    template <typename Eids, typename OnOutcome>
    bool refresh_many(const Eids &eids, OnOutcome on_outcome, unsigned concurrency = 0) const;

    /**
     * Makes any other signed call of the platform's family, with the same rate, retries and errors; appkey, timestamp, nonce
     * and sign are added to the members of the JSON object `parameters_json`. A call whose reply is lost is repeated only
     * where that is known to be harmless, or where `idempotent` says so. Throws eiot::error.
     *
     *     std::string card = client.call("/api/v3/cloudesim/get", "{\"eid\": \"89044011112233441122334411223321\"}").data_json();
     */
    reply call(const std::string &path, const std::string &parameters_json, bool idempotent = false) const {
        eiot_reply *answer = nullptr;
        eiot_error *details = nullptr;
        detail::check(post(path, parameters_json, idempotent, nullptr, &answer, &details), details);
        return reply(answer);
    }

    /** The same, for a call that can be broken off. */
    reply call(const std::string &path, const std::string &parameters_json, const cancellation &cancel,
               bool idempotent = false) const {
        eiot_reply *answer = nullptr;
        eiot_error *details = nullptr;
        detail::check(post(path, parameters_json, idempotent, cancel.get(), &answer, &details), details);
        return reply(answer);
    }

    /** The same, with the error in the outcome instead of thrown. */
    outcome call(const std::string &path, const std::string &parameters_json, std::nothrow_t, bool idempotent = false) const {
        eiot_reply *answer = nullptr;
        eiot_error *details = nullptr;
        eiot_status status = post(path, parameters_json, idempotent, nullptr, &answer, &details);
        return outcome(status, answer, details);
    }

    /** The C object, which stays this object's. */
    const eiot_client *get() const noexcept { return handle_.get(); }

private:
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
 * Refreshes many cards, with many calls under way at once on the thread that calls next(). Push EIDs while there is room,
 * take what comes back, and again: its memory depends on how many calls may be under way, not on how many cards there are.
 * It outlives its client, but not the client's log, nor its cancellation. One thread at a time.
 *
 * A batch that cannot succeed stops by itself: after config::max_auth_failures refusals of the account in a row, and when the
 * platform could not be reached for config::outage_timeout. All remaining cards then come back with an error of the cause's
 * status, attempts 0 and delivered no, which says why they were not sent. In an outage it holds its cards back, and goes on
 * when the platform answers; a card that failed in the outage is called again.
 */
class batch {
public:
    /** At most `concurrency` calls are under way at once, 1 to 1024; 0 is the usual number. Nothing is sent yet. */
    explicit batch(const client &client, unsigned concurrency = 0) : batch(client, concurrency, nullptr) {}
    /** The same, for a batch that can be broken off. */
    batch(const client &client, const cancellation &cancel, unsigned concurrency = 0)
        : batch(client, concurrency, cancel.get()) {}

    /** Is there room for another EID? Not once stop() was called. */
    bool has_room() const noexcept { return eiot_batch_has_room(handle_.get()) != 0; }

    /** Takes a card; nothing is sent yet. A malformed EID comes back as an outcome with its error. */
    void push(const std::string &eid) {
        eiot_error *details = nullptr;
        detail::check(eiot_batch_push(handle_.get(), eid.data(), eid.size(), &details), details);
    }

    /** Waits until one card comes back; a null pointer when all that were pushed have. */
    std::unique_ptr<outcome> next() {
        eiot_reply *answer = nullptr;
        eiot_error *details = nullptr;
        eiot_status status = eiot_batch_next(handle_.get(), &answer, &details);
        if (status == EIOT_OK && !answer) return nullptr;
        return std::unique_ptr<outcome>(new outcome(status, answer, details));
    }

    /** Sends no more: cards that wait, or are pushed later, come back as cancelled; calls that are under way end as they end. */
    void stop() noexcept { eiot_batch_stop(handle_.get()); }

    /** How many EIDs were pushed, repeated and malformed ones included. */
    std::uint64_t submitted() const noexcept { return eiot_batch_submitted(handle_.get()); }
    /** How many EIDs came again soon after, and were left out. */
    std::uint64_t duplicates() const noexcept { return eiot_batch_duplicates(handle_.get()); }
    /** How many cards have come back with this status, EIOT_OK being those refreshed. */
    std::uint64_t count(eiot_status status) const noexcept { return eiot_batch_count(handle_.get(), status); }

private:
    batch(const client &client, unsigned concurrency, const eiot_cancel *cancel) : handle_(nullptr, eiot_batch_free) {
        eiot_batch *handle = nullptr;
        eiot_error *details = nullptr;
        detail::check(eiot_batch_new(client.get(), concurrency, cancel, &handle, &details), details);
        handle_.reset(handle);
    }

    std::unique_ptr<eiot_batch, void (*)(eiot_batch *)> handle_;
};

namespace detail {
/* What a lambda returns decides, where it returns something. */
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
    auto eid = std::begin(eids);
    for (;;) {
        for (; !stopped && eid != std::end(eids) && many.has_room(); ++eid) many.push(*eid);
        std::unique_ptr<outcome> ended = many.next();
        if (!ended) return !stopped;
        bool unsent = ended->status() == EIOT_ERR_CANCELLED && ended->error().attempts() == 0;
        if (!unsent && !detail::goes_on(on_outcome, *ended, returns_nothing()) && !stopped) {
            stopped = true;
            many.stop();
        }
    }
}

/**
 * Checks that a webhook comes from somebody who knows the secret, and has not been changed on its way. `payload` is the
 * body of its HTTP request as it came. With `max_age` not zero, one whose timestamp is further away from this machine's clock
 * is refused. Throws eiot::error with EIOT_ERR_SIGNATURE, which says why. The payload's appkey is not signed.
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
