/* What dropping items does: how many fall by which word, and every figure before and after. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "manikin/keep.h"
#include "math/stats.h"

enum { AUTHENTIC, ALPHA, INSIDE, NO_COPY, DISTANCE, WORDS };

const char *mnk_keep_word(size_t i) {
    static const char *const words[WORDS] = {"authentic", "alpha", "inside", "no-copy", "distance"};
    return i < WORDS ? words[i] : NULL;
}

bool mnk_keep_has(const mnk_keep *k, size_t word) {
    return word == AUTHENTIC  ? k->authentic
           : word == ALPHA    ? k->alpha < (double)INFINITY
           : word == INSIDE   ? k->inside
           : word == NO_COPY  ? k->no_copy
           : word == DISTANCE ? k->distance > 0
                              : false;
}

static mnk_status add_share(const char *id, const char *subset, size_t part, size_t n, double level, mnk_result *r,
                            mnk_error *err) {
    mnk_metric *m = mnk_result_add_metric(r, id, "gate");
    if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the gate");
    snprintf(m->subset, sizeof m->subset, "%s", subset);
    m->n = n;
    m->level = level;
    if (n) {
        m->value = (double)part / (double)n;
        mnk_wilson((double)part, (double)n, level, &m->low, &m->high);
    }
    snprintf(m->note, sizeof m->note, "%zu of %zu", part, n);
    return MNK_OK;
}

mnk_status mnk_keep_counts(const mnk_keep *k, const mnk_keep_report *c, double level, mnk_result *r, mnk_error *err) {
    MNK_TRY(add_share("kept", "", c->kept, c->drawn, level, r, err));
    for (size_t w = 0; w < WORDS; w++)
        if (mnk_keep_has(k, w)) MNK_TRY(add_share("dropped", mnk_keep_word(w), c->dropped[w], c->drawn, level, r, err));
    return MNK_OK;
}

/* Which figures a word decides, in any encoding. */
static bool selects_on(const mnk_keep *k, const char *id) {
    static const struct {
        size_t word;
        const char *id;
    } list[] = {{AUTHENTIC, "authenticity"}, {AUTHENTIC, "exact_copies"}, {AUTHENTIC, "near_copies"},
                {ALPHA, "alpha_precision"},  {ALPHA, "artefacts"},        {ALPHA, "precision"},
                {INSIDE, "precision"},       {INSIDE, "density"},         {INSIDE, "artefacts"},
                {NO_COPY, "exact_copies"},   {DISTANCE, "exact_copies"},  {DISTANCE, "near_copies"},
                {DISTANCE, "authenticity"}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (mnk_keep_has(k, list[i].word) && strcmp(list[i].id, id) == 0) return true;
    return false;
}

static double se_of(const mnk_metric *m) { return (m->high - m->low) / (2 * mnk_normal_quantile(0.5 + m->level / 2)); }

static mnk_status add_row(const mnk_metric *from, const char *when, mnk_result *r, mnk_metric **out, mnk_error *err) {
    mnk_metric *m = mnk_result_add_metric(r, from->id, from->group);
    if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the gate");
    *m = *from;
    snprintf(m->subset, sizeof m->subset, "%s", when);
    *out = m;
    return MNK_OK;
}

mnk_status mnk_keep_effect(const mnk_keep *k, const mnk_result *before, const mnk_result *after, mnk_result *r,
                           mnk_error *err) {
    for (size_t i = 0; i < before->metrics; i++) {
        const mnk_metric *a = &before->metric[i];
        if (*a->subset || *a->column) continue;
        const mnk_metric *b = mnk_result_find(after, a->id, a->encoding, "");
        mnk_metric *row = NULL;
        if (!b) continue;
        MNK_TRY(add_row(a, "before", r, &row, err));
        MNK_TRY(add_row(b, "after", r, &row, err));
        const double se = hypot(se_of(a), se_of(b)), gap = b->value - a->value;
        const bool differs = fabs(gap) > mnk_normal_quantile(0.5 + a->level / 2) * se;
        snprintf(row->verdict, sizeof row->verdict, "%s",
                 gap == 0   ? "no change"
                 : !differs ? "cannot tell"
                 : gap > 0  ? "higher"
                            : "lower");
        if (selects_on(k, a->id)) snprintf(row->note, sizeof row->note, "the gate selects on this: it moves by construction");
    }
    return MNK_OK;
}
