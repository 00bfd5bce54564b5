/* An array of cards and a callback, which may stop the run. The environment leads to a platform without limits. */
#include "common.h"
#include <string.h>

enum { CARDS = 100 };

static int refreshed, refused, unsent, stop_after, seen[CARDS + 2];

static int32_t on_result(const eiot_result *result, void *user_data) {
    const eiot_reply *reply = eiot_result_reply(result);
    const eiot_error *error = eiot_result_error(result);
    uint64_t index = eiot_result_tag(result);
    CHECK((reply == NULL) != (error == NULL), "one of the two");
    CHECK(strcmp(user_data, "mine") == 0, "another's data");
    CHECK(index < CARDS + 2 && eiot_result_is_duplicate(result) == (index == CARDS + 1), "%d", (int)index);
    CHECK(eiot_result_was_sent(result) == (reply != NULL && index < CARDS), "%d", (int)index);
    seen[index]++;
    if (reply != NULL) refreshed++;
    else if (eiot_error_status(error) == EIOT_ERR_CANCELLED) unsent++;
    else refused++;
    CHECK(index != CARDS || strcmp(eiot_result_eid(result), "8.9E+31") == 0, "%s", eiot_result_eid(result));
    return stop_after > 0 && refreshed + refused >= stop_after;
}

/* Each of the first `count` cards came back once. */
static void each_once(int count) {
    for (int i = 0; i < CARDS + 2; i++) CHECK(seen[i] == (i < count), "card %d came back %d times", i, seen[i]);
    memset(seen, 0, sizeof seen);
}

static eiot_cancel *in_outage;
static int failed, not_sent;

static void on_line(const char *line, void *user_data) {
    (void)user_data;
    if (strncmp(line, "batch: ", 7) == 0) eiot_cancel_trigger(in_outage);
}

static int32_t on_failure(const eiot_result *result, void *user_data) {
    (void)user_data;
    if (eiot_result_was_sent(result)) {
        CHECK(eiot_result_status(result) == EIOT_ERR_CONNECT, "%s", eiot_error_message(eiot_result_error(result)));
        failed++;
    } else {
        CHECK(eiot_result_status(result) == EIOT_ERR_CANCELLED, "%s", eiot_error_message(eiot_result_error(result)));
        not_sent++;
    }
    return 0;
}

/* Cards that were sent come back with their failure, the remaining ones as cancelled. */
static void a_run_that_is_broken_off_in_an_outage_says_so(const char *const *eids) {
    eiot_config *config;
    eiot_client *client;
    eiot_error *error;
    CHECK(eiot_config_from_env(&config, &error) == EIOT_OK, "%s", eiot_error_message(error));
    CHECK(eiot_config_set_base_url(config, "http://127.0.0.1:1", EIOT_NTS, &error) == EIOT_OK, "base_url");
    CHECK(eiot_config_set_outage_timeout_ms(config, 900000, &error) == EIOT_OK, "outage_timeout");
    CHECK(eiot_config_set_log(config, on_line, NULL, NULL) == EIOT_OK, "log");
    CHECK(eiot_client_new(config, &client, &error) == EIOT_OK, "%s", eiot_error_message(error));
    CHECK(eiot_cancel_new(&in_outage, NULL) == EIOT_OK, "cancel");
    eiot_status status = eiot_client_refresh_many(client, eids, CARDS, in_outage, on_failure, NULL, &error);
    CHECK(status == EIOT_ERR_CANCELLED, "%s, %d failed", eiot_status_name(status), failed);
    CHECK(failed == 32 && not_sent == CARDS - 32, "%d and %d", failed, not_sent);
    eiot_error_free(error);
    eiot_cancel_free(in_outage);
    eiot_client_free(client);
    eiot_config_free(config);
}

int main(void) {
    static char digits[CARDS][33];
    const char *eids[CARDS + 3];
    eiot_client *client = client_from_env();
    eiot_cancel *cancel;
    eiot_error *error;
    for (int i = 0; i < CARDS; i++) {
        snprintf(digits[i], sizeof digits[i], "89044011%024d", i);
        eids[i] = digits[i];
    }
    eids[CARDS] = "8.9E+31";
    eids[CARDS + 1] = digits[0]; /* a duplicate */
    eids[CARDS + 2] = NULL;

    eiot_status status = eiot_client_refresh_many(client, eids, CARDS + 2, NULL, on_result, "mine", &error);
    CHECK(status == EIOT_OK, "%s", eiot_error_message(error));
    CHECK(refreshed == CARDS + 1 && refused == 1, "%d and %d", refreshed, refused);
    each_once(CARDS + 2);
    CHECK(eiot_client_refresh_many(client, eids, CARDS, NULL, NULL, NULL, NULL) == EIOT_OK, "the callback is optional");
    CHECK(eiot_client_refresh_many(client, NULL, 0, NULL, on_result, "mine", NULL) == EIOT_OK, "nothing to do");

    refreshed = refused = 0, stop_after = 5;
    status = eiot_client_refresh_many(client, eids, CARDS, NULL, on_result, "mine", &error);
    CHECK(status == EIOT_ERR_CANCELLED, "%s", eiot_status_name(status));
    /* After a stop, only the calls in flight are refreshed: 32. All others come back too. */
    CHECK(refreshed >= 5 && refreshed <= 5 + 32 && refreshed + unsent == CARDS, "%d and %d", refreshed, unsent);
    each_once(CARDS);
    eiot_error_free(error);

    /* A NULL EID is detected before anything is sent. */
    refreshed = unsent = 0;
    status = eiot_client_refresh_many(client, eids, CARDS + 3, NULL, on_result, "mine", &error);
    CHECK(status == EIOT_ERR_INVALID_ARGUMENT && refreshed == 0, "%s", eiot_status_name(status));
    eiot_error_free(error);

    CHECK(eiot_cancel_new(&cancel, NULL) == EIOT_OK, "cancel");
    eiot_cancel_trigger(cancel);
    status = eiot_client_refresh_many(client, eids, CARDS, cancel, on_result, "mine", NULL);
    CHECK(status == EIOT_ERR_CANCELLED && refreshed == 0 && unsent == CARDS, "nothing was sent");
    each_once(CARDS);
    eiot_cancel_free(cancel);
    eiot_client_free(client);
    a_run_that_is_broken_off_in_an_outage_says_so(eids);
    return 0;
}
