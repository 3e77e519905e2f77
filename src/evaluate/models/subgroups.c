#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "manikin/fairness.h"
#include "math/stats.h"

enum { LEVELS_MAX = 20, GROUPS_MAX = 300, QUARTILES = 4 };

/* One way to belong: a level, or a range of numbers. */
typedef struct part {
    size_t column;
    int32_t level;
    double low, high; /* numbers: low <= x < high */
    char name[64];
} part;

typedef struct entry {
    mnk_subgroup group;
    part part[2];
} entry;

struct mnk_subgroups {
    entry *entry;
    size_t n;
};

size_t mnk_subgroups_count(const mnk_subgroups *s) { return s->n; }
const mnk_subgroup *mnk_subgroups_at(const mnk_subgroups *s, size_t k) { return &s->entry[k].group; }

void mnk_subgroups_close(mnk_subgroups *s) {
    if (!s) return;
    mnk_free(s->entry);
    mnk_free(s);
}

static bool belongs(const part *p, const mnk_table *t, size_t i) {
    if (t->code[p->column]) return t->code[p->column][i] == p->level;
    double x = t->number[p->column][i];
    return x >= p->low && x < p->high;
}

size_t mnk_subgroups_mask(const mnk_subgroups *s, size_t k, const mnk_table *t, uint8_t *mask) {
    const entry *e = &s->entry[k];
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        mask[i] = belongs(&e->part[0], t, i) && (!e->group.pair || belongs(&e->part[1], t, i));
        n += mask[i];
    }
    return n;
}

/* ---- parts of one column ---- */

/* Quartiles of train; fewer where values repeat. */
static mnk_status number_parts(const mnk_table *t, size_t c, part *out, size_t *n, mnk_error *err) {
    const char *name = t->schema->column[c].name;
    double *x = NULL, cut[QUARTILES + 1] = {-INFINITY};
    size_t have = 0, cuts = 1;
    MNK_TRY(MNK_NEW(x, t->n + 1, err));
    for (size_t i = 0; i < t->n; i++)
        if (isfinite(t->number[c][i])) x[have++] = t->number[c][i];
    for (int q = 1; q < QUARTILES && have; q++) {
        double at = mnk_quantile(x, have, (double)q / QUARTILES);
        if (at > cut[cuts - 1] && at > x[0]) cut[cuts++] = at;
    }
    cut[cuts] = INFINITY;
    for (size_t k = 0; k < cuts && have; k++) {
        part *p = &out[(*n)++];
        *p = (part){.column = c, .level = -1, .low = cut[k], .high = cut[k + 1]};
        if (cuts == 1) snprintf(p->name, sizeof p->name, "%.20s known", name);
        else if (k == 0) snprintf(p->name, sizeof p->name, "%.20s<%.4g", name, cut[1]);
        else if (k + 1 == cuts) snprintf(p->name, sizeof p->name, "%.20s>=%.4g", name, cut[k]);
        else snprintf(p->name, sizeof p->name, "%.16s %.4g to %.4g", name, cut[k], cut[k + 1]);
    }
    mnk_free(x);
    return MNK_OK;
}

/* The LEVELS_MAX most frequent levels of train, in the schema's order. */
static mnk_status level_parts(const mnk_table *t, size_t c, part *out, size_t *n, bool *truncated, mnk_error *err) {
    const mnk_column *column = &t->schema->column[c];
    size_t *count = NULL, seen = 0;
    uint8_t *taken = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(count, column->levels + 1, err));
    MNK_OUT(MNK_NEW(taken, column->levels + 1, err));
    for (size_t i = 0; i < t->n; i++)
        if (t->code[c][i] >= 0) seen += count[t->code[c][i]]++ == 0;
    for (size_t pass = 0; pass < LEVELS_MAX && pass < seen; pass++) {
        size_t best = column->levels;
        for (size_t l = 0; l < column->levels; l++)
            if (!taken[l] && (best == column->levels || count[l] > count[best])) best = l;
        taken[best] = 1;
    }
    *truncated |= seen > LEVELS_MAX;
    for (size_t l = 0; l < column->levels; l++) {
        if (!taken[l]) continue;
        part *p = &out[(*n)++];
        *p = (part){.column = c, .level = (int32_t)l};
        snprintf(p->name, sizeof p->name, "%.16s=%.20s", column->name, column->level[l]);
    }
