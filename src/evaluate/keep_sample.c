/* Drawing from a generator until enough items pass the audit. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "manikin/keep.h"

enum { FIRST_ROUND = 512, MOST_ROUND = 20000, MOST_ROUNDS = 200 };

/* A rate that the draws so far make hopeless: said with the number. */
static mnk_status refuse_hopeless(const mnk_keep *k, const mnk_keep_report *r, size_t wanted, mnk_error *err) {
    size_t worst = 0;
    if (r->drawn < FIRST_ROUND / 2 || (double)r->kept >= MNK_KEEP_HOPELESS * (double)r->drawn) return MNK_OK;
    for (size_t w = 0; mnk_keep_word(w); w++)
        if (mnk_keep_has(k, w) && r->dropped[w] > r->dropped[worst]) worst = w;
    mnk_status status =
        MNK_FAIL(err, MNK_ERR_INPUT, "keep: %zu of the first %zu drawn are kept (%.2g %%): %zu would need %s %.3g draws",
                 r->kept, r->drawn, 100 * (double)r->kept / (double)r->drawn, wanted, r->kept ? "about" : "more than",
                 (double)wanted * (double)r->drawn / (r->kept ? (double)r->kept : 1));
    mnk_error_hint(err, "most fall by %s (%zu of %zu): ask for less, or train a better generator", mnk_keep_word(worst),
                   r->dropped[worst], r->drawn);
    return status;
}

/* How many to draw to get `missing` more, with a tenth to spare. */
static size_t round_size(const mnk_keep_report *r, size_t missing) {
    const double rate = r->drawn ? ((double)r->kept + 0.5) / ((double)r->drawn + 1) : 1;
    const double want = 1.1 * (double)missing / rate + 16;
    const size_t least = r->drawn ? 64 : FIRST_ROUND;
    return want > MOST_ROUND ? MOST_ROUND : (size_t)want < least ? least : (size_t)want;
}

/* One item of an audit, as an audit. */
static mnk_audit item_of(const mnk_audit *a, size_t i) {
    return (mnk_audit){.n = 1,
                       .alpha = a->alpha + i,
                       .authentic = a->authentic + i,
                       .nearest = a->nearest + i,
                       .distance = a->distance + i,
                       .inside = a->inside + i,
                       .copy = a->copy + i};
}

/* Counts one more drawn item; true when it is kept. */
static bool count(const mnk_keep *k, const mnk_audit *a, size_t i, mnk_keep_report *r) {
    const mnk_audit one = item_of(a, i);
    size_t dropped[5];
    const size_t kept = mnk_keep_rows(k, &one, NULL, dropped);
    for (int w = 0; w < 5; w++) r->dropped[w] += dropped[w];
    r->drawn++;
    r->kept += kept;
    return kept != 0;
}

/* ---- tables ---- */

mnk_status mnk_keep_on_schema(const mnk_table *t, mnk_schema *schema, mnk_table **out, mnk_error *err) {
    mnk_table *x = NULL;
    int32_t *map = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_table_new(schema, t->n, &x, err));
    for (size_t c = 0; c < schema->columns; c++) {
        const mnk_column *to = &schema->column[c];
        const long from = mnk_schema_find(t->schema, to->name);
        if (!mnk_column_is_data(to)) continue;
        if (from < 0 || (t->number[from] != NULL) != (x->number[c] != NULL))
            MNK_OUT(MNK_FAIL(err, MNK_ERR_INPUT, "keep: the generator and train do not agree on column \"%.60s\"", to->name));
        if (t->number[from]) {
            memcpy(x->number[c], t->number[from], t->n * sizeof *x->number[c]);
            continue;
        }
        const mnk_column *k = &t->schema->column[from];
        mnk_free(map);
        map = NULL;
        MNK_OUT(MNK_NEW(map, k->levels + 1, err));
        for (size_t l = 0; l < k->levels; l++) MNK_OUT(mnk_schema_add_level(schema, c, k->level[l], &map[l], err));
        for (size_t i = 0; i < t->n; i++) x->code[c][i] = t->code[from][i] < 0 ? -1 : map[t->code[from][i]];
    }
    snprintf(x->source, sizeof x->source, "%s", t->source);
    MNK_OUT(mnk_table_finish(x, err));
    *out = x;
    x = NULL;
out:
    mnk_free(map);
    mnk_table_close(x);
    return status;
}

/* Which of the drawn rows are kept, in order, up to `most`; what comes after the last of them was not needed and not counted.
 */
static mnk_status keep_rows(const mnk_table *train, const mnk_table *drawn, const mnk_keep *k,
                            const mnk_table_evaluate_config *config, const mnk_observer *observer, size_t most, size_t *row,
                            mnk_keep_report *r, mnk_error *err) {
    mnk_audit a = {0};
    mnk_table *same = NULL;
    mnk_status status = MNK_OK;
    *r = (mnk_keep_report){0};
    MNK_OUT(mnk_keep_on_schema(drawn, train->schema, &same, err));
    MNK_OUT(mnk_audit_tables(train, same, config, observer, &a, err));
    for (size_t i = 0; i < a.n && r->kept < most; i++)
        if (count(k, &a, i, r)) row[r->kept - 1] = i;
out:
    mnk_audit_close(&a);
    mnk_table_close(same);
    return status;
}

