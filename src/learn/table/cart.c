/* Sequential trees as a generator: options, fit, draw, file. */
#include "learn/table/cart.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

enum { CHUNK = 512, PARTICLES = 24 /* tries of a row with conditions, of which one is taken by its weight */ };

typedef struct cart_config {
    int64_t min_leaf, rows;
    double threshold;
    int order;
    const char *visit, *predictors;
} cart_config;

enum { ORDER_TABLE, ORDER_SIMPLE };

/* clang-format off */
static const mnk_option options[] = {
    {"min-leaf", 0, MNK_OPTION_INT, offsetof(cart_config, min_leaf), "N", "5", 2, 1e6, NULL, "training rows of a leaf at least", false},
    {"threshold", 0, MNK_OPTION_REAL, offsetof(cart_config, threshold), "F", "3", 0, 1000, NULL, "how far a split must stand out from chance; 0 grows trees to the full", false},
    {"split-rows", 0, MNK_OPTION_INT, offsetof(cart_config, rows), "N", "200k", 100, 1e9, NULL, "rows that splits are sought with; leaves are filled with all", true},
    {"order", 0, MNK_OPTION_CHOICE, offsetof(cart_config, order), "ORDER", "table", 0, 0, "table|simple", "after the label, columns are drawn in the order of the table, or those of few values first", false},
    {"visit", 0, MNK_OPTION_TEXT, offsetof(cart_config, visit), "A,B", NULL, 0, 0, NULL, "columns to draw first, in this order", false},
    {"predictors", 0, MNK_OPTION_TEXT, offsetof(cart_config, predictors), "LIST", NULL, 0, 0, NULL, "columns that may predict one: \"y:a,b;z:a\"; others are predicted by all before them", true},
    {.type = MNK_OPTION_END},
};
/* clang-format on */

typedef struct leaves { /* shares of bins in each leaf of one column's tree */
    uint32_t *start;    /* [leaves + 1] */
    uint8_t *bin;
    float *share; /* summed up within the leaf */
} leaves;

typedef struct cart {
    const mnk_schema *schema;
    mnk_codebook book;
    size_t columns;
    int32_t *order;    /* [columns] in which they are drawn */
    mnk_bintree *tree; /* [columns], by column */
    leaves *leaf;      /* [columns] */
} cart;

static void close_cart(void *model) {
    cart *m = model;
    if (!m) return;
    for (size_t c = 0; m->leaf && c < m->columns; c++) {
        mnk_free(m->leaf[c].start);
        mnk_free(m->leaf[c].bin);
        mnk_free(m->leaf[c].share);
    }
    mnk_free(m->leaf);
    mnk_bintrees_close(m->tree, m->columns);
    mnk_free(m->order);
    mnk_codebook_clear(&m->book);
    mnk_schema_close((mnk_schema *)m->schema);
    mnk_free(m);
}

/* ---- order and predictors ---- */

static mnk_status find_name(const mnk_schema *s, const char *p, size_t n, const char *option, size_t *out, mnk_error *err) {
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)(n < 255 ? n : 255), p);
    long c = mnk_schema_find(s, name);
    if (c < 0) return MNK_FAIL(err, MNK_ERR_USAGE, "--%s: there is no column \"%.100s\" to learn", option, name);
    *out = (size_t)c;
    return MNK_OK;
}

/* First those named by --visit, then the label (its share stays right, and what follows hangs on it), then the rest. Of later
 * visits what is given stands first in the table. */
static mnk_status choose_order(cart *m, const cart_config *k, uint32_t stream, mnk_error *err) {
    uint8_t *used;
    size_t n = 0;
    mnk_status status = MNK_NEW(used, m->columns + 1, err);
    for (const char *p = k->visit ? k->visit : ""; *p && status == MNK_OK; p += *p == ',') {
        size_t length = strcspn(p, ","), c = 0;
        status = find_name(m->schema, p, length, "visit", &c, err);
        if (status == MNK_OK && !used[c]) m->order[n++] = (int32_t)c, used[c] = 1;
        p += length;
    }
    long label = stream == 0 ? mnk_schema_role(m->schema, MNK_COLUMN_IS_LABEL) : -1;
    if (status == MNK_OK && label >= 0 && !used[label]) m->order[n++] = (int32_t)label, used[label] = 1;
    while (n < m->columns && status == MNK_OK) {
        size_t best = m->columns;
        for (size_t c = 0; c < m->columns; c++)
            if (!used[c] &&
                (best == m->columns || (k->order == ORDER_SIMPLE && m->book.column[c].bins < m->book.column[best].bins)))
                best = c;
        m->order[n++] = (int32_t)best, used[best] = 1;
    }
    mnk_free(used);
    return status;
}

