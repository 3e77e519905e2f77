/* From what the cells look like to a proposed schema. The order of the questions matters; docs/methods/tables.md lists it. */
#include "data/table_infer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/parallel.h"
#include "data/date_text.h"
#include "data/heading.h"
#include "data/images.h"

enum {
    LABEL_LEVELS = 20, /* so many different whole numbers of an outcome are classes */
    FEW_LEVELS = 10,   /* so few different whole numbers are codes, unless the heading speaks of a quantity */
    LONG_TEXT = 60,    /* characters: longer cells are free text */
    PROVING_ROWS = 20  /* a column of different values in fewer rows proves nothing */
};

typedef struct inferring {
    const mnk_table_file *f;
    const mnk_column_stats *stats;
    const mnk_table_options *o;
    mnk_schema *s;
    bool *unique; /* [columns] every cell is filled and different */
    mnk_number_style style;
    mnk_text text; /* scratch */
} inferring;

/* ---- which columns hold a different value in every row ---- */

static int compare_u64(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static bool may_be_unique(const inferring *g, size_t c) {
    const mnk_column_stats *s = &g->stats[c];
    bool whole = s->number[0].n == s->number[0].integral && s->number[0].decimals_high <= 0;
    return !s->missing && !s->number_missing && (s->set.many || s->set.n == g->f->rows) && (s->texts || whole);
}

typedef struct hashing {
    const inferring *g;
    const size_t *column;
    uint64_t **hash;
    size_t columns;
    bool failed;
} hashing;

static void hash_block(void *ctx, size_t b) {
    hashing *h = ctx;
    mnk_table_block block = {0};
    if (mnk_table_block_read(h->g->f, b, &block, NULL) != MNK_OK) h->failed = true;
    else
        for (size_t k = 0; k < h->columns; k++)
            for (size_t r = 0; r < block.rows; r++)
                h->hash[k][block.first + r] = mnk_cell_hash(&block.cell[h->column[k] * block.rows + r]);
    mnk_table_block_clear(&block);
}

/* By 64-bit hashes: two different texts of a million collide with probability 3e-8. */
static mnk_status find_unique(inferring *g, mnk_error *err) {
    const mnk_table_file *f = g->f;
    size_t *column = NULL;
    hashing h = {.g = g};
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(g->unique, f->columns, err));
    MNK_OUT(MNK_NEW(column, f->columns, err));
    MNK_OUT(MNK_NEW(h.hash, f->columns, err));
    h.column = column;
    for (size_t c = 0; c < f->columns; c++) {
        if (!may_be_unique(g, c)) continue;
        MNK_OUT(MNK_NEW(h.hash[h.columns], f->rows, err));
        column[h.columns++] = c;
    }
    if (h.columns) mnk_parallel_for(f->blocks, hash_block, &h);
    if (h.failed) MNK_OUT(MNK_FAIL(err, MNK_ERR_MEMORY, "%s: out of memory", f->name));
    for (size_t k = 0; k < h.columns; k++) {
        qsort(h.hash[k], f->rows, sizeof **h.hash, compare_u64);
        bool unique = true;
        for (size_t r = 1; r < f->rows && unique; r++) unique = h.hash[k][r] != h.hash[k][r - 1];
        g->unique[column[k]] = unique;
    }
out:
    for (size_t k = 0; h.hash && k < h.columns; k++) mnk_free(h.hash[k]);
    mnk_free(h.hash);
    mnk_free(column);
    return status;
}

/* ---- levels ---- */

typedef struct level {
    const char *text; /* one line of the arena */
    double value;     /* NaN when the text is no number */
} level;

static int compare_levels(const void *a, const void *b) {
    const level *x = a, *y = b;
    if (x->value < y->value) return -1;
    if (x->value > y->value) return 1;
    return strcmp(x->text, y->text);
}

