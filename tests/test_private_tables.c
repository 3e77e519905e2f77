/* Private generators of tables: inference is exact, what is written was paid for, nobody is spared by being killed. */
#include "test.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/safetensors.h"
#include "learn/table/private/axes.h"
#include "learn/table/private/estimate.h"
#include "learn/table/private/pairs.h"
#include "manikin/table_generator.h"
#include "privacy/ledger.h"

static mnk_error err = MNK_ERROR_INIT;
static const char *const kinds[] = {"mst", "aim", "dp-merf"};
enum { KINDS = 3 };
static const int ledger_lines[KINDS] = {5, 12, 3}; /* before the last charge is spent: header, run, charges */

static void expect(mnk_status got, mnk_status want, const char *part) {
    if (got != want || !strstr(err.message, part))
        fail_msg("status %d, wanted %d with \"%s\": %s", (int)got, (int)want, part, err.message);
    mnk_error_clear(&err);
}

/* ---- inference ---- */

static const int32_t sizes[] = {2, 3, 4, 2, 3};
enum { AXES = 5, JOINT = 2 * 3 * 4 * 2 * 3 };
/* A ring of four and an axis by itself: triangulation has to add an edge, and the tree an empty separator. */
static const mnk_axis_set ring[] = {{2, {0, 1}}, {2, {1, 2}}, {2, {2, 3}}, {2, {0, 3}}, {1, {4}}};

static void states(size_t cell, int32_t *state) {
    for (size_t a = AXES; a-- > 0;) state[a] = (int32_t)(cell % (size_t)sizes[a]), cell /= (size_t)sizes[a];
}

static size_t cell_in(const mnk_axis_set *s, const int32_t *state) {
    size_t cell = 0;
    for (uint16_t i = 0; i < s->n; i++) cell = cell * (size_t)sizes[s->axis[i]] + (size_t)state[s->axis[i]];
    return cell;
}

static void joint_of(const mnk_junction *j, double *p) {
    double sum = 0;
    int32_t state[AXES];
    for (size_t cell = 0; cell < JOINT; cell++) {
        double log_p = 0;
        states(cell, state);
        for (size_t k = 0; k < j->cliques; k++) log_p += j->clique[k].potential[cell_in(&j->clique[k].set, state)];
        sum += p[cell] = exp(log_p);
    }
    for (size_t cell = 0; cell < JOINT; cell++) p[cell] /= sum;
}

static void test_exact_inference(void **state_) {
    (void)state_;
    mnk_junction *j = NULL;
    mnk_pair_table pairs;
    double p[JOINT];
    int32_t state[AXES];
    mnk_rng rng = mnk_rng_at(1, MNK_PURPOSE_TEST, 0, 0);
    assert_ok(mnk_junction_open(AXES, sizes, ring, 5, 1e6, &j, &err));
    assert_true((double)j->cells == mnk_junction_cells(AXES, sizes, ring, 5));
    for (size_t k = 0; k < j->cliques; k++)
        for (size_t i = 0; i < j->clique[k].cells; i++) j->clique[k].potential[i] = 3 * mnk_rng_normal(&rng);
    joint_of(j, p);
    mnk_junction_infer(j);
    for (size_t k = 0; k < j->cliques; k++) {
        double want[JOINT] = {0};
        for (size_t cell = 0; cell < JOINT; cell++) states(cell, state), want[cell_in(&j->clique[k].set, state)] += p[cell];
        for (size_t i = 0; i < j->clique[k].cells; i++) assert_true(fabs(want[i] - j->clique[k].belief[i]) < 1e-13);
    }
    assert_ok(mnk_pair_table_open(AXES, sizes, &pairs, &err));
    assert_ok(mnk_pair_table_fill(&pairs, j, &err));
    for (uint16_t a = 0; a < AXES; a++)
        for (uint16_t b = a + 1; b < AXES; b++) {
            double want[JOINT] = {0};
            mnk_axis_set s = {2, {a, b}};
            for (size_t cell = 0; cell < JOINT; cell++) states(cell, state), want[cell_in(&s, state)] += p[cell];
            for (int32_t i = 0; i < sizes[a] * sizes[b]; i++) assert_true(fabs(want[i] - mnk_pair_at(&pairs, a, b)[i]) < 1e-13);
        }
    mnk_pair_table_close(&pairs);
    mnk_junction_close(j);
    expect(mnk_junction_open(AXES, sizes, ring, 5, 10, &j, &err), MNK_ERR_UNSUPPORTED, "cells");
}

