/* A process that the system refuses memory is aborted, and nothing is printed: descriptor 2 of a daemon may be a database file. */
#include "common.h"
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Pushes cards until the address space of 16 MiB more than now is used up. */
static void use_up(eiot_client *client) {
    struct rlimit limit;
    unsigned long pages = 0;
    eiot_batch *batch;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%lu", &pages) == 1, "statm");
    fclose(file);
    CHECK(eiot_batch_new(client, 1, NULL, &batch, NULL) == EIOT_OK, "batch");
    limit.rlim_cur = limit.rlim_max = pages * (unsigned long)sysconf(_SC_PAGESIZE) + (16UL << 20);
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit");
    for (long i = 0; i < 10000000; i++) {
        char eid[33];
        snprintf(eid, sizeof eid, "89%030ld", i);
        eiot_batch_push(batch, eid, EIOT_NTS, 0, NULL);
    }
}

int main(void) {
    FILE *database = tmpfile();
    eiot_client *client = client_from_env();
    struct rlimit no_core = {0, 0};
    struct stat written;
    int status;
    CHECK(database != NULL && setrlimit(RLIMIT_CORE, &no_core) == 0, "prepared");
    pid_t child = fork();
    CHECK(child >= 0, "fork");
    if (child == 0) {
        dup2(fileno(database), STDERR_FILENO);
        use_up(client);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child, "waitpid");
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "the child ended with %x", (unsigned)status);
    CHECK(fstat(fileno(database), &written) == 0 && written.st_size == 0, "%ld bytes were printed", (long)written.st_size);
    fclose(database);
    eiot_client_free(client);
    return 0;
}
