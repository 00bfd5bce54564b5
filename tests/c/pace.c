/* Eight threads, each of which makes its calls. Arguments: calls a thread. */
#include "common.h"
#include <pthread.h>

enum { THREADS = 8 };

static eiot_client *client;
static int calls;

static void *work(void *unused) {
    for (int i = 0; i < calls; i++) refresh(client);
    return unused;
}

int main(int argc, char **argv) {
    pthread_t threads[THREADS];
    CHECK(argc == 2, "usage: pace CALLS");
    calls = atoi(argv[1]);
    client = client_from_env();
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, work, NULL);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    eiot_client_free(client);
    return 0;
}
