/* What is in a table, and what is wrong with it. */
#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "data/describing.h"
#include "data/images.h"
#include "data/number_text.h"
#include "data/table_checks.h"

enum { FEW_ROWS = 20, NAMED = 6 };
static const double leak_auc = 0.95;

typedef struct describing {
    mnk_describing out;
    const mnk_table *t;
    mnk_result *r; /* that of out */
} describing;

static void add(describing *g, const char *id, const char *subset, double value, size_t n, const char *note) {
    mnk_describe_add(&g->out, id, subset, value, n, note);
}

static void flag(describing *g, const char *kind, size_t *count, size_t item, size_t of) {
    mnk_describe_flag(&g->out, kind, count, item, of, 0, "");
}

/* A warning names the first columns. */
typedef struct names {
    size_t n;
    char text[180];
} names;
static void add_name(names *list, const char *name, const char *more) {
    char shown[96];
    size_t used = strlen(list->text);
    if (list->n++ >= NAMED || used > 130) return;
    snprintf(list->text + used, sizeof list->text - used, "%s%.40s%s", used ? ", " : "", mnk_printable(name, shown), more);
}
static const char *more(const names *list) { return list->n > NAMED ? ", …" : ""; }

/* ---- columns ---- */

static void moments(const double *x, size_t n, double *mean, double *sd, double *low, double *high) {
    double sum = 0, squares = 0;
    size_t have = 0;
    *low = INFINITY, *high = -INFINITY;
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i])) continue;
        sum += x[i], have++;
        *low = fmin(*low, x[i]), *high = fmax(*high, x[i]);
    }
    *mean = sum / (double)have;
    for (size_t i = 0; i < n; i++)
        if (!isnan(x[i])) squares += (x[i] - *mean) * (x[i] - *mean);
    *sd = have > 1 ? sqrt(squares / (double)(have - 1)) : NAN;
    if (!have) *low = *high = NAN;
}

static mnk_status different_codes(const mnk_table *t, size_t c, size_t *out, mnk_error *err) {
    uint8_t *seen = NULL;
    MNK_TRY(MNK_NEW(seen, t->schema->column[c].levels + 1, err));
    *out = 0;
    for (size_t i = 0; i < t->n; i++)
        if (t->code[c][i] >= 0 && !seen[t->code[c][i]]) ++*out, seen[t->code[c][i]] = 1;
    mnk_free(seen);
    return MNK_OK;
}

static mnk_status columns(describing *g, mnk_error *err) {
    const mnk_table *t = g->t;
    names constant = {0}, mostly = {0};
    size_t all = 0;
    for (size_t c = 0; c < t->schema->columns; c++) {
        const mnk_column *k = &t->schema->column[c];
        size_t missing = 0, different = 0;
        bool same;
        for (size_t i = 0; i < t->n; i++) missing += mnk_table_is_missing(t, c, i);
        all += missing;
        add(g, "missing", k->name, t->n ? (double)missing / (double)t->n : NAN, t->n, NULL);
        if (t->number[c]) {
            double mean, sd, low, high;
            moments(t->number[c], t->n, &mean, &sd, &low, &high);
            add(g, "low", k->name, low, t->n - missing, NULL);
            add(g, "high", k->name, high, t->n - missing, NULL);
            add(g, "mean", k->name, mean, t->n - missing, NULL);
            add(g, "sd", k->name, sd, t->n - missing, NULL);
            same = low == high;
        } else {
            MNK_TRY(different_codes(t, c, &different, err));
            add(g, "levels", k->name, (double)different, t->n - missing, NULL);
            same = different == 1;
        }
        if (k->roles & MNK_COLUMN_IS_IGNORE) continue;
        if (same && !missing) add_name(&constant, k->name, "");
        if (missing * 2 > t->n) add_name(&mostly, k->name, "");
    }
    size_t cells = t->n * t->schema->columns;
    add(g, "missing", "", cells ? (double)all / (double)cells : NAN, cells, "share of all cells");
    add(g, "constant_columns", "", (double)constant.n, t->schema->columns, "one value in every row");
    if (constant.n)
        mnk_result_add_warning(g->r, "%zu column%s constant: %s%s", constant.n, constant.n == 1 ? " is" : "s are",
                               constant.text, more(&constant));
    if (mostly.n)
        mnk_result_add_warning(g->r, "%zu column%s missing in most rows: %s%s", mostly.n, mostly.n == 1 ? " is" : "s are",
                               mostly.text, more(&mostly));
    return MNK_OK;
}

/* ---- label, subgroups, splits ---- */

