#include "data/table_load.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/mem.h"
#include "data/images.h"
#include "data/table_file.h"

enum { CHUNK = 4 << 20, RATIO_MAX = 250 };
static const double gib = 1073741824.0;

/* Text twice (as it is and as levels), eight bytes a cell, sixteen a row for split and person. Cells are counted as separators,
 * quoted or not: too many rather than too few. */
size_t mnk_table_load_need(const char *sample, size_t sample_bytes, size_t bytes) {
    size_t count[4] = {0}, lines = 1, most = 0;
    for (size_t i = 0; i < sample_bytes; i++) switch (sample[i]) {
        case '\n': lines++; break;
        case ',': count[0]++; break;
        case ';': count[1]++; break;
        case '\t': count[2]++; break;
        case '|': count[3]++; break;
        default: break;
        }
    for (int i = 0; i < 4; i++) most = count[i] > most ? count[i] : most;
    double scale = sample_bytes ? (double)bytes / (double)sample_bytes : 0;
    return (size_t)(2.0 * (double)bytes + scale * (8.0 * (double)(most + lines) + 16.0 * (double)lines));
}

typedef struct loading {
    const char *path;
    gzFile file;
    size_t packed; /* bytes of the file */
    size_t limit;  /* of memory; SIZE_MAX unknown */
    bool own_limit;
    char *text;
    size_t n, size;
} loading;

static mnk_status too_large(const loading *g, size_t need, mnk_error *err) {
    if (g->own_limit)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: needs %.2f GiB of memory, more than the %.2f GiB allowed here", g->path,
                        (double)need / gib, (double)g->limit / gib);
    return MNK_FAIL(err, MNK_ERR_MEMORY, "%s: needs %.2f GiB of memory, %.2f GiB are available", g->path, (double)need / gib,
                    (double)g->limit / gib);
}

static mnk_status line_too_long(const loading *g, size_t line, mnk_error *err) {
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: line %zu, column 1: no line end within %d MiB; not a table", g->path,
                                 line, MNK_TABLE_LINE_BYTES_MAX >> 20);
    mnk_error_hint(err, "a table has one row a line");
    return status;
}

/* Reads up to `want` bytes more. */
static mnk_status read_more(loading *g, size_t want, size_t *got, mnk_error *err) {
    if (g->size - g->n < want + 1) {
        size_t size = g->n + want + 1;
        if (g->size && size < g->size + g->size / 2) size = g->size + g->size / 2;
        char *more = mnk_realloc(g->text, size, 1);
        if (!more) return MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory for %zu bytes of text", g->path, size);
        g->text = more;
        g->size = size;
    }
    *got = 0;
    while (*got < want) {
        int n = gzread(g->file, g->text + g->n, (unsigned)(want - *got < CHUNK ? want - *got : CHUNK));
        int code = Z_OK;
        const char *what = n < 0 ? gzerror(g->file, &code) : NULL;
        if (n < 0 && code == Z_ERRNO) return MNK_FAIL(err, MNK_ERR_IO, "%s: cannot read: %s", g->path, strerror(errno));
        if (n < 0)
            return MNK_FAIL(err, MNK_ERR_INPUT, "%s: damaged gzip file after %zu bytes of text: %s", g->path, g->n, what);
        if (n == 0) break;
        g->n += (size_t)n;
        *got += (size_t)n;
    }
    g->text[g->n] = '\0';
    return MNK_OK;
}

/* No part of the text longer than a row may be is without line end. CR alone ends lines too. */
static mnk_status check_lines(const loading *g, size_t *line, size_t *start, size_t *seen, mnk_error *err) {
    for (const char *p = g->text + *seen, *end = g->text + g->n; p < end; p++)
        if (*p == '\n' || *p == '\r') {
            *line += *p == '\n';
            *start = (size_t)(p - g->text) + 1;
        } else if ((size_t)(p - g->text) - *start > MNK_TABLE_LINE_BYTES_MAX) return line_too_long(g, *line, err);
    *seen = g->n;
    return MNK_OK;
}

static mnk_status read_all(loading *g, const mnk_observer *observer, mnk_error *err) {
    size_t got = 0, line = 1, start = 0, seen = 0;
    bool direct = gzdirect(g->file);
    MNK_TRY(read_more(g, MNK_TABLE_LINE_BYTES_MAX + 2, &got, err)); /* the sample */
    MNK_TRY(check_lines(g, &line, &start, &seen, err));
    bool whole = got < MNK_TABLE_LINE_BYTES_MAX + 2;
    size_t bytes = whole ? g->n : direct ? g->packed : g->packed * 4; /* of gzip the size is a guess until it is unpacked */
    size_t need = mnk_table_load_need(g->text, g->n, bytes);
    if (need > g->limit) return too_large(g, need, err);
    if (!whole)
        mnk_observe_log(observer, MNK_LOG_INFO, "%s: about %.0f MiB of text, %.2f GiB of memory", g->path,
                        (double)bytes / 1048576, (double)need / gib);
    while (!whole) {
        MNK_TRY(read_more(g, direct && g->packed > g->n ? g->packed - g->n + 1 : CHUNK, &got, err));
        if (!got) break;
        MNK_TRY(check_lines(g, &line, &start, &seen, err));
        if (!direct && g->n / RATIO_MAX > g->packed) {
            mnk_status status =
                MNK_FAIL(err, MNK_ERR_INPUT, "%s: line %zu: unpacks to more than %d times its size; not a table", g->path, line,
                         RATIO_MAX);
            mnk_error_hint(err, "unpack it by hand if you trust it");
            return status;
        }
        need = mnk_table_load_need(g->text, MNK_TABLE_LINE_BYTES_MAX, g->n);
        if (need > g->limit) return too_large(g, need, err);
        if (mnk_observe_stopped(observer)) return MNK_FAIL(err, MNK_ERR_INTERRUPTED, "%s: stopped while reading", g->path);
    }
    return MNK_OK;
}

mnk_status mnk_table_load(const char *path, size_t max_bytes, const mnk_observer *observer, char **out, size_t *n,
                          mnk_error *err) {
    struct stat st;
    *out = NULL;
    *n = 0;
    if (stat(path, &st) != 0)
        return MNK_FAIL(err, errno == ENOENT ? MNK_ERR_INPUT : MNK_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode)) return MNK_FAIL(err, MNK_ERR_INPUT, "%s: not a regular file", path);
    size_t have = mnk_memory_available_bytes();
    loading g = {.path = path, .packed = (size_t)st.st_size, .limit = have ? have : SIZE_MAX};
    if (max_bytes && max_bytes < g.limit) g.limit = max_bytes, g.own_limit = true;
    g.file = gzopen(path, "rb"); /* reads files that are not gzipped as they are */
    if (!g.file) return MNK_FAIL(err, MNK_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    gzbuffer(g.file, 1 << 18);
    mnk_status status = read_all(&g, observer, err);
    if (gzclose(g.file) == Z_BUF_ERROR && status == MNK_OK)
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: damaged gzip file: it ends too early", path);
    if (status == MNK_OK) {
        char *fitting = mnk_realloc(g.text, g.n + 1, 1);
        *out = fitting ? fitting : g.text;
        *n = g.n;
    } else mnk_free(g.text);
    return status;
}
