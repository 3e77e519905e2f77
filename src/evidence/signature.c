/* Ed25519 signatures in minisign's file formats, so that anybody can check evidence without manikin.
 *
 * public key  untrusted comment line, base64("Ed" number[8] key[32])
 * secret key  untrusted comment line, base64("Ed" kdf[2] "B2" salt[32] ops[8] mem[8] number[8] key[64] checksum[32]);
 *             kdf 0,0: not encrypted; checksum BLAKE2b-256("Ed" number key)
 * signature   untrusted comment line, base64("ED" number[8] signature[64] of BLAKE2b-512(file)), trusted comment line,
 *             base64(signature[64] of the first signature and the comment); "Ed" instead of "ED" signs the file itself */
#include "manikin/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

enum { PUBLIC_BYTES = 42, SECRET_BYTES = 158, SIGNATURE_BYTES = 74, KEY_FILE_MAX = 4096, SIGNED_FILE_MAX = 256 << 20 };

static const char untrusted[] = "untrusted comment: ";
static const char trusted[] = "trusted comment: ";

static mnk_status start(mnk_error *err) {
    return sodium_init() < 0 ? MNK_FAIL(err, MNK_ERR_FAILED, "the system's random source cannot be opened (libsodium)")
                             : MNK_OK;
}

static bool decode(const char *text, size_t n, uint8_t *out, size_t want) {
    size_t got = 0;
    const char *end = NULL;
    return sodium_base642bin(out, want, text, n, NULL, &got, &end, sodium_base64_VARIANT_ORIGINAL) == 0 && got == want &&
           end == text + n;
}

/* The next line of *p, without its end; false when there is none. */
static bool next_line(const char **p, const char **line, size_t *n) {
    if (!**p) return false;
    *line = *p;
    *n = strcspn(*p, "\n");
    *p += *n + ((*p)[*n] == '\n');
    if (*n && (*line)[*n - 1] == '\r') --*n;
    return true;
}

static bool has_prefix(const char *line, size_t n, const char *prefix) {
    return n >= strlen(prefix) && memcmp(line, prefix, strlen(prefix)) == 0;
}

static void checksum(const uint8_t record[SECRET_BYTES], uint8_t out[32]) {
    crypto_generichash_state h;
    crypto_generichash_init(&h, NULL, 0, 32);
    crypto_generichash_update(&h, record, 2);           /* "Ed" */
    crypto_generichash_update(&h, record + 54, 8 + 64); /* number, key */
    crypto_generichash_final(&h, out, 32);
}

static void key_number_text(const mnk_key *k, char out[17]) {
    for (int i = 0; i < 8; i++) snprintf(out + 2 * i, 3, "%02X", k->number[7 - i]); /* little-endian, as minisign shows it */
}

void mnk_key_public_text(const mnk_key *k, char out[MNK_PUBLIC_KEY_TEXT]) {
    uint8_t record[PUBLIC_BYTES] = {'E', 'd'};
    memcpy(record + 2, k->number, 8);
    memcpy(record + 10, k->open, 32);
    sodium_bin2base64(out, MNK_PUBLIC_KEY_TEXT, record, sizeof record, sodium_base64_VARIANT_ORIGINAL);
}

void mnk_key_clear(mnk_key *k) {
    if (k) sodium_memzero(k, sizeof *k);
}

/* A new file that nobody else can read from its first byte on. */
static mnk_status write_private(const char *path, const char *text, size_t n, mode_t mode, mnk_error *err) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return MNK_FAIL(err, errno == EEXIST ? MNK_ERR_INPUT : MNK_ERR_IO, "%s: cannot create: %s", path, strerror(errno));
    ssize_t written = write(fd, text, n);
    bool bad = written < 0 || (size_t)written != n || fsync(fd) != 0;
    int e = errno;
    if (close(fd) != 0) bad = true;
    if (!bad) return MNK_OK;
    (void)unlink(path);
    return MNK_FAIL(err, MNK_ERR_IO, "%s: cannot write: %s", path, strerror(e));
}

