/*
 * What test programs expect of POSIX and Windows does otherwise; each is compiled with this.
 *
 * Arguments are UTF-8: `main` would get them in the ANSI code page.
 *
 * Windows has no alarm: where a signal handler cancels a call, the handler runs on another thread, which may cancel as well.
 */
#ifndef TEST_POSIX_H
#define TEST_POSIX_H

#define NOMINMAX
#include <windows.h>
#include <shellapi.h>
#include <stdlib.h>

#ifdef __cplusplus
int test_main(int, char **);
#else
/* With or without parameters. */
int test_main();
#endif

int main(void) {
    int count, i;
    WCHAR **wide = CommandLineToArgvW(GetCommandLineW(), &count);
    char **arguments = (char **)calloc((size_t)count + 1, sizeof *arguments);
    for (i = 0; i < count; i++) {
        int size = WideCharToMultiByte(CP_UTF8, 0, wide[i], -1, NULL, 0, NULL, NULL);
        arguments[i] = (char *)malloc((size_t)size);
        WideCharToMultiByte(CP_UTF8, 0, wide[i], -1, arguments[i], size, NULL, NULL);
    }
    return test_main(count, arguments);
}
#define main test_main

#ifndef __cplusplus
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
#endif
