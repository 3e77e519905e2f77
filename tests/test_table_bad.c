/* Tables and schema files that are not as they should be: a clear refusal that names the place, exit 4, nothing written. */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "data/schema_file.h"
#include "data/table_load.h"
#include "data/table_open.h"

static mnk_error err;
static char root[512];

static int clean(void **state) {
    (void)state;
    mnk_error_clear(&err);
    snprintf(root, sizeof root, "%s", test_folder("table_bad"));
    return 0;
}

static void says(const char *words) {
    if (!strstr(err.message, words)) fail_msg("'%s' does not say '%s'", err.message, words);
}

static void refused_n(const char *csv, size_t n, const mnk_table_options *o, const char *words) {
    mnk_table *t = NULL;
    mnk_error_clear(&err);
    mnk_status status = mnk_table_parse(csv, n, "t.csv", o, &t, &err);
    if (status == MNK_OK) fail_msg("accepted; should say '%s'", words);
    assert_null(t);
    assert_int_equal(mnk_status_exit_code(status), 4);
    says(words);
}

static void refused(const char *csv, const char *words) { refused_n(csv, strlen(csv), NULL, words); }
static void refused_with(const char *csv, const mnk_table_options *o, const char *words) {
    refused_n(csv, strlen(csv), o, words);
}

static mnk_table *accepted(const char *csv, const char *name, const mnk_table_options *o) {
    mnk_table *t = NULL;
    mnk_error_clear(&err);
    assert_ok(mnk_table_parse(csv, strlen(csv), name, o, &t, &err));
    return t;
}

static void rows_and_headings(void **state) {
    (void)state;
    refused("", "empty; its first line should name the columns");
    refused("\n\n", "empty");
    refused("a,b\n", "no rows below the heading");
    refused("a,b\n1,2\n", "only one row below the heading");
    refused("a,b,c\n1,2,3\n4,5\n6,7,8\n1,2,3,4\n",
            "2 of 4 rows do not have 3 fields: row 2 (line 3) has 2; row 4 (line 5) has 4");
    refused("age,sex,age\n1,2,3\n4,5,6\n", "line 1: columns 1 and 3 are both called 'age'");
    refused("a,b\n1,\"x\n2,y\n", "line 2: a quote is never closed");
    refused("a,b\n1,\"x\"y\n2,y\n", "line 2: text after a closing quote");
    refused_n("a,b\n1,x\0\n2,y\n", 14, NULL, "line 2: a zero byte");
    refused("x,y,z\n1,?,NA\n2,,\n", "2 columns are missing in all 2 rows: y; z");
    assert_non_null(strstr(err.hint, "--ignore"));
    mnk_table *t = accepted("x,y\n1,?\n2,\n", "t.csv", &(mnk_table_options){.ignore_columns = "y"});
    assert_false(mnk_column_is_data(&t->schema->column[1]));
    mnk_table_close(t);
    mnk_text wide = {0};
    for (int i = 0; i < 5000; i++) mnk_text_printf(&wide, "c%d,", i);
    mnk_text_add(&wide, "z\n1\n2\n");
    refused(wide.s, "more than 4096 columns");
    mnk_text_clear(&wide);
}

static void values(void **state) {
    (void)state;
    refused("x,y\n1,2\n-inf,3\nInfinity,4\n5,6\n",
            "2 bad cells: row 2, x: '-inf' is not finite; row 3, x: 'Infinity' is not finite");
    static const char schema[] =
        "manikin_schema: 1\ncolumns:\n  - {name: side, type: category, roles: [split]}\n  - {name: x, type: numeric}\n";
    mnk_schema *s = NULL;
    assert_ok(mnk_schema_file_parse(schema, sizeof schema - 1, "s.yaml", &s, NULL, &err));
    refused_with("side,x\ntrain,1\nleft,2\n", &(mnk_table_options){.schema = s},
                 "row 2, column side: 'left' is none of train, val, test, holdout");
    mnk_schema_close(s);
}

