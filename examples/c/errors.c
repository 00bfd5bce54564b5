/* One card, with a client of its own and a look at what went wrong. Usage: errors BASE_URL APPKEY SECRET EID */
#include <eiot.h>
#include <stdio.h>

/* Says whether to try the card again, which is what a billing system wants to know. */
static const char *try_again(const eiot_error *error) {
    if (eiot_error_is_retryable(error)) return "later";
    if (eiot_error_is_final(error)) return "no";
    switch (eiot_error_status(error)) {
    case EIOT_ERR_COOLDOWN:
        return "after its cooldown";
    case EIOT_ERR_PLATFORM: /* whether a code that is not published comes again, only the platform can tell */
        return "unknown";
    default: /* configuration, certificate, account, or a page in the platform's place */
        return "once that is fixed";
    }
}

int main(int argc, char **argv) {
    eiot_config *config = NULL;
    eiot_client *client = NULL;
    eiot_reply *reply = NULL;
    eiot_error *error = NULL;

    if (argc != 5) {
        fprintf(stderr, "usage: errors BASE_URL APPKEY SECRET EID\n");
        return 2;
    }
    if (eiot_config_new(&config, &error) == EIOT_OK
        && eiot_config_set_base_url(config, argv[1], EIOT_NTS, &error) == EIOT_OK
        && eiot_config_set_appkey(config, argv[2], EIOT_NTS, &error) == EIOT_OK
        && eiot_config_set_secret(config, argv[3], EIOT_NTS, &error) == EIOT_OK
        && eiot_config_set_timeout_ms(config, 10000, &error) == EIOT_OK
        && eiot_client_new(config, &client, &error) == EIOT_OK
        && eiot_client_refresh_usage(client, argv[4], EIOT_NTS, &reply, &error) == EIOT_OK) {
        printf("%s: %s\n", eiot_reply_eid(reply), eiot_reply_message(reply));
    }
    if (error != NULL) {
        const char *code = eiot_error_platform_code(error);
        fprintf(stderr, "%s\n", eiot_error_message(error));
        fprintf(stderr, "  status       %s\n", eiot_status_name(eiot_error_status(error)));
        fprintf(stderr, "  code         %s\n", code != NULL ? code : "(none)");
        fprintf(stderr, "  delivered    %s\n",
                eiot_error_delivered(error) == EIOT_DELIVERED_NO    ? "no"
                : eiot_error_delivered(error) == EIOT_DELIVERED_YES ? "yes"
                                                                    : "unknown");
        fprintf(stderr, "  try again    %s\n", try_again(error));
    }
    eiot_reply_free(reply);
    eiot_client_free(client);
    eiot_config_free(config);
    if (error != NULL) {
        eiot_error_free(error);
        return 1;
    }
    return 0;
}
