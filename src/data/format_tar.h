/* The directory of a tar archive. */
#ifndef MNK_DATA_FORMAT_TAR_H
#define MNK_DATA_FORMAT_TAR_H

#include "data/listing.h"

/* n bytes behind a function that reads at an offset (all or nothing). */
typedef struct mnk_tar_source {
    bool (*read_at)(void *ctx, uint64_t at, void *bytes, size_t n);
    void *ctx;
    uint64_t n;
} mnk_tar_source;

/* Adds every regular file and folder to l; *links counts hard and symbolic links, which are left out. Messages begin with
 * what is wrong. */
mnk_status mnk_tar_list(const mnk_tar_source *s, mnk_listing *l, size_t *links, mnk_error *err) MNK_CHECK;

#endif