static void bytes(void **state) {
    (void)state;
    refused("\xff\xfe"
            "a",
            "UTF-16");
    refused("who,x\nJosé,1\nJos\xe9,2\n", "line 3, column 1: byte 0xe9 is not UTF-8, though other cells are");
    refused("who,x\na,1\nb,\x81\n", "line 3, column 2: byte 0x81 is not UTF-8 or Latin-1");
    refused_with("who,x\nJos\xe9,1\nb,2\n", &(mnk_table_options){.encoding = 1}, "line 2, column 1: byte 0xe9 is not UTF-8");
    refused("\xef\xbb\xbfwho,x\nJos\xe9,1\nb,2\n", "line 2, column 1: byte 0xe9 is not UTF-8"); /* the mark says UTF-8 */
}

static void columns_of_the_schema(void **state) {
    (void)state;
    mnk_table *train = accepted("age,sex,mrn\n1,m,a1\n2,f,a2\n", "train.csv", NULL), *t;
    mnk_table_options o = {.schema = train->schema};
    train->schema->column[2].type = MNK_COLUMN_ID;
    refused_with("age,sex,bmi,mrn\n1,m,20,a\n2,f,21,b\n", &o, "unknown: bmi");
    refused_with("age,mrn\n1,a\n2,b\n", &o, "missing: sex");
    says("train.csv");
    t = accepted("age,sex\n1,m\n2,f\n", "syn.csv", &o); /* nobody compares identifiers: they may be absent */
    assert_true(mnk_table_is_missing(t, 2, 0));
    mnk_table_close(t);
    mnk_table_close(accepted("age,sex,mrn\n,m,a1\n,f,a2\n", "syn.csv", &o)); /* judges say what an empty column is worth */
    refused_with("age,sex\n1,m\n2,f\n", &(mnk_table_options){.label_column = "died"},
                 "label: no column is called 'died'; it has age, sex");
    mnk_table_close(train);
}

/* The first twenty bad cells are told, by row, whatever thread finds them. */
static void many_bad_cells(void **state) {
    (void)state;
    static const char schema[] =
        "manikin_schema: 1\ncolumns:\n  - {name: x, type: numeric}\n  - {name: y, type: category, levels: [a]}\n";
    mnk_schema *s = NULL;
    mnk_text csv = {0};
    assert_ok(mnk_schema_file_parse(schema, sizeof schema - 1, "s.yaml", &s, NULL, &err));
    mnk_text_add(&csv, "x,y\n");
    for (int i = 1; i <= 300000; i++) mnk_text_printf(&csv, "%s,%s\n", i % 1000 ? "1" : "u", i % 1500 ? "a" : "b");
    mnk_table_options o = {.schema = s};
    refused_n(csv.s, csv.n, &o, "500 bad cells: row 1000, x: 'u' is not a number; row 1500, y: 'b' is no level; row 2000");
    mnk_text_clear(&csv);
    mnk_schema_close(s);
}

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* the machine may do other things too */
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void open_refused(const char *name, const mnk_table_options *o, mnk_status want, const char *words) {
    char path[1100];
    mnk_table *t = NULL;
    snprintf(path, sizeof path, "%s/%s", root, name);
    mnk_error_clear(&err);
    double start = seconds();
    mnk_status status = mnk_table_open(path, o, NULL, &t, &err);
    if (status == MNK_OK) fail_msg("%s was accepted", name);
    if (status != want) fail_msg("%s: status %d, %s", name, (int)status, err.message);
    assert_null(t);
    says(words);
    assert_true(seconds() - start < 10);
    assert_int_equal(strncmp(err.message, root, strlen(root)), 0);
}

