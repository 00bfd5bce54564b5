/*
 * Loads the DLL, uses it on a thread that ends later, and unloads it. What may still run of it afterwards (a name that is being looked
 * up, destructors of that thread) must not crash the program. Argument: the DLL. The environment leads to a host that does not answer.
 */
#include <eiot.h>
#include <stdio.h>
#include <windows.h>

static HANDLE used, unloaded;

static DWORD WINAPI work(void *dll) {
    eiot_status (*refresh)(const char *, eiot_error **);
    *(FARPROC *)&refresh = GetProcAddress(dll, "eiot_refresh_usage");
    printf("%d\n", refresh == NULL ? -1 : (int)refresh("8904", NULL));
    SetEvent(used);
    WaitForSingleObject(unloaded, INFINITE);
    return 0;
}

int main(int argc, char **argv) {
    HMODULE dll = argc == 2 ? LoadLibraryA(argv[1]) : NULL;
    if (dll == NULL) return 2;
    used = CreateEvent(NULL, TRUE, FALSE, NULL);
    unloaded = CreateEvent(NULL, TRUE, FALSE, NULL);
    HANDLE thread = CreateThread(NULL, 0, work, dll, 0, NULL);
    WaitForSingleObject(used, INFINITE);
    FreeLibrary(dll);
    SetEvent(unloaded);
    WaitForSingleObject(thread, INFINITE);
    printf("%s\n", GetModuleHandleA("eiot.dll") == NULL ? "gone" : "loaded");
    return 0;
}
