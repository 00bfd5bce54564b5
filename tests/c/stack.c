/* How much stack the library needs. Runs each function on a thread whose stack is painted, and prints as JSON how many bytes of it
   are painted over. Then runs all of them on threads with the stack that the header asks for, in KiB the argument. */
#include "common.h"
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

enum { PAINT = 0xA5, SIZE = 1 << 20 };

static eiot_config *config;
static eiot_client *client;

static void *create(void *unused) {
    CHECK(eiot_client_new(config, &client, NULL) == EIOT_OK, "client");
    return unused;
}

static void *call(void *unused) {
    refresh(client);
    return unused;
}

static void *batch(void *unused) {
    eiot_batch *batch;
    eiot_result *result;
    CHECK(eiot_batch_new(client, 0, NULL, &batch, NULL) == EIOT_OK, "batch");
    CHECK(eiot_batch_push(batch, EID, EIOT_NTS, 0, NULL) == EIOT_OK, "push");
    CHECK(eiot_batch_next(batch, -1, &result, NULL) == EIOT_OK, "next");
    CHECK(eiot_result_status(result) == EIOT_OK, "%s", eiot_error_message(eiot_result_error(result)));
    eiot_result_free(result);
    eiot_batch_free(batch);
    return unused;
}

static void *destroy(void *unused) {
    eiot_client_free(client);
    return unused;
}

static void on_stack(void *stack, size_t size, void *(*function)(void *)) {
    pthread_attr_t attributes;
    pthread_t thread;
    CHECK(pthread_attr_init(&attributes) == 0, "attributes");
    if (stack != NULL) CHECK(pthread_attr_setstack(&attributes, stack, size) == 0, "stack");
    else CHECK(pthread_attr_setstacksize(&attributes, size) == 0, "size");
    CHECK(pthread_create(&thread, &attributes, function, NULL) == 0 && pthread_join(thread, NULL) == 0, "thread");
    pthread_attr_destroy(&attributes);
}

/* Includes what the C library puts there for every thread. */
static size_t used(void *(*function)(void *)) {
    size_t untouched = 0;
    unsigned char *stack = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(stack != MAP_FAILED, "mmap");
    memset(stack, PAINT, SIZE);
    on_stack(stack, SIZE, function);
    while (untouched < SIZE && stack[untouched] == PAINT) untouched++;
    munmap(stack, SIZE);
    return SIZE - untouched;
}

int main(int argc, char **argv) {
    eiot_error *error;
    CHECK(argc == 2, "usage: stack KIB");
    CHECK(eiot_config_from_env(&config, &error) == EIOT_OK, "%s", eiot_error_message(error));
    printf("{\"create\": %zu", used(create));
    printf(", \"call\": %zu", used(call));
    printf(", \"batch\": %zu", used(batch));
    printf(", \"free\": %zu}\n", used(destroy));
    fflush(stdout);
    size_t size = (size_t)atoi(argv[1]) * 1024;
    on_stack(NULL, size, create);
    on_stack(NULL, size, call);
    on_stack(NULL, size, batch);
    on_stack(NULL, size, destroy);
    eiot_config_free(config);
    return 0;
}