/* A gigabyte without a line end, and two files that unpack to far more than they are. */
static void sizes(void **state) {
    (void)state;
    char path[1100];
    static char block[1 << 20];
    snprintf(path, sizeof path, "%s/line.csv", root);
    FILE *f = fopen(path, "wb");
    memset(block, 'x', sizeof block);
    for (int i = 0; i < 20; i++) fwrite(block, 1, sizeof block, f);
    assert_int_equal(ftruncate(fileno(f), (off_t)1 << 30), 0); /* the rest takes no room on the disk */
    fclose(f);
    open_refused("line.csv", NULL, MNK_ERR_INPUT, "line 1, column 1: no line end within 16 MiB");
    for (size_t i = 0; i < sizeof block; i++) block[i] = "1,2\n"[i % 4];
    snprintf(path, sizeof path, "%s/bomb.csv.gz", root);
    gzFile z = gzopen(path, "wb9");
    gzwrite(z, "a,b\n", 4);
    for (int i = 0; i < 100; i++) gzwrite(z, block, sizeof block);
    gzclose(z);
    open_refused("bomb.csv.gz", NULL, MNK_ERR_INPUT, "unpacks to more than 250 times its size");
    snprintf(path, sizeof path, "%s/cut.csv.gz", root);
    z = gzopen(path, "wb");
    for (int i = 0; i < 3000; i++) gzprintf(z, "%d,%d\n", i * 7919, i * 104729);
    gzclose(z);
    assert_int_equal(truncate(path, 5000), 0);
    open_refused("cut.csv.gz", NULL, MNK_ERR_INPUT, "damaged gzip file");
    snprintf(path, sizeof path, "%s/fits.csv", root);
    f = fopen(path, "wb");
    fprintf(f, "a,b\n");
    for (int i = 0; i < 100000; i++) fprintf(f, "%d,%d\n", i, i % 7);
    fclose(f);
    open_refused("fits.csv", &(mnk_table_options){.max_bytes = 1 << 20}, MNK_ERR_INPUT, "more than the 0.00 GiB allowed here");
    open_refused("nowhere.csv", NULL, MNK_ERR_INPUT, "cannot open");
    /* what is said to be needed is no less than what the columns take */
    assert_true(mnk_table_load_need("1,2,3\n1,2,3\n", 12, 12000) >= 12000 + 2000 * 3 * 8);
}

static void schema_refused(const char *yaml, mnk_status want, const char *words) {
    mnk_schema *s = NULL;
    mnk_error_clear(&err);
    mnk_status status = mnk_schema_file_parse(yaml, strlen(yaml), "s.yaml", &s, NULL, &err);
    if (status != want) fail_msg("status %d for '%s': %s", (int)status, yaml, err.message);
    assert_null(s);
    says(words);
}

