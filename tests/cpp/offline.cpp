/* What eiot.hpp does without a platform: options, values, signatures. Nothing listens where its clients point. */
#include <eiot.hpp>

#include "check.hpp"

#include <map>
#include <string>
#include <type_traits>
#include <vector>

static const char *const EID = "89044011112233441122334411223321";

static_assert(std::is_nothrow_move_constructible<eiot::client>::value, "a client moves");
static_assert(!std::is_copy_constructible<eiot::client>::value, "and is not copied");
static_assert(!std::is_copy_constructible<eiot::event>::value, "an event is not kept");
static_assert(std::is_nothrow_copy_constructible<eiot::error>::value, "an exception's copy cannot throw");
static_assert(std::is_copy_constructible<eiot::outcome>::value, "an outcome is a value");
static_assert(std::is_move_constructible<eiot::batch>::value, "a batch moves");

template <typename Call> static eiot_status thrown(Call call) {
    try {
        call();
    } catch (const eiot::error &error) {
        return error.status();
    }
    return EIOT_OK;
}

static bool contains(const std::string &text, const std::string &part) { return text.find(part) != std::string::npos; }

static void options_have_names() {
    eiot::config options{{"appkey", "k"}, {"secret", std::string("s")}, {"base_url", "http://127.0.0.1:1"}, {"timeout", "20.5"}};
    options.set("max_attempts", "1").set("rate_limit", "0");
    eiot::client client(options);
    CHECK(thrown([&] { options.set("time_out", "5"); }) == EIOT_ERR_CONFIG);
    CHECK(thrown([&] { options.set("timeout", "soon"); }) == EIOT_ERR_CONFIG);
    CHECK(thrown([&] { options.set(nullptr, "5"); }) == EIOT_ERR_INVALID_ARGUMENT);
    CHECK(thrown([] { eiot::config{{"timeout", "soon"}}; }) == EIOT_ERR_CONFIG);
    CHECK(client.refresh_usage(EID, std::nothrow).status() == EIOT_ERR_CONNECT);
}

static void every_option_has_a_setter() {
    const std::chrono::seconds second(1);
    eiot::config options;
    options.appkey("k").secret_file("/dev/null").secret("s").base_url("http://127.0.0.1:1").ca_file("").client_cert_file("");
    options.client_key_file("").proxy("env").source_address("127.0.0.1").user_agent_suffix("test/1").timeout(second);
    options.connect_timeout(second).allow_http(false).max_attempts(1).rate_limit(5).rate_dir("").rate_share(1, 2);
    options.rate_scope(eiot::rate_scope::automatic).rate_scope("process").rate_wait(true).eid_cooldown(second);
    options.clock_skew(true).error_codes("X=auth").max_auth_failures(3).outage_timeout(second).strict_eid(true);
    options.allow_rounded_eid(false).sign_method(eiot::sign_method::sha1);
    CHECK(thrown([&] { options.timeout(std::chrono::seconds(-1)); }) == EIOT_ERR_CONFIG);
}

static void options_that_do_not_throw_keep_the_first_error() {
    eiot::config options(std::nothrow);
    options.appkey("k").secret("s");
    CHECK(options.failure() == nullptr);
    options.timeout(std::chrono::seconds(-1)).set("unheard_of", "1");
    CHECK(options.failure() != nullptr && contains(options.failure()->what(), "timeout"));
    eiot::expected<eiot::client> client = eiot::client::create(options, std::nothrow);
    CHECK(!client && client.status() == EIOT_ERR_CONFIG && contains(client.error().what(), "timeout"));
    CHECK(thrown([&] { eiot::client made(options); }) == EIOT_ERR_CONFIG);
    CHECK(thrown([&] { client.value(); }) == EIOT_ERR_CONFIG);
    CHECK(thrown([&] { client->stats_json(); }) == EIOT_ERR_CONFIG);

    CHECK(eiot::config({{"rate_wait", "perhaps"}}, std::nothrow).failure()->status() == EIOT_ERR_CONFIG);
    CHECK(eiot::client::create(eiot::config(), std::nothrow).status() == EIOT_ERR_CONFIG); /* no appkey */
    CHECK(eiot::client::from_env(std::nothrow).status() == EIOT_ERR_CONFIG);
    CHECK(thrown([] { eiot::client::from_env(); }) == EIOT_ERR_CONFIG);
}

