/* Tables as CSV, plain or gzipped, with the schema file that carries the mark. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/csv.h"
#include "data/images.h"
#include "data/schema_file.h"

enum { CHUNK = 1 << 20 };

static const char *cell_text(const mnk_table *t, size_t column, size_t row, char buffer[64]) {
    const mnk_column *k = &t->schema->column[column];
    if (mnk_table_is_missing(t, column, row)) return k->missings ? k->missing[0] : "";
    if (t->code[column]) return k->level[t->code[column][row]];
    mnk_column_number_text(k, t->number[column][row], buffer);
    return buffer;
}

void mnk_table_cell(const mnk_table *t, size_t column, size_t row, char out[64]) {
    char buffer[64];
    const char *text = cell_text(t, column, row, buffer);
    size_t n = 0;
    while (text[n]) { /* whole characters */
        uint32_t u;
        size_t length = mnk_utf8_next(text + n, &u);
        if (n + length > 63) break;
        n += length;
    }
    memcpy(out, text, n);
    out[n] = '\0';
}

typedef struct writing {
    mnk_outfile *file;
    mnk_text text;
    z_stream *packer; /* NULL: plain */
    uint8_t *packed;  /* [CHUNK] */
} writing;

static mnk_status flush(writing *w, bool last, mnk_error *err) {
    if (w->text.failed) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    if (!w->packer) {
        if (w->text.n) MNK_TRY(mnk_outfile_write(w->file, w->text.s, w->text.n, err));
    } else {
        w->packer->next_in = (uint8_t *)w->text.s;
        w->packer->avail_in = (uInt)w->text.n;
        do {
            w->packer->next_out = w->packed;
            w->packer->avail_out = CHUNK;
            if (deflate(w->packer, last ? Z_FINISH : Z_NO_FLUSH) == Z_STREAM_ERROR)
                return MNK_FAIL(err, MNK_ERR_FAILED, "zlib failed");
            MNK_TRY(mnk_outfile_write(w->file, w->packed, CHUNK - w->packer->avail_out, err));
        } while (!w->packer->avail_out);
    }
    w->text.n = 0;
    return MNK_OK;
}

/* In a table of one column an empty field would be a blank line, which readers pass. */
static void put_field(writing *w, const mnk_table *t, size_t column, const char *text) {
    if (column) mnk_text_add(&w->text, ",");
    if (!*text && t->schema->columns == 1) mnk_text_add(&w->text, "\"\"");
    else mnk_csv_add(&w->text, text);
}

static mnk_status write_rows(writing *w, const mnk_table *t, mnk_error *err) {
    char buffer[64];
    for (size_t c = 0; c < t->schema->columns; c++) put_field(w, t, c, t->schema->column[c].name);
    mnk_text_add(&w->text, "\n");
    for (size_t i = 0; i < t->n; i++) {
        for (size_t c = 0; c < t->schema->columns; c++) put_field(w, t, c, cell_text(t, c, i, buffer));
        mnk_text_add(&w->text, "\n");
        if (w->text.n > CHUNK) MNK_TRY(flush(w, false, err));
    }
    return flush(w, true, err);
}

static mnk_status open_packer(writing *w, z_stream *z, mnk_error *err) {
    MNK_TRY(MNK_NEW(w->packed, CHUNK, err));
    if (deflateInit2(z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) /* 16: gzip, without time or name */
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    w->packer = z;
    return MNK_OK;
}

mnk_status mnk_table_write(const mnk_table *t, const char *path, bool force, const mnk_table_meta *meta, mnk_error *err) {
    char beside[1200];
    writing w = {0};
    z_stream z = {0};
    mnk_text schema = {0};
    mnk_status status = MNK_OK;
    if (!mnk_schema_file_beside(path, beside, sizeof beside))
        return MNK_FAIL(err, MNK_ERR_USAGE, "%.200s…: the name is too long", path);
    if (!force && mnk_path_exists(beside)) {
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: exists already", beside);
        mnk_error_hint(err, "choose another name, or allow overwriting with --force");
        return status;
    }
    MNK_OUT(mnk_outfile_open(path, force, &w.file, err));
    size_t n = strlen(path);
    if (n > 3 && !strcmp(path + n - 3, ".gz")) MNK_OUT(open_packer(&w, &z, err));
    MNK_OUT(write_rows(&w, t, err));
    MNK_OUT(mnk_schema_file_text(t->schema, meta, &schema, err));
    MNK_OUT(mnk_file_write(beside, force, schema.s, schema.n, err)); /* first: no synthetic table without its mark */
    status = mnk_outfile_commit(w.file, err);
    w.file = NULL;
    if (status != MNK_OK) (void)remove(beside);
out:
    mnk_outfile_abort(w.file);
    if (w.packer) deflateEnd(&z);
    mnk_free(w.packed);
    mnk_text_clear(&w.text);
    mnk_text_clear(&schema);
    return status;
}