/* Exact marginals of a joint distribution are met, and of all that meet them the one of greatest entropy is found: the same as
 * iterative proportional fitting of the whole joint table gives. */
static void test_estimate(void **state_) {
    (void)state_;
    double p[JOINT], q[JOINT], sum = 0, loss = 0;
    int32_t state[AXES];
    mnk_junction *j = NULL;
    mnk_measurements m = {0};
    mnk_rng rng = mnk_rng_at(2, MNK_PURPOSE_TEST, 0, 0);
    for (size_t i = 0; i < JOINT; i++) sum += p[i] = mnk_rng_exponential(&rng);
    for (size_t i = 0; i < JOINT; i++) p[i] /= sum, q[i] = 1.0 / JOINT;
    for (size_t s = 0; s < 5; s++) {
        double counts[JOINT] = {0}, precision[JOINT];
        size_t cells = 1;
        for (uint16_t i = 0; i < ring[s].n; i++) cells *= (size_t)sizes[ring[s].axis[i]];
        for (size_t i = 0; i < JOINT; i++) states(i, state), counts[cell_in(&ring[s], state)] += 1000 * p[i], precision[i] = 1;
        assert_ok(mnk_measurements_add(&m, &ring[s], counts, precision, cells, NULL, &err));
    }
    assert_true(fabs(mnk_measurements_total(&m) - 1000) < 1e-9);
    for (int round = 0; round < 2000; round++)
        for (size_t s = 0; s < 5; s++) {
            double now[JOINT] = {0};
            for (size_t i = 0; i < JOINT; i++) states(i, state), now[cell_in(&ring[s], state)] += q[i];
            for (size_t i = 0; i < JOINT; i++)
                states(i, state), q[i] *= m.item[s].noisy[cell_in(&ring[s], state)] / 1000 / now[cell_in(&ring[s], state)];
        }
    assert_ok(mnk_junction_open(AXES, sizes, ring, 5, 1e6, &j, &err));
    for (int k = 0; k < 20; k++)
        assert_ok(mnk_estimate(j, &m, k ? m.n : 0, 1000, 500, &loss, &err)); /* on from where it stood */
    joint_of(j, p);
    assert_true(loss < 1e-3);
    for (size_t i = 0; i < JOINT; i++) assert_true(fabs(p[i] - q[i]) < 1e-4);
    mnk_junction_close(j);
    mnk_measurements_clear(&m);
}

static void test_simplex_and_merge(void **state) {
    (void)state;
    double x[] = {5, 1, -3, 0.5}, noisy[] = {100, 2, -1, 50, 3, 200};
    mnk_axis a = {.bins = 6};
    mnk_simplex(x, 4, 4); /* 5 - t + 0 = 4 with t = 1 */
    assert_true(x[0] == 4 && x[1] == 0 && x[2] == 0 && x[3] == 0);
    mnk_axis_merge(&a, noisy, 10);
    assert_true(a.cells == 4 && a.cell[1] == 3 && a.cell[2] == 3 && a.cell[4] == 3 && a.cell[0] == 0 && a.cell[5] == 2);
    assert_true(noisy[0] == 100 && noisy[1] == 50 && noisy[2] == 200 && noisy[3] == 4);
    assert_true(a.share[0] == 1 && fabs(a.share[1] + a.share[2] + a.share[4] - 1) < 1e-12 && a.share[2] == 0);
}

/* ---- a table whose schema is public ---- */

enum { WHO, AGE, SEX, ILL, TYPE, COLUMNS };

