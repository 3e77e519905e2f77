#include "learn/table/condition.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "data/rule.h"

static mnk_status narrow(const mnk_rule *r, int node, bool negated, const mnk_schema *s, mnk_table_box *box, mnk_error *err);

static mnk_rule_op opposite(mnk_rule_op op) {
    switch (op) {
    case MNK_RULE_EQUAL: return MNK_RULE_UNEQUAL;
    case MNK_RULE_UNEQUAL: return MNK_RULE_EQUAL;
    case MNK_RULE_LESS: return MNK_RULE_GREATER_EQUAL;
    case MNK_RULE_LESS_EQUAL: return MNK_RULE_GREATER;
    case MNK_RULE_GREATER: return MNK_RULE_LESS_EQUAL;
    case MNK_RULE_GREATER_EQUAL: return MNK_RULE_LESS;
    default: return op;
    }
}

static bool code_fits(mnk_rule_op op, int32_t code, int32_t bound) {
    switch (op) {
    case MNK_RULE_EQUAL: return code == bound;
    case MNK_RULE_UNEQUAL: return code != bound;
    case MNK_RULE_LESS: return code < bound;
    case MNK_RULE_LESS_EQUAL: return code <= bound;
    case MNK_RULE_GREATER: return code > bound;
    default: return code >= bound;
    }
}

static mnk_status compare(const mnk_rule_node *x, bool negated, const mnk_schema *s, mnk_table_box *box, mnk_error *err) {
    size_t c = (size_t)x->left;
    mnk_rule_op op = negated ? opposite(x->op) : x->op;
    MNK_TRY(mnk_table_box_restrict(box, s, c, err));
    mnk_column_box *k = &box->column[c];
    k->missing = false; /* a comparison with a missing value is neither true nor false */
    if (x->right >= 0) {
        MNK_TRY(mnk_table_box_restrict(box, s, (size_t)x->right, err));
        box->column[x->right].missing = false;
        return MNK_OK;
    }
    if (!mnk_column_is_number(&s->column[c])) {
        for (size_t i = 0; i < s->column[c].levels; i++)
            if (!code_fits(op, (int32_t)i, x->code)) k->level[i] = 0;
        return MNK_OK;
    }
    if (op == MNK_RULE_EQUAL || op == MNK_RULE_GREATER || op == MNK_RULE_GREATER_EQUAL) k->low = fmax(k->low, x->value);
    if (op == MNK_RULE_EQUAL || op == MNK_RULE_LESS || op == MNK_RULE_LESS_EQUAL) k->high = fmin(k->high, x->value);
    return MNK_OK;
}

/* The column box that holds both. */
static void hull(const mnk_column_box *a, const mnk_column_box *b, size_t levels, mnk_column_box *out) {
    out->missing = a->missing || b->missing;
    out->low = fmin(a->low, b->low), out->high = fmax(a->high, b->high);
    for (size_t i = 0; out->level && i < levels; i++) out->level[i] = a->level[i] || b->level[i];
}

static void meet(const mnk_column_box *a, size_t levels, mnk_column_box *out) {
    out->missing = out->missing && a->missing;
    out->low = fmax(a->low, out->low), out->high = fmin(a->high, out->high);
    for (size_t i = 0; out->level && i < levels; i++) out->level[i] = out->level[i] && a->level[i];
}

/* a or b: a column is restricted only where both restrict it. */
static mnk_status either(const mnk_rule *r, const mnk_rule_node *x, bool negated, const mnk_schema *s, mnk_table_box *box,
                         mnk_error *err) {
    mnk_table_box *a = NULL, *b = NULL;
    mnk_status status;
    MNK_OUT(mnk_table_box_open(s, &a, err));
    MNK_OUT(mnk_table_box_open(s, &b, err));
    MNK_OUT(narrow(r, x->a, negated, s, a, err));
    MNK_OUT(narrow(r, x->b, negated, s, b, err));
    for (size_t c = 0; c < s->columns; c++) {
        if (!a->column[c].restricted || !b->column[c].restricted) continue;
        mnk_column_box *k = &box->column[c];
        bool fresh = !k->restricted;
        MNK_OUT(mnk_table_box_restrict(box, s, c, err));
        size_t levels = s->column[c].levels;
        hull(&a->column[c], &b->column[c], levels, &a->column[c]);
        if (fresh) k->missing = a->column[c].missing;
        meet(&a->column[c], levels, k);
    }
out:
    mnk_table_box_close(a);
    mnk_table_box_close(b);
    return status;
}

static mnk_status narrow(const mnk_rule *r, int node, bool negated, const mnk_schema *s, mnk_table_box *box, mnk_error *err) {
    const mnk_rule_node *x = &r->node[node];
    switch (x->op) {
    case MNK_RULE_NOT: return narrow(r, x->a, !negated, s, box, err);
    case MNK_RULE_AND:
    case MNK_RULE_OR:
        if ((x->op == MNK_RULE_OR) != negated) return either(r, x, negated, s, box, err);
        MNK_TRY(narrow(r, x->a, negated, s, box, err));
        return narrow(r, x->b, negated, s, box, err);
    case MNK_RULE_MISSING: {
        mnk_column_box *k = &box->column[x->left];
        bool fresh = !k->restricted;
        MNK_TRY(mnk_table_box_restrict(box, s, (size_t)x->left, err));
        if (negated) {
            k->missing = false;
            return MNK_OK;
        }
        k->missing = fresh || k->missing;
        k->low = INFINITY, k->high = -INFINITY;
        if (k->level) memset(k->level, 0, s->column[x->left].levels);
        return MNK_OK;
    }
    default: return compare(x, negated, s, box, err);
    }
}

mnk_status mnk_condition_box(const mnk_rule *rule, const mnk_schema *s, mnk_table_box *box, mnk_error *err) {
    return narrow(rule, rule->root, false, s, box, err);
}

bool mnk_condition_is_empty(const mnk_table_box *box, const mnk_schema *s, size_t *column) {
    for (size_t c = 0; c < box->columns; c++) {
        const mnk_column_box *k = &box->column[c];
        if (!k->restricted || k->missing) continue;
        bool any = k->low <= k->high;
        if (k->level) {
            any = false;
            for (size_t i = 0; i < s->column[c].levels; i++) any = any || k->level[i];
        }
        *column = c;
        if (!any) return true;
    }
    return false;
}
