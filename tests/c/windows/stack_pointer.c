/*
 * Calls each function of a DLL with zeros for all arguments, and prints by how many bytes the stack pointer differs afterwards.
 * calls.h has a line for each function: CALL(type of the result and calling convention, name, types of the parameters, zeros).
 * Argument: the DLL.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <windows.h>

#define STACK_POINTER(place) __asm__ volatile("mov %%esp, %0" : "=r"(place)::"memory")

#define CALL(result, convention, name, parameters, zeros)                                                                          \
    do {                                                                                                                           \
        result(convention *function) parameters;                                                                                   \
        volatile uintptr_t before, after;                                                                                          \
        *(FARPROC *)&function = GetProcAddress(dll, #name);                                                                        \
        if (function == NULL) return 3;                                                                                            \
        STACK_POINTER(before);                                                                                                     \
        function zeros;                                                                                                            \
        STACK_POINTER(after);                                                                                                      \
        printf("%s %ld\n", #name, (long)(after - before));                                                                         \
    } while (0)

int main(int argc, char **argv) {
    HMODULE dll = argc == 2 ? LoadLibraryA(argv[1]) : NULL;
    if (dll == NULL) return 2;
#include "calls.h"
    return 0;
}
