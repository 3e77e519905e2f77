/* Tables: what hospitals export is read for what it is, schemas come out and go in, and what is written reads back. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "data/date_text.h"
#include "data/number_text.h"
#include "data/schema_file.h"
#include "data/table_checks.h"
#include "data/table_open.h"

static mnk_error err;
static char root[512];

static int clean(void **state) {
    (void)state;
    mnk_error_clear(&err);
    snprintf(root, sizeof root, "%s", test_folder("table"));
    return 0;
}

static mnk_table *parse_with(const char *csv, const mnk_table_options *o) {
    mnk_table *t = NULL;
    assert_ok(mnk_table_parse(csv, strlen(csv), "t.csv", o, &t, &err));
    return t;
}

static mnk_table *parse(const char *csv) { return parse_with(csv, NULL); }

static size_t column(const mnk_table *t, const char *name) {
    long c = mnk_schema_find(t->schema, name);
    if (c < 0) fail_msg("no column %s", name);
    return (size_t)c;
}

static mnk_column *info(const mnk_table *t, const char *name) { return &t->schema->column[column(t, name)]; }

static double number(const mnk_table *t, const char *name, size_t row) {
    assert_non_null(t->number[column(t, name)]);
    return t->number[column(t, name)][row];
}

static void cell_is(const mnk_table *t, const char *name, size_t row, const char *text) {
    char cell[64];
    mnk_table_cell(t, column(t, name), row, cell);
    assert_string_equal(cell, text);
}

static size_t missing(const mnk_table *t) {
    size_t n = 0;
    for (size_t c = 0; c < t->schema->columns; c++)
        for (size_t i = 0; i < t->n; i++) n += mnk_table_is_missing(t, c, i);
    return n;
}

/* ---- numbers and dates ---- */

static void number_texts(void **state) {
    (void)state;
    static const struct {
        const char *text;
        double point, comma; /* NaN: no number in that style */
    } cases[] = {{"12", 12, 12},
                 {"-0.5", -0.5, NAN},
                 {"63.0", 63, NAN},
                 {"1,234", 1234, 1.234},
                 {"1.234", 1.234, 1234},
                 {"1,234.5", 1234.5, NAN},
                 {"1.234,5", NAN, 1234.5},
                 {"0,5", NAN, 0.5},
                 {"1,234,567", 1234567, NAN},
                 {"12,34", NAN, 12.34},
                 {"1 234.5", 1234.5, NAN},
                 {"1'234", 1234, 1234},
                 {"1e3", 1000, 1000},
                 {"+7", 7, 7},
                 {".5", 0.5, NAN},
                 {"12,34,567", NAN, NAN},
                 {"1,23,4", NAN, NAN},
                 {"1e", NAN, NAN},
                 {"0x10", NAN, NAN},
                 {"nan", NAN, NAN},
                 {"inf", NAN, NAN},
                 {"1e999", NAN, NAN},
                 {"-", NAN, NAN},
                 {"1-2", NAN, NAN},
                 {"", NAN, NAN}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int style = 0; style < 2; style++) {
            double want = style ? cases[i].comma : cases[i].point, x = NAN;
            bool is = mnk_number_parse(cases[i].text, strlen(cases[i].text), (mnk_number_style)style, &x, NULL);
            if (is != !isnan(want) || (is && x != want))
                fail_msg("'%s' in style %d: %d %.17g, not %.17g", cases[i].text, style, is, x, want);
        }
    /* correctly rounded: the same double as strtod, whatever the digits */
    uint64_t s = 1;
    for (int i = 0; i < 200000; i++) {
        char text[64];
        s = s * 6364136223846793005u + 1442695040888963407u;
        double x = (double)(int64_t)s * pow(10, (int)(s >> 58) - 40), back = 0;
        snprintf(text, sizeof text, "%.*g", 1 + (int)(s >> 33) % 20, x);
        assert_true(mnk_number_parse(text, strlen(text), MNK_NUMBER_POINT, &back, NULL));
        if (back != strtod(text, NULL)) fail_msg("%s: %.17g", text, back);
    }
}

