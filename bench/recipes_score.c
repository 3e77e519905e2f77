#include "recipes_score.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "data/images.h"
#include "evaluate/variety.h"
#include "learn/classifier/model.h"
#include "manikin/evaluate.h"
#include "manikin/gan.h"
#include "manikin/usefulness.h"

#define AT(f) offsetof(figures, f)
const figure_row figure_rows[] = {
    {"sd_low", AT(sd_low)},
    {"sd_high", AT(sd_high)},
    {"recall_classifier", AT(recall_classifier)},
    {"coverage_classifier", AT(coverage_classifier)},
    {"recall_scatter", AT(recall_scatter)},
    {"coverage_scatter", AT(coverage_scatter)},
    {"accuracy", AT(accuracy)},
    {"auc", AT(auc)},
    {"agreement", AT(agreement)},
    {NULL, 0},
};

/* ---- parts ---- */

static mnk_status rows_of(const mnk_images *d, mnk_split split, mnk_images **out, mnk_error *err) {
    size_t n = 0, *row;
    MNK_TRY(MNK_NEW(row, d->n + 1, err));
    for (size_t i = 0; i < d->n; i++)
        if (d->split[i] == split) row[n++] = i;
    mnk_status status = n ? mnk_images_select(d, row, n, out, err)
                          : MNK_FAIL(err, MNK_ERR_INPUT, "%s: no %s images", d->source, mnk_split_name(split));
    mnk_free(row);
    return status;
}

static mnk_status cut_parts(mnk_images *all, double share, arena *a, mnk_error *err) {
    mnk_images *train = NULL;
    size_t *fit = NULL, *selection = NULL, n_fit = 0, n_selection = 0, named = 0;
    mnk_status status;
    for (size_t i = 0; i < all->n; i++) named += all->split[i] == MNK_SPLIT_TEST;
    if (!named) MNK_TRY(mnk_images_split(all, 0.8, 0, 0.2, a->seed, err));
    MNK_OUT(rows_of(all, MNK_SPLIT_TRAIN, &train, err));
    MNK_OUT(rows_of(all, MNK_SPLIT_TEST, &a->test, err));
    MNK_OUT(mnk_classifier_cut(train, share, a->seed, &fit, &n_fit, &selection, &n_selection, err));
    MNK_OUT(mnk_images_select(train, fit, n_fit, &a->fit, err));
    MNK_OUT(mnk_images_select(train, selection, n_selection, &a->selection, err));
out:
    mnk_images_close(train);
    mnk_free(fit);
    mnk_free(selection);
    return status;
}

mnk_status arena_open(const char *spec, const char *folder, double share, uint64_t seed, arena *out, mnk_error *err) {
    char path[1200];
    mnk_images *all;
    mnk_classifier_config config;
    out->seed = seed;
    MNK_TRY(mnk_images_open(spec, NULL, NULL, &all, err));
    mnk_status status = cut_parts(all, share, out, err);
    mnk_images_close(all);
    MNK_TRY(status);
    snprintf(path, sizeof path, "%s/yardstick.safetensors", folder);
    if (mnk_path_exists(path)) return mnk_classifier_open(path, &out->yardstick, err);
    mnk_classifier_defaults(&config);
    config.seed = seed;
    MNK_TRY(mnk_classifier_train(out->fit, NULL, &config, NULL, &out->yardstick, err));
    return mnk_classifier_save(out->yardstick, path, true, err);
}

void arena_close(arena *a) {
    mnk_images_close(a->fit);
    mnk_images_close(a->selection);
    mnk_images_close(a->test);
    mnk_classifier_close(a->yardstick);
}

/* ---- figures ---- */

static double metric(const mnk_result *r, const char *id, const char *encoding) {
    const mnk_metric *m = mnk_result_find(r, id, encoding, "");
    return m ? m->value : (double)NAN;
}

/* Rows of `d` with the class counts of `like`, or as many as there are: the first of each class. */
static mnk_status same_counts(const mnk_images *d, const mnk_images *like, mnk_images **out, mnk_error *err) {
    size_t *left, *row = NULL, n = 0;
    MNK_TRY(MNK_NEW(left, (size_t)d->classes, err));
    mnk_status status = MNK_NEW(row, d->n, err);
    for (size_t i = 0; i < like->n; i++) left[like->label[i]]++;
    for (size_t i = 0; i < d->n && status == MNK_OK; i++)
        if (left[d->label[i]]) left[d->label[i]]--, row[n++] = i;
    if (status == MNK_OK) status = mnk_images_select(d, row, n, out, err);
    mnk_free(left);
    mnk_free(row);
    return status;
}

