/* What privacy costs: a private generator is trained on four fifths of a table's persons and judged by the mean total-variation
 * error over all pairs of columns and by models trained on synthetic rows and tested on the other fifth.
 *
 *     study_private_tables TABLE.csv LABEL PERSON|- IGNORE|- GENERATOR[:name=value,…] EPSILON RUNS [WORKDIR [tv]]
 *
 * One line a run; with "tv" no models are trained. tv = mean over pairs of sum |p - q| / 2, p and q the shares of train (all
 * rows) and synthetic rows in the cells of the pair; columns of numbers in 32 bins of equal width over train's range, missing a
 * bin of its own. The same of an independent half of train against the other half is printed as what sampling alone gives at
 * half the rows. EPSILON 0: the generator is not private. delta is 1 / (10 persons). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "manikin/table_generator.h"
#include "manikin/usefulness_table.h"

enum { BINS = 32, SETTINGS = 24 };

static void check(mnk_status status, const mnk_error *err) {
    if (status == MNK_OK) return;
    fprintf(stderr, "study_private_tables: %s\n", err->message);
    exit(1);
}

static double cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- total variation over pairs ---- */

static size_t bins_of(const mnk_table *t, size_t c) { return t->number[c] ? BINS + 1 : t->schema->column[c].levels + 1; }

static int32_t *encode(const mnk_table *t, size_t c, double low, double high) {
    int32_t *bin = malloc((t->n + 1) * sizeof *bin);
    for (size_t i = 0; i < t->n; i++) {
        if (mnk_table_is_missing(t, c, i)) bin[i] = 0;
        else if (t->code[c]) bin[i] = t->code[c][i] + 1;
        else
            bin[i] =
                1 + (int32_t)fmax(0, fmin(BINS - 1, floor((t->number[c][i] - low) / (high > low ? high - low : 1) * BINS)));
    }
    return bin;
}

static double pair_tv(const mnk_table *x, const mnk_table *y) {
    size_t columns = x->schema->columns, pairs = 0;
    int32_t **a = calloc(columns, sizeof *a), **b = calloc(columns, sizeof *b);
    double sum = 0;
    for (size_t c = 0; c < columns; c++) {
        double low = INFINITY, high = -INFINITY;
        if (!mnk_column_is_data(&x->schema->column[c])) continue;
        for (size_t i = 0; x->number[c] && i < x->n; i++)
            if (x->number[c][i] == x->number[c][i]) low = fmin(low, x->number[c][i]), high = fmax(high, x->number[c][i]);
        a[c] = encode(x, c, low, high), b[c] = encode(y, c, low, high);
    }
    for (size_t c = 0; c < columns; c++)
        for (size_t d = c + 1; d < columns; d++) {
            if (!a[c] || !a[d]) continue;
            size_t width = bins_of(x, d), cells = bins_of(x, c) * width;
            double *difference = calloc(cells, sizeof *difference), tv = 0;
            for (size_t i = 0; i < x->n; i++) difference[(size_t)a[c][i] * width + (size_t)a[d][i]] += 1 / (double)x->n;
            for (size_t i = 0; i < y->n; i++) difference[(size_t)b[c][i] * width + (size_t)b[d][i]] -= 1 / (double)y->n;
            for (size_t k = 0; k < cells; k++) tv += 0.5 * fabs(difference[k]);
            free(difference);
            sum += tv, pairs++;
        }
    for (size_t c = 0; c < columns; c++) free(a[c]), free(b[c]);
    free(a), free(b);
    return sum / (double)pairs;
}

static mnk_table *half(const mnk_table *t, int which, mnk_error *err) {
    size_t *index = malloc((t->n + 1) * sizeof *index), n = 0;
    mnk_table *out = NULL;
    for (size_t i = 0; i < t->n; i++) {
        mnk_rng r = mnk_rng_at(99, MNK_PURPOSE_TEST, t->person ? (uint64_t)t->person[i] : i, 0);
        if ((int)(mnk_rng_u32(&r) & 1) == which) index[n++] = i;
    }
    check(mnk_table_select(t, index, n, &out, err), err);
    free(index);
    return out;
}

/* ---- one run ---- */

