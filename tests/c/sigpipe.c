/*
 * A host with SIGPIPE's default disposition, against a peer that answers once and resets: without the guard in the library
 * the first write to the closed connection kills this process. Arguments: calls, pause in milliseconds.
 */
#include "common.h"
#include <signal.h>
#include <unistd.h>

int main(int argc, char **argv) {
    CHECK(argc == 3, "usage: sigpipe CALLS PAUSE_MS");
    signal(SIGPIPE, SIG_DFL);
    eiot_client *client = client_from_env();
    for (int call = 0; call < atoi(argv[1]); call++) {
        refresh(client);
        usleep((useconds_t)atoi(argv[2]) * 1000);
    }
    sigset_t pending, blocked;
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    CHECK(!sigismember(&pending, SIGPIPE) && !sigismember(&blocked, SIGPIPE), "SIGPIPE was left behind");
    eiot_client_free(client);
    return 0;
}
