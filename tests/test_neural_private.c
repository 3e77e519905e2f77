/* ctgan and tvae with --dp: what the layout takes from the schema alone, the guarantee in model and ledger, what is refused,
 * that a stopped run goes on, and that with hardly any noise the margins are learned. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/safetensors.h"
#include "learn/table/neural/train.h"
#include "manikin/table_generator.h"
#include "privacy/ledger.h"

static mnk_error err = MNK_ERROR_INIT;
static const char *const kinds[] = {"ctgan", "tvae"};
enum { KINDS = 2 };

/* who, x (a number), age (whole numbers), stage (1 to 4), kind (a, b, c), ill (the label). */
enum { WHO, X, AGE, STAGE, KIND, ILL, COLUMNS };

static void column(mnk_schema *s, size_t c, const char *name, mnk_column_type type, double low, double high,
                   const char *levels) {
    int32_t code;
    assert_ok(mnk_schema_text(&s->column[c].name, name, &err));
    s->column[c].type = type, s->column[c].low = low, s->column[c].high = high;
    for (const char *l = levels; *l; l++) assert_ok(mnk_schema_add_level(s, c, (const char[]){*l, 0}, &code, &err));
}

static mnk_table *make_table(size_t persons, size_t visits, uint64_t seed) {
    mnk_schema *s;
    mnk_table *t;
    assert_ok(mnk_schema_new(COLUMNS, &s, &err));
    column(s, WHO, "who", MNK_COLUMN_INTEGER, NAN, NAN, "");
    column(s, X, "x", MNK_COLUMN_NUMERIC, -5, 5, "");
    column(s, AGE, "age", MNK_COLUMN_INTEGER, 0, 99, "");
    column(s, STAGE, "stage", MNK_COLUMN_INTEGER, 1, 4, "");
    column(s, KIND, "kind", MNK_COLUMN_CATEGORY, NAN, NAN, "abc");
    column(s, ILL, "ill", MNK_COLUMN_CATEGORY, NAN, NAN, "ny");
    s->column[WHO].roles = MNK_COLUMN_IS_PERSON, s->column[ILL].roles = MNK_COLUMN_IS_LABEL;
    assert_ok(mnk_table_new(s, persons * visits, &t, &err));
    for (size_t i = 0; i < t->n; i++) {
        mnk_rng r = mnk_rng_at(seed, MNK_PURPOSE_TEST, i, 95);
        bool ill = mnk_rng_uniform(&r) < 0.3;
        double u = mnk_rng_uniform(&r);
        t->number[WHO][i] = (double)(i / visits);
        t->number[X][i] = (ill ? 2 : -1) + 0.7 * mnk_rng_normal(&r);
        t->number[AGE][i] = mnk_rng_uniform(&r) < 0.2 ? (double)NAN : 40 + (double)mnk_rng_below(&r, 30);
        t->number[STAGE][i] = u < 0.7 ? 1 : u < 0.9 ? 2 : 4;
        t->code[KIND][i] = mnk_rng_uniform(&r) < 0.8 ? 0 : 2;
        t->code[ILL][i] = ill;
    }
    assert_ok(mnk_table_finish(t, &err));
    mnk_schema_close(s);
    return t;
}

static char folder[256], model_path[512], ledger_path[520], checkpoint_path[540];

/* Settings until NULL, behind those of a small net. */
static mnk_status train(const char *kind, const char *name, const mnk_table *t, const mnk_observer *o, const char *const *own) {
    const char *setting[24] = {"dp=true", "delta=1e-6", "width=16", "latent=8", "depth=1", "batch=64", "check=5"};
    size_t n = 7;
    for (; *own; own++) setting[n++] = *own;
    snprintf(model_path, sizeof model_path, "%s/%s-%s.model", folder, kind, name);
    snprintf(ledger_path, sizeof ledger_path, "%s.ledger", model_path);
    snprintf(checkpoint_path, sizeof checkpoint_path, "%s.rows.checkpoint", model_path);
    return mnk_table_generator_train(kind, t, setting, n, 1, model_path, true, o, &err);
}
#define TRAIN(kind, name, t, ...) train(kind, name, t, NULL, (const char *const[]){__VA_ARGS__, NULL})

static mnk_table *sample(size_t n, const char *class_name) {
    mnk_table_generator *g;
    mnk_table *out;
    mnk_table_sample_options o = {.n = n, .seed = 5, .class_name = class_name};
    assert_ok(mnk_table_generator_open(model_path, &g, &err));
    assert_ok(mnk_table_generator_sample(g, &o, NULL, &out, NULL, &err));
    mnk_table_generator_close(g);
    return out;
}

static void expect(mnk_status got, mnk_status want, const char *part) {
    if (got != want || !strstr(err.message, part))
        fail_msg("status %d, wanted %d with \"%s\": %s", (int)got, (int)want, part, err.message);
    mnk_error_clear(&err);
}

