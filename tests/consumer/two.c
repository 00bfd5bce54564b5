/* A program with two static libraries that were both written in Rust. */
#include <eiot.h>
#include <stdio.h>

extern int other_rust_answer(int question);

int main(int argc, char **argv) {
    if (argc != 2 || other_rust_answer(41) != 42 || other_rust_answer(-1) != 0) return 2;
    if (eiot_refresh_usage(argv[1], NULL) != EIOT_OK) return 1;
    puts("refreshed");
    return 0;
}