static void schema_files(void **state) {
    (void)state;
    static const struct {
        const char *columns, *words;
    } cases[] = {
        {"  - {name: a, type: integr}\n", "s.yaml:3:21: unknown type \"integr\"; did you mean \"integer\"?"},
        {"  - {name: a, type: id, roles: [persn]}\n", "unknown role \"persn\"; did you mean \"person\"?"},
        {"  - {name: a, typ: id}\n", "s.yaml:3:15: unknown key \"typ\" in a column; did you mean \"type\"?"},
        {"  - {name: a}\n", "column \"a\" has no type"},
        {"  - {type: id}\n", "a column without name"},
        {"  - {name: a, type: id}\n  - {name: a, type: id}\n", "s.yaml:4:5: column \"a\" is given twice"},
        {"  - {name: a, type: integer, low: 5, high: 1}\n", "low is above high"},
        {"  - {name: a, type: integer, low: five}\n", "low: 'five' is not a number"},
        {"  - {name: a, type: integer, levels: [x]}\n", "integer columns have no levels"},
        {"  - {name: a, type: category, low: 1}\n", "category columns have no bounds"},
        {"  - {name: a, type: category, levels: [x, x]}\n", "level \"x\" is given twice"},
        {"  - {name: a, type: category, levels: [x], missing: [x]}\n", "\"x\" is a level and means missing"},
        {"  - {name: a, type: date, format: \"%Q\"}\n", "a date format is made of"},
        {"  - {name: a, type: date, low: yesterday}\n", "low: 'yesterday' is not a date"},
        {"  - {name: a, type: numeric, format: \"%Y\"}\n", "only dates have a format"},
        {"  - {name: a, type: numeric, decimals: 99}\n", "decimals must be between"},
        {"  - {name: a, type: id, open: maybe}\n", "open must be true or false"},
        {"  - {name: a, type: id, roles: [label]}\n  - {name: b, type: id, roles: [label]}\n",
         "two columns have the role label"},
        {"  - {name: a, type: numeric}\nrules: [\"b > 1\"]\n",
         "s.yaml:4:9: rule 'b > 1', character 1: no column is called 'b'"},
        {"  - a\n", "a column is a list of"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char yaml[400];
        snprintf(yaml, sizeof yaml, "manikin_schema: 1\ncolumns:\n%s", cases[i].columns);
        schema_refused(yaml, MNK_ERR_INPUT, cases[i].words);
    }
    schema_refused("columns: []\n", MNK_ERR_INPUT, "the line \"manikin_schema: 1\" is missing");
    schema_refused("manikin_schema: 1\n", MNK_ERR_INPUT, "the list \"columns:\" is missing");
    schema_refused("manikin_schema: one\n", MNK_ERR_INPUT, "s.yaml:1:17: manikin_schema: the version must be a number");
    schema_refused("manikin_schema: 2\ncolumns: []\n", MNK_ERR_VERSION,
                   "s.yaml:1:17: schema format 2; this program reads up to 1");
    assert_int_equal(mnk_status_exit_code(MNK_ERR_VERSION), 4);
    schema_refused("a: &x 1\n", MNK_ERR_INPUT, "anchors (&name) are not used in schema files");
}

/* A broken schema beside the table counts; a table is not written half. */
static void nothing_written(void **state) {
    (void)state;
    char csv[600], schema[600];
    char **names = NULL;
    size_t n = 0;
    snprintf(csv, sizeof csv, "%s/t.csv", root);
    snprintf(schema, sizeof schema, "%s/t.schema.yaml", root);
    assert_ok(mnk_file_write(csv, false, "a,b\n1,x\n2,y\n", 12, &err));
    assert_ok(mnk_file_write(schema, false, "manikin_schema: 9\n", 18, &err));
    open_refused("t.csv", NULL, MNK_ERR_VERSION, "t.schema.yaml:1:17: schema format 9");
    mnk_table *t = accepted("a,b\n1,x\n2,y\n", "mem.csv", NULL);
    assert_int_equal(mnk_table_write(t, csv, false, NULL, NULL), MNK_ERR_INPUT);
    snprintf(csv, sizeof csv, "%s/nowhere/t.csv", root);
    assert_int_equal(mnk_table_write(t, csv, false, NULL, NULL), MNK_ERR_IO);
    snprintf(csv, sizeof csv, "%s/t.csv.gz", root); /* its schema file would be the one that is there */
    assert_int_equal(mnk_table_write(t, csv, false, NULL, NULL), MNK_ERR_INPUT);
    mnk_error_clear(&err);
    assert_ok(mnk_dir_list(root, &names, &n, &err));
    assert_int_equal(n, 2);
    mnk_free(names);
    mnk_table_close(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(rows_and_headings, clean),
        cmocka_unit_test_setup(values, clean),
        cmocka_unit_test_setup(bytes, clean),
        cmocka_unit_test_setup(columns_of_the_schema, clean),
        cmocka_unit_test_setup(many_bad_cells, clean),
        cmocka_unit_test_setup(sizes, clean),
        cmocka_unit_test_setup(schema_files, clean),
        cmocka_unit_test_setup(nothing_written, clean),
    };
    return MNK_RUN_TESTS("table_bad", tests);
}
