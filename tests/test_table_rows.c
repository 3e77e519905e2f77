/* Single rows: the audit, what to keep, copies, rules named and found. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "evaluate/table/flags.h"
#include "evaluate/table/found.h"
#include "manikin/audit.h"

enum { SEX, PREGNANT, AGE, ADMITTED, DISCHARGED, PSA, COLUMNS, ROWS = 600 };

/* Men are never pregnant, nobody leaves before coming, only men have a PSA value. */
static void fill(mnk_table *t, uint32_t stream) {
    mnk_error err = MNK_ERROR_INIT;
    for (size_t i = 0; i < t->n; i++) {
        mnk_rng r = mnk_rng_at(3, MNK_PURPOSE_TEST, i, stream);
        const bool male = mnk_rng_uniform(&r) < 0.5;
        t->code[SEX][i] = male;
        t->code[PREGNANT][i] = !male && mnk_rng_uniform(&r) < 0.3;
        t->number[AGE][i] = 20 + floor(60 * mnk_rng_uniform(&r)) - (t->code[PREGNANT][i] ? 0 : -5);
        t->number[ADMITTED][i] = 15000 + floor(300 * mnk_rng_uniform(&r));
        t->number[DISCHARGED][i] = t->number[ADMITTED][i] + floor(20 * mnk_rng_uniform(&r));
        t->number[PSA][i] = male ? 4 * mnk_rng_uniform(&r) : (double)NAN;
    }
    assert_ok(mnk_table_finish(t, &err));
}

static mnk_schema *hospital(void) {
    static const char *const names[COLUMNS] = {"sex", "pregnant", "age", "admitted", "discharged", "psa"};
    static const mnk_column_type types[COLUMNS] = {MNK_COLUMN_CATEGORY, MNK_COLUMN_CATEGORY, MNK_COLUMN_INTEGER,
                                                   MNK_COLUMN_DATE,     MNK_COLUMN_DATE,     MNK_COLUMN_NUMERIC};
    static const char *const levels[2][2] = {{"female", "male"}, {"no", "yes"}};
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s = NULL;
    assert_ok(mnk_schema_new(COLUMNS, &s, &err));
    for (size_t c = 0; c < COLUMNS; c++) {
        assert_ok(mnk_schema_text(&s->column[c].name, names[c], &err));
        s->column[c].type = types[c];
        if (types[c] == MNK_COLUMN_DATE) assert_ok(mnk_schema_text(&s->column[c].format, "%Y-%m-%d", &err));
        for (int l = 0; l < 2 && c < 2; l++) assert_ok(mnk_schema_add_level(s, c, levels[c][l], NULL, &err));
    }
    return s;
}

typedef struct ward {
    mnk_table *train, *holdout, *synthetic;
} ward;

static ward open_ward(const char *rule) {
    mnk_error err = MNK_ERROR_INIT;
    ward w;
    mnk_schema *s = hospital();
    if (rule) assert_ok(mnk_schema_add_rule(s, rule, &err));
    assert_ok(mnk_table_new(s, ROWS, &w.train, &err));
    assert_ok(mnk_table_new(s, ROWS, &w.holdout, &err));
    assert_ok(mnk_table_new(s, ROWS, &w.synthetic, &err));
    fill(w.train, 0);
    fill(w.holdout, 1);
    fill(w.synthetic, 2);
    mnk_schema_close(s);
    return w;
}

static void close_ward(ward *w) {
    mnk_table_close(w->train);
    mnk_table_close(w->holdout);
    mnk_table_close(w->synthetic);
}

static mnk_result *judge(const ward *w) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_table_evaluate_config c;
    mnk_result *r = NULL;
    mnk_table_evaluate_defaults(&c);
    c.replicates = 20, c.permutations = 19, c.mmd_items = 100;
    assert_ok(mnk_evaluate_tables(w->train, w->holdout, w->synthetic, &c, NULL, &r, &err));
    return r;
}

static const mnk_flag *flag_of(const mnk_result *r, const char *kind, size_t item, const char *word) {
    for (size_t k = 0; k < r->flags; k++)
        if (r->flag[k].item == item && !strcmp(r->flag[k].flag, kind) && strstr(r->flag[k].note, word)) return &r->flag[k];
    return NULL;
}

