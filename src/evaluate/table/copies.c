/* Copies of training rows: equal in every compared column, or nearer than holdout rows are. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "evaluate/table/flags.h"
#include "manikin/copies.h"
#include "math/stats.h"

typedef struct hashed {
    uint64_t hash;
    uint32_t row;
} hashed;

static uint64_t mix(uint64_t h, uint64_t v) { /* splitmix64's finish (Steele, Lea & Flood 2014) over a running sum */
    h += v + 0x9e3779b97f4a7c15u;
    h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9u;
    h = (h ^ (h >> 27)) * 0x94d049bb133111ebu;
    return h ^ (h >> 31);
}

static uint64_t row_hash(const mnk_table_sets *s, const mnk_table *t, size_t i) {
    uint64_t h = 0;
    for (size_t k = 0; k < s->columns; k++) {
        const size_t c = s->column[k];
        uint64_t v = UINT64_MAX;
        if (t->number[c] && !isnan(t->number[c][i])) {
            const double x = t->number[c][i] + 0.0; /* one zero */
            memcpy(&v, &x, sizeof v);
        } else if (t->code[c]) {
            v = (uint64_t)(int64_t)t->code[c][i];
        }
        h = mix(h, v);
    }
    return h;
}

static bool same_row(const mnk_table_sets *s, const mnk_table *a, size_t i, const mnk_table *b, size_t j) {
    for (size_t k = 0; k < s->columns; k++) {
        const size_t c = s->column[k];
        if (a->code[c] ? a->code[c][i] != b->code[c][j]
                       : a->number[c][i] != b->number[c][j] && !(isnan(a->number[c][i]) && isnan(b->number[c][j])))
            return false;
    }
    return true;
}

static int by_hash(const void *a, const void *b) {
    const hashed *x = a, *y = b;
    if (x->hash != y->hash) return x->hash < y->hash ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

mnk_status mnk_table_exact_copies(const mnk_table_sets *s, int role, uint8_t *copy, uint32_t *of, mnk_error *err) {
    const mnk_table *train = s->table[MNK_ROLE_TRAIN], *t = s->table[role];
    hashed *list = NULL;
    MNK_TRY(MNK_NEW(list, train->n, err));
    for (size_t i = 0; i < train->n; i++) list[i] = (hashed){row_hash(s, train, i), (uint32_t)i};
    qsort(list, train->n, sizeof *list, by_hash);
    for (size_t j = 0; j < t->n; j++) {
        const uint64_t h = row_hash(s, t, j);
        size_t low = 0, high = train->n;
        while (low < high) {
            const size_t mid = (low + high) / 2;
            if (list[mid].hash < h) low = mid + 1;
            else high = mid;
        }
        copy[j] = 0;
        for (; low < train->n && list[low].hash == h && !copy[j]; low++) {
            copy[j] = same_row(s, train, list[low].row, t, j);
            if (copy[j] && of) of[j] = list[low].row;
        }
    }
    mnk_free(list);
    return MNK_OK;
}

typedef struct row_copy {
    uint32_t row; /* of train */
    float distance;
    bool is_exact;
} row_copy;

/* Nearest training row of every row of one set. */
static mnk_status find(const mnk_table_sets *s, const mnk_encoded *e, int role, const mnk_points *train, const float *centre,
                       row_copy *out, mnk_error *err) {
    const size_t n = mnk_sets_n(s, role);
    mnk_points other = {0};
    mnk_cross cross = {0};
    uint8_t *copy = NULL;
    uint32_t *of = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(copy, n, err));
    MNK_OUT(MNK_NEW(of, n, err));
    MNK_OUT(mnk_table_exact_copies(s, role, copy, of, err));
    MNK_OUT(mnk_encoded_points(e, (mnk_role)role, NULL, n, centre, &other, err));
    MNK_OUT(mnk_sweep_cross(train, &other, NULL, &cross, err));
    for (size_t j = 0; j < n; j++)
        out[j] = (row_copy){.row = copy[j] ? of[j] : cross.nearest_b_index[j],
                            .is_exact = copy[j],
                            .distance = copy[j] ? 0 : sqrtf(cross.nearest_b2[j])};
out:
    mnk_free(copy);
    mnk_free(of);
    mnk_points_close(&other);
    mnk_cross_close(&cross);
    return status;
}

/* What counts as near, from the rows of the holdout (manikin/copies.h), all of one class. */
static mnk_status threshold_of(const row_copy *c, const mnk_table *t, double share, mnk_copy_threshold *out, mnk_error *err) {
    float *score = NULL;
    int32_t *label = NULL;
    mnk_copy_null null = {0};
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(score, t->n, err));
    MNK_OUT(MNK_NEW(label, t->n, err));
    for (size_t j = 0; j < t->n; j++) score[j] = c[j].distance;
    MNK_OUT(mnk_copy_null_make(score, label, t->person, t->n, 1, &null, err));
    *out = mnk_copy_null_threshold(&null, 0, share);
out:
    mnk_copy_null_close(&null);
    mnk_free(score);
    mnk_free(label);
    return status;
}

