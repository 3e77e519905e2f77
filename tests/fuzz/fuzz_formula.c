#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "evaluate/models/formula.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any text is a model over these columns, or an error with a message; a model's columns exist and none is its own outcome. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"age", "sex", "died", "d.time", "two words", "a+b"};
    enum { COLUMNS = sizeof names / sizeof *names };
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s = NULL;
    mnk_formula f;
    if (mnk_schema_new(COLUMNS, &s, &err) != MNK_OK) abort();
    for (size_t c = 0; c < COLUMNS; c++)
        if (mnk_schema_text(&s->column[c].name, names[c], &err) != MNK_OK) abort();
    char *text = mnk_alloc(size + 1, 1);
    if (!text) abort();
    if (size) memcpy(text, data, size);
    if (mnk_formula_parse(text, s, &f, &err) == MNK_OK) {
        if (f.outcome >= COLUMNS || f.event >= COLUMNS || f.terms < 1 || f.terms > COLUMNS) abort();
        for (int k = 0; k < f.terms; k++)
            if (f.term[k] >= COLUMNS || f.term[k] == f.outcome) abort();
    } else if (!err.message[0]) abort();
    mnk_free(text);
    mnk_schema_close(s);
    return 0;
}
