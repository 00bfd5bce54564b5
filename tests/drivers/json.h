/* One line of JSON per outcome, as every driver prints it. For C and C++. */
#ifndef JSON_H
#define JSON_H

#include <stdio.h>
#include <string.h>

static void json_pair(const char *name, const char *text) {
    printf("\"%s\": ", name);
    if (text == NULL) {
        printf("null");
        return;
    }
    putchar('"');
    for (; *text; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\') printf("\\%c", byte);
        else if (byte < 0x20) printf("\\u%04x", byte);
        else putchar(byte);
    }
    putchar('"');
}

static void json_text(const char *name, const char *text) {
    json_pair(name, text);
    printf(", ");
}

static void json_number(const char *name, long number) { printf("\"%s\": %ld, ", name, number); }

/* An EID from the command line, which cannot hold every byte: "hex:8904ff" is bytes, "null:" is NULL. */
static const char *eid_argument(const char *argument, char *room, size_t *length) {
    if (strcmp(argument, "null:") == 0) {
        *length = (size_t)-1;
        return NULL;
    }
    if (strncmp(argument, "hex:", 4) == 0) {
        const char *digits = argument + 4;
        unsigned byte;
        for (*length = 0; sscanf(digits, "%2x", &byte) == 1; digits += 2) room[(*length)++] = (char)byte;
        return room;
    }
    *length = strlen(argument);
    return argument;
}

#endif
