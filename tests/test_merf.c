/* dp-merf: the embedding is what it says (exact sums, norm at most 1, expectations, gradients), the query is paid for once and
 * exactly, and what is drawn follows the table, what is given, and the box. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "learn/table/private/embedding.h"
#include "manikin/table_generator.h"
#include "privacy/ledger.h"

static mnk_error err = MNK_ERROR_INIT;

/* ---- a table: x, y (correlation 0.8 within a class), kind (follows x), ill (the label) ---- */

enum { X, Y, KIND, ILL, COLUMNS };

static mnk_table *make_table(size_t n, uint64_t seed) {
    static const char *const names[] = {"x", "y", "kind", "ill"}, *const kinds[] = {"a", "b", "c"},
                             *const ills[] = {"no", "yes"};
    mnk_schema *s;
    mnk_table *t;
    int32_t code;
    assert_ok(mnk_schema_new(COLUMNS, &s, &err));
    for (size_t c = 0; c < COLUMNS; c++) assert_ok(mnk_schema_text(&s->column[c].name, names[c], &err));
    s->column[X].low = s->column[Y].low = -4, s->column[X].high = s->column[Y].high = 6;
    s->column[KIND].type = s->column[ILL].type = MNK_COLUMN_CATEGORY;
    s->column[ILL].roles = MNK_COLUMN_IS_LABEL;
    for (size_t k = 0; k < 3; k++) assert_ok(mnk_schema_add_level(s, KIND, kinds[k], &code, &err));
    for (size_t k = 0; k < 2; k++) assert_ok(mnk_schema_add_level(s, ILL, ills[k], &code, &err));
    assert_ok(mnk_table_new(s, n, &t, &err));
    for (size_t i = 0; i < n; i++) {
        mnk_rng r = mnk_rng_at(seed, MNK_PURPOSE_TEST, i, 90);
        bool ill = mnk_rng_uniform(&r) < 0.3;
        double x = mnk_rng_normal(&r), y = 0.8 * x + 0.6 * mnk_rng_normal(&r), u = mnk_rng_uniform(&r);
        t->number[X][i] = x + 2 * ill, t->number[Y][i] = u < 0.2 ? (double)NAN : y;
        t->code[KIND][i] = x < -0.5 ? 0 : x < 0.5 ? 1 : 2, t->code[ILL][i] = ill;
    }
    assert_ok(mnk_table_finish(t, &err));
    mnk_schema_close(s);
    return t;
}

static char model_path[512], ledger_path[520];

