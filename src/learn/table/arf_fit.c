/* The adversarial loop. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "learn/table/arf.h"

enum { CHUNK = 1024, JUDGED_MAX = 40000 /* rows that the accuracy is taken from */ };
static const double bag_share = 0.632; /* of rows in a tree's bag, as a bootstrap sample has distinct ones */

typedef struct forest { /* one round's trees, and where the real rows lie in them */
    mnk_bintree *tree;
    size_t trees;
    float **vote;      /* [tree][leaf] share of real rows in the bag */
    uint64_t **bag;    /* [tree] bit by row */
    uint32_t **start;  /* [tree][leaf + 1] into member */
    uint32_t **member; /* [tree][m] real rows by leaf */
    uint32_t **leaf;   /* [tree][m] leaf of each real row */
} forest;

typedef struct loop {
    const mnk_arf *a;
    mnk_fit_context *context;
    size_t columns, m; /* real rows taken, and as many synthetic ones */
    uint8_t *bins;     /* [column*2m + row]: real rows, then synthetic */
    uint8_t *real;     /* [2m] */
    double *appeal;    /* [columns] */
    forest now, next;
    uint32_t round;
    size_t stride; /* every stride-th row is judged */
    mnk_status *status;
} loop;

static void free_lists(void *list, size_t n) {
    void **p = list;
    for (size_t i = 0; p && i < n; i++) mnk_free(p[i]);
    mnk_free(list);
}

static void close_forest(forest *f) {
    mnk_bintrees_close(f->tree, f->trees);
    free_lists(f->vote, f->trees);
    free_lists(f->bag, f->trees);
    free_lists(f->start, f->trees);
    free_lists(f->member, f->trees);
    free_lists(f->leaf, f->trees);
    *f = (forest){0};
}

static mnk_status open_forest(size_t trees, forest *f, mnk_error *err) {
    *f = (forest){.trees = trees};
    MNK_TRY(MNK_NEW(f->tree, trees, err));
    MNK_TRY(MNK_NEW(f->vote, trees, err));
    MNK_TRY(MNK_NEW(f->bag, trees, err));
    MNK_TRY(MNK_NEW(f->start, trees, err));
    MNK_TRY(MNK_NEW(f->member, trees, err));
    return MNK_NEW(f->leaf, trees, err);
}

/* Streams of one round: `what` 0 the trees, 1 the synthetic rows. */
static mnk_rng stream(const loop *l, uint64_t item, uint32_t what) {
    return mnk_rng_at(l->context->seed, MNK_PURPOSE_TABLE_FIT, item, (l->round << 4 | what) << 1 | l->context->stream);
}

/* ---- a tree ---- */

static mnk_status count_votes(const loop *l, const uint32_t *row, size_t n, size_t t, forest *f, mnk_error *err) {
    uint32_t *real;
    MNK_TRY(MNK_NEW(f->vote[t], f->tree[t].leaves + 1, err));
    MNK_TRY(MNK_NEW(real, 2 * f->tree[t].leaves + 2, err));
    for (size_t i = 0; i < n; i++) {
        int32_t leaf = f->tree[t].node[mnk_bintree_find(&f->tree[t], l->bins, 2 * l->m, row[i])].left;
        real[2 * leaf + l->real[row[i]]]++;
    }
    for (size_t k = 0; k < f->tree[t].leaves; k++)
        f->vote[t][k] = (float)real[2 * k + 1] / (float)(real[2 * k] + real[2 * k + 1] + (real[2 * k] + real[2 * k + 1] == 0));
    mnk_free(real);
    return MNK_OK;
}

