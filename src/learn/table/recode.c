/* Learning a recoding from a table. */
#include "learn/table/recode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/rule.h"
#include "learn/table/kind.h"
#include "learn/table/pools.h"

enum { DECIMALS_MAX = 6, KNOTS_MAX = 2048 };

void mnk_recoding_close(mnk_recoding *r) {
    if (!r) return;
    for (size_t c = 0; r->column && c < r->schema->columns; c++) {
        mnk_recode *k = &r->column[c];
        mnk_free(k->to_work);
        mnk_free(k->start);
        mnk_free(k->member);
        mnk_free(k->running);
        mnk_free(k->knot_start);
        mnk_free(k->knot);
    }
    mnk_free(r->column);
    mnk_free(r->order);
    mnk_free(r->user_of_work);
    mnk_schema_close(r->schema);
    mnk_schema_close(r->work);
    mnk_free(r);
}

/* ---- numbers ---- */

static int decimals_of(const double *x, size_t n) {
    double unit = 1;
    for (int d = 0; d <= DECIMALS_MAX; d++, unit *= 10) {
        bool fits = true;
        for (size_t i = 0; i < n && fits; i++)
            if (x[i] == x[i]) fits = fabs(x[i] * unit - round(x[i] * unit)) <= 1e-6 + 1e-12 * fabs(x[i] * unit);
        if (fits) return d;
    }
    return -1;
}

