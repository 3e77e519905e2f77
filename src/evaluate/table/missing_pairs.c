/* Do columns miss together? Phi, the correlation of two columns' indicators of missing, in train and in a set. */
#include <math.h>

#include "base/mem.h"
#include "evaluate/table/families.h"

static bool misses_in_train(const mnk_table_sets *s, size_t c) {
    const mnk_table *t = s->table[MNK_ROLE_TRAIN];
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) n += mnk_table_is_missing(t, s->column[c], i);
    return n > 0 && n < t->n;
}

typedef struct phi {
    double a, b, r; /* shares missing; correlation, 0 where an indicator never changes */
} phi;

static phi phi_of(const mnk_table_sets *s, int role, const mnk_tuple *t) {
    const mnk_table *table = s->table[role];
    double n = (double)table->n, a = 0, b = 0, both = 0;
    for (size_t i = 0; i < table->n; i++) {
        const bool x = mnk_table_is_missing(table, s->column[t->column[0]], i),
                   y = mnk_table_is_missing(table, s->column[t->column[1]], i);
        a += x, b += y, both += x && y;
    }
    a /= n, b /= n;
    const double spread = sqrt(a * (1 - a) * b * (1 - b));
    return (phi){a, b, spread > 0 ? (both / n - a * b) / spread : 0};
}

/* The influence of a correlation is z z' - r (z^2 + z'^2)/2 (Devlin, Gnanadesikan & Kettenring 1975). */
static void add_influence(const mnk_table_sets *s, int role, const mnk_tuple *t, const phi *p, double slope, double *to) {
    const mnk_table *table = s->table[role];
    const double sa = sqrt(p->a * (1 - p->a)), sb = sqrt(p->b * (1 - p->b)), scale = slope / (double)table->n;
    if (!(sa > 0) || !(sb > 0)) return;
    for (size_t i = 0; i < table->n; i++) {
        const double x = (mnk_table_is_missing(table, s->column[t->column[0]], i) - p->a) / sa,
                     y = (mnk_table_is_missing(table, s->column[t->column[1]], i) - p->b) / sb;
        to[i] += scale * (x * y - p->r * (x * x + y * y) / 2);
    }
}

/* 1 - |phi - phi'| / 2 */
static void unit(const void *ctx, const mnk_table_sets *s, size_t pair, void *scratch, mnk_score *score,
                 const mnk_influence *influence) {
    const mnk_tuple *t = (const mnk_tuple *)ctx + pair;
    phi of[MNK_ROLES] = {{0}};
    (void)scratch;
    for (int role = 0; role < MNK_ROLES; role++) {
        if (!mnk_sets_n(s, role)) continue;
        of[role] = phi_of(s, role, t);
        score->value[role] = 1 - fabs(of[MNK_ROLE_TRAIN].r - of[role].r) / 2;
    }
    score->n = mnk_sets_n(s, MNK_ROLE_SYNTHETIC);
    const double d = of[MNK_ROLE_TRAIN].r - of[MNK_ROLE_SYNTHETIC].r, slope = d > 0 ? 0.5 : d < 0 ? -0.5 : 0;
    add_influence(s, MNK_ROLE_TRAIN, t, &of[MNK_ROLE_TRAIN], -slope, influence->train);
    add_influence(s, MNK_ROLE_SYNTHETIC, t, &of[MNK_ROLE_SYNTHETIC], slope, influence->synthetic);
}

mnk_status mnk_table_missing_pairs(const mnk_table_view *v, mnk_error *err) {
    static const mnk_scale scale = {"missing_pairs_similarity", "fidelity", 0, 1};
    const mnk_table_sets *s = v->sets;
    size_t n = 0, columns = 0, *with;
    mnk_tuple *tuple;
    mnk_status status = MNK_OK;
    MNK_TRY(MNK_NEW(with, s->columns + 1, err));
    for (size_t c = 0; c < s->columns; c++)
        if (misses_in_train(s, c)) with[columns++] = c;
    status = MNK_NEW(tuple, columns * columns / 2 + 1, err);
    for (size_t i = 0; i < columns && status == MNK_OK; i++)
        for (size_t j = i + 1; j < columns && n < MNK_MOST_PAIRS; j++)
            tuple[n++] = (mnk_tuple){{(uint16_t)with[i], (uint16_t)with[j]}};
    const mnk_family f = {n, unit, tuple, 0, v->by_column};
    if (status == MNK_OK)
        status = mnk_family_report(v, &f, &scale, tuple, 2, (size_t)s->config->shown, "1 - |phi - phi'| / 2 of what is missing",
                                   err);
    mnk_free(tuple);
    mnk_free(with);
    return status;
}
