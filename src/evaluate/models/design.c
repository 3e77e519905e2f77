#include "evaluate/models/design.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

typedef struct coder {
    size_t column;
    double mean, sd;      /* numbers */
    size_t levels;        /* codes known when fitted */
    int32_t *rank;        /* [levels] by falling frequency in train; ordinal: the level itself; unseen: `seen` */
    int32_t *place;       /* [levels] indicator of the linear form, -1: the others' */
    size_t seen, kept;    /* levels in train; with an indicator of their own */
    bool others, missing; /* indicators for pooled (and unknown) levels, for missing */
    size_t linear;        /* columns of the linear form */
} coder;

struct mnk_design {
    coder *coder; /* [columns] */
    size_t columns, linear;
    mnk_design_settings settings;
};

mnk_design_settings mnk_design_defaults(void) { return (mnk_design_settings){10, 20, 300, 6.0}; }

size_t mnk_design_columns(const mnk_design *d) { return d->columns; }
size_t mnk_design_linear(const mnk_design *d) { return d->linear; }

/* ---- fitting ---- */

static void fit_number(const mnk_table *t, coder *c) {
    const double *x = t->number[c->column];
    double sum = 0.0, square = 0.0, n = 0.0;
    for (size_t i = 0; i < t->n; i++)
        if (isfinite(x[i])) sum += x[i], n += 1.0;
    c->mean = n > 0.0 ? sum / n : 0.0;
    for (size_t i = 0; i < t->n; i++)
        if (isfinite(x[i])) square += (x[i] - c->mean) * (x[i] - c->mean);
    c->sd = n > 1.0 ? sqrt(square / n) : 0.0;
    if (!(c->sd > 1e-12 * (1.0 + fabs(c->mean)))) c->sd = 1.0;
    c->missing = n < (double)t->n && n > 0.0;
    c->linear = n > 0.0 ? 1 + c->missing : 0;
}

typedef struct counted {
    size_t count;
    int32_t level;
} counted;

static int by_count(const void *a, const void *b) {
    const counted *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return (x->level > y->level) - (x->level < y->level);
}

static mnk_status fit_codes(const mnk_table *t, coder *c, const mnk_design_settings *s, mnk_error *err) {
    counted *count = NULL;
    const mnk_column *k = &t->schema->column[c->column];
    size_t missing = 0;
    c->levels = k->levels;
    MNK_TRY(MNK_NEW(count, c->levels + 1, err));
    mnk_status status = MNK_NEW(c->rank, c->levels + 1, err);
    if (status == MNK_OK) status = MNK_NEW(c->place, c->levels + 1, err);
    if (status == MNK_OK) {
        for (size_t l = 0; l < c->levels; l++) count[l].level = (int32_t)l;
        for (size_t i = 0; i < t->n; i++) {
            int32_t code = t->code[c->column][i];
            if (code < 0) missing++;
            else count[code].count++;
        }
        qsort(count, c->levels, sizeof *count, by_count);
        for (size_t l = 0; l < c->levels; l++) c->seen += count[l].count > 0;
        for (size_t l = 0; l < c->levels; l++) {
            int32_t level = count[l].level;
            bool own = count[l].count >= s->level_rows && c->kept < s->max_levels;
            c->rank[level] = k->type == MNK_COLUMN_ORDINAL ? level : (int32_t)(count[l].count ? l : c->seen);
            c->place[level] = own ? (int32_t)c->kept++ : -1;
            c->others |= !own && count[l].count > 0;
        }
        c->missing = missing > 0 && missing < t->n;
        c->linear = c->kept + c->others + c->missing;
        if (c->linear == 1) c->linear = 0; /* constant */
    }
    mnk_free(count);
    return status;
}

static mnk_status fit_all(mnk_design *d, const mnk_table *train, const bool *skip, mnk_error *err) {
    d->columns = d->linear = 0;
    for (size_t c = 0; c < train->schema->columns; c++) {
        if (!mnk_column_is_data(&train->schema->column[c]) || (skip && skip[c])) continue;
        coder *k = &d->coder[d->columns++];
        mnk_free(k->rank);
        mnk_free(k->place);
        *k = (coder){.column = c};
        if (train->number[c]) fit_number(train, k);
        else MNK_TRY(fit_codes(train, k, &d->settings, err));
        d->linear += k->linear;
    }
    return MNK_OK;
}

