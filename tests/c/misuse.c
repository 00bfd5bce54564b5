/* Every argument that can be NULL, and some that should not be, is NULL: each call has a defined result. */
#include "common.h"
#include <math.h>
#include <string.h>

/* Each failing call is tried with and without an error argument. */
#define REFUSED(expected, call_with_error)                                                                             \
    do {                                                                                                               \
        eiot_error *error = (eiot_error *)&expected_garbage, **out_err = &error;                                       \
        eiot_status status = call_with_error;                                                                          \
        CHECK(status == (expected), "returned %s", eiot_status_name(status));                                          \
        CHECK(eiot_error_status(error) == (expected), "%s", eiot_error_message(error));                                \
        CHECK(strlen(eiot_error_message(error)) > 5, "says nothing");                                                  \
        CHECK(eiot_error_delivered(error) == EIOT_DELIVERED_NO, "nothing was sent");                                   \
        CHECK(eiot_error_is_final(error) == (status == EIOT_ERR_INVALID_ARGUMENT || status == EIOT_ERR_INVALID_EID),    \
              "%s", eiot_status_name(status));                                                                         \
        eiot_error_free(error);                                                                                        \
        out_err = NULL;                                                                                                \
        CHECK((call_with_error) == (expected), "without out_err");                                                     \
    } while (0)

static int expected_garbage;

static void getters_take_null(void) {
    size_t length = 99;
    CHECK(eiot_error_status(NULL) == EIOT_OK, "status");
    CHECK(strcmp(eiot_error_message(NULL), "") == 0, "message");
    CHECK(eiot_error_eid(NULL) == NULL, "eid");
    CHECK(eiot_error_platform_code(NULL) == NULL, "platform_code");
    CHECK(eiot_error_platform_message(NULL) == NULL, "platform_message");
    CHECK(eiot_error_is_final(NULL) == 0 && eiot_error_is_retryable(NULL) == 0, "is_final, is_retryable");
    CHECK(eiot_error_http_status(NULL) == 0, "http_status");
    CHECK(eiot_error_attempts(NULL) == 0, "attempts");
    CHECK(eiot_error_retry_after_ms(NULL) == -1, "retry_after_ms");
    CHECK(eiot_error_delivered(NULL) == EIOT_DELIVERED_NO, "delivered");
    CHECK(eiot_error_body(NULL, &length) == NULL && length == 0 && eiot_error_body(NULL, NULL) == NULL, "body");
    CHECK(eiot_error_header(NULL, "date") == NULL && eiot_error_header(NULL, NULL) == NULL, "header");
    CHECK(eiot_error_header_name(NULL, 0) == NULL, "header_name");
    CHECK(strcmp(eiot_reply_eid(NULL), "") == 0, "eid");
    CHECK(strcmp(eiot_reply_code(NULL), "") == 0, "code");
    CHECK(strcmp(eiot_reply_message(NULL), "") == 0, "message");
    CHECK(eiot_reply_data_json(NULL) == NULL, "data_json");
    CHECK(eiot_reply_attempts(NULL) == 0, "attempts");
    CHECK(eiot_batch_has_room(NULL) == 0 && eiot_batch_submitted(NULL) == 0 && eiot_batch_duplicates(NULL) == 0, "batch");
    CHECK(eiot_batch_count(NULL, EIOT_OK) == 0, "count");
    CHECK(eiot_batch_pending(NULL) == 0 && eiot_batch_in_flight(NULL) == 0, "pending, in_flight");
    CHECK(eiot_result_tag(NULL) == 0 && eiot_result_status(NULL) == EIOT_OK, "tag, status");
    CHECK(strcmp(eiot_result_input(NULL), "") == 0 && strcmp(eiot_result_eid(NULL), "") == 0, "input, eid");
    CHECK(eiot_result_is_duplicate(NULL) == 0 && eiot_result_was_sent(NULL) == 0, "is_duplicate, was_sent");
    CHECK(eiot_result_reply(NULL) == NULL && eiot_result_error(NULL) == NULL, "reply, error");
    CHECK(strcmp(eiot_event_json(NULL), "") == 0 && strcmp(eiot_event_path(NULL), "") == 0, "json, path");
    CHECK(eiot_event_eid(NULL) == NULL && eiot_event_platform_code(NULL) == NULL && eiot_event_message(NULL) == NULL, "texts");
    CHECK(eiot_event_attempt(NULL) == 0 && eiot_event_status(NULL) == EIOT_OK && eiot_event_http_status(NULL) == 0, "numbers");
    CHECK(eiot_event_delivered(NULL) == EIOT_DELIVERED_NO && eiot_event_duration_ms(NULL) == 0, "delivered, duration_ms");
    CHECK(eiot_event_next_wait_ms(NULL) == -1 && eiot_event_timestamp(NULL) == 0 && eiot_event_nonce(NULL) == 0, "more numbers");
    eiot_result_free(NULL);
    eiot_batch_stop(NULL);
    eiot_batch_free(NULL);
    eiot_cancel_trigger(NULL);
    eiot_cancel_free(NULL);
    eiot_error_free(NULL);
    eiot_reply_free(NULL);
    eiot_config_free(NULL);
    eiot_client_free(NULL);
}

