#include <stdlib.h>
#include <string.h>

#include "data/schema_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Any bytes give a schema or an error with a message; a schema is written and reads back to the same text. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_schema *s = NULL, *again = NULL;
    mnk_text one = {0}, two = {0};
    mnk_status status = mnk_schema_file_parse((const char *)data, size, "fuzz.yaml", &s, NULL, &err);
    if ((status == MNK_OK) != (s != NULL)) abort();
    if (!s) {
        if (!err.message[0]) abort();
        return 0;
    }
    if (mnk_schema_file_text(s, NULL, &one, &err) != MNK_OK) abort();
    if (mnk_schema_file_parse(one.s, one.n, "again.yaml", &again, NULL, &err) != MNK_OK) abort();
    if (mnk_schema_file_text(again, NULL, &two, &err) != MNK_OK || one.n != two.n || memcmp(one.s, two.s, one.n) != 0) abort();
    mnk_schema_close(s);
    mnk_schema_close(again);
    mnk_text_clear(&one);
    mnk_text_clear(&two);
    return 0;
}