static void column(mnk_schema *s, size_t c, const char *name, mnk_column_type type, unsigned roles, const char *levels) {
    char text[64];
    assert_ok(mnk_schema_text(&s->column[c].name, name, &err));
    s->column[c].type = type, s->column[c].roles = roles;
    snprintf(text, sizeof text, "%s", levels);
    for (char *p = strtok(text, ","); p; p = strtok(NULL, ",")) assert_ok(mnk_schema_add_level(s, c, p, NULL, &err));
}

/* `visits` rows of each person; ill depends on age, type on ill. */
static mnk_table *clinic(size_t persons, size_t visits) {
    mnk_schema *s = NULL;
    mnk_table *t = NULL;
    assert_ok(mnk_schema_new(COLUMNS, &s, &err));
    column(s, WHO, "who", MNK_COLUMN_INTEGER, MNK_COLUMN_IS_PERSON, "");
    column(s, AGE, "age", MNK_COLUMN_INTEGER, 0, "");
    column(s, SEX, "sex", MNK_COLUMN_CATEGORY, 0, "F,M");
    column(s, ILL, "ill", MNK_COLUMN_CATEGORY, MNK_COLUMN_IS_LABEL, "no,yes");
    column(s, TYPE, "type", MNK_COLUMN_CATEGORY, 0, "a,b,c,d");
    s->column[AGE].low = 20, s->column[AGE].high = 99;
    assert_ok(mnk_table_new(s, persons * visits, &t, &err));
    for (size_t i = 0; i < t->n; i++) {
        mnk_rng rng = mnk_rng_at(7, MNK_PURPOSE_TEST, i, 0);
        double age = 20 + (double)mnk_rng_below(&rng, 80);
        bool ill = mnk_rng_uniform(&rng) < (age > 60 ? 0.8 : 0.1);
        t->number[WHO][i] = (double)(i / visits);
        t->number[AGE][i] = i % 10 ? age : NAN;
        t->code[SEX][i] = (int32_t)mnk_rng_below(&rng, 2);
        t->code[ILL][i] = ill;
        t->code[TYPE][i] = ill ? (int32_t)mnk_rng_below(&rng, 2) : 2 + (int32_t)mnk_rng_below(&rng, 2);
    }
    assert_ok(mnk_table_finish(t, &err));
    mnk_schema_close(s);
    return t;
}

static char model_path[512], ledger_path[512];

static void fresh(const char *name) {
    snprintf(model_path, sizeof model_path, "%s/%s.model", test_folder("private_tables"), name);
    snprintf(ledger_path, sizeof ledger_path, "%.500s.ledger", model_path);
}

static mnk_status train(const char *kind, const mnk_table *t, uint64_t seed, const char *a, const char *b, const char *c) {
    const char *setting[8] = {"steps=200"};
    size_t n = 1;
    if (strcmp(kind, "dp-merf") == 0) setting[n++] = "width=32", setting[n++] = "batch=64";
    for (const char *const *s = (const char *const[]){a, b, c, NULL}; *s; s++) setting[n++] = *s;
    return mnk_table_generator_train(kind, t, setting, n, seed, model_path, true, NULL, &err);
}

static mnk_table *draw(size_t n) {
    mnk_table_generator *g = NULL;
    mnk_table *out = NULL;
    assert_ok(mnk_table_generator_open(model_path, &g, &err));
    assert_ok(mnk_table_generator_sample(g, &(mnk_table_sample_options){.n = n, .seed = 3}, NULL, &out, NULL, &err));
    mnk_table_generator_close(g);
    return out;
}

static double share(const mnk_table *t, int32_t ill, int32_t type) {
    double n = 0;
    for (size_t i = 0; i < t->n; i++) n += t->code[ILL][i] == ill && t->code[TYPE][i] == type;
    return n / (double)t->n;
}