static void date_texts(void **state) {
    (void)state;
    double d = 0;
    static const struct {
        const char *text, *pattern;
        double days;
    } good[] = {{"1970-01-01", "%Y-%m-%d", 0},
                {"2000-02-29", "%Y-%m-%d", 11016},
                {"31.12.1969", "%d.%m.%Y", -1},
                {"1/2/2021", "%d/%m/%Y", 18659},
                {"01-JAN-2021", "%d-%b-%Y", 18628},
                {"2021-01-01 12:00", "%Y-%m-%d %H:%M", 18628.5},
                {"2021-01-01T06:00:00+06:00", "%Y-%m-%dT%H:%M:%S%z", 18628},
                {"18:00:00", "%H:%M:%S", 0.75},
                {"15.3.68", "%d.%m.%y", 35868},
                {"15.3.69", "%d.%m.%y", -292}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!mnk_date_parse(good[i].text, strlen(good[i].text), good[i].pattern, &d)) fail_msg("%s is no date", good[i].text);
        if (fabs(d - good[i].days) > 1e-9) fail_msg("%s is day %.9f", good[i].text, d);
    }
    static const char *const bad[] = {"2001-02-29", "1900-02-29", "2021-13-01",  "2021-00-10",
                                      "2021-01-32", "2021-1",     "2021-01-01 ", "0000-01-01"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(mnk_date_parse(bad[i], strlen(bad[i]), "%Y-%m-%d", &d));
    for (size_t k = 0; k < MNK_DATE_PATTERNS; k++) { /* every pattern reads what it writes */
        char text[64];
        double day = 18700 + 0.25, back = 0;
        assert_true(mnk_date_pattern_valid(mnk_date_patterns[k]));
        size_t n = mnk_date_format(day, mnk_date_patterns[k], text, sizeof text);
        assert_true(mnk_date_parse(text, n, mnk_date_patterns[k], &back));
        bool time = strstr(mnk_date_patterns[k], "%H"), date = strstr(mnk_date_patterns[k], "%d");
        assert_true(fabs(back - ((date ? 18700 : 0) + (time ? 0.25 : 0))) < 1e-9);
    }
    for (long day = -800; day < 60000; day += 7) {
        char text[16];
        size_t n = mnk_date_format((double)day, "%Y-%m-%d", text, sizeof text);
        assert_true(mnk_date_parse(text, n, "%Y-%m-%d", &d) && d == (double)day);
    }
}

/* ---- what is in a file ---- */

static void types(void **state) {
    (void)state;
    mnk_text csv = {0};
    mnk_text_add(&csv, "mrn,age,sex,stage,weight_kg,zip,admitted,note,score,died,visit\n");
    for (int i = 0; i < 40; i++)
        mnk_text_printf(&csv,
                        "P%03d,%d.0,%s,%s,%d.%d,%05d,2020-01-%02d,\"words, of many kinds %d and a half, too long to be a code "
                        "of any kind\",%d,%d,%d\n",
                        i / 2, 20 + i, i % 3 ? "male" : "female",
                        i % 2   ? "mild"
                        : i % 4 ? "severe"
                                : "moderate",
                        60 + i, i % 10, i * 37 % 300, i % 28 + 1, i * 7, i * i, i % 5 == 0, i % 2 + 1);
    mnk_table *t = parse(csv.s);
    static const struct {
        const char *name;
        mnk_column_type type;
        unsigned roles;
    } want[] = {{"mrn", MNK_COLUMN_ID, MNK_COLUMN_IS_PERSON},
                {"age", MNK_COLUMN_INTEGER, MNK_COLUMN_IS_QUASI},
                {"sex", MNK_COLUMN_CATEGORY, MNK_COLUMN_IS_SUBGROUP | MNK_COLUMN_IS_QUASI},
                {"stage", MNK_COLUMN_ORDINAL, 0},
                {"weight_kg", MNK_COLUMN_NUMERIC, 0},
                {"admitted", MNK_COLUMN_DATE, 0},
                {"note", MNK_COLUMN_TEXT, 0},
                {"score", MNK_COLUMN_INTEGER, 0},
                {"died", MNK_COLUMN_CATEGORY, MNK_COLUMN_IS_LABEL}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        const mnk_column *k = info(t, want[i].name);
        if (k->type != want[i].type || k->roles != want[i].roles)
            fail_msg("%s: type %s, roles %x", want[i].name, mnk_column_type_name(k->type), k->roles);
    }
    assert_int_equal(t->persons, 20);
    assert_string_equal(info(t, "weight_kg")->unit, "kg");
    assert_int_equal(info(t, "weight_kg")->decimals, 1);
    assert_string_equal(info(t, "stage")->level[0], "mild");
    assert_string_equal(info(t, "stage")->level[2], "severe");
    assert_true(info(t, "age")->low == 20 && info(t, "age")->high == 59);
    assert_string_equal(info(t, "admitted")->format, "%Y-%m-%d");
    assert_false(mnk_column_is_number(info(t, "zip"))); /* leading zeros: a code */
    cell_is(t, "zip", 1, "00037");
    cell_is(t, "age", 0, "20");
    assert_true(t->schema->is_inferred && info(t, "sex")->is_open);
    mnk_table_close(t);
    mnk_text_clear(&csv);
}

