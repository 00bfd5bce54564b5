/*
 * Windows has no alarm. Programs in which a signal handler cancels a call are compiled with this: the handler runs on another
 * thread, which may cancel as well.
 */
#ifndef TEST_TIMER_H
#define TEST_TIMER_H

#include <windows.h>
#include <signal.h>
#include <sys/time.h>

#define SIGALRM 14
#define ITIMER_REAL 0

struct itimerval {
    struct timeval it_interval, it_value;
};

static void (*test_alarm_handler)(int);

static inline void test_alarm(void (*handler)(int)) { test_alarm_handler = handler; }
#define signal(number, handler) test_alarm(handler)

static inline VOID CALLBACK test_timer_fires(PVOID unused, BOOLEAN timed_out) {
    (void)unused, (void)timed_out;
    test_alarm_handler(SIGALRM);
}

static inline int setitimer(int which, const struct itimerval *new_value, struct itimerval *old_value) {
    HANDLE timer;
    DWORD after = (DWORD)(new_value->it_value.tv_sec * 1000 + new_value->it_value.tv_usec / 1000);
    (void)which, (void)old_value;
    return CreateTimerQueueTimer(&timer, NULL, test_timer_fires, NULL, after, 0, WT_EXECUTEONLYONCE) ? 0 : -1;
}

#endif
