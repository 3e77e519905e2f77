/* ctgan and tvae: the layout of a row, learning, missing values, conditions, threads, resuming, hostile files, bad input. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "learn/table/neural/train.h"
#include "manikin/table_generator.h"
#include "patients.h"

static const char *const kinds[] = {"ctgan", "tvae"};
static const char *const small[] = {"steps-min=60", "epochs=1", "check=20", "batch=40", "width=32", "latent=16"};
enum { SMALL = sizeof small / sizeof *small };

/* Columns: x, y (correlation 0.8 within a class, 40 % of y missing where the class is "b"), spike (0 in 40 %), age (whole
 * numbers), one (constant), none (all missing), class (label: a 75 %, b 25 %, x is 2 higher in b). */
enum { X, Y, SPIKE, AGE, ONE, NONE, CLASS, COLUMNS };

static mnk_table *make_table(size_t n, uint64_t seed) {
    static const char *const names[] = {"x", "y", "spike", "age", "one", "none", "class"};
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s;
    mnk_table *t;
    int32_t code;
    assert_ok(mnk_schema_new(COLUMNS, &s, &err));
    for (size_t c = 0; c < COLUMNS; c++) assert_ok(mnk_schema_text(&s->column[c].name, names[c], &err));
    s->column[AGE].type = MNK_COLUMN_INTEGER, s->column[CLASS].type = MNK_COLUMN_CATEGORY;
    s->column[CLASS].roles = MNK_COLUMN_IS_LABEL;
    assert_ok(mnk_schema_add_level(s, CLASS, "a", &code, &err));
    assert_ok(mnk_schema_add_level(s, CLASS, "b", &code, &err));
    assert_ok(mnk_table_new(s, n, &t, &err));
    for (size_t i = 0; i < n; i++) {
        mnk_rng r = mnk_rng_at(seed, MNK_PURPOSE_TEST, i, 77);
        bool b = mnk_rng_uniform(&r) < 0.25;
        double x = mnk_rng_normal(&r), y = 0.8 * x + 0.6 * mnk_rng_normal(&r), u = mnk_rng_uniform(&r), v = mnk_rng_uniform(&r);
        t->number[X][i] = x + 2 * b, t->number[Y][i] = b && u < 0.4 ? (double)NAN : 50 + 10 * y;
        t->number[SPIKE][i] = v < 0.4 ? 0 : exp(mnk_rng_normal(&r));
        t->number[AGE][i] = 40 + (double)mnk_rng_below(&r, 40), t->number[ONE][i] = 3, t->code[CLASS][i] = b;
    }
    assert_ok(mnk_table_finish(t, &err));
    mnk_schema_close(s);
    return t;
}

static void train(const char *kind, const mnk_table *t, const char *const *setting, size_t settings, uint64_t seed,
                  const char *path) {
    mnk_error err = MNK_ERROR_INIT;
    assert_ok(mnk_table_generator_train(kind, t, setting, settings, seed, path, true, NULL, &err));
}

static mnk_table *sample(const char *path, size_t n, const char *where, const char *class_name,
                         mnk_table_sample_report *report) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_table_generator *g;
    mnk_table *out;
    assert_ok(mnk_table_generator_open(path, &g, &err));
    mnk_table_sample_options o = {.n = n, .seed = 5, .where = where, .class_name = class_name};
    assert_ok(mnk_table_generator_sample(g, &o, NULL, &out, report, &err));
    mnk_table_generator_close(g);
    assert_int_equal(out->n, n);
    return out;
}

static void path_of(const char *kind, const char *name, char out[512]) {
    snprintf(out, 512, "%s/%s.model", test_folder(name), kind);
}

static void bytes_of(const char *path, uint8_t **bytes, size_t *n) {
    mnk_error err = MNK_ERROR_INIT;
    assert_ok(mnk_file_read(path, (size_t)1 << 30, bytes, n, &err));
}