/* With hardly any noise the pairs come back, missing values and bounds with them. */
static void test_dependence(void **state) {
    (void)state;
    mnk_table *t = clinic(4000, 1);
    for (int k = 0; k < KINDS; k++) {
        fresh("dependence");
        assert_ok(train(kinds[k], t, 1, "epsilon=20", "delta=1e-6", k == 2 ? "steps=600" : NULL));
        mnk_table *made = draw(20000);
        size_t missing = 0;
        for (int32_t ill = 0; ill < 2; ill++)
            for (int32_t type = 0; type < 4; type++) assert_true(fabs(share(t, ill, type) - share(made, ill, type)) < 0.02);
        for (size_t i = 0; i < made->n; i++) {
            double age = made->number[AGE][i];
            missing += age != age;
            assert_true(age != age || (age >= 20 && age <= 99 && age == round(age)));
        }
        assert_true(fabs((double)missing / (double)made->n - 0.1) < 0.02);
        mnk_table_close(made);
    }
    mnk_table_close(t);
}

/* Whoever has many rows counts once. */
static void test_rows_per_person(void **state) {
    (void)state;
    mnk_table *t = clinic(300, 20);
    for (int k = 0; k < KINDS; k++) {
        mnk_table_generator *g = NULL;
        fresh("cap");
        assert_ok(train(kinds[k], t, 1, "epsilon=20", "delta=1e-6", NULL));
        assert_ok(mnk_table_generator_open(model_path, &g, &err));
        assert_true(fabs((double)mnk_table_generator_describe(g)->rows - 300) < 40);
        mnk_table_generator_close(g);
        fresh("cap2");
        assert_ok(train(kinds[k], t, 1, "epsilon=20", "delta=1e-6", "rows-per-person=3"));
        assert_ok(mnk_table_generator_open(model_path, &g, &err));
        assert_true(fabs((double)mnk_table_generator_describe(g)->rows - 900) < 120);
        mnk_table_generator_close(g);
        mnk_ledger_book *b = NULL;
        assert_ok(mnk_ledger_read(ledger_path, &b, &err));
        for (size_t i = 0; i < b->spent.n; i++) assert_true(b->spent.item[i].sensitivity == 3);
        mnk_ledger_book_close(b);
    }
    mnk_table_close(t);
}

/* ---- what is refused ---- */

static void test_refused(void **state) {
    (void)state;
    mnk_table *t = clinic(400, 1);
    for (int k = 0; k < KINDS; k++) {
        fresh("refused");
        expect(train(kinds[k], t, 1, NULL, NULL, NULL), MNK_ERR_USAGE, "needs an epsilon");
        expect(train(kinds[k], t, 1, "epsilon=1", NULL, NULL), MNK_ERR_USAGE, "needs a delta");
        expect(train(kinds[k], t, 1, "epsilon=-1", "delta=1e-6", NULL), MNK_ERR_USAGE, "epsilon must be above 0");
        expect(train(kinds[k], t, 1, "epsilon=1", "delta=0.0025", NULL), MNK_ERR_USAGE, "1/400");
        expect(train(kinds[k], t, 1, "epsilon=1", "delta=1.5", NULL), MNK_ERR_USAGE, "between 0 and 1");
        t->schema->column[TYPE].is_open = true;
        expect(train(kinds[k], t, 1, "epsilon=1", "delta=1e-6", NULL), MNK_ERR_INPUT, "\"type\"");
        t->schema->column[TYPE].is_open = false;
        t->schema->column[AGE].high = NAN;
        expect(train(kinds[k], t, 1, "epsilon=1", "delta=1e-6", NULL), MNK_ERR_INPUT, "\"age\"");
        t->schema->is_inferred = true;
        expect(train(kinds[k], t, 1, "epsilon=1", "delta=1e-6", NULL), MNK_ERR_INPUT, "inferred");
        assert_false(mnk_path_exists(ledger_path)); /* nothing was spent */
        assert_ok(train(kinds[k], t, 1, "epsilon=1", "delta=1e-6", "public-schema=true"));
        mnk_ledger_book *b = NULL;
        assert_ok(mnk_ledger_read(ledger_path, &b, &err));
        assert_non_null(strstr(b->public_facts, "--public-schema"));
        mnk_ledger_book_close(b);
        t->schema->is_inferred = false;
        t->schema->column[AGE].high = 99;
        /* what was spent is never forgotten: not by training again, not by asking to go on */
        expect(train(kinds[k], t, 1, "epsilon=1", "delta=1e-6", "public-schema=true"), MNK_ERR_INPUT, "exists already");
        t->schema->column[AGE].high = NAN;
        assert_ok(mnk_table_finish(t, &err));
        mnk_status again = mnk_table_generator_train(
            kinds[k], t, (const char *const[]){"epsilon=1", "delta=1e-6", "public-schema=true", "resume=true"}, 4, 1,
            model_path, true, NULL, &err);
        expect(again, MNK_ERR_INPUT, "nothing is left");
        t->schema->column[AGE].high = 99;
    }
    mnk_table_close(t);
}