/* predictor[c*columns + p]: may column p predict column c? */
static mnk_status choose_predictors(const cart *m, const cart_config *k, uint8_t *predictor, mnk_error *err) {
    for (size_t i = 0; i < m->columns; i++)
        for (size_t j = 0; j < i; j++) predictor[(size_t)m->order[i] * m->columns + (size_t)m->order[j]] = 1;
    for (const char *p = k->predictors ? k->predictors : ""; *p; p += *p == ';') {
        size_t length = strcspn(p, ":;"), c = 0;
        MNK_TRY(find_name(m->schema, p, length, "predictors", &c, err));
        uint8_t *row = predictor + c * m->columns;
        for (size_t j = 0; j < m->columns; j++) row[j] *= 2; /* 2: drawn before it; to be named */
        p += length;
        if (*p == ':') p++;
        while (*p && *p != ';') {
            size_t n = strcspn(p, ",;"), other = 0;
            if (n) MNK_TRY(find_name(m->schema, p, n, "predictors", &other, err));
            if (n && row[other]) row[other] = 1;
            else if (n)
                return MNK_FAIL(err, MNK_ERR_USAGE, "--predictors: %s is drawn after %s (see --visit)",
                                m->schema->column[other].name, m->schema->column[c].name);
            p += n + (p[n] == ',');
        }
        for (size_t j = 0; j < m->columns; j++) row[j] = row[j] == 1;
    }
    return MNK_OK;
}

/* ---- fit ---- */

typedef struct fitting {
    cart *m;
    const cart_config *k;
    const mnk_fit_context *context;
    const uint8_t *bins, *predictor;
    size_t n;
    mnk_status *status;
} fitting;

static mnk_status fill_leaves(const fitting *f, size_t c, mnk_error *err) {
    const mnk_bintree *t = &f->m->tree[c];
    leaves *l = &f->m->leaf[c];
    size_t bins = f->m->book.column[c].bins, total = 0;
    uint32_t *count;
    MNK_TRY(MNK_NEW(count, t->leaves * bins + 1, err));
    for (size_t i = 0; i < f->n; i++) {
        int32_t leaf = t->node[mnk_bintree_find(t, f->bins, f->n, i)].left;
        count[(size_t)leaf * bins + f->bins[c * f->n + i]]++;
    }
    for (size_t k = 0; k < t->leaves * bins; k++) total += count[k] > 0;
    mnk_status status = MNK_NEW(l->start, t->leaves + 1, err);
    if (status == MNK_OK) status = MNK_NEW(l->bin, total + 1, err);
    if (status == MNK_OK) status = MNK_NEW(l->share, total + 1, err);
    uint32_t at = 0;
    for (size_t leaf = 0; status == MNK_OK && leaf < t->leaves; leaf++) {
        double sum = 0, before = 0;
        for (size_t b = 0; b < bins; b++) sum += count[leaf * bins + b];
        for (size_t b = 0; b < bins; b++) {
            if (!count[leaf * bins + b]) continue;
            before += count[leaf * bins + b];
            l->bin[at] = (uint8_t)b;
            l->share[at++] = (float)(before / sum);
        }
        l->start[leaf + 1] = at;
    }
    mnk_free(count);
    return status;
}