static void assert_same_files(const char *a, const char *b) {
    uint8_t *x, *y;
    size_t n, m;
    bytes_of(a, &x, &n);
    bytes_of(b, &y, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    mnk_free(x);
    mnk_free(y);
}

/* The first n rows. */
static void assert_same_rows(const mnk_table *a, const mnk_table *b, size_t n) {
    for (size_t c = 0; c < a->schema->columns; c++)
        for (size_t i = 0; i < n; i++) {
            if (a->code[c]) assert_int_equal(a->code[c][i], b->code[c][i]);
            else assert_memory_equal(&a->number[c][i], &b->number[c][i], sizeof(double));
        }
}

/* ---- the layout ---- */

static void test_layout(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *t = make_table(2000, 1), *back;
    mnk_codebook book;
    mnk_layout l;
    mnk_folded f;
    assert_ok(mnk_codebook_fit(t, &book, &err));
    assert_ok(mnk_layout_open(&book, t->schema, false, &l, &err));
    assert_true(l.piece[X].has_score && l.piece[X].states == 1);
    assert_true(l.piece[Y].has_score && l.piece[Y].states == 2);         /* the score's mode and missing */
    assert_true(l.piece[SPIKE].has_score && l.piece[SPIKE].states == 2); /* and zero */
    assert_true(l.piece[AGE].has_score && l.piece[AGE].states == 1);     /* forty repeated values are no modes */
    assert_true(!l.piece[ONE].has_score && l.piece[ONE].states == 1);
    assert_true(!l.piece[NONE].has_score && l.piece[NONE].states == 1);
    assert_int_equal(l.width, 1 + 3 + 3 + 1 + 2);
    assert_int_equal(l.conditions, 2); /* the class alone */
    assert_ok(mnk_folded_open(&l, t, 1, 0, &f, &err));
    assert_ok(mnk_table_new(t->schema, t->n, &back, &err));
    double sum = 0, squares = 0;
    for (size_t i = 0; i < t->n; i++)
        for (size_t c = 0; c < COLUMNS; c++) {
            float z = f.score[i * COLUMNS + c];
            mnk_layout_put(&l, c, f.state[i * COLUMNS + c], (double)z, back, i);
            if (c == AGE) sum += (double)z, squares += (double)(z * z);
            if (t->code[c]) assert_int_equal(t->code[c][i], back->code[c][i]);
            else if (isnan(t->number[c][i])) assert_true(isnan(back->number[c][i]));
            else if (c == X && !(fabs(t->number[c][i] - back->number[c][i]) < (fabsf(z) < 1.5f ? 0.05 : 0.3)))
                fail_msg("%g -> %g -> %g: more than the gap between two intervals", t->number[c][i], (double)z,
                         back->number[c][i]);
            else if (c == AGE || c == ONE)
                assert_true(t->number[c][i] == back->number[c][i]); /* repeated values come back exactly */
            else if (c == SPIKE) assert_true((t->number[c][i] == 0) == (back->number[c][i] == 0));
        }
    assert_true(fabs(sum / 2000) < 0.05 && fabs(squares / 2000 - 1) < 0.1); /* scores of whole numbers are normal too */
    mnk_folded_clear(&f);
    mnk_layout_clear(&l);
    mnk_codebook_clear(&book);
    mnk_table_close(back);
    mnk_table_close(t);
}

static void test_energy(void **state) {
    (void)state;
    enum { N = 400, W = 3 };
    static float a[N * W], b[N * W], c[N * W], d[N * W];
    for (size_t i = 0; i < N; i++) {
        mnk_rng r = mnk_rng_at(1, MNK_PURPOSE_TEST, i, 78);
        mnk_rng_normal_f32(&r, a + i * W, W);
        mnk_rng_normal_f32(&r, b + i * W, W);
        for (size_t k = 0; k < W; k++) c[i * W + k] = b[i * W + k] + 1, d[i * W + k] = 0.3f * b[i * W + k];
    }
    double spread = mnk_neural_spread(a, N, W), same = mnk_neural_energy(b, N, a, N, W, spread);
    assert_true(fabs(spread - 4 / sqrt(M_PI)) < 0.1); /* E|x - x'| of N(0, I_3) is 4 / sqrt(pi) */
    assert_true(fabs(same) < 0.03);
    assert_true(mnk_neural_energy(c, N, a, N, W, spread) > 0.4); /* another place */
    assert_true(mnk_neural_energy(d, N, a, N, W, spread) > 0.2); /* less variety */
}

/* ---- learning ---- */

static double correlation_within(const mnk_table *t, int32_t class_) {
    double n = 0, sx = 0, sy = 0, xx = 0, yy = 0, xy = 0;
    for (size_t i = 0; i < t->n; i++) {
        double x = t->number[X][i], y = t->number[Y][i];
        if (t->code[CLASS][i] != class_ || isnan(y)) continue;
        n++, sx += x, sy += y, xx += x * x, yy += y * y, xy += x * y;
    }
    return (xy / n - sx / n * sy / n) / sqrt((xx / n - sx / n * sx / n) * (yy / n - sy / n * sy / n));
}

static void test_learns(void **state) {
    (void)state;
    static const char *const setting[] = {"steps-min=800", "epochs=1",  "check=100", "batch=200",
                                          "width=64",      "latent=16", "ema=0.98"};
    mnk_table *t = make_table(1500, 2);
    for (size_t k = 0; k < 2; k++) {
        char path[512];
        path_of(kinds[k], "neural_learns", path);
        train(kinds[k], t, setting, sizeof setting / sizeof *setting, 1, path);
        mnk_table *s = sample(path, 4000, NULL, NULL, NULL);
        double b = 0, x[2] = {0}, n[2] = {0}, missing[2] = {0}, zero = 0;
        for (size_t i = 0; i < s->n; i++) {
            int32_t c = s->code[CLASS][i];
            n[c]++, x[c] += s->number[X][i], missing[c] += isnan(s->number[Y][i]), b += c;
            zero += s->number[SPIKE][i] == 0;
            assert_true(s->number[AGE][i] >= 40 && s->number[AGE][i] < 80 && s->number[AGE][i] == floor(s->number[AGE][i]));
            assert_true(s->number[ONE][i] == 3 && isnan(s->number[NONE][i]));
        }
        double shift = x[1] / n[1] - x[0] / n[0], correlation = correlation_within(s, 0);
        print_message("# %s: b %.3f, shift %.2f, correlation %.2f, missing %.3f %.3f, zero %.3f\n", kinds[k], b / 4000, shift,
                      correlation, missing[0] / n[0], missing[1] / n[1], zero / 4000);
        double real_b = 0, real_missing = 0,
               real_zero = 0; /* shares of states are raked: near the table's, whatever was learned */
        for (size_t i = 0; i < t->n; i++)
            real_b += t->code[CLASS][i], real_missing += isnan(t->number[Y][i]), real_zero += t->number[SPIKE][i] == 0;
        print_message("# %s: in the table b %.3f, missing %.3f, zero %.3f; drawn missing %.3f\n", kinds[k],
                      real_b / (double)t->n, real_missing / (double)t->n, real_zero / (double)t->n,
                      (missing[0] + missing[1]) / 4000);
        assert_true(fabs(b / 4000 - real_b / (double)t->n) < 0.035);
        assert_true(fabs((missing[0] + missing[1]) / 4000 - real_missing / (double)t->n) < 0.035);
        assert_true(fabs(zero / 4000 - real_zero / (double)t->n) < 0.035);
        assert_true(shift > 1 && shift < 3);
        assert_true(correlation > 0.35);
        assert_true(missing[0] / n[0] < 0.1 && missing[1] / n[1] > 0.2 && missing[1] / n[1] < 0.6);
        mnk_table_close(s);
    }
    mnk_table_close(t);
}

/* ---- bytes ---- */

static void test_threads_and_blocks(void **state) {
    (void)state;
    mnk_table *t = make_table(300, 3);
    for (size_t k = 0; k < 2; k++) {
        char one[512], two[520];
        path_of(kinds[k], "neural_threads", one);
        snprintf(two, sizeof two, "%s.2", one);
        mnk_threads_set(1);
        train(kinds[k], t, small, SMALL, 1, one);
        mnk_table *a = sample(one, 700, NULL, NULL, NULL), *few = sample(one, 3, NULL, NULL, NULL);
        mnk_threads_set(2);
        train(kinds[k], t, small, SMALL, 1, two);
        mnk_table *b = sample(one, 700, NULL, NULL, NULL);
        assert_same_files(one, two);
        assert_same_rows(a, b, 700);
        assert_same_rows(a, few, 3); /* a row depends on itself alone */
        train(kinds[k], t, small, SMALL, 2, two);
        uint8_t *x, *y;
        size_t n, m;
        bytes_of(one, &x, &n);
        bytes_of(two, &y, &m);
        assert_true(n != m || memcmp(x, y, n) != 0); /* another seed, another model */
        mnk_free(x);
        mnk_free(y);
        mnk_table_close(a);
        mnk_table_close(b);
        mnk_table_close(few);
    }
    mnk_threads_set(0);
    mnk_table_close(t);
}

typedef struct stopper {
    int calls, after;
} stopper;
static bool stop_after(void *ctx) {
    stopper *s = ctx;
    return ++s->calls > s->after;
}

static void test_resume(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *t = make_table(300, 4), *other = make_table(300, 5);
    const char *again[SMALL + 1], *changed[SMALL + 2];
    memcpy(again, small, sizeof small);
    again[SMALL] = "resume=true";
    memcpy(changed, again, sizeof again);
    changed[SMALL + 1] = "rate=0.1";
    for (size_t k = 0; k < 2; k++) {
        char whole[512], parts[520], checkpoint[560];
        path_of(kinds[k], "neural_resume", whole);
        snprintf(parts, sizeof parts, "%s.parts", whole);
        snprintf(checkpoint, sizeof checkpoint, "%s.rows.checkpoint", parts);
        train(kinds[k], t, small, SMALL, 1, whole);
        for (int after = 13; after < 60; after += 30) { /* within and behind the first checks */
            stopper stop = {.after = after};
            mnk_observer o = {.ctx = &stop, .stopped = stop_after};
            assert_int_equal(mnk_table_generator_train(kinds[k], t, small, SMALL, 1, parts, true, &o, &err),
                             MNK_ERR_INTERRUPTED);
            err = (mnk_error)MNK_ERROR_INIT;
            assert_true(mnk_path_exists(checkpoint));
            assert_int_equal(mnk_table_generator_train(kinds[k], t, small, SMALL, 1, parts, false, NULL, &err), MNK_ERR_INPUT);
            err = (mnk_error)MNK_ERROR_INIT; /* an unfinished run is not thrown away unasked */
            assert_int_equal(mnk_table_generator_train(kinds[k], t, changed, SMALL + 2, 1, parts, true, NULL, &err),
                             MNK_ERR_USAGE);
            err = (mnk_error)MNK_ERROR_INIT;
            assert_int_equal(mnk_table_generator_train(kinds[k], t, again, SMALL + 1, 2, parts, true, NULL, &err),
                             MNK_ERR_USAGE);
            err = (mnk_error)MNK_ERROR_INIT;
            assert_int_equal(mnk_table_generator_train(kinds[k], other, again, SMALL + 1, 1, parts, true, NULL, &err),
                             MNK_ERR_USAGE);
            err = (mnk_error)MNK_ERROR_INIT;
            train(kinds[k], t, again, SMALL + 1, 1, parts);
            assert_same_files(whole, parts);
            assert_false(mnk_path_exists(checkpoint));
        }
        assert_int_equal(mnk_table_generator_train(kinds[k], t, again, SMALL + 1, 1, parts, true, NULL, &err), MNK_ERR_INPUT);
        err = (mnk_error)MNK_ERROR_INIT; /* nothing to resume */
    }
    mnk_table_close(t);
    mnk_table_close(other);
}

/* ---- conditions ---- */

static void test_conditions(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *t = make_table(600, 6);
    for (size_t k = 0; k < 2; k++) {
        char path[512];
        path_of(kinds[k], "neural_conditions", path);
        train(kinds[k], t, small, SMALL, 1, path);
        mnk_table_sample_report report;
        mnk_table *s = sample(path, 200, NULL, "b", NULL);
        for (size_t i = 0; i < s->n; i++) assert_int_equal(s->code[CLASS][i], 1);
        mnk_table_close(s);
        s = sample(path, 200, "class=b and x>1", NULL, &report);
        for (size_t i = 0; i < s->n; i++) assert_true(s->code[CLASS][i] == 1 && s->number[X][i] > 1);
        assert_true(report.drawn < 200 * 50);
        mnk_table_close(s);

        mnk_table_generator *g; /* holes are filled, the rest stays */
        mnk_table *filled;
        size_t index[64];
        for (size_t i = 0; i < 64; i++) index[i] = i;
        mnk_table *holes;
        assert_ok(mnk_table_select(t, index, 64, &holes, &err));
        for (size_t i = 0; i < 64; i++) {
            if (i % 2) holes->number[X][i] = NAN;
            else holes->code[CLASS][i] = -1;
        }
        assert_ok(mnk_table_generator_open(path, &g, &err));
        assert_ok(mnk_table_generator_impute(g, holes, 1, NULL, &filled, NULL, &err));
        for (size_t i = 0; i < 64; i++) {
            assert_true(!isnan(filled->number[X][i]) && filled->code[CLASS][i] >= 0 && !isnan(filled->number[Y][i]));
            assert_true(filled->number[AGE][i] == t->number[AGE][i]);
            if (i % 2) assert_int_equal(filled->code[CLASS][i], t->code[CLASS][i]);
            else assert_true(filled->number[X][i] == t->number[X][i]);
        }
        mnk_table_generator_close(g);
        mnk_table_close(holes);
        mnk_table_close(filled);
    }
    mnk_table_close(t);
}

/* Persons with visits: the frame asks for visits given the one before. */
static void test_persons(void **state) {
    (void)state;
    mnk_schema *s = patients_schema();
    mnk_table *t = patients(s, &(patients_options){.n = 300, .seed = 1, .strength = 1, .rows_of_person = 3});
    for (size_t k = 0; k < 2; k++) {
        char path[512];
        path_of(kinds[k], "neural_persons", path);
        train(kinds[k], t, small, SMALL, 1, path);
        mnk_table *out = sample(path, 120, NULL, NULL, NULL);
        assert_true(out->persons < out->n);
        mnk_table_close(out);
    }
    mnk_table_close(t);
    mnk_schema_close(s);
}

/* ---- hostile files ---- */

static void test_hostile_files(void **state) {
    (void)state;
    mnk_table *t = make_table(200, 7);
    static const char *const tiny[] = {"steps-min=4", "epochs=1", "check=2", "batch=20", "width=8", "latent=4", "depth=1"};
    for (size_t k = 0; k < 2; k++) {
        char path[512], broken[520];
        uint8_t *bytes;
        size_t n, refused = 0;
        path_of(kinds[k], "neural_hostile", path);
        snprintf(broken, sizeof broken, "%s.broken", path);
        train(kinds[k], t, tiny, sizeof tiny / sizeof *tiny, 1, path);
        bytes_of(path, &bytes, &n);
        for (uint64_t i = 0; i < 300; i++) {
            mnk_error err = MNK_ERROR_INIT;
            mnk_rng r = mnk_rng_at(1, MNK_PURPOSE_TEST, i, 79);
            uint8_t *copy = mnk_alloc(n, 1);
            memcpy(copy, bytes, n);
            size_t end = i % 3 == 0 ? mnk_rng_below(&r, n) : n; /* cut short, or a few bytes changed */
            for (int j = 0; j < 4; j++) copy[mnk_rng_below(&r, n)] = (uint8_t)(i % 3 == 1 ? 0xff : mnk_rng_u32(&r));
            assert_ok(mnk_file_write(broken, true, copy, end, &err));
            mnk_table_generator *g = NULL;
            mnk_table *s = NULL;
            mnk_table_sample_options o = {.n = 20, .seed = 1};
            if (mnk_table_generator_open(broken, &g, &err) != MNK_OK) refused++;
            else if (mnk_table_generator_sample(g, &o, NULL, &s, NULL, &err) == MNK_OK) assert_int_equal(s->n, 20);
            mnk_table_close(s);
            mnk_table_generator_close(g);
            mnk_free(copy);
        }
        assert_true(refused >= 100);
        mnk_free(bytes);
    }
    mnk_table_close(t);
}

/* ---- bad input ---- */

static mnk_table *one_column(size_t n, size_t levels) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s;
    mnk_table *t;
    char text[32];
    int32_t code;
    assert_ok(mnk_schema_new(2, &s, &err));
    assert_ok(mnk_schema_text(&s->column[0].name, "code", &err));
    assert_ok(mnk_schema_text(&s->column[1].name, "x", &err));
    s->column[0].type = MNK_COLUMN_CATEGORY;
    for (size_t i = 0; i < levels; i++) {
        snprintf(text, sizeof text, "L%zu", i);
        assert_ok(mnk_schema_add_level(s, 0, text, &code, &err));
    }
    assert_ok(mnk_table_new(s, n, &t, &err));
    for (size_t i = 0; i < n; i++) t->code[0][i] = (int32_t)(i % levels), t->number[1][i] = (double)(i % 7);
    assert_ok(mnk_table_finish(t, &err));
    mnk_schema_close(s);
    return t;
}

