/*
 * A real panic inside the shipped library: the machine refuses the thread that a DNS lookup needs, and the runtime below
 * panics. The host gets an error and continues.
 */
#include "common.h"
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static rlim_t address_space(void) {
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    CHECK(file != NULL && fscanf(file, "%ld", &pages) == 1, "statm");
    fclose(file);
    return (rlim_t)(pages * sysconf(_SC_PAGESIZE));
}

int main(void) {
    eiot_client *client = client_from_env();
    eiot_error *error;
    struct rlimit limit, tight;
    getrlimit(RLIMIT_AS, &limit);
    tight = limit;
    /* Enough memory for a call, but not for the stack of a thread. */
    tight.rlim_cur = address_space() + (1 << 20);
    CHECK(setrlimit(RLIMIT_AS, &tight) == 0, "setrlimit");
    eiot_status status = eiot_client_refresh_usage(client, EID, EIOT_NTS, NULL, &error);
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit");
    CHECK(status == EIOT_ERR_INTERNAL, "%s: %s", eiot_status_name(status), eiot_error_message(error));
    CHECK(strstr(eiot_error_message(error), "please report") != NULL, "%s", eiot_error_message(error));
    CHECK(eiot_error_delivered(error) == EIOT_DELIVERED_UNKNOWN, "unknown");
    eiot_error_free(error);
    refresh(client); /* the client still works */
    eiot_client_free(client);
    return 0;
}