/* ---- the layout ---- */

static void test_layout(void **state) {
    (void)state;
    mnk_table *a = make_table(300, 1, 1), *b = make_table(5, 1, 2), *back;
    mnk_codebook book, other;
    mnk_layout l;
    mnk_folded f;
    expect(mnk_codebook_public(a->schema, 10, &book, &err), MNK_ERR_INPUT, "\"who\""); /* no bounds */
    mnk_codebook_clear(&book);
    for (int i = 0; i < 2; i++) (i ? a : b)->schema->column[WHO].low = 0, (i ? a : b)->schema->column[WHO].high = 999;
    assert_ok(mnk_codebook_public(a->schema, 10, &book, &err));
    assert_ok(mnk_codebook_public(b->schema, 10, &other, &err));
    for (size_t c = 0; c < COLUMNS; c++) /* other rows, the same codebook */
        assert_true(memcmp(&book.column[c], &other.column[c], sizeof book.column[c]) == 0);
    assert_ok(mnk_layout_open(&book, a->schema, true, &l, &err));
    assert_true(l.piece[X].has_score && l.piece[X].modes == 10 && l.piece[X].states == 11); /* and missing */
    assert_true(l.piece[AGE].has_score && l.piece[AGE].modes == 10);                        /* ten years each */
    assert_true(!l.piece[STAGE].has_score && l.piece[STAGE].modes == 0 && l.piece[STAGE].states == 5);
    assert_true(l.piece[KIND].states == 4 && l.piece[KIND].condition_at == MNK_NOWHERE);
    assert_int_equal(l.conditions, 3); /* the label alone */
    assert_ok(mnk_folded_open(&l, a, 1, 0, &f, &err));
    assert_ok(mnk_table_new(a->schema, a->n, &back, &err));
    for (size_t i = 0; i < a->n; i++)
        for (size_t c = X; c < COLUMNS; c++) {
            float z = f.score[i * COLUMNS + c];
            assert_true(z >= -1 && z <= 1);
            mnk_layout_put(&l, c, f.state[i * COLUMNS + c], (double)z, back, i);
            if (a->code[c]) assert_int_equal(a->code[c][i], back->code[c][i]);
            else if (isnan(a->number[c][i])) assert_true(isnan(back->number[c][i]));
            else assert_true(fabs(a->number[c][i] - back->number[c][i]) < 1e-5);
        }
    mnk_folded_clear(&f);
    mnk_layout_clear(&l);
    mnk_codebook_clear(&book);
    mnk_codebook_clear(&other);
    mnk_table *all[] = {a, b, back};
    for (size_t i = 0; i < 3; i++) mnk_table_close(all[i]);
}

/* ---- noise that leaves a class of the label without anybody ---- */

static void test_emptied_classes(void **state) {
    (void)state;
    mnk_table *t = make_table(200, 3, 3), *s;
    for (size_t k = 0; k < KINDS; k++)
        for (int i = 0; i < 4; i++) { /* counts of some 100 with noise of thousands: about half of the classes lose theirs */
            const char name[] = {'n', (char)('0' + i), '\0'}; /* a ledger is never begun again */
            assert_ok(TRAIN(kinds[k], name, t, "epsilon=0.02", "steps-min=2", "sample-rate=0.1"));
            s = sample(20, NULL);
            assert_int_equal(s->n, 20);
            mnk_table_close(s);
        }
    mnk_table_close(t);
}

/* ---- the guarantee ---- */

