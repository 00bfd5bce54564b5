/* Calls with pauses that are longer than the server keeps a connection. Arguments: calls, pause in milliseconds. */
#include "common.h"
#include <unistd.h>

int main(int argc, char **argv) {
    CHECK(argc == 3, "usage: idle CALLS PAUSE_MS");
    eiot_client *client = client_from_env();
    int failures = 0, pause_ms = atoi(argv[2]);
    for (int call = 0; call < atoi(argv[1]); call++) {
        eiot_error *error;
        if (eiot_client_refresh_usage(client, EID, EIOT_NTS, NULL, &error) != EIOT_OK) {
            fprintf(stderr, "%s\n", eiot_error_message(error));
            eiot_error_free(error);
            failures++;
        }
        if (pause_ms > 0) usleep((useconds_t)pause_ms * 1000);
    }
    eiot_client_free(client);
    CHECK(failures == 0, "%d calls failed", failures);
    return 0;
}
