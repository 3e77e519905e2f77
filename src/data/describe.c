#include "manikin/describe.h"

#include <stdio.h>
#include <string.h>

#include "data/describing.h"
#include "data/duplicates.h"
#include "manikin/observer.h"

enum { FEW_IMAGES = 20 };

typedef struct describing {
    mnk_describing out;
    const mnk_images *d;
    mnk_result *r; /* that of out */
} describing;

static void add(describing *g, const char *id, const char *subset, double value, size_t n, const char *note) {
    mnk_describe_add(&g->out, id, subset, value, n, note);
}

static void flag(describing *g, const char *kind, size_t *count, size_t item, size_t of, double distance, const char *note) {
    mnk_describe_flag(&g->out, kind, count, item, of, distance, note);
}

static void say_truncated(describing *g, const char *kind, size_t count) {
    if (count > MNK_DESCRIBE_FLAGS_MAX)
        mnk_result_add_warning(g->r, "%zu flags of kind %s; the first %d are listed", count, kind, MNK_DESCRIBE_FLAGS_MAX);
}

static mnk_status classes(describing *g, mnk_error *err) {
    const mnk_images *d = g->d;
    size_t *count = NULL, largest = 0, smallest = SIZE_MAX, empty = 0, few = 0;
    char list[160] = "", shown[96];
    MNK_TRY(MNK_NEW(count, (size_t)d->classes, err));
    for (size_t i = 0; i < d->n; i++) count[d->label[i]]++;
    for (int c = 0; c < d->classes; c++) {
        add(g, "n_class", d->class_names[c], (double)count[c], d->n, NULL);
        if (count[c] > largest) largest = count[c];
        if (count[c] && count[c] < smallest) smallest = count[c];
        empty += !count[c];
        if (count[c] && count[c] < FEW_IMAGES && few++ < 4) {
            size_t used = strlen(list);
            snprintf(list + used, sizeof list - used, "%s%.24s (%zu)", used ? ", " : "",
                     mnk_printable(d->class_names[c], shown), count[c]);
        }
    }
    if (d->n) add(g, "imbalance", "", (double)largest / (double)smallest, d->n, "largest class over smallest");
    if (empty) mnk_result_add_warning(g->r, "%zu of %d classes have no images here", empty, d->classes);
    if (d->classes - (int)empty == 1)
        mnk_result_add_warning(g->r, "one class only: enough to look at, not to train a classifier");
    if (few)
        mnk_result_add_warning(g->r, "%zu class%s with fewer than %d images: %s", few, few == 1 ? "" : "es", FEW_IMAGES, list);
    if (d->n && smallest && largest / smallest >= 10)
        mnk_result_add_warning(g->r, "the largest class has %.0f times as many images as the smallest",
                               (double)largest / (double)smallest);
    mnk_free(count);
    return MNK_OK;
}

static int32_t count_groups(const mnk_images *d, mnk_error *err, mnk_status *status, size_t *unknown) {
    int32_t *copy = NULL, *label = NULL, most = 0;
    *status = MNK_NEW(copy, d->n, err);
    if (*status == MNK_OK) *status = MNK_NEW(label, d->n, err); /* one class: numbers groups in order of appearance */
    if (*status == MNK_OK) {
        memcpy(copy, d->group, d->n * sizeof *copy);
        *status = mnk_split_groups_within_class(copy, label, d->n, err);
    }
    for (size_t i = 0; i < d->n && *status == MNK_OK; i++) {
        if (copy[i] >= most) most = copy[i] + 1;
        *unknown += copy[i] < 0;
    }
    mnk_free(copy);
    mnk_free(label);
    return most;
}

static mnk_status shape(describing *g, mnk_error *err) {
    const mnk_images *d = g->d;
    size_t split[5] = {0}, unknown = 0;
    for (size_t i = 0; i < d->n; i++) split[d->split[i]]++;
    for (int s = 1; s < 5; s++)
        if (split[s]) add(g, "n_split", mnk_split_name((mnk_split)s), (double)split[s], d->n, NULL);
    add(g, "width", "", d->width, d->n, NULL);
    add(g, "height", "", d->height, d->n, NULL);
    add(g, "channels", "", d->channels, d->n, NULL);
    add(g, "depth", "", d->depth, d->n, NULL);
    add(g, "skipped", "", (double)d->skipped, d->n + d->skipped, NULL);
    if (d->skipped)
        mnk_result_add_warning(g->r, "%zu file%s left out; the first: %.180s", d->skipped, d->skipped == 1 ? "" : "s",
                               d->skipped_reasons[0]);
    if (d->synthetic) mnk_result_add_warning(g->r, "these images carry manikin's mark: they are synthetic");
    if (!d->group) {
        mnk_result_add_warning(g->r, "no person or group is known: images of one person may stand on both sides of a split");
        return MNK_OK;
    }
    mnk_status status = MNK_OK;
    int32_t groups = count_groups(d, err, &status, &unknown);
    if (status != MNK_OK) return status;
    add(g, "groups", "", groups, d->n, NULL);
    if (unknown) mnk_result_add_warning(g->r, "%zu images without person or group", unknown);
    return MNK_OK;
}

typedef struct tally {
    size_t exact, conflicting, near, across, near_across, across_groups, constant;
} tally;

/* Marks the first rows of sets of equal pixels with more than one label, or more than one group. */
enum { TWO_LABELS = 1, TWO_GROUPS = 2 };

