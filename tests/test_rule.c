/* Rules over rows: what they mean, three values, and what they refuse. */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "data/table_open.h"

static mnk_error err;
static mnk_table *t;

static const char csv[] = "age,sex,stage,admitted,discharged,note,two words,limit,cp\n"
                          "63,male,I,2020-01-02,2020-01-05,x1,a,60,1.0\n"
                          "41,female,II,2020-03-01,,x2,b,80,2.0\n"
                          ",male,III,2020-03-01,2020-02-01,x3,a,,1.0\n"
                          "80,,IV,,2020-02-01,x4,b,80,4.0\n";

static int open_table(void **state) {
    (void)state;
    mnk_error_clear(&err);
    assert_ok(mnk_table_parse(csv, sizeof csv - 1, "t.csv", NULL, &t, &err));
    t->schema->column[5].type = MNK_COLUMN_TEXT;
    return 0;
}

static int close_table(void **state) {
    (void)state;
    mnk_table_close(t);
    return 0;
}

static void meaning(void **state) {
    (void)state;
    static const struct {
        const char *rule;
        int row[4];
    } cases[] = {
        {"age >= 63", {1, 0, -1, 1}},
        {"age > 63", {0, 0, -1, 1}},
        {"80 = age", {0, 0, -1, 1}},
        {"63 <= age", {1, 0, -1, 1}},
        {"age < limit", {0, 1, -1, 0}},
        {"sex = male", {1, 0, 1, -1}},
        {"sex != \"male\"", {0, 1, 0, -1}},
        {"not sex = male", {0, 1, 0, -1}},
        {"sex <> 'male'", {0, 1, 0, -1}},
        {"stage >= II", {0, 1, 1, 1}},
        {"stage in (I, IV)", {1, 0, 0, 1}},
        {"stage not in (I, IV)", {0, 1, 1, 0}},
        {"sex in (female)", {0, 1, 0, -1}},
        {"admitted <= discharged", {1, -1, 0, -1}},
        {"admitted = 2020-03-01", {0, 1, 1, -1}},
        {"age is missing", {0, 0, 1, 0}},
        {"age is not missing", {1, 1, 0, 1}},
        {"`two words` = a", {1, 0, 1, 0}},
        {"note = x3", {0, 0, 1, 0}},
        {"note = never", {0, 0, 0, 0}},
        {"cp = 1", {1, 0, 1, 0}}, /* the level is 1, however it is written */
        {"cp = 4.0", {0, 0, 0, 1}},
        /* Kleene: a missing value decides nothing, unless the other side does */
        {"age > 200 and sex = male", {0, 0, -1, 0}},
        {"sex = male and age >= 60", {1, 0, -1, -1}},
        {"sex = female and age >= 60", {0, 0, 0, -1}},
        {"sex = male or age >= 60", {1, 0, 1, 1}},
        {"sex = female or age >= 90", {0, 1, -1, -1}},
        {"not (sex = male and age >= 60)", {0, 1, -1, -1}},
        /* and binds more tightly than or; not more tightly than both */
        {"stage = I or stage = II and sex = male", {1, 0, 0, 0}},
        {"(stage = I or stage = II) and sex = male", {1, 0, 0, 0}},
        {"(stage = III or stage = II) and sex = male", {0, 0, 1, 0}},
        {"not stage = I and not stage = IV", {0, 1, 1, 0}},
        {"NOT age IS MISSING AND AGE >= 0", {-2}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mnk_rule *r = NULL;
        mnk_error_clear(&err);
        mnk_status status = mnk_rule_parse(cases[i].rule, t->schema, &r, &err);
        if (cases[i].row[0] == -2) { /* keywords in any case, columns as they are written */
            assert_int_equal(status, MNK_ERR_INPUT);
            assert_non_null(strstr(err.message, "no column is called 'AGE'"));
            continue;
        }
        if (status != MNK_OK) fail_msg("%s", err.message);
        assert_string_equal(mnk_rule_text(r), cases[i].rule);
        for (size_t k = 0; k < 4; k++)
            if (mnk_rule_row(r, t, k) != cases[i].row[k])
                fail_msg("'%s' says %d of row %zu", cases[i].rule, mnk_rule_row(r, t, k), k + 1);
        mnk_rule_close(r);
    }
}

static void refusals(void **state) {
    (void)state;
    static const struct {
        const char *rule, *words;
    } cases[] = {
        {"", "character 1: a condition is missing"},
        {"agee > 5", "character 1: no column is called 'agee'; did you mean 'age'?"},
        {"`two` = a", "no column is called 'two'"},
        {"sex = mal", "character 7: column 'sex' has no level 'mal'; did you mean 'male'?"},
        {"sex > male", "character 5: the levels of 'sex' have no order"},
        {"age = old", "'old' is neither a column nor a number to compare 'age' with"},
        {"admitted > 5", "'5' is neither a column nor a date (2020-12-31) to compare 'admitted' with"},
        {"age > admitted", "'age' (integer) and 'admitted' (date) cannot be compared"},
        {"age > sex", "cannot be compared"},
        {"age >", "a value is missing after '>'"},
        {"age > 5 and", "a condition is missing"},
        {"(age > 5", "')' is missing"},
        {"age > 5)", "character 8: ')' does not belong here"},
        {"age 5", "expected a comparison"},
        {"age > 5 sex = male", "'sex' does not belong here"},
        {"sex in male", "after 'in' comes a list"},
        {"sex in (male", "is not closed"},
        {"sex in (male,)", "a value is missing in the list"},
        {"age is gone", "after 'is' comes 'missing'"},
        {"sex = 'male", "the quote ' is never closed"},
        {"age ! 5", "expected a comparison"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        mnk_rule *r = NULL;
        mnk_error_clear(&err);
        if (mnk_rule_parse(cases[i].rule, t->schema, &r, &err) != MNK_ERR_INPUT) fail_msg("'%s' was accepted", cases[i].rule);
        assert_null(r);
        if (!strstr(err.message, cases[i].words)) fail_msg("'%s' does not say '%s'", err.message, cases[i].words);
    }
    char deep[6000];
    mnk_rule *r = NULL;
    memset(deep, '(', 4000);
    deep[4000] = '\0';
    assert_int_equal(mnk_rule_parse(deep, t->schema, &r, NULL), MNK_ERR_INPUT);
    memset(deep, 'a', 5000);
    deep[5000] = '\0';
    assert_int_equal(mnk_rule_parse(deep, t->schema, &r, NULL), MNK_ERR_INPUT);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(meaning, open_table, close_table),
                                       cmocka_unit_test_setup_teardown(refusals, open_table, close_table)};
    return MNK_RUN_TESTS("rule", tests);
}
