/* Signs the parameters of the command line: signing METHOD SECRET [NAME VALUE]... */
#include "common.h"
#include <string.h>

int main(int argc, char **argv) {
    const char *names[16], *values[16];
    size_t count = 0;
    char sign[EIOT_SIGN_SIZE];
    eiot_error *error;
    CHECK(argc >= 3 && argc <= 3 + 2 * 16, "usage: signing METHOD SECRET [NAME VALUE]...");
    for (int i = 3; i + 1 < argc; i += 2, count++) names[count] = argv[i], values[count] = argv[i + 1];
    eiot_sign_method method = strcmp(argv[1], "md5") == 0 ? EIOT_SIGN_MD5 : EIOT_SIGN_SHA1;
    CHECK(eiot_sign(names, values, count, argv[2], EIOT_NTS, method, sign, sizeof sign, &error) == EIOT_OK, "%s",
          eiot_error_message(error));
    puts(sign);
    return 0;
}