static mnk_status list_members(const loop *l, size_t t, forest *f, mnk_error *err) {
    size_t leaves = f->tree[t].leaves;
    MNK_TRY(MNK_NEW(f->start[t], leaves + 2, err));
    MNK_TRY(MNK_NEW(f->member[t], l->m + 1, err));
    MNK_TRY(MNK_NEW(f->leaf[t], l->m + 1, err));
    for (size_t i = 0; i < l->m; i++) {
        f->leaf[t][i] = (uint32_t)f->tree[t].node[mnk_bintree_find(&f->tree[t], l->bins, 2 * l->m, i)].left;
        f->start[t][f->leaf[t][i] + 2]++;
    }
    for (size_t k = 2; k < leaves + 2; k++) f->start[t][k] += f->start[t][k - 1];
    for (size_t i = 0; i < l->m; i++) f->member[t][f->start[t][f->leaf[t][i] + 1]++] = (uint32_t)i;
    return MNK_OK;
}

static mnk_status grow_one(const loop *l, size_t t, forest *f) {
    mnk_rng rng = stream(l, t, 0);
    const mnk_arf_config *c = &l->a->config;
    mnk_two_class d = {.book = &l->a->book,
                       .bins = l->bins,
                       .stride = 2 * l->m,
                       .real = l->real,
                       .columns = l->columns,
                       .try_columns = (size_t)ceil(1.5 * sqrt((double)l->columns)),
                       .appeal = l->appeal,
                       .min_leaf = (size_t)c->min_leaf,
                       .max_leaves = SIZE_MAX};
    uint32_t *row, limit = (uint32_t)(bag_share * 4294967295.0);
    size_t n = 0;
    mnk_error err = MNK_ERROR_INIT;
    if (MNK_NEW(row, 2 * l->m + 1, &err) != MNK_OK) return err.code;
    mnk_status status = MNK_NEW(f->bag[t], 2 * l->m / 64 + 1, &err);
    for (size_t i = 0; status == MNK_OK && i < 2 * l->m; i++) {
        if (mnk_rng_u32(&rng) > limit) continue;
        row[n++] = (uint32_t)i;
        f->bag[t][i / 64] |= (uint64_t)1 << (i % 64);
    }
    if (status == MNK_OK) status = mnk_bintree_grow(&d, row, n, &rng, &f->tree[t], &err);
    if (status == MNK_OK) {
        mnk_bintree_number_leaves(&f->tree[t]);
        status = count_votes(l, row, n, t, f, &err);
    }
    if (status == MNK_OK) status = list_members(l, t, f, &err);
    mnk_free(row);
    return status;
}

static void grow_task(void *ctx, size_t t) {
    loop *l = ctx;
    l->status[t] = grow_one(l, t, &l->next);
}

static mnk_status grow_forest(loop *l, mnk_error *err) {
    MNK_TRY(open_forest((size_t)l->a->config.trees, &l->next, err));
    mnk_parallel_for(l->next.trees, grow_task, l);
    for (size_t t = 0; t < l->next.trees; t++)
        if (l->status[t] != MNK_OK)
            return MNK_FAIL(err, l->status[t], "out of memory: growing a forest of %zu trees", l->next.trees);
    return MNK_OK;
}

/* ---- accuracy out of the bag ---- */

static void judge_rows(void *ctx, size_t begin, size_t end, double *partial) {
    const loop *l = ctx;
    for (size_t k = begin; k < end; k++) {
        size_t i = k * l->stride;
        double sum = 0, n = 0;
        for (size_t t = 0; t < l->next.trees; t++) {
            if (l->next.bag[t][i / 64] >> (i % 64) & 1) continue;
            sum += l->next.vote[t][l->next.tree[t].node[mnk_bintree_find(&l->next.tree[t], l->bins, 2 * l->m, i)].left];
            n++;
        }
        if (n == 0) continue;
        double p = sum / n;
        partial[0] += p == 0.5 ? 0.5 : (p > 0.5) == l->real[i];
        partial[1]++;
    }
}

static mnk_status accuracy(loop *l, double *out, mnk_error *err) {
    double total[2] = {0};
    size_t rows = 2 * l->m;
    l->stride = rows / JUDGED_MAX + 1;
    if (mnk_parallel_sum((rows + l->stride - 1) / l->stride, CHUNK, 2, total, judge_rows, l) != 0)
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: accuracy of a forest");
    *out = total[1] > 0 ? total[0] / total[1] : 0.5;
    return MNK_OK;
}

