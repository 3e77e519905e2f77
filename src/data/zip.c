/* PKWARE APPNOTE 6.3.9: end of central directory (4.3.16), zip64 forms (4.3.14, 4.3.15, 4.5.3), central header (4.3.12),
 * local header (4.3.7). */
#include "data/zip.h"

#include <string.h>
#include <zlib.h>

#include "base/mem.h"

struct mnk_zip {
    FILE *f;
    uint64_t bytes; /* of the file */
    mnk_arena *arena;
    mnk_zip_member *members;
    size_t n;
};

struct mnk_zip_stream {
    FILE *f;
    const mnk_zip_member *m;
    uint64_t left_packed, left; /* bytes still in the file, bytes still to hand out */
    uint32_t crc;
    z_stream z;
    bool inflating;
    uint8_t buffer[1 << 16];
};

static uint32_t u16(const uint8_t *p) { return p[0] | (uint32_t)p[1] << 8; }
static uint32_t u32(const uint8_t *p) { return u16(p) | u16(p + 2) << 16; }
static uint64_t u64(const uint8_t *p) { return u32(p) | (uint64_t)u32(p + 4) << 32; }

static bool read_at(FILE *f, uint64_t at, void *bytes, size_t n) {
    return at <= INT64_MAX && fseeko(f, (off_t)at, SEEK_SET) == 0 && fread(bytes, 1, n, f) == n;
}

typedef struct directory {
    uint64_t at, bytes, entries;
} directory;

/* Finds the directory from the end of the file: a fixed record of 22 bytes, then a comment of at most 65535. */
static mnk_status find_directory(mnk_zip *z, directory *d, mnk_error *err) {
    size_t tail = z->bytes < 22 + 65535 ? (size_t)z->bytes : 22 + 65535;
    if (tail < 22) return MNK_FAIL(err, MNK_ERR_INPUT, "not a zip archive: only %zu bytes", tail);
    uint8_t *bytes = NULL;
    MNK_TRY(MNK_NEW(bytes, tail, err));
    mnk_status status = MNK_OK;
    if (!read_at(z->f, z->bytes - tail, bytes, tail)) {
        status = MNK_FAIL(err, MNK_ERR_IO, "cannot read the end of the archive");
    } else {
        size_t i = tail - 22 + 1;
        while (i-- > 0)
            if (u32(bytes + i) == 0x06054b50 && i + 22 + u16(bytes + i + 20) <= tail) break;
        if (i == SIZE_MAX) {
            status = MNK_FAIL(err, MNK_ERR_INPUT, "not a zip archive, or truncated: its directory is missing");
        } else {
            const uint8_t *e = bytes + i;
            *d = (directory){.at = u32(e + 16), .bytes = u32(e + 12), .entries = u16(e + 10)};
            const uint8_t *locator = i >= 20 && u32(e - 20) == 0x07064b50 ? e - 20 : NULL;
            bool wide = d->at == UINT32_MAX || d->bytes == UINT32_MAX || d->entries == UINT16_MAX;
            uint8_t e64[56];
            if (wide && locator) {
                if (u64(locator + 8) > z->bytes || !read_at(z->f, u64(locator + 8), e64, sizeof e64) || u32(e64) != 0x06064b50)
                    status = MNK_FAIL(err, MNK_ERR_INPUT, "damaged zip archive: its 64-bit directory is missing");
                else *d = (directory){.at = u64(e64 + 48), .bytes = u64(e64 + 40), .entries = u64(e64 + 32)};
            }
        }
    }
    mnk_free(bytes);
    if (status != MNK_OK) return status;
    if (d->at > z->bytes || d->bytes > z->bytes - d->at)
        return MNK_FAIL(err, MNK_ERR_INPUT, "damaged or truncated zip archive: its directory lies outside the file");
    if (d->entries > MNK_ZIP_MEMBERS_MAX || d->bytes > (16u << 20))
        return MNK_FAIL(err, MNK_ERR_INPUT, "zip archive with %llu members; at most %d are read",
                        (unsigned long long)d->entries, MNK_ZIP_MEMBERS_MAX);
    return MNK_OK;
}

/* The zip64 extra field holds, in this order, those of size, packed size and offset that do not fit in 32 bits. */
static bool widen(mnk_zip_member *m, const uint8_t *extra, size_t n) {
    bool size = m->size == UINT32_MAX, packed = m->packed == UINT32_MAX, header = m->header == UINT32_MAX;
    if (!size && !packed && !header) return true;
    while (n >= 4) {
        size_t length = u16(extra + 2);
        if (length > n - 4) return false;
        if (u16(extra) == 1) {
            const uint8_t *p = extra + 4;
            if (length < 8u * ((unsigned)size + packed + header)) return false;
            if (size) m->size = u64(p), p += 8;
            if (packed) m->packed = u64(p), p += 8;
            if (header) m->header = u64(p);
            return true;
        }
        extra += 4 + length;
        n -= 4 + length;
    }
    return true; /* exactly 0xffffffff is a legal 32-bit value */
}

