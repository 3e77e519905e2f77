/* Splits: their names, the check that no group sits on two sides, and the assignment by group, stratified by class. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "data/images.h"
#include "manikin/table.h"

static const char *const split_names[] = {"", "train", "val", "test", "holdout"};

const char *mnk_split_name(mnk_split split) { return split_names[split]; }

int mnk_split_parse(const char *word) {
    for (int i = 1; i < 5; i++)
        if (!strcmp(word, split_names[i])) return i;
    return !strcmp(word, "valid") || !strcmp(word, "validation") ? MNK_SPLIT_VAL : -1;
}

typedef struct seat {
    int32_t group;
    uint8_t split;
    size_t row;
} seat;

static int compare_seats(const void *a, const void *b) {
    const seat *x = a, *y = b;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

mnk_status mnk_split_check_groups(const int32_t *group, const uint8_t *split, size_t n, const char *path,
                                  const char *(*group_name)(void *ctx, int32_t g), void *ctx, mnk_error *err) {
    seat *seats = NULL;
    MNK_TRY(MNK_NEW(seats, n, err));
    size_t rows = 0;
    for (size_t i = 0; i < n; i++)
        if (group[i] >= 0 && split[i] != MNK_SPLIT_NONE) seats[rows++] = (seat){group[i], split[i], i};
    qsort(seats, rows, sizeof *seats, compare_seats);
    size_t torn = 0;
    char list[320] = "", shown[96];
    for (size_t i = 0; i < rows;) {
        size_t j = i + 1, other = 0;
        while (j < rows && seats[j].group == seats[i].group) {
            if (!other && seats[j].split != seats[i].split) other = j;
            j++;
        }
        if (other && torn++ < 5) {
            char number[16];
            snprintf(number, sizeof number, "%d", seats[i].group);
            const char *name = group_name ? group_name(ctx, seats[i].group) : number;
            size_t used = strlen(list);
            snprintf(list + used, sizeof list - used, "%s%s (%s and %s)", used ? ", " : "", mnk_printable(name, shown),
                     split_names[seats[i].split], split_names[seats[other].split]);
        }
        i = j;
    }
    mnk_free(seats);
    if (!torn) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: %zu group%s on both sides of the split: %s%s",
                                 mnk_printable(path, shown), torn, torn == 1 ? " is" : "s are", list, torn > 5 ? ", …" : "");
    mnk_error_hint(err, "images of one person or source must share a split, or scores are too good; "
                        "if group names start again in every class, say --groups-within-class");
    return status;
}

typedef struct pair {
    int32_t label, group;
    size_t row;
} pair;

static int compare_pairs(const void *a, const void *b) {
    const pair *x = a, *y = b;
    if (x->label != y->label) return x->label < y->label ? -1 : 1;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

mnk_status mnk_split_groups_within_class(int32_t *group, const int32_t *label, size_t n, mnk_error *err) {
    pair *pairs = NULL;
    size_t *first = NULL;
    mnk_status status = MNK_NEW(pairs, n, err);
    if (status == MNK_OK) status = MNK_NEW(first, n, err);
    if (status == MNK_OK) {
        for (size_t i = 0; i < n; i++) pairs[i] = (pair){label[i], group[i], i};
        qsort(pairs, n, sizeof *pairs, compare_pairs);
        for (size_t i = 0; i < n; i++) { /* first row of each pair */
            bool same = i && pairs[i].label == pairs[i - 1].label && pairs[i].group == pairs[i - 1].group;
            first[pairs[i].row] = same ? first[pairs[i - 1].row] : pairs[i].row;
        }
        int32_t next = 0;
        for (size_t i = 0; i < n; i++)
            if (group[i] >= 0) group[i] = first[i] == i ? next++ : group[first[i]];
    }
    mnk_free(pairs);
    mnk_free(first);
    return status;
}

/* What is assigned as one: the images of a group, or a single image without group. */
typedef struct unit {
    size_t first, n; /* first: smallest row */
    int32_t label;   /* most frequent class, the lower one of equals */
} unit;

/* What is to be split: rows with a class each, in groups (-1 or NULL: on their own). */
typedef struct rows {
    size_t n;
    const int32_t *label, *group;
    int classes;
} rows;

