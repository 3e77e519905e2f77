#include <stdlib.h>
#include <string.h>

#include "manikin/audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A keep expression over four items: what is kept must pass every word, and a refusal says why. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    double alpha[4] = {0, 0.5, 0.95, 2}, distance[4] = {0, 1, 2, 1e30};
    uint8_t authentic[4] = {0, 1, 0, 1}, inside[4] = {1, 1, 0, 0}, copy[4] = {1, 0, 0, 0};
    uint32_t nearest[4] = {0};
    const mnk_audit a = {.n = 4,
                         .alpha = alpha,
                         .authentic = authentic,
                         .nearest = nearest,
                         .distance = distance,
                         .inside = inside,
                         .copy = copy};
    mnk_error err = MNK_ERROR_INIT;
    mnk_keep keep;
    size_t row[4], dropped[5];
    char *text = malloc(size + 1);
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (mnk_keep_parse(text, &keep, &err) != MNK_OK) {
        if (!err.message[0]) abort();
    } else {
        const size_t n = mnk_keep_rows(&keep, &a, row, dropped);
        if (n > 4 || !(keep.alpha > 0) || keep.distance < 0) abort();
        for (size_t k = 0; k < n; k++)
            if (!mnk_keep_item(&keep, &a, row[k]) || (keep.authentic && !authentic[row[k]])) abort();
    }
    free(text);
    return 0;
}