static void separators_and_encodings(void **state) {
    (void)state;
    static const char *const same[] = {"a,b\n1,x\n2,y z\n",
                                       "a;b\n1;x\n2;y z\n",
                                       "a\tb\r\n1\tx\r\n2\ty z\r\n",
                                       "a|b\r1|x\r2|y z\r",
                                       "\xef\xbb\xbf\"a\",\"b\"\n\"1\",x\n\n2,  y z  ",
                                       "a ;b\n 1;x\n2;\"y z\"",
                                       "sep=;\r\na;b\r\n1;x\r\n2;y z\r\n"};
    char hash[73] = "";
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        mnk_table *t = parse(same[i]);
        assert_int_equal(t->n, 2);
        if (*hash && strcmp(hash, t->hash) != 0) fail_msg("case %zu differs", i);
        strcpy(hash, t->hash);
        mnk_table_close(t);
    }
    mnk_table *t = parse("na\xefve,b\nJos\xe9,1\nZo\xeb \x96 \x80,2\n"); /* Windows-1252 */
    cell_is(t, "naïve", 0, "José");
    cell_is(t, "naïve", 1, "Zoë – €");
    mnk_table_close(t);
    t = parse("who,b\nJosé,1\n日本,2\n");
    cell_is(t, "who", 1, "日本");
    mnk_table_close(t);
    t = parse("q,b\n\"say \"\"ah\"\"\nand, cough\",1\nx,2\n");
    cell_is(t, "q", 0, "say \"ah\"\nand, cough");
    mnk_table_close(t);
}

static void numbers_of_a_file(void **state) {
    (void)state;
    mnk_table *t = parse("id2;wert;euro;n\n1;1,5;1.234,50;12\n2;22,25;12.000,00;13\n3;0,5;7,00;15\n");
    assert_true(number(t, "wert", 1) == 22.25 && number(t, "euro", 0) == 1234.5 && number(t, "euro", 1) == 12000);
    assert_int_equal(info(t, "euro")->decimals, 0 + (info(t, "euro")->type == MNK_COLUMN_NUMERIC ? 2 : 0));
    mnk_table_close(t);
    t = parse("cost,k\n\"1,234\",1\n\"12,345,678\",2\n99,3\n"); /* thousands in the style of commas */
    assert_true(number(t, "cost", 0) == 1234 && number(t, "cost", 1) == 12345678);
    mnk_table_close(t);
    t = parse("x,y\n1.0,1\n2.50,2\n3.125,3\n");
    assert_int_equal(info(t, "x")->decimals, 3);
    cell_is(t, "x", 0, "1.000");
    mnk_table_close(t);
    t = parse("x,y\n1e-7,1\n2.5e10,2\n3,3\n");
    assert_int_equal(info(t, "x")->decimals, -1);
    cell_is(t, "x", 0, "1e-07");
    mnk_table_close(t);
}

static void missing_texts(void **state) {
    (void)state;
    const char *csv = "x,c\n1.5,a\nNA,?\n,b\nnan,NULL\n?,n/a\n.,None\n-,-\n2.5,a\n";
    mnk_table *t = parse(csv);
    size_t c = column(t, "c"), x = column(t, "x"), m = 0;
    for (size_t i = 0; i < t->n; i++) m += mnk_table_is_missing(t, c, i);
    assert_int_equal(m, 3); /* None and - may be levels */
    assert_true(mnk_schema_level(t->schema, c, "None") >= 0 && mnk_schema_level(t->schema, c, "-") >= 0);
    for (m = 0, c = 0; c < t->n; c++) m += mnk_table_is_missing(t, x, c);
    assert_int_equal(m, 6); /* among numbers they mean missing */
    mnk_table_close(t);
    t = parse_with("x,c\n1.5,a\n-9,unknown\n2.5,NA\n", &(mnk_table_options){.missing = "-9, unknown"});
    assert_true(mnk_table_is_missing(t, 0, 1) && mnk_table_is_missing(t, 1, 1) && !mnk_table_is_missing(t, 1, 2));
    cell_is(t, "x", 1, "-9");
    mnk_table_close(t);
}