static mnk_status train(const char *name, const mnk_table *t, const char *const *own, size_t n) {
    const char *setting[16] = {"delta=1e-6", "width=32", "batch=64", "rate=1e-2"};
    for (size_t i = 0; i < n; i++) setting[4 + i] = own[i];
    snprintf(model_path, sizeof model_path, "%s/%s.model", test_folder("merf"), name);
    snprintf(ledger_path, sizeof ledger_path, "%s.ledger", model_path);
    return mnk_table_generator_train("dp-merf", t, setting, 4 + n, 1, model_path, true, NULL, &err);
}
#define TRAIN(name, t, ...)                                                                                                    \
    train(name, t, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static mnk_table *sample(size_t n, const char *where, const char *class_name, mnk_table_sample_report *report) {
    mnk_table_generator *g;
    mnk_table *out;
    mnk_table_sample_options o = {.n = n, .seed = 5, .where = where, .class_name = class_name};
    assert_ok(mnk_table_generator_open(model_path, &g, &err));
    assert_ok(mnk_table_generator_sample(g, &o, NULL, &out, report, &err));
    mnk_table_generator_close(g);
    return out;
}

/* ---- the embedding ---- */

typedef struct fixture {
    mnk_table *t;
    mnk_axes axes;
    mnk_rows rows;
    mnk_embedding e;
} fixture;

static void fixture_open(fixture *f, size_t n, mnk_embedding_kernel kernel) {
    uint32_t *row = mnk_alloc(n, sizeof *row);
    f->t = make_table(n, 3);
    for (size_t i = 0; i < n; i++) row[i] = (uint32_t)i;
    assert_ok(mnk_axes_open(f->t->schema, 10, &f->axes, &err));
    assert_ok(mnk_rows_open(&f->axes, f->t, row, n, &f->rows, &err));
    const mnk_embedding_shape shape = {kernel, 7, 0.2, 0.5, 11};
    assert_ok(mnk_embedding_open(&f->axes, ILL, &shape, &f->e, &err));
    mnk_free(row);
}

static void fixture_close(fixture *f) {
    mnk_embedding_clear(&f->e);
    mnk_rows_close(&f->rows);
    mnk_axes_clear(&f->axes);
    mnk_table_close(f->t);
}

static double norm2(const double *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * x[i];
    return sum;
}

/* A row more moves the sum by at most 1, and by hardly less; the order of rows does not matter to a bit. */
static void test_sensitivity(void **state) {
    (void)state;
    for (int kernel = 0; kernel < 2; kernel++) {
        enum { N = 300 };
        fixture f;
        fixture_open(&f, N, (mnk_embedding_kernel)kernel);
        size_t n = mnk_embedding_numbers(&f.e);
        double *all = mnk_alloc(n, sizeof *all), *less = mnk_alloc(n, sizeof *less);
        assert_ok(mnk_embedding_sum(&f.e, &f.rows, all, &err));
        uint8_t *cell = f.rows.cell, part[COLUMNS * (N - 1)];
        for (size_t left_out = 0; left_out < N; left_out += 7) {
            for (size_t c = 0; c < COLUMNS; c++)
                for (size_t i = 0, k = 0; i < N; i++)
                    if (i != left_out) part[c * (N - 1) + k++] = cell[c * N + i];
            f.rows.cell = part, f.rows.rows = N - 1;
            assert_ok(mnk_embedding_sum(&f.e, &f.rows, less, &err));
            f.rows.cell = cell, f.rows.rows = N;
            for (size_t j = 0; j < n; j++) less[j] = all[j] - less[j];
            double moved = norm2(less, n);
            bool missing = cell[Y * N + left_out] == 0; /* joint: its one-hot stays 0 where a number is not missing */
            assert_true(moved <= 1 && (kernel == MNK_EMBEDDING_JOINT || moved > 0.9999));
            assert_true(moved > 0.6 + 0.1 * missing);
        }
        for (size_t c = 0; c < COLUMNS; c++) /* reversed */
            for (size_t i = 0; i < N / 2; i++) {
                uint8_t x = cell[c * N + i];
                cell[c * N + i] = cell[c * N + N - 1 - i], cell[c * N + N - 1 - i] = x;
            }
        assert_ok(mnk_embedding_sum(&f.e, &f.rows, less, &err));
        assert_memory_equal(all, less, n * sizeof *all);
        double count[8], total = 0;
        mnk_embedding_counts(&f.e, all, count);
        for (size_t k = 0; k < f.e.classes; k++) {
            double rows = 0;
            for (size_t i = 0; i < N; i++) rows += cell[ILL * N + i] == k;
            assert_true(fabs(count[k] - rows) < 1e-6);
            total += count[k];
        }
        assert_true(fabs(total - N) < 1e-6);
        mnk_free(all);
        mnk_free(less);
        fixture_close(&f);
    }
}

/* Of certain rows (p is 0 or 1) the expectations sum to the sum; and the gradient is that of finite differences. */
static void test_expectation(void **state) {
    (void)state;
    enum { N = 24 };
    for (int kernel = 0; kernel < 2; kernel++) {
        fixture f;
        fixture_open(&f, N, (mnk_embedding_kernel)kernel);
        const mnk_embedding *e = &f.e;
        mnk_embedding_batch b;
        size_t n = mnk_embedding_numbers(e), wide = e->outputs;
        double *want = mnk_alloc(n, sizeof *want), *got = mnk_alloc(n, sizeof *got);
        float *p = mnk_alloc_aligned(N * wide, sizeof *p), *d_p = mnk_alloc_aligned(N * wide, sizeof *d_p);
        assert_ok(mnk_embedding_batch_open(e, N, &b, &err));
        for (size_t i = 0; i < N; i++)
            for (size_t c = 0; c < COLUMNS; c++)
                if (c != ILL) p[i * wide + e->out_at[c] + f.rows.cell[c * N + i]] = 1;
        assert_ok(mnk_embedding_sum(e, &f.rows, want, &err));
        mnk_embedding_expect(&b, p);
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < e->features; j++)
                got[f.rows.cell[ILL * N + i] * e->features + j] += (double)b.phi[i * e->features + j];
        for (size_t j = 0; j < n; j++) assert_true(fabs(want[j] - got[j]) < 1e-5);
        mnk_rng r = mnk_rng_at(1, MNK_PURPOSE_TEST, 0, 91);
        for (size_t k = 0; k < N * wide; k++) p[k] = mnk_rng_uniform_f32(&r);
        for (size_t k = 0; k < N * e->features; k++) b.d_phi[k] = mnk_rng_uniform_f32(&r) - 0.5f;
        mnk_embedding_expect(&b, p);
        mnk_embedding_back(&b, d_p);
        for (int probe = 0; probe < 60; probe++) {
            size_t k = mnk_rng_below(&r, N * wide);
            double side[2];
            float old = p[k];
            for (int s = 0; s < 2; s++) {
                p[k] = old + (s ? 0.01f : -0.01f);
                mnk_embedding_expect(&b, p);
                side[s] = 0;
                for (size_t j = 0; j < N * e->features; j++) side[s] += (double)b.phi[j] * (double)b.d_phi[j];
            }
            p[k] = old;
            assert_true(fabs((side[1] - side[0]) / 0.02 - (double)d_p[k]) < 2e-3);
        }
        mnk_embedding_batch_clear(&b);
        void *blocks[] = {want, got, p, d_p};
        for (size_t i = 0; i < 4; i++) mnk_free(blocks[i]);
        fixture_close(&f);
    }
}