static mnk_table *synthesise(const char *generator, const mnk_table *train, double epsilon, uint64_t seed, const char *dir,
                             double *fit_s, mnk_error *err) {
    char name[64], text[SETTINGS][96], path[600], ledger[620];
    const char *setting[SETTINGS];
    size_t n = 0;
    snprintf(name, sizeof name, "%.*s", (int)strcspn(generator, ":"), generator ? generator : "");
    if (epsilon > 0) {
        snprintf(text[n++], sizeof *text, "epsilon=%.17g", epsilon);
        snprintf(text[n++], sizeof *text, "delta=%.17g", 0.1 / (double)train->persons);
        snprintf(text[n++], sizeof *text, "public-schema=true");
    }
    for (const char *p = strchr(generator, ':'); p && *p && n < SETTINGS; p = strchr(p, ','))
        p++, snprintf(text[n++], sizeof *text, "%.*s", (int)strcspn(p, ","), p);
    for (size_t i = 0; i < n; i++) setting[i] = text[i];
    snprintf(path, sizeof path, "%s/study-%d.model", dir, (int)getpid());
    snprintf(ledger, sizeof ledger, "%s.ledger", path);
    remove(ledger); /* a study trains on public data again and again; what the lines say is one model's guarantee */
    double start = cpu_s();
    check(mnk_table_generator_train(name, train, setting, n, seed, path, true, NULL, err), err);
    *fit_s = cpu_s() - start;
    mnk_table_generator *g;
    mnk_table *out;
    check(mnk_table_generator_open(path, &g, err), err);
    mnk_table_sample_options o = {.n = train->n, .seed = seed};
    check(mnk_table_generator_sample(g, &o, NULL, &out, NULL, err), err);
    mnk_table_generator_close(g);
    remove(path), remove(ledger);
    return out;
}

/* The synthetic table on train's schema object: levels by name. */
static mnk_table *on_schema(const mnk_table *t, mnk_schema *s, mnk_error *err) {
    mnk_table *out;
    check(mnk_table_new(s, t->n, &out, err), err);
    for (size_t c = 0; c < s->columns; c++) {
        if (out->number[c]) memcpy(out->number[c], t->number[c], t->n * sizeof(double));
        if (!mnk_column_is_data(&s->column[c])) continue;
        for (size_t i = 0; out->code[c] && i < t->n; i++)
            out->code[c][i] = t->code[c][i] < 0 ? -1 : mnk_schema_level(s, c, t->schema->column[c].level[t->code[c][i]]);
    }
    check(mnk_table_finish(out, err), err);
    return out;
}

static void print_use(const mnk_table *train, const mnk_table *test, const mnk_table *synthetic, mnk_error *err) {
    mnk_table_models_config c;
    mnk_result *r;
    mnk_table_models_defaults(&c);
    c.seeds = 1, c.max_rows = 4000, c.rounds = 60, c.bootstrap = 100, c.fairness = false;
    check(mnk_result_open("study", 1, &r, err), err);
    check(mnk_table_usefulness(train, test, synthetic, &c, NULL, r, err), err);
    for (size_t i = 0; i < r->metrics; i++) {
        const mnk_metric *m = &r->metric[i];
        if (strncmp(m->id, "macro_auc.t", 11) != 0 || strstr(m->id, ".trts.")) continue;
        printf(" %s=%.4f[%.4f,%.4f]", m->id, m->value, m->low, m->high);
    }
    mnk_result_close(r);
}

int main(int argc, char **argv) {
    mnk_error error = MNK_ERROR_INIT, *err = &error;
    if (argc < 8) {
        fprintf(stderr,
                "study_private_tables TABLE LABEL PERSON|- IGNORE|- GENERATOR[:settings] EPSILON RUNS [WORKDIR [tv]]\n");
        return 2;
    }
    mnk_threads_set(1);
    mnk_table_options o = {.label_column = argv[2],
                           .person_column = strcmp(argv[3], "-") ? argv[3] : NULL,
                           .ignore_columns = strcmp(argv[4], "-") ? argv[4] : NULL};
    mnk_table *all, *train, *test;
    double epsilon = strtod(argv[6], NULL);
    check(mnk_table_open(argv[1], &o, NULL, &all, err), err);
    check(mnk_table_split(all, 0.8, 0, 0.2, 1, err), err);
    check(mnk_table_subset(all, MNK_SPLIT_TRAIN, &train, err), err);
    check(mnk_table_subset(all, MNK_SPLIT_TEST, &test, err), err);
    mnk_table *one = half(train, 0, err), *other = half(train, 1, err);
    printf("# %s train %zu rows, %zu persons; test %zu rows; tv of two halves of train %.4f\n", argv[1], train->n,
           train->persons, test->n, pair_tv(one, other));
    for (int run = 1; run <= atoi(argv[7]); run++) {
        double fit_s = 0;
        mnk_table *drawn = synthesise(argv[5], train, epsilon, (uint64_t)run, argc > 8 ? argv[8] : ".", &fit_s, err);
        mnk_table *synthetic = on_schema(drawn, train->schema, err);
        printf("%s epsilon=%g run=%d cpu_s=%.2f tv=%.4f", argv[5], epsilon, run, fit_s, pair_tv(train, synthetic));
        fflush(stdout);
        if (argc < 10) print_use(train, test, synthetic, err);
        printf("\n");
        fflush(stdout);
        mnk_table_close(drawn);
        mnk_table_close(synthetic);
    }
    mnk_table_close(one), mnk_table_close(other), mnk_table_close(train), mnk_table_close(test), mnk_table_close(all);
    return 0;
}
