/*
 * The signed call by libcurl. Usage: libcurl single | threads | batch IN_FLIGHT | cold, configured by the environment.
 *
 * Each handle keeps its connection, signs afresh for each call and looks at the code of each reply.
 */
#include "sha1.h"
#include "turns.h"
#include <curl/curl.h>

enum { SHA1_BYTES = 20 };

typedef struct {
    CURL *curl;
    unsigned nonce;
    char text[512];
    size_t length;
} handle;

static handle handles[MAX_IN_FLIGHT];
static struct curl_slist *headers;
static CURLM *multi;
static int in_flight;

static size_t keep(char *data, size_t size, size_t count, void *into) {
    handle *mine = into;
    size_t length = size * count;
    if (mine->length + length >= sizeof mine->text) return 0;
    memcpy(mine->text + mine->length, data, length);
    mine->length += length;
    mine->text[mine->length] = '\0';
    return length;
}

/* The next signed request for a card; libcurl keeps a copy of it. */
static void sign(handle *mine, const char *eid) {
    static const char digits[] = "0123456789ABCDEF";
    unsigned char hash[SHA1_BYTES];
    char text[512], hex[2 * SHA1_BYTES + 1];
    const char *appkey = variable("EIOT_APPKEY");
    long timestamp = (long)time(NULL);
    int length, i;

    mine->nonce = mine->nonce >= 99999 ? 10000 : mine->nonce + 1;
    length = snprintf(text, sizeof text, "appkey=%s&eid=%s&nonce=%u&timestamp=%ld&secret=%s", appkey, eid, mine->nonce,
                      timestamp, variable("EIOT_SECRET"));
    sha1(text, (size_t)length, hash);
    for (i = 0; i < SHA1_BYTES; i++) {
        hex[2 * i] = digits[hash[i] >> 4];
        hex[2 * i + 1] = digits[hash[i] & 15];
    }
    hex[2 * SHA1_BYTES] = '\0';
    length = snprintf(text, sizeof text, "{\"appkey\":\"%s\",\"timestamp\":%ld,\"nonce\":%u,\"sign\":\"%s\",\"eid\":\"%s\"}",
                      appkey, timestamp, mine->nonce, hex, eid);
    mine->length = 0;
    curl_easy_setopt(mine->curl, CURLOPT_POSTFIELDSIZE, (long)length);
    curl_easy_setopt(mine->curl, CURLOPT_COPYPOSTFIELDS, text);
}

static void check(CURLcode result, const handle *mine) {
    CHECK(result == CURLE_OK, "%s", curl_easy_strerror(result));
    CHECK(strstr(mine->text, "\"code\":\"200\"") != NULL, "%s", mine->text);
}

static void prepare(int index) {
    char url[512];
    handle *mine = &handles[index];
    CURL *curl = mine->curl = curl_easy_init();
    mine->nonce = 10000 + (unsigned)index * 300;
    snprintf(url, sizeof url, "%s/api/v3/cloudesim/refreshUsage", variable("EIOT_BASE_URL"));
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_CAINFO, variable("EIOT_CA_FILE"));
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 30000L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, mine);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, mine);
}

/* Each thread has a handle of its own. */
static void on_one_thread(int index, int calls) {
    handle *mine = &handles[index];
    while (calls-- > 0) {
        sign(mine, EID);
        check(curl_easy_perform(mine->curl), mine);
    }
}

static void single(int calls) { on_one_thread(0, calls); }

static void threads(int calls) { on_threads(calls, on_one_thread); }

static void start(handle *mine) {
    char eid[33];
    next_eid(eid);
    sign(mine, eid);
    curl_multi_add_handle(multi, mine->curl);
}

static void many(int calls) {
    int started = 0, back = 0, running, left;
    CURLMsg *message;
    for (; started < in_flight && started < calls; started++) start(&handles[started]);
    while (back < calls) {
        curl_multi_perform(multi, &running);
        while ((message = curl_multi_info_read(multi, &left)) != NULL) {
            handle *mine;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&mine);
            check(message->data.result, mine);
            curl_multi_remove_handle(multi, mine->curl);
            back++;
            if (started < calls) {
                start(mine);
                started++;
            }
        }
        if (back < calls) curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
}

int main(int argc, char **argv) {
    const char *work = argc > 1 ? argv[1] : "";
    int count = 1, i;

    if (strcmp(work, "version") == 0) {
        puts(curl_version());
        return 0;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    headers = curl_slist_append(NULL, "Content-Type: application/json;charset=utf-8");
    headers = curl_slist_append(headers, "Accept: application/json");
    if (strcmp(work, "threads") == 0) count = THREADS;
    if (strcmp(work, "batch") == 0 && argc == 3) count = in_flight = atoi(argv[2]);
    CHECK(count > 0 && count <= MAX_IN_FLIGHT, "1 to %d in flight", MAX_IN_FLIGHT);
    for (i = 0; i < count; i++) prepare(i);

    if (strcmp(work, "single") == 0) {
        single(1);
        take_turns(single);
    } else if (strcmp(work, "threads") == 0) {
        threads(8 * THREADS);
        take_turns(threads);
    } else if (in_flight > 0) {
        multi = curl_multi_init();
        curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)in_flight);
        many(in_flight);
        take_turns(many);
    } else {
        CHECK(strcmp(work, "cold") == 0, "usage: single | threads | batch IN_FLIGHT | cold | version");
        single(1);
    }
    for (i = 0; i < count; i++) curl_easy_cleanup(handles[i].curl);
    if (multi != NULL) curl_multi_cleanup(multi);
    curl_slist_free_all(headers);
    curl_global_cleanup();
    return 0;
}