/* ---- what is written ---- */

static void test_model_file(void **state) {
    (void)state;
    mnk_table *t = clinic(400, 1);
    for (int k = 0; k < KINDS; k++) {
        mnk_ledger_book *b = NULL;
        mnk_st *st = NULL;
        mnk_guarantee g;
        fresh("file");
        assert_ok(train(kinds[k], t, 1, "epsilon=1", "delta=1e-6", NULL));
        assert_ok(mnk_ledger_read(ledger_path, &b, &err));
        assert_ok(mnk_ledger_check_model(b, model_path, &err));
        assert_ok(mnk_ledger_guarantee(b, NULL, 1e-6, &g, &err));
        assert_true(g.epsilon <= 1 && g.epsilon > 0.9 && !g.not_private);
        assert_ok(mnk_st_open(model_path, &st, &err));
        const char *block = mnk_st_meta_get(st, "privacy_block");
        assert_true(block && strstr(block, "\"unit\":\"person\"") && strstr(block, b->id) && !strstr(block, "NOT PRIVATE"));
        assert_string_equal(mnk_st_meta_get(st, "data_hash"), "");
        mnk_st_close(st);
        uint8_t *bytes = NULL;
        size_t n = 0;
        assert_ok(mnk_file_read(model_path, 1 << 24, &bytes, &n, &err)); /* the hash of the table would confirm guesses */
        assert_null(memmem(bytes, n, t->hash + 8, 40));
        mnk_free(bytes);
        mnk_ledger_book_close(b);
    }
    mnk_table_close(t);
}

static void test_noise(void **state) {
    (void)state;
    mnk_table *t = clinic(400, 1), *a, *b;
    for (int k = 0; k < KINDS; k++) {
        fresh("noise"); /* never from the seed */
        assert_ok(train(kinds[k], t, 1, "epsilon=1", "delta=1e-6", NULL));
        a = draw(500);
        fresh("noise2");
        assert_ok(train(kinds[k], t, 1, "epsilon=1", "delta=1e-6", NULL));
        b = draw(500);
        assert_string_not_equal(a->hash, b->hash);
        mnk_table_close(a), mnk_table_close(b);
        a = NULL;
        for (int threads = 1; threads <= 4; threads *= 2) { /* reproducible only with the stamp; the same for any threads */
            mnk_threads_set(threads);
            fresh("stamp");
            assert_ok(train(kinds[k], t, 1, "epsilon=1", "delta=1e-6", "reproducible-noise=true"));
            b = draw(3000);
            mnk_table_generator *g = NULL;
            assert_ok(mnk_table_generator_open(model_path, &g, &err));
            assert_non_null(strstr(mnk_table_generator_describe(g)->privacy, "NOT PRIVATE"));
            mnk_table_generator_close(g);
            if (a) assert_string_equal(a->hash, b->hash);
            if (a) mnk_table_close(a);
            a = b;
        }
        mnk_threads_set(1);
        mnk_table_close(a);
    }
    mnk_table_close(t);
}

/* ---- killed ---- */

static size_t lines_of(const char *path) {
    size_t lines = 0;
    FILE *f = fopen(path, "r");
    for (int c; f && (c = getc(f)) != EOF;) lines += c == '\n';
    if (f) fclose(f);
    return lines;
}