static void a_value_and_an_error_exclude_each_other() {
    eiot::expected<std::string> value(std::string("x"));
    CHECK(value && *value == "x" && value->size() == 1 && value.status() == EIOT_OK);
    bool is_logic_error = false;
    try {
        value.error();
    } catch (const std::logic_error &) {
        is_logic_error = true;
    }
    CHECK(is_logic_error);
    const std::string moved = std::move(value).value();
    CHECK(moved == "x");
    CHECK(eiot::cancellation::create(std::nothrow));
}

static void eids_are_validated() {
    eiot::validate_eid(EID);
    eiot::validate_eid(EID, true);
    CHECK(eiot::validate_eid(std::string("123"), std::nothrow));
    CHECK(eiot::validate_eid("123", std::nothrow, true).status() == EIOT_ERR_INVALID_EID);
    CHECK(thrown([] { eiot::validate_eid("8.9E+31"); }) == EIOT_ERR_INVALID_EID);
    CHECK(thrown([] { eiot::validate_eid(std::string("12\0", 3)); }) == EIOT_ERR_INVALID_EID);
    CHECK(thrown([] { eiot::validate_eid(nullptr); }) == EIOT_ERR_INVALID_ARGUMENT);
}

static void parameters_are_signed() {
    /* From the vendor's SDK; tests/vectors/signing.json. */
    std::map<std::string, std::string> parameters{{"userName", "wx"}, {"age", "24"},      {"sex", "1"},
                                                  {"nonce", "24523"}, {"appkey", "000001"}, {"timestamp", "1556595508"}};
    CHECK(eiot::sign(parameters, "a1b1c1d1") == "963A56BAEBED746F2746E4D9B3B77BE0F2E171E7");
    CHECK(eiot::sign(parameters, "a1b1c1d1", eiot::sign_method::md5) == "9BAE19CB635418E131F069514584C582");
    CHECK(*eiot::sign(parameters, "a1b1c1d1", std::nothrow) == eiot::sign(parameters, "a1b1c1d1"));
    CHECK(eiot::sign(parameters, "", std::nothrow).status() != EIOT_OK);
    parameters["age"] = std::string("24\0x", 4);
    CHECK(thrown([&] { eiot::sign(parameters, "a1b1c1d1"); }) == EIOT_ERR_INVALID_ARGUMENT);
}

static void webhooks_are_verified() {
    /* From tests/vectors/webhooks.json. */
    const std::string payload = "{\"eid\":\"89044011112233441122334411223321\",\"event\":\"usage\",\"nonce\":24523,"
                                "\"timestamp\":1700000000,\"sign\":\"CE386B2541F23AEB8354BA513E8554DAB99A6B62\"}";
    eiot::verify_webhook(payload, "a1b1c1d1");
    CHECK(eiot::verify_webhook(payload, "a1b1c1d1", std::nothrow));
    CHECK(eiot::verify_webhook(payload, "other", std::nothrow).status() == EIOT_ERR_SIGNATURE);
    CHECK(thrown([&] { eiot::verify_webhook(payload, "a1b1c1d1", std::chrono::minutes(5)); }) == EIOT_ERR_SIGNATURE);
    CHECK(!eiot::verify_webhook(payload, "a1b1c1d1", std::nothrow, std::chrono::minutes(-5)));
}

#if __cplusplus >= 201703L
static void views_are_strings() {
    const std::string record = "89044011112233441122334411223321billing";
    const std::string_view eid = std::string_view(record).substr(0, 32);
    eiot::validate_eid(eid, true);
    CHECK(!eiot::validate_eid(std::string_view(), std::nothrow));
    eiot::client client(eiot::config{{"appkey", std::string_view("k")}, {"secret", "s"}, {"base_url", "http://127.0.0.1:1"},
                                     {"max_attempts", "1"}, {"rate_limit", "0"}, {"outage_timeout", "0"}});
    CHECK(client.refresh_usage(eid, std::nothrow).error().eid() == EID);
    const std::vector<std::string_view> eids{eid, "7"};
    CHECK(client.refresh_many(eids).at(0).input() == EID);
}
#endif

int main(int, char **) {
    options_have_names();
    every_option_has_a_setter();
    options_that_do_not_throw_keep_the_first_error();
    a_value_and_an_error_exclude_each_other();
    eids_are_validated();
    parameters_are_signed();
    webhooks_are_verified();
#if __cplusplus >= 201703L
    views_are_strings();
#endif
    return 0;
}