/* Lower end of "[40-50)", "18-29", "<30", ">30", "80+"; NaN when the text is no range. */
static double range_of(const char *s) {
    char *end;
    const char *p = s;
    if (*p == '[' || *p == '(') p++;
    bool below = *p == '<', above = *p == '>';
    if (below || above) p += 1 + (p[1] == '=');
    while (*p == ' ' || *p == '$') p++;
    if (*p < '0' || *p > '9') return NAN;
    double low = strtod(p, &end);
    p = end;
    while (*p == ' ') p++;
    if (below || above) return *p ? NAN : below ? low - 0.5 : low + 0.5;
    if (p[0] == '+' && !p[1]) return low;
    if (*p != '-' && *p != ',') return NAN;
    for (p++; *p == ' ' || *p == '$';) p++;
    if (*p < '0' || *p > '9') return NAN;
    (void)strtod(p, &end);
    if (*end == 'k') end++;
    if (*end == ')' || *end == ']') end++;
    return *end ? NAN : low;
}

static const char *const orders[][6] = {{"mild", "moderate", "severe"},  {"none", "mild", "moderate", "severe"},
                                        {"low", "medium", "high"},       {"low", "normal", "high"},
                                        {"low", "intermediate", "high"}, {"small", "medium", "large"},
                                        {"I", "II", "III", "IV"},        {"I", "II", "III"},
                                        {"never", "former", "current"}};

/* Rank of each level when all of them belong to one known order. */
static bool known_order(level *l, size_t n) {
    for (size_t k = 0; k < sizeof orders / sizeof *orders; k++) {
        size_t found = 0, size = 0;
        while (size < 6 && orders[k][size]) size++;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < size; j++)
                if (!strcasecmp(l[i].text, orders[k][j])) l[i].value = (double)j, found++;
        if (found == n && n == size) return true;
    }
    return false;
}

/* Levels of a column of codes, in the order of their numbers, of their ranges, or of their bytes. Whole numbers are written
 * alike wherever they come from: 1, not 1.0. */
static mnk_status take_levels(inferring *g, size_t c, bool numbers, mnk_error *err) {
    const mnk_text_set *set = &g->stats[c].set;
    mnk_arena *arena = mnk_arena_open();
    level *l = NULL;
    size_t n = 0, ranges = 0;
    char shortest[32];
    mnk_status status = arena ? MNK_NEW(l, set->n + 1, err) : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < set->size && status == MNK_OK; i++) {
        if (!set->slot[i].at || (numbers && mnk_is_missing_number(&set->slot[i]))) continue;
        status = mnk_cell_text(g->f, &set->slot[i], &g->text, err);
        if (status != MNK_OK) break;
        const char *text = g->text.s;
        double x = NAN;
        if (numbers && mnk_number_parse(text, strlen(text), mnk_column_style(&g->stats[c], g->style), &x, NULL))
            text = mnk_double_text(x, shortest);
        l[n] = (level){mnk_arena_strdup(arena, text), numbers ? x : range_of(text)};
        if (!l[n].text) status = MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
        ranges += !isnan(l[n++].value);
    }
    if (status == MNK_OK) {
        bool ordered = !numbers && ((ranges == n && n > 2) || (ranges < n && known_order(l, n)));
        if (ordered) g->s->column[c].type = MNK_COLUMN_ORDINAL;
        else if (!numbers)
            for (size_t i = 0; i < n; i++) l[i].value = NAN;
        qsort(l, n, sizeof *l, compare_levels);
    }
    for (size_t i = 0; i < n && status == MNK_OK; i++) status = mnk_schema_add_level(g->s, c, l[i].text, NULL, err);
    mnk_free(l);
    mnk_arena_close(arena);
    return status;
}

/* ---- one column ---- */

static const char *date_pattern(const mnk_column_stats *s, bool compact) {
    for (int k = 0; k < MNK_DATE_PATTERNS; k++)
        if (s->dates[k / 64] >> (k % 64) & 1 && (compact || strcmp(mnk_date_patterns[k], "%Y%m%d") != 0))
            return mnk_date_patterns[k];
    return NULL;
}

static mnk_status take_missing(inferring *g, size_t c, const mnk_text_set *set, bool numbers, mnk_error *err) {
    for (size_t i = 0; i < set->size; i++) {
        if (!set->slot[i].at || (numbers && !mnk_is_missing_number(&set->slot[i]))) continue;
        MNK_TRY(mnk_cell_text(g->f, &set->slot[i], &g->text, err));
        MNK_TRY(mnk_schema_add_missing(g->s, c, g->text.s, err));
    }
    return MNK_OK;
}

static bool is_named(const char *name, const char *column) { return name && !strcmp(name, column); }

