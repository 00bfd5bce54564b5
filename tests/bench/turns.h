/* The benchmark protocol of a C program: it prints "ready"; for each line with a number it makes that many calls and
 * prints their cost. crates/bench/src/turns.rs is the same in Rust. */
#ifndef TURNS_H
#define TURNS_H

#include "../c/common.h"
#include <pthread.h>
#include <string.h>
#include <time.h>

enum { THREADS = 8, MAX_IN_FLIGHT = 256 };

static inline double seconds_on(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static inline const char *variable(const char *name) {
    const char *value = getenv(name);
    CHECK(value != NULL, "%s is not set", name);
    return value;
}

/* A separate card for each call of a batch. */
static inline void next_eid(char eid[33]) {
    static long next_card;
    snprintf(eid, 33, "89044011%024ld", next_card++);
}

/* Takes turns until standard input closes; `work` makes the given number of calls. */
static inline void take_turns(void (*work)(int calls)) {
    char line[32];
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) != NULL) {
        double began = seconds_on(CLOCK_MONOTONIC), cpu = seconds_on(CLOCK_PROCESS_CPUTIME_ID);
        work(atoi(line));
        printf("%.9f %.9f\n", seconds_on(CLOCK_MONOTONIC) - began, seconds_on(CLOCK_PROCESS_CPUTIME_ID) - cpu);
        fflush(stdout);
    }
}

/* One of the threads of a turn, and its share of the calls. */
typedef struct {
    int index;
    int calls;
    void (*work)(int index, int calls);
} share;

static inline void *work_on_share(void *mine) {
    share *part = mine;
    part->work(part->index, part->calls);
    return NULL;
}

/* Divides a turn's calls between the threads. */
static inline void on_threads(int calls, void (*work)(int index, int calls)) {
    pthread_t threads[THREADS];
    share shares[THREADS];
    int i;
    for (i = 0; i < THREADS; i++) {
        shares[i].index = i;
        shares[i].calls = calls / THREADS + (i < calls % THREADS);
        shares[i].work = work;
        CHECK(pthread_create(&threads[i], NULL, work_on_share, &shares[i]) == 0, "no thread");
    }
    for (i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
}

#endif
