/* Schema files written, and their names. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "data/date_text.h"
#include "data/images.h"
#include "data/schema_file.h"

bool mnk_schema_file_beside(const char *table, char *out, size_t size) {
    static const char *const endings[] = {".gz", ".csv", ".tsv", ".txt"};
    size_t n = strlen(table);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t m = strlen(endings[i]);
        if (n > m && !strncmp(table + n - m, endings[i], m) && table[n - m - 1] != '/') n -= m;
    }
    return (size_t)snprintf(out, size, "%.*s.schema.yaml", (int)n, table) < size;
}

/* Double-quoted YAML; what its readers would refuse as it stands is escaped. */
static void put_quoted(mnk_text *t, const char *s) {
    mnk_text_add(t, "\"");
    while (*s) {
        uint32_t u = 0;
        size_t n = mnk_utf8_next(s, &u);
        if (u == '"' || u == '\\') mnk_text_printf(t, "\\%c", (char)u);
        else if (u < 0x20 || (u >= 0x7f && u < 0xa0)) mnk_text_printf(t, "\\x%02X", u);
        else if (u == 0x2028 || u == 0x2029 || u == 0xfeff || u >= 0xfff0) {
            if (u < 0x10000) mnk_text_printf(t, "\\u%04X", u);
            else mnk_text_printf(t, "\\U%08X", u);
        } else mnk_text_add_n(t, s, n);
        s += n;
    }
    mnk_text_add(t, "\"");
}

static void put_list(mnk_text *t, const char *key, char *const *item, size_t n) {
    size_t line = t->n;
    if (!n) return;
    mnk_text_printf(t, "    %s: [", key);
    for (size_t i = 0; i < n; i++) {
        if (i) mnk_text_add(t, ",");
        if (t->n - line > 110) mnk_text_add(t, "\n             "), line = t->n;
        else if (i) mnk_text_add(t, " ");
        put_quoted(t, item[i]);
    }
    mnk_text_add(t, "]\n");
}

void mnk_column_number_text(const mnk_column *c, double value, char out[64]) {
    char shortest[32];
    if (c->type == MNK_COLUMN_DATE) {
        mnk_date_format(value, c->format, out, 64);
        return;
    }
    int decimals = c->type == MNK_COLUMN_INTEGER ? value == floor(value) ? 0 : -1 : c->decimals;
    if (decimals < 0 || fabs(value) >= 1e15) {
        snprintf(out, 64, "%s", mnk_double_text(value, shortest));
        return;
    }
    snprintf(out, 64, "%.*f", decimals, value);
    char *comma = strchr(out, ','); /* a caller's locale must not reach the bytes */
    if (comma) *comma = '.';
}

static void put_bound(mnk_text *t, const mnk_column *c, const char *key, double value) {
    char text[64], shortest[32];
    if (isnan(value)) return;
    mnk_text_printf(t, "    %s: ", key);
    if (c->type == MNK_COLUMN_DATE) {
        mnk_column_number_text(c, value, text);
        put_quoted(t, text);
    } else mnk_text_add(t, mnk_double_text(value, shortest));
    mnk_text_add(t, "\n");
}

static void put_column(mnk_text *t, const mnk_schema *s, const mnk_column *c) {
    mnk_text_add(t, "  - name: ");
    put_quoted(t, c->name);
    mnk_text_printf(t, "\n    type: %s\n", mnk_column_type_name(c->type));
    if (c->roles) {
        mnk_text_add(t, "    roles: [");
        for (int i = 0, some = 0; i < MNK_COLUMN_ROLES; i++)
            if (c->roles >> i & 1)
                mnk_text_printf(t, "%s%s", some++ ? ", " : "", mnk_column_role_name((mnk_column_role)(1 << i)));
        mnk_text_add(t, "]\n");
    }
    if (*c->unit) mnk_text_add(t, "    unit: "), put_quoted(t, c->unit), mnk_text_add(t, "\n");
    if (*c->format) mnk_text_add(t, "    format: "), put_quoted(t, c->format), mnk_text_add(t, "\n");
    if (c->type == MNK_COLUMN_NUMERIC && c->decimals >= 0) mnk_text_printf(t, "    decimals: %d\n", c->decimals);
    if (mnk_column_is_number(c)) put_bound(t, c, "low", c->low), put_bound(t, c, "high", c->high);
    if (c->type == MNK_COLUMN_CATEGORY || c->type == MNK_COLUMN_ORDINAL) put_list(t, "levels", c->level, c->levels);
    put_list(t, "missing", c->missing, c->missings);
    bool by_itself = !mnk_column_is_number(c) && (!c->levels || c->type == MNK_COLUMN_TEXT || c->type == MNK_COLUMN_ID);
    if (c->is_open && !s->is_inferred && !by_itself) mnk_text_add(t, "    open: true\n");
}

mnk_status mnk_schema_file_text(const mnk_schema *s, const mnk_table_meta *meta, mnk_text *t, mnk_error *err) {
    mnk_text_printf(t, "manikin_schema: %d\n", MNK_SCHEMA_FILE_VERSION);
    if (s->is_inferred)
        mnk_text_add(
            t, "# Inferred from the table. Check types, roles, levels and bounds, then delete the next line: from then on\n"
               "# a value outside them is refused by row and column (a column may say \"open: true\").\n"
               "proposed: true\n");
    if (meta && meta->generator) {
        mnk_text_add(t, "synthetic:\n  generator: ");
        put_quoted(t, meta->generator);
        if (meta->model_hash && *meta->model_hash) mnk_text_add(t, "\n  model: "), put_quoted(t, meta->model_hash);
        mnk_text_printf(t, "\n  seed: %" PRIu64 "\n", meta->seed);
    }
    mnk_text_add(t, "columns:\n");
    for (size_t c = 0; c < s->columns; c++) put_column(t, s, &s->column[c]);
    if (s->rules) mnk_text_add(t, "rules:\n");
    for (size_t i = 0; i < s->rules; i++) mnk_text_add(t, "  - "), put_quoted(t, s->rule[i]), mnk_text_add(t, "\n");
    return t->failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: the schema file") : MNK_OK;
}

mnk_status mnk_schema_write(const mnk_schema *s, const char *path, bool force, mnk_error *err) {
    mnk_text t = {0};
    mnk_status status = mnk_schema_file_text(s, NULL, &t, err);
    if (status == MNK_OK) status = mnk_file_write(path, force, t.s, t.n, err);
    mnk_text_clear(&t);
    return status;
}