static bool is_person(const inferring *g, size_t c) {
    const char *h = g->f->heading[c];
    if (g->o->person_column) return is_named(g->o->person_column, h);
    return mnk_heading_has(h, mnk_words_person) &&
           (mnk_heading_is_id(h) ||
            mnk_heading_is(h, (const char *const[]){"patient", "subject", "person", "pid", "mrn", NULL}));
}

static void number_column(const mnk_number_stats *n, mnk_column *k) {
    bool whole = n->n == n->integral;
    k->type = whole ? MNK_COLUMN_INTEGER : MNK_COLUMN_NUMERIC;
    k->low = n->low, k->high = n->high;
    k->decimals = whole ? 0 : n->exponents ? -1 : n->decimals_low == n->decimals_high ? n->decimals_high : n->significant;
    if (k->decimals > 15) k->decimals = -1;
}

/* Whole numbers: identifiers, codes of a few kinds, or quantities. */
static mnk_column_type whole_type(const inferring *g, size_t c, size_t filled) {
    const mnk_column_stats *s = &g->stats[c];
    const char *h = g->f->heading[c];
    bool id = mnk_heading_is_id(h);
    size_t distinct = s->set.many ? SIZE_MAX : s->set.n;
    if (is_person(g, c)) return MNK_COLUMN_ID;
    if (g->unique[c] && (id || !strcmp(h, "column_1")) && g->f->rows >= PROVING_ROWS) return MNK_COLUMN_ID;
    bool few = filled >= 3 * (distinct < filled ? distinct : filled); /* each of them comes again and again */
    bool flag = distinct <= 2 && s->number[0].low >= 0 && s->number[0].high <= 2;
    if (is_named(g->o->label_column, h) || mnk_heading_is(h, mnk_names_label))
        return distinct <= LABEL_LEVELS ? MNK_COLUMN_CATEGORY : MNK_COLUMN_INTEGER;
    if (few && (flag || (distinct <= FEW_LEVELS && !mnk_heading_has(h, mnk_words_count)))) return MNK_COLUMN_CATEGORY;
    if (few && (id || mnk_heading_has(h, mnk_words_code)) && distinct <= MNK_LEVELS_MAX) return MNK_COLUMN_CATEGORY;
    return id ? MNK_COLUMN_ID : MNK_COLUMN_INTEGER;
}

static mnk_column_type text_type(const inferring *g, size_t c, size_t filled) {
    const mnk_column_stats *s = &g->stats[c];
    bool id = mnk_heading_is_id(g->f->heading[c]);
    if (is_person(g, c)) return MNK_COLUMN_ID;
    if (g->unique[c] && (g->f->rows >= PROVING_ROWS || id) && s->longest <= LONG_TEXT && !s->with_blanks) return MNK_COLUMN_ID;
    if (s->set.many) return id ? MNK_COLUMN_ID : MNK_COLUMN_TEXT;
    if (s->set.n > 20 && (s->set.n * 2 > filled || s->longest > 4 * LONG_TEXT)) return id ? MNK_COLUMN_ID : MNK_COLUMN_TEXT;
    return MNK_COLUMN_CATEGORY;
}

static mnk_status infer_column(inferring *g, size_t c, mnk_error *err) {
    const mnk_column_stats *s = &g->stats[c];
    const mnk_number_stats *n = &s->number[mnk_column_style(s, g->style)];
    mnk_column *k = &g->s->column[c];
    size_t filled = g->f->rows - s->missing, numbers = filled - s->number_missing - s->infinite;
    bool is_number = n->n && n->n == numbers;
    char unit[32] = "";
    k->is_open = true;
    MNK_TRY(mnk_schema_text(&k->name, g->f->heading[c], err));
    MNK_TRY(take_missing(g, c, &s->missing_set, false, err));
    bool dated = is_number ? mnk_heading_has(k->name, mnk_words_date) : true;
    const char *pattern = filled > s->number_missing ? date_pattern(s, dated) : NULL;
    if (pattern && (!is_number || dated)) {
        k->type = MNK_COLUMN_DATE;
        MNK_TRY(mnk_schema_text(&k->format, pattern, err));
        return take_missing(g, c, &s->set, true, err);
    }
    bool coded = is_number && n->leading_zeros; /* 007 is no 7 */
    if (is_number && !coded) {
        k->type = s->infinite || n->n != n->integral ? MNK_COLUMN_NUMERIC : whole_type(g, c, n->n);
        if (k->type == MNK_COLUMN_INTEGER || k->type == MNK_COLUMN_NUMERIC) {
            number_column(n, k);
            mnk_heading_unit(k->name, unit);
            MNK_TRY(mnk_schema_text(&k->unit, unit, err));
        }
        if (!s->set.many) MNK_TRY(take_missing(g, c, &s->set, true, err));
        else if (s->number_missing)
            for (size_t i = 0; i < 4; i++)
                MNK_TRY(mnk_schema_add_missing(g->s, c, (const char *const[]){".", "-", "--", "None"}[i], err));
        if (k->type == MNK_COLUMN_CATEGORY) MNK_TRY(take_levels(g, c, true, err));
        return MNK_OK;
    }
    k->type = text_type(g, c, filled);
    return k->type == MNK_COLUMN_CATEGORY ? take_levels(g, c, false, err) : MNK_OK;
}