/* ---- schemas ---- */

static void schema_round_trip(void **state) {
    (void)state;
    mnk_table *t =
        parse("mrn,age "
              "(years),s\"x,stage,when,note\n1,50,m,I,2020-01-01,\"a\nb\"\n1,61,f,II,2020-02-01,:#'\\\n2,NA,f,III,,\xc3\xa9\n");
    char path[600];
    mnk_schema *s = NULL;
    mnk_text a = {0}, b = {0};
    assert_ok(mnk_schema_add_rule(t->schema, "`age (years)` >= 18", &err));
    snprintf(path, sizeof path, "%s/t.schema.yaml", root);
    assert_ok(mnk_schema_write(t->schema, path, false, &err));
    assert_int_equal(mnk_schema_write(t->schema, path, false, NULL), MNK_ERR_INPUT);
    assert_ok(mnk_schema_read(path, &s, &err));
    assert_ok(mnk_schema_file_text(t->schema, NULL, &a, &err));
    assert_ok(mnk_schema_file_text(s, NULL, &b, &err));
    assert_string_equal(a.s, b.s);
    assert_true(s->is_inferred && s->column[1].is_open && s->rules == 1);
    mnk_schema_close(s);
    mnk_text_clear(&a);
    mnk_text_clear(&b);
    mnk_table_close(t);
}

static const char strict[] = "manikin_schema: 1\ncolumns:\n  - {name: age, type: integer, low: 0, high: 120}\n"
                             "  - {name: sex, type: category, levels: [male, female], missing: [\"-\"]}\n"
                             "  - {name: w, type: numeric, decimals: 1, low: 1, open: true}\n"
                             "  - {name: d, type: date, format: \"%d.%m.%Y\"}\n";

static mnk_schema *strict_schema(void) {
    mnk_schema *s = NULL;
    assert_ok(mnk_schema_file_parse(strict, sizeof strict - 1, "s.yaml", &s, NULL, &err));
    return s;
}

static void schema_is_followed(void **state) {
    (void)state;
    mnk_schema *s = strict_schema();
    mnk_table_options o = {.schema = s};
    /* columns in another order; an open column takes what lies outside; numbers as the file writes them */
    mnk_table *t = parse_with("w;d;sex;age\n0,5;31.12.2020;female;7\n1.000,5;01.01.2021;-;8\n", &o);
    assert_true(t->schema == s && number(t, "w", 0) == 0.5 && number(t, "w", 1) == 1000.5);
    assert_int_equal(t->code[column(t, "sex")][0], 1);
    assert_true(mnk_table_is_missing(t, column(t, "sex"), 1));
    cell_is(t, "sex", 1, "-");
    cell_is(t, "d", 0, "31.12.2020");
    mnk_table_close(t);
    mnk_table *bad = NULL;
    const char *csv = "age,sex,w,d\n130,male,5,01.01.2020\n5.5,Male,x,2020-01-01\n-1,female,inf,\n7,,2,32.01.2020\n";
    assert_int_equal(mnk_table_parse(csv, strlen(csv), "t.csv", &o, &bad, &err), MNK_ERR_INPUT);
    static const char *const says[] = {"8 bad cells",
                                       "row 1, age: '130' is above the highest",
                                       "row 2, age: '5.5' is not whole",
                                       "row 2, sex: 'Male' is no level",
                                       "row 2, w: 'x' is not a number",
                                       "row 2, d: '2020-01-01' is no such date",
                                       "row 3, age: '-1' is below the lowest",
                                       "row 3, w: 'inf' is not finite",
                                       "row 4, d: '32.01.2020' is no such date"};
    for (size_t i = 0; i < sizeof says / sizeof *says; i++)
        if (!strstr(err.message, says[i])) fail_msg("'%s' does not say '%s'", err.message, says[i]);
    mnk_schema_close(s);
}

