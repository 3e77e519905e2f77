/* Who learns, who is held out: splits by group, class by class. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "data/images.h"
#include "study/study.h"

/* A group (person), or one image where there are no groups. */
typedef struct unit {
    int32_t group; /* -1: the single image `first` */
    size_t first, n;
    int label; /* that most of its images have; the lower one when tied */
} unit;

typedef struct units {
    unit *item;
    size_t n;
    size_t *of; /* [images] unit of each image */
} units;

static void units_clear(units *u) {
    mnk_free(u->item);
    mnk_free(u->of);
}

/* Group number -> unit, for images of the given split only. */
static mnk_status units_make(const mnk_images *d, mnk_split split, units *u, mnk_error *err) {
    int32_t most = -1;
    size_t *by_group = NULL, *votes = NULL;
    mnk_status status = MNK_OK;
    *u = (units){0};
    for (size_t i = 0; d->group && i < d->n; i++)
        if (d->group[i] > most) most = d->group[i];
    MNK_OUT(MNK_NEW(u->item, d->n + 1, err));
    MNK_OUT(MNK_NEW(u->of, d->n + 1, err));
    MNK_OUT(MNK_NEW(by_group, (size_t)most + 2, err)); /* unit + 1 */
    for (size_t i = 0; i < d->n; i++) {
        u->of[i] = SIZE_MAX;
        if (d->split[i] != split) continue;
        int32_t g = d->group ? d->group[i] : -1;
        size_t k = g >= 0 && by_group[g] ? by_group[g] - 1 : u->n;
        if (k == u->n) {
            u->item[u->n++] = (unit){.group = g, .first = i, .label = d->label[i]};
            if (g >= 0) by_group[g] = u->n;
        }
        u->item[k].n++;
        u->of[i] = k;
    }
    MNK_OUT(MNK_NEW(votes, u->n * (size_t)d->classes + 1, err));
    for (size_t i = 0; i < d->n; i++)
        if (u->of[i] != SIZE_MAX) votes[u->of[i] * (size_t)d->classes + (size_t)d->label[i]]++;
    for (size_t k = 0; k < u->n; k++)
        for (int c = 0; c < d->classes; c++)
            if (votes[k * (size_t)d->classes + (size_t)c] > votes[k * (size_t)d->classes + (size_t)u->item[k].label])
                u->item[k].label = c;
out:
    mnk_free(by_group);
    mnk_free(votes);
    if (status != MNK_OK) units_clear(u), *u = (units){0};
    return status;
}

/* Moves `share` of the images of each class from one split to another, whole groups in random order. A group is taken when that
 * brings the count nearer to the share; at least one group stays. */
static mnk_status cut(mnk_images *d, mnk_split from, mnk_split to, double share, int only_class, uint64_t seed,
                      mnk_purpose purpose, uint64_t salt, mnk_error *err) {
    units u;
    size_t *order = NULL;
    bool *moved = NULL;
    mnk_status status = units_make(d, from, &u, err);
    if (status != MNK_OK) return status;
    MNK_OUT(MNK_NEW(order, u.n + 1, err));
    MNK_OUT(MNK_NEW(moved, u.n + 1, err));
    for (int c = 0; c < d->classes; c++) {
        if (only_class >= 0 && c != only_class) continue;
        size_t n = 0, images = 0, taken = 0;
        mnk_rng rng = mnk_rng_at(seed, purpose, (uint64_t)c, (uint32_t)salt);
        for (size_t k = 0; k < u.n; k++)
            if (u.item[k].label == c) order[n++] = k, images += u.item[k].n;
        for (size_t k = n; k > 1; k--) { /* Fisher-Yates */
            size_t other = mnk_rng_below(&rng, k), t = order[k - 1];
            order[k - 1] = order[other];
            order[other] = t;
        }
        double want = share * (double)images;
        for (size_t k = 0; k + 1 < n; k++) {
            double with = (double)(taken + u.item[order[k]].n);
            if (fabs(with - want) >= fabs((double)taken - want)) continue;
            moved[order[k]] = true;
            taken += u.item[order[k]].n;
        }
    }
    for (size_t i = 0; i < d->n; i++)
        if (u.of[i] != SIZE_MAX && moved[u.of[i]]) d->split[i] = (uint8_t)to;
out:
    units_clear(&u);
    mnk_free(order);
    mnk_free(moved);
    return status;
}

static size_t count(const mnk_images *d, mnk_split split, int label) {
    size_t n = 0;
    for (size_t i = 0; i < d->n; i++) n += d->split[i] == split && (label < 0 || d->label[i] == label);
    return n;
}

static int class_of(const mnk_images *d, const char *name, size_t n) {
    for (int c = 0; c < d->classes; c++)
        if (strlen(d->class_names[c]) == n && memcmp(d->class_names[c], name, n) == 0) return c;
    return -1;
}

