#include <stdio.h>
#include <stdlib.h>

#include "base/parallel.h"
#include "data/open.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mnk_images_options options = {.max_bytes = 1 << 24, .size = size % 3 == 0 ? 5 : 0, .groups_within_class = size % 2 == 0};
    mnk_open_request request = {.path = "fuzz.npz", .options = &options};
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *d = NULL;
    FILE *f = size ? fmemopen((void *)(uintptr_t)data, size, "rb") : NULL;
    if (!f) return 0;
    mnk_status status = mnk_npz_read(f, &request, &d, &err);
    fclose(f);
    if (status != MNK_OK) {
        if (!err.message[0] || d) abort();
        return 0;
    }
    for (size_t i = 0; i < d->n; i++)
        if (d->label[i] < 0 || d->label[i] >= d->classes || !d->name[i]) abort();
    mnk_images_rehash(d); /* reads every pixel */
    mnk_images_close(d);
    return 0;
}
