/* Recall of the search for near-copies on pictures whose source is known: a dataset with a group column (source tile, person)
 * in which a group's pictures are turned, cropped, mirrored versions of one another.
 *
 *     study_copies tiles32.npz [--threads N] [--groups-span-classes]
 *
 * Half of the train groups (every other one, "choose") may be used to choose constants; figures are those of the other half
 * and of the test groups. Protocols:
 *   one   the reference holds one random picture per group, other pictures of those groups are searched for
 *   all   the reference holds all pictures but those searched for
 *   fresh thresholds from the "choose" groups against a reference of the other half (one picture per group), false alarms of
 *         the test groups against it, recall of the reference's own groups: nothing judged had a part in the threshold
 * A query is found when its score is below its class's threshold at 1 % false alarm and the nearest picture is of its group.
 * Intervals: bootstrap of groups. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "data/duplicates.h"
#include "manikin/copies.h"
#include "math/stats.h"

static void check(mnk_status status, const mnk_error *err) {
    if (status == MNK_OK) return;
    fprintf(stderr, "study_copies: %s\n", err->message);
    exit(1);
}

static double cpu_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* One split without byte-identical repeats; `part` 0 or 1 keeps every other group, -1 all. */
static mnk_images *open_part(const char *path, const char *split, bool within, int part) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *d = NULL, *out = NULL;
    mnk_duplicates same;
    char spec[1100];
    snprintf(spec, sizeof spec, "%s:%s", path, split);
    const mnk_images_options options = {.groups_within_class = within};
    check(mnk_images_open(spec, &options, NULL, &d, &err), &err);
    if (!d->group) fprintf(stderr, "study_copies: %s has no groups\n", spec), exit(1);
    check(mnk_duplicates_find(d, 0, NULL, &same, &err), &err);
    size_t *row = mnk_alloc(d->n, sizeof *row), n = 0;
    for (size_t i = 0; i < d->n; i++)
        if (same.same[i] == i && (part < 0 || d->group[i] % 2 == part)) row[n++] = i;
    check(mnk_images_select(d, row, n, &out, &err), &err);
    mnk_free(row);
    mnk_duplicates_clear(&same);
    mnk_images_close(d);
    return out;
}

/* Splits d into a reference and queries: keep[] pictures of each group go to the reference (0: all but the queries). */
static void deal(const mnk_images *d, bool one, size_t most, uint64_t seed, mnk_images **reference, mnk_images **query) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_rng r = mnk_rng_at(seed, MNK_PURPOSE_TEST, 0, 0);
    size_t *order = mnk_alloc(d->n, sizeof *order), *ref = mnk_alloc(d->n, sizeof *ref), *q = mnk_alloc(d->n, sizeof *q);
    size_t nr = 0, nq = 0;
    int32_t top = 0;
    for (size_t i = 0; i < d->n; i++) top = d->group[i] > top ? d->group[i] : top;
    uint8_t *seen = mnk_alloc((size_t)top + 1, 1);
    mnk_rng_permutation(&r, order, d->n);
    for (size_t k = 0; k < d->n; k++) { /* in random order: the first of a group is its reference */
        const size_t i = order[k];
        const int32_t g = d->group[i];
        if (!seen[g]) seen[g] = 1, ref[nr++] = i;
        else if (nq < most) q[nq++] = i;
        else if (!one) ref[nr++] = i;
    }
    check(mnk_images_select(d, ref, nr, reference, &err), &err);
    check(mnk_images_select(d, q, nq, query, &err), &err);
    mnk_free(order);
    mnk_free(ref);
    mnk_free(q);
    mnk_free(seen);
}

typedef struct tally {
    const uint8_t *hit;
    const int32_t *unit;
    size_t n;
} tally;

static void share_of(void *ctx, const uint32_t *times, double *out) {
    const tally *t = ctx;
    double hits = 0, all = 0;
    for (size_t i = 0; i < t->n; i++) hits += t->hit[i] * (double)times[t->unit[i]], all += times[t->unit[i]];
    out[0] = hits / all;
}

/* Share of hits with its interval over groups. */
static void print_share(const char *what, const uint8_t *hit, const mnk_images *d) {
    mnk_error err = MNK_ERROR_INIT;
    int32_t *unit = mnk_alloc(d->n, sizeof *unit), *number = NULL, top = 0, units = 0;
    double sum = 0, low = 0, high = 0;
    for (size_t i = 0; i < d->n; i++) top = d->group[i] > top ? d->group[i] : top;
    number = mnk_alloc((size_t)top + 1, sizeof *number);
    for (size_t i = 0; i < d->n; i++) {
        if (!number[d->group[i]]) number[d->group[i]] = ++units;
        unit[i] = number[d->group[i]] - 1;
        sum += hit[i];
    }
    tally t = {hit, unit, d->n};
    const mnk_bootstrap b = {.units = (size_t)units, .replicates = 1000, .seed = 1};
    check(mnk_bootstrap_run(&b, 1, share_of, &t, 0.95, NULL, &low, &high, &err), &err);
    printf("  %s %.3f [%.3f, %.3f]", what, sum / (double)d->n, low, high);
    mnk_free(unit);
    mnk_free(number);
}

static mnk_near *search(const mnk_copy_finder *f, const mnk_images *q, bool others) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_near *out = mnk_alloc(q->n, sizeof *out);
    check(mnk_copy_finder_search(f, q, others, NULL, out, &err), &err);
    return out;
}