/* ---- the query ---- */

static void test_ledger(void **state) {
    (void)state;
    mnk_table *t = make_table(400, 4);
    mnk_ledger_book *b = NULL;
    mnk_guarantee g;
    double noise;
    mnk_mechanisms one = {.neighbours = MNK_ADD_REMOVE};
    assert_ok(mnk_mechanisms_add(&one, &(mnk_mechanism){.kind = MNK_MECHANISM_GAUSSIAN, .noise = 1}, &err));
    assert_ok(mnk_privacy_noise(&one, 1, 1e-6, &noise, &g, &err));
    assert_ok(TRAIN("ledger", t, "epsilon=1", "steps=1"));
    assert_ok(mnk_ledger_read(ledger_path, &b, &err));
    assert_int_equal(b->spent.n, 1);
    const mnk_mechanism *m = &b->spent.item[0];
    assert_int_equal(m->kind, MNK_MECHANISM_GAUSSIAN);
    assert_int_equal(m->count, 1);
    assert_true(m->sensitivity == 1 && fabs(m->noise - noise) < 1e-9 * noise);
    assert_ok(mnk_ledger_guarantee(b, NULL, 1e-6, &g, &err));
    assert_true(g.epsilon <= 1 && g.epsilon > 0.999 && strcmp(g.method, "exact") == 0);
    mnk_ledger_book_close(b);
    mnk_mechanisms_clear(&one);
    mnk_table_close(t);
}

/* ---- learning ---- */

static double correlation(const mnk_table *t, int32_t ill) {
    double n = 0, sx = 0, sy = 0, xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < t->n; i++) {
        double x = t->number[X][i], y = t->number[Y][i];
        if (t->code[ILL][i] != ill || isnan(y) || isnan(x)) continue;
        n++, sx += x, sy += y, xx += x * x, yy += y * y, xy += x * y;
    }
    return (xy / n - sx / n * sy / n) / sqrt((xx / n - sx / n * sx / n) * (yy / n - sy / n * sy / n));
}

/* Total variation between two tables over a pair of columns, numbers in ten bins. */
static double pair_tv(const mnk_axes *a, const mnk_table *x, const mnk_table *y, size_t c, size_t d) {
    double share[MNK_AXIS_BINS][16] = {{0}}, tv = 0;
    for (size_t i = 0; i < x->n; i++)
        share[mnk_axis_bin(&a->axis[c], x, c, i)][mnk_axis_bin(&a->axis[d], x, d, i)] += 1 / (double)x->n;
    for (size_t i = 0; i < y->n; i++)
        share[mnk_axis_bin(&a->axis[c], y, c, i)][mnk_axis_bin(&a->axis[d], y, d, i)] -= 1 / (double)y->n;
    for (size_t i = 0; i < MNK_AXIS_BINS; i++)
        for (size_t k = 0; k < 16; k++) tv += 0.5 * fabs(share[i][k]);
    return tv;
}

