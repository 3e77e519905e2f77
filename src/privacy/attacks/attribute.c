/* Attribute disclosure: of the synthetic rows that agree with a person on all quasi-identifiers, what share has the person's
 * sensitive value (correct attribution probability; Taub et al. 2018)? */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "math/stats.h"
#include "privacy/attacks/disclosure.h"

enum { BINS = 10, COLUMNS_MOST = 256 };

/* Cells as bins: levels as they are, numbers by the deciles of the synthetic table. */
typedef struct binning {
    size_t column;
    bool is_number;
    double edge[BINS - 1];
} binning;

static mnk_status binning_open(const mnk_table *s, size_t column, binning *b, mnk_error *err) {
    double *x = NULL;
    size_t n = 0;
    *b = (binning){.column = column, .is_number = s->number[column] != NULL};
    MNK_TRY(MNK_NEW(x, s->n + 1, err));
    for (size_t i = 0; i < s->n && b->is_number; i++)
        if (!mnk_table_is_missing(s, column, i)) x[n++] = s->number[column][i];
    for (int k = 1; k < BINS; k++) b->edge[k - 1] = mnk_quantile(x, n, (double)k / BINS);
    mnk_free(x);
    return MNK_OK;
}

static int32_t bin_of(const binning *b, const mnk_table *t, size_t row) {
    const double x = mnk_cell(t, b->column, row);
    int32_t bin = 0;
    if (isnan(x)) return -1;
    if (!b->is_number) return (int32_t)x;
    while (bin < BINS - 1 && x > b->edge[bin]) bin++;
    return bin;
}

typedef struct means {
    double sum, square;
    size_t n;
} means;

/* Mean of the attribution probabilities of some real rows; rows without a match say nothing. */
static means attribute(const mnk_disclosure *d, const binning *key, size_t keys, const binning *secret,
                       const int32_t *synthetic, int side) {
    const mnk_table *t = side ? d->holdout : d->train;
    const size_t most = (size_t)d->config->attempts, n = d->targets[side] < most ? d->targets[side] : most;
    means m = {0};
    for (size_t i = 0; i < n; i++) {
        const size_t row = d->target[side][i];
        int32_t own[COLUMNS_MOST];
        const int32_t value = bin_of(secret, t, row);
        size_t match = 0, right = 0;
        for (size_t k = 0; k < keys; k++) own[k] = bin_of(&key[k], t, row);
        for (size_t j = 0; j < d->synthetic->n && value >= 0; j++) {
            const int32_t *theirs = synthetic + j * (keys + 1);
            if (memcmp(theirs, own, keys * sizeof *own) != 0) continue;
            match++, right += theirs[keys] == value;
        }
        if (!match) continue;
        const double p = (double)right / (double)match;
        m.sum += p, m.square += p * p, m.n++;
    }
    return m;
}

static double variance_of_mean(const means *m) {
    const double n = (double)m->n, mean = m->sum / n;
    return m->n > 1 ? (m->square / n - mean * mean) / (n - 1) : (double)NAN;
}

static mnk_status one_secret(const mnk_disclosure *d, const binning *key, size_t keys, size_t column, mnk_error *err) {
    const double z = mnk_normal_quantile(0.5 * (1 + d->config->level));
    binning secret;
    int32_t *bins = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(binning_open(d->synthetic, column, &secret, err));
    MNK_OUT(MNK_NEW(bins, d->synthetic->n * (keys + 1) + 1, err));
    for (size_t j = 0; j < d->synthetic->n; j++) {
        for (size_t k = 0; k < keys; k++) bins[j * (keys + 1) + k] = bin_of(&key[k], d->synthetic, j);
        bins[j * (keys + 1) + keys] = bin_of(&secret, d->synthetic, j);
    }
    const means train = attribute(d, key, keys, &secret, bins, 0), holdout = attribute(d, key, keys, &secret, bins, 1);
    mnk_metric *m = mnk_result_add_metric(d->result, "attribute_disclosure", "disclosure");
    if (!m) MNK_OUT(MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a metric"));
    snprintf(m->column, sizeof m->column, "%s", d->train->schema->column[column].name);
    m->n = train.n, m->level = d->config->level;
    if (train.n < 2 || holdout.n < 2) {
        snprintf(m->note, sizeof m->note,
                 "not estimable: %zu training and %zu unseen rows have a synthetic row with their "
                 "quasi-identifiers",
                 train.n, holdout.n);
        goto out;
    }
    const double a = train.sum / (double)train.n, b = holdout.sum / (double)holdout.n;
    const double sd = sqrt(variance_of_mean(&train) + variance_of_mean(&holdout));
    m->value = a - b, m->low = fmax(-1, a - b - z * sd), m->high = fmin(1, a - b + z * sd);
    mnk_metric_add_reference(m, "train", a);
    mnk_metric_add_reference(m, "holdout", b);
    snprintf(m->note, sizeof m->note,
             "correct attribution probability of training over unseen rows that have a match on %zu "
             "quasi-identifiers",
             keys);
out:
    mnk_free(bins);
    return status;
}

mnk_status mnk_attribute_disclosure(const mnk_disclosure *d, mnk_error *err) {
    binning *key = NULL;
    mnk_status status = MNK_OK;
    if (!d->quasi.n || d->quasi.n > COLUMNS_MOST) return MNK_OK; /* said by mnk_anonymity */
    MNK_OUT(MNK_NEW(key, d->quasi.n, err));
    for (size_t k = 0; k < d->quasi.n; k++) MNK_OUT(binning_open(d->synthetic, d->quasi.at[k], &key[k], err));
    for (size_t k = 0; k < d->sensitive.n; k++) MNK_OUT(one_secret(d, key, d->quasi.n, d->sensitive.at[k], err));
out:
    mnk_free(key);
    return status;
}
