/*
 * Refreshes many cards. Reads its options from the environment. Arguments: how many different cards, how many calls in flight, and
 * what to do: "all"; "stop" after ten, or "cancel" by a signal after 300 ms. Prints the outcomes by status as JSON, how many
 * of them were not sent, the log lines of the batch, and the peak memory in KiB.
 */
#include "common.h"
#include <signal.h>
#include <string.h>
#include <sys/time.h>

static eiot_cancel *cancel;

static void on_alarm(int signal) {
    (void)signal;
    eiot_cancel_trigger(cancel);
}

static char notices[64][512];
static int told;

static void on_line(const char *line, void *user_data) {
    (void)user_data;
    if (strncmp(line, "batch: ", 7) != 0) {
        CHECK(strncmp(line, "eid=", 4) == 0, "%s", line);
        return;
    }
    CHECK(told < 64, "too many lines");
    snprintf(notices[told++], sizeof notices[0], "%s", line);
}

static eiot_client *client_with_log(void) {
    eiot_config *config;
    eiot_client *client;
    eiot_error *error;
    CHECK(eiot_config_from_env(&config, &error) == EIOT_OK, "%s", eiot_error_message(error));
    CHECK(eiot_config_set_log(config, on_line, NULL, NULL) == EIOT_OK, "log");
    CHECK(eiot_client_new(config, &client, &error) == EIOT_OK, "%s", eiot_error_message(error));
    eiot_config_free(config);
    return client;
}

/* Unlike getrusage, which includes the process that started this one. */
static long peak_kib(void) {
    char line[128];
    long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    CHECK(file != NULL, "status");
    while (kib == 0 && fgets(line, sizeof line, file) != NULL) sscanf(line, "VmHWM: %ld kB", &kib);
    fclose(file);
    CHECK(kib > 0, "VmHWM");
    return kib;
}

int main(int argc, char **argv) {
    CHECK(argc == 4, "usage: batch CARDS CONCURRENCY all|stop|cancel");
    long cards = atol(argv[1]), next = 0, back = 0, unsent = 0;
    uint64_t counted = 0;
    int stop = strcmp(argv[3], "stop") == 0;
    eiot_client *client = client_with_log();
    eiot_batch *batch;
    eiot_error *error;
    CHECK(eiot_cancel_new(&cancel, NULL) == EIOT_OK, "cancel");
    if (strcmp(argv[3], "cancel") == 0) {
        struct itimerval in_300_ms = {{0, 0}, {0, 300000}};
        signal(SIGALRM, on_alarm);
        setitimer(ITIMER_REAL, &in_300_ms, NULL);
    }
    CHECK(eiot_batch_new(client, (uint32_t)atoi(argv[2]), cancel, &batch, &error) == EIOT_OK, "%s",
          eiot_error_message(error));
    eiot_client_free(client); /* the batch outlives it */
    for (;;) {
        char eid[33];
        eiot_result *result;
        while (next < cards && eiot_batch_has_room(batch)) {
            snprintf(eid, sizeof eid, "89044011%024ld", next);
            CHECK(eiot_batch_push(batch, eid, 32, (uint64_t)next++, NULL) == EIOT_OK, "push");
        }
        CHECK(eiot_batch_next(batch, -1, &result, NULL) == EIOT_OK, "next");
        if (result == NULL) break;
        const eiot_error *failure = eiot_result_error(result);
        eiot_status status = eiot_result_status(result);
        snprintf(eid, sizeof eid, "89044011%024ld", (long)eiot_result_tag(result));
        CHECK(strcmp(eiot_result_eid(result), eid) == 0 && strcmp(eiot_result_input(result), eid) == 0, "the tag leads to the card");
        CHECK(strcmp(eid, failure != NULL ? eiot_error_eid(failure) : eiot_reply_eid(eiot_result_reply(result))) == 0, "its own");
        CHECK(status == eiot_error_status(failure) && (failure == NULL) == (eiot_result_reply(result) != NULL), "they agree");
        if (strstr(eiot_error_message(failure), ": not sent, because ") != NULL) {
            CHECK(eiot_error_attempts(failure) == 0 && eiot_error_delivered(failure) == EIOT_DELIVERED_NO, "unsent");
            CHECK(!eiot_error_is_final(failure), "the card itself is not refused");
            CHECK(!eiot_result_was_sent(result), "unsent");
            unsent++;
        }
        eiot_result_free(result);
        if (++back == 10 && stop) {
            eiot_batch_stop(batch);
            cards = next;
        }
        if (status == EIOT_ERR_CANCELLED) cards = next; /* pushed cards still come back */
    }
    printf("{\"submitted\": %ld, \"back\": %ld, \"peak_kib\": %ld", (long)eiot_batch_submitted(batch), back, peak_kib());
    for (eiot_status status = 0; status < 100; status++) {
        uint64_t count = eiot_batch_count(batch, status);
        counted += count;
        if (count > 0) printf(", \"%s\": %ld", eiot_status_name(status), (long)count);
    }
    printf(", \"unsent\": %ld, \"notices\": [", unsent);
    for (int i = 0; i < told; i++) {
        for (char *quote = notices[i]; (quote = strpbrk(quote, "\"\\")) != NULL;) *quote = '\'';
        printf("%s\"%s\"", i > 0 ? ", " : "", notices[i]);
    }
    puts("]}");
    CHECK(eiot_batch_pending(batch) == 0 && eiot_batch_in_flight(batch) == 0, "none is left");
    CHECK(counted == (uint64_t)back && counted + eiot_batch_duplicates(batch) == eiot_batch_submitted(batch), "it adds up");
    eiot_batch_free(batch);
    eiot_cancel_free(cancel);
    return 0;
}