static mnk_status fit_column(const fitting *f, size_t c, mnk_error *err) {
    mnk_cart_target *t = NULL;
    uint32_t *row = NULL;
    size_t n = 0;
    mnk_rng rng = mnk_rng_at(f->context->seed, MNK_PURPOSE_TABLE_FIT, c, 2 + f->context->stream);
    mnk_status status;
    MNK_OUT(MNK_NEW(t, 1, err));
    MNK_OUT(MNK_NEW(row, f->n + 1, err));
    *t = (mnk_cart_target){.book = &f->m->book,
                           .bins = f->bins,
                           .stride = f->n,
                           .column = c,
                           .predictor = f->predictor + c * f->m->columns,
                           .min_leaf = (size_t)f->k->min_leaf,
                           .threshold = f->k->threshold};
    mnk_cart_code(t, &rng);
    double part = f->n > (size_t)f->k->rows ? (double)f->k->rows / (double)f->n : 1;
    for (size_t i = 0; i < f->n; i++)
        if (part >= 1 || mnk_rng_uniform(&rng) < part) row[n++] = (uint32_t)i;
    MNK_OUT(mnk_cart_grow(t, row, n, &f->m->tree[c], err));
    MNK_OUT(fill_leaves(f, c, err));
out:
    mnk_free(t);
    mnk_free(row);
    return status;
}

static void fit_task(void *ctx, size_t i) {
    const fitting *f = ctx;
    mnk_error err = MNK_ERROR_INIT;
    f->status[i] = fit_column(f, i, &err);
}

static mnk_status fit(const mnk_table *t, const void *config, mnk_fit_context *context, void **model, mnk_error *err) {
    cart *m = NULL;
    uint8_t *bins = NULL, *predictor = NULL;
    fitting f = {.k = config, .context = context, .n = t->n};
    mnk_status status;
    *model = NULL;
    MNK_OUT(MNK_NEW(m, 1, err));
    m->columns = t->schema->columns;
    m->schema = mnk_schema_retain((mnk_schema *)t->schema);
    MNK_OUT(MNK_NEW(m->order, m->columns + 1, err));
    MNK_OUT(MNK_NEW(m->tree, m->columns + 1, err));
    MNK_OUT(MNK_NEW(m->leaf, m->columns + 1, err));
    MNK_OUT(mnk_codebook_fit(t, &m->book, err));
    MNK_OUT(MNK_NEW(bins, m->columns * t->n + 1, err));
    MNK_OUT(MNK_NEW(predictor, m->columns * m->columns + 1, err));
    MNK_OUT(MNK_NEW(f.status, m->columns + 1, err));
    mnk_codebook_encode(&m->book, t, bins);
    MNK_OUT(choose_order(m, config, context->stream, err));
    MNK_OUT(choose_predictors(m, config, predictor, err));
    f.m = m, f.bins = bins, f.predictor = predictor;
    mnk_parallel_for(m->columns, fit_task, &f);
    for (size_t c = 0; c < m->columns && status == MNK_OK; c++)
        if (f.status[c] != MNK_OK)
            status = MNK_FAIL(err, f.status[c], "out of memory: the tree of %s", t->schema->column[c].name);
    if (status != MNK_OK) goto out;
    *model = m;
    m = NULL;
out:
    mnk_free(bins);
    mnk_free(predictor);
    mnk_free(f.status);
    close_cart(m);
    return status;
}

/* ---- draw ---- */

typedef struct drawing {
    const cart *m;
    const mnk_draw_request *q;
    mnk_table *out;
    int particles;
    mnk_status *status;
} drawing;

/* Does the box allow the bin, and which part of an interval? */
static double part_in_box(const mnk_codes *k, const mnk_column_box *b, unsigned bin, double *low, double *high) {
    *low = k->low[bin], *high = k->high[bin];
    if (!b || !b->restricted) return 1;
    if (bin == 0) return b->missing;
    if (!k->is_number) return b->level[bin - 1];
    if (mnk_codes_is_atom(k, bin)) return k->low[bin] >= b->low && k->low[bin] <= b->high;
    *low = fmax(k->low[bin], b->low), *high = fmin(k->high[bin], b->high);
    return *high >= *low ? (*high - *low) / (k->high[bin] - k->low[bin]) : 0;
}

typedef struct particle {
    uint8_t *bin;   /* [columns] */
    double *number; /* [columns] values of intervals */
    double weight;
} particle;

static void draw_marginal(const mnk_codes *k, const mnk_column_box *b, mnk_rng *rng, uint8_t *bin, double *number) {
    double total = 0, low, high;
    for (unsigned i = 1; i < k->bins; i++) total += k->count[i] * part_in_box(k, b, i, &low, &high);
    double u = mnk_rng_uniform(rng) * total;
    for (unsigned i = 1; i < k->bins; i++) {
        double share = k->count[i] * part_in_box(k, b, i, &low, &high);
        *bin = (uint8_t)i;
        *number = low + mnk_rng_uniform(rng) * (high - low);
        if (share > 0 && u < share) return;
        u -= share;
    }
}

