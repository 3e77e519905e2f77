/* BLAKE2b-256 over libsodium, as hexadecimal text. */
#ifndef MNK_BASE_HASH_H
#define MNK_BASE_HASH_H

#include <stddef.h>

#include "base/error.h"

#define MNK_HASH_TEXT 73 /* "blake2b:" + 64 hex digits + NUL */

typedef struct mnk_hash mnk_hash;
mnk_hash *mnk_hash_open(void); /* NULL when memory is short */
void mnk_hash_add(mnk_hash *h, const void *bytes, size_t n);
/* Adds the length first, so that ("ab","c") and ("a","bc") differ. */
void mnk_hash_add_text(mnk_hash *h, const char *s);
/* Writes "blake2b:<hex>" and closes h. */
void mnk_hash_finish(mnk_hash *h, char out[MNK_HASH_TEXT]);

void mnk_hash_bytes(const void *bytes, size_t n, char out[MNK_HASH_TEXT]);
mnk_status mnk_hash_file(const char *path, char out[MNK_HASH_TEXT], mnk_error *err) MNK_CHECK;

#endif
