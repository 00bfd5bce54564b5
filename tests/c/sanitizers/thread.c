/* Two threads change one configuration, which requires exclusive access: a sanitizer inside the library detects the race. */
#include "../common.h"
#include <pthread.h>

static void *work(void *config) {
    for (int i = 0; i < 100; i++) eiot_config_set_appkey(config, "an-appkey", EIOT_NTS, NULL);
    return NULL;
}

int main(void) {
    eiot_config *config;
    pthread_t other;
    CHECK(eiot_config_new(&config, NULL) == EIOT_OK, "config");
    pthread_create(&other, NULL, work, config);
    work(config);
    pthread_join(other, NULL);
    eiot_config_free(config);
    return 0;
}
