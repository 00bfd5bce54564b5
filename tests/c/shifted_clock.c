/*
 * To be preloaded: the wall clock of a process is off by EIOT_TEST_CLOCK_OFFSET_MS milliseconds. Clocks that only count, such as
 * CLOCK_MONOTONIC, are not.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long long nanoseconds(clockid_t clock) {
    struct timespec read;
    const char *offset = getenv("EIOT_TEST_CLOCK_OFFSET_MS");
    syscall(SYS_clock_gettime, clock, &read);
    return read.tv_sec * 1000000000LL + read.tv_nsec + (offset ? atoll(offset) * 1000000LL : 0);
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE) return (int)syscall(SYS_clock_gettime, clock, time);
    long long now = nanoseconds(clock);
    time->tv_sec = (time_t)(now / 1000000000);
    time->tv_nsec = (long)(now % 1000000000);
    return 0;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    long long now = nanoseconds(CLOCK_REALTIME);
    time->tv_sec = (time_t)(now / 1000000000);
    time->tv_usec = (suseconds_t)(now % 1000000000 / 1000);
    return 0;
}

time_t time(time_t *copy) {
    time_t now = (time_t)(nanoseconds(CLOCK_REALTIME) / 1000000000);
    if (copy != NULL) *copy = now;
    return now;
}
