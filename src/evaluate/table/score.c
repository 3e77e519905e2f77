#include "evaluate/table/score.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "math/stats.h"

/* Units are dealt to a fixed number of groups, whose sums are added in order: the same for any number of threads. */
enum { GROUPS = 16 };

typedef struct group {
    mnk_influence unit, sum;
    double *persons; /* work */
    void *scratch;
} group;

typedef struct family_ctx {
    const mnk_family *f;
    const mnk_table_sets *s;
    mnk_score *score;
    mnk_influence sum[GROUPS];
    atomic_int failed;
} family_ctx;

size_t mnk_family_bytes(size_t rows, size_t scratch_bytes) { return GROUPS * (rows * 3 * sizeof(double) + scratch_bytes); }

static double role_variance(const mnk_table *t, const double *influence, double *persons) {
    double sum = 0;
    if (!t->person) {
        for (size_t i = 0; i < t->n; i++) sum += influence[i] * influence[i];
        return sum;
    }
    memset(persons, 0, t->persons * sizeof *persons);
    for (size_t i = 0; i < t->n; i++) persons[t->person[i]] += influence[i];
    for (size_t p = 0; p < t->persons; p++) sum += persons[p] * persons[p];
    return sum;
}

static double variance(const mnk_table_sets *s, const mnk_influence *influence, double *persons) {
    return role_variance(s->table[MNK_ROLE_TRAIN], influence->train, persons) +
           role_variance(s->table[MNK_ROLE_SYNTHETIC], influence->synthetic, persons);
}

static bool influence_open(mnk_influence *i, const mnk_table_sets *s) {
    i->train = mnk_alloc(mnk_sets_n(s, MNK_ROLE_TRAIN), sizeof(double));
    i->synthetic = mnk_alloc(mnk_sets_n(s, MNK_ROLE_SYNTHETIC), sizeof(double));
    return i->train && i->synthetic;
}

static void influence_close(mnk_influence *i) {
    mnk_free(i->train);
    mnk_free(i->synthetic);
    *i = (mnk_influence){0};
}

static void influence_add(mnk_influence *to, const mnk_influence *from, const mnk_table_sets *s) {
    for (size_t i = 0; i < mnk_sets_n(s, MNK_ROLE_TRAIN); i++) to->train[i] += from->train[i];
    for (size_t i = 0; i < mnk_sets_n(s, MNK_ROLE_SYNTHETIC); i++) to->synthetic[i] += from->synthetic[i];
}

static double *persons_work(const mnk_table_sets *s) {
    const size_t a = s->table[MNK_ROLE_TRAIN]->persons, b = s->table[MNK_ROLE_SYNTHETIC]->persons;
    return mnk_alloc(a > b ? a : b, sizeof(double));
}

static void group_task(void *ctx, size_t g) {
    family_ctx *c = ctx;
    const mnk_table_sets *s = c->s;
    group own = {0};
    own.persons = persons_work(s);
    own.scratch = mnk_alloc(c->f->scratch_bytes, 1);
    const bool ready = influence_open(&own.unit, s) && influence_open(&c->sum[g], s) && own.persons && own.scratch;
    for (size_t u = g; u < c->f->units && ready; u += GROUPS) {
        mnk_score *score = &c->score[u];
        *score = (mnk_score){.value = {NAN, NAN, NAN, NAN}, .expected = NAN, .variance = NAN};
        memset(own.unit.train, 0, mnk_sets_n(s, MNK_ROLE_TRAIN) * sizeof(double));
        memset(own.unit.synthetic, 0, mnk_sets_n(s, MNK_ROLE_SYNTHETIC) * sizeof(double));
        c->f->f(c->f->ctx, s, u, own.scratch, score, &own.unit);
        if (isnan(score->value[MNK_ROLE_SYNTHETIC])) continue;
        if (c->f->each) score->variance = variance(s, &own.unit, own.persons);
        influence_add(&c->sum[g], &own.unit, s);
    }
    if (!ready) atomic_store(&c->failed, 1);
    influence_close(&own.unit);
    mnk_free(own.persons);
    mnk_free(own.scratch);
}

/* Means over the units with a synthetic value; a reference over those of them where it is known. */
static void average(const mnk_score *score, size_t units, mnk_score *mean, size_t *valid) {
    size_t n[MNK_ROLES] = {0}, expected = 0;
    *mean = (mnk_score){.variance = NAN};
    *valid = 0;
    for (size_t u = 0; u < units; u++) {
        if (isnan(score[u].value[MNK_ROLE_SYNTHETIC])) continue;
        ++*valid;
        if (score[u].n > mean->n) mean->n = score[u].n;
        for (int role = 0; role < MNK_ROLES; role++)
            if (!isnan(score[u].value[role])) mean->value[role] += score[u].value[role], n[role]++;
        if (!isnan(score[u].expected)) mean->expected += score[u].expected, expected++;
    }
    for (int role = 0; role < MNK_ROLES; role++)
        mean->value[role] = n[role] ? mean->value[role] / (double)n[role] : (double)NAN;
    mean->expected = expected ? mean->expected / (double)expected : (double)NAN;
}

mnk_status mnk_family_run(const mnk_family *f, const mnk_table_sets *s, mnk_score *score, mnk_score *mean, mnk_error *err) {
    family_ctx c = {.f = f, .s = s, .score = score};
    double *persons = NULL;
    size_t valid = 0;
    mnk_status status = MNK_OK;
    if (!score) MNK_OUT(MNK_NEW(c.score, f->units, err));
    mnk_parallel_for(f->units < GROUPS ? f->units : GROUPS, group_task, &c);
    if (atomic_load(&c.failed)) MNK_OUT(MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the influence of rows"));
    average(c.score, f->units, mean, &valid);
    if (!valid) goto out;
    persons = persons_work(s);
    if (!persons) MNK_OUT(MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the influence of persons"));
    for (size_t g = 1; g < GROUPS && g < f->units; g++) influence_add(&c.sum[0], &c.sum[g], s);
    mean->variance = variance(s, &c.sum[0], persons) / ((double)valid * (double)valid);
out:
    for (size_t g = 0; g < GROUPS; g++) influence_close(&c.sum[g]);
    mnk_free(persons);
    if (!score) mnk_free(c.score);
    return status;
}

mnk_status mnk_score_add(mnk_result *r, const mnk_scale *scale, const char *column, const char *subset, const mnk_score *score,
                         double level, const char *note, mnk_error *err) {
    static const int role[3] = {MNK_ROLE_HOLDOUT, MNK_ROLE_TRAIN, MNK_ROLE_FLOOR};
    static const char *const name[3] = {"holdout", "copy", "floor"};
    mnk_metric *m = mnk_judge_metric(r, scale->id, scale->group, "", subset, score->value[MNK_ROLE_SYNTHETIC], score->n, level);
    if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a metric");
    snprintf(m->column, sizeof m->column, "%s", column);
    if (note) snprintf(m->note, sizeof m->note, "%s", note);
    if (!isnan(score->variance)) {
        const double half = mnk_normal_quantile((1 + level) / 2) * sqrt(score->variance);
        m->low = fmax(scale->low, m->value - half);
        m->high = fmin(scale->high, m->value + half);
    }
    for (int k = 0; k < 3; k++)
        if (!isnan(score->value[role[k]])) mnk_metric_add_reference(m, name[k], score->value[role[k]]);
    if (!isnan(score->expected)) mnk_metric_add_reference(m, "expected", score->expected);
    return MNK_OK;
}
