#include "evaluate/table/cells.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

/* Counts of one cell in every set, and the cells that have any, so that large tables cost what their rows cost. */
typedef struct cell {
    uint32_t n[MNK_ROLES];
} cell;

typedef struct counted {
    cell *cell;        /* [most_cells], all zero between units */
    uint32_t *list, n; /* cells with a row, in order of appearance */
    double total[MNK_ROLES];
} counted;

static size_t all_rows(const mnk_table_sets *s) {
    size_t n = 0;
    for (int role = 0; role < MNK_ROLES; role++) n += mnk_sets_n(s, role);
    return n;
}

size_t mnk_cells_scratch(const mnk_cells *c, const mnk_table_sets *s) {
    const size_t rows = all_rows(s), listed = rows < c->most_cells ? rows : c->most_cells;
    return c->most_cells * sizeof(cell) + (listed + 1) * sizeof(uint32_t);
}

static size_t cells_of(const mnk_cells *c, const mnk_tuple *t) {
    size_t cells = 1;
    for (int k = 0; k < c->ways; k++) cells *= c->binned->levels[t->column[k]];
    return cells;
}

void mnk_cells_fit(mnk_cells *c, size_t units, size_t cap) {
    c->most_cells = 1;
    for (size_t u = 0; u < units; u++) {
        const size_t cells = cells_of(c, &c->tuple[u]);
        if (cells <= cap && cells > c->most_cells) c->most_cells = cells;
    }
}

/* The cell of a row; SIZE_MAX when it takes no part. */
static size_t cell_of(const mnk_cells *c, const mnk_tuple *t, int role, size_t i) {
    size_t at = 0;
    for (int k = 0; k < c->ways; k++) {
        const uint16_t v = c->binned->code[role][t->column[k]][i];
        if (c->drop_missing && v == 0) return SIZE_MAX;
        at = at * c->binned->levels[t->column[k]] + v;
    }
    return at;
}

static void count(const mnk_cells *c, const mnk_table_sets *s, const mnk_tuple *t, counted *k) {
    static const cell none = {{0}};
    k->n = 0;
    for (int role = 0; role < MNK_ROLES; role++) {
        size_t n = 0;
        for (size_t i = 0; i < mnk_sets_n(s, role); i++) {
            const size_t at = cell_of(c, t, role, i);
            if (at == SIZE_MAX) continue;
            if (!memcmp(&k->cell[at], &none, sizeof none)) k->list[k->n++] = (uint32_t)at;
            k->cell[at].n[role]++;
            n++;
        }
        k->total[role] = (double)n;
    }
}

static double rounded(double x, int decimals) {
    const double ten = pow(10, decimals);
    return decimals < 0 ? x : nearbyint(x * ten) / ten;
}

/* 1 - sum |p - q| / 2 */
static double complement(const mnk_cells *c, const counted *k, int role) {
    double l1 = 0, extra = 0;
    if (k->total[role] == 0 || k->total[MNK_ROLE_TRAIN] == 0) return NAN;
    for (size_t u = 0; u < k->n && c->unseen > 0; u++) {
        const cell *x = &k->cell[k->list[u]];
        extra += !x->n[MNK_ROLE_TRAIN] && x->n[role] ? c->unseen : 0;
    }
    for (size_t u = 0; u < k->n; u++) {
        const cell *x = &k->cell[k->list[u]];
        const double train = x->n[MNK_ROLE_TRAIN] ? x->n[MNK_ROLE_TRAIN] : x->n[role] ? c->unseen : 0;
        l1 += fabs(train / (k->total[MNK_ROLE_TRAIN] + extra) - x->n[role] / k->total[role]);
    }
    return rounded(1 - l1 / 2, c->decimals);
}

/* E sum |p - q| of two samples of one multinomial, each difference taken as normal: sum sqrt(2/pi p (1-p) (1/n + 1/m)). */
static double expected(const mnk_cells *c, const counted *k) {
    const double n = k->total[MNK_ROLE_TRAIN], m = k->total[MNK_ROLE_SYNTHETIC];
    double l1 = 0;
    for (size_t u = 0; u < k->n; u++) {
        const double p = k->cell[k->list[u]].n[MNK_ROLE_TRAIN] / n;
        l1 += sqrt(M_2_PI * p * (1 - p) * (1 / n + 1 / m));
    }
    return rounded(1 - l1 / 2, c->decimals);
}