static void test_guarantee(void **state) {
    (void)state;
    mnk_table *t = make_table(200, 3, 3), *s;
    for (size_t k = 0; k < KINDS; k++) {
        mnk_ledger_book *b = NULL;
        mnk_st *st = NULL;
        mnk_guarantee g;
        uint64_t steps = 0;
        assert_ok(TRAIN(kinds[k], "guarantee", t, "epsilon=2", "steps-min=12", "sample-rate=0.1", "clip=0.5"));
        assert_ok(mnk_ledger_read(ledger_path, &b, &err));
        assert_ok(mnk_ledger_check_model(b, model_path, &err));
        assert_ok(mnk_ledger_guarantee(b, NULL, 1e-6, &g, &err));
        assert_true(g.epsilon <= 2 && g.epsilon > 1.9 && !g.not_private);
        for (size_t i = 0; i < b->spent.n; i++) {
            const mnk_mechanism *m = &b->spent.item[i];
            if (m->kind != MNK_MECHANISM_GAUSSIAN) continue;
            assert_true(m->sensitivity == 0.5 && fabs(m->sampling_rate - 0.1) < 1e-12);
            steps += m->count;
        }
        assert_int_equal(steps, 12);
        assert_true(b->people == 0 && strstr(b->public_facts, "one row of a person a step"));
        assert_ok(mnk_st_open(model_path, &st, &err));
        const char *block = mnk_st_meta_get(st, "privacy_block"), *rows = mnk_st_meta_get(st, "rows");
        assert_true(block && strstr(block, "\"unit\":\"person\"") && strstr(block, b->id) && strstr(block, "noise_multiplier"));
        assert_string_equal(mnk_st_meta_get(st, "data_hash"), "");
        assert_true(strtod(rows, NULL) >= 1 && strtod(rows, NULL) < 500); /* persons, as the noisy count says */
        mnk_st_close(st);
        mnk_ledger_book_close(b);
        assert_false(mnk_path_exists(checkpoint_path));
        s = sample(40, "y");
        for (size_t i = 0; i < s->n; i++) {
            double age = s->number[AGE][i], stage = s->number[STAGE][i];
            assert_int_equal(s->code[ILL][i], 1);
            assert_true(isnan(age) || (age >= 0 && age <= 99 && age == round(age)));
            assert_true(isnan(stage) || (stage >= 1 && stage <= 4 && stage == round(stage)));
            assert_true(isnan(s->number[X][i]) || fabs(s->number[X][i]) <= 5);
        }
        mnk_table_close(s);
        uint8_t *bytes = NULL;
        size_t n = 0;
        assert_ok(mnk_file_read(model_path, 1 << 24, &bytes, &n, &err));
        assert_null(memmem(bytes, n, t->hash + 8, 40));
        mnk_free(bytes);
    }
    mnk_table_close(t);
}

static void test_noise(void **state) {
    (void)state;
    mnk_table *t = make_table(100, 1, 4);
    for (size_t k = 0; k < KINDS; k++) {
        mnk_table *made[4];
        for (int i = 0; i < 4; i++) { /* never from the seed, but where asked for: then the same for any threads */
            char name[8];
            snprintf(name, sizeof name, "noise%d", i);
            mnk_threads_set(i == 3 ? 2 : 1);
            assert_ok(TRAIN(kinds[k], name, t, "epsilon=2", "steps-min=3", "sample-rate=0.2",
                            i < 2 ? "reproducible-noise=false" : "reproducible-noise=true"));
            made[i] = sample(200, NULL);
        }
        mnk_threads_set(1);
        assert_string_not_equal(made[0]->hash, made[1]->hash);
        assert_string_equal(made[2]->hash, made[3]->hash);
        for (int i = 0; i < 4; i++) mnk_table_close(made[i]);
    }
    mnk_table_close(t);
}

/* ---- what is refused ---- */

static void test_refused(void **state) {
    (void)state;
    mnk_table *t = make_table(100, 1, 5);
    for (size_t k = 0; k < KINDS; k++) {
        expect(TRAIN(kinds[k], "bad", t, "steps-min=2"), MNK_ERR_USAGE, "needs an epsilon");
        expect(TRAIN(kinds[k], "bad", t, "epsilon=1", "delta=0.01"), MNK_ERR_USAGE, "1/100");
        expect(TRAIN(kinds[k], "bad", t, "epsilon=1", "dp=false"), MNK_ERR_USAGE, "without --dp");
        expect(TRAIN(kinds[k], "bad", t, "epsilon=1", "holdout=0.2"), MNK_ERR_USAGE, "--holdout");
        expect(TRAIN(kinds[k], "bad", t, "epsilon=1", "patience=3"), MNK_ERR_USAGE, "--patience");
        expect(TRAIN(kinds[k], "bad", t, "epsilon=1", "epochs=3"), MNK_ERR_USAGE, "--epochs");
        expect(TRAIN(kinds[k], "bad", t, "epsilon=1", "sample-rate=2"), MNK_ERR_USAGE, "sample-rate");
        expect(TRAIN(kinds[k], "bad", t, "epsilon=1", "unit=person"), MNK_ERR_INPUT, "several rows");
        t->schema->is_inferred = true;
        expect(TRAIN(kinds[k], "bad", t, "epsilon=1"), MNK_ERR_INPUT, "inferred");
        t->schema->is_inferred = false;
        assert_false(mnk_path_exists(ledger_path)); /* nothing was spent */
        assert_ok(TRAIN(kinds[k], "bad", t, "epsilon=1", "steps-min=2"));
        expect(TRAIN(kinds[k], "bad", t, "epsilon=1", "steps-min=2"), MNK_ERR_INPUT, "exists already");
    }
    expect(TRAIN("ctgan", "bad2", t, "epsilon=1", "loss=wgan"), MNK_ERR_USAGE, "gradient penalty");
    expect(TRAIN("ctgan", "bad2", t, "epsilon=1", "pack=2"), MNK_ERR_USAGE, "--pack");
    mnk_table_close(t);
}

