// Runs the C++ wrapper for the tests; same arguments as driver.c.
#include "json.h"
#include <cstdlib>
#include <eiot.hpp>
#include <vector>

static void tell_error(const eiot::error &error) {
    const auto or_null = [](const std::string &text) { return text.empty() ? nullptr : text.c_str(); };
    json_number("status", error.status());
    json_text("status_name", error.status_name());
    json_text("kind", error.kind());
    json_text("message", error.what());
    json_text("eid", or_null(error.eid()));
    json_text("code", or_null(error.platform_code()));
    json_text("platform_message", or_null(error.platform_message()));
    json_number("http_status", error.http_status());
    json_number("attempts", error.attempts());
    json_number("retry_after_ms", static_cast<long>(error.retry_after().count()));
    json_number("delivered", static_cast<long>(error.delivered()));
    json_text("body", or_null(error.body()));
    printf("\"headers\": {");
    const char *comma = "";
    for (const auto &header : error.headers()) {
        printf("%s", comma);
        json_pair(header.first.c_str(), header.second.c_str());
        comma = ", ";
    }
    printf("}, \"final\": %s, ", error.is_final() ? "true" : "false");
    printf("\"retryable\": %s, \"ok\": false}\n", error.is_retryable() ? "true" : "false");
}

static void tell_reply(const eiot::reply &reply) {
    json_number("status", EIOT_OK);
    json_text("eid", reply.eid().c_str());
    json_text("code", reply.code().c_str());
    json_text("message", reply.message().c_str());
    json_text("data_json", reply.data_json().empty() ? nullptr : reply.data_json().c_str());
    json_number("attempts", reply.attempts());
    printf("\"ok\": true}\n");
}

static void print_error(const eiot::error &error) {
    printf("{");
    tell_error(error);
}

static void print_reply(const eiot::reply &reply) {
    printf("{");
    tell_reply(reply);
}

static void print_outcome(const eiot::outcome &outcome) {
    printf("{");
    json_number("index", static_cast<long>(outcome.tag()));
    json_text("input", outcome.input().c_str());
    printf("\"duplicate\": %s, ", outcome.is_duplicate() ? "true" : "false");
    if (outcome) tell_reply(outcome.reply());
    else tell_error(outcome.error());
}

static void set(eiot::config &config, const std::string &name, const std::string &value) {
    const std::chrono::milliseconds milliseconds(static_cast<long>(std::atof(value.c_str()) * 1000));
    if (name == "appkey") config.appkey(value);
    else if (name == "secret") config.secret(value);
    else if (name == "secret_file") config.secret_file(value);
    else if (name == "base_url") config.base_url(value);
    else if (name == "ca_file") config.ca_file(value);
    else if (name == "client_cert_file") config.client_cert_file(value);
    else if (name == "client_key_file") config.client_key_file(value);
    else if (name == "source_address") config.source_address(value);
    else if (name == "user_agent_suffix") config.user_agent_suffix(value);
    else if (name == "proxy") config.proxy(value);
    else if (name == "timeout") config.timeout(milliseconds);
    else if (name == "connect_timeout") config.connect_timeout(milliseconds);
    else if (name == "allow_http") config.allow_http(value == "on");
    else if (name == "max_attempts") config.max_attempts(static_cast<std::uint32_t>(std::atoi(value.c_str())));
    else if (name == "rate_limit") config.rate_limit(std::atof(value.c_str()));
    else if (name == "rate_dir") config.rate_dir(value);
    else if (name == "rate_scope") config.rate_scope(value == "host" ? eiot::rate_scope::host : eiot::rate_scope::process);
    else if (name == "rate_share")
        config.rate_share(static_cast<std::uint32_t>(std::atoi(value.c_str())),
                          static_cast<std::uint32_t>(std::atoi(value.substr(value.find('/') + 1).c_str())));
    else if (name == "rate_wait") config.rate_wait(value == "on");
    else if (name == "eid_cooldown") config.eid_cooldown(milliseconds);
    else if (name == "clock_skew") config.clock_skew(value == "on");
    else if (name == "error_codes") config.error_codes(value);
    else if (name == "max_auth_failures") config.max_auth_failures(static_cast<std::uint32_t>(std::atoi(value.c_str())));
    else if (name == "outage_timeout") config.outage_timeout(milliseconds);
    else if (name == "strict_eid") config.strict_eid(value == "on");
    else if (name == "allow_rounded_eid") config.allow_rounded_eid(value == "on");
    else if (name == "sign_method") config.sign_method(value == "md5" ? eiot::sign_method::md5 : eiot::sign_method::sha1);
    else std::exit(3);
}

static eiot::client make_client(char **&argument) {
    if (std::string(*argument) == "--") return eiot::client::from_env();
    eiot::config config;
    for (; std::string(*argument) != "--"; argument++) {
        const std::string option = *argument;
        const std::size_t equals = option.find('=');
        set(config, option.substr(0, equals), option.substr(equals + 1));
    }
    return eiot::client(config);
}

static void verify(char **argument) {
    const auto method = std::string(argument[2]) == "md5" ? eiot::sign_method::md5 : eiot::sign_method::sha1;
    eiot::verify_webhook(argument[0], argument[1], std::chrono::milliseconds(std::atol(argument[3])), method);
    printf("{\"ok\": true, \"status\": 0}\n");
}

int main(int argc, char **argv) {
    char **argument = argv + 1;
    const std::string verb = *argument;
    try {
        if (verb == "verify") {
            verify(argument + 2);
            return 0;
        }
        if (verb == "call" || verb == "batch") argument++;
        eiot::client client = make_client(argument);
        if (verb == "call") {
            print_reply(client.call(argument[1], argument[2], argument[3] != nullptr));
            return 0;
        }
        if (verb == "batch") {
            const std::vector<std::string> eids(argument + 1, argv + argc);
            client.refresh_many(eids, print_outcome);
            return 0;
        }
        for (argument++; *argument; argument++) {
            char room[256];
            std::size_t length;
            const char *eid = eid_argument(*argument, room, &length);
            try {
                print_reply(client.refresh_usage(std::string(eid, length)));
            } catch (const eiot::error &error) {
                print_error(error);
            }
        }
    } catch (const eiot::error &error) {
        print_error(error);
    }
    return 0;
}
