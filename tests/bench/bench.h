/* What the benchmarks share: clocks, medians, and the signed call made by libcurl. */
#ifndef BENCH_H
#define BENCH_H

#include "../c/common.h"
#include <curl/curl.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

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

/* Gives a handle the next signed request for a card; libcurl keeps a copy of it. */
static void sign_with_curl(CURL *curl, answer *reply, const char *eid) {
    static unsigned nonce = 10000;
    char timestamp[24], nonce_text[12], sign[EIOT_SIGN_SIZE], body[512];
    const char *appkey = variable("EIOT_APPKEY");
    snprintf(timestamp, sizeof timestamp, "%ld", (long)time(NULL));
    snprintf(nonce_text, sizeof nonce_text, "%u", nonce = nonce == 99999 ? 10000 : nonce + 1);
    const char *names[] = {"appkey", "eid", "nonce", "timestamp"}, *values[] = {appkey, eid, nonce_text, timestamp};
    eiot_sign(names, values, 4, variable("EIOT_SECRET"), EIOT_NTS, EIOT_SIGN_SHA1, sign, sizeof sign, NULL);
    int length = snprintf(body, sizeof body, "{\"appkey\":\"%s\",\"timestamp\":%s,\"nonce\":%s,\"sign\":\"%s\",\"eid\":\"%s\"}",
                          appkey, timestamp, nonce_text, sign, eid);
    reply->length = 0;
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)length);
    curl_easy_setopt(curl, CURLOPT_COPYPOSTFIELDS, body);
}

static void check_curl(CURLcode result, const answer *reply) {
    CHECK(result == CURLE_OK, "%s", curl_easy_strerror(result));
    CHECK(strstr(reply->text, "\"code\":\"200\"") != NULL, "%s", reply->text);
}

/* A handle that is ready but for the request. */
static CURL *curl_handle(struct curl_slist *headers, answer *reply) {
    char url[512];
    snprintf(url, sizeof url, "%s/api/v3/cloudesim/refreshUsage", variable("EIOT_BASE_URL"));
    CURL *curl = curl_easy_init();
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CAINFO, getenv("EIOT_CA_FILE"));
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, reply);
    return curl;
}

static struct curl_slist *curl_headers(void) {
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json;charset=utf-8");
    return curl_slist_append(headers, "Accept: application/json");
}

static int by_size(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return (a > b) - (a < b);
}

static double median(double *values, int count) {
    qsort(values, (size_t)count, sizeof *values, by_size);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* One round's costs, and what they say of ours beside libcurl's. */
static void print_round(int round, int calls, const cost *libcurl, const cost *ours, double *cpu_ratio, double *rate_ratio) {
    *cpu_ratio = ours->cpu_seconds / libcurl->cpu_seconds;
    *rate_ratio = libcurl->seconds / ours->seconds;
    printf("round %2d   eiot %6.1f us CPU, %6.0f calls/s   libcurl %6.1f us CPU, %6.0f calls/s\n", round + 1,
           ours->cpu_seconds / calls * 1e6, calls / ours->seconds, libcurl->cpu_seconds / calls * 1e6,
           calls / libcurl->seconds);
}

static void print_medians(int rounds, double *cpu_ratio, double *rate_ratio) {
    printf("median of %d rounds, eiot relative to %s\n", rounds, curl_version());
    printf("CPU a call %.2f   calls a second %.2f\n", median(cpu_ratio, rounds), median(rate_ratio, rounds));
}

#endif