static void mark_sets(const mnk_images *d, const mnk_duplicates *dup, uint8_t *mixed) {
    for (size_t i = 0; i < d->n; i++) {
        size_t first = dup->same[i];
        if (d->label[i] != d->label[first]) mixed[first] |= TWO_LABELS;
        if (d->group && d->group[i] >= 0 && d->group[first] >= 0 && d->group[i] != d->group[first]) mixed[first] |= TWO_GROUPS;
    }
}

static void judge_rows(describing *g, const mnk_duplicates *dup, const uint8_t *mixed, tally *t) {
    const mnk_images *d = g->d;
    size_t exact = 0, conflicting = 0, near = 0, across = 0;
    char note[64];
    for (size_t i = 0; i < d->n; i++) {
        size_t first = dup->same[i], other = dup->near[i];
        t->constant += dup->constant[i];
        if (first != i) flag(g, "exact_duplicate", &exact, i, first, 0, "");
        if (mixed[first] & TWO_LABELS) t->conflicting++;
        if (first != i && d->label[i] != d->label[first]) {
            snprintf(note, sizeof note, "labels %d and %d", d->label[i], d->label[first]);
            flag(g, "conflicting_duplicate", &conflicting, i, first, 0, note);
        }
        if (other != SIZE_MAX)
            flag(g, "near_duplicate", &near, i, other, (double)dup->near_distance[i], mnk_turn_text(dup->near_turn[i]));
        if (dup->same_across[i] != SIZE_MAX) {
            snprintf(note, sizeof note, "%s and %s", mnk_split_name((mnk_split)d->split[i]),
                     mnk_split_name((mnk_split)d->split[dup->same_across[i]]));
            flag(g, "cross_split", &across, i, dup->same_across[i], 0, note);
            t->across++;
        }
        if (dup->near_across[i] != SIZE_MAX) t->near_across++;
        if ((mixed[first] & TWO_GROUPS) || dup->near_group[i] != SIZE_MAX) t->across_groups++;
    }
    t->exact = exact;
    t->near = near;
    say_truncated(g, "exact_duplicate", exact);
    say_truncated(g, "conflicting_duplicate", conflicting);
    say_truncated(g, "near_duplicate", near);
    say_truncated(g, "cross_split", across);
}

static void report(describing *g, const tally *t, bool near, bool splits) {
    size_t n = g->d->n;
    mnk_result *r = g->r;
    add(g, "constant_images", "", (double)t->constant, n, NULL);
    add(g, "exact_duplicates", "", (double)t->exact, n, "pixels equal to those of an earlier image");
    add(g, "conflicting_duplicates", "", (double)t->conflicting, n, "an exact copy has another label");
    if (near) add(g, "near_duplicates", "", (double)t->near, n, "nearly equal to another image, maybe turned or mirrored");
    if (splits) add(g, "cross_split_duplicates", "", (double)t->across, n, "an exact copy stands in another split");
    if (splits && near)
        add(g, "cross_split_near_duplicates", "", (double)t->near_across, n, "a near duplicate stands in another split");
    if (g->d->group)
        add(g, "cross_group_duplicates", "", (double)t->across_groups, n,
            "an exact or near duplicate belongs to another group");
    if (t->constant) mnk_result_add_warning(r, "%zu images of a single colour", t->constant);
    if (t->conflicting) mnk_result_add_warning(r, "%zu images have an exact copy under another label", t->conflicting);
    if (t->across)
        mnk_result_add_warning(r, "%zu images have an exact copy in another split: scores there will be too good", t->across);
    if (t->near_across)
        mnk_result_add_warning(r, "%zu images have a near duplicate in another split: scores there will be too good",
                               t->near_across);
    if (t->across_groups)
        mnk_result_add_warning(r, "%zu images have a duplicate in another group: are the groups complete?", t->across_groups);
}

static mnk_status duplicates(describing *g, const mnk_describe_options *o, const mnk_observer *observer, mnk_error *err) {
    mnk_duplicates dup;
    uint8_t *mixed = NULL;
    tally t = {0};
    bool splits = false;
    double threshold = o->no_near ? 0 : o->near_threshold > 0 ? o->near_threshold : MNK_NEAR_THRESHOLD;
    MNK_TRY(mnk_duplicates_find(g->d, threshold, observer, &dup, err));
    mnk_status status = MNK_NEW(mixed, g->d->n, err);
    for (size_t i = 1; i < g->d->n && !splits; i++) splits = g->d->split[i] != g->d->split[0];
    if (status == MNK_OK) {
        mark_sets(g->d, &dup, mixed);
        judge_rows(g, &dup, mixed, &t);
        report(g, &t, threshold > 0, splits);
    }
    mnk_free(mixed);
    mnk_duplicates_clear(&dup);
    return status;
}

mnk_status mnk_images_describe(const mnk_images *d, const mnk_describe_options *options, const mnk_observer *observer,
                               mnk_result *r, mnk_error *err) {
    static const mnk_describe_options defaults = {0};
    describing g = {.out = {.r = r}, .d = d, .r = r};
    const mnk_describe_options *o = options ? options : &defaults;
    if (!(o->near_threshold >= 0 && o->near_threshold <= 1))
        return MNK_FAIL(err, MNK_ERR_USAGE, "near threshold %g: must be between 0 and 1", o->near_threshold);
    g.out.failed = !mnk_result_add_input(r, "data", d->source, d->n, d->hash);
    add(&g, "n", "", (double)d->n, d->n, NULL);
    add(&g, "classes", "", d->classes, d->n, NULL);
    MNK_TRY(classes(&g, err));
    MNK_TRY(shape(&g, err));
    MNK_TRY(duplicates(&g, o, observer, err));
    return g.out.failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: the description of %zu images", d->n) : MNK_OK;
}
