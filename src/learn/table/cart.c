/* Sequential trees as a generator: options, order, fit. */
#include "learn/table/cart_model.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

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

static void close_cart(void *model) {
    mnk_cart *m = model;
    if (!m) return;
    for (size_t c = 0; m->leaf && c < m->columns; c++) {
        mnk_free(m->leaf[c].start);
        mnk_free(m->leaf[c].bin);
        mnk_free(m->leaf[c].share);
        mnk_free(m->leaf[c].tilt);
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

/* First what is always given, then those named by --visit, then the label (its share stays right, and what follows hangs on
 * it), then the rest. */
static mnk_status choose_order(mnk_cart *m, const cart_config *k, size_t given, mnk_error *err) {
    uint8_t *used;
    size_t n = 0;
    mnk_status status = MNK_NEW(used, m->columns + 1, err);
    while (n < given && status == MNK_OK) m->order[n] = (int32_t)n, used[n++] = 1;
    for (const char *p = k->visit ? k->visit : ""; *p && status == MNK_OK; p += *p == ',') {
        size_t length = strcspn(p, ","), c = 0;
        status = find_name(m->schema, p, length, "visit", &c, err);
        if (status == MNK_OK && !used[c]) m->order[n++] = (int32_t)c, used[c] = 1;
        p += length;
    }
    long label = mnk_schema_role(m->schema, MNK_COLUMN_IS_LABEL);
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

/* predictor[c*columns + p]: may column p predict column c? Nothing predicts what is always given. */
static mnk_status choose_predictors(const mnk_cart *m, const cart_config *k, size_t given, uint8_t *predictor, mnk_error *err) {
    for (size_t i = given; i < m->columns; i++)
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
    mnk_cart *m;
    const cart_config *k;
    const mnk_fit_context *context;
    const uint8_t *bins, *predictor;
    size_t n;
    mnk_status *status;
} fitting;

static mnk_status fill_leaves(const fitting *f, size_t c, mnk_error *err) {
    const mnk_bintree *t = &f->m->tree[c];
    mnk_cart_leaves *l = &f->m->leaf[c];
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
    mnk_cart *m = NULL;
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
    MNK_OUT(choose_order(m, config, context->given, err));
    MNK_OUT(choose_predictors(m, config, context->given, predictor, err));
    f.m = m, f.bins = bins, f.predictor = predictor;
    mnk_parallel_for(m->columns, fit_task, &f);
    for (size_t c = 0; c < m->columns && status == MNK_OK; c++)
        if (f.status[c] != MNK_OK)
            status = MNK_FAIL(err, f.status[c], "out of memory: the tree of %s", t->schema->column[c].name);
    if (status != MNK_OK) goto out;
    mnk_cart_find_classes(m);
    MNK_OUT(mnk_cart_rake(m, bins, t->n, context, err));
    *model = m;
    m = NULL;
out:
    mnk_free(bins);
    mnk_free(predictor);
    mnk_free(f.status);
    close_cart(m);
    return status;
}

static mnk_status open_file(const mnk_tensors_in *in, const mnk_schema *schema, const void *config, void **model,
                            mnk_error *err) {
    (void)config;
    mnk_cart *m;
    *model = NULL;
    MNK_TRY(MNK_NEW(m, 1, err));
    m->columns = schema->columns;
    m->schema = mnk_schema_retain((mnk_schema *)schema);
    mnk_status status = mnk_cart_read(in, m, err);
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
    .draw = mnk_cart_draw,
    .save = mnk_cart_save,
    .open = open_file,
    .close = close_cart,
    .oldest = 2,
};
