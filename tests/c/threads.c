/* Eight threads on one client; the library starts none of its own. Argument: calls per thread. */
#include "common.h"
#include <dirent.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#ifndef OTHER_THREADS
#define OTHER_THREADS 0 /* a sanitizer may have one of its own */
#endif

enum { THREADS = 8, HOSTS = THREADS + 1 + OTHER_THREADS };

static eiot_client *client;
static int calls;
static int threads_done;

static void *work(void *unused) {
    (void)unused;
    for (int i = 0; i < calls; i++) refresh(client);
    __atomic_add_fetch(&threads_done, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static int threads_of_this_process(void) {
    int count = 0;
    DIR *tasks = opendir("/proc/self/task");
    CHECK(tasks != NULL, "no /proc/self/task");
    for (struct dirent *entry; (entry = readdir(tasks)) != NULL;) count += entry->d_name[0] != '.';
    closedir(tasks);
    return count;
}

int main(int argc, char **argv) {
    pthread_t threads[THREADS];
    int most = 0, looks = 0;
    CHECK(argc == 2, "usage: threads CALLS");
    calls = atoi(argv[1]);
    client = client_from_env();
    CHECK(threads_of_this_process() <= 1 + OTHER_THREADS, "making a client started a thread");
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, work, NULL);
    /* Count while calls are in flight. */
    while (__atomic_load_n(&threads_done, __ATOMIC_SEQ_CST) < THREADS) {
        int now = threads_of_this_process();
        most = now > most ? now : most;
        looks++;
        usleep(1000);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    CHECK(most <= HOSTS, "%d threads, of which %d are the host's", most, HOSTS);
    CHECK(looks > 10, "only %d looks: too few calls to see anything", looks);
    eiot_client_free(client);
    printf("%d calls, at most %d threads in %d looks\n", THREADS * calls, most, looks);
    return 0;
}
