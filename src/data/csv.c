#include "data/csv.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "data/csv_scan.h"
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

/* One row; its fields go to *out, where the next character of text is written (it never overtakes what is read). */
static mnk_status read_row(mnk_csv *csv, mnk_csv_scan *s, char **out, mnk_error *err) {
    size_t first = csv->n_cells, line = s->line;
    mnk_csv_field f = {0};
    while (!f.last) {
        if (!grow(&csv->cells, csv->n_cells, &csv->size_cells))
            return MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory", s->name);
        csv->cells[csv->n_cells++] = (size_t)(*out - csv->text);
        MNK_TRY(mnk_csv_scan_field(s, &f, err));
        *out += mnk_csv_field_copy(&f, *out);
        *(*out)++ = '\0';
        if (csv->n_cells - first > MNK_CSV_COLUMNS_MAX)
            return MNK_FAIL(err, MNK_ERR_INPUT, "%s: line %zu: more than %d columns", s->name, line, MNK_CSV_COLUMNS_MAX);
    }
    size_t n = csv->n_cells - first;
    if (!csv->n_rows) csv->columns = n;
    if (n != csv->columns)
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s: line %zu: %zu fields, the first line has %zu", s->name, line, n, csv->columns);
    if (!grow(&csv->lines, csv->n_rows, &csv->size_rows)) return MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory", s->name);
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
    size_t mark = mnk_csv_mark(bytes, n);
    mnk_csv_scan scan = {.p = bytes + mark, .end = bytes + n, .line = 1, .separator = ',', .name = name};
    char *end = csv->text;
    while (status == MNK_OK && mnk_csv_scan_row(&scan)) status = read_row(csv, &scan, &end, err);
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