/* Draws column c of a particle from the leaf its columns lead to; the box's probability goes to the weight. */
static void draw_column(const drawing *d, particle *p, size_t c, mnk_rng *rng) {
    const cart *m = d->m;
    const mnk_codes *k = &m->book.column[c];
    const mnk_column_box *b = d->q->box ? &d->q->box->column[c] : NULL;
    const leaves *l = &m->leaf[c];
    size_t leaf = (size_t)m->tree[c].node[mnk_bintree_find(&m->tree[c], p->bin, 1, 0)].left;
    double total = 0, before = 0, low, high;
    for (uint32_t i = l->start[leaf]; i < l->start[leaf + 1]; i++) {
        double share = l->share[i] - before;
        before = l->share[i];
        if (!(d->q->complete && l->bin[i] == 0)) total += share * part_in_box(k, b, l->bin[i], &low, &high);
    }
    double u = mnk_rng_uniform(rng) * total, sum = 0, at = mnk_rng_uniform(rng);
    before = 0;
    if (total <= 0) {
        p->weight *= 1e-9;
        draw_marginal(k, b, rng, &p->bin[c], &p->number[c]);
        return;
    }
    if (!d->q->complete) p->weight *= total;
    for (uint32_t i = l->start[leaf]; i < l->start[leaf + 1]; i++) {
        double share = l->share[i] - before;
        before = l->share[i];
        share *= d->q->complete && l->bin[i] == 0 ? 0 : part_in_box(k, b, l->bin[i], &low, &high);
        if (share <= 0) continue;
        p->bin[c] = l->bin[i];
        p->number[c] = low + at * (high - low);
        sum += share;
        if (u < sum) return;
    }
}

/* How likely the leaf makes a given cell. */
static double likelihood(const cart *m, const particle *p, size_t c) {
    const leaves *l = &m->leaf[c];
    size_t leaf = (size_t)m->tree[c].node[mnk_bintree_find(&m->tree[c], p->bin, 1, 0)].left;
    double before = 0;
    for (uint32_t i = l->start[leaf]; i < l->start[leaf + 1]; i++) {
        if (l->bin[i] == p->bin[c]) return l->share[i] - before;
        before = l->share[i];
    }
    return 1e-6;
}

static bool is_given(const drawing *d, size_t c, size_t row) { return d->q->given && d->q->given[c] && d->q->given[c][row]; }

static void draw_particle(const drawing *d, size_t row, particle *p, mnk_rng *rng) {
    p->weight = 1;
    for (size_t i = 0; i < d->m->columns; i++) {
        size_t c = (size_t)d->m->order[i];
        if (!is_given(d, c, row)) draw_column(d, p, c, rng);
        else {
            p->bin[c] = mnk_codebook_bin(&d->m->book, d->out, c, row);
            if (d->particles > 1) p->weight *= likelihood(d->m, p, c);
        }
    }
}

static void put_particle(const drawing *d, size_t row, const particle *p) {
    for (size_t c = 0; c < d->m->columns; c++) {
        if (is_given(d, c, row)) continue;
        const mnk_codes *k = &d->m->book.column[c];
        if (p->bin[c] && !mnk_codes_is_atom(k, p->bin[c])) d->out->number[c][row] = p->number[c];
        else mnk_codebook_put(&d->m->book, d->out, c, row, p->bin[c]);
    }
}

/* Sampling and importance resampling (Rubin 1988): one of the particles, by weight, as they come. */
static void draw_row(const drawing *d, size_t row, particle *now, particle *kept) {
    mnk_rng rng = mnk_rng_at(d->q->seed, MNK_PURPOSE_TABLE_DRAW, d->q->item[row], d->q->stream);
    double sum = 0;
    for (int k = 0; k < d->particles; k++) {
        draw_particle(d, row, now, &rng);
        sum += now->weight;
        if (k == 0 || mnk_rng_uniform(&rng) * sum < now->weight) {
            particle t = *kept;
            *kept = *now, *now = t;
        }
    }
    put_particle(d, row, kept);
}

