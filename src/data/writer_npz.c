/* .npz in the MedMNIST layout. Images wait in one unnamed temporary file per split, because an array's header says how many
 * there are; commit writes the archive. Dates are the zip epoch, so that equal data give equal bytes. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/file.h"
#include "data/npy.h"
#include "data/writer.h"

enum { CHUNK = 1 << 18, MEMBERS_MAX = 32 };

typedef struct spool {
    FILE *images;
    int32_t *label, *person;
    size_t n, size;
} spool;

typedef struct member {
    char name[32];
    uint64_t header, packed, size;
    uint32_t crc;
    int method;
} member;

typedef struct archive {
    const mnk_images_meta *meta;
    char path[PATH_MAX];
    mnk_outfile *out;
    spool spools[5]; /* by mnk_split */
    member members[MEMBERS_MAX];
    int n;
    z_stream z; /* while a member is being deflated */
    bool deflating;
    uint8_t *buffer; /* [CHUNK] */
} archive;

static bool claims(const char *path) { return !strcmp(mnk_path_ext(path), ".npz"); }

static void npz_abort(void *state) {
    archive *a = state;
    if (!a) return;
    for (int s = 0; s < 5; s++) {
        if (a->spools[s].images) fclose(a->spools[s].images);
        mnk_free(a->spools[s].label);
        mnk_free(a->spools[s].person);
    }
    if (a->deflating) deflateEnd(&a->z);
    mnk_outfile_abort(a->out);
    mnk_free(a->buffer);
    mnk_free(a);
}

static mnk_status npz_open(const char *path, bool force, const mnk_images_meta *meta, void **state, mnk_error *err) {
    archive *a = NULL;
    if (strlen(path) >= PATH_MAX - 32) return MNK_FAIL(err, MNK_ERR_USAGE, "a file name of %zu characters", strlen(path));
    MNK_TRY(MNK_NEW(a, 1, err));
    a->meta = meta;
    strcpy(a->path, path);
    mnk_status status = MNK_NEW(a->buffer, CHUNK, err);
    if (status == MNK_OK) status = mnk_outfile_open(path, force, &a->out, err);
    if (status != MNK_OK) npz_abort(a);
    else *state = a;
    return status;
}

static mnk_status write_failed(const archive *a, int e, mnk_error *err) {
    char shown[96];
    mnk_status status = MNK_FAIL(err, MNK_ERR_IO, "%s: cannot write: %s", mnk_printable(a->path, shown), strerror(e));
    if (e == ENOSPC || e == EDQUOT) mnk_error_hint(err, "free some space on this disk; nothing half-written was left behind");
    return status;
}

/* A temporary file without a name, on the disk of the result. Until it is unlinked it has the name of what is not finished
   (base/file.c), so that a run killed in between leaves nothing that the next one does not sweep away. */
static mnk_status open_spool(const archive *a, spool *s, mnk_error *err) {
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%.*s.tmp-%ld-%d", PATH_MAX - 64, a->path, (long)getpid(), (int)(s - a->spools));
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return write_failed(a, errno, err);
    (void)unlink(name);
    if ((s->images = fdopen(fd, "w+b"))) return MNK_OK;
    int e = errno;
    close(fd);
    return write_failed(a, e, err);
}

static mnk_status npz_add(void *state, const mnk_out_image *image, mnk_error *err) {
    archive *a = state;
    spool *s = &a->spools[image->split];
    size_t bytes = (size_t)a->meta->height * (size_t)a->meta->width * (size_t)a->meta->channels;
    if (!s->images) MNK_TRY(open_spool(a, s, err));
    if (s->n == s->size) {
        size_t size = s->size ? s->size * 2 : 1024;
        int32_t *label = mnk_realloc(s->label, size, sizeof *label);
        if (label) s->label = label;
        int32_t *person = label ? mnk_realloc(s->person, size, sizeof *person) : NULL;
        if (!person) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: labels of %zu images", size);
        s->person = person;
        s->size = size;
    }
    s->label[s->n] = image->label;
    s->person[s->n++] = image->person;
    errno = 0;
    return fwrite(image->pixels, 1, bytes, s->images) == bytes ? MNK_OK : write_failed(a, errno, err);
}