static size_t count_flags(const mnk_result *r, const char *kind) {
    size_t n = 0;
    for (size_t k = 0; k < r->flags; k++) n += !strcmp(r->flag[k].flag, kind);
    return n;
}

static double value(const mnk_result *r, const char *id) {
    const mnk_metric *m = mnk_result_find(r, id, "", "");
    if (!m) fail_msg("no %s", id);
    return m->value;
}

/* Rows that cannot be are found and put in words; a set of the same population breaks next to nothing. */
static void test_found_rules(void **state) {
    (void)state;
    ward w = open_ward(NULL);
    mnk_result *clean = judge(&w);
    assert_true(value(clean, "found_rules_broken") < 0.02);
    assert_int_equal(count_flags(clean, "found_rule_broken"), 0);
    w.synthetic->code[SEX][7] = w.synthetic->code[PREGNANT][7] = 1;
    w.synthetic->number[DISCHARGED][11] = w.synthetic->number[ADMITTED][11] - 3;
    w.synthetic->code[SEX][13] = 0, w.synthetic->number[PSA][13] = 2;
    mnk_result *r = judge(&w);
    const mnk_flag *pregnant = flag_of(r, "found_rule_broken", 7, "male, pregnant: never in train");
    assert_non_null(pregnant);
    print_message("# %s\n", pregnant->note);
    const mnk_flag *early = flag_of(r, "found_rule_broken", 11, "discharged before admitted");
    assert_non_null(early);
    assert_non_null(strstr(early->note, "(20"));
    print_message("# %s\n", early->note);
    assert_non_null(flag_of(r, "found_rule_broken", 13, "psa present"));
    assert_true(value(r, "found_rules_broken") >= 3.0 / ROWS);
    mnk_result_close(clean);
    mnk_result_close(r);
    close_ward(&w);
}

/* Columns that have nothing to do with each other give no rules: in forty such tables hardly one. */
static void test_no_rules_by_chance(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_table_evaluate_config c;
    size_t tables_with_rules = 0;
    mnk_table_evaluate_defaults(&c);
    for (uint32_t k = 0; k < 40; k++) {
        mnk_schema *s = hospital();
        mnk_table *t = NULL;
        mnk_table_sets sets;
        mnk_found *rule = NULL;
        size_t n = 0;
        assert_ok(mnk_table_new(s, ROWS, &t, &err));
        for (size_t i = 0; i < ROWS; i++) {
            mnk_rng r = mnk_rng_at(8, MNK_PURPOSE_TEST, i, k);
            for (size_t col = 0; col < COLUMNS; col++) {
                if (t->number[col]) t->number[col][i] = mnk_rng_uniform(&r) < 0.1 ? (double)NAN : mnk_rng_normal(&r);
                else t->code[col][i] = mnk_rng_uniform(&r) < 0.2;
            }
        }
        assert_ok(mnk_table_finish(t, &err));
        assert_ok(mnk_table_sets_open(t, NULL, t, &c, &sets, &err));
        assert_ok(mnk_found_rules(&sets, 100, &rule, &n, &err));
        tables_with_rules += n > 0;
        mnk_free(rule);
        mnk_table_sets_close(&sets);
        mnk_table_close(t);
        mnk_schema_close(s);
    }
    assert_true(tables_with_rules <= 2);
}

/* Seriously ill patients (48 columns, many missing): other rows of the same population break what train says no more often
 * than holdout does, and hardly any row is flagged. */
