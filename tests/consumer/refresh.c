/* A third-party program: refreshes the given card. */
#include <eiot.h>
#include <stdio.h>

int main(int argc, char **argv) {
    eiot_error *error;
    if (argc != 2 || eiot_version_number() != EIOT_VERSION_NUM) return 2;
    if (eiot_refresh_usage(argv[1], &error) == EIOT_OK) {
        puts("refreshed");
        return 0;
    }
    puts(eiot_error_message(error));
    eiot_error_free(error);
    return 1;
}
