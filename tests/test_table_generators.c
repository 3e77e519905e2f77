/* Generators of tables: dependence and holes kept, conditions met, persons whole, rules obeyed, bad input refused, files
 * hostile, and the same bytes for any number of threads. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "learn/table/bintree.h"
#include "learn/table/generator.h"
#include "learn/table/ids.h"
#include "manikin/table_generator.h"

static mnk_error err;
static const char *const learners[] = {"arf", "cart", "gaussian"};
enum { LEARNERS = 3 };

static int clean(void **state) {
    (void)state;
    mnk_error_clear(&err);
    mnk_threads_set(1);
    return 0;
}

/* ---- a table with everything: age, sex, dependent measurements, structural holes, a rare code, dates in order, survival ----
 */

enum { ID, AGE, SEX, PREGNANT, DOSE, LAB, CODE, IN, OUT_, TIME, EVENT, LABEL, COLUMNS };

static void column(mnk_schema *s, size_t c, const char *name, mnk_column_type type, unsigned roles, const char *levels) {
    assert_ok(mnk_schema_text(&s->column[c].name, name, &err));
    s->column[c].type = type, s->column[c].roles = roles;
    char text[256];
    snprintf(text, sizeof text, "%s", levels);
    for (char *p = strtok(text, ","); p; p = strtok(NULL, ",")) assert_ok(mnk_schema_add_level(s, c, p, NULL, &err));
}

static mnk_table *clinic(size_t n, uint64_t seed) {
    mnk_schema *s = NULL;
    mnk_table *t = NULL;
    char text[64];
    assert_ok(mnk_schema_new(COLUMNS, &s, &err));
    column(s, ID, "id", MNK_COLUMN_ID, 0, "");
    column(s, AGE, "age", MNK_COLUMN_INTEGER, 0, "");
    column(s, SEX, "sex", MNK_COLUMN_CATEGORY, MNK_COLUMN_IS_SUBGROUP, "F,M");
    column(s, PREGNANT, "pregnant", MNK_COLUMN_CATEGORY, 0, "no,yes");
    column(s, DOSE, "dose", MNK_COLUMN_NUMERIC, 0, "");
    column(s, LAB, "lab", MNK_COLUMN_NUMERIC, 0, "");
    column(s, CODE, "code", MNK_COLUMN_CATEGORY, 0, "");
    column(s, IN, "admitted", MNK_COLUMN_DATE, 0, "");
    column(s, OUT_, "discharged", MNK_COLUMN_DATE, 0, "");
    column(s, TIME, "days", MNK_COLUMN_INTEGER, MNK_COLUMN_IS_TIME, "");
    column(s, EVENT, "died", MNK_COLUMN_CATEGORY, MNK_COLUMN_IS_EVENT, "0,1");
    column(s, LABEL, "outcome", MNK_COLUMN_CATEGORY, MNK_COLUMN_IS_LABEL, "well,ill");
    s->column[DOSE].decimals = 1;
    assert_ok(mnk_schema_add_rule(s, "not (sex = M and pregnant = yes)", &err));
    assert_ok(mnk_schema_add_rule(s, "admitted <= discharged", &err));
    assert_ok(mnk_table_new(s, n, &t, &err));
    for (size_t i = 0; i < n; i++) {
        mnk_rng r = mnk_rng_at(seed, MNK_PURPOSE_TEST, i, 7);
        double age = 18 + floor(72 * mnk_rng_uniform(&r)), z = mnk_rng_normal(&r);
        int sex = mnk_rng_uniform(&r) < 0.4, ill = mnk_rng_uniform(&r) < 0.1 + 0.3 * (age > 60);
        snprintf(text, sizeof text, "P-%06llu", (unsigned long long)(100000 + 3 * i));
        assert_ok(mnk_schema_add_level(s, ID, text, &t->code[ID][i], &err));
        t->number[AGE][i] = age;
        t->code[SEX][i] = sex;
        t->code[PREGNANT][i] = sex ? -1 : mnk_rng_uniform(&r) < (age < 45 ? 0.3 : 0.01); /* structural: never asked of men */
        double dose = mnk_rng_uniform(&r) < 0.35 ? 0 : round(10 * exp(0.5 * z + 0.01 * age)) / 10;
        t->number[DOSE][i] = dose;
        t->number[LAB][i] = mnk_rng_uniform(&r) < 0.2 ? (double)NAN : 5 + z + 2 * ill + 0.3 * mnk_rng_normal(&r);
        snprintf(text, sizeof text, "%c%02d.%d", "ABCIJ"[(int)(5 * pow(mnk_rng_uniform(&r), 2))],
                 (int)(99 * pow(mnk_rng_uniform(&r), 3)), (int)(9 * mnk_rng_uniform(&r)));
        assert_ok(mnk_schema_add_level(s, CODE, text, &t->code[CODE][i], &err));
        t->number[IN][i] = 18000 + floor(1000 * mnk_rng_uniform(&r));
        t->number[OUT_][i] = t->number[IN][i] + floor(-4 * log(1 - mnk_rng_uniform(&r)));
        double death = -800 / (1 + ill) * log(1 - mnk_rng_uniform(&r)), end = 365 + 200 * mnk_rng_uniform(&r);
        t->number[TIME][i] = floor(fmin(death, end));
        t->code[EVENT][i] = death < end;
        t->code[LABEL][i] = ill;
    }
    snprintf(t->source, sizeof t->source, "clinic");
    assert_ok(mnk_table_finish(t, &err));
    mnk_schema_close(s);
    return t;
}

static mnk_table *plain(size_t n, size_t columns) {
    mnk_schema *s = NULL;
    mnk_table *t = NULL;
    char name[16];
    assert_ok(mnk_schema_new(columns, &s, &err));
    for (size_t c = 0; c < columns; c++) {
        snprintf(name, sizeof name, "c%zu", c);
        column(s, c, name, c % 2 ? MNK_COLUMN_CATEGORY : MNK_COLUMN_NUMERIC, 0, c % 2 ? "only" : "");
    }
    assert_ok(mnk_table_new(s, n, &t, &err));
    mnk_schema_close(s);
    return t;
}

