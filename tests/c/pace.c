/*
 * Eight threads per process, each of which makes its calls. Arguments: calls per thread; how many processes to fork (0: none),
 * which keep using their parent's client; how many clients the threads of a process share.
 */
#include "common.h"
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 8 };

static int calls;

static void *work(void *client) {
    for (int i = 0; i < calls; i++) refresh(client);
    return NULL;
}

static void make_calls(eiot_client **clients, int count) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, work, clients[i % count]);
    for (int i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < count; i++) eiot_client_free(clients[i]);
}

int main(int argc, char **argv) {
    eiot_client *clients[THREADS];
    CHECK(argc == 2 || argc == 4, "usage: pace CALLS [PROCESSES CLIENTS]");
    calls = atoi(argv[1]);
    int processes = argc == 4 ? atoi(argv[2]) : 0, count = argc == 4 ? atoi(argv[3]) : 1;
    CHECK(count >= 1 && count <= THREADS, "clients");
    for (int i = 0; i < count; i++) clients[i] = client_from_env();
    for (int i = 0; i < processes; i++) {
        pid_t child = fork();
        CHECK(child >= 0, "fork failed");
        if (child == 0) {
            make_calls(clients, count);
            exit(0);
        }
    }
    if (processes == 0) make_calls(clients, count);
    for (int status; wait(&status) > 0;) {
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a child ended with %d", status);
    }
    return 0;
}
