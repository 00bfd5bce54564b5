/*
 * A host that loads the library in a thread, uses it, and unloads it before the thread ends, twice; then it checks whether
 * it still stands. Arguments: the library, an EID.
 */
#include <dlfcn.h>
#include <eiot.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static char **arguments;

static void *work(void *unused) {
    eiot_status (*refresh)(const char *, eiot_error **);
    void *library = dlopen(arguments[1], RTLD_NOW | RTLD_LOCAL);
    void *symbol;
    (void)unused;
    if (library == NULL) {
        puts(dlerror());
        return NULL;
    }
    symbol = dlsym(library, "eiot_refresh_usage");
    memcpy(&refresh, &symbol, sizeof refresh);
    if (refresh(arguments[2], NULL) == EIOT_OK) puts("refreshed");
    dlclose(library);
    return NULL; /* whatever the library keeps for this thread is destroyed now, after its dlclose */
}

int main(int argc, char **argv) {
    int round;
    if (argc != 3) return 2;
    arguments = argv;
    for (round = 0; round < 2; round++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, NULL) != 0 || pthread_join(thread, NULL) != 0) return 2;
    }
    return 0;
}
