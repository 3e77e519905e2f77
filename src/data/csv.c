#include "data/csv.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "data/images.h"

struct mnk_csv {
    char *text;    /* the copy, cut into fields in place */
    size_t *cells; /* offsets into text, row by row, header first */
    size_t *lines; /* of each row, header first */
    size_t n_cells, size_cells, n_rows, size_rows, columns;
};

static bool grow(size_t **list, size_t n, size_t *size) {
    if (n < *size) return true;
    size_t more = *size ? *size * 2 : 256;
    size_t *bigger = mnk_realloc(*list, more, sizeof **list);
    if (!bigger) return false;
    *list = bigger;
    *size = more;
    return true;
}

typedef struct reader {
    const char *p, *end;
    char *out; /* where the next character of a field goes; never overtakes p */
    size_t line;
    const char *name;
} reader;

/* One field; *last tells whether its row ends with it. */
static mnk_status read_field(reader *r, bool *last, mnk_error *err) {
    bool quoted = r->p < r->end && *r->p == '"', open = quoted;
    size_t start = r->line;
    if (quoted) r->p++;
    *last = true;
    while (r->p < r->end) {
        char c = *r->p++;
        if (!c) return MNK_FAIL(err, MNK_ERR_INPUT, "%s: line %zu: a zero byte; not a text file", r->name, r->line);
        if (open) {
            if (c == '\n') r->line++;
            if (c != '"') *r->out++ = c;
            else if (r->p < r->end && *r->p == '"') *r->out++ = *r->p++;
            else open = false;
            continue;
        }
        if (c == ',') {
            *last = false;
            break;
        }
        if (c == '\r' && r->p < r->end && *r->p == '\n') continue;
        if (c == '\n' || c == '\r') {
            r->line++;
            break;
        }
        if (quoted) return MNK_FAIL(err, MNK_ERR_INPUT, "%s: line %zu: text after a closing quote", r->name, r->line);
        *r->out++ = c;
    }
    if (open) return MNK_FAIL(err, MNK_ERR_INPUT, "%s: line %zu: a quote is never closed", r->name, start);
    *r->out++ = '\0';
    return MNK_OK;
}

static mnk_status read_row(mnk_csv *csv, reader *r, mnk_error *err) {
    size_t first = csv->n_cells, line = r->line;
    bool last = false;
    while (!last) {
        if (!grow(&csv->cells, csv->n_cells, &csv->size_cells))
            return MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory", r->name);
        csv->cells[csv->n_cells++] = (size_t)(r->out - csv->text);
        MNK_TRY(read_field(r, &last, err));
        if (csv->n_cells - first > MNK_CSV_COLUMNS_MAX)
            return MNK_FAIL(err, MNK_ERR_INPUT, "%s: line %zu: more than %d columns", r->name, line, MNK_CSV_COLUMNS_MAX);
    }
    size_t n = csv->n_cells - first;
    if (!csv->n_rows) csv->columns = n;
    if (n != csv->columns)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: line %zu: %zu fields, the first line has %zu", r->name, line, n, csv->columns);
    if (!grow(&csv->lines, csv->n_rows, &csv->size_rows)) return MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory", r->name);
    csv->lines[csv->n_rows++] = line;
    return MNK_OK;
}

static mnk_status check_headings(const mnk_csv *csv, const char *name, mnk_error *err) {
    char shown[96];
    for (size_t a = 0; a < csv->columns; a++)
        for (size_t b = 0; b < a; b++)
            if (!strcmp(mnk_csv_heading(csv, a), mnk_csv_heading(csv, b)))
                return MNK_FAIL(err, MNK_ERR_INPUT, "%s: two columns are called '%s'", name,
                                mnk_printable(mnk_csv_heading(csv, a), shown));
    if (csv->columns == 1 && strpbrk(mnk_csv_heading(csv, 0), ";\t")) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: fields are not separated by commas", name);
        mnk_error_hint(err, "save it as comma-separated CSV");
        return status;
    }
    return MNK_OK;
}

mnk_status mnk_csv_parse(const char *bytes, size_t n, const char *name, mnk_csv **out, mnk_error *err) {
    *out = NULL;
    mnk_csv *csv = NULL;
    MNK_TRY(MNK_NEW(csv, 1, err));
    mnk_status status = MNK_NEW(csv->text, n + 1, err); /* n bytes yield at most n characters and ends, and one end more */
    if (n >= 3 && !memcmp(bytes, "\xef\xbb\xbf", 3)) bytes += 3, n -= 3;
    reader r = {.p = bytes, .end = bytes + n, .out = csv->text, .line = 1, .name = name};
    while (status == MNK_OK && r.p < r.end) {
        if (*r.p == '\n' || *r.p == '\r') { /* blank line */
            r.line += *r.p == '\n' || r.p + 1 == r.end || r.p[1] != '\n';
            r.p++;
            continue;
        }
        status = read_row(csv, &r, err);
    }
    if (status == MNK_OK && !csv->n_rows)
        status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: empty; its first line should name the columns", name);
    if (status == MNK_OK) status = check_headings(csv, name, err);
    if (status != MNK_OK) {
        mnk_csv_close(csv);
        return status;
    }
    *out = csv;
    return MNK_OK;
}

void mnk_csv_close(mnk_csv *csv) {
    if (!csv) return;
    mnk_free(csv->text);
    mnk_free(csv->cells);
    mnk_free(csv->lines);
    mnk_free(csv);
}

size_t mnk_csv_rows(const mnk_csv *csv) { return csv->n_rows - 1; }
size_t mnk_csv_columns(const mnk_csv *csv) { return csv->columns; }
const char *mnk_csv_heading(const mnk_csv *csv, size_t column) { return csv->text + csv->cells[column]; }
const char *mnk_csv_cell(const mnk_csv *csv, size_t row, size_t column) {
    return csv->text + csv->cells[(row + 1) * csv->columns + column];
}
size_t mnk_csv_line(const mnk_csv *csv, size_t row) { return csv->lines[row + 1]; }

long mnk_csv_find(const mnk_csv *csv, const char *heading) {
    for (size_t c = 0; c < csv->columns; c++)
        if (!strcmp(mnk_csv_heading(csv, c), heading)) return (long)c;
    return -1;
}

void mnk_csv_add(mnk_text *t, const char *field) {
    if (*field && !strpbrk(field, ",\"\r\n") && *field != ' ' && field[strlen(field) - 1] != ' ') {
        mnk_text_add(t, field);
        return;
    }
    if (!*field) return;
    mnk_text_add(t, "\"");
    for (const char *p = field; *p; p++) mnk_text_add_n(t, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
    mnk_text_add(t, "\"");
}