mnk_status mnk_keep_sample_table(mnk_table_generator *g, const mnk_table_sample_options *options, const mnk_keep *k,
                                 const mnk_table *train, const mnk_table_evaluate_config *config, const mnk_observer *observer,
                                 mnk_table **out, mnk_keep_report *report, mnk_error *err) {
    mnk_table_sample_options o = *options;
    mnk_keep_report r = {0};
    mnk_table *drawn = NULL;
    size_t *row = NULL;
    mnk_status status = MNK_OK;
    *out = NULL;
    if (o.persons || o.like || !o.n)
        return MNK_FAIL(err, MNK_ERR_USAGE, "keep: goes with a number of rows (-n), not with persons or like");
    o.n = 0;
    for (int round = 0; round < MOST_ROUNDS && r.kept < options->n; round++) {
        o.n += round_size(&r, options->n - r.kept);
        mnk_table_close(drawn);
        mnk_free(row);
        drawn = NULL, row = NULL;
        MNK_OUT(mnk_table_generator_sample(g, &o, observer, &drawn, NULL, err));
        MNK_OUT(MNK_NEW(row, drawn->n, err));
        MNK_OUT(keep_rows(train, drawn, k, config, observer, options->n, row, &r, err));
        mnk_observe_log(observer, MNK_LOG_INFO, "keep: %zu of %zu drawn rows pass, %zu wanted", r.kept, r.drawn, options->n);
        if (r.kept < options->n) MNK_OUT(refuse_hopeless(k, &r, options->n, err));
    }
    if (r.kept < options->n)
        MNK_OUT(MNK_FAIL(err, MNK_ERR_INPUT, "keep: %zu rows of %zu drawn pass, %zu are wanted", r.kept, r.drawn, options->n));
    MNK_OUT(mnk_table_select(drawn, row, options->n, out, err));
    if (report) *report = r;
out:
    mnk_free(row);
    mnk_table_close(drawn);
    return status;
}

/* ---- images ---- */

typedef struct drawing {
    mnk_gan *gan;
    const mnk_gan_info *info;
    uint64_t seed;
    const mnk_keep *keep;
    const mnk_images *train;
    mnk_classifier *classifier;
    const mnk_evaluate_config *config;
    const mnk_observer *observer;
    mnk_images *out;
    size_t *first, *taken; /* [classes] where a class begins in out, how many it has */
    uint64_t *drawn;       /* [classes] */
    mnk_keep_report report;
} drawing;

static size_t volume_of(const mnk_gan_info *info) {
    return (size_t)info->height * (size_t)info->width * (size_t)info->channels;
}

/* More draws for every class that lacks some, all in one round, so that train is encoded once for it. */
static mnk_status draw_round(drawing *d, const uint64_t *count_wanted, mnk_images **out, mnk_error *err) {
    enum { BLOCK = 256 };
    const size_t volume = volume_of(d->info);
    size_t n = 0, at = 0, *want = NULL;
    int32_t labels[BLOCK];
    mnk_status status = MNK_OK;
    MNK_TRY(MNK_NEW(want, (size_t)d->info->classes, err));
    for (int c = 0; c < d->info->classes; c++) {
        const size_t missing = (size_t)count_wanted[c] - d->taken[c];
        if (!missing) continue;
        /* the rate of the class itself, which may be far from that of the others */
        const mnk_keep_report own = {.drawn = d->drawn[c], .kept = d->taken[c]};
        want[c] = round_size(&own, missing) / (d->drawn[c] ? 1 : (size_t)d->info->classes) + 16;
        if (want[c] < missing && !d->drawn[c]) want[c] = missing < MOST_ROUND ? missing : MOST_ROUND;
        n += want[c];
    }
    MNK_OUT(mnk_images_new(n, d->info->height, d->info->width, d->info->channels, d->info->classes, d->info->class_names, out,
                           err));
    for (int c = 0; c < d->info->classes; c++)
        for (size_t i = 0; i < want[c]; i += BLOCK) {
            const size_t some = want[c] - i < BLOCK ? want[c] - i : BLOCK;
            for (size_t k = 0; k < some; k++) labels[k] = c, (*out)->label[at + k] = c;
            if (mnk_observe_stopped(d->observer)) MNK_OUT(MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped while drawing"));
            MNK_OUT(mnk_gan_sample(d->gan, labels, some, d->seed, ((uint64_t)c << 40) + d->drawn[c] + i,
                                   (*out)->pixels8 + at * volume, err));
            at += some;
        }
    mnk_images_rehash(*out);
out:
    mnk_free(want);
    return status;
}

/* Takes what is kept, in order, until a class is full; what comes after that is not counted: it was not needed. */
static mnk_status take_round(drawing *d, const uint64_t *count_wanted, mnk_images *round, mnk_error *err) {
    const size_t volume = volume_of(d->info);
    mnk_audit a = {0};
    int32_t *own = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(own, round->n, err)); /* the audit renumbers nothing, but classes may be dropped by relabelling */
    memcpy(own, round->label, round->n * sizeof *own);
    MNK_OUT(mnk_audit_images(d->train, round, d->classifier, d->config, d->observer, &a, err));
    for (size_t i = 0; i < round->n; i++) {
        const int c = own[i];
        d->drawn[c]++;
        if (d->taken[c] == count_wanted[c]) continue;
        if (!count(d->keep, &a, i, &d->report)) continue;
        const size_t at = d->first[c] + d->taken[c]++;
        memcpy(d->out->pixels8 + at * volume, round->pixels8 + i * volume, volume);
        d->out->label[at] = c;
    }
out:
    mnk_free(own);
    mnk_audit_close(&a);
    return status;
}

