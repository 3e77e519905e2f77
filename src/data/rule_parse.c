/* Rules as people write them: recursive descent over words, one node per operation. Grammar: docs/formats.md. */
#include "data/rule.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/options.h"
#include "data/date_text.h"
#include "data/images.h"
#include "data/number_text.h"

typedef enum word_kind { WORD_END, WORD_PLAIN, WORD_COLUMN, WORD_TEXT, WORD_SIGN } word_kind;

typedef struct word {
    word_kind kind; /* PLAIN: age, 80; COLUMN: `d time`; TEXT: "male"; SIGN: ( ) , and comparisons */
    char text[600];
    size_t at; /* characters before it */
} word;

typedef struct parser {
    const char *text, *p;
    mnk_schema *schema;
    mnk_rule *rule;
    word next;
    int depth;
    mnk_error *err;
} parser;

__attribute__((format(printf, 3, 4))) static mnk_status fail(parser *g, const word *w, const char *fmt, ...) {
    char what[400], shown[96];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    return MNK_FAIL(g->err, MNK_ERR_INPUT, "rule '%s', character %zu: %s", mnk_printable(g->text, shown), w->at + 1, what);
}

/* ---- words ---- */

static bool ends_plain(char c) { return !c || strchr(" \t\r\n()<>=!,\"'`", c) != NULL; }

static mnk_status quoted_word(parser *g, char quote) {
    word *w = &g->next;
    size_t n = 0;
    for (g->p++; *g->p && *g->p != quote; g->p++) {
        if (n + 1 >= sizeof w->text) return fail(g, w, "a text of more than %zu bytes", sizeof w->text - 1);
        w->text[n++] = *g->p;
    }
    if (!*g->p) return fail(g, w, "the quote %c is never closed", quote);
    g->p++;
    w->text[n] = '\0';
    w->kind = quote == '`' ? WORD_COLUMN : WORD_TEXT;
    return MNK_OK;
}

static mnk_status advance(parser *g) {
    word *w = &g->next;
    while (*g->p == ' ' || *g->p == '\t' || *g->p == '\r' || *g->p == '\n') g->p++;
    w->at = (size_t)(g->p - g->text);
    w->text[0] = '\0';
    w->kind = WORD_END;
    if (!*g->p) return MNK_OK;
    if (*g->p == '"' || *g->p == '\'' || *g->p == '`') return quoted_word(g, *g->p);
    size_t n = 0;
    if (strchr("()<>=!,", *g->p)) {
        w->kind = WORD_SIGN;
        w->text[n++] = *g->p++;
        if (strchr("<>=!", w->text[0]) && (*g->p == '=' || (w->text[0] == '<' && *g->p == '>'))) w->text[n++] = *g->p++;
    } else {
        w->kind = WORD_PLAIN;
        for (; !ends_plain(*g->p); g->p++) {
            if (n + 1 >= sizeof w->text) return fail(g, w, "a word of more than %zu bytes", sizeof w->text - 1);
            w->text[n++] = *g->p;
        }
    }
    w->text[n] = '\0';
    return MNK_OK;
}

static bool is_sign(const parser *g, const char *sign) { return g->next.kind == WORD_SIGN && !strcmp(g->next.text, sign); }
static bool is_keyword(const parser *g, const char *key) {
    return g->next.kind == WORD_PLAIN && !strcasecmp(g->next.text, key);
}

/* ---- nodes ---- */

static mnk_status add_node(parser *g, mnk_rule_node node, int *out) {
    mnk_rule *r = g->rule;
    if (r->nodes == MNK_RULE_NODES_MAX) {
        mnk_free(node.text);
        return fail(g, &g->next, "more than %d conditions", MNK_RULE_NODES_MAX);
    }
    if ((r->nodes & (r->nodes - 1)) == 0) {
        mnk_rule_node *more = mnk_realloc(r->node, r->nodes ? r->nodes * 2 : 1, sizeof *more);
        if (!more) {
            mnk_free(node.text);
            return MNK_FAIL(g->err, MNK_ERR_MEMORY, "out of memory");
        }
        r->node = more;
    }
    r->node[r->nodes] = node;
    *out = (int)r->nodes++;
    return MNK_OK;
}

