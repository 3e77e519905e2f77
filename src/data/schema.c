/* Schemas in memory: columns, levels and rules. Files are read and written elsewhere. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "manikin/table.h"

static const char *const type_names[MNK_COLUMN_TYPES] = {"numeric", "integer", "date", "category", "ordinal", "text", "id"};
static const char *const role_names[MNK_COLUMN_ROLES] = {
    "label", "person", "subgroup", "quasi-identifier", "sensitive", "time", "event", "visit", "split", "ignore"};

const char *mnk_column_type_name(mnk_column_type type) {
    return (unsigned)type < MNK_COLUMN_TYPES ? type_names[type] : "unknown";
}

const char *mnk_column_role_name(mnk_column_role role) {
    for (int i = 0; i < MNK_COLUMN_ROLES; i++)
        if (role == (mnk_column_role)(1 << i)) return role_names[i];
    return "unknown";
}

bool mnk_column_is_data(const mnk_column *c) {
    return c->type != MNK_COLUMN_TEXT && c->type != MNK_COLUMN_ID &&
           !(c->roles & (MNK_COLUMN_IS_PERSON | MNK_COLUMN_IS_SPLIT | MNK_COLUMN_IS_IGNORE));
}

long mnk_schema_role(const mnk_schema *s, mnk_column_role role) {
    for (size_t c = 0; c < s->columns; c++)
        if (s->column[c].roles & (unsigned)role) return (long)c;
    return -1;
}

long mnk_schema_find(const mnk_schema *s, const char *name) {
    for (size_t c = 0; c < s->columns; c++)
        if (strcmp(s->column[c].name, name) == 0) return (long)c;
    return -1;
}

/* ---- level text -> code: one open-addressed table per column ---- */

typedef struct column_index {
    size_t size, used; /* slots (a power of two), levels entered so far */
    int32_t *slot;     /* code, -1 empty */
} column_index;

struct mnk_level_index {
    size_t columns;
    column_index column[];
};

static uint64_t hash_text(const char *s) { /* FNV-1a */
    uint64_t h = 14695981039346656037u;
    for (; *s; s++) h = (h ^ (uint8_t)*s) * 1099511628211u;
    return h ^ h >> 29;
}

static int32_t *find_slot(const column_index *x, const mnk_column *c, const char *text) {
    size_t at = hash_text(text) & (x->size - 1);
    while (x->slot[at] >= 0 && strcmp(c->level[x->slot[at]], text) != 0) at = (at + 1) & (x->size - 1);
    return &x->slot[at];
}

/* Enters the levels that are not in the index yet; it stays at most half full. */
static bool index_column(mnk_schema *s, size_t column) {
    const mnk_column *c = &s->column[column];
    if (!s->index) {
        s->index = mnk_alloc(1, sizeof *s->index + s->columns * sizeof(column_index));
        if (!s->index) return false;
        s->index->columns = s->columns;
    }
    column_index *x = &s->index->column[column];
    if (x->size < 2 * (c->levels + 1)) {
        size_t size = 16;
        while (size < 4 * (c->levels + 1)) size *= 2;
        int32_t *slot = mnk_alloc(size, sizeof *slot);
        if (!slot) return false;
        memset(slot, 0xff, size * sizeof *slot);
        mnk_free(x->slot);
        *x = (column_index){size, 0, slot};
    }
    for (; x->used < c->levels; x->used++) {
        int32_t *slot = find_slot(x, c, c->level[x->used]);
        if (*slot < 0) *slot = (int32_t)x->used;
    }
    return true;
}

static void close_index(struct mnk_level_index *x) {
    for (size_t c = 0; x && c < x->columns; c++) mnk_free(x->column[c].slot);
    mnk_free(x);
}

int32_t mnk_schema_level(mnk_schema *s, size_t column, const char *level) {
    if (index_column(s, column)) return *find_slot(&s->index->column[column], &s->column[column], level);
    for (size_t k = 0; k < s->column[column].levels; k++) /* memory is short: slowly, but right */
        if (strcmp(s->column[column].level[k], level) == 0) return (int32_t)k;
    return -1;
}

/* ---- lists of texts ---- */

static mnk_status append(char ***list, size_t *n, const char *text, mnk_error *err) {
    if ((*n & (*n - 1)) == 0) { /* grown at powers of two */
        char **more = mnk_realloc(*list, *n ? *n * 2 : 1, sizeof *more);
        if (!more) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for %zu texts", *n * 2);
        *list = more;
    }
    char *copy = mnk_strdup(text);
    if (!copy) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    (*list)[(*n)++] = copy;
    return MNK_OK;
}

