/* safetensors: 8-byte little-endian header length, JSON header (dtype, shape, data_offsets, "__metadata__" strings),
 * raw little-endian tensors. Read as hostile input: every offset, size and product is checked. */
#ifndef MNK_BASE_SAFETENSORS_H
#define MNK_BASE_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

typedef enum mnk_dtype { MNK_F32, MNK_F64, MNK_I32, MNK_I64, MNK_U8 } mnk_dtype;

typedef struct mnk_st_tensor {
    const char *name;
    mnk_dtype dtype;
    int rank;
    int64_t shape[8];
    size_t count;     /* elements */
    const void *data; /* reading: points into the handle; writing: caller's memory, alive until write returns */
} mnk_st_tensor;

typedef struct mnk_st_meta {
    const char *key, *value;
} mnk_st_meta;

/* Writes atomically. Tensors keep their order; names and keys must be unique. Bytes depend on the arguments alone. */
mnk_status mnk_st_write(const char *path, bool force, const mnk_st_tensor *tensors, size_t n, const mnk_st_meta *meta,
                        size_t n_meta, mnk_error *err) MNK_CHECK;

typedef struct mnk_st mnk_st;
mnk_status mnk_st_open(const char *path, mnk_st **out, mnk_error *err) MNK_CHECK;
mnk_status mnk_st_parse(const uint8_t *bytes, size_t n, const char *name_for_messages, mnk_st **out,
                        mnk_error *err) MNK_CHECK; /* copies */
void mnk_st_close(mnk_st *st);
size_t mnk_st_count(const mnk_st *st);
const mnk_st_tensor *mnk_st_at(const mnk_st *st, size_t i);
const mnk_st_tensor *mnk_st_find(const mnk_st *st, const char *name); /* NULL when absent */
const char *mnk_st_meta_get(const mnk_st *st, const char *key);       /* NULL when absent */

/* Models: metadata "format" = "manikin-model", "format_version", "kind", "manikin_version", … Refuses other formats and newer
 * versions in one sentence; kind NULL accepts any. */
#define MNK_MODEL_FORMAT_VERSION 1
mnk_status mnk_st_require_model(const mnk_st *st, const char *path, const char *kind, mnk_error *err) MNK_CHECK;

#endif
