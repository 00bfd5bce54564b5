/* A batch beside an event loop: one thread refreshes the card of each record "ID EID" on standard input (a pipe or a socket), and
   writes one outcome line for each record. SIGTERM ends it in order: it reads no more records, and finishes those it has read.
   A card that is repeated within a quarter of an hour is not refreshed again: its record gets the same outcome.
   Usage: epoll OPTIONS < records; OPTIONS is a file of lines such as "timeout = 10" and "secret_file = /etc/eiot.secret". */
#include <eiot.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { LINE = 512, POLL_MS = 10 };

static eiot_batch *batch;

static void on_log(const char *line, void *unused) {
    (void)unused;
    fprintf(stderr, "%s\n", line);
}

/* Pushes a record. Its tag is a pointer to its ID, which its outcome leads back to. */
static void push(const char *line) {
    char id[64], eid[64] = "";
    if (sscanf(line, "%63s %63s", id, eid) < 1) return;
    if (eiot_batch_push(batch, eid, EIOT_NTS, (uintptr_t)strdup(id), NULL) != EIOT_OK) abort();
}

/* Pushes the complete lines of what has arrived; 0 at the end of the input. */
static int read_records(void) {
    static char text[8 * LINE];
    static size_t length;
    char *begin = text, *end;
    ssize_t count = read(STDIN_FILENO, text + length, sizeof text - 1 - length);
    if (count > 0) length += (size_t)count;
    text[length] = '\0';
    for (; (end = strchr(begin, '\n')) != NULL; begin = end + 1) {
        *end = '\0';
        push(begin);
    }
    length -= (size_t)(begin - text);
    memmove(text, begin, length);
    if (count > 0 && length < sizeof text - 1) return 1;
    text[length] = '\0';
    push(text); /* a last line without an end */
    return 0;
}

/* One line: the ID, "ok" or the kind of error, whether the platform has the request, and what to do with the record. */
static void tell(const eiot_result *result) {
    const eiot_error *error = eiot_result_error(result);
    char *id = (char *)(uintptr_t)eiot_result_tag(result);
    printf("%s %s %s %s\n", id, eiot_status_kind(eiot_result_status(result)),
           error == NULL ? "yes" : eiot_delivered_name(eiot_error_delivered(error)),
           error == NULL ? "done" : eiot_error_is_retryable(error) ? "retry" : "failed");
    free(id);
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
    eiot_config *config = NULL;
    eiot_client *client = NULL;
    eiot_error *error = NULL;
    sigset_t only_term;
    int more = 1, watched = 0, loop = epoll_create1(0);

    if (argc != 2 || eiot_config_new(&config, NULL) != EIOT_OK || !read_options(config, argv[1])) return 2;
    eiot_config_set_log(config, on_log, NULL, NULL);
    if (eiot_client_new(config, &client, &error) != EIOT_OK || eiot_batch_new(client, 0, NULL, &batch, &error) != EIOT_OK) {
        fprintf(stderr, "%s\n", eiot_error_message(error));
        return 2;
    }
    sigemptyset(&only_term);
    sigaddset(&only_term, SIGTERM);
    sigprocmask(SIG_BLOCK, &only_term, NULL);
    struct epoll_event term = {.events = EPOLLIN, .data.fd = signalfd(-1, &only_term, 0)};
    struct epoll_event input = {.events = EPOLLIN, .data.fd = STDIN_FILENO};
    if (loop < 0 || epoll_ctl(loop, EPOLL_CTL_ADD, term.data.fd, &term) != 0) return 2;

    while (more || eiot_batch_pending(batch) > 0) {
        eiot_result *result;
        struct epoll_event event;
        int wanted = more && eiot_batch_has_room(batch);
        if (wanted != watched && epoll_ctl(loop, wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, STDIN_FILENO, &input) != 0) {
            perror("standard input"); /* a file, for example */
            return 2;
        }
        watched = wanted;
        /* A batch has no descriptor to watch: it is polled while it has cards. */
        if (epoll_wait(loop, &event, 1, eiot_batch_pending(batch) > 0 ? POLL_MS : -1) > 0)
            more = event.data.fd == STDIN_FILENO && read_records();
        while (eiot_batch_next(batch, 0, &result, NULL) == EIOT_OK && result != NULL) {
            tell(result);
            eiot_result_free(result);
        }
    }
    eiot_batch_free(batch);
    eiot_client_free(client);
    eiot_config_free(config);
    return fflush(stdout) == 0 ? 0 : 1;
}