static void free_list(char **list, size_t n) {
    for (size_t i = 0; i < n; i++) mnk_free(list[i]);
    mnk_free(list);
}

mnk_status mnk_schema_add_level(mnk_schema *s, size_t column, const char *level, int32_t *code, mnk_error *err) {
    mnk_column *c = &s->column[column];
    int32_t found = mnk_schema_level(s, column, level);
    if (found < 0) {
        if (c->levels >= INT32_MAX) return MNK_FAIL(err, MNK_ERR_INPUT, "column %s: too many levels", c->name);
        MNK_TRY(append(&c->level, &c->levels, level, err));
        found = (int32_t)(c->levels - 1);
    }
    if (code) *code = found;
    return MNK_OK;
}

mnk_status mnk_schema_add_missing(mnk_schema *s, size_t column, const char *text, mnk_error *err) {
    mnk_column *c = &s->column[column];
    for (size_t i = 0; i < c->missings; i++)
        if (strcmp(c->missing[i], text) == 0) return MNK_OK;
    return append(&c->missing, &c->missings, text, err);
}

mnk_status mnk_schema_add_rule(mnk_schema *s, const char *rule, mnk_error *err) {
    return append(&s->rule, &s->rules, rule, err);
}

mnk_status mnk_schema_text(char **slot, const char *text, mnk_error *err) {
    char *copy = mnk_strdup(text);
    if (!copy) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    mnk_free(*slot);
    *slot = copy;
    return MNK_OK;
}

/* ---- life ---- */

mnk_status mnk_schema_new(size_t columns, mnk_schema **out, mnk_error *err) {
    *out = NULL;
    mnk_schema *s = NULL;
    mnk_status status = MNK_NEW(s, 1, err);
    if (status != MNK_OK) return status;
    s->references = 1;
    s->columns = columns;
    MNK_OUT(MNK_NEW(s->column, columns ? columns : 1, err));
    for (size_t c = 0; c < columns; c++) {
        mnk_column *k = &s->column[c];
        *k = (mnk_column){.decimals = -1, .low = NAN, .high = NAN};
        MNK_OUT(mnk_schema_text(&k->name, "", err));
        MNK_OUT(mnk_schema_text(&k->unit, "", err));
        MNK_OUT(mnk_schema_text(&k->format, "", err));
    }
    *out = s;
    return MNK_OK;
out:
    mnk_schema_close(s);
    return status;
}

mnk_schema *mnk_schema_retain(mnk_schema *s) {
    if (s) s->references++;
    return s;
}

void mnk_schema_close(mnk_schema *s) {
    if (!s || --s->references) return;
    for (size_t c = 0; s->column && c < s->columns; c++) {
        mnk_column *k = &s->column[c];
        mnk_free(k->name);
        mnk_free(k->unit);
        mnk_free(k->format);
        free_list(k->level, k->levels);
        free_list(k->missing, k->missings);
    }
    mnk_free(s->column);
    free_list(s->rule, s->rules);
    close_index(s->index);
    mnk_free(s);
}

static mnk_status copy_column(const mnk_column *from, mnk_schema *s, size_t c, mnk_error *err) {
    mnk_column *to = &s->column[c];
    MNK_TRY(mnk_schema_text(&to->name, from->name, err));
    MNK_TRY(mnk_schema_text(&to->unit, from->unit, err));
    MNK_TRY(mnk_schema_text(&to->format, from->format, err));
    to->type = from->type, to->roles = from->roles, to->decimals = from->decimals;
    to->low = from->low, to->high = from->high, to->is_open = from->is_open;
    for (size_t k = 0; k < from->levels; k++) MNK_TRY(append(&to->level, &to->levels, from->level[k], err));
    for (size_t k = 0; k < from->missings; k++) MNK_TRY(mnk_schema_add_missing(s, c, from->missing[k], err));
    return MNK_OK;
}

mnk_status mnk_schema_copy(const mnk_schema *s, mnk_schema **out, mnk_error *err) {
    mnk_schema *copy = NULL;
    mnk_status status = MNK_OK;
    *out = NULL;
    MNK_OUT(mnk_schema_new(s->columns, &copy, err));
    for (size_t c = 0; c < s->columns; c++) MNK_OUT(copy_column(&s->column[c], copy, c, err));
    for (size_t k = 0; k < s->rules; k++) MNK_OUT(mnk_schema_add_rule(copy, s->rule[k], err));
    memcpy(copy->source, s->source, sizeof copy->source);
    copy->is_inferred = s->is_inferred;
    *out = copy;
    return MNK_OK;
out:
    mnk_schema_close(copy);
    return status;
}
