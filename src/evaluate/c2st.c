#include "evaluate/c2st.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "math/stats.h"
#include "math/sweep.h"

enum { FOLDS_MAX = 20 };

mnk_c2st_settings mnk_c2st_defaults(uint64_t seed) {
    mnk_c2st_settings s = {.folds = 3, .seed = seed, .model = mnk_model_defaults(seed)};
    s.model.patience = 0; /* a fixed number of trees: a cut inside the folds would have twins across it */
    s.model.rounds = 50;
    return s;
}

/* ---- units ---- */

static int32_t root(int32_t *parent, int32_t i) {
    while (parent[i] != i) i = parent[i] = parent[parent[i]];
    return i;
}

static void join(int32_t *parent, size_t i, size_t j) {
    int32_t a = root(parent, (int32_t)i), b = root(parent, (int32_t)j);
    if (a < b) parent[b] = a;
    else parent[a] = b;
}

typedef struct keyed {
    uint64_t key;
    size_t row;
} keyed;

static int by_key(const void *a, const void *b) {
    const keyed *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static uint64_t hash_bytes(const void *bytes, size_t n, uint64_t h) { /* FNV-1a */
    for (size_t i = 0; i < n; i++) h = (h ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3u;
    return h;
}

static void join_equal_keys(int32_t *parent, keyed *key, size_t n) {
    qsort(key, n, sizeof *key, by_key);
    for (size_t i = 1; i < n; i++)
        if (key[i].key == key[i - 1].key) join(parent, key[i - 1].row, key[i].row);
}

static mnk_status points_of(const mnk_features *f, mnk_points *out, mnk_error *err) {
    float *x = NULL;
    MNK_TRY(MNK_NEW(x, f->n * f->linear_width + 1, err));
    for (size_t i = 0; i < f->n * f->linear_width; i++) x[i] = (float)f->linear[i];
    mnk_status status = mnk_points_open(x, f->n, f->linear_width, NULL, out, err);
    mnk_free(x);
    return status;
}

static void join_equal_rows(const mnk_features *a, const mnk_features *b, int32_t *parent, keyed *key) {
    for (size_t i = 0; i < a->n + b->n; i++) {
        const mnk_features *f = i < a->n ? a : b;
        size_t at = i < a->n ? i : i - a->n;
        uint64_t h = hash_bytes(f->tree + at * f->tree_width, f->tree_width * sizeof *f->tree, 0xcbf29ce484222325u);
        key[i] = (keyed){hash_bytes(f->linear + at * f->linear_width, f->linear_width * sizeof *f->linear, h), i};
    }
    join_equal_keys(parent, key, a->n + b->n);
}

/* Where more than near_share of a's rows have their like in a, equal rows are natural and nothing is joined: a table of few
 * distinct rows would fall apart into folds that share no row. */
static mnk_status join_twins(const mnk_features *a, const mnk_features *b, double near_share, int32_t *parent, keyed *key,
                             mnk_error *err) {
    mnk_status status = MNK_OK;
    mnk_points pa = {0}, pb = {0};
    mnk_knn self = {0};
    mnk_cross cross = {0};
    double *own = NULL;
    MNK_OUT(points_of(a, &pa, err));
    MNK_OUT(points_of(b, &pb, err));
    MNK_OUT(mnk_sweep_self(&pa, 1, &self, err));
    MNK_OUT(MNK_NEW(own, a->n, err));
    for (size_t i = 0; i < a->n; i++) own[i] = self.d2[i];
    double near = mnk_quantile(own, a->n, near_share);
    if (!(near > 0.0)) goto out;
    MNK_OUT(mnk_sweep_cross(&pa, &pb, &(mnk_cross_in){0}, &cross, err));
    join_equal_rows(a, b, parent, key);
    for (size_t j = 0; j < b->n; j++)
        if (cross.nearest_b_index[j] < a->n && cross.nearest_b2[j] < near) join(parent, cross.nearest_b_index[j], a->n + j);
out:
    mnk_points_close(&pa);
    mnk_points_close(&pb);
    mnk_knn_close(&self);
    mnk_cross_close(&cross);
    mnk_free(own);
    return status;
}

mnk_status mnk_c2st_units(const mnk_features *a, const mnk_features *b, const int32_t *person_a, const int32_t *person_b,
                          double near_share, int32_t *unit, size_t *units, mnk_error *err) {
    mnk_status status = MNK_OK;
    size_t n = a->n + b->n;
    int32_t *parent = NULL;
    keyed *key = NULL;
    *units = 0;
    MNK_OUT(MNK_NEW(parent, n + 1, err));
    MNK_OUT(MNK_NEW(key, n + 1, err));
    for (size_t i = 0; i < n; i++) parent[i] = (int32_t)i;
    for (size_t i = 0; i < n; i++) { /* rows without a person get a key of their own */
        const int32_t *person = i < a->n ? person_a : person_b;
        size_t at = i < a->n ? i : i - a->n;
        key[i] = (keyed){person ? (uint64_t)(uint32_t)person[at] << 2 | (i < a->n) : (uint64_t)i << 2 | 2, i};
    }
    join_equal_keys(parent, key, n);
    if (a->linear_width && a->n > 1 && b->n) MNK_OUT(join_twins(a, b, near_share, parent, key, err));
    for (size_t i = 0; i < n; i++) { /* a root is the smallest row of its unit */
        int32_t r = root(parent, (int32_t)i);
        unit[i] = (size_t)r == i ? (int32_t)(*units)++ : unit[r];
    }
out:
    mnk_free(parent);
    mnk_free(key);
    return status;
}

/* ---- folds ---- */

/* Units of both sets first, then those of one set, in random order; each goes where its set has fewest rows so far. */
static mnk_status deal(const mnk_c2st_task *t, int folds, uint64_t seed, uint8_t *fold, mnk_error *err) {
    mnk_status status = MNK_OK;
    size_t na = t->a->n, n = na + t->b->n, units = 0, held[FOLDS_MAX][2] = {{0}};
    size_t *order = NULL, (*rows)[2] = NULL;
    uint8_t *of = NULL;
    for (size_t i = 0; i < n; i++) {
        size_t u = t->unit ? (size_t)t->unit[i] : i;
        if (u + 1 > units) units = u + 1;
    }
    MNK_OUT(MNK_NEW(order, units + 1, err));
    MNK_OUT(MNK_NEW(rows, units + 1, err));
    MNK_OUT(MNK_NEW(of, units + 1, err));
    for (size_t i = 0; i < n; i++) rows[t->unit ? (size_t)t->unit[i] : i][i >= na]++;
    mnk_rng rng = mnk_rng_at(seed, MNK_PURPOSE_FOLD, 0, 0);
    mnk_rng_permutation(&rng, order, units);
    for (int pass = 0; pass < 3; pass++)
        for (size_t k = 0; k < units; k++) {
            size_t u = order[k], *r = rows[u];
            if (pass != (r[0] && r[1] ? 0 : r[0] ? 1 : 2)) continue;
            int side = r[1] > r[0], best = 0;
            for (int f = 1; f < folds; f++)
                if (held[f][side] < held[best][side]) best = f;
            of[u] = (uint8_t)best;
            for (int s = 0; s < 2; s++) held[best][s] += r[s];
        }
    for (size_t i = 0; i < n; i++) fold[i] = of[t->unit ? (size_t)t->unit[i] : i];
out:
    mnk_free(order);
    mnk_free(rows);
    mnk_free(of);
    return status;
}

/* ---- runs ---- */

typedef struct job {
    const mnk_c2st_task *task;
    const mnk_c2st_settings *s;
    mnk_outcome label[2]; /* zeros and ones for a and b */
    uint8_t *fold;        /* [n] */
    double *score;        /* [n] */
} job;

typedef struct runs {
    job *job;
    int folds;
    mnk_error *err; /* [jobs * folds] */
} runs;

static size_t rows_of(const job *j, int set, int fold, bool inside, size_t *row) {
    const mnk_features *f = set ? j->task->b : j->task->a;
    size_t first = set ? j->task->a->n : 0, n = 0;
    for (size_t i = 0; i < f->n; i++)
        if ((j->fold[first + i] == fold) == inside) row[n++] = i;
    return n;
}

/* Trains on everything outside the fold and scores the fold. */
static mnk_status one_fold(job *j, int fold, mnk_error *err) {
    mnk_status status = MNK_OK;
    mnk_model *model = NULL;
    mnk_training train = {0}, held = {0};
    size_t *row[2] = {NULL, NULL}, n[2];
    const mnk_features *f[2] = {j->task->a, j->task->b};
    double *prob = NULL;
    mnk_part part[2];
    for (int s = 0; s < 2; s++) {
        MNK_OUT(MNK_NEW(row[s], f[s]->n + 1, err));
        n[s] = rows_of(j, s, fold, false, row[s]);
        part[s] = (mnk_part){f[s], &j->label[s], NULL, row[s], n[s]};
    }
    MNK_OUT(mnk_training_gather(part, 2, &train, err));
    MNK_OUT(mnk_model_fit(j->task->kind, &train, &j->s->model, &model, err));
    for (int s = 0; s < 2; s++) part[s].n = n[s] = rows_of(j, s, fold, true, row[s]);
    MNK_OUT(mnk_training_gather(part, 2, &held, err));
    MNK_OUT(MNK_NEW(prob, 2 * held.features.n + 1, err));
    MNK_OUT(mnk_model_predict(model, &held.features, prob, err));
    for (size_t i = 0; i < n[0] + n[1]; i++) j->score[i < n[0] ? row[0][i] : f[0]->n + row[1][i - n[0]]] = prob[2 * i + 1];
out:
    mnk_model_close(model);
    mnk_training_close(&train);
    mnk_training_close(&held);
    mnk_free(row[0]);
    mnk_free(row[1]);
    mnk_free(prob);
    return status;
}

static void run_fold(void *ctx, size_t i) {
    runs *r = ctx;
    size_t folds = (size_t)r->folds;
    r->err[i] = (mnk_error)MNK_ERROR_INIT;
    if (one_fold(&r->job[i / folds], (int)(i % folds), &r->err[i]) != MNK_OK && r->err[i].code == MNK_OK)
        r->err[i].code = MNK_ERR_FAILED;
}

/* Mean of the folds' AUCs; the variance adds up the influence of each unit's rows. */
static mnk_status summarise(const job *j, int folds, mnk_auc *out, mnk_error *err) {
    mnk_status status = MNK_OK;
    size_t na = j->task->a->n, n = na + j->task->b->n, usable = 0;
    double *score = NULL, *influence = NULL, *sum = NULL;
    uint8_t *positive = NULL;
    size_t *row = NULL;
    *out = (mnk_auc){0.0, 0.0, n - na, na};
    MNK_OUT(MNK_NEW(score, n + 1, err));
    MNK_OUT(MNK_NEW(influence, n + 1, err));
    MNK_OUT(MNK_NEW(sum, n + 1, err));
    MNK_OUT(MNK_NEW(positive, n + 1, err));
    MNK_OUT(MNK_NEW(row, n + 1, err));
    for (int f = 0; f < folds; f++) {
        size_t m = 0;
        mnk_auc one;
        for (size_t i = 0; i < n; i++)
            if (j->fold[i] == f) score[m] = j->score[i], positive[m] = i >= na, row[m++] = i;
        MNK_OUT(mnk_auc_delong(score, positive, m, influence, &one, err));
        if (isnan(one.value)) continue;
        usable++;
        out->value += one.value;
        for (size_t i = 0; i < m; i++) sum[j->task->unit ? (size_t)j->task->unit[row[i]] : row[i]] += influence[i];
    }
    if (usable) out->value /= (double)usable;
    else out->value = NAN;
    double k = (double)usable; /* folds share training rows: Nadeau & Bengio 2003 */
    for (size_t u = 0; u < n && usable; u++) out->variance += sum[u] * sum[u] / (k * k) * (1.0 + k / (k - 1.0));
    if (usable < 2) out->variance = NAN;
out:
    mnk_free(score);
    mnk_free(influence);
    mnk_free(sum);
    mnk_free(positive);
    mnk_free(row);
    return status;
}

static mnk_status open_job(job *j, const mnk_c2st_task *task, const mnk_c2st_settings *s, double *score, mnk_error *err) {
    size_t n = task->a->n + task->b->n;
    *j = (job){.task = task, .s = s};
    for (int side = 0; side < 2; side++) {
        size_t rows = side ? task->b->n : task->a->n;
        if (rows < 2 * (size_t)s->folds)
            return MNK_FAIL(err, MNK_ERR_INPUT, "two-sample test of %zu rows: at least two for each of %d folds are needed",
                            rows, s->folds);
        MNK_TRY(mnk_outcome_open(MNK_TASK_CLASSES, 2, rows, &j->label[side], err));
        for (size_t i = 0; i < rows; i++) j->label[side].label[i] = side;
    }
    MNK_TRY(MNK_NEW(j->fold, n, err));
    MNK_TRY(MNK_NEW(j->score, n, err));
    if (score) memset(score, 0, n * sizeof *score);
    return deal(task, s->folds, s->seed, j->fold, err);
}

mnk_status mnk_c2st_run(const mnk_c2st_task *task, size_t tasks, const mnk_c2st_settings *s, mnk_auc *out, double *const *score,
                        mnk_error *err) {
    mnk_status status = MNK_OK;
    runs r = {.folds = s->folds};
    if (s->folds < 2 || s->folds > FOLDS_MAX)
        return MNK_FAIL(err, MNK_ERR_USAGE, "two-sample test: %d folds; 2 to %d", s->folds, FOLDS_MAX);
    size_t all = tasks * (size_t)s->folds;
    MNK_OUT(MNK_NEW(r.job, tasks + 1, err));
    MNK_OUT(MNK_NEW(r.err, all + 1, err));
    for (size_t t = 0; t < tasks; t++) MNK_OUT(open_job(&r.job[t], &task[t], s, score ? score[t] : NULL, err));
    mnk_parallel_for(all, run_fold, &r);
    for (size_t i = 0; i < all; i++)
        if (r.err[i].code != MNK_OK) MNK_OUT(MNK_FAIL(err, r.err[i].code, "%s", r.err[i].message));
    for (size_t t = 0; t < tasks; t++) {
        MNK_OUT(summarise(&r.job[t], s->folds, &out[t], err));
        if (score) memcpy(score[t], r.job[t].score, (task[t].a->n + task[t].b->n) * sizeof **score);
    }
out:
    for (size_t t = 0; r.job && t < tasks; t++) {
        mnk_outcome_close(&r.job[t].label[0]);
        mnk_outcome_close(&r.job[t].label[1]);
        mnk_free(r.job[t].fold);
        mnk_free(r.job[t].score);
    }
    mnk_free(r.job);
    mnk_free(r.err);
    return status;
}
