/* Splits: their names, the check that no group sits on two sides, and the assignment by group, stratified by class. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "data/images.h"

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
