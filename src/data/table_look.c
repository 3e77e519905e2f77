/* One pass over all cells: what could each column be? */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "data/date_text.h"
#include "data/table_infer.h"

/* ---- missing texts ---- */

mnk_status mnk_missing_list_parse(const char *text, mnk_missing_list *l, mnk_error *err) {
    *l = (mnk_missing_list){.is_given = text != NULL};
    for (const char *p = text; p && *p;) {
        size_t n = strcspn(p, ",");
        if (l->n == 64) return MNK_FAIL(err, MNK_ERR_USAGE, "missing: more than 64 texts");
        const char *at = p;
        size_t length = n;
        while (length && *at == ' ') at++, length--;
        while (length && at[length - 1] == ' ') length--;
        if (length) l->item[l->n++] = (mnk_cell){at, (uint32_t)length};
        p += n + (p[n] == ',');
    }
    return MNK_OK;
}

static bool is_text(const mnk_cell *c, const char *text) {
    size_t n = strlen(text);
    return c->n == n && !strncasecmp(c->at, text, n);
}

bool mnk_is_missing_text(const mnk_missing_list *l, const mnk_cell *c) {
    if (!c->n) return true;
    if (l->is_given) {
        for (size_t i = 0; i < l->n; i++)
            if (l->item[i].n == c->n && !memcmp(l->item[i].at, c->at, c->n)) return true;
        return false;
    }
    switch (*c->at) {
    case '?': return c->n == 1;
    case 'N':
    case 'n': return is_text(c, "NA") || is_text(c, "N/A") || is_text(c, "NaN") || is_text(c, "NULL");
    case '#': return is_text(c, "#N/A");
    case '<': return is_text(c, "<NA>");
    default: return false;
    }
}

bool mnk_is_missing_number(const mnk_cell *c) {
    return (c->n == 1 && (*c->at == '.' || *c->at == '-')) || is_text(c, "--") || is_text(c, "None");
}

/* ---- sets of texts ---- */

static void set_drop(mnk_text_set *s) {
    mnk_free(s->slot);
    *s = (mnk_text_set){.many = true};
}

static bool set_add(mnk_text_set *s, const mnk_cell *c) {
    if (s->many) return true;
    if (2 * (s->n + 1) > s->size) {
        mnk_text_set larger = {.size = s->size ? s->size * 2 : 16};
        if (!(larger.slot = mnk_alloc(larger.size, sizeof *larger.slot))) return false;
        for (size_t i = 0; i < s->size; i++)
            if (s->slot[i].at && !set_add(&larger, &s->slot[i])) return false;
        mnk_free(s->slot);
        *s = larger;
    }
    size_t at = mnk_cell_hash(c) & (s->size - 1);
    for (; s->slot[at].at; at = (at + 1) & (s->size - 1))
        if (s->slot[at].n == c->n && !memcmp(s->slot[at].at, c->at, c->n)) return true;
    s->slot[at] = *c;
    if (++s->n > MNK_LEVELS_MAX) set_drop(s);
    return true;
}

/* Texts that a block unescaped die with it: the set that stays copies what lies outside the file. */
static bool set_merge(mnk_text_set *into, const mnk_text_set *from, const mnk_table_file *f, mnk_arena *texts) {
    if (from->many && !into->many) set_drop(into);
    for (size_t i = 0; i < from->size && !into->many; i++) {
        mnk_cell c = from->slot[i];
        if (!c.at) continue;
        if (c.at < f->bytes || c.at > f->bytes + f->n) {
            char *copy = mnk_arena_alloc(texts, c.n + 1);
            if (!copy) return false;
            memcpy(copy, c.at, c.n);
            c.at = copy;
        }
        if (!set_add(into, &c)) return false;
    }
    return true;
}

/* ---- cells ---- */

static mnk_column_stats fresh(void) {
    mnk_number_stats none = {.decimals_low = 1000, .low = INFINITY, .high = -INFINITY};
    return (mnk_column_stats){.dates = {~(uint64_t)0, ~(uint64_t)0}, .number = {none, none}};
}

static void count_number(mnk_number_stats *s, double x, const mnk_number_shape *shape) {
    s->n++;
    s->integral += x == floor(x);
    s->leading_zeros += shape->leading_zero;
    s->exponents += shape->exponent;
    if (shape->decimals < s->decimals_low) s->decimals_low = shape->decimals;
    if (shape->decimals > s->decimals_high) s->decimals_high = shape->decimals;
    if (shape->significant > s->significant) s->significant = shape->significant;
    if (x < s->low) s->low = x;
    if (x > s->high) s->high = x;
}

static void try_dates(mnk_column_stats *s, const mnk_cell *c) {
    double days;
    if (!(s->dates[0] | s->dates[1])) return;
    bool hopeless = c->n < 4 || c->n > 35;
    for (int w = 0; w < 2; w++)
        for (uint64_t left = s->dates[w]; left; left &= left - 1) {
            int k = __builtin_ctzll(left);
            const char *pattern = w * 64 + k < MNK_DATE_PATTERNS ? mnk_date_patterns[w * 64 + k] : NULL;
            if (hopeless || !pattern || !mnk_date_parse(c->at, c->n, pattern, &days)) s->dates[w] &= ~((uint64_t)1 << k);
        }
}

