/*
 * Many signed calls with the same number under way at once, on one thread: by libeiot's batch and by libcurl's multi
 * interface, in turns in one process against one server.
 * Usage: batch ROUNDS CALLS IN_FLIGHT, configured by the environment. Prints one line a round and the medians.
 *
 * Both keep their connections open, sign afresh for each call, check each reply, and have a card of its own for each call.
 */
#include "bench.h"

enum { SLICE = 2000, MOST_IN_FLIGHT = 256 }; /* calls in one turn */

static long next_card;

static void next_eid(char eid[33]) { snprintf(eid, 33, "89044011%024ld", next_card++); }

static void batch_of_eiot(eiot_batch *batch, int calls) {
    char eid[33];
    for (int pushed = 0, back = 0; back < calls; back++) {
        eiot_reply *reply;
        eiot_error *error;
        while (pushed < calls && eiot_batch_has_room(batch)) {
            next_eid(eid);
            CHECK(eiot_batch_push(batch, eid, 32, NULL) == EIOT_OK, "push");
            pushed++;
        }
        CHECK(eiot_batch_next(batch, &reply, &error) == EIOT_OK, "%s", eiot_error_message(error));
        CHECK(reply != NULL, "all came back too soon");
        eiot_reply_free(reply);
    }
}

static void batch_of_curl(CURLM *multi, CURL **handles, answer *replies, int in_flight, int calls) {
    char eid[33];
    int started = 0, back = 0, running;
    for (; started < in_flight && started < calls; started++) {
        next_eid(eid);
        sign_with_curl(handles[started], &replies[started], eid);
        curl_multi_add_handle(multi, handles[started]);
    }
    while (back < calls) {
        int left;
        curl_multi_perform(multi, &running);
        for (CURLMsg *message; (message = curl_multi_info_read(multi, &left)) != NULL;) {
            answer *reply;
            CURL *handle = message->easy_handle;
            curl_easy_getinfo(handle, CURLINFO_PRIVATE, (char **)&reply);
            check_curl(message->data.result, reply);
            curl_multi_remove_handle(multi, handle);
            back++;
            if (started < calls) {
                next_eid(eid);
                sign_with_curl(handle, reply, eid);
                curl_multi_add_handle(multi, handle);
                started++;
            }
        }
        if (back < calls) curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
}

int main(int argc, char **argv) {
    CHECK(argc == 4, "usage: batch ROUNDS CALLS IN_FLIGHT");
    int rounds = atoi(argv[1]), calls = atoi(argv[2]), in_flight = atoi(argv[3]);
    CHECK(rounds > 0 && rounds <= 1000 && calls >= SLICE, "1 to 1000 rounds of at least %d calls", SLICE);
    CHECK(in_flight > 0 && in_flight <= MOST_IN_FLIGHT, "1 to %d in flight", MOST_IN_FLIGHT);
    calls -= calls % SLICE;

    static CURL *handles[MOST_IN_FLIGHT];
    static answer replies[MOST_IN_FLIGHT];
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct curl_slist *headers = curl_headers();
    CURLM *multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)in_flight);
    for (int i = 0; i < in_flight; i++) handles[i] = curl_handle(headers, &replies[i]);
    eiot_client *client = client_from_env();
    eiot_batch *batch;
    CHECK(eiot_batch_new(client, (uint32_t)in_flight, NULL, &batch, NULL) == EIOT_OK, "batch");

    /* All connections are made, and both code paths warm, before the first round. */
    batch_of_eiot(batch, SLICE);
    batch_of_curl(multi, handles, replies, in_flight, SLICE);

    double cpu_ratio[1000], rate_ratio[1000];
    for (int round = 0; round < rounds; round++) {
        cost costs[2] = {{0, 0}, {0, 0}};
        for (int turn = 0; turn < 2 * (calls / SLICE); turn++) {
            int ours = turn % 2;
            double started = now(), cpu_started = cpu();
            if (ours) batch_of_eiot(batch, SLICE);
            else batch_of_curl(multi, handles, replies, in_flight, SLICE);
            costs[ours].seconds += now() - started;
            costs[ours].cpu_seconds += cpu() - cpu_started;
        }
        print_round(round, calls, &costs[0], &costs[1], &cpu_ratio[round], &rate_ratio[round]);
    }
    print_medians(rounds, cpu_ratio, rate_ratio);

    eiot_batch_free(batch);
    eiot_client_free(client);
    for (int i = 0; i < in_flight; i++) curl_easy_cleanup(handles[i]);
    curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    curl_global_cleanup();
    return 0;
}
