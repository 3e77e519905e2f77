/* Text of the input, made fit to be shown. */
#include <string.h>

#include "data/images.h"

/* Length of the well-formed UTF-8 sequence at p, 0 when there is none (overlong, surrogate, cut short). */
static size_t utf8_length(const unsigned char *p) {
    if (p[0] < 0x80) return 1;
    size_t n = p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : p[0] >= 0xe0 && p[0] < 0xf0 ? 3 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : 0;
    for (size_t i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

size_t mnk_utf8_next(const char *text, uint32_t *out) {
    const unsigned char *p = (const unsigned char *)text;
    size_t n = utf8_length(p);
    static const unsigned char lead[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    *out = n ? p[0] & lead[n] : 0xfffd;
    for (size_t i = 1; i < n; i++) *out = *out << 6 | (p[i] & 0x3f);
    return n ? n : 1;
}

const char *mnk_printable(const char *text, char buffer[96]) {
    size_t n = strlen(text), used = 0;
    const char *tail = n > 90 ? text + n - 44 : NULL; /* keep both ends of a long name */
    while (tail && ((unsigned char)*tail & 0xc0) == 0x80) tail++;
    for (const char *p = text; *p;) {
        if (tail && p < tail && used >= 40) {
            memcpy(buffer + used, "…", 3);
            used += 3;
            p = tail;
            continue;
        }
        size_t length = utf8_length((const unsigned char *)p);
        if (used + 4 >= 95) break;
        bool control = (unsigned char)*p < 0x20 || *p == 0x7f || ((unsigned char)*p == 0xc2 && (unsigned char)p[1] < 0xa0);
        if (!length || control) { /* control characters drive terminals, those of two bytes (C1) too */
            buffer[used++] = '?';
            p += length ? length : 1;
        } else {
            memcpy(buffer + used, p, length);
            used += length;
            p += length;
        }
    }
    buffer[used] = '\0';
    return buffer;
}
