#include "evaluate/models/target.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

enum { CLASSES_MAX = 50 };

int mnk_table_event(const mnk_table *t, size_t column, size_t row) {
    static const char *const came[] = {"1", "yes", "true", "event", "dead", "died", "y", "t"};
    static const char *const not_yet[] = {"0", "no", "false", "censored", "alive", "alive", "n", "f"};
    if (mnk_table_is_missing(t, column, row)) return -1;
    if (t->number[column]) return t->number[column][row] == 1.0 ? 1 : t->number[column][row] == 0.0 ? 0 : -1;
    const char *text = t->schema->column[column].level[t->code[column][row]];
    for (size_t k = 0; k < sizeof came / sizeof *came; k++) {
        if (strcasecmp(text, came[k]) == 0) return 1;
        if (strcasecmp(text, not_yet[k]) == 0) return 0;
    }
    return -1;
}

void mnk_table_outcomes(const mnk_schema *s, bool *skip) {
    for (size_t c = 0; c < s->columns; c++)
        skip[c] = s->column[c].roles & (MNK_COLUMN_IS_LABEL | MNK_COLUMN_IS_TIME | MNK_COLUMN_IS_EVENT);
}

/* ---- finding ---- */

static mnk_status add_class(mnk_table_target *t, const char *name, mnk_error *err) {
    if (t->classes == CLASSES_MAX)
        return MNK_FAIL(err, MNK_ERR_INPUT, "column \"%.100s\" has more than %d classes: too many to predict", t->name,
                        CLASSES_MAX);
    if (!(t->class_name[t->classes] = mnk_strdup(name))) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    t->classes++;
    return MNK_OK;
}

static mnk_status find_levels(const mnk_table *const *tables, mnk_table_target *out, mnk_error *err) {
    const mnk_column *c = &tables[0]->schema->column[out->column];
    out->levels = c->levels;
    MNK_TRY(MNK_NEW(out->class_of, c->levels + 1, err));
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < tables[k]->n; i++)
            if (tables[k]->code[out->column][i] >= 0) out->class_of[tables[k]->code[out->column][i]] = 1;
    for (size_t l = 0; l < c->levels; l++) {
        bool here = out->class_of[l];
        out->class_of[l] = here ? out->classes : -1;
        if (here) MNK_TRY(add_class(out, c->level[l], err));
    }
    return MNK_OK;
}

/* A column of numbers with two values is a class all the same (0 and 1, mostly). */
static mnk_status find_numbers(const mnk_table *const *tables, mnk_table_target *out, mnk_error *err) {
    double value[3];
    int values = 0;
    for (int k = 0; k < 2 && values < 3; k++)
        for (size_t i = 0; i < tables[k]->n && values < 3; i++) {
            double x = tables[k]->number[out->column][i];
            bool old = !isfinite(x);
            for (int v = 0; v < values && !old; v++) old = value[v] == x;
            if (!old) value[values++] = x;
        }
    out->task = values == 2 ? MNK_TASK_CLASSES : MNK_TASK_NUMBER;
    if (values == 0) return MNK_FAIL(err, MNK_ERR_INPUT, "column \"%.100s\" is the label, but always missing", out->name);
    for (int v = 0; v < 2 && values == 2; v++) {
        char text[32];
        out->number[v] = v == 0 ? fmin(value[0], value[1]) : fmax(value[0], value[1]);
        snprintf(text, sizeof text, "%.12g", out->number[v]);
        MNK_TRY(add_class(out, text, err));
    }
    return MNK_OK;
}

mnk_status mnk_table_target_find(const mnk_table *train, const mnk_table *test, bool survival, mnk_table_target *out,
                                 bool *found, mnk_error *err) {
    const mnk_schema *s = train->schema;
    const mnk_table *const tables[] = {train, test};
    long column = mnk_schema_role(s, survival ? MNK_COLUMN_IS_TIME : MNK_COLUMN_IS_LABEL);
    long event = mnk_schema_role(s, MNK_COLUMN_IS_EVENT);
    *out = (mnk_table_target){.task = survival ? MNK_TASK_SURVIVAL : MNK_TASK_CLASSES};
    *found = column >= 0 && (!survival || event >= 0);
    if (!*found) return MNK_OK;
    out->column = (size_t)column, out->event = survival ? (size_t)event : 0;
    out->name = s->column[column].name;
    if (survival && !train->number[column])
        return MNK_FAIL(err, MNK_ERR_INPUT, "column \"%.100s\" is the follow-up time, but not a number", out->name);
    if (survival) return MNK_OK;
    mnk_status status = MNK_NEW(out->class_name, CLASSES_MAX + 1, err);
    if (status == MNK_OK) status = (train->number[column] ? find_numbers : find_levels)(tables, out, err);
    if (status == MNK_OK && out->task == MNK_TASK_CLASSES && out->classes < 2)
        status = MNK_FAIL(err, MNK_ERR_INPUT, "column \"%.100s\" is the label, but has %d class", out->name, out->classes);
    if (status != MNK_OK) mnk_table_target_close(out);
    return status;
}

void mnk_table_target_close(mnk_table_target *t) {
    for (int k = 0; t->class_name && k < t->classes; k++) mnk_free(t->class_name[k]);
    mnk_free(t->class_name);
    mnk_free(t->class_of);
    t->class_name = NULL, t->class_of = NULL, t->classes = 0;
}

/* ---- reading ---- */

/* -1 unknown */
static int class_of(const mnk_table_target *target, const mnk_table *t, size_t i) {
    if (t->number[target->column]) {
        double x = t->number[target->column][i];
        return x == target->number[0] ? 0 : x == target->number[1] ? 1 : -1;
    }
    int32_t code = t->code[target->column][i];
    return code >= 0 && (size_t)code < target->levels ? target->class_of[code] : -1;
}

static bool is_known(const mnk_table_target *target, const mnk_table *t, size_t i) {
    if (target->task == MNK_TASK_CLASSES) return class_of(target, t, i) >= 0;
    bool here = isfinite(t->number[target->column][i]);
    return here && (target->task == MNK_TASK_NUMBER || mnk_table_event(t, target->event, i) >= 0);
}

mnk_status mnk_table_target_read(const mnk_table_target *target, const mnk_table *t, mnk_table **rows, mnk_outcome *outcome,
                                 size_t *dropped, mnk_error *err) {
    mnk_status status = MNK_OK;
    size_t *row = NULL, n = 0;
    *rows = NULL;
    *outcome = (mnk_outcome){0};
    MNK_OUT(MNK_NEW(row, t->n + 1, err));
    for (size_t i = 0; i < t->n; i++)
        if (is_known(target, t, i)) row[n++] = i;
    *dropped = t->n - n;
    MNK_OUT(mnk_table_select(t, row, n, rows, err));
    MNK_OUT(mnk_outcome_open(target->task, target->classes, n, outcome, err));
    for (size_t i = 0; i < n; i++) {
        if (outcome->label) outcome->label[i] = class_of(target, t, row[i]);
        if (outcome->value) outcome->value[i] = t->number[target->column][row[i]];
        if (outcome->event) outcome->event[i] = mnk_table_event(t, target->event, row[i]) == 1;
    }
out:
    mnk_free(row);
    if (status != MNK_OK) {
        mnk_table_close(*rows);
        *rows = NULL;
        mnk_outcome_close(outcome);
    }
    return status;
}