static void test_learns(void **state) {
    (void)state;
    mnk_table *t = make_table(3000, 5), *s, *shuffled;
    mnk_axes axes;
    mnk_table_generator *g;
    char path[560];
    assert_ok(mnk_axes_open(t->schema, 10, &axes, &err));
    assert_ok(TRAIN("learns", t, "epsilon=10", "steps=600"));
    s = sample(6000, NULL, NULL, NULL);
    snprintf(path, sizeof path, "%s.shuffled", model_path);
    assert_ok(mnk_table_generator_train("shuffle", t, NULL, 0, 1, path, true, NULL, &err));
    assert_ok(mnk_table_generator_open(path, &g, &err));
    assert_ok(mnk_table_generator_sample(g, &(mnk_table_sample_options){.n = 6000, .seed = 1}, NULL, &shuffled, NULL, &err));
    mnk_table_generator_close(g);
    double own = 0, floor_ = 0, missing = 0, ill = 0;
    for (size_t c = 0; c < COLUMNS; c++)
        for (size_t d = c + 1; d < COLUMNS; d++) own += pair_tv(&axes, t, s, c, d), floor_ += pair_tv(&axes, t, shuffled, c, d);
    for (size_t i = 0; i < s->n; i++) missing += isnan(s->number[Y][i]), ill += s->code[ILL][i] == 1;
    print_message("# mean TV over pairs %.3f, shuffled columns %.3f; correlation %.2f; missing %.3f; ill %.3f\n", own / 6,
                  floor_ / 6, correlation(s, 0), missing / 6000, ill / 6000);
    assert_true(own < 0.5 * floor_);
    assert_true(correlation(s, 0) > 0.5);
    assert_true(fabs(missing / 6000 - 0.2) < 0.03 && fabs(ill / 6000 - 0.3) < 0.03);
    mnk_table_close(s);

    mnk_table_sample_report report; /* the class, and a box: few rows are rejected */
    s = sample(300, NULL, "yes", NULL);
    for (size_t i = 0; i < s->n; i++) assert_int_equal(s->code[ILL][i], 1);
    mnk_table_close(s);
    s = sample(300, "kind=a and x<-1", NULL, &report);
    for (size_t i = 0; i < s->n; i++) assert_true(s->code[KIND][i] == 0 && s->number[X][i] < -1);
    assert_true(report.drawn < 300 * 4);
    mnk_table_close(s);

    size_t index[200]; /* holes: x given y, y given x; what stands there stays */
    mnk_table *holes, *filled;
    double error2 = 0, spread2 = 0;
    for (size_t i = 0; i < 200; i++) index[i] = i;
    assert_ok(mnk_table_select(t, index, 200, &holes, &err));
    for (size_t i = 0; i < 200; i++) holes->number[X][i] = NAN;
    assert_ok(mnk_table_generator_open(model_path, &g, &err));
    assert_ok(mnk_table_generator_impute(g, holes, 1, NULL, &filled, NULL, &err));
    for (size_t i = 0; i < 200; i++) {
        double e = filled->number[X][i] - t->number[X][i];
        assert_int_equal(filled->code[KIND][i], t->code[KIND][i]);
        error2 += e * e, spread2 += pow(t->number[X][i] - 0.6, 2);
    }
    assert_true(error2 < spread2); /* a draw without looking would have twice the spread */
    mnk_table_generator_close(g);
    mnk_table *open_tables[] = {holes, filled, shuffled, t};
    for (size_t i = 0; i < 4; i++) mnk_table_close(open_tables[i]);
    mnk_axes_clear(&axes);
}

/* The paper's kernel: numbers by their joint features, codes by counts, both within the class. */
static void test_joint(void **state) {
    (void)state;
    mnk_table *t = make_table(3000, 6), *s;
    assert_ok(TRAIN("joint", t, "epsilon=50", "steps=600", "kernel=joint", "features=100"));
    s = sample(4000, NULL, NULL, NULL);
    print_message("# joint kernel: correlation %.2f\n", correlation(s, 0));
    assert_true(correlation(s, 0) > 0.4);
    mnk_table_close(s);
    mnk_table_close(t);
}

/* No label, a label alone, one number alone. */
static void test_small_schemas(void **state) {
    (void)state;
    for (int which = 0; which < 3; which++) {
        mnk_table *t = make_table(200, 7), *s;
        for (size_t c = 0; c < COLUMNS; c++) /* ignored columns are not learned */
            if ((which == 1 && c != ILL) || (which == 2 && c != X)) t->schema->column[c].roles |= MNK_COLUMN_IS_IGNORE;
        if (which != 1) t->schema->column[ILL].roles = 0;
        assert_ok(mnk_table_finish(t, &err));
        assert_ok(TRAIN("small", t, "epsilon=5", "steps=20"));
        s = sample(50, NULL, NULL, NULL);
        assert_int_equal(s->n, 50);
        mnk_table_close(s);
        mnk_table_close(t);
        remove(ledger_path);
    }
}

static void test_persons_are_rows(void **state) {
    (void)state;
    mnk_table *t = make_table(60, 8);
    assert_int_equal(TRAIN("bad", t, "epsilon=1", "unit=person"), MNK_ERR_INPUT); /* nobody has several rows */
    mnk_error_clear(&err);
    assert_int_equal(TRAIN("bad", t, "epsilon=1", "kernel=triples"), MNK_ERR_USAGE);
    mnk_error_clear(&err);
    assert_int_equal(TRAIN("bad", t, "epsilon=1", "bandwidth=0"), MNK_ERR_USAGE);
    mnk_error_clear(&err);
    mnk_table_close(t);
}

int main(void) {
    mnk_threads_set(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sensitivity),      cmocka_unit_test(test_expectation), cmocka_unit_test(test_ledger),
        cmocka_unit_test(test_learns),           cmocka_unit_test(test_joint),       cmocka_unit_test(test_small_schemas),
        cmocka_unit_test(test_persons_are_rows),
    };
    return MNK_RUN_TESTS("dp-merf", tests);
}
