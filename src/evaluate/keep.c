/* Which audited items to keep: "authentic,alpha=0.9". */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/options.h"
#include "manikin/audit.h"

enum { AUTHENTIC, ALPHA, INSIDE, NO_COPY, DISTANCE, WORDS };
static const char *const words[WORDS] = {"authentic", "alpha", "inside", "no-copy", "distance"};

/* The number of a word: after "=" (alpha) or ">=" (distance). */
static mnk_status number(const char *item, const char *op, double low, double high, double *out, mnk_error *err) {
    const char *at = item + strlen(op);
    char *end = NULL;
    if (strncmp(item, op, strlen(op)) != 0)
        return MNK_FAIL(err, MNK_ERR_USAGE, "keep: expected %sNUMBER, found \"%s\"", op, item);
    *out = strtod(at, &end);
    if (end == at || *end || !(*out > low && *out <= high))
        return MNK_FAIL(err, MNK_ERR_USAGE, "keep: \"%s\" is not a number above %g and at most %g", at, low, high);
    return MNK_OK;
}

static mnk_status parse_word(char *item, mnk_keep *k, bool seen[WORDS], mnk_error *err) {
    const size_t n = strcspn(item, "=>< ");
    int which = 0;
    while (which < WORDS && (strlen(words[which]) != n || memcmp(words[which], item, n) != 0)) which++;
    if (which == WORDS) {
        item[n] = '\0';
        const char *near = mnk_nearest(item, words, WORDS);
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "keep: unknown word \"%.40s\"%s%s", item,
                                     near ? "; did you mean " : "", near ? near : "");
        mnk_error_hint(err, "authentic, alpha=A, inside, no-copy, distance>=D, separated by commas");
        return status;
    }
    if (seen[which]) return MNK_FAIL(err, MNK_ERR_USAGE, "keep: \"%s\" stands twice", words[which]);
    seen[which] = true;
    if (which == ALPHA) return number(item + n, "=", 0, 1, &k->alpha, err);
    if (which == DISTANCE) return number(item + n, ">=", 0, HUGE_VAL, &k->distance, err);
    if (item[n]) return MNK_FAIL(err, MNK_ERR_USAGE, "keep: \"%s\" takes no value, found \"%.40s\"", words[which], item + n);
    *(which == AUTHENTIC ? &k->authentic : which == INSIDE ? &k->inside : &k->no_copy) = true;
    return MNK_OK;
}

mnk_status mnk_keep_parse(const char *text, mnk_keep *out, mnk_error *err) {
    char copy[256];
    bool seen[WORDS] = {false};
    *out = (mnk_keep){.alpha = INFINITY};
    if (!text || !*text) return MNK_FAIL(err, MNK_ERR_USAGE, "keep: nothing named");
    if (strlen(text) >= sizeof copy) return MNK_FAIL(err, MNK_ERR_USAGE, "keep: longer than %zu characters", sizeof copy - 1);
    memcpy(copy, text, strlen(text) + 1);
    for (char *item = copy, *next = copy; next; item = next) {
        next = strchr(item, ',');
        if (next) *next++ = '\0';
        MNK_TRY(parse_word(item, out, seen, err));
    }
    return MNK_OK;
}

/* Bits of the words that the item fails. */
static unsigned failed(const mnk_keep *k, const mnk_audit *a, size_t i) {
    return (unsigned)(k->authentic && !a->authentic[i]) << AUTHENTIC |
           (unsigned)(k->alpha < (double)INFINITY && !(a->alpha[i] <= k->alpha + 1e-12)) << ALPHA |
           (unsigned)(k->inside && !a->inside[i]) << INSIDE | (unsigned)(k->no_copy && a->copy[i]) << NO_COPY |
           (unsigned)(k->distance > 0 && !(a->distance[i] >= k->distance)) << DISTANCE;
}

bool mnk_keep_item(const mnk_keep *k, const mnk_audit *a, size_t i) { return failed(k, a, i) == 0; }

size_t mnk_keep_rows(const mnk_keep *k, const mnk_audit *a, size_t *row, size_t dropped[5]) {
    size_t n = 0;
    if (dropped) memset(dropped, 0, WORDS * sizeof *dropped);
    for (size_t i = 0; i < a->n; i++) {
        const unsigned f = failed(k, a, i);
        for (int w = 0; w < WORDS && dropped; w++) dropped[w] += f >> w & 1;
        if (f) continue;
        if (row) row[n] = i;
        n++;
    }
    return n;
}
