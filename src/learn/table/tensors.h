/* Tensors of a model file with a prefix before their names, so that two models of one kind share a file. */
#ifndef MNK_LEARN_TABLE_TENSORS_H
#define MNK_LEARN_TABLE_TENSORS_H

#include "base/safetensors.h"

/* Writing: a growing list. The data are the caller's and must live until the file is written. */
typedef struct mnk_tensors {
    mnk_st_tensor *at;
    size_t n;
    const char *prefix; /* of the tensors to come: "rows." */
    void *owned[64];    /* blocks to release with the list */
    size_t owns;
} mnk_tensors;

/* A block of `count` things of `size` bytes that lives as long as the list: for what is put together for the file. */
mnk_status mnk_tensors_block(mnk_tensors *t, size_t count, size_t size, void **out, mnk_error *err) MNK_CHECK;

/* Adds a vector of `count` numbers, named prefix + name. */
mnk_status mnk_tensors_add(mnk_tensors *t, const char *name, mnk_dtype dtype, const void *data, size_t count,
                           mnk_error *err) MNK_CHECK;
/* Eight-byte numbers first, then four, then one: every tensor of the file is aligned. */
void mnk_tensors_align(mnk_tensors *t);
void mnk_tensors_clear(mnk_tensors *t);

/* Reading. */
typedef struct mnk_tensors_in {
    const mnk_st *st;
    const char *prefix, *path; /* path for messages */
} mnk_tensors_in;

/* A vector of this type. `count` SIZE_MAX: any length; the length goes to *n (NULL allowed). Damaged: MNK_ERR_INPUT. The
 * pointer lives as long as the file's handle. */
mnk_status mnk_tensors_get(const mnk_tensors_in *in, const char *name, mnk_dtype dtype, size_t count, const void **data,
                           size_t *n, mnk_error *err) MNK_CHECK;
/* The same as a copy of the caller's own (mnk_free). */
mnk_status mnk_tensors_copy(const mnk_tensors_in *in, const char *name, mnk_dtype dtype, size_t count, void **data, size_t *n,
                            mnk_error *err) MNK_CHECK;
/* MNK_ERR_INPUT: "PATH: damaged: …" with the advice to fetch it anew. */
mnk_status mnk_tensors_damaged(const mnk_tensors_in *in, const char *what, mnk_error *err);

#endif