static mnk_status count_levels(const mnk_table *t, size_t c, size_t **out, mnk_error *err) {
    MNK_TRY(MNK_NEW(*out, t->schema->column[c].levels + 1, err));
    for (size_t i = 0; i < t->n; i++)
        if (t->code[c][i] >= 0) (*out)[t->code[c][i]]++;
    return MNK_OK;
}

static mnk_status label_counts(describing *g, mnk_error *err) {
    const mnk_table *t = g->t;
    long c = mnk_schema_role(t->schema, MNK_COLUMN_IS_LABEL);
    size_t *count = NULL, largest = 0, smallest = SIZE_MAX, classes = 0;
    if (c < 0) {
        mnk_result_add_warning(g->r, "no label: name the outcome with --label, or give a column the role label in the schema");
        return MNK_OK;
    }
    const mnk_column *k = &t->schema->column[c];
    size_t unknown = 0;
    for (size_t i = 0; i < t->n; i++) unknown += mnk_table_is_missing(t, (size_t)c, i);
    if (unknown) mnk_result_add_warning(g->r, "%zu rows have no label", unknown);
    if (!t->code[c]) return MNK_OK;
    MNK_TRY(count_levels(t, (size_t)c, &count, err));
    for (size_t l = 0; l < k->levels; l++) {
        if (!count[l]) continue;
        classes++;
        add(g, "n_class", k->level[l], (double)count[l], t->n, NULL);
        if (count[l] > largest) largest = count[l];
        if (count[l] < smallest) smallest = count[l];
    }
    mnk_free(count);
    add(g, "classes", "", (double)classes, t->n, NULL);
    if (classes < 2) {
        mnk_result_add_warning(g->r, "the label has one class only: nothing to predict");
        return MNK_OK;
    }
    add(g, "imbalance", "", (double)largest / (double)smallest, t->n, "largest class over smallest");
    if (largest / smallest >= 10)
        mnk_result_add_warning(g->r, "the largest class has %.0f times as many rows as the smallest",
                               (double)largest / (double)smallest);
    return MNK_OK;
}

static mnk_status subgroup_counts(describing *g, mnk_error *err) {
    const mnk_table *t = g->t;
    names few = {0};
    for (size_t c = 0; c < t->schema->columns; c++) {
        const mnk_column *k = &t->schema->column[c];
        size_t *count = NULL;
        if (!(k->roles & MNK_COLUMN_IS_SUBGROUP) || !t->code[c]) continue;
        MNK_TRY(count_levels(t, c, &count, err));
        for (size_t l = 0; l < k->levels; l++) {
            char name[128], number[32];
            snprintf(name, sizeof name, "%.50s=%.50s", k->name, k->level[l]);
            add(g, "n_subgroup", name, (double)count[l], t->n, NULL);
            snprintf(number, sizeof number, " (%zu)", count[l]);
            if (count[l] < FEW_ROWS) add_name(&few, name, number);
        }
        mnk_free(count);
    }
    if (few.n)
        mnk_result_add_warning(g->r, "%zu subgroup%s fewer than %d rows: %s%s", few.n, few.n == 1 ? " has" : "s have", FEW_ROWS,
                               few.text, more(&few));
    return MNK_OK;
}

static mnk_status persons(describing *g, mnk_error *err) {
    const mnk_table *t = g->t;
    size_t split[5] = {0}, *rows = NULL, repeated = 0, most = 0, torn = 0;
    uint8_t *side = NULL;
    for (size_t i = 0; i < t->n; i++) split[t->split[i]]++;
    for (int s = 1; s < 5; s++)
        if (split[s]) add(g, "n_split", mnk_split_name((mnk_split)s), (double)split[s], t->n, NULL);
    if (!t->person) return MNK_OK;
    MNK_TRY(MNK_NEW(rows, t->persons + 1, err));
    mnk_status status = MNK_NEW(side, t->persons + 1, err);
    for (size_t i = 0; i < t->n && status == MNK_OK; i++) {
        rows[t->person[i]]++;
        side[t->person[i]] |= (uint8_t)(1 << t->split[i]);
    }
    for (size_t p = 0; p < t->persons && status == MNK_OK; p++) {
        repeated += rows[p] > 1;
        if (rows[p] > most) most = rows[p];
        torn += (side[p] & (side[p] - 1)) != 0;
    }
    mnk_free(rows);
    mnk_free(side);
    if (status != MNK_OK) return status;
    add(g, "persons", "", (double)t->persons, t->n, NULL);
    add(g, "repeated_persons", "", (double)repeated, t->persons, "persons with more than one row");
    add(g, "rows_per_person", "", (double)most, t->persons, "largest number");
    add(g, "cross_split_persons", "", (double)torn, t->persons, "persons with rows in more than one split");
    if (torn) mnk_result_add_warning(g->r, "%zu persons have rows in more than one split: scores there will be too good", torn);
    return MNK_OK;
}