static void test_real_found_rules(void **state) {
    (void)state;
    const char *path = test_real_data("support2/support2_dev.csv");
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *all = NULL, *part[3] = {NULL};
    mnk_table_sets sets;
    mnk_table_evaluate_config c;
    mnk_result *r = NULL;
    if (!path) skip();
    mnk_table_evaluate_defaults(&c);
    assert_ok(mnk_table_open(path, NULL, NULL, &all, &err));
    size_t *row = mnk_alloc(all->n, sizeof *row);
    for (size_t k = 0; k < 3; k++) {
        size_t n = 0;
        for (size_t i = k; i < all->n; i += 3) row[n++] = i;
        assert_ok(mnk_table_select(all, row, n, &part[k], &err));
    }
    assert_ok(mnk_table_sets_open(part[0], part[1], part[2], &c, &sets, &err));
    assert_ok(mnk_result_open("evaluate", 1, &r, &err));
    assert_ok(mnk_table_found_rules(&sets, r, &err));
    const mnk_metric *m = mnk_result_find(r, "found_rules_broken", "", "");
    assert_non_null(m);
    print_message("# broken by %.4f, holdout %.4f, floor %.3f; %zu flags. %s\n", m->value, m->reference[0].value,
                  m->reference[2].value, r->flags, m->note);
    for (size_t k = 0; k < r->flags && k < 6; k++) print_message("# row %zu: %s\n", r->flag[k].item, r->flag[k].note);
    assert_true(m->low <= m->reference[0].value + 0.02 && m->value < 0.2 && m->reference[2].value > 0.5);
    mnk_result_close(r);
    mnk_table_sets_close(&sets);
    for (int k = 0; k < 3; k++) mnk_table_close(part[k]);
    mnk_table_close(all);
    mnk_free(row);
}

static void test_named_rules(void **state) {
    (void)state;
    ward w = open_ward("admitted <= discharged");
    w.synthetic->number[DISCHARGED][5] = w.synthetic->number[ADMITTED][5] - 1;
    mnk_result *r = judge(&w);
    assert_true(fabs(value(r, "rules_broken") - 1.0 / ROWS) < 1e-12);
    assert_int_equal(count_flags(r, "rule_broken"), 1);
    assert_non_null(flag_of(r, "rule_broken", 5, "admitted <= discharged"));
    mnk_result_close(r);
    close_ward(&w);
}

static void copy_row(mnk_table *to, size_t i, const mnk_table *from, size_t j) {
    for (size_t c = 0; c < COLUMNS; c++) {
        if (to->number[c]) to->number[c][i] = from->number[c][j];
        else to->code[c][i] = from->code[c][j];
    }
}

static void test_copies(void **state) {
    (void)state;
    ward w = open_ward(NULL);
    copy_row(w.synthetic, 20, w.train, 99);
    copy_row(w.synthetic, 21, w.train, 100);
    copy_row(w.synthetic, 22, w.train, 101);
    w.synthetic->number[ADMITTED][22] += 0.01; /* next to it */
    mnk_result *r = judge(&w);
    const mnk_flag *f = flag_of(r, "exact_copy", 20, "equal");
    assert_non_null(f);
    assert_int_equal(f->of, 99);
    assert_int_equal(count_flags(r, "exact_copy"), 2);
    assert_non_null(flag_of(r, "near_copy", 22, "nearer"));
    mnk_result_close(r);
    close_ward(&w);
}

/* ---- audit ---- */

static void test_audit(void **state) {
    (void)state;
    mnk_error err = MNK_ERROR_INIT;
    mnk_table_evaluate_config c;
    mnk_audit a, again;
    ward w = open_ward(NULL);
    mnk_table_evaluate_defaults(&c);
    for (size_t i = 0; i < 30; i++) copy_row(w.synthetic, i, w.train, 2 * i);
    w.synthetic->number[AGE][40] = 900, w.synthetic->number[ADMITTED][40] = 0, w.synthetic->number[DISCHARGED][40] = 60000;
    mnk_threads_set(1);
    assert_ok(mnk_audit_tables(w.train, w.synthetic, &c, NULL, &a, &err));
    mnk_threads_set(2);
    assert_ok(mnk_audit_tables(w.train, w.synthetic, &c, NULL, &again, &err));
    assert_int_equal(a.n, ROWS);
    size_t authentic = 0, inside = 0, low = 0;
    for (size_t i = 0; i < ROWS; i++) {
        if (i < 30) assert_true(a.copy[i] && !a.authentic[i] && a.distance[i] == 0 && a.nearest[i] == 2 * i && a.inside[i]);
        else assert_true(!a.copy[i]);
        assert_true(a.alpha[i] == again.alpha[i] && a.distance[i] == again.distance[i] && a.nearest[i] == again.nearest[i]);
        authentic += a.authentic[i];
        inside += a.inside[i];
        low += a.alpha[i] <= 0.9;
    }
    assert_true(!a.inside[40] && a.alpha[40] > 1 && a.authentic[40]);
    assert_true(authentic > 200 && authentic < 400);                           /* about half of one population's rows */
    assert_true(inside > 0.8 * ROWS && fabs((double)low / ROWS - 0.9) < 0.05); /* the 0.9-support holds nine in ten */
    mnk_keep keep;
    size_t row[ROWS], dropped[5];
    assert_ok(mnk_keep_parse("authentic,alpha=0.9", &keep, &err));
    const size_t kept = mnk_keep_rows(&keep, &a, row, dropped);
    assert_true(kept > 0 && kept < authentic && dropped[0] == ROWS - authentic && dropped[1] == ROWS - low);
    for (size_t k = 0; k < kept; k++) assert_true(a.authentic[row[k]] && a.alpha[row[k]] <= 0.9 && (!k || row[k] > row[k - 1]));
    assert_ok(mnk_keep_parse("no-copy,inside,distance>=0.001", &keep, &err));
    assert_true(mnk_keep_rows(&keep, &a, NULL, dropped) <= inside - 30 && dropped[3] == 30);
    mnk_audit_close(&a);
    mnk_audit_close(&again);
    mnk_threads_set(0);
    close_ward(&w);
}