/* ---- roles ---- */

static long first_named(const mnk_schema *s, const char *const *names) {
    for (; *names; names++)
        for (size_t c = 0; c < s->columns; c++)
            if (!strcasecmp(s->column[c].name, *names)) return (long)c;
    return -1;
}

static void infer_roles(inferring *g) {
    mnk_schema *s = g->s;
    bool person = false;
    for (size_t c = 0; c < s->columns; c++) {
        mnk_column *k = &s->column[c];
        if (!person && is_person(g, c)) k->roles |= MNK_COLUMN_IS_PERSON, person = true;
        if (k->type == MNK_COLUMN_TEXT || k->type == MNK_COLUMN_ID) continue;
        bool coded = k->type == MNK_COLUMN_CATEGORY || k->type == MNK_COLUMN_ORDINAL;
        if (coded && k->levels <= 20 && mnk_heading_has(k->name, mnk_words_subgroup)) k->roles |= MNK_COLUMN_IS_SUBGROUP;
        if (mnk_heading_has(k->name, mnk_words_quasi)) k->roles |= MNK_COLUMN_IS_QUASI;
        if (mnk_heading_has(k->name, mnk_words_sensitive)) k->roles |= MNK_COLUMN_IS_SENSITIVE;
        if (coded && mnk_heading_is(k->name, mnk_names_split)) {
            bool all = k->levels > 0;
            for (size_t i = 0; i < k->levels && all; i++) all = mnk_split_parse(k->level[i]) > 0;
            if (all) k->roles |= MNK_COLUMN_IS_SPLIT;
        }
    }
    long label = first_named(s, mnk_names_label), time = first_named(s, mnk_names_time),
         event = first_named(s, mnk_names_event);
    if (!g->o->label_column && label >= 0 && s->column[label].type != MNK_COLUMN_TEXT &&
        s->column[label].type != MNK_COLUMN_ID && s->column[label].type != MNK_COLUMN_DATE)
        s->column[label].roles |= MNK_COLUMN_IS_LABEL;
    bool follows = time >= 0 && event >= 0 && mnk_column_is_number(&s->column[time]) &&
                   s->column[time].type != MNK_COLUMN_DATE && s->column[time].low >= 0 &&
                   s->column[event].type == MNK_COLUMN_CATEGORY && s->column[event].levels == 2;
    if (follows) s->column[time].roles |= MNK_COLUMN_IS_TIME, s->column[event].roles |= MNK_COLUMN_IS_EVENT;
}

mnk_status mnk_schema_infer(const mnk_table_file *f, const mnk_column_stats *stats, const mnk_table_options *o,
                            mnk_schema **out, mnk_error *err) {
    inferring g = {.f = f, .stats = stats, .o = o, .style = mnk_table_style(stats, f->columns)};
    mnk_status status = MNK_OK;
    *out = NULL;
    MNK_OUT(mnk_schema_new(f->columns, &g.s, err));
    MNK_OUT(find_unique(&g, err));
    for (size_t c = 0; c < f->columns; c++) MNK_OUT(infer_column(&g, c, err));
    infer_roles(&g);
    g.s->is_inferred = true;
    snprintf(g.s->source, sizeof g.s->source, "%s", f->name);
    *out = g.s;
    g.s = NULL;
out:
    mnk_schema_close(g.s);
    mnk_free(g.unique);
    mnk_text_clear(&g.text);
    return status;
}
