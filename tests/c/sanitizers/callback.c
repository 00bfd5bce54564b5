/* Two threads share a client whose log callback counts without a lock: a race of this program, not of the library. */
#include "../common.h"
#include <pthread.h>

static eiot_client *client;
static int lines;

static void count(const char *line, void *user_data) {
    (void)line, (void)user_data;
    lines++;
}

static void *work(void *unused) {
    (void)unused;
    for (int i = 0; i < 20; i++) refresh(client);
    return NULL;
}

int main(void) {
    eiot_config *config;
    pthread_t other;
    CHECK(eiot_config_from_env(&config, NULL) == EIOT_OK, "config");
    CHECK(eiot_config_set_log(config, count, NULL, NULL) == EIOT_OK, "log");
    CHECK(eiot_client_new(config, &client, NULL) == EIOT_OK, "client");
    eiot_config_free(config);
    pthread_create(&other, NULL, work, NULL);
    work(NULL);
    pthread_join(other, NULL);
    eiot_client_free(client);
    return lines == 0;
}