/* Recall and coverage: the part that is scored on takes the place of the real set, at equal n. */
static mnk_status neighbour_figures(const arena *a, const mnk_images *images, const mnk_images *on, figures *f,
                                    mnk_error *err) {
    mnk_images *some;
    mnk_result *r = NULL;
    mnk_evaluate_config config;
    mnk_evaluate_defaults(&config);
    config.seed = a->seed, config.replicates = 0, config.by_class = false, config.never_shown = 0;
    MNK_TRY(same_counts(images, on, &some, err));
    mnk_status status = mnk_evaluate(on, NULL, some, a->yardstick, &config, NULL, &r, err);
    mnk_images_close(some);
    MNK_TRY(status);
    f->recall_classifier = metric(r, "recall", "classifier"), f->coverage_classifier = metric(r, "coverage", "classifier");
    f->recall_scatter = metric(r, "recall", "scatter"), f->coverage_scatter = metric(r, "coverage", "scatter");
    f->agreement = metric(r, "label_agreement", "classifier");
    mnk_result_close(r);
    return MNK_OK;
}

static mnk_status spread_figures(const arena *a, const mnk_images *images, figures *f, mnk_error *err) {
    double *given = NULL, *made = NULL;
    mnk_status status;
    MNK_OUT(MNK_NEW(given, a->fit->n, err));
    MNK_OUT(MNK_NEW(made, images->n, err));
    MNK_OUT(mnk_within_class_spread(a->fit, a->fit->label, a->fit->classes, given, err));
    MNK_OUT(mnk_within_class_spread(images, images->label, images->classes, made, err));
    f->sd_low = INFINITY, f->sd_high = 0;
    for (int c = 0; c < a->fit->classes; c++) {
        mnk_spread of_given = {given, a->fit->label, a->fit->n}, of_made = {made, images->label, images->n};
        double value;
        MNK_OUT(mnk_spread_ratio(&of_given, &of_made, a->fit->classes, c, 0, 0, 0.95, &value, NULL, NULL, err));
        f->sd_low = fmin(f->sd_low, value), f->sd_high = fmax(f->sd_high, value);
    }
out:
    mnk_free(given);
    mnk_free(made);
    return status;
}

static mnk_status classifier_figures(const arena *a, const mnk_images *images, const mnk_images *on, figures *f,
                                     mnk_error *err) {
    mnk_classifier *c;
    mnk_result *r = NULL;
    mnk_classifier_config config;
    mnk_classifier_defaults(&config);
    config.seed = a->seed, config.steps = a->steps, config.width = 8, config.val_share = 0;
    MNK_TRY(mnk_classifier_train(images, NULL, &config, NULL, &c, err));
    mnk_status status = mnk_result_open("recipes", a->seed, &r, err);
    if (status == MNK_OK) status = mnk_classifier_judge(c, on, 0.95, 100, a->seed, r, err);
    if (status == MNK_OK) f->accuracy = metric(r, "accuracy", ""), f->auc = metric(r, "macro_auc", "");
    mnk_result_close(r);
    mnk_classifier_close(c);
    return status;
}

static mnk_status score(const arena *a, const mnk_images *images, const mnk_images *on, figures *out, mnk_error *err) {
    MNK_TRY(spread_figures(a, images, out, err));
    MNK_TRY(neighbour_figures(a, images, on, out, err));
    return classifier_figures(a, images, on, out, err);
}

mnk_status score_real(const arena *a, const mnk_images *on, figures *out, mnk_error *err) {
    return score(a, a->fit, on, out, err);
}

mnk_status score_model(const arena *a, const char *model, const mnk_images *on, figures *out, mnk_error *err) {
    mnk_gan *gan = NULL;
    mnk_images *images = NULL;
    const mnk_images *fit = a->fit;
    mnk_status status;
    MNK_OUT(mnk_gan_open(model, &gan, err));
    MNK_OUT(mnk_images_new(fit->n, fit->height, fit->width, fit->channels, fit->classes, (const char *const *)fit->class_names,
                           &images, err));
    memcpy(images->label, fit->label, fit->n * sizeof *fit->label);
    MNK_OUT(mnk_gan_sample(gan, images->label, images->n, a->seed, 0, images->pixels8, err));
    images->synthetic = true;
    mnk_images_rehash(images);
    MNK_OUT(score(a, images, on, out, err));
out:
    mnk_gan_close(gan);
    mnk_images_close(images);
    return status;
}

double score_of(const figures *f, const figures *best) {
    const double pair[][2] = {{f->accuracy, best->accuracy},
                              {f->recall_classifier, best->recall_classifier},
                              {f->coverage_classifier, best->coverage_classifier},
                              {f->recall_scatter, best->recall_scatter},
                              {f->coverage_scatter, best->coverage_scatter}};
    double log_sum = 0;
    int n = 0;
    for (size_t i = 0; i < sizeof pair / sizeof *pair; i++) {
        double ratio = pair[i][0] / pair[i][1];
        if (!isfinite(ratio)) continue; /* too few images to tell */
        log_sum += log(fmin(1.05, fmax(0.01, ratio))), n++;
    }
    double value = n ? exp(log_sum / n) : 0;
    return f->sd_low < 0.9 ? value * f->sd_low / 0.9 : value;
}