/* ---- stopped and resumed ---- */

typedef struct stopper {
    int calls, after;
} stopper;
static bool stop_after(void *ctx) {
    stopper *s = ctx;
    return ++s->calls > s->after;
}

static void test_resume(void **state) {
    (void)state;
    mnk_table *t = make_table(150, 1, 6);
    for (size_t k = 0; k < KINDS; k++) {
        stopper stop = {.after = 6};
        mnk_observer o = {.ctx = &stop, .stopped = stop_after};
        const char *const own[] = {"epsilon=2", "steps-min=120", "sample-rate=0.1", NULL};
        const char *const again[] = {"epsilon=2", "steps-min=120", "sample-rate=0.1", "resume=true", NULL};
        const char *const other[] = {"epsilon=2", "steps-min=90", "sample-rate=0.1", "resume=true", NULL};
        mnk_ledger_book *before = NULL, *after = NULL;
        mnk_guarantee g, h;
        mnk_st *st = NULL;
        assert_int_equal(train(kinds[k], "resume", t, &o, own), MNK_ERR_INTERRUPTED);
        mnk_error_clear(&err);
        assert_ok(mnk_st_open(checkpoint_path, &st, &err));
        assert_string_equal(mnk_st_meta_get(st, "rows_hash"), "");
        mnk_st_close(st);
        assert_ok(mnk_ledger_read(ledger_path, &before, &err));
        assert_ok(mnk_ledger_guarantee(before, NULL, 1e-6, &g, &err));
        expect(train(kinds[k], "resume", t, NULL, own), MNK_ERR_INPUT, "exists already");
        expect(train(kinds[k], "resume", t, NULL, other), MNK_ERR_USAGE, "other options");
        assert_ok(train(kinds[k], "resume", t, NULL, again));
        assert_ok(mnk_ledger_read(ledger_path, &after, &err));
        assert_ok(mnk_ledger_guarantee(after, NULL, 1e-6, &h, &err));
        assert_true(after->entries > before->entries && h.epsilon > g.epsilon && h.epsilon <= 2);
        size_t counted = 0; /* the persons once: the checkpoint remembers */
        for (size_t i = 0; i < after->spent.n; i++)
            if (after->spent.item[i].kind == MNK_MECHANISM_DISCRETE_GAUSSIAN) counted += after->spent.item[i].count;
        assert_int_equal(counted, 1);
        assert_false(mnk_path_exists(checkpoint_path));
        mnk_ledger_book_close(before);
        mnk_ledger_book_close(after);
    }
    mnk_table_close(t);
}

/* ---- learning ---- */

static void test_learns(void **state) {
    (void)state;
    mnk_table *t = make_table(1500, 1, 7);
    for (size_t k = 0; k < KINDS; k++) {
        assert_ok(TRAIN(kinds[k], "learns", t, "epsilon=1e4", "steps-min=800", "sample-rate=0.1", "width=32", "batch=256",
                        "ema=0.98", k ? "rate=5e-3" : "rate=2e-3", k ? "kl=1" : "rate-d=2e-3"));
        mnk_table *s = sample(3000, NULL);
        double ill = 0, a = 0, one = 0, x[2] = {0}, n[2] = {0}, missing = 0;
        for (size_t i = 0; i < s->n; i++) {
            int32_t c = s->code[ILL][i];
            ill += c == 1, a += s->code[KIND][i] == 0, one += s->number[STAGE][i] == 1, missing += isnan(s->number[AGE][i]);
            if (c >= 0 && !isnan(s->number[X][i])) x[c] += s->number[X][i], n[c]++;
        }
        double shift = x[1] / n[1] - x[0] / n[0];
        print_message("# %s: ill %.3f (0.3), kind a %.3f (0.8), stage 1 %.3f (0.7), age missing %.3f (0.2), shift %.2f (3)\n",
                      kinds[k], ill / 3000, a / 3000, one / 3000, missing / 3000, shift);
        assert_true(fabs(ill / 3000 - 0.3) < 0.08 && fabs(a / 3000 - 0.8) < 0.12 && fabs(one / 3000 - 0.7) < 0.12);
        assert_true(fabs(missing / 3000 - 0.2) < 0.1 && shift > 1.5 && shift < 4);
        mnk_table_close(s);
    }
    mnk_table_close(t);
}

int main(void) {
    mnk_threads_set(1);
    snprintf(folder, sizeof folder, "%s", test_folder("neural_private"));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layout), cmocka_unit_test(test_guarantee), cmocka_unit_test(test_emptied_classes),
        cmocka_unit_test(test_noise),  cmocka_unit_test(test_refused),   cmocka_unit_test(test_resume),
        cmocka_unit_test(test_learns),
    };
    return MNK_RUN_TESTS("private neural generators", tests);
}
