/* From a file to rows of fields: separator, encoding, headings, and where blocks of rows begin. */
#include "data/table_file.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "data/images.h"
#include "data/number_text.h"
#include "data/table_load.h"

void mnk_bad_list_add(mnk_bad_list *l, const char *fmt, ...) {
    size_t used = strlen(l->text);
    if (l->n++ >= 20 || used + 48 > sizeof l->text) return;
    if (used) used += (size_t)snprintf(l->text + used, sizeof l->text - used, "; ");
    va_list args;
    va_start(args, fmt);
    vsnprintf(l->text + used, sizeof l->text - used, fmt, args);
    va_end(args);
}

/* ---- encoding ---- */

/* Windows-1252 beyond Latin-1; 0: not assigned. */
static const uint16_t windows[32] = {0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
                                     0x2039, 0x0152, 0,      0x017d, 0,      0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
                                     0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};

static void add_code_point(mnk_text *t, uint32_t u) {
    char b[3];
    if (u < 0x80) b[0] = (char)u, mnk_text_add_n(t, b, 1);
    else if (u < 0x800) b[0] = (char)(0xc0 | u >> 6), b[1] = (char)(0x80 | (u & 63)), mnk_text_add_n(t, b, 2);
    else
        b[0] = (char)(0xe0 | u >> 12), b[1] = (char)(0x80 | (u >> 6 & 63)), b[2] = (char)(0x80 | (u & 63)),
        mnk_text_add_n(t, b, 3);
}

mnk_status mnk_cell_text(const mnk_table_file *f, const mnk_cell *c, mnk_text *out, mnk_error *err) {
    out->n = 0;
    if (!f->latin1) mnk_text_add_n(out, c->at, c->n);
    else {
        mnk_text_add_n(out, "", 0);
        for (uint32_t i = 0; i < c->n; i++) {
            uint8_t b = (uint8_t)c->at[i];
            add_code_point(out, b >= 0x80 && b < 0xa0 && windows[b - 0x80] ? windows[b - 0x80] : b);
        }
    }
    return out->failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory", f->name) : MNK_OK;
}

/* Well-formed sequences of two bytes and more, and the first byte that belongs to none. */
static void look_at_bytes(const char *p, size_t n, size_t *sequences, size_t *bad, size_t *unassigned) {
    *sequences = 0, *bad = *unassigned = SIZE_MAX;
    for (size_t i = 0; i < n;) {
        if (!((uint8_t)p[i] & 0x80)) {
            i++;
            continue;
        }
        uint32_t u = 0;
        size_t length = mnk_utf8_next(p + i, &u); /* the text ends in a NUL: never past it */
        uint8_t b = (uint8_t)p[i];
        if (length > 1) ++*sequences;
        else {
            if (*bad == SIZE_MAX) *bad = i;
            if (*unassigned == SIZE_MAX && b < 0xa0 && !windows[b - 0x80]) *unassigned = i;
        }
        i += length;
    }
}

/* Row and column of byte `at`, for a message. */
static void place_of(const mnk_table_file *f, size_t at, size_t *line, size_t *field) {
    mnk_csv_scan s = {.p = f->bytes, .end = f->bytes + f->n, .line = f->first_line, .separator = f->separator, .name = f->name};
    *line = *field = 0;
    mnk_csv_field x = {0};
    while (mnk_csv_scan_row(&s)) {
        *line = s.line, *field = 0, x.last = false;
        while (!x.last) {
            ++*field;
            if (mnk_csv_scan_field(&s, &x, NULL) != MNK_OK || (size_t)(s.p - f->bytes) > at) return;
        }
    }
}

static mnk_status settle_encoding(mnk_table_file *f, int encoding, mnk_error *err) {
    size_t sequences, bad, unassigned, line, field;
    if (encoding == 2) {
        f->latin1 = true;
        return MNK_OK;
    }
    look_at_bytes(f->bytes, f->n, &sequences, &bad, &unassigned);
    if (bad == SIZE_MAX) return MNK_OK;
    size_t shown = encoding == 0 && !sequences ? unassigned : bad;
    if (shown == SIZE_MAX) {
        f->latin1 = true;
        return MNK_OK;
    }
    place_of(f, shown, &line, &field);
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: line %zu, column %zu: byte 0x%02x is not UTF-8%s", f->name, line,
                                 field, (uint8_t)f->bytes[shown],
                                 encoding == 1 ? ""
                                 : sequences   ? ", though other cells are"
                                               : " or Latin-1");
    mnk_error_hint(err, "save the table as UTF-8");
    return status;
}

