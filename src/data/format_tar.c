/* tar: POSIX ustar with pax extensions (IEEE 1003.1, pax) and GNU long names and base-256 sizes. Nothing is extracted; the
 * pictures are read where they stand. */
#include "data/format_tar.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { BLOCK = 512, LONG_MAX_BYTES = 1 << 20 };

/* Octal text, or GNU's base-256 when the first bit is set; false when it is neither or too large. */
static bool number(const uint8_t *p, size_t n, uint64_t *out) {
    uint64_t v = 0;
    if (p[0] & 0x80) {
        if (p[0] & 0x40) return false; /* negative */
        v = p[0] & 0x3f;
        for (size_t i = 1; i < n; i++) {
            if (v >> 55) return false;
            v = v << 8 | p[i];
        }
    } else {
        size_t i = 0;
        while (i < n && p[i] == ' ') i++;
        for (; i < n && p[i] >= '0' && p[i] <= '7'; i++) v = v << 3 | (uint64_t)(p[i] - '0');
        for (; i < n; i++)
            if (p[i] != '\0' && p[i] != ' ') return false;
    }
    *out = v;
    return v <= INT64_MAX;
}

/* Sum of the header's bytes, its own field counted as spaces. */
static bool checksum_fits(const uint8_t *h) {
    uint64_t stored = 0, sum = 0;
    for (int i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? ' ' : h[i];
    return number(h + 148, 8, &stored) && stored == sum;
}

static bool is_zero(const uint8_t *h) {
    for (int i = 0; i < BLOCK; i++)
        if (h[i]) return false;
    return true;
}

/* What the next file header inherits from extension headers before it. */
typedef struct pending {
    char *path;
    uint64_t size;
    bool has_size;
} pending;

/* "LENGTH key=value\n" records; only path and size matter. */
static mnk_status read_pax(char *text, size_t n, pending *next, mnk_arena *arena, mnk_error *err) {
    for (size_t at = 0; at < n;) {
        size_t length = 0, i = at;
        while (i < n && text[i] >= '0' && text[i] <= '9' && length <= n) length = length * 10 + (size_t)(text[i++] - '0');
        if (i == n || text[i] != ' ' || length <= i - at + 1 || length > n - at || text[at + length - 1] != '\n')
            return MNK_FAIL(err, MNK_ERR_INPUT, "damaged tar archive: an extended header");
        char *key = text + i + 1, *end = text + at + length - 1;
        *end = '\0';
        if (!strncmp(key, "path=", 5) && !(next->path = mnk_arena_strdup(arena, key + 5)))
            return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
        if (!strncmp(key, "size=", 5)) {
            char *stop = NULL;
            errno = 0;
            next->size = strtoull(key + 5, &stop, 10);
            next->has_size = true;
            if (errno || *stop || next->size > INT64_MAX)
                return MNK_FAIL(err, MNK_ERR_INPUT, "damaged tar archive: an extended header");
        }
        at += length;
    }
    return MNK_OK;
}

/* The body of an 'L' or 'x' header. */
static mnk_status read_extension(const mnk_tar_source *s, uint64_t at, uint64_t size, char kind, pending *next,
                                 mnk_arena *arena, mnk_error *err) {
    char *text = NULL;
    if (size > LONG_MAX_BYTES)
        return MNK_FAIL(err, MNK_ERR_INPUT, "damaged tar archive: a name of %llu bytes", (unsigned long long)size);
    MNK_TRY(MNK_NEW(text, (size_t)size + 1, err));
    mnk_status status =
        s->read_at(s->ctx, at, text, (size_t)size) ? MNK_OK : MNK_FAIL(err, MNK_ERR_IO, "cannot read the archive");
    if (status == MNK_OK && kind == 'x') status = read_pax(text, (size_t)size, next, arena, err);
    else if (status == MNK_OK && !(next->path = mnk_arena_strdup(arena, text)))
        status = MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    mnk_free(text);
    return status;
}

/* name, or prefix/name in ustar headers. */
static void header_path(const uint8_t *h, char out[300]) {
    size_t n = 0;
    if (!memcmp(h + 257, "ustar", 5) && h[262] == '\0' && h[345]) {
        n = strnlen((const char *)h + 345, 155);
        memcpy(out, h + 345, n);
        out[n++] = '/';
    }
    size_t name = strnlen((const char *)h, 100);
    memcpy(out + n, h, name);
    out[n + name] = '\0';
}

/* Hidden files and what macOS adds. */
static bool is_hidden(const char *path) {
    for (const char *p = path; p; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
        if ((*p == '.' && strncmp(p, "../", 3) != 0) || !strncmp(p, "__MACOSX", 8)) return true;
    return false;
}

static mnk_status add_file(mnk_listing *l, const uint8_t *h, const pending *next, uint64_t at, uint64_t size, mnk_error *err) {
    char plain[300];
    header_path(h, plain);
    char *path = mnk_arena_strdup(l->arena, next->path ? next->path : plain);
    if (!path) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    while (!strncmp(path, "./", 2) || *path == '/') path += *path == '/' ? 1 : 2;
    size_t n = strlen(path);
    bool folder = h[156] == '5' || (n && path[n - 1] == '/');
    while (n && path[n - 1] == '/') path[--n] = '\0';
    if (!n || is_hidden(path)) return MNK_OK;
    return mnk_listing_add(l, path, folder, folder ? 0 : size, at, err);
}

mnk_status mnk_tar_list(const mnk_tar_source *s, mnk_listing *l, size_t *links, mnk_error *err) {
    uint8_t h[BLOCK];
    pending next = {0};
    *links = 0;
    if (!s->n) return MNK_FAIL(err, MNK_ERR_INPUT, "empty file (0 bytes)");
    for (uint64_t at = 0;;) {
        if (at > s->n || s->n - at < BLOCK)
            return MNK_FAIL(err, MNK_ERR_INPUT,
                            s->n < BLOCK ? "not a tar archive: only %llu bytes" : "truncated tar archive after %llu bytes",
                            (unsigned long long)s->n);
        if (!s->read_at(s->ctx, at, h, BLOCK)) return MNK_FAIL(err, MNK_ERR_IO, "cannot read the archive");
        if (is_zero(h)) return MNK_OK;
        uint64_t size = 0;
        if (!checksum_fits(h))
            return at ? MNK_FAIL(err, MNK_ERR_INPUT, "damaged tar archive: bad header at byte %llu", (unsigned long long)at)
                      : MNK_FAIL(err, MNK_ERR_INPUT, "not a tar archive");
        if (!number(h + 124, 12, &size))
            return MNK_FAIL(err, MNK_ERR_INPUT, "damaged tar archive: a size at byte %llu", (unsigned long long)at);
        char kind = (char)h[156];
        bool extension = kind == 'x' || kind == 'g' || kind == 'L' || kind == 'K';
        if (next.has_size && !extension) size = next.size;
        if (kind == '1' || kind == '2' || kind == '5') size = 0;
        at += BLOCK;
        if (size > s->n - at)
            return MNK_FAIL(err, MNK_ERR_INPUT, "truncated tar archive: a file of %llu bytes begins %llu bytes before its end",
                            (unsigned long long)size, (unsigned long long)(s->n - at));
        if (kind == 'x' || kind == 'L') MNK_TRY(read_extension(s, at, size, kind, &next, l->arena, err));
        else if (kind == '0' || kind == '\0' || kind == '7' || kind == '5') MNK_TRY(add_file(l, h, &next, at, size, err));
        else if (!extension) *links += kind == '1' || kind == '2';
        if (!extension) next = (pending){0};
        at += (size + BLOCK - 1) / BLOCK * BLOCK;
    }
}

static bool read_fd(void *ctx, uint64_t at, void *bytes, size_t n) {
    int fd = *(int *)ctx;
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(fd, (char *)bytes + done, n - done, (off_t)(at + done));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        done += (size_t)got;
    }
    return true;
}

static mnk_status fetch(const mnk_listing *l, const mnk_entry *e, size_t max_bytes, uint8_t **out, size_t *n, mnk_error *err) {
    *out = NULL;
    if (e->bytes > max_bytes)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%llu bytes, more than the %zu allowed here", (unsigned long long)e->bytes,
                        max_bytes);
    if (!(*out = mnk_alloc((size_t)e->bytes + 1, 1)))
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: %zu bytes", (size_t)e->bytes);
    *n = (size_t)e->bytes;
    int fd = l->fd;
    if (read_fd(&fd, e->offset, *out, *n)) return MNK_OK;
    mnk_free(*out);
    *out = NULL;
    return MNK_FAIL(err, MNK_ERR_IO, "cannot read it from the archive");
}