static void test_audit_images(void **state) {
    (void)state;
    static const char *const names[1] = {"all"};
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *set[2] = {NULL};
    mnk_evaluate_config c;
    mnk_audit a;
    mnk_evaluate_defaults(&c);
    c.encoding = "pixels";
    for (uint32_t k = 0; k < 2; k++) {
        assert_ok(mnk_images_new(60, 8, 8, 1, 1, names, &set[k], &err));
        for (size_t i = 0; i < 60; i++) {
            mnk_rng r = mnk_rng_at(2, MNK_PURPOSE_TEST, i, k);
            for (size_t p = 0; p < 64; p++) set[k]->pixels8[i * 64 + p] = (uint8_t)mnk_rng_below(&r, 256);
        }
    }
    memcpy(set[1]->pixels8 + 5 * 64, set[0]->pixels8 + 9 * 64, 64);
    mnk_images_rehash(set[0]);
    mnk_images_rehash(set[1]);
    assert_ok(mnk_audit_images(set[0], set[1], NULL, &c, NULL, &a, &err));
    assert_string_equal(a.encoding, "pixels");
    for (size_t i = 0; i < 60; i++) {
        assert_int_equal(a.copy[i], i == 5);
        if (i == 5) assert_true(!a.authentic[5] && a.nearest[5] == 9 && a.distance[5] == 0);
    }
    mnk_audit_close(&a);
    mnk_images_close(set[0]);
    mnk_images_close(set[1]);
}

static void test_keep_refuses(void **state) {
    (void)state;
    static const char *const bad[][2] = {{"", "nothing"},
                                         {"authentik", "did you mean authentic"},
                                         {"alpha", "="},
                                         {"alpha=0", "number"},
                                         {"alpha=1.5", "number"},
                                         {"alpha=x", "number"},
                                         {"authentic=1", "value"},
                                         {"authentic,authentic", "twice"},
                                         {"authentic,,inside", "unknown"},
                                         {"distance=1", ">="},
                                         {"distance>=-1", "number"},
                                         {"alpha=nan", "number"}};
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        mnk_error err = MNK_ERROR_INIT;
        mnk_keep keep;
        assert_int_equal(mnk_keep_parse(bad[k][0], &keep, &err), MNK_ERR_USAGE);
        if (!strstr(err.message, bad[k][1])) fail_msg("\"%s\": %s", bad[k][0], err.message);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_found_rules),      cmocka_unit_test(test_no_rules_by_chance),
        cmocka_unit_test(test_real_found_rules), cmocka_unit_test(test_named_rules),
        cmocka_unit_test(test_copies),           cmocka_unit_test(test_audit),
        cmocka_unit_test(test_audit_images),     cmocka_unit_test(test_keep_refuses),
    };
    return MNK_RUN_TESTS("table_rows", tests);
}
