#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "evaluate/encoding.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte is the number of rows that the images ask for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mnk_error err = MNK_ERROR_INIT;
    float *x = NULL;
    size_t d = 0;
    if (size < 1) return 0;
    if (mnk_features_parse(data + 1, size - 1, "fuzz", data[0], &x, &d, &err) == MNK_OK) mnk_free(x);
    return 0;
}