/* ---- synthetic rows ---- */

/* Columns independent within the leaf of a random row in a random tree; in the first round within all rows. */
static void draw_chunk(void *ctx, size_t chunk) {
    loop *l = ctx;
    size_t end = (chunk + 1) * CHUNK < l->m ? (chunk + 1) * CHUNK : l->m;
    for (size_t i = chunk * CHUNK; i < end; i++) {
        mnk_rng rng = stream(l, i, 1);
        const uint32_t *member = NULL;
        size_t n = l->m;
        if (l->now.trees) {
            size_t t = mnk_rng_below(&rng, l->now.trees), leaf = l->now.leaf[t][mnk_rng_below(&rng, l->m)];
            member = l->now.member[t] + l->now.start[t][leaf];
            n = l->now.start[t][leaf + 1] - l->now.start[t][leaf];
        }
        for (size_t c = 0; c < l->columns; c++) {
            size_t pick = mnk_rng_below(&rng, n);
            l->bins[c * 2 * l->m + l->m + i] = l->bins[c * 2 * l->m + (member ? member[pick] : pick)];
        }
    }
}

/* ---- */

static mnk_status open_loop(loop *l, const uint8_t *bins, size_t n, mnk_error *err) {
    size_t *row = NULL;
    l->columns = l->a->book.columns;
    l->m = n < (size_t)l->a->config.rows ? n : (size_t)l->a->config.rows;
    MNK_TRY(MNK_NEW(l->bins, l->columns * 2 * l->m + 1, err));
    MNK_TRY(MNK_NEW(l->real, 2 * l->m + 1, err));
    MNK_TRY(MNK_NEW(l->status, (size_t)l->a->config.trees, err));
    memset(l->real, 1, l->m);
    if (l->m < n) { /* a random part of the rows is enough to find the splits */
        mnk_rng rng = stream(l, 0, 2);
        MNK_TRY(MNK_NEW(row, n, err));
        for (size_t i = 0; i < n; i++) row[i] = i;
        for (size_t i = 0; i < l->m; i++) {
            size_t k = i + mnk_rng_below(&rng, n - i), x = row[k];
            row[k] = row[i], row[i] = x;
        }
    }
    for (size_t c = 0; c < l->columns; c++)
        for (size_t i = 0; i < l->m; i++) l->bins[c * 2 * l->m + i] = bins[c * n + (row ? row[i] : i)];
    mnk_free(row);
    return MNK_OK;
}

/* How much a column tells of the others: a tree must split on one of two dependent columns before it can see anything, so
 * those that much depends on are looked at more readily. Mutual information of two columns in COARSE classes each, less its
 * bias (cells / 2n), the largest over the partners. */
enum { COARSE = 12, TOLD_ROWS = 5000 };

static void coarsen(const loop *l, size_t c, uint8_t *coarse) {
    const mnk_codes *k = &l->a->book.column[c];
    double total = 0, sum = 0, rows = 0;
    coarse[0] = 0;
    for (unsigned b = 0; b < k->bins; b++) rows += k->count[b];
    total = rows - k->count[0];
    for (unsigned b = 1; b < k->bins; b++) { /* ordered: quantile classes; levels: neighbours of the list share one */
        coarse[b] = (uint8_t)(k->bins <= COARSE
                                  ? b
                                  : 1 + (unsigned)(fmin(0.999, (sum + 0.5 * k->count[b]) / fmax(1, total)) * (COARSE - 1)));
        sum += k->count[b];
    }
}

