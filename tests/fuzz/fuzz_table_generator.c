/* Models of tables: schema, recoding, trees and leaves in a safetensors file; what opens must draw. */
#include <stddef.h>
#include <stdint.h>

#include "learn/table/generator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_st *st = NULL;
    mnk_table_generator *g = NULL;
    mnk_table *t = NULL;
    if (mnk_st_parse(data, size, "fuzz", &st, &err) != MNK_OK) return 0;
    mnk_status status = mnk_table_generator_open_st(st, "fuzz", &g, &err);
    mnk_st_close(st);
    if (status != MNK_OK) return 0;
    mnk_table_sample_options o = {.n = 5, .seed = 1};
    if (mnk_table_generator_describe(g)->schema->rules == 0) /* rules that are never met would take their time */
        (void)!mnk_table_generator_sample(g, &o, NULL, &t, NULL, &err);
    mnk_table_close(t);
    mnk_table_generator_close(g);
    return 0;
}
