#include "evaluate/models/formula.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/options.h"

typedef struct reader {
    const char *text, *at;
    const mnk_schema *schema;
    mnk_error *err;
} reader;

static void skip_blanks(reader *r) {
    while (isspace((unsigned char)*r->at)) r->at++;
}

static bool take(reader *r, char c) {
    skip_blanks(r);
    if (*r->at != c) return false;
    r->at++;
    return true;
}

static mnk_status wrong(reader *r, const char *what) {
    mnk_status status =
        MNK_FAIL(r->err, MNK_ERR_USAGE, "model \"%.200s\": %s at letter %zu", r->text, what, (size_t)(r->at - r->text) + 1);
    mnk_error_hint(r->err, "write OUTCOME ~ TERM + TERM, OUTCOME = LEVEL ~ ..., or Surv(TIME, EVENT) ~ ...");
    return status;
}

/* A name, or a level after "=". */
static mnk_status word(reader *r, char *out, size_t size) {
    skip_blanks(r);
    bool quoted = *r->at == '`';
    if (quoted) r->at++;
    size_t n = quoted ? strcspn(r->at, "`") : strcspn(r->at, "~+=,()`");
    const char *next = r->at + n;
    if (quoted && !*next) return wrong(r, "a back quote is not closed");
    while (!quoted && n > 0 && isspace((unsigned char)r->at[n - 1])) n--;
    if (n == 0) return wrong(r, "a name is missing");
    if (n >= size) return wrong(r, "a name is too long");
    memcpy(out, r->at, n);
    out[n] = 0;
    r->at = next + quoted;
    return MNK_OK;
}

static mnk_status column(reader *r, size_t *out) {
    char name[256];
    const char **names = NULL;
    MNK_TRY(word(r, name, sizeof name));
    long c = mnk_schema_find(r->schema, name);
    *out = (size_t)c;
    if (c >= 0) return MNK_OK;
    mnk_status status = MNK_FAIL(r->err, MNK_ERR_USAGE, "model \"%.200s\": there is no column \"%.100s\"", r->text, name);
    if ((names = mnk_alloc(r->schema->columns + 1, sizeof *names))) {
        for (size_t k = 0; k < r->schema->columns; k++) names[k] = r->schema->column[k].name;
        const char *near = mnk_nearest(name, names, r->schema->columns);
        if (near) mnk_error_hint(r->err, "did you mean \"%.100s\"?", near);
        mnk_free(names);
    }
    return status;
}

static mnk_status left_side(reader *r, mnk_formula *out) {
    skip_blanks(r);
    out->survival = strncasecmp(r->at, "Surv", 4) == 0 && r->at[4 + strspn(r->at + 4, " ")] == '(';
    if (!out->survival) {
        MNK_TRY(column(r, &out->outcome));
        return take(r, '=') ? word(r, out->positive, sizeof out->positive) : MNK_OK;
    }
    r->at = strchr(r->at, '(') + 1;
    MNK_TRY(column(r, &out->outcome));
    if (!take(r, ',')) return wrong(r, "a comma is missing");
    MNK_TRY(column(r, &out->event));
    return take(r, ')') ? MNK_OK : wrong(r, "\")\" is missing");
}

mnk_status mnk_formula_parse(const char *text, const mnk_schema *schema, mnk_formula *out, mnk_error *err) {
    reader r = {text, text, schema, err};
    *out = (mnk_formula){0};
    MNK_TRY(left_side(&r, out));
    if (!take(&r, '~')) return wrong(&r, "\"~\" is missing");
    do {
        size_t c;
        MNK_TRY(column(&r, &c));
        if (c == out->outcome || (out->survival && c == out->event)) return wrong(&r, "the outcome is also a term");
        for (int k = 0; k < out->terms; k++)
            if (out->term[k] == c) return wrong(&r, "a term stands twice");
        if (out->terms == MNK_FORMULA_TERMS) return wrong(&r, "too many terms");
        out->term[out->terms++] = c;
    } while (take(&r, '+'));
    skip_blanks(&r);
    return *r.at ? wrong(&r, "only \"+\" can follow a term (no interactions)") : MNK_OK;
}
