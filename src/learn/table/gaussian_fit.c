/* Means, deviations and correlations of the latent variables, by class. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "learn/table/gaussian.h"
#include "math/stats.h"

enum { CLASSES_MAX = 32, CLASS_ROWS = 20, ROWS_MAX = 100000 };
static const double edge_limit = 8; /* latent values beyond are taken for infinite */

mnk_status mnk_gaussian_layout(mnk_gaussian *g, mnk_error *err) {
    MNK_TRY(MNK_NEW(g->position, g->columns + 1, err));
    MNK_TRY(MNK_NEW(g->absence, g->columns + 1, err));
    g->latents = 0;
    for (size_t c = 0; c < g->columns; c++) {
        const mnk_codes *k = &g->book.column[c];
        bool is_class = (long)c == g->label;
        g->position[c] = !is_class && k->bins > 2 ? (int32_t)g->latents++ : -1;
        g->absence[c] = !is_class && k->count[0] > 0 && k->bins > 1 ? (int32_t)g->latents++ : -1;
    }
    return MNK_OK;
}

/* ---- classes ---- */

static mnk_status choose_classes(mnk_gaussian *g, mnk_error *err) {
    MNK_TRY(MNK_NEW(g->class_of, MNK_BINS, err));
    g->label = mnk_schema_role(g->schema, MNK_COLUMN_IS_LABEL);
    if (g->label >= 0 && (g->book.column[g->label].is_number || g->book.column[g->label].bins > CLASSES_MAX)) g->label = -1;
    g->classes = 0;
    bool rest = false;
    for (unsigned b = 0; g->label >= 0 && b < g->book.column[g->label].bins; b++) {
        bool enough = g->book.column[g->label].count[b] >= CLASS_ROWS;
        g->class_of[b] = enough ? (int32_t)g->classes++ : -1;
        rest = rest || (!enough && g->book.column[g->label].count[b] > 0);
    }
    if (rest || g->classes == 0) g->classes++; /* classes of few rows share the last one */
    for (unsigned b = 0; b < MNK_BINS; b++)
        if (g->label < 0 || g->class_of[b] < 0 || b >= g->book.column[g->label].bins) g->class_of[b] = (int32_t)g->classes - 1;
    return MNK_OK;
}

/* ---- latent scores of the rows ---- */

typedef struct scoring {
    mnk_gaussian *g;
    const mnk_table *t;
    float *score; /* [row*latents + latent], NaN: unknown */
    size_t rows, stride;
} scoring;

static void score_column(void *ctx, size_t c) {
    const scoring *s = ctx;
    mnk_gaussian *g = s->g;
    const mnk_codes *k = &g->book.column[c];
    double below[MNK_BINS] = {0}, total = 0, absent;
    for (unsigned i = 0; i + 1 < k->bins; i++) {
        unsigned b = g->book.column[c].order[i];
        below[b] = total;
        total += k->count[b];
    }
    absent = k->count[0] / fmax(1, total + k->count[0]);
    for (size_t r = 0; r < s->rows; r++) {
        size_t i = r * s->stride;
        uint8_t b = mnk_codebook_bin(&g->book, s->t, c, i);
        float *row = s->score + r * g->latents;
        if (g->absence[c] >= 0) { /* means of the two halves of a normal cut at the share of missing values */
            double cut = mnk_normal_quantile(1 - absent), d = exp(-0.5 * cut * cut) * 0.3989422804014327;
            row[g->absence[c]] = (float)(b ? -d / fmax(1e-9, 1 - absent) : d / absent);
        }
        if (g->position[c] < 0) continue;
        if (!b) {
            row[g->position[c]] = NAN;
            continue;
        }
        double at = 0.5;
        if (!mnk_codes_is_atom(k, b)) at = (s->t->number[c][i] - k->low[b]) / (k->high[b] - k->low[b]);
        double p = (below[b] + fmin(1, fmax(0, at)) * k->count[b]) / fmax(1, total);
        row[g->position[c]] = (float)mnk_normal_quantile(fmin(1 - 0.25 / (double)s->t->n, fmax(0.25 / (double)s->t->n, p)));
    }
}

/* To mean 0 and deviation 1: scores of few values vary less than the normal variable behind them. */
static void standardise(const scoring *s) {
    size_t width = s->g->latents;
    for (size_t j = 0; j < width; j++) {
        double sum = 0, square = 0, n = 0;
        for (size_t r = 0; r < s->rows; r++) {
            float x = s->score[r * width + j];
            if (x == x) sum += x, square += (double)x * x, n++;
        }
        double mean = n > 0 ? sum / n : 0, sd = n > 0 ? sqrt(fmax(0, square / n - mean * mean)) : 0;
        for (size_t r = 0; r < s->rows; r++)
            s->score[r * width + j] = sd > 1e-9 ? (float)((s->score[r * width + j] - mean) / sd) : 0;
    }
}

