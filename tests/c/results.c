/* What a batch gives back for each card, polled beside a loop of the program's own; events, options per call, and counters. The
   environment leads to a platform without limits that answers after 50 ms, the first time with HTTP 503. */
#include "common.h"
#include <string.h>
#include <time.h>

enum { CARDS = 40, PUSHED = CARDS + 3 };

static int sent, refused, retried, refreshed_once;

static void on_event(const eiot_event *event, void *user_data) {
    const char *json = eiot_event_json(event);
    char expected[64];
    CHECK(user_data == &sent, "another's data");
    CHECK(strcmp(eiot_event_path(event), "/api/v3/cloudesim/refreshUsage") == 0, "%s", eiot_event_path(event));
    snprintf(expected, sizeof expected, "\"attempt\":%u,\"outcome\":\"%s\"", (unsigned)eiot_event_attempt(event),
             eiot_status_kind(eiot_event_status(event)));
    CHECK(strstr(json, expected) != NULL && strstr(json, eiot_event_eid(event)) != NULL, "%s", json);
    if (eiot_event_attempt(event) == 0) {
        CHECK(eiot_event_status(event) == EIOT_ERR_INVALID_EID && strcmp(eiot_event_eid(event), "8.9E+31") == 0, "%s", json);
        CHECK(eiot_event_nonce(event) == 0 && eiot_event_timestamp(event) == 0 && eiot_event_http_status(event) == 0, "%s", json);
        CHECK(eiot_event_delivered(event) == EIOT_DELIVERED_NO && eiot_event_platform_code(event) == NULL, "%s", json);
        CHECK(strstr(eiot_event_message(event), "spreadsheet") != NULL, "%s", json);
        refused++;
        return;
    }
    CHECK(eiot_event_nonce(event) >= 10000 && eiot_event_timestamp(event) > 1700000000, "%s", json);
    CHECK(eiot_event_delivered(event) == EIOT_DELIVERED_YES && eiot_event_duration_ms(event) > 0, "%s", json);
    if (eiot_event_status(event) == EIOT_OK) {
        CHECK(eiot_event_http_status(event) == 200 && strcmp(eiot_event_platform_code(event), "200") == 0, "%s", json);
        CHECK(eiot_event_message(event) == NULL && eiot_event_next_wait_ms(event) == -1, "%s", json);
        refreshed_once++;
    } else {
        CHECK(eiot_event_http_status(event) == 503 && eiot_event_next_wait_ms(event) >= 0, "%s", json);
        retried++;
    }
    sent++;
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static eiot_client *client_with_events(void) {
    eiot_config *config;
    eiot_client *client;
    eiot_error *error;
    CHECK(eiot_config_from_env(&config, &error) == EIOT_OK, "%s", eiot_error_message(error));
    CHECK(eiot_config_set_event_callback(config, on_event, &sent, NULL) == EIOT_OK, "events");
    CHECK(eiot_client_new(config, &client, &error) == EIOT_OK, "%s", eiot_error_message(error));
    eiot_config_free(config);
    return client;
}

static void a_polled_batch_gives_each_card_back_once(const eiot_client *client) {
    int seen[PUSHED] = {0}, polls = 0;
    eiot_batch *batch;
    CHECK(eiot_batch_new(client, 8, NULL, &batch, NULL) == EIOT_OK, "batch");
    for (int i = 0; i < PUSHED; i++) {
        char eid[40];
        /* The last three are a duplicate with spaces around it, a malformed EID, and another duplicate. */
        if (i == CARDS + 1) snprintf(eid, sizeof eid, "8.9E+31");
        else snprintf(eid, sizeof eid, i < CARDS ? "8904%03d" : " 8904%03d ", i % CARDS);
        CHECK(eiot_batch_push(batch, eid, EIOT_NTS, (uint64_t)i, NULL) == EIOT_OK, "push");
    }
    CHECK(eiot_batch_pending(batch) == PUSHED && eiot_batch_in_flight(batch) == 0, "nothing was sent");
    while (eiot_batch_pending(batch) > 0) {
        struct timespec five_ms = {0, 5000000};
        eiot_result *result;
        CHECK(eiot_batch_next(batch, 0, &result, NULL) == EIOT_OK, "next");
        CHECK(eiot_batch_in_flight(batch) <= 8, "concurrency");
        polls++;
        if (result == NULL) {
            nanosleep(&five_ms, NULL); /* a loop of the program's own */
            continue;
        }
        int index = (int)eiot_result_tag(result);
        CHECK(index < PUSHED && seen[index]++ == 0, "card %d", index);
        CHECK(eiot_result_is_duplicate(result) == (index == CARDS || index == CARDS + 2), "card %d", index);
        CHECK(eiot_result_was_sent(result) == (index < CARDS), "card %d", index);
        if (index == CARDS + 1) {
            CHECK(eiot_result_status(result) == EIOT_ERR_INVALID_EID && eiot_result_reply(result) == NULL, "malformed");
        } else {
            CHECK(eiot_result_status(result) == EIOT_OK, "%s", eiot_error_message(eiot_result_error(result)));
            CHECK(strcmp(eiot_result_eid(result), eiot_reply_eid(eiot_result_reply(result))) == 0, "its reply");
            CHECK(index < CARDS || eiot_result_input(result)[0] == ' ', "as it was pushed");
        }
        eiot_result_free(result);
    }
    /* More often than there are results: no call has waited. */
    CHECK(polls > PUSHED, "%d polls", polls);
    CHECK(eiot_batch_count(batch, EIOT_OK) == CARDS && eiot_batch_duplicates(batch) == 2, "counts");
    eiot_batch_free(batch);
    CHECK(sent == CARDS + 1 && retried == 1 && refused == 1 && refreshed_once == CARDS, "%d %d %d", sent, retried, refused);
}

static void a_limit_ends_a_wait(const eiot_client *client) {
    eiot_batch *batch;
    eiot_result *result;
    double begun = seconds();
    CHECK(eiot_batch_new(client, 1, NULL, &batch, NULL) == EIOT_OK, "batch");
    CHECK(eiot_batch_push(batch, "7", EIOT_NTS, 0, NULL) == EIOT_OK, "push");
    CHECK(eiot_batch_next(batch, 10, &result, NULL) == EIOT_OK && result == NULL && eiot_batch_pending(batch) == 1, "10 ms");
    CHECK(seconds() - begun >= 0.01, "it waited");
    CHECK(eiot_batch_next(batch, 60000, &result, NULL) == EIOT_OK && eiot_result_status(result) == EIOT_OK, "60 s");
    eiot_result_free(result);
    eiot_batch_free(batch);
}

static void an_option_can_differ_per_call(eiot_client *client) {
    eiot_config *options;
    eiot_client *hasty;
    eiot_error *error;
    CHECK(eiot_config_from_client(client, &options, NULL) == EIOT_OK, "options");
    CHECK(eiot_config_set_timeout_ms(options, 10, NULL) == EIOT_OK && eiot_config_set_max_attempts(options, 1, NULL) == EIOT_OK, "set");
    CHECK(eiot_config_set_event_callback(options, NULL, NULL, NULL) == EIOT_OK, "the callback can differ too");
    CHECK(eiot_client_with_options(client, options, &hasty, &error) == EIOT_OK, "%s", eiot_error_message(error));
    eiot_config_free(options);
    eiot_client_free(client); /* the derived client may outlive it */
    int before = sent;
    CHECK(eiot_client_refresh_usage(hasty, "7", EIOT_NTS, NULL, &error) == EIOT_ERR_TIMEOUT, "10 ms are too short");
    CHECK(eiot_error_is_retryable(error), "a refresh may be repeated");
    CHECK(sent == before, "no event");
    eiot_error_free(error);
    eiot_client_free(hasty);
}

int main(void) {
    char json[4096], expected[64];
    eiot_client *client = client_with_events();
    a_polled_batch_gives_each_card_back_once(client);
    a_limit_ends_a_wait(client);
    CHECK(eiot_client_stats_json(client, json, sizeof json) == strlen(json), "the whole text");
    snprintf(expected, sizeof expected, "\"calls\":{\"started\":%d,\"in_flight\":0,\"ok\":%d,", CARDS + 2, CARDS + 1);
    CHECK(strstr(json, expected) != NULL && strstr(json, "\"retries\":1,") != NULL, "%s", json);
    an_option_can_differ_per_call(client);
    return 0;
}