static void fit_number(const mnk_table *t, size_t c, const mnk_recode_options *o, mnk_recode *k) {
    const bool is_private = o->is_private;
    const mnk_column *column = &t->schema->column[c];
    double low = INFINITY, high = -INFINITY;
    if (!is_private || (o->public_range && !(isfinite(column->low) && isfinite(column->high))))
        for (size_t i = 0; i < t->n; i++) {
            double x = t->number[c][i];
            if (x < low) low = x;
            if (x > high) high = x;
        }
    /* the table's own range lies within the schema's bounds where these are closed; it is never widened */
    k->low = column->low == column->low ? fmax(column->low, isfinite(low) ? low : column->low) : isfinite(low) ? low : 0;
    k->high = column->high == column->high ? fmin(column->high, isfinite(high) ? high : column->high)
              : isfinite(high)             ? high
                                           : k->low;
    if (k->high < k->low) k->high = k->low;
    k->decimals = column->type == MNK_COLUMN_INTEGER ? 0 : column->decimals;
    if (k->decimals < 0 || column->type == MNK_COLUMN_DATE) k->decimals = is_private ? 6 : decimals_of(t->number[c], t->n);
    if (column->type == MNK_COLUMN_DATE && k->decimals != 0) k->decimals = -1; /* a time of day */
    if (k->decimals > DECIMALS_MAX) k->decimals = -1;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* ---- ordered pairs: comparisons of two columns that a rule demands of every row ---- */

static bool depends(const mnk_recoding *r, long column, long on) {
    for (long c = column; c >= 0; c = r->column[c].base)
        if (c == on) return true;
    return false;
}

/* later is counted from earlier, unless it is counted from something else already, or the other way round (such rules are
 * left to rejection). */
static void order_pair(mnk_recoding *r, long earlier, long later, bool strict) {
    mnk_recode *k = &r->column[later];
    bool numbers = r->column[earlier].kind == MNK_RECODE_NUMBER && k->kind == MNK_RECODE_NUMBER;
    if (!numbers || k->base >= 0 || depends(r, earlier, later)) return;
    k->base = earlier;
    k->least_gap = !strict ? 0 : k->decimals >= 0 ? pow(10, -k->decimals) : 1e-6;
}

static void order_node(mnk_recoding *r, const mnk_rule *rule, int node) {
    const mnk_rule_node *x = &rule->node[node];
    if (x->op == MNK_RULE_AND) {
        order_node(r, rule, x->a);
        order_node(r, rule, x->b);
    }
    if (x->op < MNK_RULE_EQUAL || x->right < 0) return;
    if (x->op == MNK_RULE_LESS || x->op == MNK_RULE_LESS_EQUAL) order_pair(r, x->left, x->right, x->op == MNK_RULE_LESS);
    if (x->op == MNK_RULE_GREATER || x->op == MNK_RULE_GREATER_EQUAL)
        order_pair(r, x->right, x->left, x->op == MNK_RULE_GREATER);
}

static mnk_status order_by_rules(mnk_recoding *r, mnk_error *err) {
    for (size_t k = 0; k < r->schema->rules; k++) {
        mnk_rule *rule;
        MNK_TRY(mnk_rule_parse(r->schema->rule[k], r->schema, &rule, err));
        order_node(r, rule, rule->root);
        mnk_rule_close(rule);
    }
    return MNK_OK;
}

static mnk_status fit_gap(const mnk_table *t, const mnk_recoding *r, size_t c, bool is_private, mnk_error *err) {
    mnk_recode *k = &r->column[c];
    const mnk_recode *base = &r->column[k->base];
    k->kind = MNK_RECODE_GAP;
    k->centre = 0.5 * (base->low + base->high);
    if (is_private) return MNK_OK;
    double *x;
    size_t n = 0;
    MNK_TRY(MNK_NEW(x, t->n + 1, err));
    for (size_t i = 0; i < t->n; i++)
        if (!mnk_table_is_missing(t, (size_t)k->base, i)) x[n++] = t->number[k->base][i];
    qsort(x, n, sizeof *x, ascending);
    if (n) k->centre = x[n / 2];
    mnk_free(x);
    return MNK_OK;
}

/* ---- survival ---- */

static size_t event_group(const mnk_table *t, long event, size_t row, size_t groups) {
    if (mnk_table_is_missing(t, (size_t)event, row)) return groups - 1;
    if (t->number[event]) return t->number[event][row] != 0;
    return (size_t)t->code[event][row] + 1 < groups ? (size_t)t->code[event][row] : groups - 1;
}

/* Sorted times of each event group, thinned to KNOTS_MAX. */
static mnk_status fit_survival(const mnk_table *t, mnk_recoding *r, size_t c, long event, mnk_error *err) {
    mnk_recode *k = &r->column[c];
    double *x;
    size_t used = 0;
    k->groups = t->number[event] ? 3 : t->schema->column[event].levels + 1;
    if (k->groups > 64) return MNK_OK; /* not an event but a code: learned as an ordinary pair */
    MNK_TRY(MNK_NEW(k->knot_start, k->groups + 1, err));
    MNK_TRY(MNK_NEW(k->knot, k->groups * KNOTS_MAX, err));
    MNK_TRY(MNK_NEW(x, t->n + 1, err));
    for (size_t g = 0; g < k->groups; g++) {
        size_t n = 0, keep;
        for (size_t i = 0; i < t->n; i++)
            if (!mnk_table_is_missing(t, c, i) && event_group(t, event, i, k->groups) == g) x[n++] = t->number[c][i];
        qsort(x, n, sizeof *x, ascending);
        keep = n < KNOTS_MAX ? n : KNOTS_MAX;
        for (size_t i = 0; i < keep; i++) k->knot[used++] = x[keep > 1 ? i * (n - 1) / (keep - 1) : 0];
        k->knot_start[g + 1] = (int32_t)used;
    }
    mnk_free(x);
    k->kind = MNK_RECODE_SURVIVAL;
    k->base = event;
    return MNK_OK;
}

/* ---- identifiers ---- */

static mnk_status fit_id(const mnk_table *t, size_t c, bool is_private, mnk_recode *k, mnk_error *err) {
    size_t n = 0;
    double most = 0;
    k->kind = MNK_RECODE_ID;
    k->per_person = (t->schema->column[c].roles & MNK_COLUMN_IS_PERSON) != 0;
    if (is_private) return mnk_id_fit(NULL, 0, 0, &k->id, err);
    for (size_t i = 0; i < t->n; i++) {
        if (mnk_table_is_missing(t, c, i)) continue;
        n++;
        if (t->number[c]) most = fmax(most, t->number[c][i]);
    }
    if (t->number[c]) MNK_TRY(mnk_id_fit(NULL, 0, most, &k->id, err));
    else MNK_TRY(mnk_id_fit((const char *const *)t->schema->column[c].level, t->schema->column[c].levels, 0, &k->id, err));
    k->id.missing = t->n ? 1 - (double)n / (double)t->n : 0;
    if (k->per_person || !t->person || t->persons == t->n) return MNK_OK;
    /* one a person when it never changes within one */
    int32_t *first;
    MNK_TRY(MNK_NEW(first, t->persons + 1, err));
    k->per_person = true;
    for (size_t i = 0; i < t->n && k->per_person; i++) {
        int32_t *f = &first[t->person[i]];
        if (*f == 0) *f = (int32_t)i + 1;
        else if (t->code[c]) k->per_person = t->code[c][*f - 1] == t->code[c][i];
        else k->per_person = t->number[c][*f - 1] == t->number[c][i];
    }
    mnk_free(first);
    return MNK_OK;
}

/* ---- all ---- */

/* Bounds of gaps follow from those of the pair: nothing has to be looked up in the rows. */
static void bound_gaps(mnk_recoding *r) {
    for (size_t c = 0; c < r->schema->columns; c++) {
        const mnk_recode *k = &r->column[c];
        if (k->kind != MNK_RECODE_GAP) continue;
        r->work->column[k->work].low = k->least_gap;
        r->work->column[k->work].high = fmax(k->least_gap, k->high - r->column[k->base].low);
    }
}

/* The user's schema without what would name persons. */
static mnk_status strip_schema(const mnk_schema *s, mnk_schema **out, mnk_error *err) {
    mnk_schema *copy;
    MNK_TRY(mnk_schema_copy(s, &copy, err));
    *out = copy;
    for (size_t c = 0; c < s->columns; c++) {
        mnk_column *k = &copy->column[c];
        if (mnk_column_is_data(k) || mnk_column_is_number(k)) continue;
        for (size_t i = 0; i < k->levels; i++) mnk_free(k->level[i]);
        mnk_free(k->level);
        k->level = NULL, k->levels = 0;
        k->is_open = true;
    }
    copy->source[0] = '\0';
    return MNK_OK;
}

static mnk_status fit_column(const mnk_table *t, const mnk_recode_options *o, size_t c, mnk_recode *k, mnk_error *err) {
    const mnk_column *column = &t->schema->column[c];
    *k = (mnk_recode){.kind = MNK_RECODE_BLANK, .work = -1, .base = -1, .decimals = -1};
    if (column->roles & (MNK_COLUMN_IS_IGNORE | MNK_COLUMN_IS_SPLIT)) return MNK_OK;
    if (column->type == MNK_COLUMN_ID || (column->roles & MNK_COLUMN_IS_PERSON)) return fit_id(t, c, o->is_private, k, err);
    if (!mnk_column_is_data(column)) return MNK_OK;
    if (mnk_column_is_number(column)) {
        k->kind = MNK_RECODE_NUMBER;
        fit_number(t, c, o, k);
        return MNK_OK;
    }
    k->kind = MNK_RECODE_CODE;
    return mnk_pools_fit(t, c, o, k, err);
}

mnk_status mnk_recoding_fit(const mnk_table *t, const mnk_recode_options *o, mnk_recoding **out, mnk_error *err) {
    mnk_recoding *r = NULL;
    mnk_status status = MNK_NEW(r, 1, err);
    *out = NULL;
    if (status != MNK_OK) return status;
    MNK_OUT(strip_schema(t->schema, &r->schema, err));
    MNK_OUT(MNK_NEW(r->column, t->schema->columns + 1, err));
    for (size_t c = 0; c < t->schema->columns; c++) MNK_OUT(fit_column(t, o, c, &r->column[c], err));
    long time = mnk_schema_role(t->schema, MNK_COLUMN_IS_TIME), event = mnk_schema_role(t->schema, MNK_COLUMN_IS_EVENT);
    if (time >= 0 && event >= 0 && time != event && r->column[time].kind == MNK_RECODE_NUMBER &&
        mnk_column_is_data(&t->schema->column[event]) && !o->is_private)
        MNK_OUT(fit_survival(t, r, (size_t)time, event, err));
    MNK_OUT(order_by_rules(r, err));
    for (size_t c = 0; c < t->schema->columns; c++)
        if (r->column[c].kind == MNK_RECODE_NUMBER && r->column[c].base >= 0) MNK_OUT(fit_gap(t, r, c, o->is_private, err));
    MNK_OUT(mnk_recoding_sort(r, err));
    MNK_OUT(mnk_recoding_work_schema(r, err));
    if (o->is_private) bound_gaps(r);
    *out = r;
    r = NULL;
out:
    mnk_recoding_close(r);
    return status;
}