/* ---- moments ---- */

typedef struct moments {   /* of one class, over pairs of known scores */
    double *sum, *n;       /* [latents] */
    double *cross, *pairs; /* [latents^2] of deviations from the class mean */
} moments;

static mnk_status class_moments(const scoring *s, const int32_t *class_of_row, int32_t class_, moments *m, mnk_error *err) {
    size_t width = s->g->latents;
    MNK_TRY(MNK_NEW(m->sum, width + 1, err));
    MNK_TRY(MNK_NEW(m->n, width + 1, err));
    MNK_TRY(MNK_NEW(m->cross, width * width + 1, err));
    MNK_TRY(MNK_NEW(m->pairs, width * width + 1, err));
    for (size_t r = 0; r < s->rows; r++) {
        if (class_of_row[r] != class_) continue;
        for (size_t j = 0; j < width; j++) {
            float x = s->score[r * width + j];
            if (x == x) m->sum[j] += x, m->n[j]++;
        }
    }
    for (size_t r = 0; r < s->rows; r++) {
        if (class_of_row[r] != class_) continue;
        const float *x = s->score + r * width;
        for (size_t i = 0; i < width; i++) {
            if (x[i] != x[i]) continue;
            double di = x[i] - m->sum[i] / m->n[i];
            for (size_t j = 0; j <= i; j++) {
                if (x[j] != x[j]) continue;
                m->cross[i * width + j] += di * (x[j] - m->sum[j] / m->n[j]);
                m->pairs[i * width + j]++;
            }
        }
    }
    return MNK_OK;
}

static void free_moments(moments *m) {
    mnk_free(m->sum);
    mnk_free(m->n);
    mnk_free(m->cross);
    mnk_free(m->pairs);
}

static double correlation_of(const moments *m, size_t width, size_t i, size_t j) {
    double pairs = m->pairs[i * width + j], vi = m->cross[i * width + i] / fmax(1, m->n[i]),
           vj = m->cross[j * width + j] / fmax(1, m->n[j]);
    if (pairs < 3 || vi < 1e-9 || vj < 1e-9) return 0;
    return fmax(-0.999, fmin(0.999, m->cross[i * width + j] / pairs / sqrt(vi * vj)));
}

/* Class correlations are drawn towards the pooled ones by as many rows as there are latent variables. */
static void settle(mnk_gaussian *g, const moments *m, const moments *pooled, size_t class_, double rows, double *scratch) {
    size_t width = g->latents;
    double trust = rows / (rows + (double)width + 1);
    double *r = g->correlation + class_ * width * width;
    for (size_t i = 0; i < width; i++) {
        double v = m->n[i] > 1 ? m->cross[i * width + i] / m->n[i] : 0,
               all = pooled->cross[i * width + i] / fmax(1, pooled->n[i]);
        double own = m->n[i] / (m->n[i] + 5);
        g->mean[class_ * width + i] = m->n[i] > 0 ? own * m->sum[i] / m->n[i] : 0;
        g->sd[class_ * width + i] = sqrt(fmax(1e-4, own * v + (1 - own) * all));
        for (size_t j = 0; j <= i; j++) {
            double x = trust * correlation_of(m, width, i, j) + (1 - trust) * correlation_of(pooled, width, i, j);
            r[i * width + j] = r[j * width + i] = i == j ? 1 : x;
        }
    }
    mnk_latent_repair(r, width, scratch);
}