mnk_status mnk_key_make(const char *path, mnk_key *out, mnk_error *err) {
    MNK_TRY(start(err));
    memset(out, 0, sizeof *out);
    char folder[1024], open_path[1024], number[17];
    if (strlen(path) + 8 > sizeof folder) return MNK_FAIL(err, MNK_ERR_INPUT, "%s: name too long", path);
    snprintf(folder, sizeof folder, "%s", path);
    char *slash = strrchr(folder, '/');
    if (slash && slash != folder) {
        *slash = '\0';
        MNK_TRY(mnk_dir_make(folder, err));
    }
    size_t stem = strlen(path);
    if (strcmp(mnk_path_ext(path), ".key") == 0) stem -= 4;
    snprintf(open_path, sizeof open_path, "%.*s.pub", (int)stem, path);
    if (mnk_path_exists(path) || mnk_path_exists(open_path))
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: exists already; keys are never overwritten",
                        mnk_path_exists(path) ? path : open_path);

    uint8_t record[SECRET_BYTES] = {'E', 'd', 0, 0, 'B', '2'};
    char text[512], base64[256];
    randombytes_buf(out->number, sizeof out->number);
    crypto_sign_keypair(out->open, out->secret);
    memcpy(record + 54, out->number, 8);
    memcpy(record + 62, out->secret, 64);
    checksum(record, record + 126);
    key_number_text(out, number);
    sodium_bin2base64(base64, sizeof base64, record, sizeof record, sodium_base64_VARIANT_ORIGINAL);
    snprintf(text, sizeof text, "%sminisign secret key %s (made by manikin, not encrypted)\n%s\n", untrusted, number, base64);
    mnk_status status = write_private(path, text, strlen(text), 0600, err);
    sodium_memzero(record, sizeof record);
    sodium_memzero(text, sizeof text);
    sodium_memzero(base64, sizeof base64);
    if (status == MNK_OK) {
        char open_text[MNK_PUBLIC_KEY_TEXT];
        mnk_key_public_text(out, open_text);
        snprintf(text, sizeof text, "%sminisign public key %s\n%s\n", untrusted, number, open_text);
        status = write_private(open_path, text, strlen(text), 0644, err);
    }
    if (status != MNK_OK) mnk_key_clear(out);
    return status;
}

mnk_status mnk_key_read(const char *path, mnk_key *out, mnk_error *err) {
    MNK_TRY(start(err));
    memset(out, 0, sizeof *out);
    struct stat st;
    if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 077)) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: the secret key can be read by other users (mode %03o)", path,
                                     (unsigned)st.st_mode & 0777);
        mnk_error_hint(err, "chmod 600 %s", path);
        return status;
    }
    uint8_t *bytes = NULL, record[SECRET_BYTES], sum[32];
    size_t n = 0;
    MNK_TRY(mnk_file_read(path, KEY_FILE_MAX, &bytes, &n, err));
    const char *p = (const char *)bytes, *line = NULL;
    size_t length = 0;
    mnk_status status = MNK_OK;
    bool is_key = next_line(&p, &line, &length) && has_prefix(line, length, untrusted) && next_line(&p, &line, &length) &&
                  decode(line, length, record, sizeof record) && memcmp(record, "Ed", 2) == 0;
    if (!is_key) {
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: not a minisign secret key", path);
    } else if (record[2] || record[3]) {
        status = MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "%s: the secret key is protected by a password", path);
        mnk_error_hint(err, "run with --no-sign, then: minisign -S -s %s -m DIR/manifest.json", path);
    } else {
        checksum(record, sum);
        memcpy(out->number, record + 54, 8);
        memcpy(out->secret, record + 62, 64);
        crypto_sign_ed25519_sk_to_pk(out->open, out->secret);
        if (memcmp(record + 4, "B2", 2) != 0 || sodium_memcmp(sum, record + 126, 32) != 0)
            status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: damaged: the checksum of the secret key does not match", path);
    }
    sodium_memzero(record, sizeof record);
    sodium_memzero(bytes, n);
    mnk_free(bytes);
    if (status != MNK_OK) mnk_key_clear(out);
    return status;
}

mnk_status mnk_key_read_public(const char *text, mnk_key *out, mnk_error *err) {
    MNK_TRY(start(err));
    memset(out, 0, sizeof *out);
    uint8_t record[PUBLIC_BYTES], *bytes = NULL;
    bool good = strlen(text) == MNK_PUBLIC_KEY_TEXT - 1 && decode(text, strlen(text), record, sizeof record);
    if (!good && mnk_path_exists(text)) {
        size_t n = 0, length = 0;
        MNK_TRY(mnk_file_read(text, KEY_FILE_MAX, &bytes, &n, err));
        const char *p = (const char *)bytes, *line = NULL;
        good = next_line(&p, &line, &length) && has_prefix(line, length, untrusted) && next_line(&p, &line, &length) &&
               decode(line, length, record, sizeof record);
        mnk_free(bytes);
    }
    if (!good || memcmp(record, "Ed", 2) != 0)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%.100s: neither a minisign public key (56 characters, RW…) nor a file with one",
                        text);
    memcpy(out->number, record + 2, 8);
    memcpy(out->open, record + 10, 32);
    return MNK_OK;
}

static mnk_status prehash(const char *path, uint8_t out[64], mnk_error *err) {
    uint8_t *bytes = NULL;
    size_t n = 0;
    MNK_TRY(mnk_file_read(path, SIGNED_FILE_MAX, &bytes, &n, err));
    crypto_generichash(out, 64, bytes, n, NULL, 0);
    mnk_free(bytes);
    return MNK_OK;
}

