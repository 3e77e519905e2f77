/* The audit of images: copies, then attacks in one encoding that is fitted on the reference alone. */
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "evaluate/copies.h"
#include "evaluate/copy_report.h"
#include "learn/gan/discriminator.h"
#include "privacy/attacks/judge.h"
#include "privacy/attacks/sets.h"

typedef struct audit {
    const mnk_images *train, *holdout, *synthetic;
    mnk_images *member, *other, *reference, *some; /* owned */
    mnk_attack_deal deal;
    mnk_attack_targets targets;
    mnk_evaluate_config evaluate;
    const mnk_attack_config *config;
    const mnk_observer *observer;
    mnk_result *result;
} audit;

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Path of a dataset without its split. */
static size_t path_length(const char *source) {
    const char *colon = strrchr(source, ':');
    return colon ? (size_t)(colon - source) : strlen(source);
}

/* Persons are numbers of their file: only within one file do equal numbers mean the same person. */
static mnk_status check_persons(const audit *a, mnk_error *err) {
    const size_t n = path_length(a->train->source);
    const int32_t *x = a->train->group, *y = a->holdout->group;
    int32_t most = -1;
    uint8_t *seen = NULL;
    if (!x || !y) return MNK_OK;
    if (n != path_length(a->holdout->source) || strncmp(a->train->source, a->holdout->source, n) != 0) {
        mnk_result_add_warning(a->result, "train and holdout are different files: whether a person is in both cannot be told");
        return MNK_OK;
    }
    for (size_t i = 0; i < a->train->n; i++)
        if (x[i] > most) most = x[i];
    MNK_TRY(MNK_NEW(seen, (size_t)(most + 1) + 1, err));
    for (size_t i = 0; i < a->train->n; i++)
        if (x[i] >= 0) seen[x[i]] = 1;
    mnk_status status = MNK_OK;
    for (size_t i = 0; i < a->holdout->n && status == MNK_OK; i++)
        if (y[i] >= 0 && y[i] <= most && seen[y[i]]) {
            status = MNK_FAIL(err, MNK_ERR_INPUT, "audit: person %d is in train and in the holdout (image %zu)", y[i], i);
            mnk_error_hint(err, "split by person: manikin data, or a split column in the manifest");
        }
    mnk_free(seen);
    return status;
}

static mnk_status count_equal(const mnk_images *train, const mnk_images *holdout, const mnk_observer *observer, size_t *out,
                              mnk_error *err) {
    mnk_copy_index *index = NULL;
    mnk_copy *found = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(found, holdout->n, err));
    MNK_OUT(mnk_copy_index_open_exact(train, &index, err));
    MNK_OUT(mnk_copies_find(index, holdout, false, observer, found, err));
    for (size_t i = 0; i < holdout->n; i++) *out += found[i].is_exact;
out:
    mnk_free(found);
    mnk_copy_index_close(index);
    return status;
}

static mnk_status check(const audit *a, mnk_error *err) {
    size_t equal = 0;
    MNK_TRY(mnk_attack_check_counts(a->train->n, a->holdout->n, a->synthetic->n, "images", err));
    MNK_TRY(check_persons(a, err));
    MNK_TRY(count_equal(a->train, a->holdout, a->observer, &equal, err));
    return mnk_attack_check_overlap(equal, a->holdout->n, 0, a->train->n, "images", err);
}

static mnk_status add_inputs(const audit *a, mnk_error *err) {
    const mnk_images *d[3] = {a->train, a->holdout, a->synthetic};
    for (int k = 0; k < 3; k++)
        if (!mnk_result_add_input(a->result, mnk_role_names[k], d[k]->source, d[k]->n, d[k]->hash))
            return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for a result");
    return MNK_OK;
}

static mnk_status find_copies(const audit *a, mnk_error *err) {
    mnk_sets sets = {0};
    MNK_TRY(mnk_sets_open(a->train, a->holdout, a->synthetic, NULL, &a->evaluate, &sets, err));
    mnk_status status = mnk_judge_copies(&sets, a->observer, a->result, err);
    mnk_sets_close(&sets);
    return status;
}

/* One subset for every class. */
static mnk_status add_classes(audit *a, mnk_error *err) {
    for (int c = 0; c < a->train->classes && a->train->classes > 1; c++) {
        uint8_t *in = NULL;
        MNK_TRY(mnk_attack_targets_add(&a->targets, a->train->class_names[c], &in, err));
        for (size_t i = 0; i < a->deal.members; i++) in[i] = a->member->label[i] == c;
        for (size_t i = 0; i < a->deal.others; i++) {
            const char *name = a->other->class_names[a->other->label[i]];
            in[a->deal.members + i] = strcmp(name, a->train->class_names[c]) == 0;
        }
    }
    return MNK_OK;
}