static const char *model_path(const char *name) {
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s.model", test_folder("table_generators"), name);
    return path;
}

static mnk_table_generator *learn(const char *name, const mnk_table *t, const char *setting) {
    mnk_table_generator *g = NULL;
    const char *path = model_path(name);
    assert_ok(mnk_table_generator_train(name, t, setting ? &setting : NULL, setting != NULL, 1, path, true, NULL, &err));
    assert_ok(mnk_table_generator_open(path, &g, &err));
    return g;
}

static mnk_table *draw(mnk_table_generator *g, mnk_table_sample_options o) {
    mnk_table *t = NULL;
    if (!o.seed) o.seed = 2;
    assert_ok(mnk_table_generator_sample(g, &o, NULL, &t, NULL, &err));
    return t;
}

static double missing_rate(const mnk_table *t, size_t c) {
    double n = 0;
    for (size_t i = 0; i < t->n; i++) n += mnk_table_is_missing(t, c, i);
    return n / (double)t->n;
}

static double correlation(const mnk_table *t, size_t a, size_t b) {
    double n = 0, sa = 0, sb = 0, aa = 0, bb = 0, ab = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (mnk_table_is_missing(t, a, i) || mnk_table_is_missing(t, b, i)) continue;
        double x = t->number[a] ? t->number[a][i] : t->code[a][i], y = t->number[b] ? t->number[b][i] : t->code[b][i];
        n++, sa += x, sb += y, aa += x * x, bb += y * y, ab += x * y;
    }
    return (ab - sa * sb / n) / sqrt((aa - sa * sa / n) * (bb - sb * sb / n));
}

static double share(const mnk_table *t, size_t c, const char *level) {
    int32_t code = mnk_schema_level(t->schema, c, level);
    double n = 0;
    for (size_t i = 0; i < t->n; i++) n += t->code[c][i] == code;
    return n / (double)t->n;
}

/* ---- what is kept ---- */

static void keeps_marginals_holes_and_dependence(void **state) {
    (void)state;
    mnk_table *t = clinic(3000, 1);
    for (int k = 0; k < LEARNERS; k++) {
        mnk_table_generator *g = learn(learners[k], t, NULL);
        mnk_table *s = draw(g, (mnk_table_sample_options){.n = 6000});
        assert_int_equal(s->n, 6000);
        for (size_t c = 1; c < COLUMNS; c++)
            if (fabs(missing_rate(s, c) - missing_rate(t, c)) > 0.02)
                fail_msg("%s: %s is missing in %.3f, not %.3f", learners[k], t->schema->column[c].name, missing_rate(s, c),
                         missing_rate(t, c));
        if (fabs(share(s, LABEL, "ill") - share(t, LABEL, "ill")) > 0.025)
            fail_msg("%s: ill %.3f, not %.3f", learners[k], share(s, LABEL, "ill"), share(t, LABEL, "ill"));
        static const size_t pair[][2] = {{LAB, LABEL}, {DOSE, LAB}, {AGE, LABEL}, {TIME, EVENT}};
        for (size_t p = 0; p < 4; p++) {
            double real = correlation(t, pair[p][0], pair[p][1]), made = correlation(s, pair[p][0], pair[p][1]);
            if (fabs(real - made) > 0.1)
                fail_msg("%s: correlation of %s and %s is %.3f, not %.3f", learners[k], t->schema->column[pair[p][0]].name,
                         t->schema->column[pair[p][1]].name, made, real);
        }
        double men_asked = 0, zeros = 0, zeros_real = 0;
        for (size_t i = 0; i < s->n; i++) {
            men_asked += s->code[SEX][i] == 1 && s->code[PREGNANT][i] >= 0;
            zeros += s->number[DOSE][i] == 0;
            assert_true(fabs(s->number[DOSE][i] * 10 - round(s->number[DOSE][i] * 10)) < 1e-9);
            assert_true(s->number[AGE][i] == floor(s->number[AGE][i]) && s->number[AGE][i] >= 18 && s->number[AGE][i] < 90);
            assert_true(s->number[IN][i] == floor(s->number[IN][i]));
        }
        for (size_t i = 0; i < t->n; i++) zeros_real += t->number[DOSE][i] == 0;
        assert_true(fabs(zeros / 6000 - zeros_real / 3000) < 0.03);
        assert_true(men_asked / 6000 < (k == 2 ? 0.12 : 0.02)); /* the Gaussian's correlation is not a rule */
        mnk_table_close(s);
        mnk_table_generator_close(g);
    }
    mnk_table_close(t);
}

static void obeys_rules_and_makes_new_ids(void **state) {
    (void)state;
    mnk_table *t = clinic(1500, 2);
    for (int k = 0; k < LEARNERS; k++) {
        mnk_table_generator *g = learn(learners[k], t, NULL);
        mnk_table *s = draw(g, (mnk_table_sample_options){.n = 3000});
        for (size_t i = 0; i < s->n; i++) {
            assert_false(s->code[SEX][i] == 1 && s->code[PREGNANT][i] == 1);
            assert_true(s->number[IN][i] <= s->number[OUT_][i]);
            const char *id = s->schema->column[ID].level[s->code[ID][i]];
            if (strlen(id) != 8 || id[0] != 'P' || id[1] != '-') fail_msg("%s", id);
            assert_int_equal(mnk_schema_level(t->schema, ID, id), -1);
            assert_int_equal(s->code[ID][i], i); /* all different */
        }
        assert_int_equal(mnk_table_generator_describe(g)->schema->column[ID].levels, 0); /* the model holds no identifier */
        mnk_table_close(s);
        mnk_table_generator_close(g);
    }
    mnk_table_close(t);
}