static void test_killed(void **state) {
    (void)state;
    mnk_table *t = clinic(1500, 1);
    mnk_rng rng = mnk_rng_at(5, MNK_PURPOSE_TEST, 0, 0);
    int with_spending = 0;
    for (int k = 0; k < KINDS; k++)
        for (int round = 0; round < 6; round++) {
            fresh("killed");
            pid_t child = fork();
            if (child == 0) {
                mnk_threads_set(1);
                _exit(train(kinds[k], t, 1, "epsilon=1", "delta=1e-6", "steps=100000") != MNK_OK);
            }
            assert_true(child > 0);
            /* killed when its ledger has so many lines, or a little later: before and between charges, and in the fit */
            size_t lines = 1 + mnk_rng_below(&rng, (uint64_t)ledger_lines[k]);
            int how;
            while (lines_of(ledger_path) < lines && waitpid(child, &how, WNOHANG) == 0) usleep(500);
            usleep((useconds_t)mnk_rng_below(&rng, 2000));
            if (kill(child, SIGKILL) == 0) waitpid(child, &how, 0);
            mnk_ledger_book *before = NULL, *after = NULL;
            mnk_guarantee g = {0}, whole;
            if (mnk_ledger_read(ledger_path, &before, &err) == MNK_OK) {
                assert_ok(mnk_ledger_guarantee(before, NULL, 1e-6, &g, &err));
                with_spending += g.epsilon > 0;
            }
            mnk_error_clear(&err);
            mnk_status status = train(kinds[k], t, 1, "epsilon=1", "delta=1e-6", "resume=true");
            if (status != MNK_OK) expect(status, MNK_ERR_INPUT, "nothing is left"); /* it had spent everything already */
            assert_ok(mnk_ledger_read(ledger_path, &after, &err));
            assert_ok(mnk_ledger_guarantee(after, NULL, 1e-6, &whole, &err));
            assert_true(whole.epsilon >= g.epsilon && whole.epsilon <= 1);
            assert_true(!before || after->entries > before->entries);
            mnk_ledger_book_close(before);
            mnk_ledger_book_close(after);
        }
    assert_true(with_spending > 0);
    mnk_table_close(t);
}

/* ---- hostile files ---- */

static void test_damaged(void **state) {
    (void)state;
    mnk_table *t = clinic(400, 1);
    for (int k = 0; k < KINDS; k++) {
        uint8_t *bytes = NULL;
        size_t n = 0, opened = 0;
        fresh("damaged");
        assert_ok(train(kinds[k], t, 1, "epsilon=5", "delta=1e-6", NULL));
        assert_ok(mnk_file_read(model_path, 1 << 24, &bytes, &n, &err));
        mnk_rng rng = mnk_rng_at(6, MNK_PURPOSE_TEST, 0, 0);
        for (int round = 0; round < 300; round++) {
            size_t at = mnk_rng_below(&rng, n);
            uint8_t old = bytes[at];
            mnk_table_generator *g = NULL;
            mnk_table *made = NULL;
            bytes[at] = (uint8_t)mnk_rng_u32(&rng);
            assert_ok(mnk_file_write(model_path, true, bytes, n, &err));
            if (mnk_table_generator_open(model_path, &g, &err) == MNK_OK) {
                opened++;
                (void)!mnk_table_generator_sample(g, &(mnk_table_sample_options){.n = 20, .seed = 3}, NULL, &made, NULL, &err);
                mnk_table_close(made);
            }
            mnk_table_generator_close(g);
            mnk_error_clear(&err);
            bytes[at] = old;
        }
        assert_true(opened < 300);
        mnk_free(bytes);
    }
    mnk_table_close(t);
}

int main(void) {
    mnk_threads_set(1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exact_inference),
                                       cmocka_unit_test(test_estimate),
                                       cmocka_unit_test(test_simplex_and_merge),
                                       cmocka_unit_test(test_dependence),
                                       cmocka_unit_test(test_rows_per_person),
                                       cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_model_file),
                                       cmocka_unit_test(test_noise),
                                       cmocka_unit_test(test_killed),
                                       cmocka_unit_test(test_damaged)};
    return MNK_RUN_TESTS("private tables", tests);
}
