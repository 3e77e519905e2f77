#include <stddef.h>
#include <stdint.h>

#include "base/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_st *st = NULL;
    if (mnk_st_parse(data, size, "fuzz", &st, &err) != MNK_OK) return 0;
    double sum = 0;
    for (size_t i = 0; i < mnk_st_count(st); i++) { /* touch every byte that the parser vouches for */
        const mnk_st_tensor *t = mnk_st_at(st, i);
        static const size_t bytes[] = {[MNK_F32] = 4, [MNK_F64] = 8, [MNK_I32] = 4, [MNK_I64] = 8, [MNK_U8] = 1};
        const uint8_t *p = t->data;
        for (size_t k = 0; k < t->count * bytes[t->dtype]; k++) sum += p[k];
    }
    mnk_status status = mnk_st_require_model(st, "fuzz", "gan", &err);
    mnk_st_close(st);
    return status == MNK_OK && sum < 0 ? 1 : 0;
}