/* Units in the order of their first rows; unit_of[i] is the unit of row i. */
static mnk_status make_units(const rows *d, unit *units, size_t *n_units, size_t *unit_of, mnk_error *err) {
    seat *seats = NULL;
    size_t *votes = NULL;
    mnk_status status = MNK_NEW(seats, d->n, err);
    if (status == MNK_OK) status = MNK_NEW(votes, (size_t)d->classes, err);
    if (status == MNK_OK) {
        for (size_t i = 0; i < d->n; i++) seats[i] = (seat){d->group ? d->group[i] : -1, 0, i};
        qsort(seats, d->n, sizeof *seats, compare_seats);
        for (size_t i = 0; i < d->n; i++) { /* the leader of each row: the first row of its group */
            bool same = i && seats[i].group >= 0 && seats[i].group == seats[i - 1].group;
            unit_of[seats[i].row] = same ? unit_of[seats[i - 1].row] : seats[i].row;
        }
        *n_units = 0;
        for (size_t i = 0; i < d->n; i++) {
            bool leads = unit_of[i] == i;
            size_t u = leads ? (*n_units)++ : unit_of[unit_of[i]]; /* the leader, an earlier row, knows its unit already */
            if (leads) units[u] = (unit){.first = i};
            unit_of[i] = u;
            units[u].n++;
        }
        /* majority label, group by group in sorted order */
        for (size_t i = 0, j = 0; i < d->n; i = j) {
            size_t u = unit_of[seats[i].row];
            for (j = i; j < d->n && unit_of[seats[j].row] == u; j++) votes[d->label[seats[j].row]]++;
            int32_t best = d->label[seats[i].row];
            for (size_t k = i; k < j; k++) {
                int32_t c = d->label[seats[k].row];
                if (votes[c] > votes[best] || (c < best && votes[c] == votes[best])) best = c;
            }
            units[u].label = best;
            for (size_t k = i; k < j; k++) votes[d->label[seats[k].row]] = 0;
        }
    }
    mnk_free(seats);
    mnk_free(votes);
    return status;
}

/* Deals the units of one class, shuffled, each to the side that lacks most of its share. */
static void deal(const unit *units, const size_t *member, size_t n, const double share[3], const size_t *order, uint8_t *side) {
    static const uint8_t splits[3] = {MNK_SPLIT_TRAIN, MNK_SPLIT_VAL, MNK_SPLIT_TEST};
    double total = 0, lack[3];
    for (size_t k = 0; k < n; k++) total += (double)units[member[k]].n;
    for (int s = 0; s < 3; s++) lack[s] = share[s] * total;
    for (size_t k = 0; k < n; k++) {
        size_t u = member[order[k]];
        int best = 0;
        for (int s = 1; s < 3; s++)
            if (share[s] > 0 && (share[best] <= 0 || lack[s] > lack[best])) best = s;
        lack[best] -= (double)units[u].n;
        side[u] = splits[best];
    }
}

static mnk_status split_rows(const rows *d, const double share[3], uint64_t seed, uint8_t *split, mnk_error *err) {
    double train = share[0], val = share[1], test = share[2];
    if (!(train >= 0 && val >= 0 && test >= 0) || fabs(train + val + test - 1) > 1e-9)
        return MNK_FAIL(err, MNK_ERR_USAGE, "shares %g, %g, %g of a split must not be negative and must sum to 1", train, val,
                        test);
    unit *units = NULL;
    size_t *unit_of = NULL, *member = NULL, *order = NULL, n_units = 0;
    uint8_t *side = NULL;
    mnk_status status = MNK_NEW(units, d->n, err);
    if (status == MNK_OK) status = MNK_NEW(unit_of, d->n, err);
    if (status == MNK_OK) status = MNK_NEW(member, d->n, err);
    if (status == MNK_OK) status = MNK_NEW(order, d->n, err);
    if (status == MNK_OK) status = MNK_NEW(side, d->n, err);
    if (status == MNK_OK) status = make_units(d, units, &n_units, unit_of, err);
    for (int c = 0; c < d->classes && status == MNK_OK; c++) {
        size_t n = 0;
        for (size_t u = 0; u < n_units; u++)
            if (units[u].label == c) member[n++] = u;
        mnk_rng r = mnk_rng_at(seed, MNK_PURPOSE_SPLIT, (uint64_t)c, 0);
        mnk_rng_permutation(&r, order, n);
        deal(units, member, n, share, order, side);
    }
    for (size_t i = 0; i < d->n && status == MNK_OK; i++) split[i] = side[unit_of[i]];
    mnk_free(units);
    mnk_free(unit_of);
    mnk_free(member);
    mnk_free(order);
    mnk_free(side);
    return status;
}

mnk_status mnk_images_split(mnk_images *d, double train, double val, double test, uint64_t seed, mnk_error *err) {
    rows r = {d->n, d->label, d->group, d->classes};
    MNK_TRY(split_rows(&r, (const double[3]){train, val, test}, seed, d->split, err));
    mnk_images_rehash(d);
    return MNK_OK;
}

/* Rows without a label are a class of their own. */
mnk_status mnk_table_split(mnk_table *t, double train, double val, double test, uint64_t seed, mnk_error *err) {
    long column = mnk_schema_role(t->schema, MNK_COLUMN_IS_LABEL);
    int32_t *label = NULL;
    const int32_t *code = column >= 0 ? t->code[column] : NULL;
    size_t levels = code ? t->schema->column[column].levels : 0;
    if (levels > MNK_CLASSES_MAX) code = NULL, levels = 0;
    MNK_TRY(MNK_NEW(label, t->n, err));
    for (size_t i = 0; i < t->n; i++) label[i] = !code ? 0 : code[i] < 0 ? (int32_t)levels : code[i];
    rows r = {t->n, label, t->person, (int)levels + 1};
    mnk_status status = split_rows(&r, (const double[3]){train, val, test}, seed, t->split, err);
    mnk_free(label);
    return status == MNK_OK ? mnk_table_finish(t, err) : status;
}