static mnk_status estimate_classes(mnk_gaussian *g, const scoring *s, mnk_error *err) {
    size_t width = g->latents;
    moments m[CLASSES_MAX + 1] = {{0}}, pooled = {0};
    int32_t *class_of_row = NULL;
    double *scratch = NULL, rows[CLASSES_MAX + 1] = {0};
    mnk_status status;
    MNK_OUT(MNK_NEW(class_of_row, s->rows + 1, err));
    MNK_OUT(MNK_NEW(scratch, 2 * width * width + 1, err));
    MNK_OUT(MNK_NEW(pooled.n, width + 1, err));
    MNK_OUT(MNK_NEW(pooled.cross, width * width + 1, err));
    MNK_OUT(MNK_NEW(pooled.pairs, width * width + 1, err));
    for (size_t r = 0; r < s->rows; r++) {
        class_of_row[r] = g->label < 0 ? (int32_t)g->classes - 1
                                       : g->class_of[mnk_codebook_bin(&g->book, s->t, (size_t)g->label, r * s->stride)];
        rows[class_of_row[r]]++;
    }
    for (size_t k = 0; k < g->classes; k++) {
        MNK_OUT(class_moments(s, class_of_row, (int32_t)k, &m[k], err));
        for (size_t i = 0; i < width; i++) pooled.n[i] += m[k].n[i];
        for (size_t i = 0; i < width * width; i++) pooled.cross[i] += m[k].cross[i], pooled.pairs[i] += m[k].pairs[i];
    }
    for (size_t k = 0; k < g->classes; k++) {
        settle(g, &m[k], &pooled, k, rows[k], scratch);
        g->weight[k] = rows[k] / (double)s->rows;
    }
out:
    for (size_t k = 0; k < g->classes; k++) free_moments(&m[k]);
    free_moments(&pooled);
    mnk_free(class_of_row);
    mnk_free(scratch);
    return status;
}

mnk_status mnk_gaussian_estimate(mnk_gaussian *g, const mnk_table *t, mnk_error *err) {
    scoring s = {.g = g, .t = t};
    mnk_status status;
    MNK_OUT(choose_classes(g, err));
    MNK_OUT(mnk_gaussian_layout(g, err));
    MNK_OUT(MNK_NEW(g->weight, g->classes, err));
    MNK_OUT(MNK_NEW(g->mean, g->classes * g->latents + 1, err));
    MNK_OUT(MNK_NEW(g->sd, g->classes * g->latents + 1, err));
    MNK_OUT(MNK_NEW(g->correlation, g->classes * g->latents * g->latents + 1, err));
    s.stride = t->n / ROWS_MAX + 1;
    s.rows = (t->n + s.stride - 1) / s.stride;
    MNK_OUT(MNK_NEW(s.score, s.rows * g->latents + 1, err));
    mnk_parallel_for(g->columns, score_column, &s);
    standardise(&s);
    MNK_OUT(estimate_classes(g, &s, err));
out:
    mnk_free(s.score);
    return status;
}

/* ---- thresholds: the mixture over the classes has the table's marginals ---- */

static double mixture_cdf(const mnk_gaussian *g, size_t latent, double z) {
    double p = 0;
    for (size_t k = 0; k < g->classes; k++)
        p += g->weight[k] * mnk_normal_cdf((z - g->mean[k * g->latents + latent]) / g->sd[k * g->latents + latent]);
    return p;
}

static double mixture_quantile(const mnk_gaussian *g, size_t latent, double p) {
    double a = -edge_limit, b = edge_limit;
    if (p <= 0) return a;
    if (p >= 1) return b;
    for (int i = 0; i < 44; i++) {
        double m = 0.5 * (a + b);
        if (mixture_cdf(g, latent, m) < p) a = m;
        else b = m;
    }
    return 0.5 * (a + b);
}

static void cut_column(void *ctx, size_t c) {
    mnk_gaussian *g = ctx;
    const mnk_codes *k = &g->book.column[c];
    double total = 0, below = 0, *edge = g->edge + c * (MNK_BINS + 1);
    for (unsigned b = 1; b < k->bins; b++) total += k->count[b];
    if (g->absence[c] >= 0) g->threshold[c] = mixture_quantile(g, (size_t)g->absence[c], total / fmax(1, total + k->count[0]));
    if (g->position[c] < 0) return;
    for (unsigned i = 0; i + 1 < k->bins; i++) {
        edge[i] = mixture_quantile(g, (size_t)g->position[c], total > 0 ? below / total : 0);
        below += k->count[g->book.column[c].order[i]];
    }
    edge[k->bins - 1] = edge_limit;
}

mnk_status mnk_gaussian_prepare(mnk_gaussian *g, mnk_error *err) {
    MNK_TRY(MNK_NEW(g->latent, g->classes, err));
    MNK_TRY(MNK_NEW(g->edge, g->columns * (MNK_BINS + 1) + 1, err));
    MNK_TRY(MNK_NEW(g->threshold, g->columns + 1, err));
    for (size_t k = 0; k < g->classes; k++)
        MNK_TRY(mnk_latent_open(g->correlation + k * g->latents * g->latents, g->latents, NULL, &g->latent[k], err));
    mnk_parallel_for(g->columns, cut_column, g);
    return MNK_OK;
}
