/* Many cards, one EID per line on standard input, many calls in flight. Usage: batch < eids.txt */
#include <eiot.h>
#include <stdio.h>
#include <string.h>

/* One line for each line of the input, which the tag leads back to. A batch that stops by itself tells it of each card left. */
static int tell(const eiot_result *result) {
    const eiot_error *error = eiot_result_error(result);
    const char *twice = eiot_result_is_duplicate(result) ? ", came before" : "";
    printf("line %lu: %s", (unsigned long)eiot_result_tag(result), eiot_result_input(result));
    if (error == NULL) printf(" refreshed%s\n", twice);
    else printf(" %s%s\n", eiot_status_kind(eiot_error_status(error)), twice);
    if (error != NULL) fprintf(stderr, "%s\n", eiot_error_message(error));
    if (eiot_error_delivered(error) == EIOT_DELIVERED_UNKNOWN) fprintf(stderr, "  it may have been refreshed all the same\n");
    return error != NULL;
}

int main(void) {
    eiot_config *config = NULL;
    eiot_client *client = NULL;
    eiot_batch *batch = NULL;
    eiot_result *result = NULL;
    eiot_error *error = NULL;
    unsigned long line_number = 0;
    int more = 1, failures = 0;

    if (eiot_config_from_env(&config, &error) != EIOT_OK || eiot_client_new(config, &client, &error) != EIOT_OK
        || eiot_batch_new(client, 0, NULL, &batch, &error) != EIOT_OK) {
        fprintf(stderr, "%s\n", eiot_error_message(error));
        eiot_error_free(error);
        eiot_client_free(client);
        eiot_config_free(config);
        return 2;
    }
    for (;;) {
        while (more && eiot_batch_has_room(batch)) {
            char line[128];
            more = fgets(line, sizeof line, stdin) != NULL;
            if (more) eiot_batch_push(batch, line, strcspn(line, "\r\n"), ++line_number, NULL);
        }
        if (eiot_batch_next(batch, -1, &result, NULL) != EIOT_OK || result == NULL) break; /* all have come back */
        failures += tell(result);
        eiot_result_free(result);
    }
    printf("%lu refreshed, %d failed, %lu came twice\n", (unsigned long)eiot_batch_count(batch, EIOT_OK), failures,
           (unsigned long)eiot_batch_duplicates(batch));
    eiot_batch_free(batch);
    eiot_client_free(client);
    eiot_config_free(config);
    return failures != 0;
}
