/* Many cards, one EID per line on standard input, many calls in flight. Usage: batch < eids.txt */
#include <eiot.h>
#include <stdio.h>
#include <string.h>

/* Says why a card was not refreshed, and whether that is certain. A batch that stops by itself tells it of each card left. */
static void tell_failure(const eiot_error *error) {
    fprintf(stderr, "%s\n", eiot_error_message(error));
    if (eiot_error_delivered(error) == EIOT_DELIVERED_UNKNOWN) fprintf(stderr, "  it may have been refreshed all the same\n");
}

int main(void) {
    eiot_config *config = NULL;
    eiot_client *client = NULL;
    eiot_batch *batch = NULL;
    eiot_error *error = NULL;
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
        eiot_reply *reply = NULL;
        while (more && eiot_batch_has_room(batch)) {
            char line[128];
            more = fgets(line, sizeof line, stdin) != NULL;
            if (more) eiot_batch_push(batch, line, strcspn(line, "\r\n"), NULL);
        }
        if (eiot_batch_next(batch, &reply, &error) == EIOT_OK && reply == NULL) break; /* all have come back */
        if (reply != NULL) {
            printf("%s refreshed\n", eiot_reply_eid(reply));
        } else {
            tell_failure(error);
            failures++;
        }
        eiot_reply_free(reply);
        eiot_error_free(error);
    }
    printf("%lu refreshed, %d failed, %lu came twice\n", (unsigned long)eiot_batch_count(batch, EIOT_OK), failures,
           (unsigned long)eiot_batch_duplicates(batch));
    eiot_batch_free(batch);
    eiot_client_free(client);
    eiot_config_free(config);
    return failures != 0;
}
