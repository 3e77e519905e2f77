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

/* The units of class c in random order; returns how many, and their images in *images. */
static size_t shuffled(const units *u, int c, mnk_rng rng, size_t *order, size_t *images) {
    size_t n = 0;
    *images = 0;
    for (size_t k = 0; k < u->n; k++)
        if (u->item[k].label == c) order[n++] = k, *images += u->item[k].n;
    for (size_t k = n; k > 1; k--) { /* Fisher-Yates */
        size_t other = mnk_rng_below(&rng, k), t = order[k - 1];
        order[k - 1] = order[other];
        order[other] = t;
    }
    return n;
}

static bool is_nearer(size_t with, size_t without, double want) {
    return fabs((double)with - want) < fabs((double)without - want);
}

/* Moves `share` of the training images of each class to another split, whole groups in random order. A group is taken when that
 * brings the count nearer to the share; at least one group stays. */
static mnk_status cut(mnk_images *d, mnk_split to, double share, uint64_t seed, mnk_error *err) {
    units u;
    size_t *order = NULL;
    bool *moved = NULL;
    mnk_status status = units_make(d, MNK_SPLIT_TRAIN, &u, err);
    if (status != MNK_OK) return status;
    MNK_OUT(MNK_NEW(order, u.n + 1, err));
    MNK_OUT(MNK_NEW(moved, u.n + 1, err));
    for (int c = 0; c < d->classes; c++) {
        size_t images, taken = 0;
        size_t n = shuffled(&u, c, mnk_rng_at(seed, MNK_PURPOSE_SPLIT, (uint64_t)c, (uint32_t)to), order, &images);
        for (size_t k = 0; k + 1 < n; k++) {
            size_t with = taken + u.item[order[k]].n;
            if (is_nearer(with, taken, share * (double)images)) moved[order[k]] = true, taken = with;
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

/* share[c]: of the training images of class c that stay. "*" speaks for the classes that no other entry names. */
static mnk_status read_keep(const mnk_images *d, const mnk_option_list *keep, double *share, mnk_error *err) {
    for (int c = 0; c < d->classes; c++) share[c] = NAN;
    double rest = 1;
    for (size_t i = 0; i < keep->n; i++) {
        const char *text = keep->items[i], *equals = strrchr(text, '=');
        char *end = NULL;
        double one = equals ? strtod(equals + 1, &end) : -1;
        if (end && *end == '%') one /= 100, end++;
        if (!equals || end == equals + 1 || *end || !(one > 0 && one <= 1))
            return MNK_FAIL(err, MNK_ERR_USAGE,
                            "data.keep: \"%.100s\": expected CLASS=SHARE with a share above 0 and at most 1", text);
        int c = class_of(d, text, (size_t)(equals - text));
        if (c >= 0) share[c] = one;
        else if (equals == text + 1 && *text == '*') rest = one;
        else return MNK_FAIL(err, MNK_ERR_INPUT, "data.keep: %s has no class \"%.*s\"", d->source, (int)(equals - text), text);
    }
    for (int c = 0; c < d->classes; c++)
        if (isnan(share[c])) share[c] = rest;
    return MNK_OK;
}

static void say_kept(const mnk_images *d, const size_t *before, char *note, size_t size) {
    for (int c = 0; c < d->classes; c++) {
        size_t used = strlen(note), kept = count(d, MNK_SPLIT_TRAIN, c);
        if (kept == before[c] || used >= size) continue;
        snprintf(note + used, size - used, " Of class %s only %zu of %zu training images were kept, on purpose.",
                 d->class_names[c], kept, before[c]);
    }
}

mnk_status mnk_study_thin(mnk_images *d, const mnk_study_data *o, const mnk_study_draw *draw, bool *is_drawn, char note[512],
                          mnk_error *err) {
    units u = {0};
    double *share = NULL;
    size_t *order = NULL, *before = NULL;
    mnk_status status = MNK_OK;
    *is_drawn = false;
    for (size_t i = 0; i < d->n; i++)
        if (d->split[i] == MNK_SPLIT_NONE) d->split[i] = MNK_SPLIT_TRAIN;
    MNK_OUT(MNK_NEW(share, (size_t)d->classes + 1, err));
    MNK_OUT(MNK_NEW(before, (size_t)d->classes + 1, err));
    MNK_OUT(read_keep(d, &o->keep, share, err));
    MNK_OUT(units_make(d, MNK_SPLIT_TRAIN, &u, err));
    MNK_OUT(MNK_NEW(order, u.n + 1, err));
    for (int c = 0; c < d->classes; c++) {
        size_t images, kept = 0, k = 0, n;
        mnk_rng rng = mnk_rng_at(draw->seed, MNK_PURPOSE_KEEP, (uint64_t)c, (uint32_t)draw->subset);
        n = shuffled(&u, c, rng, order, &images);
        before[c] = count(d, MNK_SPLIT_TRAIN, c);
        double want = share[c] * (double)images;
        if (draw->most && want > (double)draw->most) want = (double)draw->most;
        /* the first groups of one order: a smaller share is part of a larger one */
        for (; k < n && (!kept || is_nearer(kept + u.item[order[k]].n, kept, want)); k++) kept += u.item[order[k]].n;
        *is_drawn = *is_drawn || k < n;
        for (; k < n; k++) u.item[order[k]].label = -1;
    }
    for (size_t i = 0; i < d->n; i++)
        if (u.of[i] != SIZE_MAX && u.item[u.of[i]].label < 0) d->split[i] = MNK_SPLIT_NONE;
    if (note) say_kept(d, before, note, 512);
    for (int c = 0; c < d->classes && status == MNK_OK; c++)
        if (!count(d, MNK_SPLIT_TRAIN, c))
            status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: class \"%s\" has no training image", d->source, d->class_names[c]);
out:
    units_clear(&u);
    mnk_free(share);
    mnk_free(order);
    mnk_free(before);
    return status;
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
        MNK_TRY(cut(d, want[k].split, want[k].share / left, seed, err));
        left -= want[k].share;
        snprintf(made + strlen(made), sizeof made - strlen(made), "%s%s (%.0f %%)", *made ? ", " : "", want[k].name,
                 100 * want[k].share);
    }
    snprintf(
        note, 512, "%s%s%s%s%s%s", *given ? "The data name their own split: " : "", given, *given ? ". " : "",
        *made ? "Cut by the study: " : "", made,
        *made ? (d->group ? ", whole groups, class by class." : ", image by image, class by class: the data name no persons.")
              : "");
    bool is_drawn;
    return mnk_study_thin(d, o, &(mnk_study_draw){.seed = seed}, &is_drawn, note, err);
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
