/* The signed call by libeiot. Usage: eiot single | threads | batch IN_FLIGHT | cold, configured by the environment. */
#include "turns.h"

static eiot_client *client;
static eiot_batch *batch;

static void single(int calls) {
    while (calls-- > 0) refresh(client);
}

static void on_one_thread(int index, int calls) {
    (void)index;
    single(calls);
}

/* All threads share the client. */
static void threads(int calls) { on_threads(calls, on_one_thread); }

static void many(int calls) {
    char eid[33];
    int pushed = 0, back;
    for (back = 0; back < calls; back++) {
        eiot_result *result;
        eiot_error *error;
        while (pushed < calls && eiot_batch_has_room(batch)) {
            next_eid(eid);
            CHECK(eiot_batch_push(batch, eid, 32, 0, NULL) == EIOT_OK, "push");
            pushed++;
        }
        CHECK(eiot_batch_next(batch, -1, &result, &error) == EIOT_OK, "%s", eiot_error_message(error));
        CHECK(result != NULL, "all came back too soon");
        CHECK(eiot_result_status(result) == EIOT_OK, "%s", eiot_error_message(eiot_result_error(result)));
        eiot_result_free(result);
    }
}

int main(int argc, char **argv) {
    const char *work = argc > 1 ? argv[1] : "";
    client = client_from_env();
    if (strcmp(work, "single") == 0) {
        single(1);
        take_turns(single);
    } else if (strcmp(work, "threads") == 0) {
        threads(8 * THREADS);
        take_turns(threads);
    } else if (strcmp(work, "batch") == 0 && argc == 3) {
        int in_flight = atoi(argv[2]);
        CHECK(eiot_batch_new(client, (uint32_t)in_flight, NULL, &batch, NULL) == EIOT_OK, "batch");
        many(in_flight);
        take_turns(many);
        eiot_batch_free(batch);
    } else {
        CHECK(strcmp(work, "cold") == 0, "usage: single | threads | batch IN_FLIGHT | cold");
        single(1);
    }
    eiot_client_free(client);
    return 0;
}