/* Two hospitals, one numbering: what the second writes otherwise is the same level. */
static void one_numbering(void **state) {
    (void)state;
    mnk_table *a = parse("sex,cp\n1.0,1.0\n0.0,2.0\n1.0,4.0\n1.0,1.0\n0.0,2.0\n1.0,4.0\n1.0,1.0\n0.0,2.0\n1.0,4.0\n"),
              *b = parse_with("cp,sex\n1,?\n3,1\n4,0\n", &(mnk_table_options){.schema = a->schema});
    assert_true(a->schema == b->schema);
    assert_int_equal(a->code[1][0], b->code[1][0]); /* 1.0 is 1 */
    assert_int_equal(b->code[0][0], -1);
    assert_int_equal(info(b, "cp")->levels, 4); /* 3 is new, and numbers once given stay */
    cell_is(a, "cp", 2, "4");
    cell_is(b, "cp", 1, "3");
    mnk_table_close(a);
    cell_is(b, "cp", 2, "4");
    mnk_table_close(b);
}

/* ---- writing ---- */

static void write_and_read(void **state) {
    (void)state;
    mnk_table
        *t = parse(
            "p,x,c,d,t\n1,1.50,\"a,b\",2020-01-01 10:30:00,?\n2,,\"say \"\"x\"\"\",2020-06-01 00:00:00,u\n3,3.25,plain,,v w\n"),
        *back = NULL;
    for (int gz = 0; gz < 2; gz++) {
        char path[600], schema[600];
        snprintf(path, sizeof path, "%s/out%d.csv%s", root, gz, gz ? ".gz" : "");
        snprintf(schema, sizeof schema, "%s/out%d.schema.yaml", root, gz);
        assert_ok(mnk_table_write(t, path, false, &(mnk_table_meta){"arf", "blake2b:12", 18446744073709551615u}, &err));
        assert_true(mnk_path_exists(schema));
        assert_ok(mnk_table_open(path, NULL, NULL, &back, &err));
        assert_string_equal(back->hash, t->hash);
        assert_true(back->synthetic && back->seed == 18446744073709551615u);
        assert_string_equal(back->generator, "arf");
        assert_string_equal(back->model_hash, "blake2b:12");
        mnk_table_close(back);
        assert_ok(mnk_table_open(path, &(mnk_table_options){.schema = t->schema}, NULL, &back, &err));
        assert_true(back->synthetic && !strcmp(back->hash, t->hash)); /* the mark does not depend on whose schema is used */
        mnk_table_close(back);
        assert_int_equal(mnk_table_write(t, path, false, NULL, NULL), MNK_ERR_INPUT);
        assert_true(mnk_is_table(path));
        strcat(path, ":train");
        assert_true(mnk_is_table(path));
    }
    mnk_table_close(t);
    t = parse("v\n\"\"\n.\n12\n13\n\"\"\n"); /* one column: a missing value is no blank line */
    char path[600];
    snprintf(path, sizeof path, "%s/one.csv", root);
    assert_int_equal(t->n, 5);
    assert_ok(mnk_table_write(t, path, false, NULL, &err));
    assert_ok(mnk_table_open(path, NULL, NULL, &back, &err));
    assert_string_equal(back->hash, t->hash);
    assert_false(back->synthetic);
    mnk_table_close(back);
    mnk_table_close(t);
}

static void what_is_a_table(void **state) {
    (void)state;
    char path[600];
    snprintf(path, sizeof path, "%s/manifest.csv", root);
    assert_ok(mnk_file_write(path, false, "file,label\na.png,x\n", 19, &err));
    assert_false(mnk_is_table(path));
    snprintf(path, sizeof path, "%s/t.csv", root);
    assert_ok(mnk_file_write(path, false, "profile,label\na.png,x\n", 22, &err));
    assert_true(mnk_is_table(path));
    assert_false(mnk_is_table(root));
    assert_false(mnk_is_table("x.npz:train"));
    assert_true(mnk_is_table("nowhere.csv"));
}

/* ---- splits, threads ---- */

