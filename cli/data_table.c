/* What `manikin data` prints and writes for a table. */
#include "data_table.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "data/images.h"
#include "data/schema_file.h"
#include "manikin/result.h"

static void print_heading(const mnk_table *t) {
    char shown[96];
    printf("%s: %zu rows, %zu columns", mnk_printable(t->source, shown), t->n, t->schema->columns);
    if (t->person) printf(", %zu persons", t->persons);
    printf("%s\n\n", t->synthetic ? ", synthetic" : "");
}

static void roles_text(const mnk_column *k, char *out, size_t size) {
    out[0] = '\0';
    for (int i = 0; i < MNK_COLUMN_ROLES; i++)
        if (k->roles >> i & 1) {
            size_t used = strlen(out);
            snprintf(out + used, size - used, "%s%s", used ? ", " : "", mnk_column_role_name((mnk_column_role)(1 << i)));
        }
}

/* The most frequent levels: "male 58%, female 42%". */
static mnk_status top_levels(const mnk_table *t, size_t c, char *out, size_t size, mnk_error *err) {
    const mnk_column *k = &t->schema->column[c];
    size_t *count = NULL, have = 0;
    char shown[96];
    MNK_TRY(MNK_NEW(count, k->levels + 1, err));
    for (size_t i = 0; i < t->n; i++)
        if (t->code[c][i] >= 0) count[t->code[c][i]]++, have++;
    size_t different = 0;
    for (size_t l = 0; l < k->levels; l++) different += count[l] > 0;
    snprintf(out, size, "%zu level%s", different, different == 1 ? "" : "s");
    for (int shows = 0; shows < 3 && have; shows++) {
        size_t best = 0;
        for (size_t l = 1; l < k->levels; l++)
            if (count[l] > count[best]) best = l;
        if (!count[best]) break;
        size_t used = strlen(out);
        if (used + 40 > size) break;
        snprintf(out + used, size - used, "%s%.24s %.0f%%", shows ? ", " : ": ", mnk_printable(k->level[best], shown),
                 100.0 * (double)count[best] / (double)have);
        count[best] = 0;
    }
    mnk_free(count);
    return MNK_OK;
}

static void range_text(const mnk_result *r, const mnk_column *k, char *out, size_t size) {
    char low[64], high[64], subset[64];
    snprintf(subset, sizeof subset, "%.63s", k->name);
    const mnk_metric *a = mnk_result_find(r, "low", "", subset), *b = mnk_result_find(r, "high", "", subset);
    const mnk_metric *m = mnk_result_find(r, "mean", "", subset);
    if (!a || !b || isnan(a->value)) {
        snprintf(out, size, "no values");
        return;
    }
    mnk_column_number_text(k, a->value, low);
    mnk_column_number_text(k, b->value, high);
    snprintf(out, size, "%s to %s", low, high);
    size_t used = strlen(out);
    if (m && k->type != MNK_COLUMN_DATE)
        snprintf(out + used, size - used, ", mean %.4g%s%s", m->value, *k->unit ? " " : "", k->unit);
}

static mnk_status print_columns(const mnk_table *t, const mnk_result *r, mnk_error *err) {
    char shown[96], roles[160], values[200], subset[64];
    size_t widest = 6, roles_widest = 5;
    for (size_t c = 0; c < t->schema->columns; c++) {
        size_t n = strlen(mnk_printable(t->schema->column[c].name, shown));
        roles_text(&t->schema->column[c], roles, sizeof roles);
        if (n > widest) widest = n > 30 ? 30 : n;
        if (strlen(roles) > roles_widest) roles_widest = strlen(roles);
    }
    printf("%-*s %-8s %-*s %8s  %s\n", (int)widest, "column", "type", (int)roles_widest, "roles", "missing", "values");
    for (size_t c = 0; c < t->schema->columns; c++) {
        const mnk_column *k = &t->schema->column[c];
        snprintf(subset, sizeof subset, "%.63s", k->name);
        const mnk_metric *m = mnk_result_find(r, "missing", "", subset);
        roles_text(k, roles, sizeof roles);
        if (t->number[c]) range_text(r, k, values, sizeof values);
        else if (k->type == MNK_COLUMN_ID || k->type == MNK_COLUMN_TEXT) {
            const mnk_metric *levels = mnk_result_find(r, "levels", "", subset);
            snprintf(values, sizeof values, "%.0f different", levels ? levels->value : NAN);
        } else MNK_TRY(top_levels(t, c, values, sizeof values, err));
        printf("%-*.*s %-8s %-*s %7.1f%%  %s\n", (int)widest, (int)widest, mnk_printable(k->name, shown),
               mnk_column_type_name(k->type), (int)roles_widest, roles, m ? 100 * m->value : NAN, values);
    }
    return MNK_OK;
}

