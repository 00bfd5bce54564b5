/* Four children and their parent keep using the parent's client, and each process frees its copy. */
#include "common.h"
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN = 4, CALLS = 30 };

int main(void) {
    eiot_client *client = client_from_env();
    pid_t children[CHILDREN];
    refresh(client); /* so that there is a connection to inherit */
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        CHECK(children[i] >= 0, "fork failed");
        if (children[i] == 0) {
            alarm(60); /* a child that hangs must not hang the tests */
            /* The last child drops what it inherited without having used it. */
            for (int call = 0; i < CHILDREN - 1 && call < CALLS; call++) refresh(client);
            eiot_client_free(client);
            exit(0);
        }
    }
    for (int call = 0; call < CALLS; call++) refresh(client);
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        waitpid(children[i], &status, 0);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "child %d ended with %d", i, status);
    }
    for (int call = 0; call < CALLS; call++) refresh(client);
    eiot_client_free(client);
    return 0;
}
