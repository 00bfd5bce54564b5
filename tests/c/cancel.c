/* A signal handler cancels a call that the platform never answers, and the log has a line about it. */
#include "common.h"
#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static eiot_cancel *cancel;
static int lines;

static void on_alarm(int signal) {
    (void)signal;
    eiot_cancel_trigger(cancel);
}

static void on_line(const char *line, void *user_data) {
    CHECK(strstr(line, "eid=" EID " attempt=1 ") == line, "%s", line);
    CHECK(strcmp(user_data, "mine") == 0, "another's data");
    lines++;
}

int main(void) {
    eiot_config *config;
    eiot_client *client;
    eiot_error *error;
    struct itimerval in_200_ms = {{0, 0}, {0, 200000}};
    struct timespec begin, end;

    CHECK(eiot_config_from_env(&config, &error) == EIOT_OK, "%s", eiot_error_message(error));
    CHECK(eiot_config_set_log(config, on_line, "mine", NULL) == EIOT_OK, "log");
    CHECK(eiot_client_new(config, &client, &error) == EIOT_OK, "%s", eiot_error_message(error));
    CHECK(eiot_cancel_new(&cancel, NULL) == EIOT_OK, "cancel");
    signal(SIGALRM, on_alarm);
    setitimer(ITIMER_REAL, &in_200_ms, NULL);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    eiot_status status = eiot_client_refresh_usage_with_cancel(client, EID, EIOT_NTS, cancel, NULL, &error);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double took = (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
    CHECK(status == EIOT_ERR_CANCELLED, "%s", eiot_status_name(status));
    CHECK(eiot_error_delivered(error) == EIOT_DELIVERED_UNKNOWN, "%s", eiot_error_message(error));
    CHECK(took >= 0.19 && took < 0.35, "%f s", took);
    eiot_error_free(error);

    /* Once triggered it stays triggered, and nothing more is sent; other calls are not affected. */
    status = eiot_client_refresh_usage_with_cancel(client, EID, EIOT_NTS, cancel, NULL, &error);
    CHECK(status == EIOT_ERR_CANCELLED, "stays");
    CHECK(eiot_error_delivered(error) == EIOT_DELIVERED_NO, "%s", eiot_error_message(error));
    CHECK(lines == 1, "the log was told of what was sent");
    eiot_error_free(error);
    CHECK(eiot_client_refresh_usage(client, EID, EIOT_NTS, NULL, NULL) == EIOT_ERR_TIMEOUT, "not cancelled");
    eiot_cancel_free(cancel);
    eiot_client_free(client);
    eiot_config_free(config);
    return 0;
}
