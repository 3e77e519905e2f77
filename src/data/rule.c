/* Rules applied to rows: Kleene's three values, so that what is missing neither keeps nor breaks a rule by itself. */
#include <string.h>

#include "base/mem.h"
#include "data/rule.h"

void mnk_rule_close(mnk_rule *r) {
    if (!r) return;
    for (size_t i = 0; i < r->nodes; i++) mnk_free(r->node[i].text);
    mnk_free(r->node);
    mnk_free(r->text);
    mnk_free(r);
}

const char *mnk_rule_text(const mnk_rule *r) { return r->text; }

static int ordered(mnk_rule_op op, double a, double b) {
    switch (op) {
    case MNK_RULE_EQUAL: return a == b;
    case MNK_RULE_UNEQUAL: return a != b;
    case MNK_RULE_LESS: return a < b;
    case MNK_RULE_LESS_EQUAL: return a <= b;
    case MNK_RULE_GREATER: return a > b;
    default: return a >= b;
    }
}

static int compare_row(const mnk_rule_node *x, const mnk_table *t, size_t row) {
    size_t a = (size_t)x->left, b = (size_t)x->right;
    bool two = x->right >= 0;
    if (mnk_table_is_missing(t, a, row) || (two && mnk_table_is_missing(t, b, row))) return -1;
    if (t->number[a]) return ordered(x->op, t->number[a][row], two ? t->number[b][row] : x->value);
    int32_t code = t->code[a][row];
    if (x->op >= MNK_RULE_LESS) return ordered(x->op, code, two ? t->code[b][row] : x->code);
    const char *other = two ? t->schema->column[b].level[t->code[b][row]] : x->text;
    bool equal = other ? !strcmp(t->schema->column[a].level[code], other) : code == x->code;
    return equal == (x->op == MNK_RULE_EQUAL);
}

static int node_row(const mnk_rule *r, int node, const mnk_table *t, size_t row) {
    const mnk_rule_node *x = &r->node[node];
    int a, b;
    switch (x->op) {
    case MNK_RULE_AND:
        a = node_row(r, x->a, t, row);
        if (a == 0) return 0;
        b = node_row(r, x->b, t, row);
        return b == 0 ? 0 : a == 1 && b == 1 ? 1 : -1;
    case MNK_RULE_OR:
        a = node_row(r, x->a, t, row);
        if (a == 1) return 1;
        b = node_row(r, x->b, t, row);
        return b == 1 ? 1 : a == 0 && b == 0 ? 0 : -1;
    case MNK_RULE_NOT: a = node_row(r, x->a, t, row); return a < 0 ? a : !a;
    case MNK_RULE_MISSING: return mnk_table_is_missing(t, (size_t)x->left, row);
    default: return compare_row(x, t, row);
    }
}

int mnk_rule_row(const mnk_rule *r, const mnk_table *t, size_t row) { return node_row(r, r->root, t, row); }
