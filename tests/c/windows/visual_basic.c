/*
 * Makes the calls of Eiot.bas with its declarations, which declarations.h has, in the way of Eiot.bas: bytes with a length, a
 * buffer for the text, a Currency as a number of 64 bits. The environment leads to a platform; prints what came of each call.
 * Arguments: the DLL, what to do, EIDs.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include "declarations.h"

static void fail(intptr_t failure) {
    printf("%d %s\n", (int)eiot_error_status(failure), (const char *)eiot_error_message(failure));
    eiot_error_free(failure);
    exit(0);
}

static intptr_t new_client(void) {
    intptr_t config, client, failure;
    if (eiot_config_from_env(&config, &failure) != 0) fail(failure);
    uint8_t name[] = "timeout", value[] = "30";
    if (eiot_config_set_option(config, name, 7, value, 2, &failure) != 0) fail(failure);
    if (eiot_client_new(config, &client, &failure) != 0) fail(failure);
    eiot_config_free(config);
    return client;
}

static void try_refresh(const char *eid) {
    uint8_t text[1024];
    int32_t delivered = -1, retryable = -1;
    int32_t status = eiot_refresh_usage_to_buffer((uint8_t *)eid, strlen(eid), text, sizeof text, &delivered, &retryable);
    printf("%d %d %d %s\n", (int)status, (int)delivered, (int)retryable, (char *)text);
}

static void refresh(const char *eid) {
    intptr_t client = new_client(), reply, failure;
    if (eiot_client_refresh_usage(client, (uint8_t *)eid, strlen(eid), &reply, &failure) != 0) fail(failure);
    printf("%s %s %s %d\n", (char *)eiot_reply_eid(reply), (char *)eiot_reply_code(reply), (char *)eiot_reply_message(reply),
           (int)eiot_reply_attempts(reply));
    eiot_reply_free(reply);
    eiot_client_free(client);
}

static void batch(int count, char **eids) {
    intptr_t client = new_client(), batch, result, failure;
    if (eiot_batch_new(client, 0, 0, &batch, &failure) != 0) fail(failure);
    for (int i = 0; i < count; i++) {
        /* Larger than 32 bits, which a Currency is too. */
        int64_t tag = ((int64_t)1 << 40) + i;
        if (eiot_batch_push(batch, (uint8_t *)eids[i], strlen(eids[i]), tag, &failure) != 0) fail(failure);
    }
    while (eiot_batch_next(batch, -1, &result, &failure) == 0 && result != 0) {
        printf("%d %d %s\n", (int)(eiot_result_tag(result) - ((int64_t)1 << 40)), (int)eiot_result_status(result),
               (char *)eiot_result_eid(result));
        eiot_result_free(result);
    }
    eiot_batch_free(batch);
    eiot_client_free(client);
}

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    HMODULE dll = LoadLibraryA(argv[1]);
    if (dll == NULL || load(dll) != 0) return 3;
    if (strcmp(argv[2], "try") == 0) try_refresh(argv[3]);
    else if (strcmp(argv[2], "refresh") == 0) refresh(argv[3]);
    else if (strcmp(argv[2], "batch") == 0) batch(argc - 3, argv + 3);
    return 0;
}