static void draw_chunk(void *ctx, size_t chunk) {
    drawing *d = ctx;
    particle p[2] = {{0}};
    mnk_error err = MNK_ERROR_INIT;
    mnk_status status = MNK_OK;
    size_t end = (chunk + 1) * CHUNK < d->out->n ? (chunk + 1) * CHUNK : d->out->n;
    for (int k = 0; k < 2 && status == MNK_OK; k++) {
        status = MNK_NEW(p[k].bin, d->m->columns + 1, &err);
        if (status == MNK_OK) status = MNK_NEW(p[k].number, d->m->columns + 1, &err);
    }
    for (size_t i = chunk * CHUNK; i < end && status == MNK_OK; i++) draw_row(d, i, &p[0], &p[1]);
    d->status[chunk] = status;
    for (int k = 0; k < 2; k++) {
        mnk_free(p[k].bin);
        mnk_free(p[k].number);
    }
}

/* With nothing restricted, and given columns that are drawn before all others, the first try is as good as any. */
static bool is_plain(const drawing *d) {
    bool free_before = false;
    for (size_t i = 0; i < d->m->columns; i++) {
        size_t c = (size_t)d->m->order[i];
        if (d->q->box && d->q->box->column[c].restricted) return false;
        bool given = d->q->given && d->q->given[c];
        if (given && free_before) return false;
        if (!given || memchr(d->q->given[c], 0, d->out->n)) free_before = true;
    }
    return true;
}

static mnk_status draw(const void *model, const mnk_draw_request *request, mnk_table *out, mnk_error *err) {
    drawing d = {.m = model, .q = request, .out = out};
    size_t chunks = (out->n + CHUNK - 1) / CHUNK;
    if (out->n == 0) return MNK_OK;
    d.particles = is_plain(&d) ? 1 : PARTICLES;
    mnk_status status = MNK_NEW(d.status, chunks + 1, err);
    if (status == MNK_OK) mnk_parallel_for(chunks, draw_chunk, &d);
    for (size_t k = 0; k < chunks && status == MNK_OK; k++)
        if (d.status[k] != MNK_OK) status = MNK_FAIL(err, d.status[k], "out of memory: drawing from trees");
    mnk_free(d.status);
    return status;
}

/* ---- file ---- */

static mnk_status save(const void *model, mnk_tensors *file, mnk_error *err) {
    const cart *m = model;
    size_t starts = 0, entries = 0, at = 0, k = 0;
    void *block[3];
    for (size_t c = 0; c < m->columns; c++) starts += m->tree[c].leaves + 1, entries += m->leaf[c].start[m->tree[c].leaves];
    MNK_TRY(mnk_codebook_save(&m->book, file, err));
    MNK_TRY(mnk_bintrees_save(m->tree, m->columns, file, err));
    MNK_TRY(mnk_tensors_block(file, starts, 4, &block[0], err));
    MNK_TRY(mnk_tensors_block(file, entries, 1, &block[1], err));
    MNK_TRY(mnk_tensors_block(file, entries, 4, &block[2], err));
    for (size_t c = 0; c < m->columns; c++) {
        size_t n = m->leaf[c].start[m->tree[c].leaves];
        memcpy((uint32_t *)block[0] + k, m->leaf[c].start, (m->tree[c].leaves + 1) * 4);
        memcpy((uint8_t *)block[1] + at, m->leaf[c].bin, n);
        memcpy((float *)block[2] + at, m->leaf[c].share, n * 4);
        k += m->tree[c].leaves + 1, at += n;
    }
    MNK_TRY(mnk_tensors_add(file, "order", MNK_I32, m->order, m->columns, err));
    MNK_TRY(mnk_tensors_add(file, "leaf.start", MNK_I32, block[0], starts, err));
    MNK_TRY(mnk_tensors_add(file, "leaf.bin", MNK_U8, block[1], entries, err));
    return mnk_tensors_add(file, "leaf.share", MNK_F32, block[2], entries, err);
}