mnk_status mnk_sign_file(const char *path, const mnk_key *k, const char *trusted_comment, mnk_error *err) {
    MNK_TRY(start(err));
    if (strpbrk(trusted_comment, "\r\n") || strlen(trusted_comment) > 255)
        return MNK_FAIL(err, MNK_ERR_USAGE, "the trusted comment must be one line of at most 255 bytes");
    if (sodium_is_zero(k->secret, sizeof k->secret)) return MNK_FAIL(err, MNK_ERR_USAGE, "%s: a public key cannot sign", path);
    uint8_t digest[64], record[SIGNATURE_BYTES] = {'E', 'D'}, both[64 + 256], global[64];
    MNK_TRY(prehash(path, digest, err));
    memcpy(record + 2, k->number, 8);
    crypto_sign_detached(record + 10, NULL, digest, sizeof digest, k->secret);
    size_t n = strlen(trusted_comment);
    memcpy(both, record + 10, 64);
    memcpy(both + 64, trusted_comment, n);
    crypto_sign_detached(global, NULL, both, 64 + n, k->secret);

    char first[128], second[128], name[1100];
    sodium_bin2base64(first, sizeof first, record, sizeof record, sodium_base64_VARIANT_ORIGINAL);
    sodium_bin2base64(second, sizeof second, global, sizeof global, sodium_base64_VARIANT_ORIGINAL);
    if ((size_t)snprintf(name, sizeof name, "%s.minisig", path) >= sizeof name)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: name too long", path);
    mnk_text t = {0};
    mnk_text_printf(&t, "%ssignature from manikin\n%s\n%s%s\n%s\n", untrusted, first, trusted, trusted_comment, second);
    mnk_status status = t.failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory") : mnk_file_write(name, true, t.s, t.n, err);
    mnk_text_clear(&t);
    return status;
}

typedef struct signature {
    uint8_t record[SIGNATURE_BYTES], global[64];
    char comment[256];
} signature;

static mnk_status read_signature(const char *name, signature *s, mnk_error *err) {
    uint8_t *bytes = NULL;
    size_t n = 0, length = 0;
    MNK_TRY(mnk_file_read(name, KEY_FILE_MAX, &bytes, &n, err));
    const char *p = (const char *)bytes, *line = NULL;
    bool good = strlen(p) == n && next_line(&p, &line, &length) && has_prefix(line, length, untrusted);
    /* minisign does not protect this line; only the two texts that programs write by themselves are let through */
    size_t skip = strlen(untrusted);
    if (good && !(length - skip == 22 && has_prefix(line + skip, length - skip, "signature from manikin")) &&
        !(length - skip == 34 && has_prefix(line + skip, length - skip, "signature from minisign secret key"))) {
        mnk_free(bytes);
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: the untrusted comment was changed (no signature protects it)", name);
    }
    good = good && next_line(&p, &line, &length) && decode(line, length, s->record, sizeof s->record) && s->record[0] == 'E' &&
           (s->record[1] == 'D' || s->record[1] == 'd') && next_line(&p, &line, &length) && has_prefix(line, length, trusted) &&
           length - strlen(trusted) < sizeof s->comment;
    if (good) {
        snprintf(s->comment, sizeof s->comment, "%.*s", (int)(length - strlen(trusted)), line + strlen(trusted));
        good = next_line(&p, &line, &length) && decode(line, length, s->global, sizeof s->global) && !*p;
    }
    mnk_free(bytes);
    return good ? MNK_OK : MNK_FAIL(err, MNK_ERR_INPUT, "%s: not a minisign signature", name);
}

static mnk_status check_signature(const char *path, const signature *s, const mnk_key *k, mnk_error *err) {
    uint8_t digest[64], both[64 + 256];
    if (memcmp(s->record + 2, k->number, 8) != 0) {
        char have[17], want[17];
        mnk_key other = {0};
        memcpy(other.number, s->record + 2, 8);
        key_number_text(&other, have);
        key_number_text(k, want);
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: signed by another key (%s) than the one given (%s)", path, have, want);
    }
    int bad = 0;
    if (s->record[1] == 'D') {
        MNK_TRY(prehash(path, digest, err));
        bad = crypto_sign_verify_detached(s->record + 10, digest, sizeof digest, k->open);
    } else {
        uint8_t *bytes = NULL;
        size_t n = 0;
        MNK_TRY(mnk_file_read(path, SIGNED_FILE_MAX, &bytes, &n, err));
        bad = crypto_sign_verify_detached(s->record + 10, bytes, n, k->open);
        mnk_free(bytes);
    }
    if (bad) return MNK_FAIL(err, MNK_ERR_INPUT, "%s: the signature does not fit: the file was changed after signing", path);
    memcpy(both, s->record + 10, 64);
    memcpy(both + 64, s->comment, strlen(s->comment));
    if (crypto_sign_verify_detached(s->global, both, 64 + strlen(s->comment), k->open))
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s.minisig: the trusted comment was changed after signing", path);
    return MNK_OK;
}

mnk_status mnk_verify_file(const char *path, const mnk_key *k, char trusted_comment[256], mnk_error *err) {
    MNK_TRY(start(err));
    char name[1100];
    signature s;
    if ((size_t)snprintf(name, sizeof name, "%s.minisig", path) >= sizeof name)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: name too long", path);
    MNK_TRY(read_signature(name, &s, err));
    MNK_TRY(check_signature(path, &s, k, err));
    if (trusted_comment) snprintf(trusted_comment, 256, "%s", s.comment);
    return MNK_OK;
}
