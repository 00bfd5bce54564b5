/* An array of cards and a callback, which may stop the run. The environment leads to a platform without limits. */
#include "common.h"
#include <string.h>

enum { CARDS = 100 };

static int refreshed, refused, stop_after;

static int32_t on_result(const eiot_reply *reply, const eiot_error *error, void *user_data) {
    CHECK((reply == NULL) != (error == NULL), "one of the two");
    CHECK(strcmp(user_data, "mine") == 0, "another's data");
    if (reply != NULL) refreshed++;
    else refused++;
    CHECK(error == NULL || strcmp(eiot_error_eid(error), "\"8.9E+31\"") == 0, "%s", eiot_error_eid(error));
    return stop_after > 0 && refreshed + refused >= stop_after;
}

int main(void) {
    static char digits[CARDS][33];
    const char *eids[CARDS + 3];
    eiot_client *client = client_from_env();
    eiot_cancel *cancel;
    eiot_error *error;
    for (int i = 0; i < CARDS; i++) {
        snprintf(digits[i], sizeof digits[i], "89044011%024d", i);
        eids[i] = digits[i];
    }
    eids[CARDS] = "8.9E+31";
    eids[CARDS + 1] = digits[0]; /* once more */
    eids[CARDS + 2] = NULL;

    eiot_status status = eiot_client_refresh_many(client, eids, CARDS + 2, NULL, on_result, "mine", &error);
    CHECK(status == EIOT_OK, "%s", eiot_error_message(error));
    CHECK(refreshed == CARDS && refused == 1, "%d and %d", refreshed, refused);
    CHECK(eiot_client_refresh_many(client, eids, CARDS, NULL, NULL, NULL, NULL) == EIOT_OK, "nobody needs to listen");
    CHECK(eiot_client_refresh_many(client, NULL, 0, NULL, on_result, "mine", NULL) == EIOT_OK, "nothing to do");

    refreshed = refused = 0, stop_after = 5;
    status = eiot_client_refresh_many(client, eids, CARDS, NULL, on_result, "mine", &error);
    CHECK(status == EIOT_ERR_CANCELLED, "%s", eiot_status_name(status));
    /* What is under way when it is stopped comes back, and no more: 32 at once. */
    CHECK(refreshed >= 5 && refreshed <= 5 + 32, "%d", refreshed);
    eiot_error_free(error);

    /* A NULL among them is seen before anything is sent. */
    refreshed = 0;
    status = eiot_client_refresh_many(client, eids, CARDS + 3, NULL, on_result, "mine", &error);
    CHECK(status == EIOT_ERR_INVALID_ARGUMENT && refreshed == 0, "%s", eiot_status_name(status));
    eiot_error_free(error);

    CHECK(eiot_cancel_new(&cancel, NULL) == EIOT_OK, "cancel");
    eiot_cancel_trigger(cancel);
    status = eiot_client_refresh_many(client, eids, CARDS, cancel, on_result, "mine", NULL);
    CHECK(status == EIOT_ERR_CANCELLED && refreshed == 0, "nothing was sent");
    eiot_cancel_free(cancel);
    eiot_client_free(client);
    return 0;
}