out:
    mnk_free(count);
    mnk_free(taken);
    return status;
}

/* Long names are cut; what then reads the same gets its number. */
static void make_unique(mnk_subgroups *s, entry *e) {
    char base[64];
    for (size_t k = 0; k + 1 < s->n; k++) {
        if (strcmp(s->entry[k].group.name, e->group.name) != 0) continue;
        snprintf(base, sizeof base, "%s", e->group.name);
        snprintf(e->group.name, sizeof e->group.name, "%.50s #%u", base, e->group.number);
        return;
    }
}

static void add(mnk_subgroups *s, const part *a, const part *b, bool *truncated) {
    if (s->n == GROUPS_MAX) {
        *truncated = true;
        return;
    }
    entry *e = &s->entry[s->n++];
    e->part[0] = *a;
    e->group = (mnk_subgroup){.column = {a->column, 0}, .number = (uint32_t)s->n};
    if (b) {
        e->part[1] = *b;
        e->group.pair = true;
        e->group.column[1] = b->column;
        snprintf(e->group.name, sizeof e->group.name, "%.30s & %.30s", a->name, b->name);
    } else snprintf(e->group.name, sizeof e->group.name, "%s", a->name);
    make_unique(s, e);
}

mnk_status mnk_subgroups_open(const mnk_table *train, bool pairs, mnk_subgroups **out, bool *truncated, mnk_error *err) {
    mnk_status status = MNK_OK;
    mnk_subgroups *s = NULL;
    part *list = NULL;
    size_t n = 0, columns = 0;
    bool more = false;
    *out = NULL;
    for (size_t c = 0; c < train->schema->columns; c++)
        columns += (train->schema->column[c].roles & MNK_COLUMN_IS_SUBGROUP) != 0;
    MNK_OUT(MNK_NEW(s, 1, err));
    MNK_OUT(MNK_NEW(s->entry, GROUPS_MAX, err));
    MNK_OUT(MNK_NEW(list, columns * LEVELS_MAX + 1, err));
    for (size_t c = 0; c < train->schema->columns; c++) {
        if (!(train->schema->column[c].roles & MNK_COLUMN_IS_SUBGROUP)) continue;
        if (train->number[c]) MNK_OUT(number_parts(train, c, list, &n, err));
        else MNK_OUT(level_parts(train, c, list, &n, &more, err));
    }
    for (size_t k = 0; k < n; k++) add(s, &list[k], NULL, &more);
    for (size_t k = 0; pairs && k < n; k++)
        for (size_t m = k + 1; m < n; m++) {
            bool any = false;
            for (size_t i = 0; i < train->n && !any && list[m].column != list[k].column; i++)
                any = belongs(&list[k], train, i) && belongs(&list[m], train, i);
            if (any) add(s, &list[k], &list[m], &more);
        }
    if (truncated) *truncated = more;
    *out = s;
    s = NULL;
out:
    mnk_free(list);
    mnk_subgroups_close(s);
    return status;
}

mnk_status mnk_subgroups_each(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic, bool pairs,
                              mnk_subgroup_f *f, void *ctx, mnk_error *err) {
    mnk_status status = MNK_OK;
    mnk_subgroups *s = NULL;
    const mnk_table *const table[] = {train, holdout, synthetic};
    uint8_t *mask[3] = {NULL};
    MNK_OUT(mnk_subgroups_open(train, pairs, &s, NULL, err));
    for (int t = 0; t < 3; t++)
        if (table[t]) MNK_OUT(MNK_NEW(mask[t], table[t]->n + 1, err));
    for (size_t k = 0; k < s->n; k++) {
        size_t n[3] = {0};
        for (int t = 0; t < 3; t++)
            if (table[t]) n[t] = mnk_subgroups_mask(s, k, table[t], mask[t]);
        mnk_subgroup_rows rows = {&s->entry[k].group, mask[0], mask[1], mask[2], n[0], n[1], n[2]};
        MNK_OUT(f(ctx, &rows, err));
    }
out:
    for (int t = 0; t < 3; t++) mnk_free(mask[t]);
    mnk_subgroups_close(s);
    return status;
}