static void print_checks(const mnk_result *r) {
    static const char *const ids[] = {
        "missing",         "constant_columns",    "duplicate_rows", "conflicting_rows", "persons", "repeated_persons",
        "rows_per_person", "cross_split_persons", "classes",        "imbalance",        "leaks"};
    printf("\n");
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        const mnk_metric *m = mnk_result_find(r, ids[i], "", "");
        if (!m) continue;
        if (m->value == floor(m->value)) printf("%-20s %9.0f  %s\n", m->id, m->value, m->note);
        else printf("%-20s %9.4f  %s\n", m->id, m->value, m->note);
    }
    for (size_t i = 0, some = 0; i < r->metrics; i++) {
        const mnk_metric *m = &r->metric[i];
        if (strcmp(m->id, "n_class") != 0 && strcmp(m->id, "n_subgroup") != 0 && strcmp(m->id, "n_split") != 0) continue;
        printf("%s%-12s %-40.40s %9.0f  %5.1f%%\n", some++ ? "" : "\n", m->id, m->subset, m->value,
               100 * m->value / (double)m->n);
    }
}

/* The columns that tell most about the label, each alone. */
static void print_leaks(const mnk_result *r) {
    double below = INFINITY;
    for (int shown = 0; shown < 5; shown++) {
        const mnk_metric *best = NULL;
        for (size_t i = 0; i < r->metrics; i++) {
            const mnk_metric *m = &r->metric[i];
            if (strncmp(m->id, "leak_", 5) == 0 && m->value < below && (!best || m->value > best->value)) best = m;
        }
        if (!best) break;
        if (!shown) printf("\ntells most about the label, alone\n");
        printf("  %-30.30s %.3f  %s\n", best->subset, best->value, best->note);
        below = best->value;
    }
}

/* Writes what was inferred, unless a schema is there; a folder that cannot be written to is no failure of `data`. */
static mnk_status write_schema(cli_context *c, const data_table_config *k, const mnk_table *t, mnk_error *err) {
    char beside[1200], path[1024];
    snprintf(path, sizeof path, "%s", c->operand[0]);
    char *colon = mnk_path_exists(path) ? NULL : strrchr(path, ':'); /* FILE:split */
    if (colon) *colon = '\0';
    const char *out = k->schema_out;
    if (!out && (!t->schema->is_inferred || k->schema || !mnk_schema_file_beside(path, beside, sizeof beside))) return MNK_OK;
    if (!out) out = beside;
    if (mnk_path_exists(out) && !(k->schema_out && c->common.force)) {
        if (k->schema_out) printf("\n%s is kept: it exists already\n", out);
        return MNK_OK;
    }
    mnk_error why = MNK_ERROR_INIT;
    mnk_status status = mnk_schema_write(t->schema, out, c->common.force, &why);
    if (status == MNK_OK) {
        printf("\nschema written to %s: check it, then delete its line \"proposed: true\"\n", out);
        return MNK_OK;
    }
    if (!k->schema_out && status == MNK_ERR_IO) {
        printf("\nno schema written (%s); --schema-out FILE puts it elsewhere\n", why.message);
        return MNK_OK;
    }
    if (err) *err = why;
    return status;
}

mnk_status data_table_run(cli_context *c, const data_table_config *k, mnk_error *err) {
    mnk_table *t = NULL;
    mnk_result *r = NULL;
    mnk_table_options o = {.schema_path = k->schema,
                           .label_column = k->label,
                           .person_column = k->person,
                           .missing = k->missing,
                           .ignore_columns = k->ignore};
    mnk_status status = mnk_table_open(c->operand[0], &o, c->observer, &t, err);
    if (status == MNK_OK) status = mnk_result_open("data", 0, &r, err);
    if (status == MNK_OK) {
        r->threads = mnk_threads();
        status = mnk_table_describe(t, c->observer, r, err);
    }
    if (status == MNK_OK && c->common.json) status = mnk_result_write(r, c->common.json, c->common.force, err);
    if (status == MNK_OK) {
        print_heading(t);
        status = print_columns(t, r, err);
    }
    if (status == MNK_OK) {
        print_checks(r);
        print_leaks(r);
        for (size_t i = 0; i < r->warnings; i++) printf("%s%s %s\n", i ? "" : "\n", "warning:", r->warning[i]);
        status = write_schema(c, k, t, err);
    }
    if (status == MNK_OK)
        cli_next(c, "manikin evaluate --train %s --holdout HOLDOUT.csv --synthetic SYNTHETIC.csv", c->operand[0]);
    mnk_result_close(r);
    mnk_table_close(t);
    return status;
}