/* ---- separator ---- */

/* Fields a row when the first rows agree, else 0. */
static size_t fields_by(const mnk_table_file *f, char separator) {
    mnk_csv_scan s = {.p = f->bytes, .end = f->bytes + f->n, .line = f->first_line, .separator = separator, .name = f->name};
    size_t first = 0, agree = 0, rows = 0;
    for (; rows < 100 && mnk_csv_scan_row(&s) && (size_t)(s.p - f->bytes) < (1 << 20); rows++) {
        mnk_csv_field x = {0};
        size_t n = 0;
        while (!x.last) {
            if (mnk_csv_scan_field(&s, &x, NULL) != MNK_OK) return 0;
            n++;
        }
        if (rows == 1) first = n; /* the line after the heading: headings may be of another form */
        if (!first) first = n;
        agree += n == first;
    }
    return agree * 10 >= rows * 9 ? first : 0;
}

/* Excel's own first line, "sep=;", goes; true when there was one. */
static bool drop_excel_line(mnk_table_file *f) {
    if (f->n < 6 || memcmp(f->bytes, "sep=", 4) != 0 || (f->bytes[5] != '\n' && f->bytes[5] != '\r')) return false;
    size_t n = f->bytes[5] == '\r' && f->bytes[6] == '\n' ? 7 : 6;
    f->separator = f->bytes[4];
    f->first_line = 2;
    memmove(f->bytes, f->bytes + n, f->n - n + 1);
    f->n -= n;
    return strchr(",;\t|", f->separator) != NULL;
}

static void settle_separator(mnk_table_file *f, char given) {
    static const char candidates[] = ",;\t|";
    size_t best = 1;
    f->first_line = 1;
    if (drop_excel_line(f) && !given) return;
    f->separator = given ? given : ',';
    for (size_t i = 0; !given && candidates[i]; i++) {
        size_t n = fields_by(f, candidates[i]);
        if (n > best) best = n, f->separator = candidates[i];
    }
}

/* ---- headings ---- */

static mnk_cell trimmed(const char *at, size_t n) {
    while (n && (*at == ' ' || *at == '\t')) at++, n--;
    while (n && (at[n - 1] == ' ' || at[n - 1] == '\t')) n--;
    return (mnk_cell){at, (uint32_t)n};
}

typedef struct first_row {
    mnk_csv_field *field; /* [MNK_CSV_COLUMNS_MAX] */
    size_t n;
} first_row;

static mnk_status read_first(mnk_csv_scan *s, first_row *r, mnk_error *err) {
    mnk_csv_field x = {0};
    r->n = 0;
    while (!x.last) {
        MNK_TRY(mnk_csv_scan_field(s, &x, err));
        if (r->n == MNK_CSV_COLUMNS_MAX)
            return MNK_FAIL(err, MNK_ERR_INPUT, "%s: more than %d columns", s->name, MNK_CSV_COLUMNS_MAX);
        r->field[r->n++] = x;
    }
    return MNK_OK;
}

static bool is_number(const mnk_csv_field *x, double *value) {
    mnk_cell c = trimmed(x->at, x->n);
    return mnk_number_parse(c.at, c.n, MNK_NUMBER_POINT, value, NULL) ||
           mnk_number_parse(c.at, c.n, MNK_NUMBER_COMMA, value, NULL);
}

static bool all_numbers(const first_row *r) {
    double value;
    for (size_t i = 0; i < r->n; i++)
        if (!is_number(&r->field[i], &value)) return false;
    return true;
}

/* The form of scikit-learn's data sets: "rows,features,class,class…" above rows of features and a label. */
static bool is_sklearn(const first_row *r, size_t next, mnk_table_file *f) {
    double rows = 0, features = 0;
    if (r->n < 3 || r->n == next || !is_number(&r->field[0], &rows) || !is_number(&r->field[1], &features)) return false;
    if (features != (double)(next - 1)) return false;
    for (size_t i = 2; i < r->n; i++) {
        size_t used = strlen(f->class_names);
        snprintf(f->class_names + used, sizeof f->class_names - used, "%s%.*s", used ? ", " : "",
                 (int)(r->field[i].n < 60 ? r->field[i].n : 60), r->field[i].at);
    }
    return true;
}

