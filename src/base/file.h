/* Files: read whole with a cap, write atomically (temporary name, fsync, rename, fsync of the folder). */
#ifndef MNK_BASE_FILE_H
#define MNK_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/* Reads a whole file; refuses more than max_bytes. *out ends in a NUL that *n does not count. Release with mnk_free. */
mnk_status mnk_file_read(const char *path, size_t max_bytes, uint8_t **out, size_t *n, mnk_error *err) MNK_CHECK;

/* An output that appears under its name only when commit succeeds; abort (or close without commit) leaves nothing. */
typedef struct mnk_outfile mnk_outfile;

/* Refuses an existing `path` unless `force`. The message says so and the hint names --force. */
mnk_status mnk_outfile_open(const char *path, bool force, mnk_outfile **out, mnk_error *err) MNK_CHECK;
FILE *mnk_outfile_stream(mnk_outfile *f);
mnk_status mnk_outfile_write(mnk_outfile *f, const void *bytes, size_t n, mnk_error *err) MNK_CHECK;
/* Flushes, fsyncs and renames; closes f in every case. A full disk is reported here or in write. */
mnk_status mnk_outfile_commit(mnk_outfile *f, mnk_error *err) MNK_CHECK;
void mnk_outfile_abort(mnk_outfile *f);

/* The three calls above in one; `force` as in open. */
mnk_status mnk_file_write(const char *path, bool force, const void *bytes, size_t n, mnk_error *err) MNK_CHECK;

/* Makes a new name in the folder of `path` durable. */
void mnk_dir_sync_of(const char *path);

bool mnk_path_exists(const char *path);
bool mnk_path_is_dir(const char *path);
/* Makes the folder and its parents. */
mnk_status mnk_dir_make(const char *path, mnk_error *err) MNK_CHECK;
/* Fails with MNK_ERR_INPUT when the folder exists and is not empty, unless `force`; makes it otherwise. */
mnk_status mnk_dir_claim(const char *path, bool force, mnk_error *err) MNK_CHECK;
/* Deletes a folder and all below it; missing is fine. Never follows links. */
mnk_status mnk_dir_remove(const char *path, mnk_error *err) MNK_CHECK;
/* Sorted (strcmp) names in a folder, without "." and ".."; *names is one block, release with mnk_free. */
mnk_status mnk_dir_list(const char *path, char ***names, size_t *n, mnk_error *err) MNK_CHECK;

/* Last component, and the extension with its dot ("" when none). Pointers into path. */
const char *mnk_path_base(const char *path);
const char *mnk_path_ext(const char *path);

#endif