static void statuses_have_names(void) {
    CHECK(strcmp(eiot_status_name(EIOT_OK), "EIOT_OK") == 0, "OK");
    CHECK(strcmp(eiot_status_name(EIOT_ERR_IO), "EIOT_ERR_IO") == 0, "IO");
    CHECK(strcmp(eiot_status_name(-1), "EIOT_ERR_UNKNOWN") == 0, "none");
    CHECK(strlen(eiot_status_message(12345)) > 0, "none");
    CHECK(strcmp(eiot_version(), EIOT_VERSION) == 0, "%s", eiot_version());
    CHECK(eiot_version_number() == EIOT_VERSION_NUM, "%x", (unsigned)eiot_version_number());
}

static void configurations_refuse(eiot_config *config) {
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_new(NULL, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_from_env(NULL, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_appkey(NULL, "k", EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_appkey(config, NULL, EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_appkey(config, NULL, 3, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_secret(config, "\xff\xfe", 2, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_secret(NULL, "s", EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_secret(config, NULL, EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_secret_file(config, NULL, EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_base_url(NULL, "x", EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_base_url(config, NULL, EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_error_codes(config, NULL, EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_ca_file(config, NULL, EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_proxy(config, NULL, EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_client_cert_file(config, NULL, EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_client_key_file(config, NULL, EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_source_address(config, NULL, EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_rate_dir(config, NULL, EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_rate_dir(NULL, "x", EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_CONFIG, eiot_config_set_source_address(config, "localhost", EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_base_url(config, "x", (size_t)-2, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_secret_file(NULL, "x", EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_ca_file(NULL, "x", EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_proxy(NULL, "x", EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_client_cert_file(NULL, "x", EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_client_key_file(NULL, "x", EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_source_address(NULL, "::", EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_user_agent_suffix(NULL, "x", EIOT_NTS, out_err));
    /* An invalid value is rejected by its setter, so that a program that reads a file can name the line. */
    REFUSED(EIOT_ERR_CONFIG, eiot_config_set_timeout_ms(config, 0, out_err));
    REFUSED(EIOT_ERR_CONFIG, eiot_config_set_connect_timeout_ms(config, UINT64_MAX, out_err));
    REFUSED(EIOT_ERR_CONFIG, eiot_config_set_max_attempts(config, 0, out_err));
    REFUSED(EIOT_ERR_CONFIG, eiot_config_set_rate_limit(config, -1.0, out_err));
    REFUSED(EIOT_ERR_CONFIG, eiot_config_set_rate_limit(config, HUGE_VAL, out_err));
    REFUSED(EIOT_ERR_CONFIG, eiot_config_set_rate_limit(config, HUGE_VAL - HUGE_VAL, out_err));
    REFUSED(EIOT_ERR_CONFIG, eiot_config_set_rate_share(config, 3, 2, out_err));
    REFUSED(EIOT_ERR_CONFIG, eiot_config_set_base_url(config, "ftp://platform.example", EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_CONFIG, eiot_config_set_option(config, "timeout", EIOT_NTS, "0", EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_timeout_ms(NULL, 1, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_connect_timeout_ms(NULL, 1, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_strict_eid(NULL, 1, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_allow_rounded_eid(NULL, 1, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_sign_method(NULL, EIOT_SIGN_MD5, out_err));
    REFUSED(EIOT_ERR_CONFIG, eiot_config_set_sign_method(config, 77, out_err));
    REFUSED(EIOT_ERR_CONFIG, eiot_config_set_rate_scope(config, 77, out_err));
    REFUSED(EIOT_ERR_CONFIG, eiot_config_set_error_codes(config, "45109", EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_error_codes(NULL, "", EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_allow_http(NULL, 1, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_max_attempts(NULL, 1, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_rate_limit(NULL, 1, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_rate_scope(NULL, EIOT_RATE_SCOPE_HOST, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_rate_share(NULL, 1, 1, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_rate_wait(NULL, 1, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_eid_cooldown_ms(NULL, 1, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_clock_skew(NULL, 1, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_max_auth_failures(NULL, 1, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_outage_timeout_ms(NULL, 1, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_log(NULL, NULL, NULL, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_event_callback(NULL, NULL, NULL, out_err));
    eiot_config *none = (eiot_config *)&expected_garbage;
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_from_client(NULL, &none, out_err));
    CHECK(none == NULL, "an output is NULL on failure");
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_option(NULL, "appkey", EIOT_NTS, "k", EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_option(config, NULL, EIOT_NTS, "k", EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_set_option(config, "appkey", EIOT_NTS, NULL, 3, out_err));
    REFUSED(EIOT_ERR_CONFIG, eiot_config_set_option(config, NULL, 0, "k", EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_CONFIG, eiot_config_set_option(config, "colour", EIOT_NTS, "k", EIOT_NTS, out_err));
    REFUSED(EIOT_ERR_CONFIG, eiot_config_set_option(config, "timeout", EIOT_NTS, "soon", EIOT_NTS, out_err));
    CHECK(eiot_config_set_option(config, "timeouts", 7, "2.5s", 3, NULL) == EIOT_OK, "lengths count");
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_cancel_new(NULL, out_err));
    CHECK(eiot_config_set_log(config, NULL, NULL, NULL) == EIOT_OK, "no log is fine");
    CHECK(eiot_config_set_event_callback(config, NULL, NULL, NULL) == EIOT_OK, "no events are fine");
}

static void clients_refuse(const eiot_config *config, const eiot_client *client) {
    eiot_client *none = (eiot_client *)&expected_garbage;
    eiot_reply *reply = (eiot_reply *)&expected_garbage;
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_new(NULL, &none, out_err));
    CHECK(none == NULL, "an output is NULL on failure");
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_new(config, NULL, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_refresh_usage(NULL, EID, EIOT_NTS, &reply, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT,
            eiot_client_refresh_usage_with_cancel(NULL, EID, EIOT_NTS, NULL, &reply, out_err));
    CHECK(reply == NULL, "an output is NULL on failure");
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_refresh_usage(client, NULL, EIOT_NTS, &reply, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_refresh_usage(client, NULL, 5, NULL, out_err));
    REFUSED(EIOT_ERR_INVALID_EID, eiot_client_refresh_usage(client, NULL, 0, &reply, out_err));
    REFUSED(EIOT_ERR_INVALID_EID, eiot_client_refresh_usage(client, "12\0" "34", 5, &reply, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_refresh_usage(client, EID, (size_t)-2, &reply, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_refresh_usage(NULL, out_err));
    REFUSED(EIOT_ERR_INVALID_EID, eiot_refresh_usage_n("", 0, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_refresh_usage_n(NULL, 5, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_refresh_usage_n(EID, (size_t)-2, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_eid_validate(NULL, EIOT_NTS, 0, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_eid_validate(EID, (size_t)-2, 0, out_err));
    REFUSED(EIOT_ERR_INVALID_EID, eiot_eid_validate(NULL, 0, 0, out_err));
    REFUSED(EIOT_ERR_INVALID_EID, eiot_refresh_usage("8.9E+31", out_err));
    REFUSED(EIOT_ERR_INVALID_EID, eiot_eid_validate("89044011112233441122334411223373", EIOT_NTS, 1, out_err));
    CHECK(eiot_eid_validate("89044011112233441122334411223373", EIOT_NTS, 0, NULL) == EIOT_OK, "not strict");
    CHECK(eiot_eid_validate("7 is not read", 1, 0, NULL) == EIOT_OK, "the length counts, not a NUL");
}

static void derived_clients_refuse(const eiot_config *config, const eiot_client *client) {
    eiot_client *none = (eiot_client *)&expected_garbage;
    eiot_config *options = NULL;
    eiot_error *error;
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_with_options(NULL, config, &none, out_err));
    CHECK(none == NULL, "an output is NULL on failure");
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_with_options(client, NULL, &none, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_with_options(client, config, NULL, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_config_from_client(client, NULL, out_err));
    REFUSED(EIOT_ERR_CONFIG, eiot_client_with_options(client, config, &none, out_err)); /* another account */
    CHECK(eiot_config_from_client(client, &options, NULL) == EIOT_OK, "a copy");
    REFUSED(EIOT_ERR_CONFIG, eiot_client_new(options, &none, out_err)); /* without the secret */
    CHECK(eiot_config_set_connect_timeout_ms(options, 1, NULL) == EIOT_OK, "a shared option");
    CHECK(eiot_client_with_options(client, options, &none, &error) == EIOT_ERR_CONFIG, "is refused");
    CHECK(strstr(eiot_error_message(error), "connect_timeout: ") != NULL, "%s", eiot_error_message(error));
    eiot_error_free(error);
    eiot_config_free(options);
}

static void buffers_are_filled(const eiot_client *client) {
    char text[8] = "garbage";
    int32_t retryable = 7;
    eiot_delivered delivered = 7;
    CHECK(eiot_client_stats_json(NULL, text, sizeof text) == 0 && text[0] == '\0', "no client");
    size_t length = eiot_client_stats_json(client, NULL, 0);
    CHECK(length > 100 && length < 4096 && eiot_client_stats_json(client, NULL, 9) > 100, "only the length");
    CHECK(eiot_client_stats_json(client, text, 0) > 100 && text[0] == '\0', "no room at all");
    CHECK(eiot_client_stats_json(client, text, 3) > 100 && strcmp(text, "{\"") == 0, "%s", text);
    CHECK(eiot_client_stats_json(client, text, (size_t)-1) > 100, "a size that cannot be");
    CHECK(eiot_refresh_usage_to_buffer(NULL, EIOT_NTS, NULL, 0, NULL, NULL) == EIOT_ERR_INVALID_ARGUMENT, "no EID");
    CHECK(eiot_refresh_usage_to_buffer("x", 1, text, 5, &delivered, &retryable) == EIOT_ERR_INVALID_EID, "a letter");
    CHECK(strcmp(text, "EID ") == 0 && delivered == EIOT_DELIVERED_NO && retryable == 0, "%s", text);
}

static void names_are_never_null(void) {
    CHECK(strcmp(eiot_status_kind(EIOT_OK), "ok") == 0 && strcmp(eiot_status_kind(EIOT_ERR_IO), "connection_lost") == 0, "kind");
    CHECK(strcmp(eiot_status_kind(-1), "unknown") == 0 && strcmp(eiot_status_kind(47), "unknown") == 0, "no kind");
    CHECK(strcmp(eiot_delivered_name(EIOT_DELIVERED_YES), "yes") == 0, "delivered");
    CHECK(strcmp(eiot_delivered_name(77), "unknown") == 0, "no delivered");
}

static void fields_are_padded(void) {
    char field[4] = "xyz";
    CHECK(eiot_copy_padded(NULL, NULL, 0) == 0, "nothing");
    CHECK(eiot_copy_padded(NULL, field, 3) == 0 && memcmp(field, "   ", 4) == 0, "spaces, and not a byte more");
    CHECK(eiot_copy_padded("abcd", field, 3) == 4 && memcmp(field, "abc", 4) == 0, "cut");
    CHECK(eiot_copy_padded("abcd", field, (size_t)-1) == 4, "a size that cannot be");
    CHECK(eiot_copy_padded("abcd", NULL, 3) == 4, "only the length");
}

static void calls_refuse(const eiot_client *client) {
    const char *path = "/api/v3/cloudesim/get", *none = "{}";
    eiot_reply *reply = (eiot_reply *)&expected_garbage;
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_call(NULL, path, EIOT_NTS, none, EIOT_NTS, 0, NULL, &reply, out_err));
    CHECK(reply == NULL, "an output is NULL on failure");
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_call(client, NULL, EIOT_NTS, none, EIOT_NTS, 0, NULL, &reply, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_call(client, NULL, 0, none, EIOT_NTS, 0, NULL, NULL, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_call(client, "get", EIOT_NTS, none, EIOT_NTS, 0, NULL, NULL, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_call(client, path, EIOT_NTS, NULL, EIOT_NTS, 0, NULL, NULL, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_call(client, path, EIOT_NTS, NULL, 0, 1, NULL, NULL, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_call(client, path, EIOT_NTS, "{\xff}", 3, 0, NULL, NULL, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_call(client, path, EIOT_NTS, "[]", EIOT_NTS, 0, NULL, NULL, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT,
            eiot_client_call(client, path, EIOT_NTS, "{\"sign\": \"x\"}", EIOT_NTS, 0, NULL, NULL, out_err));
}

static void webhooks_refuse(void) {
    const char *payload = "{\"sign\": \"x\"}";
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_webhook_verify(NULL, EIOT_NTS, "s", 1, EIOT_SIGN_SHA1, 0, out_err));
    REFUSED(EIOT_ERR_SIGNATURE, eiot_webhook_verify(NULL, 0, "s", 1, EIOT_SIGN_SHA1, 0, out_err));
    REFUSED(EIOT_ERR_SIGNATURE, eiot_webhook_verify("\xff", 1, "s", 1, EIOT_SIGN_SHA1, 0, out_err));
    REFUSED(EIOT_ERR_SIGNATURE, eiot_webhook_verify(payload, EIOT_NTS, "s", 1, EIOT_SIGN_MD5, UINT64_MAX, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_webhook_verify(payload, EIOT_NTS, NULL, EIOT_NTS, EIOT_SIGN_SHA1, 0, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_webhook_verify(payload, EIOT_NTS, "", 0, EIOT_SIGN_SHA1, 0, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_webhook_verify(payload, EIOT_NTS, "s", 1, 77, 0, out_err));
}

static void signatures_refuse(void) {
    const char *names[] = {"a", "a"}, *values[] = {"1", "2"}, *holes[] = {"a", NULL};
    char sign[EIOT_SIGN_SIZE] = "garbage";
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_sign(NULL, values, 2, "s", EIOT_NTS, EIOT_SIGN_SHA1, sign, sizeof sign, out_err));
    CHECK(sign[0] == '\0', "an output is empty on failure");
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_sign(names, NULL, 2, "s", EIOT_NTS, EIOT_SIGN_SHA1, sign, sizeof sign, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_sign(holes, values, 2, "s", EIOT_NTS, EIOT_SIGN_SHA1, sign, sizeof sign, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_sign(names, values, 2, "s", EIOT_NTS, EIOT_SIGN_SHA1, sign, sizeof sign, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_sign(names, values, (size_t)-1, "s", EIOT_NTS, EIOT_SIGN_SHA1, sign, sizeof sign, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_sign(names, values, 1, NULL, EIOT_NTS, EIOT_SIGN_SHA1, sign, sizeof sign, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_sign(names, values, 1, "", 0, EIOT_SIGN_SHA1, sign, sizeof sign, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_sign(names, values, 1, "s", EIOT_NTS, EIOT_SIGN_SHA1, sign, 40, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_sign(names, values, 1, "s", EIOT_NTS, EIOT_SIGN_SHA1, NULL, 0, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_sign(names, values, 1, "s", EIOT_NTS, 77, sign, sizeof sign, out_err));
    CHECK(eiot_sign(NULL, NULL, 0, "s", EIOT_NTS, EIOT_SIGN_MD5, sign, 33, NULL) == EIOT_OK, "nothing to sign is fine");
    CHECK(strlen(sign) == 32, "%s", sign);
}

static void batches_refuse(const eiot_client *client) {
    eiot_batch *batch = (eiot_batch *)&expected_garbage;
    eiot_result *result = (eiot_result *)&expected_garbage;
    eiot_error *error;
    const char *eids[] = {EID, NULL};
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_batch_new(NULL, 0, NULL, &batch, out_err));
    CHECK(batch == NULL, "an output is NULL on failure");
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_batch_new(client, 0, NULL, NULL, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_batch_new(client, 1025, NULL, &batch, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_batch_push(NULL, EID, EIOT_NTS, 0, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_batch_next(NULL, -1, &result, out_err));
    CHECK(result == NULL, "an output is NULL on failure");
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_refresh_many(NULL, eids, 1, NULL, NULL, NULL, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_refresh_many(client, NULL, 1, NULL, NULL, NULL, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_refresh_many(client, eids, 2, NULL, NULL, NULL, out_err));
    CHECK(eiot_client_refresh_many(client, eids, 2, NULL, NULL, NULL, &error) == EIOT_ERR_INVALID_ARGUMENT, "the second");
    CHECK(strstr(eiot_error_message(error), "eids[1] is NULL") != NULL, "%s", eiot_error_message(error));
    eiot_error_free(error);
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_client_refresh_many(client, eids, (size_t)-1, NULL, NULL, NULL, out_err));

    CHECK(eiot_batch_new(client, 1, NULL, &batch, NULL) == EIOT_OK, "batch");
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_batch_push(batch, NULL, 3, 0, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_batch_push(batch, EID, (size_t)-2, 0, out_err));
    REFUSED(EIOT_ERR_INVALID_ARGUMENT, eiot_batch_next(batch, -1, NULL, out_err));
    for (int64_t limit = -1; limit <= 1; limit++)
        CHECK(eiot_batch_next(batch, limit, &result, NULL) == EIOT_OK && result == NULL, "nothing was pushed");
    CHECK(eiot_batch_next(batch, INT64_MIN, &result, NULL) == EIOT_OK && result == NULL, "a limit that cannot be");
    CHECK(eiot_batch_next(batch, INT64_MAX, &result, NULL) == EIOT_OK && result == NULL, "an endless limit");
    CHECK(eiot_batch_push(batch, "8.9E+31", EIOT_NTS, UINT64_MAX, NULL) == EIOT_OK, "comes back as a failure");
    CHECK(eiot_batch_next(batch, 0, &result, NULL) == EIOT_OK, "such as here");
    CHECK(eiot_result_status(result) == EIOT_ERR_INVALID_EID && eiot_result_tag(result) == UINT64_MAX, "its status and tag");
    CHECK(eiot_result_reply(result) == NULL && !eiot_result_was_sent(result), "nothing was sent");
    CHECK(strstr(eiot_error_message(eiot_result_error(result)), "spreadsheet") != NULL, "its error");
    eiot_result_free(result);
    CHECK(eiot_batch_push(batch, "1\0" "2", 3, 7, NULL) == EIOT_OK, "a NUL inside");
    CHECK(eiot_batch_next(batch, -1, &result, NULL) == EIOT_OK && strcmp(eiot_result_input(result), "1\xef\xbf\xbd" "2") == 0, "shown");
    eiot_result_free(result);
    CHECK(eiot_batch_count(batch, 12345) == 0, "no such status");
    CHECK(eiot_batch_push(batch, "77", 1, 0, NULL) == EIOT_OK, "the length counts");
    CHECK(eiot_batch_pending(batch) == 1 && eiot_batch_in_flight(batch) == 0, "it waits");
    eiot_batch_free(batch); /* with a card in it that was never sent */
}

/* Creating clients does not change the configuration, whether it is complete or not. */
static void configurations_are_copied(void) {
    eiot_config *config;
    eiot_client *one, *other = NULL;
    eiot_error *error;
    CHECK(eiot_config_from_env(&config, &error) == EIOT_OK, "%s", eiot_error_message(error));
    CHECK(eiot_client_new(config, &one, NULL) == EIOT_OK, "once");
    CHECK(eiot_client_new(config, &other, NULL) == EIOT_OK, "twice");
    CHECK(eiot_config_set_secret(config, "", 0, NULL) == EIOT_OK, "an option can be taken away");
    eiot_client *none = NULL;
    REFUSED(EIOT_ERR_CONFIG, eiot_client_new(config, &none, out_err));
    eiot_config_free(config);
    CHECK(none == NULL, "an output is NULL on failure");
    refresh(one);
    eiot_client_free(one);
    refresh(other);
    eiot_client_free(other);
}

int main(void) {
    eiot_config *config;
    CHECK(eiot_config_new(&config, NULL) == EIOT_OK, "defaults");
    CHECK(eiot_config_set_appkey(config, "first", EIOT_NTS, NULL) == EIOT_OK, "appkey");
    CHECK(eiot_config_set_appkey(config, "second", EIOT_NTS, NULL) == EIOT_OK, "an option can be set twice");
    eiot_client *client = client_from_env();
    getters_take_null();
    statuses_have_names();
    names_are_never_null();
    fields_are_padded();
    configurations_refuse(config);
    clients_refuse(config, client);
    derived_clients_refuse(config, client);
    buffers_are_filled(client);
    calls_refuse(client);
    webhooks_refuse();
    signatures_refuse();
    batches_refuse(client);
    configurations_are_copied();
    eiot_config_free(config);
    eiot_client_free(client);
    return 0;
}