static void put16(uint8_t *p, uint32_t v) { p[0] = (uint8_t)v, p[1] = (uint8_t)(v >> 8); }
static void put32(uint8_t *p, uint32_t v) { put16(p, v & 0xffff), put16(p + 2, v >> 16); }
static void put64(uint8_t *p, uint64_t v) { put32(p, (uint32_t)v), put32(p + 4, (uint32_t)(v >> 32)); }

static member *current(archive *a) { return &a->members[a->n - 1]; }

/* Local header with 64-bit sizes in its extra field, as NumPy writes it; sizes and checksum are filled in afterwards. */
static size_t local_header(const member *m, uint8_t out[80]) {
    size_t name = strlen(m->name);
    memset(out, 0, 80);
    put32(out, 0x04034b50);
    put16(out + 4, 45);
    put16(out + 8, (uint32_t)m->method);
    put16(out + 12, 0x21); /* 1980-01-01 */
    put32(out + 14, m->crc);
    put32(out + 18, UINT32_MAX);
    put32(out + 22, UINT32_MAX);
    put16(out + 26, (uint32_t)name);
    put16(out + 28, 20);
    memcpy(out + 30, m->name, name);
    put16(out + 30 + name, 1);
    put16(out + 32 + name, 16);
    put64(out + 34 + name, m->size);
    put64(out + 42 + name, m->packed);
    return 50 + name;
}