static mnk_table *many(size_t n) {
    mnk_text csv = {0};
    mnk_text_add(&csv, "mrn,y,x,city,free\n");
    for (size_t i = 0; i < n; i++)
        mnk_text_printf(&csv, "%zu,%s,%.3f,c%zu,\"%zu \"\"t\"\"\"\n", 1000 + i * 7919 % (n / 3 + 1), i % 4 ? "no" : "yes",
                        (double)(i * 31 % 1000) / 7, i % 211, i * 17 % n);
    mnk_table *t = parse(csv.s);
    mnk_text_clear(&csv);
    return t;
}

static void splits_by_person(void **state) {
    (void)state;
    mnk_table *t = many(3000), *train = NULL;
    assert_int_equal(info(t, "mrn")->roles, MNK_COLUMN_IS_PERSON);
    assert_ok(mnk_schema_text(&info(t, "y")->unit, "", &err));
    info(t, "y")->roles |= MNK_COLUMN_IS_LABEL;
    assert_ok(mnk_table_split(t, 0.7, 0.1, 0.2, 3, &err));
    size_t count[5] = {0}, yes[5] = {0};
    uint8_t *side = mnk_alloc(t->persons, 1);
    for (size_t i = 0; i < t->n; i++) {
        assert_true(!side[t->person[i]] || side[t->person[i]] == t->split[i]);
        side[t->person[i]] = t->split[i];
        count[t->split[i]]++;
        yes[t->split[i]] += t->code[column(t, "y")][i] == 1;
    }
    assert_true(labs((long)count[MNK_SPLIT_TRAIN] - 2100) <= 30 && labs((long)count[MNK_SPLIT_TEST] - 600) <= 30 && !count[0]);
    for (int s = 1; s < 4; s++) assert_true(fabs((double)yes[s] / (double)count[s] - 0.25) < 0.05);
    mnk_free(side);
    assert_ok(mnk_table_subset(t, MNK_SPLIT_TRAIN, &train, &err));
    assert_int_equal(train->n, count[MNK_SPLIT_TRAIN]);
    mnk_table_close(train);
    mnk_table_close(t);
    t = parse("split,x\ntrain,1.5\ntest,2.5\nvalidation,3.5\n,4\n");
    assert_int_equal(t->split[0], MNK_SPLIT_TRAIN);
    assert_int_equal(t->split[2], MNK_SPLIT_VAL);
    assert_int_equal(t->split[3], MNK_SPLIT_NONE);
    mnk_table_close(t);
}

static void threads_do_not_matter(void **state) {
    (void)state;
    char hash[73] = "";
    mnk_text first = {0};
    for (int threads = 1; threads <= 4; threads *= 2) {
        mnk_text text = {0};
        mnk_threads_set(threads);
        mnk_table *t = many(200000); /* four blocks */
        assert_ok(mnk_schema_file_text(t->schema, NULL, &text, &err));
        mnk_result *r = NULL;
        char *json = NULL;
        assert_ok(mnk_result_open("data", 0, &r, &err));
        if (threads < 4) assert_ok(mnk_table_describe(t, NULL, r, &err));
        r->threads = 0; /* all that may differ */
        assert_ok(mnk_result_json(r, &json, &err));
        if (threads < 4) mnk_text_add(&text, json);
        if (*hash) assert_string_equal(hash, t->hash);
        if (first.n && threads < 4) assert_string_equal(first.s, text.s);
        strcpy(hash, t->hash);
        if (!first.n) mnk_text_add(&first, text.s);
        assert_string_equal(info(t, "city")->level[1], "c1");
        cell_is(t, "free", 1, "17 \"t\"");
        mnk_text_clear(&text);
        mnk_free_bytes(json);
        mnk_result_close(r);
        mnk_table_close(t);
    }
    mnk_text_clear(&first);
    mnk_threads_set(0);
}

/* ---- describing ---- */

static const mnk_metric *metric(const mnk_result *r, const char *id, const char *subset) {
    const mnk_metric *m = mnk_result_find(r, id, "", subset);
    if (!m) fail_msg("no metric %s of '%s'", id, subset);
    return m;
}

