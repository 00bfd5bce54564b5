/* Runs the C library for the tests: driver [OPTION=VALUE ...] -- EID ...; without options it reads the environment.
   driver batch [OPTION=VALUE ...] -- EID ...; driver call [OPTION=VALUE ...] -- PATH JSON [idempotent]; driver verify -- PAYLOAD SECRET METHOD MAX_AGE_MS */
#include "json.h"
#include <eiot.h>
#include <stdlib.h>

/* The body has its own length; binary bodies end here at the first NUL. */
static void tell_page(const eiot_error *error) {
    size_t length = 99, i;
    const char *body = eiot_error_body(error, &length), *name;
    if (body == NULL ? length != 0 || eiot_error_body(error, NULL) != NULL : length < strlen(body)) exit(4);
    json_text("body", body);
    printf("\"headers\": {");
    for (i = 0; (name = eiot_error_header_name(error, i)) != NULL; i++) {
        printf("%s", i > 0 ? ", " : "");
        json_pair(name, eiot_error_header(error, name));
    }
    printf("}, ");
}

/* The members of an error, after which the object ends. */
static void tell_error(eiot_status status, const eiot_error *error) {
    tell_page(error);
    json_number("status", status);
    json_text("status_name", eiot_status_name(eiot_error_status(error)));
    json_text("kind", eiot_status_kind(eiot_error_status(error)));
    json_text("message", eiot_error_message(error));
    json_text("eid", eiot_error_eid(error));
    json_text("code", eiot_error_platform_code(error));
    json_text("platform_message", eiot_error_platform_message(error));
    json_number("http_status", eiot_error_http_status(error));
    json_number("attempts", eiot_error_attempts(error));
    json_number("retry_after_ms", (long)eiot_error_retry_after_ms(error));
    json_number("delivered", eiot_error_delivered(error));
    printf("\"retryable\": %s, ", eiot_error_is_retryable(error) ? "true" : "false");
    printf("\"final\": %s, ", eiot_error_is_final(error) ? "true" : "false");
    printf("\"ok\": false}\n");
}

static void print_error(eiot_status status, eiot_error *error) {
    printf("{");
    tell_error(status, error);
    eiot_error_free(error);
}

static void tell_reply(const eiot_reply *reply) {
    json_number("status", EIOT_OK);
    json_text("eid", eiot_reply_eid(reply));
    json_text("code", eiot_reply_code(reply));
    json_text("message", eiot_reply_message(reply));
    json_text("data_json", eiot_reply_data_json(reply));
    json_number("attempts", eiot_reply_attempts(reply));
    printf("\"ok\": true}\n");
}

static void print_reply(eiot_reply *reply) {
    printf("{");
    tell_reply(reply);
    eiot_reply_free(reply);
}

static int32_t on_result(const eiot_result *result, void *user_data) {
    (void)user_data;
    printf("{");
    json_number("index", (long)eiot_result_tag(result));
    json_text("input", eiot_result_input(result));
    printf("\"duplicate\": %s, ", eiot_result_is_duplicate(result) ? "true" : "false");
    if (eiot_result_status(result) == EIOT_OK) tell_reply(eiot_result_reply(result));
    else tell_error(eiot_result_status(result), eiot_result_error(result));
    return 0;
}

