#include <stdlib.h>
#include <string.h>

#include "base/parallel.h"
#include "data/format_tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *archive;
static size_t archive_bytes;

static bool read_at(void *ctx, uint64_t at, void *bytes, size_t n) {
    (void)ctx;
    if (at > archive_bytes || n > archive_bytes - at) return false;
    memcpy(bytes, archive + at, n);
    return true;
}

static mnk_status fetch(const mnk_listing *l, const mnk_entry *e, size_t max_bytes, uint8_t **out, size_t *n, mnk_error *err) {
    (void)l;
    *n = (size_t)e->bytes;
    if (e->bytes > max_bytes || e->offset > archive_bytes || e->bytes > archive_bytes - e->offset)
        abort(); /* the directory vouched */
    if (!(*out = mnk_alloc(*n + 1, 1))) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    memcpy(*out, archive + e->offset, *n);
    return MNK_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    mnk_images_options options = {.max_bytes = 1 << 22, .skip_bad = size % 2 == 0};
    mnk_open_request request = {.path = "fuzz.tar", .options = &options};
    mnk_tar_source source = {.read_at = read_at, .n = size};
    mnk_error err = MNK_ERROR_INIT;
    mnk_listing l;
    mnk_images *d = NULL;
    size_t links = 0;
    archive = data;
    archive_bytes = size;
    mnk_threads_set(1);
    if (mnk_listing_init(&l, "fuzz.tar", &err) != MNK_OK) return 0;
    l.fetch = fetch;
    mnk_status status = mnk_tar_list(&source, &l, &links, &err);
    if (status == MNK_OK) {
        mnk_listing_sort(&l);
        mnk_listing_strip(&l);
        status = mnk_listing_load(&l, NULL, &request, &d, &err);
    }
    if (status != MNK_OK && (!err.message[0] || d)) abort();
    mnk_images_close(d);
    mnk_listing_clear(&l);
    return 0;
}