static bool is_near(const row_copy *c, const mnk_copy_threshold *t) { return c->is_exact || (double)c->distance < t->score; }

typedef struct shares {
    double exact, near;
} shares;

static mnk_status share_of(const row_copy *c, const mnk_table *t, const mnk_copy_threshold *threshold, double level,
                           shares *out, double low[2], double high[2], mnk_error *err) {
    uint8_t *hit = NULL;
    MNK_TRY(MNK_NEW(hit, t->n, err));
    mnk_status status = MNK_OK;
    for (int near = 0; near < 2 && status == MNK_OK; near++) {
        double sum = 0;
        for (size_t j = 0; j < t->n; j++) sum += hit[j] = near ? is_near(&c[j], threshold) : c[j].is_exact;
        *(near ? &out->near : &out->exact) = sum / (double)t->n;
        status = mnk_wilson_units(hit, t->person, t->n, t->persons, level, &low[near], &high[near], err);
    }
    mnk_free(hit);
    return status;
}

static mnk_status flag_rows(const row_copy *c, size_t n, const mnk_copy_threshold *threshold, mnk_result *r, mnk_error *err) {
    for (size_t j = 0; j < n; j++) {
        if (!is_near(&c[j], threshold)) continue;
        mnk_flag *f = mnk_result_add_flag(r, c[j].is_exact ? "exact_copy" : "near_copy", j);
        if (!f) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a flag");
        f->of = (int64_t)c[j].row;
        f->distance = (double)c[j].distance;
        snprintf(f->note, sizeof f->note, "%s",
                 c[j].is_exact ? "equal in every compared column" : "nearer to a training row than unseen real rows are");
    }
    return MNK_OK;
}

static mnk_status add_metrics(const mnk_table_sets *s, const shares of[MNK_ROLES], const double low[2], const double high[2],
                              const mnk_copy_threshold *t, mnk_result *r, mnk_error *err) {
    static const char *const id[2] = {"exact_copies", "near_copies"};
    for (int near = 0; near < 2; near++) {
        const bool known = !near || t->score >= 0;
        mnk_metric *m = mnk_judge_metric(r, id[near], "authenticity", near ? "mixed" : "", "",
                                         !known ? (double)NAN
                                         : near ? of[MNK_ROLE_SYNTHETIC].near
                                                : of[MNK_ROLE_SYNTHETIC].exact,
                                         mnk_sets_n(s, MNK_ROLE_SYNTHETIC), s->config->level);
        if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a metric");
        if (!known) {
            snprintf(m->note, sizeof m->note, "near copies are judged against holdout, which is missing");
            continue;
        }
        m->low = low[near], m->high = high[near];
        if (s->table[MNK_ROLE_HOLDOUT]) mnk_metric_add_reference(m, "holdout", near ? t->expected : of[MNK_ROLE_HOLDOUT].exact);
        mnk_metric_add_reference(m, "copy", 1);
        mnk_metric_add_reference(m, "floor", near ? of[MNK_ROLE_FLOOR].near : of[MNK_ROLE_FLOOR].exact);
    }
    return MNK_OK;
}

mnk_status mnk_table_copies(const mnk_table_sets *s, const mnk_encoded *e, const mnk_observer *o, mnk_result *r,
                            mnk_error *err) {
    static const int order[3] = {MNK_ROLE_HOLDOUT, MNK_ROLE_SYNTHETIC, MNK_ROLE_FLOOR}; /* holdout gives the threshold */
    const size_t n = mnk_sets_n(s, MNK_ROLE_TRAIN);
    mnk_points train = {0};
    mnk_copy_threshold threshold = {.score = -1};
    row_copy *copy = NULL;
    float *centre = NULL;
    shares share[MNK_ROLES] = {{0, 0}};
    double low[3][2], high[3][2];
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(centre, e->near_d + 1, err));
    MNK_OUT(mnk_encoded_centre(e, NULL, n, centre, err));
    MNK_OUT(mnk_encoded_points(e, MNK_ROLE_TRAIN, NULL, n, centre, &train, err));
    for (int k = 0; k < 3; k++) {
        const mnk_table *t = s->table[order[k]];
        if (!t) continue;
        mnk_observe_progress(o, "copies", k, 3, mnk_role_names[order[k]]);
        if (mnk_observe_stopped(o)) MNK_OUT(MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped while looking for copies"));
        mnk_free(copy);
        copy = NULL;
        MNK_OUT(MNK_NEW(copy, t->n, err));
        MNK_OUT(find(s, e, order[k], &train, centre, copy, err));
        if (k == 0) {
            MNK_OUT(threshold_of(copy, t, s->config->near_share, &threshold, err));
        }
        MNK_OUT(share_of(copy, t, &threshold, s->config->level, &share[order[k]], low[k], high[k], err));
        if (k == 1) MNK_OUT(flag_rows(copy, t->n, &threshold, r, err));
    }
    MNK_OUT(add_metrics(s, share, low[1], high[1], &threshold, r, err));
out:
    mnk_free(centre);
    mnk_free(copy);
    mnk_points_close(&train);
    return status;
}
