/* Fidelity, diversity and authenticity inside every subgroup and pair of subgroups: is the table as good for all of them? */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "manikin/fairness.h"

/* A subgroup is judged on fewer rows than the whole: there may be 300 of them, and a thousand rows bound a share by 3 %. */
enum { MOST_ITEMS = 1000, MOST_ROWS = 2000, MOST_REPLICATES = 200, MOST_PAIRS = 200, MOST_TRIPLES = 100 };

typedef struct by_group {
    mnk_table_judge *judge;
    const mnk_table *table[3]; /* train, holdout, synthetic */
    const mnk_observer *observer;
    mnk_result *result;
    uint8_t *thinned[3];
    size_t done, groups;
} by_group;

/* Every step-th row of the subgroup, so that at most MOST_ROWS are left: the tables' rows are in no order that matters less. */
static const uint8_t *thin(by_group *g, int t, const uint8_t *mask, size_t n) {
    if (!mask || n <= MOST_ROWS) return mask;
    const size_t step = (n + MOST_ROWS - 1) / MOST_ROWS;
    size_t seen = 0;
    for (size_t i = 0; i < g->table[t]->n; i++) g->thinned[t][i] = mask[i] && seen++ % step == 0;
    return g->thinned[t];
}

static mnk_status judge_group(void *ctx, const mnk_subgroup_rows *rows, mnk_error *err) {
    by_group *g = ctx;
    mnk_observe_progress(g->observer, "subgroup", (double)g->done++, (double)g->groups, rows->group->name);
    const mnk_table_rows some = {rows->group->name, thin(g, 0, rows->train, rows->train_n),
                                 thin(g, 1, rows->holdout, rows->holdout_n), thin(g, 2, rows->synthetic, rows->synthetic_n),
                                 rows->group->number};
    return mnk_table_judge_run(g->judge, &some, MNK_TABLE_MARGINALS | MNK_TABLE_NEIGHBOURS, g->result, err);
}

static double holdout_of(const mnk_metric *m) {
    for (int i = 0; i < m->references; i++)
        if (strcmp(m->reference[i].name, "holdout") == 0) return m->reference[i].value;
    return NAN;
}

/* The subgroup in which a figure is farthest below what unseen real rows of that subgroup reach (small subgroups have other
 * values by themselves; without a holdout: below 1), as a row of its own with that subgroup's interval and reference lines. */
static mnk_status add_worst(const mnk_subgroups *s, const char *id, bool has_holdout, mnk_result *r, size_t first,
                            mnk_error *err) {
    size_t worst = SIZE_MAX, compared = 0;
    double gap = -INFINITY;
    for (size_t i = first; i < r->metrics; i++) {
        const mnk_metric *m = &r->metric[i];
        const double below = (has_holdout ? holdout_of(m) : 1) - m->value;
        if (strcmp(m->id, id) != 0 || *m->column || isnan(below)) continue;
        compared++;
        if (below > gap) gap = below, worst = i;
    }
    if (compared < 2) return MNK_OK;
    char name[64];
    snprintf(name, sizeof name, "worst_subgroup.%.40s", id);
    mnk_metric *w = mnk_result_add_metric(r, name, "fairness");
    if (!w) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a metric");
    const mnk_metric copy = r->metric[worst];
    snprintf(w->encoding, sizeof w->encoding, "%s", copy.encoding);
    w->value = copy.value, w->low = copy.low, w->high = copy.high, w->level = copy.level, w->n = copy.n;
    memcpy(w->reference, copy.reference, sizeof w->reference);
    w->references = copy.references;
    snprintf(w->note, sizeof w->note, "%s: %s of %zu (of %zu) subgroups, partly by chance", copy.subset,
             has_holdout ? "farthest below its holdout" : "the lowest", compared, mnk_subgroups_count(s));
    return MNK_OK;
}

mnk_status mnk_table_fidelity_by_subgroup(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic,
                                          const mnk_table_evaluate_config *config, const mnk_observer *observer, mnk_result *r,
                                          mnk_error *err) {
    static const char *const worst[] = {"precision", "coverage", "binned_accuracy_2"};
    mnk_table_evaluate_config c = *config;
    by_group g = {.table = {train, holdout, synthetic}, .observer = observer, .result = r};
    mnk_subgroups *s = NULL;
    bool truncated = false;
    mnk_status status = MNK_OK;
    const size_t first = r->metrics;
    if (c.max_items > MOST_ITEMS) c.max_items = MOST_ITEMS;
    if (c.replicates > MOST_REPLICATES) c.replicates = MOST_REPLICATES;
    if (c.pairs > MOST_PAIRS) c.pairs = MOST_PAIRS; /* a thousand pairs of a wide table cost more than the whole table's rows */
    if (c.triples > MOST_TRIPLES) c.triples = MOST_TRIPLES;
    c.compat = 0, c.permutations = 0, c.shown = 0;
    MNK_OUT(mnk_subgroups_open(train, true, &s, &truncated, err));
    g.groups = mnk_subgroups_count(s);
    if (!g.groups) goto out;
    for (int t = 0; t < 3; t++)
        if (g.table[t]) MNK_OUT(MNK_NEW(g.thinned[t], g.table[t]->n + 1, err));
    MNK_OUT(mnk_table_judge_open(train, holdout, synthetic, &c, observer, &g.judge, err));
    MNK_OUT(mnk_subgroups_each(train, holdout, synthetic, true, judge_group, &g, err));
    for (size_t k = 0; k < sizeof worst / sizeof *worst; k++) MNK_OUT(add_worst(s, worst[k], holdout != NULL, r, first, err));
    mnk_observe_progress(observer, "subgroup", (double)g.groups, (double)g.groups, "");
    if (truncated) mnk_result_add_warning(r, "more than %zu subgroups: fidelity of the others was not judged", g.groups);
out:
    for (int t = 0; t < 3; t++) mnk_free(g.thinned[t]);
    mnk_table_judge_close(g.judge);
    mnk_subgroups_close(s);
    return status;
}
