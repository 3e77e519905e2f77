#include <stdlib.h>
#include <string.h>

#include "data/schema_file.h"
#include "data/table_open.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any bytes give a table or an error with a message; a table's schema is written, read again, and reads the same bytes to the
 * same table. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *t = NULL, *again = NULL;
    mnk_schema *s = NULL;
    mnk_text text = {0};
    mnk_result *r = NULL;
    char cell[64];
    mnk_status status = mnk_table_parse((const char *)data, size, "fuzz.csv", NULL, &t, &err);
    if ((status == MNK_OK) != (t != NULL)) abort();
    if (!t) {
        if (!err.message[0]) abort();
        return 0;
    }
    for (size_t c = 0; c < t->schema->columns; c++)
        for (size_t i = 0; i < t->n; i++) mnk_table_cell(t, c, i, cell);
    if (mnk_result_open("data", 0, &r, &err) != MNK_OK || mnk_table_describe(t, NULL, r, &err) != MNK_OK) abort();
    if (mnk_schema_file_text(t->schema, NULL, &text, &err) != MNK_OK) abort();
    if (mnk_schema_file_parse(text.s, text.n, "fuzz.schema.yaml", &s, NULL, &err) != MNK_OK) abort();
    mnk_table_options o = {.schema = s};
    if (mnk_table_parse((const char *)data, size, "fuzz.csv", &o, &again, &err) != MNK_OK) abort();
    if (strcmp(again->hash, t->hash) != 0) abort();
    mnk_table_close(t);
    mnk_table_close(again);
    mnk_schema_close(s);
    mnk_result_close(r);
    mnk_text_clear(&text);
    return 0;
}