static mnk_status thin(mnk_images *d, const mnk_study_data *o, uint64_t seed, char *note, size_t size, mnk_error *err) {
    for (size_t i = 0; i < o->keep.n; i++) {
        const char *text = o->keep.items[i], *equals = strrchr(text, '=');
        char *end = NULL;
        double share = equals ? strtod(equals + 1, &end) : -1;
        if (end && *end == '%') share /= 100, end++;
        if (!equals || end == equals + 1 || *end || !(share > 0 && share <= 1))
            return MNK_FAIL(err, MNK_ERR_USAGE,
                            "data.keep: \"%.100s\": expected CLASS=SHARE with a share above 0 and at most 1", text);
        int c = class_of(d, text, (size_t)(equals - text));
        if (c < 0)
            return MNK_FAIL(err, MNK_ERR_INPUT, "data.keep: %s has no class \"%.*s\"", d->source, (int)(equals - text), text);
        size_t before = count(d, MNK_SPLIT_TRAIN, c);
        MNK_TRY(cut(d, MNK_SPLIT_TRAIN, MNK_SPLIT_NONE, 1 - share, c, seed, MNK_PURPOSE_KEEP, 0, err));
        size_t used = strlen(note);
        snprintf(note + used, size - used,
                 " Of class %s only %zu of %zu training images were kept, to make it rare on purpose.", d->class_names[c],
                 count(d, MNK_SPLIT_TRAIN, c), before);
    }
    return MNK_OK;
}

mnk_status mnk_study_assign(mnk_images *d, const mnk_study_data *o, uint64_t seed, char note[512], mnk_error *err) {
    const struct {
        mnk_split split;
        double share;
        const char *name;
    } want[] = {
        {MNK_SPLIT_TEST, o->test, "test"}, {MNK_SPLIT_HOLDOUT, o->holdout, "holdout"}, {MNK_SPLIT_VAL, o->val, "validation"}};
    char given[64] = "", made[160] = "";
    if (o->test + o->holdout + o->val >= 1)
        return MNK_FAIL(err, MNK_ERR_USAGE,
                        "data: the shares val, holdout and test add up to %.2f; nothing is left to train on",
                        o->test + o->holdout + o->val);
    for (size_t i = 0; i < d->n; i++)
        if (d->split[i] == MNK_SPLIT_NONE) d->split[i] = MNK_SPLIT_TRAIN;
    double left = 1; /* shares are of the whole where test is cut too, else of what the data call train */
    for (int k = 0; k < 3; k++) {
        if (count(d, want[k].split, -1)) {
            snprintf(given + strlen(given), sizeof given - strlen(given), "%s%s", *given ? ", " : "", want[k].name);
            continue;
        }
        if (want[k].share <= 0) continue;
        MNK_TRY(cut(d, MNK_SPLIT_TRAIN, want[k].split, want[k].share / left, -1, seed, MNK_PURPOSE_SPLIT,
                    (uint64_t)want[k].split, err));
        left -= want[k].share;
        snprintf(made + strlen(made), sizeof made - strlen(made), "%s%s (%.0f %%)", *made ? ", " : "", want[k].name,
                 100 * want[k].share);
    }
    snprintf(
        note, 512, "%s%s%s%s%s%s", *given ? "The data name their own split: " : "", given, *given ? ". " : "",
        *made ? "Cut by the study: " : "", made,
        *made ? (d->group ? ", whole groups, class by class." : ", image by image, class by class: the data name no persons.")
              : "");
    MNK_TRY(thin(d, o, seed, note, 512, err));
    for (int c = 0; c < d->classes; c++)
        if (!count(d, MNK_SPLIT_TRAIN, c))
            return MNK_FAIL(err, MNK_ERR_INPUT, "%s: class \"%s\" has no training image", d->source, d->class_names[c]);
    return MNK_OK;
}

mnk_status mnk_study_name_classes(mnk_images *d, const mnk_option_list *names, mnk_error *err) {
    if (names->n != (size_t)d->classes)
        return MNK_FAIL(err, MNK_ERR_INPUT, "data.classes: %zu names, but %s has %d classes", names->n, d->source, d->classes);
    for (int c = 0; c < d->classes; c++) {
        char number[16];
        snprintf(number, sizeof number, "%d", c);
        if (strcmp(d->class_names[c], number) != 0 && strcmp(d->class_names[c], names->items[c]) != 0)
            return MNK_FAIL(err, MNK_ERR_INPUT, "data.classes: %s calls class %d \"%s\", not \"%s\"", d->source, c,
                            d->class_names[c], names->items[c]);
        for (int k = 0; k < c; k++)
            if (strcmp(names->items[k], names->items[c]) == 0)
                return MNK_FAIL(err, MNK_ERR_INPUT, "data.classes: \"%s\" is named twice", names->items[c]);
        char *copy = mnk_arena_strdup(mnk_images_arena(d), names->items[c]);
        if (!copy) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
        d->class_names[c] = copy;
    }
    return MNK_OK;
}

mnk_status mnk_study_subset(const mnk_images *d, mnk_split split, mnk_images **out, mnk_error *err) {
    *out = NULL;
    size_t *index = NULL, n = 0;
    MNK_TRY(MNK_NEW(index, d->n + 1, err));
    for (size_t i = 0; i < d->n; i++)
        if (d->split[i] == split) index[n++] = i;
    mnk_status status = n ? mnk_images_select(d, index, n, out, err) : MNK_OK;
    mnk_free(index);
    return status;
}