static void test_bad_input(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    for (size_t k = 0; k < 2; k++) {
        char path[512];
        path_of(kinds[k], "neural_bad", path);
        mnk_table *row = make_table(1, 8); /* one row: nothing varies, every row drawn is that one */
        train(kinds[k], row, small, SMALL, 1, path);
        mnk_table *s = sample(path, 5, NULL, NULL, NULL);
        mnk_table_close(s);
        mnk_table_close(row);
        mnk_table *single = make_table(100, 9); /* one class */
        for (size_t i = 0; i < 100; i++) single->code[CLASS][i] = 0;
        train(kinds[k], single, small, SMALL, 1, path);
        s = sample(path, 50, NULL, NULL, NULL);
        for (size_t i = 0; i < 50; i++) assert_int_equal(s->code[CLASS][i], 0);
        mnk_table_close(s);
        mnk_table_close(single);
        mnk_table *many = one_column(3000, 3000); /* every code once: pooled */
        train(kinds[k], many, small, SMALL, 1, path);
        s = sample(path, 50, NULL, NULL, NULL);
        mnk_table_close(s);
        mnk_table_close(many);
        mnk_table *two = make_table(2, 10);
        train(kinds[k], two, small, SMALL, 1, path);
        mnk_table_close(two);
    }
    mnk_table *t = make_table(100, 11);
    static const char *const uneven[] = {"batch=25", "pack=10"};
    char path[512];
    path_of("x", "neural_bad", path);
    assert_int_equal(mnk_table_generator_train("ctgan", t, uneven, 2, 1, path, true, NULL, &err), MNK_ERR_USAGE);
    mnk_table_close(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout),    cmocka_unit_test(test_energy),
        cmocka_unit_test(test_learns),    cmocka_unit_test(test_threads_and_blocks),
        cmocka_unit_test(test_resume),    cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_persons),   cmocka_unit_test(test_hostile_files),
        cmocka_unit_test(test_bad_input),
    };
    return MNK_RUN_TESTS("table_neural", tests);
}