static bool claims(const char *path) { return !strcmp(mnk_path_ext(path), ".tar") && !mnk_path_is_dir(path); }

static mnk_status open_listed(mnk_listing *l, const mnk_open_request *request, mnk_images **out, mnk_error *err) {
    char shown[96];
    struct stat st;
    mnk_printable(request->path, shown);
    l->fd = open(request->path, O_RDONLY | O_CLOEXEC);
    if (l->fd < 0 || fstat(l->fd, &st) != 0) return MNK_FAIL(err, MNK_ERR_IO, "%s: cannot open: %s", shown, strerror(errno));
    mnk_tar_source source = {.read_at = read_fd, .ctx = &l->fd, .n = (uint64_t)st.st_size};
    mnk_error inner = MNK_ERROR_INIT;
    size_t links = 0;
    mnk_status status = mnk_tar_list(&source, l, &links, &inner);
    if (status != MNK_OK) return mnk_error_set(err, status, inner.where, "%s: %s", shown, inner.message);
    if (links) mnk_observe_log(request->observer, MNK_LOG_WARNING, "%s: %zu links left out", shown, links);
    mnk_listing_sort(l);
    mnk_listing_strip(l);
    return mnk_listing_load(l, NULL, request, out, err);
}

static mnk_status open_tar(const mnk_open_request *request, mnk_images **out, mnk_error *err) {
    mnk_listing l;
    MNK_TRY(mnk_listing_init(&l, request->path, err));
    l.fetch = fetch;
    mnk_status status = open_listed(&l, request, out, err);
    if (l.fd >= 0) close(l.fd);
    mnk_listing_clear(&l);
    return status;
}

const mnk_images_format mnk_format_tar = {"tar", claims, open_tar};