static void make_null(const mnk_near *x, const mnk_images *d, mnk_copy_null *null) {
    mnk_error err = MNK_ERROR_INIT;
    float *score = mnk_alloc(d->n, sizeof *score);
    for (size_t i = 0; i < d->n; i++) score[i] = x[i].score;
    check(mnk_copy_null_make(score, d->label, d->group, d->n, d->classes, null, &err), &err);
    mnk_free(score);
}

static void report(const mnk_near *found, const mnk_images *q, const mnk_images *reference, const mnk_copy_null *null) {
    uint8_t *hit = mnk_alloc(q->n, 1), *nearest = mnk_alloc(q->n, 1), *strict = mnk_alloc(q->n, 1);
    for (size_t i = 0; i < q->n; i++) {
        nearest[i] = found[i].row != UINT32_MAX && reference->group[found[i].row] == q->group[i];
        hit[i] = nearest[i] && (double)found[i].score < mnk_copy_null_threshold(null, q->label[i], 0.01).score;
        strict[i] = nearest[i] && (double)found[i].score < mnk_copy_null_threshold(null, q->label[i], 0.001).score;
    }
    print_share("recall @1 %", hit, q);
    print_share("@0.1 %", strict, q);
    print_share("own group nearest", nearest, q);
    printf("\n      by class:");
    for (int c = 0; c < q->classes; c++) {
        double n = 0, k = 0;
        for (size_t i = 0; i < q->n; i++) n += q->label[i] == c, k += q->label[i] == c && hit[i];
        printf(" %s %.3f (threshold %.3f)", q->class_names[c], k / n, mnk_copy_null_threshold(null, c, 0.01).score);
    }
    printf("\n");
    mnk_free(hit);
    mnk_free(nearest);
    mnk_free(strict);
}

static void protocol(const char *name, const mnk_images *d, bool one, uint64_t seed) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *reference = NULL, *q = NULL;
    mnk_copy_finder *f = NULL;
    mnk_copy_null null;
    deal(d, one, 1500 < d->n / 3 ? 1500 : d->n / 3, seed, &reference, &q);
    double t = cpu_s();
    check(mnk_copy_finder_open(reference, NULL, &f, &err), &err);
    mnk_near *found = search(f, q, false), *other = search(f, q, true);
    t = cpu_s() - t;
    make_null(other, q, &null);
    printf("%-7s %-4s seed %llu  %zu queries x %zu (%.1f CPU s)\n    ", name, one ? "one" : "all", (unsigned long long)seed,
           q->n, reference->n, t);
    report(found, q, reference, &null);
    mnk_copy_null_close(&null);
    mnk_copy_finder_close(f);
    mnk_free(found);
    mnk_free(other);
    mnk_images_close(reference);
    mnk_images_close(q);
}

static void fresh(const mnk_images *choose, const mnk_images *rest, const mnk_images *test) {
    mnk_error err = MNK_ERROR_INIT;
    mnk_images *reference = NULL, *q = NULL;
    mnk_copy_finder *f = NULL;
    mnk_copy_null null;
    deal(rest, true, 1500, 7, &reference, &q);
    check(mnk_copy_finder_open(reference, NULL, &f, &err), &err);
    mnk_near *holdout = search(f, choose, false), *alarm = search(f, test, false), *found = search(f, q, false);
    make_null(holdout, choose, &null);
    uint8_t *hit = mnk_alloc(test->n, 1);
    for (size_t i = 0; i < test->n; i++)
        hit[i] = (double)alarm[i].score < mnk_copy_null_threshold(&null, test->label[i], 0.01).score;
    printf("fresh        null: %zu pictures of other groups\n    ", choose->n);
    print_share("false alarms of test", hit, test);
    report(found, q, reference, &null);
    mnk_free(hit);
    mnk_free(holdout);
    mnk_free(alarm);
    mnk_free(found);
    mnk_copy_null_close(&null);
    mnk_copy_finder_close(f);
    mnk_images_close(reference);
    mnk_images_close(q);
}

int main(int argc, char **argv) {
    const char *path = NULL;
    bool within = true, choose_only = false;
    int threads = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--threads") && i + 1 < argc) threads = atoi(argv[++i]);
        else if (!strcmp(argv[i], "--groups-span-classes")) within = false;
        else if (!strcmp(argv[i], "--choose")) choose_only = true;
        else path = argv[i];
    }
    if (!path) {
        fprintf(stderr, "study_copies DATA.npz [--threads N] [--groups-span-classes] [--choose]\n");
        return 2;
    }
    mnk_threads_set(threads);
    setvbuf(stdout, NULL, _IOLBF, 0);
    mnk_images *choose = open_part(path, "train", within, 0);
    if (choose_only) {
        protocol("choose", choose, true, 1);
        protocol("choose", choose, true, 2);
        protocol("choose", choose, false, 1);
    } else {
        mnk_images *rest = open_part(path, "train", within, 1), *test = open_part(path, "test", within, -1);
        for (uint64_t seed = 1; seed <= 2; seed++) {
            protocol("rest", rest, true, seed);
            protocol("test", test, true, seed);
        }
        protocol("rest", rest, false, 1);
        protocol("test", test, false, 1);
        fresh(choose, rest, test);
        mnk_images_close(rest);
        mnk_images_close(test);
    }
    mnk_images_close(choose);
    return 0;
}
