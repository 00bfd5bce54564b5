/* Many cards, eight threads, one client: the account's rate is shared by all. Usage: threads EID... */
#include <eiot.h>
#include <pthread.h>
#include <stdio.h>

enum { THREADS = 8 };

static eiot_client *client;
static char **eids; /* what is left to do; ends with NULL */
static int failures;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void *work(void *unused) {
    for (;;) {
        const char *eid;
        eiot_error *error;
        pthread_mutex_lock(&lock);
        eid = *eids != NULL ? *eids++ : NULL;
        pthread_mutex_unlock(&lock);
        if (eid == NULL) return unused;

        if (eiot_client_refresh_usage(client, eid, EIOT_NTS, NULL, &error) == EIOT_OK) {
            printf("%s refreshed\n", eid);
        } else {
            fprintf(stderr, "%s\n", eiot_error_message(error));
            eiot_error_free(error);
            pthread_mutex_lock(&lock);
            failures++;
            pthread_mutex_unlock(&lock);
        }
    }
}

int main(int argc, char **argv) {
    pthread_t threads[THREADS];
    eiot_config *config = NULL;
    eiot_error *error = NULL;
    int started = 0, i;

    if (argc < 2) {
        fprintf(stderr, "usage: threads EID...\n");
        return 2;
    }
    if (eiot_config_from_env(&config, &error) != EIOT_OK || eiot_client_new(config, &client, &error) != EIOT_OK) {
        fprintf(stderr, "%s\n", eiot_error_message(error));
        eiot_error_free(error);
        eiot_config_free(config);
        return 2;
    }
    eiot_config_free(config);
    eids = argv + 1;
    while (started < THREADS && pthread_create(&threads[started], NULL, work, NULL) == 0) started++;
    for (i = 0; i < started; i++) pthread_join(threads[i], NULL);
    eiot_client_free(client);
    return started == 0 || failures != 0;
}
