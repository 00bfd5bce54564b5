/*
 * Many calls against a platform with every fault: nothing grows. Arguments: calls per thread.
 * Memory, descriptors and threads are compared with those after the first tenth, when everything has its size. The last line
 * of output has the client's counters.
 */
#include "common.h"
#include <dirent.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum { THREADS = 4 };

static eiot_client *client;

static long entries(const char *path) {
    long count = 0;
    DIR *directory = opendir(path);
    CHECK(directory != NULL, "%s", path);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

static long resident_kib(void) {
    long pages = 0, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%ld %ld", &pages, &resident) == 2, "statm");
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static void *work(void *calls) {
    for (long i = 0; i < *(long *)calls; i++) {
        eiot_reply *reply;
        eiot_error *error;
        eiot_client_refresh_usage(client, EID, EIOT_NTS, &reply, &error);
        CHECK((reply == NULL) != (error == NULL), "one of the two");
        eiot_reply_free(reply);
        eiot_error_free(error);
    }
    return NULL;
}

static void run(long calls) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, work, &calls);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}

int main(int argc, char **argv) {
    CHECK(argc == 2, "usage: soak CALLS");
    long calls = atol(argv[1]);
    client = client_from_env();
    run(calls / 10);
    long kib = resident_kib(), descriptors = entries("/proc/self/fd"), threads = entries("/proc/self/task");
    run(calls - calls / 10);
    long kib_after = resident_kib(), descriptors_after = entries("/proc/self/fd");
    printf("%ld calls: %ld KiB, then %ld KiB; %ld descriptors, then %ld\n", THREADS * calls, kib, kib_after, descriptors,
           descriptors_after);
    /* Each thread's event loop keeps an epoll, its waker and a connection; how many of them are open varies between calls. */
    CHECK(descriptors_after <= descriptors + 4 * THREADS, "descriptors");
    CHECK(entries("/proc/self/task") == threads && threads == 1, "threads");
    CHECK(kib_after <= kib + kib / 10 + 1024, "memory");
    char json[4096];
    CHECK(eiot_client_stats_json(client, json, sizeof json) < sizeof json, "counters");
    puts(json);
    eiot_client_free(client);
    CHECK(entries("/proc/self/fd") <= 4, "%ld descriptors after the client was freed", entries("/proc/self/fd"));
    return 0;
}