static mnk_status check_member(const mnk_zip *z, const mnk_zip_member *m, uint32_t flags, mnk_error *err) {
    if (flags & 1) return MNK_FAIL(err, MNK_ERR_INPUT, "member %.60s is encrypted", m->name);
    if (m->header > z->bytes || m->packed > z->bytes - m->header)
        return MNK_FAIL(err, MNK_ERR_INPUT, "damaged or truncated zip archive: member %.60s lies outside the file", m->name);
    if (m->method == 0 && m->size != m->packed)
        return MNK_FAIL(err, MNK_ERR_INPUT, "damaged zip archive: sizes of stored member %.60s disagree", m->name);
    /* deflate cannot expand more than 1032:1 (zlib's technical notes), so a larger claim is a lie */
    if (m->method == 8 && m->size / 1040 > m->packed)
        return MNK_FAIL(err, MNK_ERR_INPUT, "damaged zip archive: member %.60s claims %llu bytes from %llu", m->name,
                        (unsigned long long)m->size, (unsigned long long)m->packed);
    return MNK_OK;
}

static mnk_status read_directory(mnk_zip *z, const directory *d, mnk_error *err) {
    uint8_t *bytes = NULL;
    MNK_TRY(MNK_NEW(bytes, (size_t)d->bytes, err));
    mnk_status status =
        read_at(z->f, d->at, bytes, (size_t)d->bytes) ? MNK_OK : MNK_FAIL(err, MNK_ERR_IO, "cannot read the zip directory");
    if (status == MNK_OK) status = MNK_NEW(z->members, (size_t)d->entries, err);
    size_t at = 0;
    for (size_t i = 0; i < d->entries && status == MNK_OK; i++) {
        const uint8_t *p = bytes + at;
        size_t left = (size_t)d->bytes - at;
        size_t name = left >= 46 ? u16(p + 28) : 0, extra = left >= 46 ? u16(p + 30) : 0,
               comment = left >= 46 ? u16(p + 32) : 0;
        if (left < 46 || u32(p) != 0x02014b50 || 46 + name + extra + comment > left) {
            status = MNK_FAIL(err, MNK_ERR_INPUT, "damaged zip archive: its directory ends early");
            break;
        }
        mnk_zip_member *m = &z->members[i];
        *m = (mnk_zip_member){
            .method = (int)u16(p + 10), .crc = u32(p + 16), .packed = u32(p + 20), .size = u32(p + 24), .header = u32(p + 42)};
        char *text = mnk_arena_alloc(z->arena, name + 1);
        if (!text) {
            status = MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
            break;
        }
        memcpy(text, p + 46, name);
        text[name] = '\0';
        for (size_t k = 0; k < name; k++)
            if (!text[k] || (unsigned char)text[k] < 0x20) text[k] = '?';
        m->name = text;
        if (!widen(m, p + 46 + name, extra)) status = MNK_FAIL(err, MNK_ERR_INPUT, "damaged zip archive: member %.60s", text);
        else status = check_member(z, m, u16(p + 8), err);
        at += 46 + name + extra + comment;
        z->n = i + 1;
    }
    mnk_free(bytes);
    return status;
}

mnk_status mnk_zip_open(FILE *f, mnk_zip **out, mnk_error *err) {
    *out = NULL;
    mnk_zip *z = NULL;
    MNK_TRY(MNK_NEW(z, 1, err));
    z->f = f;
    mnk_status status = (z->arena = mnk_arena_open()) ? MNK_OK : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    if (status == MNK_OK) {
        off_t end = fseeko(f, 0, SEEK_END) == 0 ? ftello(f) : -1;
        if (end < 0) status = MNK_FAIL(err, MNK_ERR_IO, "cannot find the end of the file");
        else z->bytes = (uint64_t)end;
    }
    directory d = {0};
    if (status == MNK_OK) status = find_directory(z, &d, err);
    if (status == MNK_OK) status = read_directory(z, &d, err);
    if (status != MNK_OK) {
        mnk_zip_close(z);
        return status;
    }
    *out = z;
    return MNK_OK;
}

void mnk_zip_close(mnk_zip *z) {
    if (!z) return;
    mnk_free(z->members);
    mnk_arena_close(z->arena);
    mnk_free(z);
}

size_t mnk_zip_count(const mnk_zip *z) { return z->n; }
const mnk_zip_member *mnk_zip_at(const mnk_zip *z, size_t i) { return &z->members[i]; }

