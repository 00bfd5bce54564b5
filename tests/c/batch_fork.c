/* A batch in a forked child: each card comes back with an error, and the parent's calls are not affected. */
#include "common.h"
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CARDS = 20, IN_FLIGHT = 4 };

/* By their tags. */
static int seen[CARDS + 1];

static int drain(eiot_batch *batch, int *errors) {
    int cards = 0;
    for (;;) {
        eiot_result *result = NULL;
        const eiot_error *error;
        CHECK(eiot_batch_next(batch, -1, &result, NULL) == EIOT_OK, "next");
        if (result == NULL) return cards;
        error = eiot_result_error(result);
        CHECK(strlen(eiot_result_eid(result)) > 0 && eiot_result_tag(result) <= CARDS, "of a card");
        CHECK(seen[eiot_result_tag(result)]++ == 0, "each comes back once");
        if (error != NULL) {
            CHECK(eiot_error_status(error) == EIOT_ERR_CANCELLED, "%s", eiot_error_message(error));
            CHECK(strstr(eiot_error_message(error), "forked child") != NULL, "%s", eiot_error_message(error));
        }
        *errors += error != NULL;
        cards++;
        eiot_result_free(result);
    }
}

int main(void) {
    eiot_client *client = client_from_env();
    eiot_batch *batch;
    eiot_result *result;
    int errors = 0, status, left;
    pid_t child;
    CHECK(eiot_batch_new(client, IN_FLIGHT, NULL, &batch, NULL) == EIOT_OK, "a batch");
    for (int i = 0; i < CARDS; i++) {
        char eid[33];
        snprintf(eid, sizeof eid, "%032d", i);
        CHECK(eiot_batch_push(batch, eid, EIOT_NTS, (uint64_t)i, NULL) == EIOT_OK, "pushed");
    }
    CHECK(eiot_batch_next(batch, -1, &result, NULL) == EIOT_OK && eiot_result_reply(result) != NULL, "one is refreshed");
    seen[eiot_result_tag(result)]++;
    eiot_result_free(result);
    child = fork();
    CHECK(child >= 0, "fork failed");
    if (child == 0) {
        alarm(60); /* a child that hangs must not hang the tests */
        CHECK(eiot_batch_push(batch, "777", EIOT_NTS, CARDS, NULL) == EIOT_OK, "pushed in the child");
        left = drain(batch, &errors);
        /* Of the 19, some may have come back before the fork, as replies. */
        CHECK(left == CARDS && errors >= 1 && errors <= CARDS, "%d came back, %d with an error", left, errors);
        eiot_batch_free(batch);
        eiot_client_free(client);
        exit(0);
    }
    left = drain(batch, &errors);
    CHECK(left == CARDS - 1 && errors == 0, "%d came back, %d with an error", left, errors);
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the child ended with %d", status);
    eiot_batch_free(batch);
    eiot_client_free(client);
    return 0;
}
