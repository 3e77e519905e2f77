#include "data/number_text.h"

#include <locale.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LENGTH_MAX = 400 };

static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* Digits, '.', exponent: mantissa and power of ten when they fit exactly into doubles, so that one multiplication or division
 * rounds correctly (Clinger 1990, "How to read floating point numbers accurately"); strtod for the rest. */
static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

static double slow_value(const char *s, size_t n) {
    char text[LENGTH_MAX + 1];
    memcpy(text, s, n);
    text[n] = '\0';
    char *point = memchr(text, '.', n);
    if (point) *point = *localeconv()->decimal_point; /* strtod follows the caller's locale */
    return strtod(text, NULL);
}

/* s without groups and with '.' for the mark. */
static bool parse_plain(const char *s, size_t n, double *out, mnk_number_shape *shape) {
    const char *p = s, *end = s + n, *first;
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    uint64_t mantissa = 0;
    int digits = 0, decimals = 0, trailing = 0, power = 0;
    first = p;
    for (; p < end && is_digit(*p); p++, digits++)
        if (digits < 19) mantissa = mantissa * 10 + (uint64_t)(*p - '0');
    int whole = digits;
    shape->leading_zero = whole > 1 && *first == '0';
    if (p < end && *p == '.') {
        for (p++; p < end && is_digit(*p); p++, digits++, decimals++) {
            if (digits < 19) mantissa = mantissa * 10 + (uint64_t)(*p - '0');
            trailing = *p == '0' ? trailing + 1 : 0;
        }
    }
    if (!digits) return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
        bool minus = ++p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+')) p++;
        if (p == end) return false;
        for (; p < end && is_digit(*p); p++)
            if (power < 100000) power = power * 10 + (*p - '0');
        if (minus) power = -power;
        shape->exponent = true;
    }
    if (p != end) return false;
    shape->decimals = decimals;
    shape->significant = decimals - trailing;
    int scale = power - decimals;
    if (digits <= 19 && mantissa <= (uint64_t)1 << 53 && scale >= -22 && scale <= 22) {
        double x = scale < 0 ? (double)mantissa / powers[-scale] : (double)mantissa * powers[scale];
        *out = negative ? -x : x;
    } else *out = slow_value(s, n);
    return isfinite(*out);
}

/* Drops the groups of the whole part: one to three digits, then threes, all after the same mark. */
static bool ungroup(const char *s, size_t n, mnk_number_style style, char *out, size_t *length, bool *grouped) {
    char mark = style == MNK_NUMBER_POINT ? '.' : ',', other = style == MNK_NUMBER_POINT ? ',' : '.', group = 0;
    size_t used = 0, run = 0, i = 0;
    if (i < n && (s[i] == '-' || s[i] == '+')) out[used++] = s[i++];
    for (; i < n; i++) {
        char c = s[i];
        if (is_digit(c)) {
            run++;
            out[used++] = c;
        } else if (c == other || c == ' ' || c == '\'') {
            if (group ? c != group || run != 3 : run < 1 || run > 3) return false;
            group = c;
            run = 0;
        } else break;
    }
    if (group && run != 3) return false;
    *grouped = group != 0;
    for (; i < n; i++) {
        if (s[i] == mark) out[used++] = '.';
        else if (s[i] == '.') return false;
        else out[used++] = s[i];
    }
    *length = used;
    return true;
}

bool mnk_number_parse(const char *s, size_t n, mnk_number_style style, double *out, mnk_number_shape *shape) {
    mnk_number_shape own;
    char plain[LENGTH_MAX];
    if (!shape) shape = &own;
    *shape = (mnk_number_shape){0};
    if (!n || n > LENGTH_MAX || !(is_digit(*s) || *s == '-' || *s == '+' || *s == '.' || *s == ',')) return false;
    if (style == MNK_NUMBER_POINT && parse_plain(s, n, out, shape)) return true;
    bool marks = style == MNK_NUMBER_COMMA;
    for (size_t i = 0; i < n && !marks; i++) marks = s[i] == ',' || s[i] == ' ' || s[i] == '\'';
    size_t length = 0;
    bool grouped = false;
    if (!marks || !ungroup(s, n, style, plain, &length, &grouped)) return false;
    *shape = (mnk_number_shape){0};
    if (!parse_plain(plain, length, out, shape)) return false;
    shape->grouped = grouped;
    return true;
}

bool mnk_number_is_infinite(const char *s, size_t n) {
    if (n && (*s == '-' || *s == '+')) s++, n--;
    return (n == 3 && !strncasecmp(s, "inf", 3)) || (n == 8 && !strncasecmp(s, "infinity", 8));
}