const mnk_zip_member *mnk_zip_find(const mnk_zip *z, const char *name) {
    for (size_t i = 0; i < z->n; i++)
        if (!strcmp(z->members[i].name, name)) return &z->members[i];
    return NULL;
}

mnk_status mnk_zip_stream_open(mnk_zip *z, const mnk_zip_member *m, mnk_zip_stream **out, mnk_error *err) {
    *out = NULL;
    uint8_t local[30];
    if (m->method != 0 && m->method != 8)
        return MNK_FAIL(err, MNK_ERR_INPUT, "member %.60s is packed by method %d; stored and deflated are read", m->name,
                        m->method);
    if (!read_at(z->f, m->header, local, sizeof local) || u32(local) != 0x04034b50)
        return MNK_FAIL(err, MNK_ERR_INPUT, "damaged zip archive: header of member %.60s", m->name);
    uint64_t start = m->header + 30 + u16(local + 26) + u16(local + 28);
    if (start > z->bytes || m->packed > z->bytes - start)
        return MNK_FAIL(err, MNK_ERR_INPUT, "damaged or truncated zip archive: member %.60s ends outside the file", m->name);
    if (fseeko(z->f, (off_t)start, SEEK_SET) != 0) return MNK_FAIL(err, MNK_ERR_IO, "cannot reach member %.60s", m->name);
    mnk_zip_stream *s = NULL;
    MNK_TRY(MNK_NEW(s, 1, err));
    s->f = z->f;
    s->m = m;
    s->left_packed = m->packed;
    s->left = m->size;
    s->crc = (uint32_t)crc32(0, NULL, 0);
    if (m->method == 8) {
        if (inflateInit2(&s->z, -MAX_WBITS) != Z_OK) {
            mnk_free(s);
            return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
        }
        s->inflating = true;
    }
    *out = s;
    return MNK_OK;
}

void mnk_zip_stream_close(mnk_zip_stream *s) {
    if (!s) return;
    if (s->inflating) inflateEnd(&s->z);
    mnk_free(s);
}

static mnk_status refill(mnk_zip_stream *s, mnk_error *err) {
    size_t n = s->left_packed < sizeof s->buffer ? (size_t)s->left_packed : sizeof s->buffer;
    if (!n) return MNK_FAIL(err, MNK_ERR_INPUT, "damaged zip archive: member %.60s ends early", s->m->name);
    if (fread(s->buffer, 1, n, s->f) != n) return MNK_FAIL(err, MNK_ERR_IO, "cannot read member %.60s", s->m->name);
    s->left_packed -= n;
    s->z.next_in = s->buffer;
    s->z.avail_in = (uInt)n;
    return MNK_OK;
}

static mnk_status inflate_exactly(mnk_zip_stream *s, uint8_t *bytes, size_t n, mnk_error *err) {
    while (n) {
        if (!s->z.avail_in) MNK_TRY(refill(s, err));
        uInt step = n < (1u << 30) ? (uInt)n : 1u << 30;
        s->z.next_out = bytes;
        s->z.avail_out = step;
        int rc = inflate(&s->z, Z_NO_FLUSH);
        size_t got = step - s->z.avail_out;
        bytes += got;
        n -= got;
        if (rc == Z_STREAM_END && n)
            return MNK_FAIL(err, MNK_ERR_INPUT, "damaged zip archive: member %.60s ends early", s->m->name);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
            return MNK_FAIL(err, MNK_ERR_INPUT, "damaged zip archive: member %.60s cannot be inflated", s->m->name);
    }
    return MNK_OK;
}

mnk_status mnk_zip_stream_read(mnk_zip_stream *s, void *bytes, size_t n, mnk_error *err) {
    if (n > s->left) return MNK_FAIL(err, MNK_ERR_INPUT, "member %.60s holds fewer bytes than its header says", s->m->name);
    if (s->inflating) {
        MNK_TRY(inflate_exactly(s, bytes, n, err));
    } else if (fread(bytes, 1, n, s->f) != n) {
        return MNK_FAIL(err, MNK_ERR_IO, "cannot read member %.60s", s->m->name);
    }
    s->left -= n;
    s->crc = (uint32_t)crc32_z(s->crc, bytes, n);
    return MNK_OK;
}

uint64_t mnk_zip_stream_left(const mnk_zip_stream *s) { return s->left; }

mnk_status mnk_zip_stream_finish(mnk_zip_stream *s, mnk_error *err) {
    if (s->left)
        return MNK_FAIL(err, MNK_ERR_INPUT, "member %.60s holds %llu bytes more than its header says", s->m->name,
                        (unsigned long long)s->left);
    if (s->crc != s->m->crc)
        return MNK_FAIL(err, MNK_ERR_INPUT, "damaged zip archive: checksum of member %.60s is wrong", s->m->name);
    return MNK_OK;
}