/* The setter of an option; 0 if there is none, which is a bug in the driver. */
static int set(eiot_config *config, const char *name, const char *value, eiot_status *status, eiot_error **error) {
    unsigned long milliseconds = (unsigned long)(atof(value) * 1000);
    int on = strcmp(value, "on") == 0;
    if (strcmp(name, "appkey") == 0) *status = eiot_config_set_appkey(config, value, EIOT_NTS, error);
    else if (strcmp(name, "secret") == 0) *status = eiot_config_set_secret(config, value, strlen(value), error);
    else if (strcmp(name, "secret_file") == 0) *status = eiot_config_set_secret_file(config, value, EIOT_NTS, error);
    else if (strcmp(name, "base_url") == 0) *status = eiot_config_set_base_url(config, value, EIOT_NTS, error);
    else if (strcmp(name, "ca_file") == 0) *status = eiot_config_set_ca_file(config, value, EIOT_NTS, error);
    else if (strcmp(name, "client_cert_file") == 0) *status = eiot_config_set_client_cert_file(config, value, EIOT_NTS, error);
    else if (strcmp(name, "client_key_file") == 0) *status = eiot_config_set_client_key_file(config, value, EIOT_NTS, error);
    else if (strcmp(name, "source_address") == 0) *status = eiot_config_set_source_address(config, value, EIOT_NTS, error);
    else if (strcmp(name, "user_agent_suffix") == 0)
        *status = eiot_config_set_user_agent_suffix(config, value, EIOT_NTS, error);
    else if (strcmp(name, "proxy") == 0) *status = eiot_config_set_proxy(config, value, EIOT_NTS, error);
    else if (strcmp(name, "timeout") == 0) *status = eiot_config_set_timeout_ms(config, milliseconds, error);
    else if (strcmp(name, "connect_timeout") == 0) *status = eiot_config_set_connect_timeout_ms(config, milliseconds, error);
    else if (strcmp(name, "allow_http") == 0) *status = eiot_config_set_allow_http(config, on, error);
    else if (strcmp(name, "max_attempts") == 0) *status = eiot_config_set_max_attempts(config, (uint32_t)atoi(value), error);
    else if (strcmp(name, "rate_limit") == 0) *status = eiot_config_set_rate_limit(config, atof(value), error);
    else if (strcmp(name, "rate_dir") == 0) *status = eiot_config_set_rate_dir(config, value, EIOT_NTS, error);
    else if (strcmp(name, "rate_scope") == 0)
        *status = eiot_config_set_rate_scope(
            config, strcmp(value, "host") == 0 ? EIOT_RATE_SCOPE_HOST : EIOT_RATE_SCOPE_PROCESS, error);
    else if (strcmp(name, "rate_share") == 0)
        *status = eiot_config_set_rate_share(config, (uint32_t)atoi(value), (uint32_t)atoi(strchr(value, '/') + 1), error);
    else if (strcmp(name, "rate_wait") == 0) *status = eiot_config_set_rate_wait(config, on, error);
    else if (strcmp(name, "eid_cooldown") == 0) *status = eiot_config_set_eid_cooldown_ms(config, milliseconds, error);
    else if (strcmp(name, "clock_skew") == 0) *status = eiot_config_set_clock_skew(config, on, error);
    else if (strcmp(name, "error_codes") == 0) *status = eiot_config_set_error_codes(config, value, EIOT_NTS, error);
    else if (strcmp(name, "max_auth_failures") == 0)
        *status = eiot_config_set_max_auth_failures(config, (uint32_t)atoi(value), error);
    else if (strcmp(name, "outage_timeout") == 0) *status = eiot_config_set_outage_timeout_ms(config, milliseconds, error);
    else if (strcmp(name, "strict_eid") == 0) *status = eiot_config_set_strict_eid(config, on, error);
    else if (strcmp(name, "allow_rounded_eid") == 0) *status = eiot_config_set_allow_rounded_eid(config, on, error);
    else if (strcmp(name, "sign_method") == 0)
        *status = eiot_config_set_sign_method(config, strcmp(value, "md5") == 0 ? EIOT_SIGN_MD5 : EIOT_SIGN_SHA1, error);
    else return 0;
    return 1;
}

static int verify(char **argument) {
    eiot_error *error;
    eiot_sign_method method = strcmp(argument[2], "md5") == 0 ? EIOT_SIGN_MD5 : EIOT_SIGN_SHA1;
    eiot_status status = eiot_webhook_verify(argument[0], strlen(argument[0]), argument[1], EIOT_NTS, method,
                                                  strtoul(argument[3], NULL, 10), &error);
    if (status == EIOT_OK) printf("{\"ok\": true, \"status\": 0}\n");
    else print_error(status, error);
    return 0;
}

int main(int argc, char **argv) {
    int is_call = strcmp(argv[1], "call") == 0, is_batch = strcmp(argv[1], "batch") == 0;
    eiot_config *config = NULL;
    eiot_client *client = NULL;
    eiot_error *error = NULL;
    eiot_status status;
    int by_environment, i = 1 + is_call + is_batch;

    if (strcmp(argv[1], "verify") == 0) return verify(argv + 3);
    by_environment = strcmp(argv[i], "--") == 0;

    if (!by_environment) {
        status = eiot_config_new(&config, &error);
        for (; status == EIOT_OK && strcmp(argv[i], "--") != 0; i++) {
            char *value = strchr(argv[i], '=');
            *value++ = '\0';
            if (!set(config, argv[i], value, &status, &error)) return 3;
        }
        if (status == EIOT_OK) status = eiot_client_new(config, &client, &error);
        eiot_config_free(config);
        if (status != EIOT_OK) {
            print_error(status, error);
            return 0;
        }
    }
    while (i < argc && strcmp(argv[i], "--") != 0) i++;
    if (is_call) {
        eiot_reply *reply;
        status = eiot_client_call(client, argv[i + 1], EIOT_NTS, argv[i + 2], strlen(argv[i + 2]), argc > i + 3, NULL, &reply, &error);
        if (status == EIOT_OK) print_reply(reply);
        else print_error(status, error);
        i = argc;
    }
    if (is_batch) {
        const char *const *eids = (const char *const *)(argv + i + 1);
        status = eiot_client_refresh_many(client, eids, (size_t)(argc - i - 1), NULL, on_result, NULL, &error);
        if (status != EIOT_OK) print_error(status, error);
        i = argc;
    }
    for (i++; i < argc; i++) {
        char room[256];
        size_t length;
        const char *eid = eid_argument(argv[i], room, &length);
        eiot_reply *reply = NULL;
        if (by_environment) status = eiot_refresh_usage_n(eid, length, &error);
        else status = eiot_client_refresh_usage(client, eid, length, &reply, &error);
        if (status == EIOT_OK) print_reply(reply);
        else print_error(status, error);
    }
    eiot_client_free(client);
    return 0;
}
