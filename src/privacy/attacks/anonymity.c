/* k-anonymity, l-diversity and t-closeness by their textbook definitions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "privacy/attacks/disclosure.h"

typedef struct keyed {
    double key;
    int32_t class;
    uint32_t row;
} keyed;

/* By class, then by cell, missing last. */
static int by_class(const void *a, const void *b) {
    const keyed *x = a, *y = b;
    if (x->class != y->class) return x->class < y->class ? -1 : 1;
    if (isnan(x->key) || isnan(y->key)) return isnan(x->key) - isnan(y->key);
    return (x->key > y->key) - (x->key < y->key);
}

static bool same_cell(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

mnk_status mnk_equivalence(const mnk_table *t, const mnk_columns *columns, int32_t *class, size_t *classes, mnk_error *err) {
    keyed *list = NULL;
    MNK_TRY(MNK_NEW(list, t->n + 1, err));
    memset(class, 0, t->n * sizeof *class);
    *classes = t->n > 0;
    for (size_t k = 0; k < columns->n; k++) { /* every column splits the classes further */
        for (size_t i = 0; i < t->n; i++) list[i] = (keyed){mnk_cell(t, columns->at[k], i), class[i], (uint32_t)i};
        qsort(list, t->n, sizeof *list, by_class);
        int32_t number = 0;
        for (size_t i = 0; i < t->n; i++) {
            number += i && (list[i].class != list[i - 1].class || !same_cell(list[i].key, list[i - 1].key));
            class[list[i].row] = number;
        }
        *classes = (size_t)number + 1;
    }
    mnk_free(list);
    return MNK_OK;
}

/* Numbers of the values of a column, ascending: -1 missing. */
static mnk_status number_values(const mnk_table *t, size_t column, int32_t *value, size_t *values, mnk_error *err) {
    const mnk_columns one = {1, &column};
    MNK_TRY(mnk_equivalence(t, &one, value, values, err));
    bool missing = false;
    for (size_t i = 0; i < t->n; i++)
        if (mnk_table_is_missing(t, column, i)) value[i] = -1, missing = true;
    *values -= missing;
    return MNK_OK;
}

typedef struct spread { /* of one class */
    size_t rows, distinct;
    double entropy, distance;
} spread;

/* p [m]: counts of the class, with the missing in `missing`; all [m]: shares of the whole. */
static spread spread_of(const double *count, size_t m, double missing, const double *all, bool is_ordered) {
    spread s = {0};
    double n = 0, sum = 0;
    for (size_t v = 0; v < m; v++) n += count[v];
    s.rows = (size_t)(n + missing);
    for (size_t v = 0; v <= m; v++) {
        const double c = v < m ? count[v] : missing;
        s.distinct += c > 0;
        if (c > 0) s.entropy -= c / (n + missing) * log(c / (n + missing));
    }
    for (size_t v = 0; v < m && n > 0; v++) {
        const double difference = count[v] / n - all[v];
        sum += difference;
        s.distance += is_ordered ? fabs(sum) : fabs(difference);
    }
    s.distance /= is_ordered ? fmax(1, (double)m - 1) : 2;
    return s;
}

mnk_status mnk_anonymity_of(const mnk_table *t, const mnk_columns *quasi, size_t sensitive, mnk_anonymous *out,
                            mnk_error *err) {
    const mnk_column *column = &t->schema->column[sensitive];
    const bool is_ordered = mnk_column_is_number(column) || column->type == MNK_COLUMN_ORDINAL;
    int32_t *class = NULL, *value = NULL;
    keyed *list = NULL;
    double *all = NULL, *count = NULL, total = 0;
    size_t classes = 0, m = 0;
    mnk_status status = MNK_OK;
    *out = (mnk_anonymous){SIZE_MAX, SIZE_MAX, INFINITY, 0};
    MNK_OUT(MNK_NEW(class, t->n + 1, err));
    MNK_OUT(MNK_NEW(value, t->n + 1, err));
    MNK_OUT(MNK_NEW(list, t->n + 1, err));
    MNK_OUT(mnk_equivalence(t, quasi, class, &classes, err));
    MNK_OUT(number_values(t, sensitive, value, &m, err));
    MNK_OUT(MNK_NEW(all, m + 1, err));
    MNK_OUT(MNK_NEW(count, m + 1, err));
    for (size_t i = 0; i < t->n; i++)
        if (value[i] >= 0) all[value[i]]++, total++;
    for (size_t v = 0; v < m; v++) all[v] /= total;
    for (size_t i = 0; i < t->n; i++) list[i] = (keyed){value[i], class[i], (uint32_t)i};
    qsort(list, t->n, sizeof *list, by_class);
    for (size_t i = 0; i < t->n;) {
        double missing = 0;
        size_t j = i;
        memset(count, 0, m * sizeof *count);
        for (; j < t->n && list[j].class == list[i].class; j++)
            *(list[j].key < 0 ? &missing : &count[(size_t)list[j].key]) += 1;
        const spread s = spread_of(count, m, missing, all, is_ordered);
        if (s.rows < out->k) out->k = s.rows;
        if (s.distinct < out->l) out->l = s.distinct;
        out->l_entropy = fmin(out->l_entropy, exp(s.entropy));
        out->t = fmax(out->t, s.distance);
        i = j;
    }
out:
    mnk_free(class);
    mnk_free(value);
    mnk_free(list);
    mnk_free(all);
    mnk_free(count);
    return status;
}

static mnk_status add(const mnk_disclosure *d, const char *id, const char *column, double value, double train, const char *note,
                      mnk_error *err) {
    mnk_metric *m = mnk_result_add_metric(d->result, id, "anonymity");
    if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a metric");
    snprintf(m->column, sizeof m->column, "%s", column);
    snprintf(m->note, sizeof m->note, "%s", note);
    m->value = value, m->n = d->synthetic->n;
    mnk_metric_add_reference(m, "train", train);
    return MNK_OK;
}

mnk_status mnk_anonymity(const mnk_disclosure *d, mnk_error *err) {
    mnk_anonymous worst[2] = {{SIZE_MAX, SIZE_MAX, INFINITY, 0}, {SIZE_MAX, SIZE_MAX, INFINITY, 0}};
    if (!d->quasi.n) {
        mnk_result_add_warning(d->result, "no quasi-identifier is named (--quasi, or the role in the schema): k-anonymity, "
                                          "l-diversity, t-closeness and attribute disclosure are not computed");
        return MNK_OK;
    }
    for (size_t k = 0; k < d->sensitive.n; k++) {
        mnk_anonymous one[2];
        const char *name = d->train->schema->column[d->sensitive.at[k]].name;
        for (int side = 0; side < 2; side++) {
            MNK_TRY(mnk_anonymity_of(side ? d->train : d->synthetic, &d->quasi, d->sensitive.at[k], &one[side], err));
            mnk_anonymous *w = &worst[side];
            w->k = one[side].k;
            if (one[side].l < w->l) w->l = one[side].l;
            w->l_entropy = fmin(w->l_entropy, one[side].l_entropy), w->t = fmax(w->t, one[side].t);
        }
        MNK_TRY(add(d, "l_diversity", name, (double)one[0].l, (double)one[1].l, "", err));
        MNK_TRY(add(d, "l_diversity_entropy", name, one[0].l_entropy, one[1].l_entropy, "", err));
        MNK_TRY(add(d, "t_closeness", name, one[0].t, one[1].t, "", err));
    }
    if (!d->sensitive.n) return MNK_OK;
    MNK_TRY(
        add(d, "k_anonymity", "", (double)worst[0].k, (double)worst[1].k, "rows that share the rarest quasi-identifiers", err));
    MNK_TRY(add(d, "l_diversity", "", (double)worst[0].l, (double)worst[1].l, "distinct sensitive values of the poorest class",
                err));
    MNK_TRY(add(d, "l_diversity_entropy", "", worst[0].l_entropy, worst[1].l_entropy, "the same as exp(entropy)", err));
    return add(d, "t_closeness", "", worst[0].t, worst[1].t, "largest distance of a class from the whole; small is close", err);
}
