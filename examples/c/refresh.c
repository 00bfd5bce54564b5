/* Refreshes the cards named on the command line; configured by the environment (EIOT_APPKEY, EIOT_SECRET, ...). */
#include <eiot.h>
#include <stdio.h>

int main(int argc, char **argv) {
    int failures = 0;
    int i;

    for (i = 1; i < argc; i++) {
        eiot_error *error;
        if (eiot_refresh_usage(argv[i], &error) == EIOT_OK) {
            printf("%s refreshed\n", argv[i]);
        } else {
            fprintf(stderr, "%s\n", eiot_error_message(error));
            eiot_error_free(error);
            failures++;
        }
    }
    return failures != 0;
}
