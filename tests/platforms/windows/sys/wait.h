/* Windows has no fork: programs that can also do without it are compiled with this, and fail if they try. */
#ifndef TEST_SYS_WAIT_H
#define TEST_SYS_WAIT_H

#include <sys/types.h>

#define WIFEXITED(status) 1
#define WEXITSTATUS(status) (status)

static inline int fork(void) { return -1; }
static inline int wait(int *status) {
    *status = 0;
    return -1;
}

#endif