static mnk_status open_leaves(const mnk_tensors_in *in, cart *m, size_t c, const uint32_t *start, const uint8_t *bin,
                              const float *share, size_t left, mnk_error *err) {
    leaves *l = &m->leaf[c];
    size_t n = m->tree[c].leaves, entries = start[n];
    bool fine = start[0] == 0 && entries <= left;
    for (size_t k = 0; fine && k < n; k++) {
        fine = start[k + 1] >= start[k] && start[k + 1] <= entries;
        float before = 0;
        for (uint32_t i = start[k]; fine && i < start[k + 1]; i++) {
            fine = bin[i] < m->book.column[c].bins && share[i] >= before && share[i] <= 1.0001f;
            before = share[i];
        }
    }
    if (!fine) return mnk_tensors_damaged(in, "a leaf's shares are impossible", err);
    MNK_TRY(MNK_NEW(l->start, n + 1, err));
    MNK_TRY(MNK_NEW(l->bin, entries + 1, err));
    MNK_TRY(MNK_NEW(l->share, entries + 1, err));
    memcpy(l->start, start, (n + 1) * sizeof *start);
    memcpy(l->bin, bin, entries);
    memcpy(l->share, share, entries * sizeof *share);
    return MNK_OK;
}

static mnk_status read_file(const mnk_tensors_in *in, cart *m, mnk_error *err) {
    const void *order = NULL, *start = NULL, *bin = NULL, *share = NULL;
    size_t trees = 0, starts = 0, entries = 0, k = 0, at = 0;
    uint8_t *seen = NULL;
    mnk_status status;
    MNK_OUT(mnk_codebook_open(in, m->schema, &m->book, err));
    MNK_OUT(mnk_bintrees_open(in, m->columns, &m->tree, &trees, err));
    MNK_OUT(trees == m->columns ? MNK_OK : mnk_tensors_damaged(in, "a column has no tree", err));
    MNK_OUT(mnk_tensors_get(in, "order", MNK_I32, m->columns, &order, NULL, err));
    MNK_OUT(mnk_tensors_get(in, "leaf.start", MNK_I32, SIZE_MAX, &start, &starts, err));
    MNK_OUT(mnk_tensors_get(in, "leaf.bin", MNK_U8, SIZE_MAX, &bin, &entries, err));
    MNK_OUT(mnk_tensors_get(in, "leaf.share", MNK_F32, entries, &share, NULL, err));
    MNK_OUT(MNK_NEW(seen, m->columns + 1, err));
    MNK_OUT(MNK_NEW(m->order, m->columns + 1, err));
    MNK_OUT(MNK_NEW(m->leaf, m->columns + 1, err));
    for (size_t i = 0; i < m->columns; i++) {
        int32_t c = ((const int32_t *)order)[i];
        MNK_OUT(c >= 0 && (size_t)c < m->columns && !seen[c] ? MNK_OK
                                                             : mnk_tensors_damaged(in, "its order is impossible", err));
        m->order[i] = c, seen[c] = 1;
    }
    for (size_t c = 0; c < m->columns; c++) {
        MNK_OUT(m->tree[c].leaves + 1 <= starts - k ? MNK_OK : mnk_tensors_damaged(in, "its leaves end too early", err));
        MNK_OUT(open_leaves(in, m, c, (const uint32_t *)start + k, (const uint8_t *)bin + at, (const float *)share + at,
                            entries - at, err));
        k += m->tree[c].leaves + 1, at += m->leaf[c].start[m->tree[c].leaves];
    }
out:
    mnk_free(seen);
    return status;
}

static mnk_status open_file(const mnk_tensors_in *in, const mnk_schema *schema, const void *config, void **model,
                            mnk_error *err) {
    (void)config;
    cart *m;
    *model = NULL;
    MNK_TRY(MNK_NEW(m, 1, err));
    m->columns = schema->columns;
    m->schema = mnk_schema_retain((mnk_schema *)schema);
    mnk_status status = read_file(in, m, err);
    if (status == MNK_OK) *model = m;
    else close_cart(m);
    return status;
}

const mnk_generator_kind mnk_kind_cart = {
    .name = "cart",
    .summary = "records by sequential trees: each column given those before it",
    .examples = "manikin train cart patients.csv -o patients.model\n"
                "manikin train cart patients.csv -o patients.model --visit sex,age --predictors \"outcome:age,stage\"\n",
    .options = options,
    .config_size = sizeof(cart_config),
    .can = MNK_KIND_GIVEN | MNK_KIND_BOX,
    .fit = fit,
    .draw = draw,
    .save = save,
    .open = open_file,
    .close = close_cart,
};