static mnk_status name_column(mnk_table_file *f, size_t c, const mnk_csv_field *x, mnk_error *err) {
    mnk_text t = {0};
    char made[32] = "";
    mnk_status status = MNK_OK;
    if (!x) snprintf(made, sizeof made, f->class_names[0] && c + 1 == f->columns ? "label" : "column_%zu", c + 1);
    else {
        char *copy = NULL;
        MNK_OUT(MNK_NEW(copy, x->n + 1, err));
        mnk_cell cell = trimmed(copy, mnk_csv_field_copy(x, copy));
        status = mnk_cell_text(f, &cell, &t, err);
        mnk_free(copy);
        if (status == MNK_OK && t.n > 512)
            status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: column %zu: a heading of %zu bytes; at most 512", f->name, c + 1, t.n);
        MNK_OUT(status);
        if (!t.n) snprintf(made, sizeof made, "column_%zu", c + 1); /* spreadsheets leave the row numbers' heading empty */
    }
    f->heading[c] = mnk_strdup(*made ? made : t.s);
    if (!f->heading[c]) status = MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory", f->name);
out:
    mnk_text_clear(&t);
    return status;
}

static mnk_status check_duplicates(const mnk_table_file *f, mnk_error *err) {
    char shown[96];
    for (size_t a = 0; a < f->columns; a++)
        for (size_t b = 0; b < a; b++)
            if (!strcmp(f->heading[a], f->heading[b]))
                return MNK_FAIL(err, MNK_ERR_INPUT, "%s: line %zu: columns %zu and %zu are both called '%s'", f->name,
                                f->first_line, b + 1, a + 1, mnk_printable(f->heading[a], shown));
    return MNK_OK;
}

/* Names the columns and leaves the scan at the first row of data. */
static mnk_status settle_headings(mnk_table_file *f, mnk_csv_scan *s, mnk_error *err) {
    first_row first = {0}, second = {0};
    mnk_status status = MNK_OK;
    if (!mnk_csv_scan_row(s)) return MNK_FAIL(err, MNK_ERR_INPUT, "%s: empty; its first line should name the columns", f->name);
    mnk_csv_scan start = *s;
    MNK_OUT(MNK_NEW(first.field, MNK_CSV_COLUMNS_MAX, err));
    MNK_OUT(MNK_NEW(second.field, MNK_CSV_COLUMNS_MAX, err));
    MNK_OUT(read_first(s, &first, err));
    mnk_csv_scan ahead = *s;
    if (mnk_csv_scan_row(&ahead)) MNK_OUT(read_first(&ahead, &second, err));
    bool sklearn = second.n && is_sklearn(&first, second.n, f);
    f->has_heading = !sklearn && !all_numbers(&first);
    f->columns = sklearn ? second.n : first.n;
    if (!sklearn && !f->has_heading) *s = start;
    MNK_OUT(MNK_NEW(f->heading, f->columns, err));
    for (size_t c = 0; c < f->columns; c++) MNK_OUT(name_column(f, c, f->has_heading ? &first.field[c] : NULL, err));
    status = check_duplicates(f, err);
out:
    mnk_free(first.field);
    mnk_free(second.field);
    return status;
}

/* ---- rows ---- */

static bool add_block(mnk_table_file *f, size_t at, size_t line) {
    if ((f->blocks & (f->blocks - 1)) == 0) {
        size_t more = f->blocks ? f->blocks * 2 : 1;
        size_t *a = mnk_realloc(f->block_at, more, sizeof *a);
        if (a) f->block_at = a;
        size_t *b = a ? mnk_realloc(f->block_line, more, sizeof *b) : NULL;
        if (!b) return false;
        f->block_line = b;
    }
    f->block_at[f->blocks] = at;
    f->block_line[f->blocks++] = line;
    return true;
}

/* Passes every row once: counts, checks, and notes where blocks begin. */
static mnk_status index_rows(mnk_table_file *f, mnk_csv_scan *s, mnk_error *err) {
    mnk_bad_list ragged = {0};
    char shown[96];
    f->block_rows = MNK_TABLE_BLOCK_CELLS / f->columns;
    while (mnk_csv_scan_row(s)) {
        const char *begin = s->p;
        size_t line = s->line, n = 0;
        mnk_csv_field x = {0};
        if (f->rows % f->block_rows == 0 && !add_block(f, (size_t)(begin - f->bytes), line))
            return MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory", f->name);
        for (; !x.last; n++) {
            MNK_TRY(mnk_csv_scan_field(s, &x, err));
            if (x.n > MNK_TABLE_CELL_BYTES_MAX)
                return MNK_FAIL(err, MNK_ERR_INPUT, "%s: line %zu, column %s: a cell of %zu bytes; at most %d", f->name, line,
                                n < f->columns ? mnk_printable(f->heading[n], shown) : "?", x.n, MNK_TABLE_CELL_BYTES_MAX);
        }
        f->rows++;
        if (n != f->columns) mnk_bad_list_add(&ragged, "row %zu (line %zu) has %zu", f->rows, line, n);
    }
    if (!ragged.n) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: %zu of %zu rows do not have %zu fields: %s%s", f->name, ragged.n,
                                 f->rows, f->columns, ragged.text, ragged.n > 20 ? "; …" : "");
    mnk_error_hint(err, "a separator inside a field needs quotes around the field");
    return status;
}