static void described(void **state) {
    (void)state;
    mnk_text csv = {0};
    mnk_result *r = NULL;
    mnk_text_add(&csv, "pid,died,later,chance,sex,one,chol,stay\n");
    uint64_t random = 4;
    for (int i = 0; i < 400; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        int died = random >> 60 < 4;
        mnk_text_printf(&csv, "%d,%d,%.2f,%.2f,%s,same,%d,%d\n", i / 2, died, died ? 5.5 + i % 7 : 1.25 + i % 3,
                        (double)(random >> 30 & 0xfffff) / 7, i % 40 ? "m" : "f", i % 50 ? 150 + i * 31 % 120 : 0, i * 13 % 40);
    }
    mnk_text_printf(&csv, "7,0,1.25,1.00,m,same,200,5\n8,0,1.25,1.00,m,same,200,5\n9,1,1.25,1.00,m,same,200,5\n");
    mnk_table *t = parse(csv.s);
    assert_ok(mnk_schema_add_rule(t->schema, "not (sex = f and died = 1)", &err));
    assert_ok(mnk_result_open("data", 0, &r, &err));
    assert_ok(mnk_table_describe(t, NULL, r, &err));
    assert_true(metric(r, "n", "")->value == 403);
    assert_true(metric(r, "constant_columns", "")->value == 1);
    assert_true(metric(r, "duplicate_rows", "")->value == 1);
    assert_true(metric(r, "conflicting_rows", "")->value == 1);
    assert_true(metric(r, "persons", "")->value == 200);
    assert_true(metric(r, "repeated_persons", "")->value == 200);
    assert_true(metric(r, "n_subgroup", "sex=f")->value == 10);
    assert_true(metric(r, "suspected_missing", "chol")->value == 8);
    assert_null(mnk_result_find(r, "suspected_missing", "", "stay"));
    assert_true(metric(r, "leak_auc", "later")->value > 0.99); /* planted: known only afterwards */
    assert_true(fabs(metric(r, "leak_auc", "chance")->value - 0.5) < 0.12);
    assert_true(metric(r, "leaks", "")->value == 1);
    size_t flags = 0;
    for (size_t i = 0; i < r->flags; i++)
        if (!strcmp(r->flag[i].flag, "duplicate_row")) {
            flags++;
            assert_true(r->flag[i].item == 401 && r->flag[i].of == 400);
        }
    assert_int_equal(flags, 1);
    size_t broken = 0;
    for (size_t i = 0; i < t->n; i++) broken += t->code[4][i] == mnk_schema_level(t->schema, 4, "f") && t->code[1][i] == 1;
    assert_true(metric(r, "broken_rule", "not (sex = f and died = 1)")->value == (double)broken && broken > 0);
    mnk_result_close(r);
    mnk_table_close(t);
    mnk_text_clear(&csv);
}

/* A column of many codes that say nothing must not look like a leak because each was seen once. */
static void codes_do_not_leak(void **state) {
    (void)state;
    mnk_text csv = {0};
    mnk_leak leak;
    mnk_text_add(&csv, "code,y\n");
    uint64_t s = 9;
    for (int i = 0; i < 2000; i++) {
        s = s * 6364136223846793005u + 1442695040888963407u;
        mnk_text_printf(&csv, "k%d,%d\n", (int)(s >> 40) % 700, (int)(s >> 33) & 1);
    }
    mnk_table *t = parse(csv.s);
    assert_ok(mnk_table_leak(t, 0, 1, &leak, &err));
    assert_true(leak.n == 2000 && fabs(leak.value - 0.5) < 0.05);
    mnk_table_close(t);
    mnk_text_clear(&csv);
}

/* With few persons one half may be empty: not estimable, and no endless search for equal scores. */
static void leaks_of_few(void **state) {
    (void)state;
    mnk_leak leak;
    for (int n = 2; n < 9; n++) {
        mnk_text csv = {0};
        mnk_text_add(&csv, "x,y,z\n");
        for (int i = 0; i < n; i++) mnk_text_printf(&csv, "%d.5,k%d,%d.25\n", i, i % 2, i);
        mnk_table *t = parse(csv.s);
        assert_ok(mnk_table_leak(t, 0, 1, &leak, &err));
        assert_true(isnan(leak.value));
        assert_ok(mnk_table_leak(t, 0, 2, &leak, &err));
        assert_true(isnan(leak.value));
        mnk_table_close(t);
        mnk_text_clear(&csv);
    }
}

/* ---- the real ones: what their READMEs say ---- */