/* ---- duplicates ---- */

static mnk_status duplicates(describing *g, mnk_error *err) {
    const mnk_table *t = g->t;
    long label = mnk_schema_role(t->schema, MNK_COLUMN_IS_LABEL);
    size_t *first = NULL, exact = 0, conflicting = 0, across = 0, flags = 0, data = 0;
    for (size_t c = 0; c < t->schema->columns; c++) data += (long)c != label && mnk_column_is_data(&t->schema->column[c]);
    if (!data) return MNK_OK;
    MNK_TRY(MNK_NEW(first, t->n + 1, err));
    mnk_status status = mnk_table_same_rows(t, -1, first, err);
    for (size_t i = 0; i < t->n && status == MNK_OK; i++) {
        if (first[i] == i) continue;
        exact++;
        across += t->split[i] != t->split[first[i]];
        flag(g, "duplicate_row", &flags, i, first[i]);
    }
    flags = 0;
    if (status == MNK_OK && label >= 0) status = mnk_table_same_rows(t, label, first, err);
    for (size_t i = 0; i < t->n && status == MNK_OK && label >= 0; i++) {
        size_t f = first[i], l = (size_t)label;
        bool differ = mnk_table_is_missing(t, l, i) != mnk_table_is_missing(t, l, f) ||
                      (!mnk_table_is_missing(t, l, i) &&
                       (t->code[l] ? t->code[l][i] != t->code[l][f] : t->number[l][i] != t->number[l][f]));
        if (!differ) continue;
        conflicting++;
        flag(g, "conflicting_row", &flags, i, f);
    }
    mnk_free(first);
    if (status != MNK_OK) return status;
    add(g, "duplicate_rows", "", (double)exact, t->n, "equal to an earlier row in every data column");
    if (label >= 0) add(g, "conflicting_rows", "", (double)conflicting, t->n, "equal to an earlier row but for the label");
    if (across) mnk_result_add_warning(g->r, "%zu rows stand in another split too: scores there will be too good", across);
    return MNK_OK;
}

/* ---- leaks of the outcome ---- */

typedef struct leaking {
    const mnk_table *t;
    size_t label;
    mnk_leak *leak; /* [columns] */
    mnk_status status;
} leaking;

static bool may_leak(const mnk_table *t, size_t c, size_t label) {
    return c != label && mnk_column_is_data(&t->schema->column[c]);
}

static void leak_of_column(void *ctx, size_t c) {
    leaking *l = ctx;
    if (!may_leak(l->t, c, l->label)) return;
    mnk_status status = mnk_table_leak(l->t, c, l->label, &l->leak[c], NULL);
    if (status != MNK_OK) {
#pragma omp critical(mnk_leak)
        l->status = status;
    }
}

static mnk_status leaks(describing *g, mnk_error *err) {
    const mnk_table *t = g->t;
    long label = mnk_schema_role(t->schema, MNK_COLUMN_IS_LABEL);
    names found = {0};
    if (label < 0) return MNK_OK;
    leaking l = {.t = t, .label = (size_t)label};
    bool number = t->number[label] != NULL;
    MNK_TRY(MNK_NEW(l.leak, t->schema->columns, err));
    mnk_parallel_for(t->schema->columns, leak_of_column, &l);
    for (size_t c = 0; c < t->schema->columns && l.status == MNK_OK; c++) {
        char note[160], percent[32];
        if (!may_leak(t, c, l.label)) continue;
        const mnk_leak *x = &l.leak[c];
        if (number) snprintf(note, sizeof note, "R squared of the label from this column alone");
        else if (isnan(x->value)) snprintf(note, sizeof note, "too few rows of a class");
        else snprintf(note, sizeof note, "AUC of %.60s from this column alone", t->schema->column[label].level[x->level]);
        add(g, number ? "leak_r2" : "leak_auc", t->schema->column[c].name, x->value, x->n, note);
        snprintf(percent, sizeof percent, " (%.3f)", x->value);
        if (x->value >= leak_auc) add_name(&found, t->schema->column[c].name, percent);
    }
    mnk_free(l.leak);
    if (l.status != MNK_OK) return MNK_FAIL(err, l.status, "out of memory: leaks of %zu columns", t->schema->columns);
    add(g, "leaks", "", (double)found.n, t->schema->columns,
        number ? "columns with R squared of 0.95 and more" : "columns with an AUC of 0.95 and more");
    if (found.n)
        mnk_result_add_warning(g->r, "%zu column%s the label nearly alone (%s): %s%s: known only afterwards?", found.n,
                               found.n == 1 ? " tells" : "s tell", number ? "R squared" : "AUC", found.text, more(&found));
    return MNK_OK;
}

