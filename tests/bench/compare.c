/*
 * The same signed call, made by libeiot and by libcurl's easy handle, in turns in one process against one server.
 * Usage: compare ROUNDS CALLS, configured by the environment. Prints one line a round and the medians.
 *
 * Both keep one connection open, sign afresh for each call, check the reply, and run on one thread. libcurl's
 * side signs with eiot_sign, so that the hash is not what is compared.
 */
#include "bench.h"

enum { SLICE = 100 }; /* calls in one turn */

static void call_with_curl(CURL *curl, answer *reply) {
    sign_with_curl(curl, reply, EID);
    check_curl(curl_easy_perform(curl), reply);
}

int main(int argc, char **argv) {
    CHECK(argc == 3, "usage: compare ROUNDS CALLS");
    int rounds = atoi(argv[1]), calls = atoi(argv[2]);
    CHECK(rounds > 0 && rounds <= 1000 && calls >= SLICE, "1 to 1000 rounds of at least %d calls", SLICE);
    calls -= calls % SLICE;

    curl_global_init(CURL_GLOBAL_DEFAULT);
    answer reply = {"", 0};
    struct curl_slist *headers = curl_headers();
    CURL *curl = curl_handle(headers, &reply);
    eiot_client *client = client_from_env();

    /* Both connections are made, and both code paths warm, before the first round. */
    for (int i = 0; i < SLICE; i++) refresh(client), call_with_curl(curl, &reply);

    double cpu_ratio[1000], rate_ratio[1000];
    for (int round = 0; round < rounds; round++) {
        cost costs[2] = {{0, 0}, {0, 0}};
        /* In short turns, so that whatever the machine does meanwhile meets both alike. */
        for (int turn = 0; turn < 2 * (calls / SLICE); turn++) {
            int ours = turn % 2;
            double started = now(), cpu_started = cpu();
            for (int i = 0; i < SLICE; i++) {
                if (ours) refresh(client);
                else call_with_curl(curl, &reply);
            }
            costs[ours].seconds += now() - started;
            costs[ours].cpu_seconds += cpu() - cpu_started;
        }
        print_round(round, calls, &costs[0], &costs[1], &cpu_ratio[round], &rate_ratio[round]);
    }
    print_medians(rounds, cpu_ratio, rate_ratio);

    eiot_client_free(client);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    return 0;
}
