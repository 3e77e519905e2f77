/* A reader of zip archives for .npz files: members stored or deflated, sizes and offsets also in zip64 form. The stream
 * stays the caller's. Every offset is checked against the file, every size against what the packing can yield. */
#ifndef MNK_DATA_ZIP_H
#define MNK_DATA_ZIP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

#define MNK_ZIP_MEMBERS_MAX 4096

typedef struct mnk_zip_member {
    const char *name; /* lives as long as the archive */
    int method;       /* 0 stored, 8 deflated */
    uint32_t crc;
    uint64_t packed, size; /* bytes in the file, bytes unpacked */
    uint64_t header;       /* offset of the local header */
} mnk_zip_member;

typedef struct mnk_zip mnk_zip;
/* Reads the directory. Messages begin with what is wrong, not with the file's name: the caller knows it. */
mnk_status mnk_zip_open(FILE *f, mnk_zip **out, mnk_error *err) MNK_CHECK;
void mnk_zip_close(mnk_zip *z);
size_t mnk_zip_count(const mnk_zip *z);
const mnk_zip_member *mnk_zip_at(const mnk_zip *z, size_t i);
const mnk_zip_member *mnk_zip_find(const mnk_zip *z, const char *name); /* NULL when absent */

/* One member as a stream; one stream at a time per archive. */
typedef struct mnk_zip_stream mnk_zip_stream;
mnk_status mnk_zip_stream_open(mnk_zip *z, const mnk_zip_member *m, mnk_zip_stream **out, mnk_error *err) MNK_CHECK;
/* Exactly n bytes, or an error. */
mnk_status mnk_zip_stream_read(mnk_zip_stream *s, void *bytes, size_t n, mnk_error *err) MNK_CHECK;
/* Bytes not read yet. */
uint64_t mnk_zip_stream_left(const mnk_zip_stream *s);
/* After the last byte: compares the checksum. */
mnk_status mnk_zip_stream_finish(mnk_zip_stream *s, mnk_error *err) MNK_CHECK;
void mnk_zip_stream_close(mnk_zip_stream *s);

#endif
