/*
 * Eight threads, each of which makes its calls. Arguments: calls a thread. Prints when the first and the last call of all
 * were answered, in seconds of the clock that all processes of a machine share.
 */
#include "common.h"
#include <pthread.h>
#include <time.h>

enum { THREADS = 8 };

static eiot_client *client;
static int calls;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static double first, last;

static void note(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&lock);
    last = (double)now.tv_sec + (double)now.tv_nsec / 1e9;
    if (first == 0) first = last;
    pthread_mutex_unlock(&lock);
}

static void *work(void *unused) {
    for (int i = 0; i < calls; i++) {
        refresh(client);
        note();
    }
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
    printf("%f %f\n", first, last);
    return 0;
}