static size_t missing_of(const drawing *d, const uint64_t *count_wanted) {
    size_t n = 0;
    for (int c = 0; c < d->info->classes; c++) n += (size_t)count_wanted[c] - d->taken[c];
    return n;
}

/* A class whose own draws are next to all dropped would never fill. */
static mnk_status refuse_class(const drawing *d, const uint64_t *count_wanted, mnk_error *err) {
    for (int c = 0; c < d->info->classes; c++)
        if (d->taken[c] < count_wanted[c] && d->drawn[c] >= FIRST_ROUND / 2 &&
            (double)d->taken[c] < MNK_KEEP_HOPELESS * (double)d->drawn[c]) {
            mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "keep: %zu of %llu drawn images of class %s are kept (%.2g %%)",
                                         d->taken[c], (unsigned long long)d->drawn[c], d->info->class_names[c],
                                         100 * (double)d->taken[c] / (double)d->drawn[c]);
            mnk_error_hint(err, "ask for less, or train a better generator");
            return status;
        }
    return MNK_OK;
}

static mnk_status fill(drawing *d, const uint64_t *count_wanted, mnk_error *err) {
    size_t missing = missing_of(d, count_wanted);
    for (int round = 0; round < MOST_ROUNDS && missing; round++) {
        mnk_images *some = NULL;
        mnk_status status = draw_round(d, count_wanted, &some, err);
        if (status == MNK_OK) status = take_round(d, count_wanted, some, err);
        mnk_images_close(some);
        MNK_TRY(status);
        missing = missing_of(d, count_wanted);
        mnk_observe_log(d->observer, MNK_LOG_INFO, "keep: %zu of %zu drawn images pass, %zu to come", d->report.kept,
                        d->report.drawn, missing);
        if (missing) MNK_TRY(refuse_hopeless(d->keep, &d->report, d->out->n, err));
        if (missing) MNK_TRY(refuse_class(d, count_wanted, err));
    }
    return missing ? MNK_FAIL(err, MNK_ERR_INPUT, "keep: %zu images of %zu drawn pass, %zu are still wanted", d->report.kept,
                              d->report.drawn, missing)
                   : MNK_OK;
}

mnk_status mnk_keep_sample_images(mnk_gan *g, const uint64_t *count_wanted, uint64_t seed, const mnk_keep *k,
                                  const mnk_images *train, mnk_classifier *classifier, const mnk_evaluate_config *config,
                                  const mnk_observer *observer, mnk_images **out, mnk_keep_report *report, mnk_error *err) {
    drawing d = {.gan = g,
                 .info = mnk_gan_describe(g),
                 .seed = seed,
                 .keep = k,
                 .train = train,
                 .classifier = classifier,
                 .config = config,
                 .observer = observer};
    const size_t classes = (size_t)d.info->classes;
    size_t total = 0;
    mnk_status status = MNK_OK;
    *out = NULL;
    MNK_OUT(MNK_NEW(d.first, classes, err));
    MNK_OUT(MNK_NEW(d.taken, classes, err));
    MNK_OUT(MNK_NEW(d.drawn, classes, err));
    for (size_t c = 0; c < classes; c++) d.first[c] = total, total += (size_t)count_wanted[c];
    MNK_OUT(mnk_images_new(total, d.info->height, d.info->width, d.info->channels, d.info->classes, d.info->class_names, &d.out,
                           err));
    MNK_OUT(fill(&d, count_wanted, err));
    d.out->synthetic = true;
    mnk_images_rehash(d.out);
    if (report) *report = d.report;
    *out = d.out;
    d.out = NULL;
out:
    mnk_free(d.first);
    mnk_free(d.taken);
    mnk_free(d.drawn);
    mnk_images_close(d.out);
    return status;
}