static bool look_at_cell(mnk_column_stats *s, const mnk_missing_list *l, const mnk_cell *c) {
    if (mnk_is_missing_text(l, c)) {
        s->missing++;
        return !c->n || set_add(&s->missing_set, c);
    }
    if (!l->is_given && mnk_is_missing_number(c)) {
        s->number_missing++;
        return set_add(&s->set, c);
    }
    mnk_number_shape shape;
    double x = 0, y = 0;
    bool point = mnk_number_parse(c->at, c->n, MNK_NUMBER_POINT, &x, &shape);
    if (point) count_number(&s->number[MNK_NUMBER_POINT], x, &shape);
    bool same = point && !shape.grouped && !shape.decimals && !memchr(c->at, '.', c->n);
    bool comma = same;
    if (same) count_number(&s->number[MNK_NUMBER_COMMA], x, &shape);
    else if ((comma = mnk_number_parse(c->at, c->n, MNK_NUMBER_COMMA, &y, &shape)))
        count_number(&s->number[MNK_NUMBER_COMMA], y, &shape);
    if (!point && !comma) {
        if (mnk_number_is_infinite(c->at, c->n)) s->infinite++;
        else s->texts++;
        if (c->n > s->longest) s->longest = c->n;
        s->with_blanks += memchr(c->at, ' ', c->n) != NULL;
    }
    try_dates(s, c);
    return set_add(&s->set, c);
}

static bool merge(mnk_column_stats *into, const mnk_column_stats *from, const mnk_table_file *f, mnk_arena *texts) {
    into->missing += from->missing, into->number_missing += from->number_missing;
    into->infinite += from->infinite, into->texts += from->texts, into->with_blanks += from->with_blanks;
    if (from->longest > into->longest) into->longest = from->longest;
    into->dates[0] &= from->dates[0], into->dates[1] &= from->dates[1];
    for (int k = 0; k < 2; k++) {
        mnk_number_stats *a = &into->number[k];
        const mnk_number_stats *b = &from->number[k];
        a->n += b->n, a->integral += b->integral, a->leading_zeros += b->leading_zeros, a->exponents += b->exponents;
        if (b->decimals_low < a->decimals_low) a->decimals_low = b->decimals_low;
        if (b->decimals_high > a->decimals_high) a->decimals_high = b->decimals_high;
        if (b->significant > a->significant) a->significant = b->significant;
        if (b->low < a->low) a->low = b->low;
        if (b->high > a->high) a->high = b->high;
    }
    return set_merge(&into->set, &from->set, f, texts) && set_merge(&into->missing_set, &from->missing_set, f, texts);
}

mnk_status mnk_table_look(const mnk_table_file *f, const mnk_missing_list *l, mnk_arena *texts, mnk_column_stats **out,
                          mnk_error *err) {
    mnk_column_stats *all = NULL;
    mnk_status status = MNK_NEW(all, f->columns, err);
    *out = all;
    if (status != MNK_OK) return status;
    for (size_t c = 0; c < f->columns; c++) all[c] = fresh();
#pragma omp parallel for schedule(dynamic, 1)
    for (size_t b = 0; b < f->blocks; b++) {
        mnk_table_block block = {0};
        mnk_status own = mnk_table_block_read(f, b, &block, NULL);
        for (size_t c = 0; c < f->columns && own == MNK_OK; c++) {
            mnk_column_stats s = fresh();
            bool fine = true;
            for (size_t r = 0; r < block.rows && fine; r++) fine = look_at_cell(&s, l, &block.cell[c * block.rows + r]);
#pragma omp critical(mnk_table_look)
            if (!fine || !merge(&all[c], &s, f, texts)) own = MNK_ERR_MEMORY;
            mnk_column_stats_clear_one(&s);
        }
        mnk_table_block_clear(&block);
        if (own != MNK_OK) {
#pragma omp critical(mnk_table_look)
            status = own;
        }
    }
    if (status != MNK_OK) return MNK_FAIL(err, status, "%s: out of memory while looking at the columns", f->name);
    return MNK_OK;
}

void mnk_column_stats_clear_one(mnk_column_stats *s) {
    mnk_free(s->set.slot);
    mnk_free(s->missing_set.slot);
}

void mnk_column_stats_clear(mnk_column_stats *s, size_t columns) {
    for (size_t c = 0; s && c < columns; c++) mnk_column_stats_clear_one(&s[c]);
    mnk_free(s);
}

/* ---- styles ---- */

mnk_number_style mnk_column_style(const mnk_column_stats *s, mnk_number_style preferred) {
    size_t point = s->number[MNK_NUMBER_POINT].n, comma = s->number[MNK_NUMBER_COMMA].n;
    return point > comma ? MNK_NUMBER_POINT : comma > point ? MNK_NUMBER_COMMA : preferred;
}

mnk_number_style mnk_table_style(const mnk_column_stats *s, size_t columns) {
    size_t votes[2] = {0};
    for (size_t c = 0; c < columns; c++) {
        size_t point = s[c].number[MNK_NUMBER_POINT].n, comma = s[c].number[MNK_NUMBER_COMMA].n;
        if (point > comma) votes[MNK_NUMBER_POINT]++;
        if (comma > point) votes[MNK_NUMBER_COMMA]++;
    }
    return votes[MNK_NUMBER_COMMA] > votes[MNK_NUMBER_POINT] ? MNK_NUMBER_COMMA : MNK_NUMBER_POINT;
}
