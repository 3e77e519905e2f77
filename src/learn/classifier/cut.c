/* Rows and labels: cutting a validation share, matching class names. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "learn/classifier/model.h"

/* A group, or a single image without group: it goes to one side as a whole. */
typedef struct unit {
    int32_t group, label; /* label of its first image: the stratum */
    size_t n;
    bool val;
} unit;

typedef struct keyed {
    int32_t group;
    size_t row;
} keyed;

static int by_group(const void *a, const void *b) {
    const keyed *x = a, *y = b;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Lists units and sets unit_of[row]. */
static mnk_status list_units(const mnk_images *d, unit *units, size_t *n_units, size_t *unit_of, mnk_error *err) {
    keyed *key;
    MNK_TRY(MNK_NEW(key, d->n, err));
    for (size_t i = 0; i < d->n; i++) key[i] = (keyed){d->group ? d->group[i] : -1, i};
    qsort(key, d->n, sizeof *key, by_group);
    *n_units = 0;
    for (size_t i = 0; i < d->n; i++) {
        size_t row = key[i].row;
        bool same = i > 0 && key[i].group >= 0 && key[i].group == key[i - 1].group;
        if (!same) units[(*n_units)++] = (unit){key[i].group, d->label[row], 0, false};
        units[*n_units - 1].n++;
        unit_of[row] = *n_units - 1;
    }
    mnk_free(key);
    return MNK_OK;
}

/* Marks units of one class in random order until the share of its images is reached; the last unit stays in train. */
static void mark_class(unit *units, size_t n_units, int label, double share, mnk_rng *rng, size_t *member, size_t *order) {
    size_t m = 0, images = 0, taken = 0;
    for (size_t u = 0; u < n_units; u++)
        if (units[u].label == label) member[m++] = u, images += units[u].n;
    mnk_rng_permutation(rng, order, m);
    for (size_t j = 0; j + 1 < m && (double)taken + 0.5 <= share * (double)images; j++) {
        units[member[order[j]]].val = true;
        taken += units[member[order[j]]].n;
    }
}

mnk_status mnk_classifier_cut(const mnk_images *d, double share, uint64_t seed, size_t **train, size_t *n_train, size_t **val,
                              size_t *n_val, mnk_error *err) {
    mnk_status status = MNK_OK;
    unit *units = NULL;
    size_t *unit_of = NULL, *member = NULL, *order = NULL, n_units = 0;
    *train = *val = NULL;
    *n_train = *n_val = 0;
    MNK_OUT(MNK_NEW(units, d->n + 1, err));
    MNK_OUT(MNK_NEW(unit_of, d->n + 1, err));
    MNK_OUT(MNK_NEW(member, d->n + 1, err));
    MNK_OUT(MNK_NEW(order, d->n + 1, err));
    MNK_OUT(MNK_NEW(*train, d->n + 1, err));
    MNK_OUT(MNK_NEW(*val, d->n + 1, err));
    MNK_OUT(list_units(d, units, &n_units, unit_of, err));
    for (int k = 0; k < d->classes && share > 0.0; k++) {
        mnk_rng rng = mnk_rng_at(seed, MNK_PURPOSE_SPLIT, (uint64_t)k, 0);
        mark_class(units, n_units, k, share, &rng, member, order);
    }
    for (size_t i = 0; i < d->n; i++) {
        if (units[unit_of[i]].val) (*val)[(*n_val)++] = i;
        else (*train)[(*n_train)++] = i;
    }
out:
    if (status != MNK_OK) {
        mnk_free(*train);
        mnk_free(*val);
        *train = *val = NULL;
    }
    mnk_free(units);
    mnk_free(unit_of);
    mnk_free(member);
    mnk_free(order);
    return status;
}

mnk_status mnk_classifier_match(const mnk_images *d, const char *what, int classes, char *const *names, int32_t *map,
                                mnk_error *err) {
    size_t *count, wrong = SIZE_MAX;
    char unknown[512] = "", known[512] = "";
    MNK_TRY(MNK_NEW(count, (size_t)d->classes + 1, err));
    for (size_t i = 0; i < d->n; i++) {
        if (d->label[i] >= 0 && d->label[i] < d->classes) count[d->label[i]]++;
        else wrong = i;
    }
    if (wrong < d->n) {
        mnk_free(count);
        return MNK_FAIL(err, MNK_ERR_INPUT, "%s (%.300s): image %zu has label %d of %d classes", what, d->source, wrong,
                        (int)d->label[wrong], d->classes);
    }
    for (int k = 0; k < d->classes; k++) {
        map[k] = -1;
        for (int j = 0; j < classes && map[k] < 0; j++)
            if (!strcmp(d->class_names[k], names[j])) map[k] = j;
        size_t used = strlen(unknown);
        if (map[k] < 0 && count[k] > 0)
            snprintf(unknown + used, sizeof unknown - used, "%s%.60s", used ? ", " : "", d->class_names[k]);
        if (count[k] == 0) map[k] = -1;
    }
    mnk_free(count);
    if (!*unknown) return MNK_OK;
    for (int j = 0; j < classes; j++) {
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%.60s", used ? ", " : "", names[j]);
    }
    mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s (%.200s): class %.300s is not one of the classes trained on: %.300s",
                                 what, d->source, unknown, known);
    mnk_error_hint(err, "name the classes alike in all sets, or leave the unknown one out");
    return status;
}