mnk_status mnk_design_fit(const mnk_table *train, const bool *skip, const mnk_design_settings *settings, mnk_design **out,
                          mnk_error *err) {
    mnk_status status = MNK_OK;
    mnk_design *d = NULL;
    *out = NULL;
    if (train->n == 0) return MNK_FAIL(err, MNK_ERR_INPUT, "%.300s has no rows to learn from", train->source);
    MNK_OUT(MNK_NEW(d, 1, err));
    d->settings = settings ? *settings : mnk_design_defaults();
    MNK_OUT(MNK_NEW(d->coder, train->schema->columns + 1, err));
    MNK_OUT(fit_all(d, train, skip, err));
    while (d->linear > d->settings.max_linear && d->settings.max_levels > 1) {
        d->settings.max_levels /= 2;
        MNK_OUT(fit_all(d, train, skip, err));
    }
    if (d->columns == 0)
        MNK_OUT(MNK_FAIL(err, MNK_ERR_INPUT, "%.300s has no column that a model could learn from", train->source));
    *out = d;
    d = NULL;
out:
    mnk_design_close(d);
    return status;
}

void mnk_design_close(mnk_design *d) {
    if (!d) return;
    for (size_t c = 0; d->coder && c < d->columns; c++) {
        mnk_free(d->coder[c].rank);
        mnk_free(d->coder[c].place);
    }
    mnk_free(d->coder);
    mnk_free(d);
}

/* ---- applying ---- */

/* Infinite numbers count as missing. */
static void apply_number(const mnk_design *d, const coder *c, double x, float *tree, double *linear) {
    bool here = isfinite(x);
    double z = here ? (x - c->mean) / c->sd : 0.0;
    *tree = here ? (float)z : NAN;
    if (c->linear) linear[0] = fmin(fmax(z, -d->settings.clip), d->settings.clip);
    if (c->linear > 1) linear[1] = !here;
}

static void apply_code(const coder *c, int32_t code, float *tree, double *linear) {
    bool known = code >= 0 && (size_t)code < c->levels;
    *tree = known ? (float)c->rank[code] : code < 0 ? NAN : (float)c->seen;
    if (!c->linear) return;
    if (known && c->place[code] >= 0) linear[c->place[code]] = 1.0;
    else if (code < 0 && c->missing) linear[c->kept + c->others] = 1.0;
    else if (code >= 0 && c->others) linear[c->kept] = 1.0;
}

mnk_status mnk_design_apply(const mnk_design *d, const mnk_table *t, mnk_features *out, mnk_error *err) {
    mnk_status status = MNK_OK;
    *out = (mnk_features){t->n, d->columns, d->linear, NULL, NULL};
    MNK_OUT(MNK_NEW(out->tree, t->n * d->columns + 1, err));
    MNK_OUT(MNK_NEW(out->linear, t->n * d->linear + 1, err));
    for (size_t k = 0, at = 0; k < d->columns; at += d->coder[k++].linear) {
        const coder *c = &d->coder[k];
        for (size_t i = 0; i < t->n; i++) {
            float *tree = out->tree + i * d->columns + k;
            double *linear = out->linear + i * d->linear + at;
            if (t->number[c->column]) apply_number(d, c, t->number[c->column][i], tree, linear);
            else apply_code(c, t->code[c->column][i], tree, linear);
        }
    }
out:
    if (status != MNK_OK) mnk_features_close(out);
    return status;
}

mnk_status mnk_features_plain(const float *x, size_t n, size_t d, const float *fit, size_t fit_n, mnk_features *out,
                              mnk_error *err) {
    mnk_status status = MNK_OK;
    *out = (mnk_features){n, d, d, NULL, NULL};
    MNK_OUT(MNK_NEW(out->tree, n * d + 1, err));
    MNK_OUT(MNK_NEW(out->linear, n * d + 1, err));
    for (size_t j = 0; j < d; j++) {
        double sum = 0.0, square = 0.0, count = (double)fit_n;
        for (size_t i = 0; i < fit_n; i++) sum += fit[i * d + j];
        for (size_t i = 0; i < fit_n; i++) square += (fit[i * d + j] - sum / count) * (fit[i * d + j] - sum / count);
        double mean = fit_n ? sum / count : 0.0, sd = fit_n ? sqrt(square / count) : 1.0;
        for (size_t i = 0; i < n; i++) {
            double z = (x[i * d + j] - mean) / (sd > 0.0 ? sd : 1.0);
            out->tree[i * d + j] = isfinite(z) ? (float)z : NAN;
            out->linear[i * d + j] = isfinite(z) ? z : 0.0;
        }
    }
out:
    if (status != MNK_OK) mnk_features_close(out);
    return status;
}
