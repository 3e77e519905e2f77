#include "table_tests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "test.h"

enum { NUMBERS = 30, ROWS = 569 };

mnk_table *test_breast_cancer(void) {
    const char *path = test_real_data("tables_small/breast_cancer_wdbc.csv");
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *schema = NULL;
    mnk_table *t = NULL;
    char line[4096], name[8];
    FILE *f = path ? fopen(path, "r") : NULL;
    int32_t code = 0;
    if (!f) return NULL;
    assert_ok(mnk_schema_new(NUMBERS + 1, &schema, &err));
    for (int c = 0; c < NUMBERS; c++) {
        snprintf(name, sizeof name, "c%d", c);
        assert_ok(mnk_schema_text(&schema->column[c].name, name, &err));
    }
    assert_ok(mnk_schema_text(&schema->column[NUMBERS].name, "class", &err));
    schema->column[NUMBERS].type = MNK_COLUMN_CATEGORY;
    schema->column[NUMBERS].roles = MNK_COLUMN_IS_LABEL;
    assert_ok(mnk_schema_add_level(schema, NUMBERS, "malignant", &code, &err));
    assert_ok(mnk_schema_add_level(schema, NUMBERS, "benign", &code, &err));
    assert_ok(mnk_table_new(schema, ROWS, &t, &err));
    mnk_schema_close(schema);
    assert_non_null(fgets(line, sizeof line, f)); /* "569,30,malignant,benign" */
    for (size_t i = 0; i < ROWS; i++) {
        assert_non_null(fgets(line, sizeof line, f));
        char *at = line;
        for (int c = 0; c < NUMBERS; c++, at++) t->number[c][i] = strtod(at, &at);
        t->code[NUMBERS][i] = (int32_t)strtol(at, NULL, 10);
    }
    fclose(f);
    assert_ok(mnk_table_finish(t, &err));
    return t;
}

mnk_table *test_every(const mnk_table *t, size_t first, size_t k, bool others) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *out = NULL;
    size_t *row = mnk_alloc(t->n, sizeof *row), n = 0;
    for (size_t i = 0; i < t->n; i++)
        if ((i % k == first) != others) row[n++] = i;
    assert_ok(mnk_table_select(t, row, n, &out, &err));
    mnk_free(row);
    return out;
}