/* f->bytes, n and name are set; the rest is found out. */
static mnk_status settle(mnk_table_file *f, const mnk_table_options *o, mnk_error *err) {
    if (f->n >= 2 && (!memcmp(f->bytes, "\xff\xfe", 2) || !memcmp(f->bytes, "\xfe\xff", 2))) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: line 1: UTF-16 text", f->name);
        mnk_error_hint(err, "save the table as UTF-8");
        return status;
    }
    size_t mark = mnk_csv_mark(f->bytes, f->n);
    memmove(f->bytes, f->bytes + mark, f->n - mark + 1);
    f->n -= mark;
    settle_separator(f, o->separator);
    MNK_TRY(settle_encoding(f, mark ? 1 : o->encoding, err));
    mnk_csv_scan s = {.p = f->bytes, .end = f->bytes + f->n, .line = f->first_line, .separator = f->separator, .name = f->name};
    MNK_TRY(settle_headings(f, &s, err));
    return index_rows(f, &s, err);
}

mnk_status mnk_table_file_open(const char *path, const mnk_table_options *o, const mnk_observer *observer, mnk_table_file *f,
                               mnk_error *err) {
    *f = (mnk_table_file){.name = path};
    mnk_status status = mnk_table_load(path, o->max_bytes, observer, &f->bytes, &f->n, err);
    if (status == MNK_OK) status = settle(f, o, err);
    if (status != MNK_OK) mnk_table_file_clear(f);
    return status;
}

mnk_status mnk_table_file_parse(const char *bytes, size_t n, const char *name, const mnk_table_options *o, mnk_table_file *f,
                                mnk_error *err) {
    *f = (mnk_table_file){.name = name, .n = n};
    mnk_status status = MNK_NEW(f->bytes, n + 1, err);
    if (status == MNK_OK) {
        memcpy(f->bytes, bytes, n);
        status = settle(f, o, err);
    }
    if (status != MNK_OK) mnk_table_file_clear(f);
    return status;
}

void mnk_table_file_clear(mnk_table_file *f) {
    for (size_t c = 0; f->heading && c < f->columns; c++) mnk_free(f->heading[c]);
    mnk_free(f->heading);
    mnk_free(f->bytes);
    mnk_free(f->block_at);
    mnk_free(f->block_line);
    *f = (mnk_table_file){0};
}

/* ---- blocks ---- */

uint64_t mnk_cell_hash(const mnk_cell *c) {
    uint64_t h = 14695981039346656037u;
    for (uint32_t i = 0; i < c->n; i++) h = (h ^ (uint8_t)c->at[i]) * 1099511628211u;
    return h ^ h >> 29;
}

mnk_status mnk_table_block_read(const mnk_table_file *f, size_t b, mnk_table_block *out, mnk_error *err) {
    size_t first = b * f->block_rows, rows = f->rows - first < f->block_rows ? f->rows - first : f->block_rows;
    mnk_csv_scan s = {.p = f->bytes + f->block_at[b],
                      .end = f->bytes + f->n,
                      .line = f->block_line[b],
                      .separator = f->separator,
                      .name = f->name};
    *out = (mnk_table_block){.first = first, .rows = rows};
    MNK_TRY(MNK_NEW(out->cell, rows * f->columns, err));
    for (size_t r = 0; r < rows && mnk_csv_scan_row(&s); r++)
        for (size_t c = 0; c < f->columns; c++) {
            mnk_csv_field x;
            MNK_TRY(mnk_csv_scan_field(&s, &x, err));
            const char *at = x.at;
            size_t n = x.n;
            if (x.doubled) {
                char *copy = NULL;
                if (!out->texts) out->texts = mnk_arena_open();
                if (!out->texts || !(copy = mnk_arena_alloc(out->texts, x.n + 1)))
                    return MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory", f->name);
                n = mnk_csv_field_copy(&x, copy);
                at = copy;
            }
            out->cell[c * rows + r] = trimmed(at, n);
        }
    return MNK_OK;
}

void mnk_table_block_clear(mnk_table_block *b) {
    mnk_free(b->cell);
    mnk_arena_close(b->texts);
    *b = (mnk_table_block){0};
}