static mnk_status member_begin(archive *a, const char *name, bool deflated, mnk_error *err) {
    uint8_t header[80];
    off_t at = ftello(mnk_outfile_stream(a->out));
    if (at < 0) return write_failed(a, errno, err);
    member *m = &a->members[a->n++];
    *m = (member){.header = (uint64_t)at, .method = deflated ? 8 : 0};
    snprintf(m->name, sizeof m->name, "%s.npy", name);
    m->crc = (uint32_t)crc32(0, NULL, 0);
    if (deflated) {
        a->z = (z_stream){0};
        if (deflateInit2(&a->z, 6, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
            return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
        a->deflating = true;
    }
    return mnk_outfile_write(a->out, header, local_header(m, header), err);
}

static mnk_status deflate_some(archive *a, const void *bytes, size_t n, int flush, mnk_error *err) {
    uint8_t packed[1 << 14];
    a->z.next_in = (Bytef *)(uintptr_t)bytes;
    a->z.avail_in = (uInt)n;
    do {
        a->z.next_out = packed;
        a->z.avail_out = sizeof packed;
        deflate(&a->z, flush);
        size_t got = sizeof packed - a->z.avail_out;
        current(a)->packed += got;
        MNK_TRY(mnk_outfile_write(a->out, packed, got, err));
    } while (a->z.avail_out == 0);
    return MNK_OK;
}

/* n up to 4 GiB a call. */
static mnk_status member_add(archive *a, const void *bytes, size_t n, mnk_error *err) {
    member *m = current(a);
    m->crc = (uint32_t)crc32_z(m->crc, bytes, n);
    m->size += n;
    if (m->method == 8) return deflate_some(a, bytes, n, Z_NO_FLUSH, err);
    m->packed += n;
    return mnk_outfile_write(a->out, bytes, n, err);
}

static mnk_status member_end(archive *a, mnk_error *err) {
    member *m = current(a);
    uint8_t header[80];
    if (m->method == 8) {
        MNK_TRY(deflate_some(a, NULL, 0, Z_FINISH, err));
        deflateEnd(&a->z);
        a->deflating = false;
    }
    FILE *f = mnk_outfile_stream(a->out);
    errno = 0;
    if (fseeko(f, (off_t)m->header, SEEK_SET) != 0) return write_failed(a, errno, err);
    MNK_TRY(mnk_outfile_write(a->out, header, local_header(m, header), err));
    return fseeko(f, 0, SEEK_END) == 0 ? MNK_OK : write_failed(a, errno, err);
}

/* A whole small array. */
static mnk_status put_array(archive *a, const char *name, const char *descr, int rank, const size_t *shape, const void *items,
                            size_t bytes, mnk_error *err) {
    char header[256];
    MNK_TRY(member_begin(a, name, a->meta->compress, err));
    MNK_TRY(member_add(a, header, mnk_npy_header(header, descr, rank, shape), err));
    MNK_TRY(member_add(a, items, bytes, err));
    return member_end(a, err);
}

static const char *key(char out[32], int split, const char *what) {
    snprintf(out, 32, "%s%s%s", mnk_split_name((mnk_split)split), split ? "_" : "", what);
    return out;
}

static mnk_status put_images(archive *a, int split, mnk_error *err) {
    const spool *s = &a->spools[split];
    char header[256], name[32];
    size_t shape[4] = {s->n, (size_t)a->meta->height, (size_t)a->meta->width, 3};
    MNK_TRY(member_begin(a, key(name, split, "images"), a->meta->compress, err));
    MNK_TRY(member_add(a, header, mnk_npy_header(header, "|u1", a->meta->channels == 3 ? 4 : 3, shape), err));
    size_t left = s->n * shape[1] * shape[2] * (size_t)a->meta->channels;
    errno = 0;
    if (fflush(s->images) != 0 || fseeko(s->images, 0, SEEK_SET) != 0) return write_failed(a, errno, err);
    while (left) {
        size_t step = left < CHUNK ? left : CHUNK;
        if (fread(a->buffer, 1, step, s->images) != step)
            return MNK_FAIL(err, MNK_ERR_IO, "%s: its temporary file cannot be read", a->path);
        MNK_TRY(member_add(a, a->buffer, step, err));
        left -= step;
    }
    return member_end(a, err);
}

static mnk_status put_labels(archive *a, int split, mnk_error *err) {
    const spool *s = &a->spools[split];
    bool wide = a->meta->classes > 256;
    uint8_t *items = NULL;
    char name[32];
    size_t shape[2] = {s->n, 1};
    MNK_TRY(MNK_NEW(items, s->n * 2, err));
    for (size_t i = 0; i < s->n; i++) {
        if (wide) put16(items + 2 * i, (uint32_t)s->label[i]);
        else items[i] = (uint8_t)s->label[i];
    }
    mnk_status status =
        put_array(a, key(name, split, "labels"), wide ? "<u2" : "|u1", 2, shape, items, s->n * (wide ? 2 : 1), err);
    mnk_free(items);
    return status;
}

/* UTF-8 (well-formed or not: bad bytes become U+FFFD) to NumPy's UCS-4 rows of equal length. */
static mnk_status put_text(archive *a, const char *name, int rank, const char *const *text, size_t n, mnk_error *err) {
    size_t longest = 1;
    char descr[32];
    uint8_t *items = NULL;
    for (size_t i = 0; i < n; i++)
        if (strlen(text[i]) > longest) longest = strlen(text[i]);
    if (longest > 4096) return MNK_FAIL(err, MNK_ERR_INPUT, "a class name of %zu bytes; at most 4096 fit an .npz", longest);
    MNK_TRY(MNK_NEW(items, n * longest * 4, err));
    for (size_t i = 0; i < n; i++) {
        uint8_t *out = items + i * longest * 4;
        for (const char *p = text[i]; *p; out += 4) {
            uint32_t u = 0;
            p += mnk_utf8_next(p, &u);
            put32(out, u);
        }
    }
    snprintf(descr, sizeof descr, "<U%zu", longest);
    mnk_status status = put_array(a, name, descr, rank, &n, items, n * longest * 4, err);
    mnk_free(items);
    return status;
}

static mnk_status put_mark(archive *a, mnk_error *err) {
    const mnk_images_meta *m = a->meta;
    uint8_t yes = 1, seed[8];
    if (!m->generator) return MNK_OK;
    put64(seed, m->seed);
    MNK_TRY(put_array(a, "synthetic", "|b1", 0, NULL, &yes, 1, err));
    MNK_TRY(put_text(a, "generator", 0, &m->generator, 1, err));
    MNK_TRY(put_text(a, "model", 0, &m->model_hash, 1, err));
    return put_array(a, "seed", "<u8", 0, NULL, seed, 8, err);
}

/* Central headers, and the end record; its 64-bit form only where needed. */
static mnk_status put_directory(archive *a, mnk_error *err) {
    off_t start = ftello(mnk_outfile_stream(a->out));
    uint64_t bytes = 0;
    for (int i = 0; i < a->n; i++) {
        const member *m = &a->members[i];
        uint8_t h[46 + 32 + 28] = {0};
        size_t name = strlen(m->name), extra = 0;
        uint8_t *x = h + 46 + name + 4;
        bool wide = m->size >= UINT32_MAX || m->packed >= UINT32_MAX;
        if (wide) put64(x, m->size), put64(x + 8, m->packed), extra = 16;
        if (m->header >= UINT32_MAX) put64(x + extra, m->header), extra += 8;
        put32(h, 0x02014b50);
        put16(h + 4, 0x032d); /* made on Unix, version 4.5 */
        put16(h + 6, 45);
        put16(h + 10, (uint32_t)m->method);
        put16(h + 14, 0x21);
        put32(h + 16, m->crc);
        put32(h + 20, wide ? UINT32_MAX : (uint32_t)m->packed);
        put32(h + 24, wide ? UINT32_MAX : (uint32_t)m->size);
        put16(h + 28, (uint32_t)name);
        put16(h + 30, extra ? (uint32_t)extra + 4 : 0);
        put32(h + 38, 0100644u << 16);
        put32(h + 42, m->header >= UINT32_MAX ? UINT32_MAX : (uint32_t)m->header);
        memcpy(h + 46, m->name, name);
        if (extra) put16(h + 46 + name, 1), put16(h + 48 + name, (uint32_t)extra);
        size_t n = 46 + name + (extra ? extra + 4 : 0);
        bytes += n;
        MNK_TRY(mnk_outfile_write(a->out, h, n, err));
    }
    uint8_t e[56 + 20 + 22] = {0};
    bool wide = (uint64_t)start >= UINT32_MAX;
    uint8_t *locator = e + 56, *end = e + 76;
    put32(e, 0x06064b50), put64(e + 4, 44), put16(e + 12, 45), put16(e + 14, 45);
    put64(e + 24, (uint64_t)a->n), put64(e + 32, (uint64_t)a->n), put64(e + 40, bytes), put64(e + 48, (uint64_t)start);
    put32(locator, 0x07064b50), put64(locator + 8, (uint64_t)start + bytes), put32(locator + 16, 1);
    put32(end, 0x06054b50), put16(end + 8, (uint32_t)a->n), put16(end + 10, (uint32_t)a->n);
    put32(end + 12, (uint32_t)bytes), put32(end + 16, wide ? UINT32_MAX : (uint32_t)start);
    return mnk_outfile_write(a->out, wide ? e : end, wide ? sizeof e : 22, err);
}

static mnk_status put_all(archive *a, bool persons, mnk_error *err) {
    char name[32];
    static const int order[] = {MNK_SPLIT_TRAIN, MNK_SPLIT_VAL, MNK_SPLIT_TEST, MNK_SPLIT_HOLDOUT, MNK_SPLIT_NONE};
    if (a->spools[MNK_SPLIT_NONE].n)
        for (int s = 1; s < 5; s++)
            if (a->spools[s].n) return MNK_FAIL(err, MNK_ERR_USAGE, "%s: some images have a split, some have none", a->path);
    for (int k = 0; k < 5; k++) {
        const spool *s = &a->spools[order[k]];
        if (!s->n) continue;
        MNK_TRY(put_images(a, order[k], err));
        MNK_TRY(put_labels(a, order[k], err));
        if (persons) MNK_TRY(put_array(a, key(name, order[k], "groups"), "<i4", 1, &s->n, s->person, s->n * 4, err));
    }
    MNK_TRY(put_text(a, "class_names", 1, a->meta->class_names, (size_t)a->meta->classes, err));
    MNK_TRY(put_mark(a, err));
    return put_directory(a, err);
}

static mnk_status npz_commit(void *state, bool persons, mnk_error *err) {
    archive *a = state;
    mnk_status status = put_all(a, persons, err);
    if (status == MNK_OK) {
        status = mnk_outfile_commit(a->out, err);
        a->out = NULL;
    }
    npz_abort(a);
    return status;
}

const mnk_sink mnk_sink_npz = {"npz", claims, false, npz_open, npz_add, npz_commit, npz_abort};
