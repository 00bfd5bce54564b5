/* Refreshes the cards named on the command line, and prints the client's counters in Prometheus' text format. */
#include <ctype.h>
#include <eiot.h>
#include <stdio.h>
#include <string.h>

/* The counters that can decrease. */
static int is_gauge(const char *name) {
    return strstr(name, "in_flight") != NULL || strstr(name, "idle_event_loops") != NULL || strstr(name, "age_ms") != NULL;
}

/* Each number of the JSON object is a metric, named after the keys that lead to it; the error kinds are a label. */
static void print_metrics(const char *json) {
    char keys[4][32] = {"", "", "", ""};
    char typed[80] = "";
    size_t depth = 0;

    for (; *json != '\0'; json++) {
        if (*json == '{' && depth < 3) depth++;
        else if (*json == '}' && depth > 0) depth--;
        else if (*json == '"') {
            size_t length = strcspn(++json, "\"");
            if (json[length] == '\0') return;
            /* A string value is no metric. */
            if (json[length + 1] == ':') snprintf(keys[depth], sizeof keys[depth], "%.*s", (int)length, json);
            json += length;
        } else if (isdigit((unsigned char)*json) && strcmp(keys[1], "pid") != 0) {
            size_t digits = strspn(json, "0123456789");
            char name[80];
            snprintf(name, sizeof name, "eiot_%s%s%s", keys[1], depth > 1 ? "_" : "", depth > 1 ? keys[2] : "");
            if (strcmp(name, typed) != 0) printf("# TYPE %s%s\n", name, is_gauge(name) ? " gauge" : "_total counter");
            strcpy(typed, name);
            printf("%s%s", name, is_gauge(name) ? "" : "_total");
            if (depth > 2) printf("{kind=\"%s\"}", keys[3]);
            printf(" %.*s\n", (int)digits, json);
            json += digits - 1;
        }
    }
}

int main(int argc, char **argv) {
    eiot_config *config = NULL;
    eiot_client *client = NULL;
    eiot_error *error = NULL;
    char json[4096];
    int i;

    if (eiot_config_from_env(&config, &error) != EIOT_OK || eiot_client_new(config, &client, &error) != EIOT_OK) {
        fprintf(stderr, "%s\n", eiot_error_message(error));
        eiot_error_free(error);
    }
    eiot_config_free(config);
    for (i = 1; client != NULL && i < argc; i++) {
        if (eiot_client_refresh_usage(client, argv[i], EIOT_NTS, NULL, &error) == EIOT_OK) continue;
        fprintf(stderr, "%s\n", eiot_error_message(error));
        eiot_error_free(error);
    }
    if (client == NULL || eiot_client_stats_json(client, json, sizeof json) >= sizeof json) return 1;
    print_metrics(json);
    eiot_client_free(client);
    return 0;
}
