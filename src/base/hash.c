#include "base/hash.h"

#include <errno.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct mnk_hash {
    crypto_generichash_state *state; /* wants 64-byte alignment */
};

mnk_hash *mnk_hash_open(void) {
    mnk_hash *h = mnk_alloc(1, sizeof *h);
    if (!h || !(h->state = mnk_alloc_aligned(1, crypto_generichash_statebytes()))) {
        mnk_free(h);
        return NULL;
    }
    crypto_generichash_init(h->state, NULL, 0, 32);
    return h;
}

void mnk_hash_add(mnk_hash *h, const void *bytes, size_t n) { crypto_generichash_update(h->state, bytes, n); }

void mnk_hash_add_text(mnk_hash *h, const char *s) {
    uint64_t n = strlen(s);
    mnk_hash_add(h, &n, sizeof n);
    mnk_hash_add(h, s, n);
}

void mnk_hash_finish(mnk_hash *h, char out[MNK_HASH_TEXT]) {
    unsigned char digest[32];
    crypto_generichash_final(h->state, digest, sizeof digest);
    memcpy(out, "blake2b:", 8);
    sodium_bin2hex(out + 8, 65, digest, sizeof digest);
    mnk_free(h->state);
    mnk_free(h);
}

void mnk_hash_bytes(const void *bytes, size_t n, char out[MNK_HASH_TEXT]) {
    unsigned char digest[32];
    crypto_generichash(digest, sizeof digest, bytes, n, NULL, 0);
    memcpy(out, "blake2b:", 8);
    sodium_bin2hex(out + 8, 65, digest, sizeof digest);
}

mnk_status mnk_hash_file(const char *path, char out[MNK_HASH_TEXT], mnk_error *err) {
    FILE *f = fopen(path, "rb");
    if (!f) return MNK_FAIL(err, MNK_ERR_INPUT, "%s: cannot open: %s", path, strerror(errno));
    mnk_hash *h = mnk_hash_open();
    unsigned char *buffer = mnk_alloc(1 << 16, 1);
    mnk_status status = h && buffer ? MNK_OK : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    size_t n = 0;
    while (status == MNK_OK && (n = fread(buffer, 1, 1 << 16, f)) > 0) mnk_hash_add(h, buffer, n);
    if (status == MNK_OK && ferror(f)) status = MNK_FAIL(err, MNK_ERR_IO, "%s: cannot read: %s", path, strerror(errno));
    if (h) mnk_hash_finish(h, out);
    mnk_free(buffer);
    fclose(f);
    return status;
}