/* Column this word names, -1 when it names none. */
static long column_of(const parser *g, const word *w) {
    return w->kind == WORD_TEXT ? -1 : mnk_schema_find(g->schema, w->text);
}

static mnk_status no_column(parser *g, const word *w) {
    const char *names[512], *near;
    char shown[96];
    size_t n = g->schema->columns < 512 ? g->schema->columns : 512;
    for (size_t c = 0; c < n; c++) names[c] = g->schema->column[c].name;
    near = mnk_nearest(w->text, names, n);
    return fail(g, w, "no column is called '%s'%s%.100s%s", mnk_printable(w->text, shown), near ? "; did you mean '" : "",
                near ? near : "", near ? "'?" : "");
}

static mnk_status level_value(parser *g, const word *w, mnk_rule_node *node) {
    mnk_column *k = &g->schema->column[node->left];
    char shown[96], other[96], shortest[32];
    double x;
    node->code = mnk_schema_level(g->schema, (size_t)node->left, w->text);
    if (node->code < 0 && mnk_number_parse(w->text, strlen(w->text), MNK_NUMBER_POINT, &x, NULL))
        node->code = mnk_schema_level(g->schema, (size_t)node->left, mnk_double_text(x, shortest)); /* 1.0 is level 1 */
    if (node->code >= 0) return MNK_OK;
    if (k->type == MNK_COLUMN_TEXT || k->type == MNK_COLUMN_ID) { /* their values are not listed beforehand */
        node->text = mnk_strdup(w->text);
        return node->text ? MNK_OK : MNK_FAIL(g->err, MNK_ERR_MEMORY, "out of memory");
    }
    size_t n = k->levels < 512 ? k->levels : 512;
    const char *near = mnk_nearest(w->text, (const char *const *)k->level, n);
    return fail(g, w, "column '%s' has no level '%s'%s%.60s%s", mnk_printable(k->name, shown), mnk_printable(w->text, other),
                near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static mnk_status set_value(parser *g, const word *w, mnk_rule_node *node) {
    const mnk_column *k = &g->schema->column[node->left];
    char shown[96], other[96];
    size_t n = strlen(w->text);
    node->right = -1;
    if (!mnk_column_is_number(k)) return level_value(g, w, node);
    bool date = k->type == MNK_COLUMN_DATE;
    if (date ? mnk_date_parse(w->text, n, k->format, &node->value) || mnk_date_parse(w->text, n, "%Y-%m-%d", &node->value)
             : mnk_number_parse(w->text, n, MNK_NUMBER_POINT, &node->value, NULL))
        return MNK_OK;
    return fail(g, w, "'%s' is neither a column nor a %s to compare '%s' with", mnk_printable(w->text, shown),
                date ? "date (2020-12-31)" : "number", mnk_printable(k->name, other));
}

static bool same_levels(const mnk_column *a, const mnk_column *b) {
    if (a->levels != b->levels) return false;
    for (size_t k = 0; k < a->levels; k++)
        if (strcmp(a->level[k], b->level[k]) != 0) return false;
    return true;
}

/* Can these be compared, and put in order? */
static mnk_status check_comparison(parser *g, const word *w, const mnk_rule_node *node) {
    const mnk_column *a = &g->schema->column[node->left], *b = node->right >= 0 ? &g->schema->column[node->right] : a;
    char shown[96], other[96];
    bool ordered = node->op >= MNK_RULE_LESS, number = mnk_column_is_number(a);
    if (number != mnk_column_is_number(b) || (number && (a->type == MNK_COLUMN_DATE) != (b->type == MNK_COLUMN_DATE)))
        return fail(g, w, "'%s' (%s) and '%s' (%s) cannot be compared", mnk_printable(a->name, shown),
                    mnk_column_type_name(a->type), mnk_printable(b->name, other), mnk_column_type_name(b->type));
    if (!ordered || number) return MNK_OK;
    if (a->type != MNK_COLUMN_ORDINAL || b->type != MNK_COLUMN_ORDINAL)
        return fail(g, w, "the levels of '%s' have no order; only = and != compare them", mnk_printable(a->name, shown));
    if (!same_levels(a, b))
        return fail(g, w, "'%s' and '%s' have different levels", mnk_printable(a->name, shown), mnk_printable(b->name, other));
    return MNK_OK;
}

static bool comparison(const char *sign, mnk_rule_op *op) {
    static const struct {
        const char *sign;
        mnk_rule_op op;
    } signs[] = {{"=", MNK_RULE_EQUAL}, {"==", MNK_RULE_EQUAL},      {"!=", MNK_RULE_UNEQUAL}, {"<>", MNK_RULE_UNEQUAL},
                 {"<", MNK_RULE_LESS},  {"<=", MNK_RULE_LESS_EQUAL}, {">", MNK_RULE_GREATER},  {">=", MNK_RULE_GREATER_EQUAL}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (!strcmp(sign, signs[i].sign)) return *op = signs[i].op, true;
    return false;
}

/* 80 <= age is age >= 80 */
static mnk_rule_op mirrored(mnk_rule_op op) {
    switch (op) {
    case MNK_RULE_LESS: return MNK_RULE_GREATER;
    case MNK_RULE_LESS_EQUAL: return MNK_RULE_GREATER_EQUAL;
    case MNK_RULE_GREATER: return MNK_RULE_LESS;
    case MNK_RULE_GREATER_EQUAL: return MNK_RULE_LESS_EQUAL;
    default: return op;
    }
}

/* ---- grammar ---- */

static mnk_status take_or(parser *g, int *out);

static mnk_status negate(parser *g, bool yes, int *out) {
    return yes ? add_node(g, (mnk_rule_node){.op = MNK_RULE_NOT, .a = *out}, out) : MNK_OK;
}

/* "(a, b)" after `in`: an OR of comparisons. */
static mnk_status take_in(parser *g, long column, bool negative, int *out) {
    if (!is_sign(g, "(")) return fail(g, &g->next, "after 'in' comes a list: (a, b)");
    int so_far = -1;
    do {
        MNK_TRY(advance(g));
        if (g->next.kind == WORD_END || g->next.kind == WORD_SIGN) return fail(g, &g->next, "a value is missing in the list");
        mnk_rule_node node = {.op = MNK_RULE_EQUAL, .left = column};
        MNK_TRY(set_value(g, &g->next, &node));
        int one;
        MNK_TRY(add_node(g, node, &one));
        if (so_far >= 0) MNK_TRY(add_node(g, (mnk_rule_node){.op = MNK_RULE_OR, .a = so_far, .b = one}, &so_far));
        else so_far = one;
        MNK_TRY(advance(g));
    } while (is_sign(g, ","));
    if (!is_sign(g, ")")) return fail(g, &g->next, "the list after 'in' is not closed with ')'");
    MNK_TRY(advance(g));
    *out = so_far;
    return negate(g, negative, out);
}

static mnk_status take_is(parser *g, long column, int *out) {
    MNK_TRY(advance(g));
    bool negative = is_keyword(g, "not");
    if (negative) MNK_TRY(advance(g));
    if (!is_keyword(g, "missing")) return fail(g, &g->next, "after 'is' comes 'missing' or 'not missing'");
    MNK_TRY(advance(g));
    MNK_TRY(add_node(g, (mnk_rule_node){.op = MNK_RULE_MISSING, .left = column, .right = -1}, out));
    return negate(g, negative, out);
}

static mnk_status take_comparison(parser *g, const word *left, int *out) {
    mnk_rule_node node = {.right = -1};
    word sign = g->next;
    if (sign.kind != WORD_SIGN || !comparison(sign.text, &node.op))
        return fail(g, &g->next, "expected a comparison (=, !=, <, <=, >, >=), 'in' or 'is missing'");
    MNK_TRY(advance(g));
    word right = g->next;
    if (right.kind == WORD_END || right.kind == WORD_SIGN) return fail(g, &right, "a value is missing after '%s'", sign.text);
    long a = column_of(g, left), b = column_of(g, &right);
    if (a < 0 && left->kind == WORD_COLUMN) return no_column(g, left);
    if (b < 0 && right.kind == WORD_COLUMN) return no_column(g, &right);
    if (a < 0 && b < 0) return no_column(g, left);
    node.left = a >= 0 ? a : b;
    if (a < 0) node.op = mirrored(node.op);
    if (a >= 0 && b >= 0) node.right = b;
    else MNK_TRY(set_value(g, a >= 0 ? &right : left, &node));
    mnk_status status = check_comparison(g, &sign, &node);
    if (status != MNK_OK) {
        mnk_free(node.text);
        return status;
    }
    MNK_TRY(add_node(g, node, out));
    return advance(g);
}

static mnk_status take_condition(parser *g, int *out) {
    word left = g->next;
    if (left.kind == WORD_END || left.kind == WORD_SIGN) return fail(g, &left, "a condition is missing");
    MNK_TRY(advance(g));
    bool negative = is_keyword(g, "not");
    if (!negative && !is_keyword(g, "in") && !is_keyword(g, "is")) return take_comparison(g, &left, out);
    long column = column_of(g, &left);
    if (column < 0) return no_column(g, &left);
    if (is_keyword(g, "is")) return take_is(g, column, out);
    if (negative) MNK_TRY(advance(g));
    if (!is_keyword(g, "in")) return fail(g, &g->next, "expected 'in' after 'not'");
    MNK_TRY(advance(g));
    return take_in(g, column, negative, out);
}

static mnk_status take_not(parser *g, int *out) {
    if (++g->depth > MNK_RULE_DEPTH_MAX) return fail(g, &g->next, "nested too deeply");
    mnk_status status = MNK_OK;
    if (is_keyword(g, "not")) {
        MNK_TRY(advance(g));
        MNK_TRY(take_not(g, out));
        status = negate(g, true, out);
    } else if (is_sign(g, "(")) {
        MNK_TRY(advance(g));
        MNK_TRY(take_or(g, out));
        if (!is_sign(g, ")")) return fail(g, &g->next, "')' is missing");
        status = advance(g);
    } else status = take_condition(g, out);
    g->depth--;
    return status;
}

/* One or more of `part`, joined by the keyword, from the left. */
static mnk_status take_chain(parser *g, const char *key, mnk_rule_op op, mnk_status (*part)(parser *g, int *out), int *out) {
    MNK_TRY(part(g, out));
    while (is_keyword(g, key)) {
        int more;
        MNK_TRY(advance(g));
        MNK_TRY(part(g, &more));
        MNK_TRY(add_node(g, (mnk_rule_node){.op = op, .a = *out, .b = more}, out));
    }
    return MNK_OK;
}

static mnk_status take_and(parser *g, int *out) { return take_chain(g, "and", MNK_RULE_AND, take_not, out); }
static mnk_status take_or(parser *g, int *out) { return take_chain(g, "or", MNK_RULE_OR, take_and, out); }

mnk_status mnk_rule_parse(const char *text, mnk_schema *schema, mnk_rule **out, mnk_error *err) {
    mnk_rule *r = NULL;
    *out = NULL;
    if (strlen(text) > MNK_RULE_BYTES_MAX)
        return MNK_FAIL(err, MNK_ERR_INPUT, "a rule of %zu characters; at most %d", strlen(text), MNK_RULE_BYTES_MAX);
    mnk_status status = MNK_NEW(r, 1, err);
    if (status != MNK_OK) return status;
    parser g = {.text = text, .p = text, .schema = schema, .rule = r, .err = err};
    if (!(r->text = mnk_strdup(text))) MNK_OUT(MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory"));
    MNK_OUT(advance(&g));
    MNK_OUT(take_or(&g, &r->root));
    if (g.next.kind != WORD_END) MNK_OUT(fail(&g, &g.next, "'%.60s' does not belong here", g.next.text));
    *out = r;
    return MNK_OK;
out:
    mnk_rule_close(r);
    return status;
}