static void pools_rare_codes(void **state) {
    (void)state;
    mnk_table *t = clinic(4000, 3);
    assert_true(t->schema->column[CODE].levels > 800);
    mnk_table_generator *g = learn("arf", t, "levels=100");
    mnk_table *s = draw(g, (mnk_table_sample_options){.n = 8000});
    double chapter[2][26] = {{0}};
    for (size_t i = 0; i < t->n; i++) chapter[0][t->schema->column[CODE].level[t->code[CODE][i]][0] - 'A'] += 1.0 / 4000;
    size_t distinct = 0;
    uint8_t *seen = calloc(s->schema->column[CODE].levels + 1, 1);
    for (size_t i = 0; i < s->n; i++) {
        assert_true(s->code[CODE][i] >= 0);
        chapter[1][s->schema->column[CODE].level[s->code[CODE][i]][0] - 'A'] += 1.0 / 8000;
        distinct += !seen[s->code[CODE][i]];
        seen[s->code[CODE][i]] = 1;
    }
    free(seen);
    for (int k = 0; k < 26; k++) assert_true(fabs(chapter[0][k] - chapter[1][k]) < 0.03);
    assert_true(distinct > 500); /* members are drawn from the pools, not one name for all */
    mnk_table_close(s);
    mnk_table_generator_close(g);
    mnk_table_close(t);
}

/* ---- conditions ---- */

static void meets_conditions(void **state) {
    (void)state;
    mnk_table *t = clinic(2000, 4);
    for (int k = 0; k < LEARNERS; k++) {
        mnk_table_generator *g = learn(learners[k], t, NULL);
        mnk_table_sample_report report;
        mnk_table *s = NULL;
        mnk_table_sample_options o = {.n = 500, .seed = 3, .where = "age >= 85 and sex = F and outcome = ill"};
        assert_ok(mnk_table_generator_sample(g, &o, NULL, &s, &report, &err));
        assert_int_equal(s->n, 500);
        for (size_t i = 0; i < s->n; i++)
            assert_true(s->number[AGE][i] >= 85 && s->code[SEX][i] == 0 && s->code[LABEL][i] == 1);
        assert_true(report.kept * 2 > report.drawn); /* rejection alone would keep 1 in 60 */
        mnk_table_close(s);
        s = draw(g, (mnk_table_sample_options){.n = 400, .class_name = "ill"});
        assert_true(share(s, LABEL, "ill") == 1);
        mnk_table_close(s);
        s = draw(g, (mnk_table_sample_options){.n = 400, .class_balance = true});
        assert_true(share(s, LABEL, "ill") == 0.5);
        mnk_table_close(s);
        s = draw(g, (mnk_table_sample_options){.like = t, .like_columns = "sex,age"});
        assert_int_equal(s->n, t->n);
        for (size_t i = 0; i < s->n; i++)
            assert_true(s->code[SEX][i] == t->code[SEX][i] && s->number[AGE][i] == t->number[AGE][i]);
        assert_true(fabs(correlation(s, AGE, LABEL) - correlation(t, AGE, LABEL)) < 0.1);
        mnk_table_close(s);
        mnk_table_generator_close(g);
    }
    mnk_table_close(t);
}

