/* A batch in a forked child: each card comes back with an error, and the parent's calls are not affected. */
#include "common.h"
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CARDS = 20, IN_FLIGHT = 4 };

static int drain(eiot_batch *batch, int *errors) {
    int cards = 0;
    for (;;) {
        eiot_reply *reply = NULL;
        eiot_error *error = NULL;
        if (eiot_batch_next(batch, &reply, &error) == EIOT_OK && reply == NULL) return cards;
        CHECK((reply != NULL) != (error != NULL), "a reply or an error");
        CHECK(strlen(error != NULL ? eiot_error_eid(error) : eiot_reply_eid(reply)) > 0, "of a card");
        if (error != NULL) {
            CHECK(eiot_error_status(error) == EIOT_ERR_CANCELLED, "%s", eiot_error_message(error));
            CHECK(strstr(eiot_error_message(error), "forked child") != NULL, "%s", eiot_error_message(error));
        }
        *errors += error != NULL;
        cards++;
        eiot_reply_free(reply);
        eiot_error_free(error);
    }
}

int main(void) {
    eiot_client *client = client_from_env();
    eiot_batch *batch;
    eiot_reply *reply;
    int errors = 0, status, left;
    pid_t child;
    CHECK(eiot_batch_new(client, IN_FLIGHT, NULL, &batch, NULL) == EIOT_OK, "a batch");
    for (int i = 0; i < CARDS; i++) {
        char eid[33];
        snprintf(eid, sizeof eid, "%032d", i);
        CHECK(eiot_batch_push(batch, eid, EIOT_NTS, NULL) == EIOT_OK, "pushed");
    }
    CHECK(eiot_batch_next(batch, &reply, NULL) == EIOT_OK && reply != NULL, "one is refreshed");
    eiot_reply_free(reply);
    child = fork();
    CHECK(child >= 0, "fork failed");
    if (child == 0) {
        alarm(60); /* a child that hangs must not hang the tests */
        CHECK(eiot_batch_push(batch, "7", EIOT_NTS, NULL) == EIOT_OK, "pushed in the child");
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