/* A model without a discriminator is no mistake: there is less to attack, and that is said. */
static mnk_status ask_model(audit *a, const char *path, double **logit, mnk_error *err) {
    mnk_error own = MNK_ERROR_INIT;
    MNK_TRY(MNK_NEW(*logit, a->deal.members + a->deal.others, err));
    mnk_status status = mnk_gan_discriminator_logits(path, a->member, *logit, &own);
    if (status == MNK_OK) status = mnk_gan_discriminator_logits(path, a->other, *logit + a->deal.members, &own);
    if (status == MNK_OK) return MNK_OK;
    mnk_free(*logit);
    *logit = NULL;
    if (status != MNK_ERR_UNSUPPORTED) return MNK_FAIL(err, status, "%s", own.message);
    mnk_result_add_warning(a->result,
                           "%.120s: a released model holds no discriminator, so its weights were not attacked; give the "
                           "checkpoint of its run folder",
                           path);
    return MNK_OK;
}

static mnk_status attack(audit *a, mnk_classifier *classifier, const char *model_path, mnk_error *err) {
    mnk_sets sets = {0};
    mnk_encoded e = {0};
    double *logit = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_sets_open(a->reference, a->other, a->some, classifier, &a->evaluate, &sets, err));
    sets.images[MNK_ROLE_FLOOR] = a->member; /* attacks need no floor; its place is for the members */
    MNK_OUT(mnk_sets_classify(&sets, a->observer, err));
    MNK_OUT(mnk_encode(a->config->encoding, &sets, a->observer, &e, err));
    if (strcmp(e.name, "classifier") == 0)
        mnk_result_add_warning(a->result,
                               "encoding classifier: valid only if the classifier did not learn from train; otherwise "
                               "its memory of train is found and not that of the synthetic data");
    if (model_path) MNK_OUT(ask_model(a, model_path, &logit, err));
    MNK_OUT(add_classes(a, err));
    MNK_OUT(mnk_attack_battery(&e, logit, false, &a->targets, a->config, a->observer, a->result, err));
out:
    mnk_free(logit);
    mnk_encoded_close(&e);
    mnk_sets_close(&sets);
    return status;
}

static mnk_status select_rows(audit *a, mnk_error *err) {
    const mnk_attack_deal *d = &a->deal;
    MNK_TRY(mnk_images_select(a->train, d->member, d->members, &a->member, err));
    MNK_TRY(mnk_images_select(a->holdout, d->other, d->others, &a->other, err));
    MNK_TRY(mnk_images_select(a->holdout, d->reference, d->references, &a->reference, err));
    MNK_TRY(mnk_images_select(a->synthetic, d->synthetic, d->synthetics, &a->some, err));
    return mnk_attack_targets_open(a->train->group, d->member, d->members, a->holdout->group, d->other, d->others, &a->targets,
                                   err);
}

mnk_status mnk_attack_images(const mnk_images *train, const mnk_images *holdout, const mnk_images *synthetic,
                             mnk_classifier *classifier, const char *model_path, const mnk_attack_config *config,
                             const mnk_observer *observer, mnk_result **out, mnk_error *err) {
    audit a = {.train = train, .holdout = holdout, .synthetic = synthetic, .config = config, .observer = observer};
    const double started = now_s();
    mnk_status status = MNK_OK;
    *out = NULL;
    MNK_TRY(mnk_attack_check_holdout(holdout, err));
    mnk_evaluate_defaults(&a.evaluate);
    a.evaluate.seed = config->seed, a.evaluate.near_share = config->near_share, a.evaluate.level = config->level;
    MNK_OUT(mnk_result_open("audit", config->seed, &a.result, err));
    MNK_OUT(check(&a, err));
    MNK_OUT(add_inputs(&a, err));
    MNK_OUT(find_copies(&a, err));
    MNK_OUT(mnk_attack_deal_open(train->n, holdout->n, synthetic->n, train->group, holdout->group, config, &a.deal, err));
    MNK_OUT(select_rows(&a, err));
    MNK_OUT(attack(&a, classifier, model_path, err));
    if (config->hide_real) mnk_attack_hide(a.result);
    a.result->threads = mnk_threads();
    a.result->wall_s = now_s() - started;
out:
    mnk_images_close(a.member);
    mnk_images_close(a.other);
    mnk_images_close(a.reference);
    mnk_images_close(a.some);
    mnk_attack_deal_close(&a.deal);
    mnk_attack_targets_close(&a.targets);
    if (status == MNK_OK) *out = a.result;
    else mnk_result_close(a.result);
    return status;
}