static void refuses_impossible_conditions(void **state) {
    (void)state;
    mnk_table *t = clinic(600, 5);
    mnk_table_generator *g = learn("arf", t, NULL);
    mnk_table *s = NULL;
    static const struct {
        mnk_table_sample_options o;
        mnk_status code;
        const char *part;
    } cases[] = {
        {{.n = 5, .where = "age > 200"}, MNK_ERR_INPUT, "no value of age"},
        {{.n = 5, .where = "sex = M and pregnant = yes"}, MNK_ERR_INPUT, "rules"},
        {{.n = 5, .where = "agee > 20"}, MNK_ERR_INPUT, "agee"},
        {{.n = 5, .class_name = "sick"}, MNK_ERR_USAGE, "no class"},
        {{.n = 0}, MNK_ERR_USAGE, "how many"},
        {{.n = 5, .class_name = "ill", .class_balance = true}, MNK_ERR_USAGE, "exclude"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        mnk_error_clear(&err);
        mnk_status status = mnk_table_generator_sample(g, &cases[k].o, NULL, &s, NULL, &err);
        if (status != cases[k].code || !strstr(err.message, cases[k].part)) fail_msg("case %zu: %d %s", k, status, err.message);
        assert_null(s);
    }
    mnk_table_generator_close(g);
    mnk_table_close(t);
}

static void fills_holes(void **state) {
    (void)state;
    mnk_table *t = clinic(2000, 6), *holes = NULL;
    size_t row[500];
    for (size_t i = 0; i < 500; i++) row[i] = i;
    for (int k = 0; k < LEARNERS; k++) {
        mnk_table_generator *g = learn(learners[k], t, NULL);
        mnk_table *s = NULL;
        assert_ok(mnk_table_select(t, row, 500, &holes, &err));
        for (size_t i = 0; i < 500; i += 2) holes->code[LABEL][i] = -1;
        assert_ok(mnk_table_generator_impute(g, holes, 1, NULL, &s, NULL, &err));
        double hit = 0, base = 0;
        for (size_t i = 0; i < 500; i++) {
            for (size_t c = 0; c < COLUMNS; c++) {
                assert_false(mnk_table_is_missing(s, c, i));
                if (mnk_table_is_missing(holes, c, i)) continue;
                assert_true(s->number[c] ? s->number[c][i] == holes->number[c][i] : s->code[c][i] == holes->code[c][i]);
            }
            assert_false(s->code[SEX][i] == 1 && s->code[PREGNANT][i] == 1);
            if (i % 2) continue;
            hit += s->code[LABEL][i] == t->code[LABEL][i];
            base += t->code[LABEL][i] == 0;
        }
        double p = base / 250; /* drawing from the marginal hits p^2 + (1-p)^2 */
        if (hit / 250 < p * p + (1 - p) * (1 - p) + 0.03) fail_msg("%s: %.3f of %.3f", learners[k], hit / 250, p);
        mnk_table_close(s);
        mnk_table_close(holes);
        mnk_table_generator_close(g);
    }
    mnk_table_close(t);
}

/* ---- what trees overlook ---- */

/* A code of many levels whose odds lean on the label a little, level by level, and a number that says nothing: no single split
 * on the label stands out among all cuts of the number. */
enum { LEVELS = 120, NOISE = 3 };

static double lean(int level) { return level % 2 ? 1.2 : 1 / 1.2; }

static mnk_table *leaning(size_t n) {
    mnk_schema *s = NULL;
    mnk_table *t = NULL;
    char text[16];
    assert_ok(mnk_schema_new(3 + NOISE, &s, &err));
    column(s, 0, "noise", MNK_COLUMN_NUMERIC, 0, "");
    for (size_t c = 3; c < 3 + NOISE; c++) {
        snprintf(text, sizeof text, "noise%zu", c);
        column(s, c, text, MNK_COLUMN_NUMERIC, 0, "");
    }
    column(s, 1, "code", MNK_COLUMN_CATEGORY, 0, "");
    column(s, 2, "ill", MNK_COLUMN_CATEGORY, MNK_COLUMN_IS_LABEL, "no,yes");
    for (int k = 0; k < LEVELS; k++) {
        snprintf(text, sizeof text, "L%03d", k);
        assert_ok(mnk_schema_add_level(s, 1, text, NULL, &err));
    }
    assert_ok(mnk_table_new(s, n, &t, &err));
    for (size_t i = 0; i < n; i++) {
        mnk_rng r = mnk_rng_at(5, MNK_PURPOSE_TEST, i, 11);
        int code = (int)mnk_rng_below(&r, LEVELS);
        double odds = lean(code);
        t->code[1][i] = code;
        t->number[0][i] = mnk_rng_normal(&r);
        for (size_t c = 3; c < 3 + NOISE; c++) t->number[c][i] = mnk_rng_normal(&r);
        t->code[2][i] = mnk_rng_uniform(&r) < odds / (1 + odds);
    }
    assert_ok(mnk_table_finish(t, &err));
    mnk_schema_close(s);
    return t;
}

/* Difference of the label's rate between levels that raise it and that lower it; by construction 0.091. */
static double leaning_of(const mnk_table *t) {
    double ill[2] = {0}, n[2] = {0};
    for (size_t i = 0; i < t->n; i++) ill[t->code[1][i] % 2] += t->code[2][i], n[t->code[1][i] % 2]++;
    return ill[1] / n[1] - ill[0] / n[0];
}

static void cart_keeps_what_leans_on_the_label(void **state) {
    (void)state;
    mnk_table *t = leaning(12000);
    mnk_table_generator *g = learn("cart", t, NULL);
    mnk_table *s = draw(g, (mnk_table_sample_options){.n = 60000});
    double real = leaning_of(t), made = leaning_of(s);
    if (!(made > 0.75 * real && made < 1.25 * real))
        fail_msg("levels move the label's rate by %.3f, in the table by %.3f", made, real);
    mnk_table_close(s);
    mnk_table_generator_close(g);
    mnk_table_close(t);
}

/* What no row of a node has goes to its neighbour, or to the side of more rows: not always to the same side. */
static void places_unseen_bins(void **state) {
    (void)state;
    mnk_codes ordered = {.ordered = true, .bins = 10}, levels = {.bins = 10};
    const uint32_t count[MNK_BINS] = {0, 0, 4, 0, 0, 0, 3, 0, 9, 0};
    uint64_t mask[4] = {1 << 2 | 1 << 6, 0, 0, 0}; /* 2 and 6 left, 8 right */
    mnk_bintree_place_unseen(&ordered, count, mask);
    assert_int_equal(mask[0], 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7);
    mask[0] = 1 << 2 | 1 << 6;
    mnk_bintree_place_unseen(&levels, count, mask); /* 9 rows right, 7 left */
    assert_int_equal(mask[0], 1 << 2 | 1 << 6);
    mask[0] = 1 << 8;
    mnk_bintree_place_unseen(&levels, count, mask);
    assert_int_equal(mask[0], 0x3ff & ~(1 << 2 | 1 << 6));
}

/* ---- persons ---- */

enum { P_ID, P_SEX, P_DAY, P_STATE, P_VALUE, P_COLUMNS };

static mnk_schema *visit_schema(const char *second, const char *levels) {
    mnk_schema *s = NULL;
    assert_ok(mnk_schema_new(P_COLUMNS, &s, &err));
    column(s, P_ID, "patient", MNK_COLUMN_ID, MNK_COLUMN_IS_PERSON, "");
    column(s, P_SEX, second, MNK_COLUMN_CATEGORY, 0, levels);
    column(s, P_DAY, "day", MNK_COLUMN_INTEGER, MNK_COLUMN_IS_VISIT, "");
    column(s, P_STATE, "state", MNK_COLUMN_CATEGORY, 0, "a,b,c");
    column(s, P_VALUE, "value", MNK_COLUMN_NUMERIC, 0, "");
    return s;
}

/* Persons with 1..6 visits; the state is carried forward, the days run forward, the value is the person's own level. */
static mnk_table *visits(size_t persons) {
    mnk_schema *s = visit_schema("sex", "F,M");
    mnk_table *t = NULL;
    size_t n = 0, at = 0;
    char text[32];
    for (size_t p = 0; p < persons; p++) n += 1 + p % 6;
    assert_ok(mnk_table_new(s, n, &t, &err));
    for (size_t p = 0; p < persons; p++) {
        mnk_rng r = mnk_rng_at(3, MNK_PURPOSE_TEST, p, 8);
        int state = (int)mnk_rng_below(&r, 3);
        double day = 10 + (double)mnk_rng_below(&r, 90), value = 10 * mnk_rng_normal(&r);
        for (size_t v = 0; v <= p % 6; v++, at++) {
            snprintf(text, sizeof text, "%zu", 5000 + p);
            assert_ok(mnk_schema_add_level(s, P_ID, text, &t->code[P_ID][at], &err));
            t->code[P_SEX][at] = p % 2;
            t->number[P_DAY][at] = day;
            t->code[P_STATE][at] = state;
            t->number[P_VALUE][at] = value + mnk_rng_normal(&r);
            day += 20 + (double)mnk_rng_below(&r, 20);
            if (mnk_rng_uniform(&r) < 0.1) state = (state + 1) % 3;
        }
    }
    assert_ok(mnk_table_finish(t, &err));
    mnk_schema_close(s);
    return t;
}

/* Memory: the state of three levels is that of two visits before with probability 0.85, else any (so the visit before says
 * nothing: by construction agreement 1/3 at lag 1, 0.9 at lag 2); each person is of a kind that says yes at 1 visit in 10 or at
 * 9 in 10 (agreement 0.82 at any lag); and has a level of its own (correlation 0.917 at any lag). */
static mnk_table *remembering(size_t persons) {
    mnk_schema *s = visit_schema("says", "no,yes");
    mnk_table *t = NULL;
    size_t n = 0, at = 0;
    char text[32];
    for (size_t p = 0; p < persons; p++) n += 3 + p % 6;
    assert_ok(mnk_table_new(s, n, &t, &err));
    for (size_t p = 0; p < persons; p++) {
        mnk_rng r = mnk_rng_at(4, MNK_PURPOSE_TEST, p, 8);
        double day = 10, level = 10 * mnk_rng_normal(&r), often = mnk_rng_uniform(&r) < 0.5 ? 0.1 : 0.9;
        snprintf(text, sizeof text, "%zu", 5000 + p);
        for (size_t v = 0; v < 3 + p % 6; v++, at++) {
            assert_ok(mnk_schema_add_level(s, P_ID, text, &t->code[P_ID][at], &err));
            t->number[P_DAY][at] = day += 20 + (double)mnk_rng_below(&r, 20);
            t->number[P_VALUE][at] = level + 3 * mnk_rng_normal(&r);
            t->code[P_SEX][at] = mnk_rng_uniform(&r) < often;
            const bool keeps = v >= 2 && mnk_rng_uniform(&r) < 0.85;
            t->code[P_STATE][at] = keeps ? t->code[P_STATE][at - 2] : (int32_t)mnk_rng_below(&r, 3);
        }
    }
    assert_ok(mnk_table_finish(t, &err));
    mnk_schema_close(s);
    return t;
}

/* Share of rows with the code of `lag` visits before, or the correlation of numbers. Rows are person by person, in order. */
static double lagged(const mnk_table *t, size_t c, size_t lag) {
    double n = 0, same = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
    for (size_t i = lag; i < t->n; i++) {
        if (t->person[i] != t->person[i - lag]) continue;
        n++;
        if (t->code[c]) same += t->code[c][i] == t->code[c][i - lag];
        else {
            const double a = t->number[c][i], b = t->number[c][i - lag];
            x += a, y += b, xx += a * a, yy += b * b, xy += a * b;
        }
    }
    return t->code[c] ? same / n : (xy - x * y / n) / sqrt((xx - x * x / n) * (yy - y * y / n));
}

/* cart comes within 0.03 at both lags; arf, which mixes over leaves, and gaussian, which sees codes as cut normals, must keep
 * most of it. Without memory of more than one visit state agrees at lag 2 as by chance (0.34 for all three when measured), says
 * falls to 0.63 to 0.70 (arf, cart) and value to 0.76 to 0.83: each bound below fails then. */
static void remembers_more_than_one_visit(void **state) {
    (void)state;
    static const double least[LEARNERS][3] = {{0.5, 0.66, 0.82}, {0.87, 0.79, 0.88}, {0.6, 0.79, 0.86}};
    mnk_table *t = remembering(1500);
    for (int k = 0; k < LEARNERS; k++) {
        mnk_table_generator *g = learn(learners[k], t, NULL);
        mnk_table *s = draw(g, (mnk_table_sample_options){.persons = 1500});
        const double made[3] = {lagged(s, P_STATE, 2), lagged(s, P_SEX, 2), lagged(s, P_VALUE, 2)};
        for (int c = 0; c < 3; c++)
            if (made[c] < least[k][c])
                fail_msg("%s: lag 2, column %d: %.3f is less than %.2f", learners[k], c, made[c], least[k][c]);
        for (size_t c = P_SEX; c < P_COLUMNS && k == 1; c++)
            for (size_t lag = 1; lag <= 2; lag++)
                if (c != P_DAY && fabs(lagged(s, c, lag) - lagged(t, c, lag)) > 0.03)
                    fail_msg("cart: lag %zu, column %zu: %.3f, in the table %.3f", lag, c, lagged(s, c, lag),
                             lagged(t, c, lag));
        mnk_table_close(s);
        mnk_table_generator_close(g);
    }
    mnk_table_close(t);
}

/* What tells nothing is not remembered: a table without memory beyond the visit before keeps its size. */
static void forgets_what_says_nothing(void **state) {
    (void)state;
    mnk_table *t = visits(900);
    mnk_table_generator *g = learn("cart", t, NULL);
    size_t memory = g->visits->given - g->visits->work->columns - 2;
    for (size_t c = 0; c < g->visits->work->columns; c++)
        if (strcmp(g->visits->work->column[c].name, "value")) assert_int_equal(g->visits->remembers[c], 0);
    assert_true(memory >= 1); /* the mean of value so far: its own level, seen through noise */
    mnk_table_generator_close(g);
    mnk_table_close(t);
}

static void draws_whole_persons(void **state) {
    (void)state;
    mnk_table *t = visits(900);
    for (int k = 0; k < LEARNERS; k++) {
        mnk_table_generator *g = learn(learners[k], t, NULL);
        assert_true(mnk_table_generator_describe(g)->by_person);
        mnk_table *s = draw(g, (mnk_table_sample_options){.persons = 800});
        assert_int_equal(s->persons, 800);
        double later = 0, stays = 0, moves = 0, spread = 0, count[7] = {0};
        for (size_t i = 0, length = 0; i < s->n; i++) {
            length = i && s->person[i] == s->person[i - 1] ? length + 1 : 1;
            if (i + 1 == s->n || s->person[i + 1] != s->person[i]) count[length <= 6 ? length : 0]++;
            if (length == 1) continue;
            assert_int_equal(s->code[P_SEX][i], s->code[P_SEX][i - 1]);
            double step = s->number[P_DAY][i] - s->number[P_DAY][i - 1],
                   jump = s->number[P_VALUE][i] - s->number[P_VALUE][i - 1];
            assert_true(step >= 20 && step < 41);
            later++;
            stays += s->code[P_STATE][i] == s->code[P_STATE][i - 1];
            moves += s->code[P_STATE][i] == (s->code[P_STATE][i - 1] + 1) % 3;
            spread += jump * jump;
        }
        assert_true(count[0] == 0);
        for (int v = 1; v <= 6; v++)
            if (fabs(count[v] / 800 - 1.0 / 6) > 0.06)
                fail_msg("%s: %g of 800 persons have %d visits", learners[k], count[v], v);
        if (stays / later < (k == 1 ? 0.85 : 0.6))
            fail_msg("%s: the state stays in %.2f of visits, not 0.90", learners[k], stays / later);
        if (sqrt(spread / later) > 6)
            fail_msg("%s: values jump by %.2f, not 1.41 (between persons 14)", learners[k], sqrt(spread / later));
        mnk_table_close(s);
        s = draw(g, (mnk_table_sample_options){.n = 777});
        assert_int_equal(s->n, 777);
        mnk_table_close(s);
        mnk_table_generator_close(g);
    }
    mnk_table_close(t);
}

/* ---- the reference lines ---- */

static void references_copy_and_shuffle(void **state) {
    (void)state;
    mnk_table *t = clinic(800, 8);
    mnk_table_generator *g = learn("bootstrap", t, NULL);
    mnk_table *s = draw(g, (mnk_table_sample_options){.n = 300});
    for (size_t i = 0; i < s->n; i++) {
        bool found = false;
        for (size_t k = 0; k < t->n && !found; k++)
            found = t->number[AGE][k] == s->number[AGE][i] && t->number[IN][k] == s->number[IN][i] &&
                    t->number[OUT_][k] == s->number[OUT_][i] && t->number[DOSE][k] == s->number[DOSE][i];
        assert_true(found);
    }
    mnk_table_close(s);
    mnk_table_generator_close(g);
    g = learn("shuffle", t, NULL);
    s = draw(g, (mnk_table_sample_options){.n = 4000});
    assert_true(fabs(correlation(s, LAB, LABEL)) < 0.06 && correlation(t, LAB, LABEL) > 0.3);
    mnk_table_close(s);
    mnk_table_generator_close(g);
    mnk_table_close(t);
}

/* Numbers with repeated values among others: scores and values are each other's inverse, and in order. */
static void codebook_inverts_scores(void **state) {
    (void)state;
    mnk_table *t = plain(5000, 1);
    mnk_codebook book;
    for (size_t i = 0; i < t->n; i++) {
        mnk_rng r = mnk_rng_at(1, MNK_PURPOSE_TEST, i, 12);
        double u = mnk_rng_uniform(&r), x = 100 * mnk_rng_normal(&r);
        t->number[0][i] = u < 0.1 ? -50 : u < 0.3 ? 0 : u < 0.4 ? 75 : x;
    }
    assert_ok(mnk_codebook_fit(t, &book, &err));
    const mnk_codes *k = &book.column[0];
    double before = -1e9;
    size_t atoms = 0;
    for (unsigned b = 1; b < k->bins; b++) atoms += mnk_codes_is_atom(k, b);
    assert_int_equal(atoms, 3);
    for (double z = -2.5; z <= 2.5; z += 0.01) {
        double x = mnk_codes_value(k, z);
        unsigned bin = mnk_codes_bin(k, x);
        assert_true(x >= before);
        before = x;
        if (!mnk_codes_is_atom(k, bin)) assert_true(fabs(mnk_codes_score(k, bin, x) - z) < 0.02);
    }
    mnk_codebook_clear(&book);
    mnk_table_close(t);
}

/* ---- files, threads, blocks ---- */

static void same_bytes_for_any_threads(void **state) {
    (void)state;
    mnk_table *t = clinic(700, 9);
    char first[73] = "", path[1024];
    for (int k = 0; k < LEARNERS; k++)
        for (int threads = 1; threads <= 4; threads *= 2) {
            mnk_threads_set(threads);
            mnk_table_generator *g = learn(learners[k], t, NULL);
            mnk_table *s = draw(g, (mnk_table_sample_options){.n = 1500, .where = "age < 60"});
            char both[146];
            snprintf(both, sizeof both, "%.72s%.72s", mnk_table_generator_describe(g)->model_hash, s->hash);
            mnk_hash_bytes(both, strlen(both), path);
            if (threads == 1) snprintf(first, sizeof first, "%.72s", path);
            else assert_string_equal(first, path);
            if (threads == 1) { /* the first rows of a longer draw are those of a shorter one */
                mnk_table *few = draw(g, (mnk_table_sample_options){.n = 100, .where = "age < 60"});
                for (size_t i = 0; i < 100; i++) assert_true(few->number[TIME][i] == s->number[TIME][i]);
                mnk_table_close(few);
            }
            mnk_table_close(s);
            mnk_table_generator_close(g);
        }
    mnk_table_close(t);
}

static void refuses_newer_and_damaged_models(void **state) {
    (void)state;
    mnk_table *t = clinic(200, 10);
    uint8_t *bytes = NULL;
    size_t n = 0;
    mnk_st *st = NULL;
    mnk_table_generator *g = NULL;
    for (int k = 0; k < LEARNERS; k++) {
        char path[1024];
        snprintf(path, sizeof path, "%s", model_path(learners[k]));
        const char *few = "trees=3";
        assert_ok(mnk_table_generator_train(learners[k], t, &few, k == 0, 1, path, true, NULL, &err));
        assert_ok(mnk_file_read(path, 1 << 26, &bytes, &n, &err));
        char *version = NULL;
        for (size_t i = 0; i + 24 < n && !version; i++)
            if (memcmp(bytes + i, "\"format_version\":\"1\"", 20) == 0) version = (char *)bytes + i + 18;
        assert_non_null(version);
        *version = '9';
        assert_ok(mnk_st_parse(bytes, n, "newer", &st, &err));
        assert_int_equal(mnk_table_generator_open_st(st, "newer", &g, &err), MNK_ERR_VERSION);
        mnk_st_close(st);
        *version = '1';
        char *format = NULL;
        for (size_t i = 0; i + 20 < n && !format; i++)
            if (memcmp(bytes + i, "\"table_format\":\"2\"", 18) == 0) format = (char *)bytes + i + 16;
        assert_non_null(format);
        for (int step = 0; step < 2; step++) { /* of the next format, and of the first one */
            *format = step ? '1' : '3';
            mnk_error_clear(&err);
            assert_ok(mnk_st_parse(bytes, n, "another", &st, &err));
            if (step && k == 2) assert_ok(mnk_table_generator_open_st(st, "another", &g, &err)); /* gaussian has not changed */
            else {
                assert_int_equal(mnk_table_generator_open_st(st, "another", &g, &err), MNK_ERR_VERSION);
                assert_non_null(strstr(err.message, step ? "older manikin" : "reads up to 2"));
            }
            mnk_table_generator_close(g);
            mnk_st_close(st);
            g = NULL;
        }
        *format = '2';
        mnk_rng r = mnk_rng_at(1, MNK_PURPOSE_TEST, (uint64_t)k, 9);
        for (int trial = 0; trial < 300; trial++) { /* flipped bytes: an error or a model that draws, never a crash */
            size_t at = mnk_rng_below(&r, n);
            uint8_t was = bytes[at];
            bytes[at] ^= (uint8_t)(1 + mnk_rng_below(&r, 255));
            mnk_error_clear(&err);
            if (mnk_st_parse(bytes, n, "damaged", &st, &err) == MNK_OK) {
                if (mnk_table_generator_open_st(st, "damaged", &g, &err) == MNK_OK) {
                    mnk_table *s = NULL;
                    mnk_table_sample_options o = {.n = 3, .seed = 1};
                    if (mnk_table_generator_sample(g, &o, NULL, &s, NULL, &err) == MNK_OK) assert_int_equal(s->n, 3);
                    mnk_table_close(s);
                    mnk_table_generator_close(g);
                }
                mnk_st_close(st);
            }
            bytes[at] = was;
        }
        mnk_error_clear(&err);
        mnk_free(bytes);
    }
    mnk_table_close(t);
}

/* ---- bad input ---- */

static void takes_odd_tables(void **state) {
    (void)state;
    static const char *const all[] = {"arf", "cart", "gaussian", "bootstrap", "shuffle"};
    for (int k = 0; k < 5; k++)
        for (int kind = 0; kind < 4; kind++) {
            size_t n = kind == 1 ? 1 : 40;
            mnk_table *t = plain(n, 4);
            t->schema->column[1].roles = MNK_COLUMN_IS_LABEL; /* a single class */
            for (size_t i = 0; i < n; i++) {
                if (kind == 2) continue; /* all missing */
                t->number[0][i] = 7;     /* constant */
                t->number[2][i] = kind == 3 ? (double)i : 1e300;
                t->code[1][i] = 0, t->code[3][i] = 0;
            }
            assert_ok(mnk_table_finish(t, &err));
            mnk_table_generator *g = learn(all[k], t, NULL);
            mnk_table *s = draw(g, (mnk_table_sample_options){.n = 50});
            assert_int_equal(s->n, 50);
            for (size_t i = 0; i < 50; i++) {
                if (kind == 2) assert_true(mnk_table_is_missing(s, 0, i) && mnk_table_is_missing(s, 3, i));
                else assert_true(s->number[0][i] == 7 && s->code[1][i] == 0 && !mnk_table_is_missing(s, 2, i));
            }
            mnk_table_close(s);
            mnk_table_generator_close(g);
            mnk_table_close(t);
        }
}

static void takes_a_hundred_thousand_levels(void **state) {
    (void)state;
    mnk_table *t = plain(100000, 2);
    char text[32];
    for (size_t i = 0; i < t->n; i++) {
        t->number[0][i] = (double)(i % 97);
        snprintf(text, sizeof text, "%c%05zu", (char)('A' + i % 26), i);
        assert_ok(mnk_schema_add_level(t->schema, 1, text, &t->code[1][i], &err));
    }
    assert_ok(mnk_table_finish(t, &err));
    mnk_table_generator *g = learn("arf", t, "trees=4");
    mnk_table *s = draw(g, (mnk_table_sample_options){.n = 1000});
    for (size_t i = 0; i < s->n; i++) assert_true(s->code[1][i] >= 0 && s->number[0][i] >= 0 && s->number[0][i] < 97);
    mnk_table_close(s);
    mnk_table_generator_close(g);
    mnk_table_close(t);
}

static void refuses_what_cannot_be_learned(void **state) {
    (void)state;
    mnk_table *t = clinic(50, 11), *none = NULL;
    const char *path = model_path("refused"), *bad = "tres=3";
    assert_ok(mnk_schema_add_rule(t->schema, "age < 30", &err));
    assert_ok(mnk_schema_add_rule(t->schema, "age > 60", &err));
    assert_int_equal(mnk_table_generator_train("arf", t, NULL, 0, 1, path, true, NULL, &err), MNK_ERR_INPUT);
    assert_non_null(strstr(err.message, "rules"));
    mnk_error_clear(&err);
    assert_int_equal(mnk_table_generator_train("arff", t, NULL, 0, 1, path, true, NULL, &err), MNK_ERR_USAGE);
    assert_non_null(strstr(err.hint, "arf"));
    mnk_error_clear(&err);
    assert_int_equal(mnk_table_generator_train("arf", t, &bad, 1, 1, path, true, NULL, &err), MNK_ERR_USAGE);
    assert_non_null(strstr(err.message, "trees"));
    mnk_error_clear(&err);
    assert_ok(mnk_table_new(t->schema, 0, &none, &err));
    assert_int_equal(mnk_table_generator_train("arf", none, NULL, 0, 1, path, true, NULL, &err), MNK_ERR_INPUT);
    mnk_table_close(none);
    mnk_table_close(t);
}

static void identifiers_keep_their_pattern(void **state) {
    (void)state;
    mnk_id_pattern p;
    char out[2 * MNK_ID_LENGTH];
    static const char *const plain_ids[] = {"17", "4711", "99999"}, *const dense[] = {"A0", "A1", "A2", "A3",
                                                                                      "A4", "A5", "A6", "A7"},
                             *const uuids[] = {"3f2504e0-4f89-11d3-9a0c-0305e82c3301", "9b2d1c7a-0e44-4b1f-8a2b-aa17f3d25e90"};
    assert_ok(mnk_id_fit(plain_ids, 3, 0, &p, &err));
    mnk_id_make(&p, 1, 0, out);
    assert_string_equal(out, "100000");
    assert_ok(mnk_id_fit(dense, 8, 0, &p, &err));
    mnk_id_make(&p, 1, 5, out);
    assert_true(strlen(out) > 2); /* no room in the pattern: longer, so that it cannot be one of the table */
    assert_ok(mnk_id_fit(uuids, 2, 0, &p, &err));
    mnk_id_make(&p, 1, 5, out);
    assert_int_equal(strlen(out), 36);
    assert_true(out[8] == '-' && out[13] == '-' && out[18] == '-' && out[23] == '-');
}

static void density_prefers_its_own(void **state) {
    (void)state;
    mnk_table *t = clinic(1500, 12), *other = clinic(500, 13);
    mnk_table_generator *g = learn("arf", t, NULL);
    double *a = calloc(t->n, sizeof *a), own = 0, shuffled = 0;
    assert_ok(mnk_table_generator_density(g, other, a, &err));
    for (size_t i = 0; i < 500; i++) own += a[i] / 500;
    for (size_t i = 0; i + 1 < 500; i++)
        other->number[LAB][i] = other->number[LAB][i + 1], other->code[SEX][i] = 1 - other->code[SEX][i];
    assert_ok(mnk_table_generator_density(g, other, a, &err));
    for (size_t i = 0; i < 500; i++) shuffled += a[i] / 500;
    assert_true(isfinite(own) && own > shuffled + 1);
    free(a);
    mnk_table_generator_close(g);
    mnk_table_close(t);
    mnk_table_close(other);
}

/* ---- real data ---- */

static void keeps_the_holes_of_support2(void **state) {
    (void)state;
    const char *path = test_real_data("support2/support2_dev.csv");
    if (!path) skip();
    mnk_table *t = NULL;
    assert_ok(mnk_table_open(path, NULL, NULL, &t, &err));
    for (int k = 0; k < LEARNERS; k++) {
        mnk_table_generator *g = learn(learners[k], t, NULL);
        mnk_table *s = draw(g, (mnk_table_sample_options){.n = 50000});
        for (size_t c = 0; c < t->schema->columns; c++) {
            if (!mnk_column_is_data(&t->schema->column[c])) continue;
            double real = missing_rate(t, c), made = missing_rate(s, c);
            if (fabs(real - made) > 0.01)
                fail_msg("%s: %s is missing in %.4f, not %.4f", learners[k], t->schema->column[c].name, made, real);
        }
        mnk_table_close(s);
        mnk_table_generator_close(g);
    }
    mnk_table_close(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(keeps_marginals_holes_and_dependence, clean),
        cmocka_unit_test_setup(obeys_rules_and_makes_new_ids, clean),
        cmocka_unit_test_setup(pools_rare_codes, clean),
        cmocka_unit_test_setup(meets_conditions, clean),
        cmocka_unit_test_setup(refuses_impossible_conditions, clean),
        cmocka_unit_test_setup(fills_holes, clean),
        cmocka_unit_test_setup(cart_keeps_what_leans_on_the_label, clean),
        cmocka_unit_test_setup(places_unseen_bins, clean),
        cmocka_unit_test_setup(draws_whole_persons, clean),
        cmocka_unit_test_setup(remembers_more_than_one_visit, clean),
        cmocka_unit_test_setup(forgets_what_says_nothing, clean),
        cmocka_unit_test_setup(references_copy_and_shuffle, clean),
        cmocka_unit_test_setup(codebook_inverts_scores, clean),
        cmocka_unit_test_setup(same_bytes_for_any_threads, clean),
        cmocka_unit_test_setup(refuses_newer_and_damaged_models, clean),
        cmocka_unit_test_setup(takes_odd_tables, clean),
        cmocka_unit_test_setup(takes_a_hundred_thousand_levels, clean),
        cmocka_unit_test_setup(refuses_what_cannot_be_learned, clean),
        cmocka_unit_test_setup(identifiers_keep_their_pattern, clean),
        cmocka_unit_test_setup(density_prefers_its_own, clean),
        cmocka_unit_test_setup(keeps_the_holes_of_support2, clean),
    };
    return MNK_RUN_TESTS("table_generators", tests);
}
