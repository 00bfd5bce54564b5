/* Shared by the C test programs. Each configures its client from the environment and exits 0 on success. */
#ifndef COMMON_H
#define COMMON_H

#include <eiot.h>
#include <stdio.h>
#include <stdlib.h>

#define EID "89044011112233441122334411223321"

/* Ends the program with a message about where and why. */
#define CHECK(condition, ...)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                                            \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            fputc('\n', stderr);                                                                                       \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static inline eiot_client *client_from_env(void) {
    eiot_config *config;
    eiot_client *client;
    eiot_error *error;
    CHECK(eiot_config_from_env(&config, &error) == EIOT_OK, "%s", eiot_error_message(error));
    CHECK(eiot_client_new(config, &client, &error) == EIOT_OK, "%s", eiot_error_message(error));
    eiot_config_free(config);
    return client;
}

/* One refresh that must succeed. */
static inline void refresh(const eiot_client *client) {
    eiot_error *error;
    eiot_status status = eiot_client_refresh_usage(client, EID, EIOT_NTS, NULL, &error);
    CHECK(status == EIOT_OK, "%s", eiot_error_message(error));
}

#endif
