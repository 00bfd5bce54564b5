/* SHA-1 of a short text, so that libcurl's side of the benchmark needs no other library. */
#ifndef SHA1_H
#define SHA1_H

#include <stdint.h>
#include <string.h>

static inline uint32_t turned_left(uint32_t word, int bits) { return word << bits | word >> (32 - bits); }

static inline void sha1_block(uint32_t state[5], const unsigned char *block) {
    uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4], f, k, next;
    int i;
    for (i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (; i < 80; i++) w[i] = turned_left(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (i = 0; i < 80; i++) {
        if (i < 20) f = (b & c) | (~b & d), k = 0x5A827999;
        else if (i < 40) f = b ^ c ^ d, k = 0x6ED9EBA1;
        else if (i < 60) f = (b & c) | (b & d) | (c & d), k = 0x8F1BBCDC;
        else f = b ^ c ^ d, k = 0xCA62C1D6;
        next = turned_left(a, 5) + f + e + k + w[i];
        e = d, d = c, c = turned_left(b, 30), b = a, a = next;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
}

static inline void sha1(const char *text, size_t length, unsigned char hash[20]) {
    uint32_t state[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    unsigned char end[128] = {0};
    size_t whole = length - length % 64, rest = length % 64, ends = rest < 56 ? 64 : 128, i;
    for (i = 0; i < whole; i += 64) sha1_block(state, (const unsigned char *)text + i);
    memcpy(end, text + whole, rest);
    end[rest] = 0x80;
    for (i = 0; i < 8; i++) end[ends - 1 - i] = (unsigned char)((uint64_t)length * 8 >> 8 * i);
    for (i = 0; i < ends; i += 64) sha1_block(state, end + i);
    for (i = 0; i < 20; i++) hash[i] = (unsigned char)(state[i / 4] >> (24 - 8 * (i % 4)));
}

#endif