static double half_sign(const counted *k, size_t at) {
    const double p = k->cell[at].n[MNK_ROLE_TRAIN] / k->total[MNK_ROLE_TRAIN];
    const double q = k->cell[at].n[MNK_ROLE_SYNTHETIC] / k->total[MNK_ROLE_SYNTHETIC];
    return p > q ? 0.5 : p < q ? -0.5 : 0;
}

static void add_influence(const mnk_cells *c, const mnk_table_sets *s, const mnk_tuple *t, const counted *k, int role,
                          double sign, double *influence) {
    double mean = 0;
    for (size_t u = 0; u < k->n; u++) mean += k->cell[k->list[u]].n[role] / k->total[role] * half_sign(k, k->list[u]);
    for (size_t i = 0; i < mnk_sets_n(s, role); i++) {
        const size_t at = cell_of(c, t, role, i);
        if (at != SIZE_MAX) influence[i] += sign * (half_sign(k, at) - mean) / k->total[role];
    }
}

void mnk_cells_unit(const void *ctx, const mnk_table_sets *s, size_t unit, void *scratch, mnk_score *score,
                    const mnk_influence *influence) {
    const mnk_cells *c = ctx;
    const mnk_tuple *t = &c->tuple[unit];
    counted k = {.cell = scratch, .list = (uint32_t *)((cell *)scratch + c->most_cells)};
    if (cells_of(c, t) > c->most_cells) return;
    count(c, s, t, &k);
    for (int role = 0; role < MNK_ROLES; role++)
        if (s->table[role]) score->value[role] = complement(c, &k, role);
    score->n = (size_t)k.total[MNK_ROLE_SYNTHETIC];
    if (!isnan(score->value[MNK_ROLE_SYNTHETIC])) {
        score->expected = expected(c, &k);
        add_influence(c, s, t, &k, MNK_ROLE_TRAIN, -1, influence->train);
        add_influence(c, s, t, &k, MNK_ROLE_SYNTHETIC, 1, influence->synthetic);
    }
    for (size_t u = 0; u < k.n; u++) memset(&k.cell[k.list[u]], 0, sizeof(cell));
}

/* ---- which tuples ---- */

static bool next_tuple(mnk_tuple *t, int ways, size_t columns) {
    for (int k = ways - 1; k >= 0; k--) {
        if ((size_t)t->column[k] + (size_t)(ways - k) < columns) {
            t->column[k]++;
            for (int l = k + 1; l < ways; l++) t->column[l] = (uint16_t)(t->column[l - 1] + 1);
            return true;
        }
    }
    return false;
}

static mnk_tuple first_tuple(void) { return (mnk_tuple){{0, 1, 2}}; }

mnk_status mnk_tuples_list(const mnk_table_sets *s, int ways, size_t most,
                           bool (*takes)(const mnk_table_sets *, const mnk_tuple *), mnk_tuple **out, size_t *n,
                           bool *is_sample, mnk_error *err) {
    size_t total = 0;
    mnk_tuple t = first_tuple();
    const bool any = s->columns >= (size_t)ways && s->columns < UINT16_MAX;
    *n = 0;
    if (any) do
            total += !takes || takes(s, &t);
        while (next_tuple(&t, ways, s->columns));
    *is_sample = total > most;
    MNK_TRY(MNK_NEW(*out, total < most ? total : most, err));
    mnk_rng r = mnk_rng_at(s->config->seed, MNK_PURPOSE_TUPLE, (uint64_t)ways, 0);
    size_t left = total, wanted = total < most ? total : most;
    t = first_tuple();
    for (bool more = total > 0; more && wanted; more = next_tuple(&t, ways, s->columns)) {
        if (takes && !takes(s, &t)) continue;
        if (mnk_rng_below(&r, left--) < wanted) (*out)[(*n)++] = t, wanted--; /* selection sampling (Knuth, 3.4.2 S) */
    }
    return MNK_OK;
}
