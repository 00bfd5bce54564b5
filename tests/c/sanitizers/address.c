/* Passes a length that is five bytes too large: a sanitizer inside the library detects the read past the end. */
#include "../common.h"
#include <string.h>

int main(void) {
    char *eid = malloc(3);
    memcpy(eid, "123", 3);
    return eiot_eid_validate(eid, 8, 0, NULL) == EIOT_OK;
}
