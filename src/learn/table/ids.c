#include "learn/table/ids.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

/* Free identifiers wanted, at least and by training identifier; texts that make a common character part of the pattern. */
enum { WANTED = 10000, WANTED_EACH = 10, ENOUGH_TO_FIX = 20 };

static const struct {
    char kind;
    const char *letters;
} alphabets[] = {{'d', "0123456789"},
                 {'u', "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
                 {'l', "abcdefghijklmnopqrstuvwxyz"},
                 {'x', "0123456789abcdef"},
                 {'X', "0123456789ABCDEF"},
                 {'n', "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
                 {'m', "0123456789abcdefghijklmnopqrstuvwxyz"},
                 {'w', "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"}};

static const char *letters_of(char kind) {
    for (size_t i = 0; i < sizeof alphabets / sizeof *alphabets; i++)
        if (alphabets[i].kind == kind) return alphabets[i].letters;
    return "";
}

static bool is_letter(char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

/* Same length, same punctuation. */
static bool same_shape(const char *a, const char *b) {
    for (; *a && *b; a++, b++)
        if (is_letter(*a) != is_letter(*b) || (!is_letter(*a) && *a != *b)) return false;
    return !*a && !*b;
}

static bool is_plain_number(const char *s) {
    size_t n = strlen(s);
    return n > 0 && n <= 18 && strspn(s, "0123456789") == n && (s[0] != '0' || n == 1);
}

/* The smallest alphabet of a position over the texts of one shape. */
static void learn_position(const char *const *text, size_t n, const char *shape, size_t at, mnk_id_pattern *p) {
    bool same = true;
    size_t members = 0, fits[sizeof alphabets / sizeof *alphabets] = {0};
    for (size_t i = 0; i < n; i++) {
        if (!same_shape(text[i], shape)) continue;
        members++;
        same = same && text[i][at] == shape[at];
        for (size_t a = 0; a < sizeof alphabets / sizeof *alphabets; a++)
            fits[a] += strchr(alphabets[a].letters, text[i][at]) != NULL;
    }
    p->text[at] = shape[at];
    p->kind[at] = '=';
    if (!is_letter(shape[at]) || (same && members >= ENOUGH_TO_FIX)) return;
    for (size_t a = 0; a < sizeof alphabets / sizeof *alphabets; a++)
        if (fits[a] == members) {
            p->kind[at] = alphabets[a].kind;
            return;
        }
}

/* How many positions from the right are counted (their product stays below 2^60), and that product. */
static size_t counted(const mnk_id_pattern *p, uint64_t *capacity) {
    size_t at = strlen(p->kind);
    *capacity = 1;
    while (at > 0) {
        uint64_t radix = p->kind[at - 1] == '=' ? 1 : strlen(letters_of(p->kind[at - 1]));
        if (*capacity > ((uint64_t)1 << 60) / radix) break;
        *capacity *= radix;
        at--;
    }
    return at;
}

static uint64_t number_of(const mnk_id_pattern *p, const char *text, size_t from) {
    uint64_t v = 0;
    for (size_t at = from; p->kind[at]; at++) {
        if (p->kind[at] == '=') continue;
        const char *letters = letters_of(p->kind[at]), *here = strchr(letters, text[at]);
        v = v * strlen(letters) + (here ? (uint64_t)(here - letters) : 0);
    }
    return v;
}

static int by_number(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* The middle of the widest stretch without a training identifier. */
static void widest_gap(uint64_t *v, size_t n, uint64_t capacity, mnk_id_pattern *p) {
    qsort(v, n, sizeof *v, by_number);
    uint64_t first = 0, width = n ? v[0] : capacity;
    for (size_t i = 0; i < n; i++) {
        uint64_t end = i + 1 < n ? v[i + 1] : capacity, free_from = v[i] + 1;
        if (end > free_from && end - free_from > width) first = free_from, width = end - free_from;
    }
    p->start = first + width / 4;
    p->count = width - width / 2;
}

/* The free stretch of the pattern as it is; *longest: of all texts. */
static mnk_status find_free(const char *const *text, size_t n, const char *shape, mnk_id_pattern *p, size_t *longest,
                            mnk_error *err) {
    uint64_t *v, capacity;
    size_t members = 0, from = counted(p, &capacity);
    MNK_TRY(MNK_NEW(v, n + 1, err));
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(text[i]);
        if (length > *longest) *longest = length;
        if (same_shape(text[i], shape)) v[members++] = number_of(p, text[i], from);
    }
    widest_gap(v, members, capacity, p);
    mnk_free(v);
    return MNK_OK;
}

static mnk_status learn_free_numbers(const char *const *text, size_t n, const char *shape, mnk_id_pattern *p, mnk_error *err) {
    size_t longest = 0, length = strlen(p->kind), room = 0;
    uint64_t capacity;
    MNK_TRY(find_free(text, n, shape, p, &longest, err));
    if (p->count >= WANTED && p->count / WANTED_EACH >= n) return MNK_OK;
    for (size_t at = 0; at < length; at++) /* leading digits that all have in common are digits all the same */
        if (p->text[at] >= '0' && p->text[at] <= '9' && p->kind[at] == '=') p->kind[at] = 'd';
    MNK_TRY(find_free(text, n, shape, p, &longest, err));
    if (p->count >= WANTED && p->count / WANTED_EACH >= n) return MNK_OK;
    while (length < MNK_ID_LENGTH && (room < 7 || length <= longest)) { /* too narrow: longer than any of the table */
        p->kind[length] = 'd', p->text[length++] = '0';
        room++;
    }
    (void)counted(p, &capacity);
    p->start = 0, p->count = capacity;
    return MNK_OK;
}

mnk_status mnk_id_fit(const char *const *text, size_t n, double numbers_above, mnk_id_pattern *out, mnk_error *err) {
    *out = (mnk_id_pattern){.start = 1, .count = (uint64_t)1 << 52};
    bool plain = true;
    double most = text ? 0 : numbers_above;
    for (size_t i = 0; i < n && plain; i++) {
        plain = is_plain_number(text[i]);
        if (plain) most = fmax(most, strtod(text[i], NULL));
    }
    if (plain) {
        if (most >= 0 && most < 0x1p52) out->start = (uint64_t)most + 1;
        return MNK_OK;
    }
    const char *shape = NULL; /* the most frequent among the shapes of the first 64 texts */
    size_t best = 0;
    for (size_t i = 0; i < n && i < 64; i++) {
        size_t like = 0, length = strlen(text[i]);
        for (size_t k = 0; k < n && k < 1000; k++) like += same_shape(text[i], text[k]);
        if (length && length <= MNK_ID_LENGTH / 2 + 8 && like > best) best = like, shape = text[i];
    }
    if (!shape) { /* nothing to learn from: numbers behind a letter of their own */
        snprintf(out->kind, sizeof out->kind, "==dddddddd");
        snprintf(out->text, sizeof out->text, "S-00000000");
        out->start = 0, out->count = 100000000;
        return MNK_OK;
    }
    for (size_t at = 0; shape[at]; at++) learn_position(text, n, shape, at, out);
    return learn_free_numbers(text, n, shape, out, err);
}

static uint64_t gcd(uint64_t a, uint64_t b) {
    while (b) {
        uint64_t r = a % b;
        a = b, b = r;
    }
    return a;
}

/* Steps of about 0.618 of the stretch, without a common divisor: every number once, and not in a row. */
static uint64_t scattered(const mnk_id_pattern *p, uint64_t k) {
    uint64_t step = (uint64_t)(0.6180339887 * (double)p->count) | 1;
    while (gcd(step, p->count) != 1) step++;
    return p->start + (uint64_t)((unsigned __int128)k * step % p->count);
}

double mnk_id_number(const mnk_id_pattern *p, uint64_t k) { return (double)(p->start + k); }

void mnk_id_make(const mnk_id_pattern *p, uint64_t seed, uint64_t k, char out[2 * MNK_ID_LENGTH]) {
    size_t n = strlen(p->kind);
    if (n == 0) {
        snprintf(out, 2 * MNK_ID_LENGTH, "%llu", (unsigned long long)(p->start + k));
        return;
    }
    uint64_t capacity, count = p->count ? p->count : 1, v = scattered(p, k % count);
    size_t from = counted(p, &capacity);
    mnk_rng r = mnk_rng_at(seed, MNK_PURPOSE_TABLE_ID, k, 0);
    for (size_t at = n; at-- > 0;) {
        const char *letters = letters_of(p->kind[at]);
        uint64_t radix = strlen(letters);
        if (radix == 0) out[at] = p->text[at];
        else if (at >= from) out[at] = letters[v % radix], v /= radix;
        else out[at] = letters[mnk_rng_below(&r, radix)];
    }
    if (k >= count) snprintf(out + n, 32, "-%llu", (unsigned long long)(k / count));
    else out[n] = '\0';
}
