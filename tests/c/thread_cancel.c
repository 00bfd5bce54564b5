/* pthread_cancel during a call: the call completes, then the thread ends, and the process continues. */
#include "common.h"
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static eiot_client *client;
static volatile int ended;

static void *call(void *unused) {
    eiot_error *error;
    (void)unused;
    eiot_status status = eiot_client_refresh_usage(client, EID, EIOT_NTS, NULL, &error);
    CHECK(status == EIOT_OK, "%s", eiot_error_message(error));
    ended = 1;
    for (;;) pause(); /* a cancellation point: the request is still pending */
}

int main(void) {
    pthread_t thread;
    void *result;
    client = client_from_env();
    CHECK(pthread_create(&thread, NULL, call, NULL) == 0, "a thread");
    usleep(200 * 1000); /* the simulator takes a second to answer */
    CHECK(ended == 0, "the call is in flight");
    CHECK(pthread_cancel(thread) == 0, "cancelled");
    CHECK(pthread_join(thread, &result) == 0, "joined");
    CHECK(ended == 1 && result == PTHREAD_CANCELED, "the call ended, and then the thread");
    refresh(client); /* the client still works */
    eiot_client_free(client);
    return 0;
}