static double told(const loop *l, size_t a, size_t b, const uint8_t *coarse, size_t stride) {
    double joint[COARSE * COARSE] = {0}, x[COARSE] = {0}, y[COARSE] = {0}, n = 0, sum = 0, cells = 0;
    for (size_t i = 0; i < l->m; i += stride) {
        unsigned p = coarse[a * MNK_BINS + l->bins[a * 2 * l->m + i]], q = coarse[b * MNK_BINS + l->bins[b * 2 * l->m + i]];
        joint[p * COARSE + q]++, x[p]++, y[q]++, n++;
    }
    for (unsigned p = 0; p < COARSE; p++)
        for (unsigned q = 0; q < COARSE; q++) {
            double z = joint[p * COARSE + q];
            if (x[p] > 0 && y[q] > 0) cells++;
            if (z > 0) sum += z / n * log(z * n / (x[p] * y[q]));
        }
    return fmax(0, sum - 0.5 * cells / n);
}

static mnk_status find_appeal(loop *l, mnk_error *err) {
    size_t stride = l->m / TOLD_ROWS + 1;
    uint8_t *coarse;
    double mean = 0;
    MNK_TRY(MNK_NEW(l->appeal, l->columns + 1, err));
    MNK_TRY(MNK_NEW(coarse, l->columns * MNK_BINS + 1, err));
    for (size_t c = 0; c < l->columns; c++) coarsen(l, c, coarse + c * MNK_BINS);
    for (size_t a = 0; a < l->columns; a++)
        for (size_t b = 0; b < a; b++) {
            double x = told(l, a, b, coarse, stride);
            l->appeal[a] = fmax(l->appeal[a], x), l->appeal[b] = fmax(l->appeal[b], x);
        }
    for (size_t c = 0; c < l->columns; c++) mean += l->appeal[c] / (double)l->columns;
    for (size_t c = 0; c < l->columns; c++) l->appeal[c] += 0.1 * mean + 1e-6; /* nobody is left out */
    mnk_free(coarse);
    return MNK_OK;
}

static mnk_status run(loop *l, mnk_error *err) {
    double before = 1;
    char detail[64];
    for (l->round = 0;; l->round++) {
        double now = 0;
        if (mnk_observe_stopped(l->context->observer))
            return MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped; nothing was written");
        mnk_parallel_for((l->m + CHUNK - 1) / CHUNK, draw_chunk, l);
        MNK_TRY(grow_forest(l, err));
        MNK_TRY(accuracy(l, &now, err));
        snprintf(detail, sizeof detail, "accuracy %.3f", now);
        mnk_observe_progress(l->context->observer, "round", l->round + 1, (double)l->a->config.rounds, detail);
        mnk_observe_log(l->context->observer, MNK_LOG_DETAIL,
                        "round %u: the forest tells real from synthetic rows with accuracy %.3f", l->round + 1, now);
        /* A forest that cannot tell says that the one before already draws well; one that tells no worse than the one before
         * would not improve it. */
        bool done = now <= 0.5 + l->a->config.delta || now >= before - 1e-3 || l->round + 1 >= l->a->config.rounds;
        bool keep_before = l->now.trees && (now <= 0.5 + l->a->config.delta || now >= before - 1e-3);
        if (!keep_before) {
            close_forest(&l->now);
            l->now = l->next;
            l->next = (forest){0};
        }
        if (done) return MNK_OK;
        before = now;
        close_forest(&l->next);
    }
}

mnk_status mnk_arf_grow(mnk_arf *a, const uint8_t *bins, size_t n, mnk_fit_context *context, mnk_error *err) {
    loop l = {.a = a, .context = context};
    mnk_status status = open_loop(&l, bins, n, err);
    if (status == MNK_OK) status = find_appeal(&l, err);
    if (status == MNK_OK) status = run(&l, err);
    if (status == MNK_OK) {
        a->tree = l.now.tree, a->trees = l.now.trees;
        l.now.tree = NULL;
    }
    close_forest(&l.now);
    close_forest(&l.next);
    mnk_free(l.bins);
    mnk_free(l.real);
    mnk_free(l.appeal);
    mnk_free(l.status);
    return status;
}
