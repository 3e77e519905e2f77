#include "keep.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

void cli_keep_print(const mnk_keep *k, const mnk_keep_report *r, const char *items) {
    printf("kept %zu of %zu %s (%.1f%%)\n", r->kept, r->drawn, items, r->drawn ? 100 * (double)r->kept / (double)r->drawn : 0);
    for (size_t w = 0; mnk_keep_word(w); w++)
        if (mnk_keep_has(k, w))
            printf("  %-10s %8zu fall (%.1f%%)\n", mnk_keep_word(w), r->dropped[w],
                   r->drawn ? 100 * (double)r->dropped[w] / (double)r->drawn : 0);
}

static const mnk_metric *partner(const mnk_result *r, const mnk_metric *before) {
    return mnk_result_find(r, before->id, before->encoding, "after");
}

static void value_text(const mnk_metric *m, char out[64]) {
    if (isnan(m->value)) snprintf(out, 64, "-");
    else if (isnan(m->low)) snprintf(out, 64, "%.3f", m->value);
    else snprintf(out, 64, "%.3f (%.3f .. %.3f)", m->value, m->low, m->high);
}

void cli_keep_print_effect(const mnk_result *r) {
    bool any = false;
    char a[64], b[64];
    for (size_t i = 0; i < r->metrics; i++) {
        const mnk_metric *m = &r->metric[i], *after = strcmp(m->subset, "before") == 0 ? partner(r, m) : NULL;
        if (!after || strstr(m->id, ".trtr")) continue; /* real against real: no gate touches it */
        if (!any) printf("\n%-28s %-10s %-26s %-26s %s\n", "metric", "encoding", "before", "after", "holdout, beyond chance");
        any = true;
        double holdout = NAN;
        for (int k = 0; k < after->references; k++)
            if (strcmp(after->reference[k].name, "holdout") == 0) holdout = after->reference[k].value;
        value_text(m, a);
        value_text(after, b);
        printf("%-28s %-10s %-26s %-26s ", m->id, *m->encoding ? m->encoding : "-", a, b);
        if (isnan(holdout)) printf("%9s", "-");
        else printf("%9.3f", holdout);
        printf("  %s%s\n", after->verdict, strncmp(after->note, "the gate", 8) == 0 ? "; the gate selects on this" : "");
    }
}

static void failed_words(const mnk_keep *k, const mnk_audit *a, size_t i, char out[96]) {
    const bool fails[] = {!a->authentic[i], !(a->alpha[i] <= k->alpha + 1e-12), !a->inside[i], a->copy[i] != 0,
                          !(a->distance[i] >= k->distance)};
    out[0] = '\0';
    for (size_t w = 0; mnk_keep_word(w); w++)
        if (mnk_keep_has(k, w) && fails[w]) {
            const size_t n = strlen(out);
            snprintf(out + n, 96 - n, "%s%s", n ? ", " : "", mnk_keep_word(w));
        }
}

mnk_status cli_keep_result(const mnk_keep *k, const mnk_audit *a, const mnk_keep_report *r, const mnk_result *before,
                           const mnk_result *after, uint64_t seed, double level, mnk_result **out, mnk_error *err) {
    mnk_result *x = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_result_open("audit-gate", seed, &x, err));
    for (size_t i = 0; before && i < before->inputs; i++)
        if (!mnk_result_add_input(x, before->input[i].role, before->input[i].path, before->input[i].n, before->input[i].hash))
            MNK_OUT(MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory"));
    MNK_OUT(mnk_keep_counts(k, r, level, x, err));
    if (after) MNK_OUT(mnk_keep_effect(k, before, after, x, err));
    else if (before) mnk_result_add_warning(x, "too few items are kept to judge them");
    for (size_t i = 0; i < a->n; i++) {
        if (mnk_keep_item(k, a, i)) continue;
        mnk_flag *f = mnk_result_add_flag(x, "dropped", i);
        if (!f) MNK_OUT(MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory"));
        f->of = (int64_t)a->nearest[i];
        f->distance = a->distance[i];
        failed_words(k, a, i, f->note);
    }
    *out = x;
    x = NULL;
out:
    mnk_result_close(x);
    return status;
}

mnk_status cli_keep_choose(const mnk_keep *k, const mnk_audit *a, size_t **row, mnk_keep_report *r, mnk_error *err) {
    size_t worst = 0;
    *r = (mnk_keep_report){.drawn = a->n};
    MNK_TRY(MNK_NEW(*row, a->n + 1, err));
    r->kept = mnk_keep_rows(k, a, *row, r->dropped);
    if (r->kept) return MNK_OK;
    for (size_t w = 0; mnk_keep_word(w); w++)
        if (mnk_keep_has(k, w) && r->dropped[w] > r->dropped[worst]) worst = w;
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "audit-gate: none of %zu items is kept; nothing was written", a->n);
    mnk_error_hint(err, "%zu fall by %s: ask for less", r->dropped[worst], mnk_keep_word(worst));
    return status;
}
