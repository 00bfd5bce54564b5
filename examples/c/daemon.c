/* A daemon: refreshes the card of each record "ID EID" on standard input, and writes one outcome line for each record. Four workers
   share one client. SIGTERM ends it in order: it reads no more records, and finishes those that it has read.
   Usage: daemon OPTIONS < records; OPTIONS is a file of lines such as "timeout = 10" and "secret_file = /etc/eiot.secret". */
#include <eiot.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 4, TRIES = 4, LINE = 512 };

struct record {
    char id[64], eid[64];
};

static eiot_client *client;
static int queue[2]; /* a pipe of records: a write waits while it is full, and its end is the end of the workers */
static int nothing;  /* /dev/null */
static volatile sig_atomic_t stopping;

/* Interrupts the wait for the next record, and there is none after it. */
static void on_term(int signal) {
    (void)signal;
    stopping = 1;
    dup2(nothing, STDIN_FILENO);
}

/* Without stdio, whose locks another thread may hold while the helper is forked. */
static void on_log(const char *line, void *unused) {
    (void)unused;
    dprintf(STDERR_FILENO, "%s\n", line);
}

static void wait_before_retry(const eiot_error *error, int tries) {
    long ms = (long)eiot_error_retry_after_ms(error);
    if (ms < 0 || ms > 60000) ms = 100L << tries;
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void *work(void *unused) {
    struct record record;
    while (read(queue[0], &record, sizeof record) == (ssize_t)sizeof record) {
        eiot_error *error = NULL;
        int tries = 1;
        while (eiot_client_refresh_usage(client, record.eid, EIOT_NTS, NULL, &error) != EIOT_OK && eiot_error_is_retryable(error)
               && tries < TRIES && !stopping) {
            wait_before_retry(error, tries++);
            eiot_error_free(error);
            error = NULL;
        }
        /* One line, whatever happened: the ID, "ok" or the kind of error, and whether the platform has the request. */
        printf("%s %s %s\n", record.id, eiot_status_kind(eiot_error_status(error)),
               error == NULL ? "yes" : eiot_delivered_name(eiot_error_delivered(error)));
        eiot_error_free(error);
    }
    return unused;
}

/* The options of a file, one "name = value" per line; 0 if one of them is wrong, which is reported with its line. */
static int read_options(eiot_config *config, const char *path) {
    char line[LINE], name[64], value[LINE];
    FILE *file = fopen(path, "r");
    if (file == NULL) perror(path);
    for (int number = 1; file != NULL && fgets(line, sizeof line, file) != NULL; number++) {
        eiot_error *error;
        if (sscanf(line, " %63[^#= \n] = %511[^\n]", name, value) != 2) continue; /* blank, or a comment */
        if (eiot_config_set_option(config, name, EIOT_NTS, value, EIOT_NTS, &error) == EIOT_OK) continue;
        fprintf(stderr, "%s:%d: %s\n", path, number, eiot_error_message(error));
        eiot_error_free(error);
        fclose(file);
        return 0;
    }
    return file != NULL && fclose(file) == 0;
}

int main(int argc, char **argv) {
    struct sigaction term = {.sa_handler = on_term}; /* without SA_RESTART: it interrupts the wait for a record */
    char line[LINE];
    pthread_t workers[WORKERS];
    sigset_t only_term;
    eiot_config *config = NULL;
    eiot_error *error = NULL;

    if (argc != 2 || eiot_config_new(&config, NULL) != EIOT_OK || !read_options(config, argv[1])) return 2;
    eiot_config_set_log(config, on_log, NULL, NULL);
    if (eiot_client_new(config, &client, &error) != EIOT_OK) {
        fprintf(stderr, "%s\n", eiot_error_message(error));
        return 2;
    }
    eiot_config_free(config);
    nothing = open("/dev/null", O_RDONLY);
    if (nothing < 0 || pipe(queue) != 0 || sigaction(SIGTERM, &term, NULL) != 0) return 2;
    sigemptyset(&only_term);
    sigaddset(&only_term, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &only_term, NULL); /* the workers inherit this, so that the signal reaches the reader */
    for (int i = 0; i < WORKERS; i++)
        if (pthread_create(&workers[i], NULL, work, NULL) != 0) return 2;
    pid_t helper = fork(); /* a helper may use the client too: this one checks the account while the workers work */
    if (helper == 0) {
        close(queue[1]);
        _exit(eiot_client_call(client, "/api/v3/agent/balance", EIOT_NTS, "{}", EIOT_NTS, 1, NULL, NULL, NULL) != EIOT_OK);
    }
    pthread_sigmask(SIG_UNBLOCK, &only_term, NULL);

    while (!stopping && fgets(line, sizeof line, stdin) != NULL) {
        struct record record = {"", ""};
        if (sscanf(line, "%63s %63s", record.id, record.eid) < 1) continue;
        while (write(queue[1], &record, sizeof record) < 0 && errno == EINTR) continue;
    }
    close(queue[1]);
    for (int i = 0; i < WORKERS; i++) pthread_join(workers[i], NULL);
    if (helper > 0) waitpid(helper, NULL, 0);
    eiot_client_free(client);
    return fflush(stdout) == 0 ? 0 : 1;
}