/* ---- suspicions, rules, bounds ---- */

/* Levels that are numbers, all but a few that hold one: "> 89" among ages. Codes with letters (E909) are none. */
static bool is_nearly_number(const mnk_table *t, size_t c, const char **other) {
    const mnk_column *k = &t->schema->column[c];
    size_t numbers = 0;
    double x;
    *other = NULL;
    if (!t->code[c] || k->type == MNK_COLUMN_ID || k->levels < 20) return false;
    for (size_t l = 0; l < k->levels; l++) {
        if (mnk_number_parse(k->level[l], strlen(k->level[l]), MNK_NUMBER_POINT, &x, NULL)) numbers++;
        else if (isalpha((unsigned char)*k->level[l]) || !strpbrk(k->level[l], "0123456789")) return false;
        else if (!*other) *other = k->level[l];
    }
    return *other && numbers * 10 >= k->levels * 9;
}

static mnk_status suspicions(describing *g, mnk_error *err) {
    const mnk_table *t = g->t;
    char shown[96], other[96], value[32], nearest[32];
    for (size_t c = 0; c < t->schema->columns; c++) {
        const mnk_column *k = &t->schema->column[c];
        mnk_odd_value odd;
        bool found = false;
        const char *text = NULL;
        if (k->roles & MNK_COLUMN_IS_IGNORE) continue;
        if (k->type != MNK_COLUMN_DATE) MNK_TRY(mnk_table_odd_value(t, c, &odd, &found, err));
        if (found) {
            char note[120];
            snprintf(note, sizeof note, "%s in %zu rows, the nearest other value is %s", mnk_double_text(odd.value, value),
                     odd.n, mnk_double_text(odd.nearest, nearest));
            add(g, "suspected_missing", k->name, (double)odd.n, t->n, note);
            mnk_result_add_warning(g->r, "column %.60s: %s: does it mean missing? (missing: [\"%s\"] in the schema)",
                                   mnk_printable(k->name, shown), note, value);
        }
        if (is_nearly_number(t, c, &text))
            mnk_result_add_warning(g->r, "column %.60s is text because of a few values such as '%.30s'; the others are numbers",
                                   mnk_printable(k->name, shown), mnk_printable(text, other));
        if (mnk_column_is_number(k) && k->is_open && !t->schema->is_inferred) {
            size_t outside = 0;
            for (size_t i = 0; i < t->n; i++) outside += t->number[c][i] < k->low || t->number[c][i] > k->high;
            if (outside) add(g, "outside_bounds", k->name, (double)outside, t->n, NULL);
        }
    }
    return MNK_OK;
}

static mnk_status rules(describing *g, mnk_error *err) {
    const mnk_table *t = g->t;
    for (size_t k = 0; k < t->schema->rules; k++) {
        mnk_rule *rule = NULL;
        size_t broken = 0, untold = 0, flags = 0;
        MNK_TRY(mnk_rule_parse(t->schema->rule[k], t->schema, &rule, err));
        for (size_t i = 0; i < t->n; i++) {
            int holds = mnk_rule_row(rule, t, i);
            untold += holds < 0;
            if (holds == 0) broken++, flag(g, "broken_rule", &flags, i, SIZE_MAX);
        }
        mnk_rule_close(rule);
        add(g, "broken_rule", t->schema->rule[k], (double)broken, t->n - untold, "rows that break this rule");
        if (broken) mnk_result_add_warning(g->r, "%zu rows break the rule \"%.120s\"", broken, t->schema->rule[k]);
    }
    return MNK_OK;
}

mnk_status mnk_table_describe(const mnk_table *t, const mnk_observer *observer, mnk_result *r, mnk_error *err) {
    describing g = {.out = {.r = r}, .t = t, .r = r};
    (void)observer;
    g.out.failed = !mnk_result_add_input(r, "data", t->source, t->n, t->hash);
    add(&g, "n", "", (double)t->n, t->n, NULL);
    add(&g, "columns", "", (double)t->schema->columns, t->n, NULL);
    if (t->synthetic) mnk_result_add_warning(r, "this table carries manikin's mark: it is synthetic");
    MNK_TRY(columns(&g, err));
    MNK_TRY(persons(&g, err));
    MNK_TRY(label_counts(&g, err));
    MNK_TRY(subgroup_counts(&g, err));
    MNK_TRY(duplicates(&g, err));
    MNK_TRY(leaks(&g, err));
    MNK_TRY(suspicions(&g, err));
    MNK_TRY(rules(&g, err));
    return g.out.failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: the description of %zu rows", t->n) : MNK_OK;
}