static void real_counts(void **state) {
    (void)state;
    static const struct {
        const char *file;
        size_t rows, columns, missing, persons;
    } sets[] = {{"heart_uci/cleveland.csv", 303, 14, 6, 303},
                {"heart_uci/hungarian.csv", 294, 14, 782, 294},
                {"tables_small/breast_cancer_wdbc.csv", 569, 31, 0, 569},
                {"tables_small/diabetes_efron442.csv", 442, 11, 0, 442},
                {"support2/support2_dev.csv", 6373, 48, 0, 6373},
                {"diabetes130/diabetic_data_dev.csv.gz", 60897, 50, 115420, 42927}};
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        const char *path = test_real_data(sets[i].file);
        mnk_table *t = NULL, *back = NULL;
        char copy[600];
        if (!path) skip();
        mnk_error_clear(&err);
        assert_ok(mnk_table_open(path, NULL, NULL, &t, &err));
        assert_int_equal(t->n, sets[i].rows);
        assert_int_equal(t->schema->columns, sets[i].columns);
        assert_int_equal(t->persons, sets[i].persons);
        if (i == 4) assert_true(fabs((double)missing(t) / (6373.0 * 48) - 0.108) < 0.0005); /* 10.8 % */
        else assert_int_equal(missing(t), sets[i].missing);
        snprintf(copy, sizeof copy, "%s/%zu.csv.gz", root, i);
        assert_ok(mnk_table_write(t, copy, true, NULL, &err));
        assert_ok(mnk_table_open(copy, NULL, NULL, &back, &err));
        assert_string_equal(back->hash, t->hash);
        mnk_table_close(back);
        mnk_table_close(t);
    }
    mnk_table *a = NULL, *b = NULL; /* two hospitals on one schema */
    char first[600];
    snprintf(first, sizeof first, "%s", test_real_data("heart_uci/cleveland.csv"));
    assert_ok(mnk_table_open(first, NULL, NULL, &a, &err));
    assert_ok(
        mnk_table_open(test_real_data("heart_uci/hungarian.csv"), &(mnk_table_options){.schema = a->schema}, NULL, &b, &err));
    assert_int_equal(missing(b), 782);
    assert_int_equal(info(b, "sex")->levels, 2);
    mnk_table_close(a);
    mnk_table_close(b);
}

/* Every allocation may fail: an error, no crash, nothing leaked (ASan looks). */
static void short_of_memory(void **state) {
    (void)state;
    const char *csv = "mrn,sex,d,x\n1,m,2020-01-01,1.5\n1,f,2020-01-02,\"2,5\"\n2,\"a \"\"b\"\"\",,3\n";
    mnk_status status = MNK_ERR_MEMORY;
    mnk_threads_set(1);
    for (long n = 1; status != MNK_OK && n < 2000; n++) {
        mnk_table *t = NULL;
        mnk_error_clear(&err);
        mnk_alloc_fail_after(n);
        status = mnk_table_parse(csv, strlen(csv), "t.csv", NULL, &t, &err);
        mnk_alloc_fail_after(0);
        if (status != MNK_OK) assert_int_equal(status, MNK_ERR_MEMORY);
        mnk_table_close(t);
    }
    assert_int_equal(status, MNK_OK);
    mnk_threads_set(0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(number_texts, clean),
        cmocka_unit_test_setup(date_texts, clean),
        cmocka_unit_test_setup(types, clean),
        cmocka_unit_test_setup(separators_and_encodings, clean),
        cmocka_unit_test_setup(numbers_of_a_file, clean),
        cmocka_unit_test_setup(missing_texts, clean),
        cmocka_unit_test_setup(schema_round_trip, clean),
        cmocka_unit_test_setup(schema_is_followed, clean),
        cmocka_unit_test_setup(one_numbering, clean),
        cmocka_unit_test_setup(write_and_read, clean),
        cmocka_unit_test_setup(what_is_a_table, clean),
        cmocka_unit_test_setup(splits_by_person, clean),
        cmocka_unit_test_setup(threads_do_not_matter, clean),
        cmocka_unit_test_setup(described, clean),
        cmocka_unit_test_setup(codes_do_not_leak, clean),
        cmocka_unit_test_setup(leaks_of_few, clean),
        cmocka_unit_test_setup(real_counts, clean),
        cmocka_unit_test_setup(short_of_memory, clean),
    };
    return MNK_RUN_TESTS("table", tests);
}
