/* Hands over five bytes more than there are: a sanitizer that is compiled into the library sees the library read them. */
#include "../common.h"
#include <string.h>

int main(void) {
    char *eid = malloc(3);
    memcpy(eid, "123", 3);
    return eiot_eid_validate(eid, 8, 0, NULL) == EIOT_OK;
}
