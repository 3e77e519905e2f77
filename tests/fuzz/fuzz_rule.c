#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/table_open.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char csv[] =
    "age,sex,stage,admitted,discharged,note,two words\n"
    "63,male,I,2020-01-02,2020-01-05,x1,a\n41,female,II,2020-03-01,,x2,b\n,male,III,2020-03-01,2020-02-01,x3,a\n"
    "80,,IV,,2020-02-01,x4,b\n";

/* Any text is a rule over this table or an error with a message; a rule says 1, 0 or -1 of every row. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_table *t = NULL;
    mnk_rule *r = NULL;
    if (mnk_table_parse(csv, sizeof csv - 1, "fuzz.csv", NULL, &t, &err) != MNK_OK) abort();
    char *text = mnk_alloc(size + 1, 1);
    if (!text) abort();
    if (size) memcpy(text, data, size);
    mnk_status status = mnk_rule_parse(text, t->schema, &r, &err);
    if ((status == MNK_OK) != (r != NULL) || (!r && !err.message[0])) abort();
    for (size_t i = 0; r && i < t->n; i++) {
        int x = mnk_rule_row(r, t, i);
        if (x < -1 || x > 1) abort();
    }
    mnk_rule_close(r);
    mnk_table_close(t);
    mnk_free(text);
    return 0;
}
