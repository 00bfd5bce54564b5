/*
 * The same signed call, made by libeiot and by libcurl's easy handle, in turns in one process against one server.
 * Usage: compare ROUNDS CALLS, configured by the environment. Prints one line a round and the medians.
 *
 * Both keep one connection open, sign afresh for each call, check the reply, and run on one thread. libcurl's
 * side signs with eiot_sign, so that the hash is not what is compared.
 */
#include "../c/common.h"
#include <curl/curl.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { SLICE = 100 }; /* calls in one turn */

typedef struct {
    double seconds;
    double cpu_seconds;
} cost;

typedef struct {
    char text[512];
    size_t length;
} answer;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double cpu(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6 + (double)usage.ru_stime.tv_sec
           + (double)usage.ru_stime.tv_usec / 1e6;
}

static const char *variable(const char *name) {
    const char *value = getenv(name);
    CHECK(value != NULL, "%s is not set", name);
    return value;
}

static size_t keep(char *data, size_t size, size_t count, void *into) {
    answer *reply = into;
    size_t length = size * count;
    if (reply->length + length >= sizeof reply->text) return 0;
    memcpy(reply->text + reply->length, data, length);
    reply->length += length;
    reply->text[reply->length] = '\0';
    return length;
}

static void call_with_curl(CURL *curl, answer *reply) {
    static unsigned nonce = 10000;
    char timestamp[24], nonce_text[12], sign[EIOT_SIGN_SIZE], body[512];
    const char *appkey = variable("EIOT_APPKEY");
    snprintf(timestamp, sizeof timestamp, "%ld", (long)time(NULL));
    snprintf(nonce_text, sizeof nonce_text, "%u", nonce = nonce == 99999 ? 10000 : nonce + 1);
    const char *names[] = {"appkey", "eid", "nonce", "timestamp"}, *values[] = {appkey, EID, nonce_text, timestamp};
    eiot_sign(names, values, 4, variable("EIOT_SECRET"), EIOT_NTS, EIOT_SIGN_SHA1, sign, sizeof sign, NULL);
    int length = snprintf(body, sizeof body, "{\"appkey\":\"%s\",\"timestamp\":%s,\"nonce\":%s,\"sign\":\"%s\",\"eid\":\"%s\"}",
                          appkey, timestamp, nonce_text, sign, EID);
    reply->length = 0;
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)length);
    CURLcode result = curl_easy_perform(curl);
    CHECK(result == CURLE_OK, "%s", curl_easy_strerror(result));
    CHECK(strstr(reply->text, "\"code\":\"200\"") != NULL, "%s", reply->text);
}

static int by_size(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, by_size);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

int main(int argc, char **argv) {
    CHECK(argc == 3, "usage: compare ROUNDS CALLS");
    int rounds = atoi(argv[1]), calls = atoi(argv[2]);
    CHECK(rounds > 0 && rounds <= 1000 && calls >= SLICE, "1 to 1000 rounds of at least %d calls", SLICE);
    calls -= calls % SLICE;

    char url[512];
    snprintf(url, sizeof url, "%s/api/v3/cloudesim/refreshUsage", variable("EIOT_BASE_URL"));
    curl_global_init(CURL_GLOBAL_DEFAULT);
    CURL *curl = curl_easy_init();
    answer reply = {"", 0};
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json;charset=utf-8");
    headers = curl_slist_append(headers, "Accept: application/json");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("EIOT_CA_FILE"));
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply);
    eiot_client *client = client_from_env();

    /* Both connections are made, and both code paths warm, before the first round. */
    for (int i = 0; i < SLICE; i++) refresh(client), call_with_curl(curl, &reply);

    double cpu_ratio[1000], rate_ratio[1000];
    for (int round = 0; round < rounds; round++) {
        cost costs[2] = {{0, 0}, {0, 0}};
        /* In short turns, so that whatever the machine does meanwhile meets both alike. */
        for (int turn = 0; turn < 2 * (calls / SLICE); turn++) {
            int ours = turn % 2;
            double started = now(), cpu_started = cpu();
            for (int i = 0; i < SLICE; i++) {
                if (ours) refresh(client);
                else call_with_curl(curl, &reply);
            }
            costs[ours].seconds += now() - started;
            costs[ours].cpu_seconds += cpu() - cpu_started;
        }
        cpu_ratio[round] = costs[1].cpu_seconds / costs[0].cpu_seconds;
        rate_ratio[round] = costs[0].seconds / costs[1].seconds;
        printf("round %2d   eiot %6.1f us CPU, %6.0f calls/s   libcurl %6.1f us CPU, %6.0f calls/s\n", round + 1,
               costs[1].cpu_seconds / calls * 1e6, calls / costs[1].seconds, costs[0].cpu_seconds / calls * 1e6,
               calls / costs[0].seconds);
    }
    printf("median of %d rounds, eiot relative to %s\n", rounds, curl_version());
    printf("CPU a call %.2f   calls a second %.2f\n", median(cpu_ratio, rounds), median(rate_ratio, rounds));

    eiot_client_free(client);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    return 0;
}
