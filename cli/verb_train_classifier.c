/* manikin train classifier: the yardstick of usefulness, the `classifier` embedding, and what stress tests stress. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "cli.h"
#include "data/images.h"
#include "learn/classifier/private.h"
#include "manikin/usefulness.h"

typedef struct train_classifier_config {
    mnk_classifier_config classifier;
    mnk_images_options data;
    const char *test;
    mnk_classifier_private private;
} train_classifier_config;

#define INSIDE(f) classifier.f
/* clang-format off */
static const mnk_option own[] = {
    {"test", 0, MNK_OPTION_PATH, offsetof(train_classifier_config, test), "DATA", NULL, 0, 0, NULL, "score the finished classifier on these images: AUC of each class, accuracy", false},
    MNK_CLASSIFIER_ROWS(train_classifier_config, INSIDE),
    MNK_CLASSIFIER_PRIVATE_ROWS(train_classifier_config, private),
    {.type = MNK_OPTION_END},
};
/* clang-format on */

/* Own rows, then those of the data, moved to their place in the struct above. */
static mnk_option table[64];

static size_t add_rows(size_t n, const mnk_option *from, size_t offset) {
    for (; from->type != MNK_OPTION_END && n + 1 < sizeof table / sizeof *table; from++) {
        table[n] = *from;
        table[n++].offset += offset;
    }
    table[n] = (mnk_option){.type = MNK_OPTION_END};
    return n;
}

__attribute__((constructor)) static void make_table(void) {
    size_t n = add_rows(0, own, 0);
    add_rows(n, mnk_images_option_table, offsetof(train_classifier_config, data));
}

/* The rows of one split as a dataset of their own; NULL when there are none. */
static mnk_status rows_of_split(const mnk_images *d, mnk_split split, mnk_images **out, mnk_error *err) {
    size_t *row, n = 0;
    *out = NULL;
    MNK_TRY(MNK_NEW(row, d->n + 1, err));
    for (size_t i = 0; i < d->n; i++)
        if (d->split[i] == split) row[n++] = i;
    mnk_status status = n ? mnk_images_select(d, row, n, out, err) : MNK_OK;
    mnk_free(row);
    return status;
}

typedef struct sets {
    mnk_images *train, *val, *test;
} sets;

static void close_sets(sets *s) {
    mnk_images_close(s->train);
    mnk_images_close(s->val);
    mnk_images_close(s->test);
}

/* A dataset that knows its splits is taken at its word: only its train rows are trained on. */
static mnk_status open_sets(const cli_context *c, const train_classifier_config *config, sets *s, mnk_error *err) {
    mnk_images *all = NULL;
    MNK_TRY(mnk_images_open(c->operand[0], &config->data, c->observer, &all, err));
    size_t train = 0;
    for (size_t i = 0; i < all->n; i++) train += all->split[i] == MNK_SPLIT_TRAIN;
    mnk_status status = MNK_OK;
    if (train == 0 || train == all->n) {
        s->train = all;
        all = NULL;
    } else {
        status = rows_of_split(all, MNK_SPLIT_TRAIN, &s->train, err);
        if (status == MNK_OK && c->operands < 2 && !config->private.on)
            status = rows_of_split(all, MNK_SPLIT_VAL, &s->val, err);
        mnk_observe_log(c->observer, MNK_LOG_INFO, "%s: training on its train split, %zu of %zu images", c->operand[0], train,
                        all->n);
    }
    mnk_images_close(all);
    if (status == MNK_OK && c->operands > 1) status = mnk_images_open(c->operand[1], &config->data, c->observer, &s->val, err);
    if (status == MNK_OK && config->test) status = mnk_images_open(config->test, &config->data, c->observer, &s->test, err);
    return status;
}

static void print_summary(const mnk_classifier_summary *s) {
    printf("classifier  %d classes, %d x %d px %s, %zu weights, %.1f M multiply-adds an image\n", s->classes, s->width,
           s->height, s->channels == 3 ? "colour" : "grey", s->parameters, s->macs / 1e6);
    printf("trained     %zu steps on %zu images; kept the weights of step %zu\n", s->steps, s->train_n, s->best_step);
    if (s->val_n) printf("validation  accuracy %.4f, loss %.4f on %zu images\n", s->val_accuracy, s->val_loss, s->val_n);
}

/* Validation figures, and those of the test set when there is one. */
static mnk_status fill_result(const cli_context *c, mnk_classifier *clf, const sets *s, mnk_result *r, mnk_error *err) {
    mnk_classifier_summary about = mnk_classifier_describe(clf);
    const struct {
        const char *role;
        const mnk_images *d;
    } input[] = {{"train", s->train}, {"val", s->val}, {"test", s->test}};
    for (size_t i = 0; i < 3; i++)
        if (input[i].d && !mnk_result_add_input(r, input[i].role, input[i].d->source, input[i].d->n, input[i].d->hash))
            return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the result");
    if (about.val_n) {
        mnk_metric *m = mnk_result_add_metric(r, "validation_accuracy", "classifier");
        if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the result");
        m->value = about.val_accuracy;
        m->n = about.val_n;
        snprintf(m->note, sizeof m->note, "of the kept weights, which were chosen on these images: optimistic");
    }
    return s->test ? mnk_classifier_judge(clf, s->test, 0.95, 2000, (uint64_t)c->common.seed, r, err) : MNK_OK;
}

static mnk_status report(const cli_context *c, mnk_classifier *clf, const sets *s, double wall_s, mnk_error *err) {
    mnk_result *r = NULL;
    MNK_TRY(mnk_result_open("train classifier", (uint64_t)c->common.seed, &r, err));
    mnk_status status = fill_result(c, clf, s, r, err);
    r->threads = mnk_threads();
    r->wall_s = wall_s;
    if (status == MNK_OK && s->test) mnk_result_print(r, stdout, c->colour);
    if (status == MNK_OK && c->common.json) status = mnk_result_write(r, c->common.json, c->common.force, err);
    mnk_result_close(r);
    return status;
}

/* Trains and writes the model. */
static mnk_status train(const cli_context *c, const train_classifier_config *given, const mnk_classifier_config *config,
                        const sets *s, mnk_classifier **clf, mnk_error *err) {
    if (given->private.on)
        return mnk_classifier_train_private(s->train, config, &given->private, c->common.out, c->common.force, c->observer, clf,
                                            err);
    MNK_TRY(mnk_classifier_train(s->train, s->val, config, c->observer, clf, err));
    return mnk_classifier_save(*clf, c->common.out, c->common.force, err);
}

static mnk_status check_private(const cli_context *c, const mnk_classifier_private *private, mnk_error *err) {
    MNK_TRY(mnk_classifier_private_check(private, err));
    if (!private->on) return MNK_OK;
    if (c->operands > 1) {
        mnk_status status =
            MNK_FAIL(err, MNK_ERR_USAGE, "--dp takes no validation images: choosing weights by them is not paid for");
        mnk_error_hint(err, "--test DATA scores the finished classifier");
        return status;
    }
    return mnk_private_target_check(&private->target, 0, err); /* before minutes of reading */
}

static mnk_status run(cli_context *c, mnk_error *err) {
    const train_classifier_config *given = c->config;
    mnk_classifier_config config = given->classifier;
    mnk_classifier *clf = NULL;
    sets s = {NULL, NULL, NULL};
    struct timespec begin, end;
    config.seed = (uint64_t)c->common.seed;
    if (!c->common.out) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "train classifier: where should the model go?");
        mnk_error_hint(err, "add -o classifier.safetensors");
        return status;
    }
    if (mnk_path_exists(c->common.out) && !c->common.force) { /* before minutes of training */
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s exists", c->common.out);
        mnk_error_hint(err, "use --force to overwrite it");
        return status;
    }
    size_t folder = (size_t)(mnk_path_base(c->common.out) - c->common.out);
    char parent[1024];
    snprintf(parent, sizeof parent, "%.*s", (int)(folder < sizeof parent ? folder : sizeof parent - 1), c->common.out);
    if (folder && !mnk_path_is_dir(parent))
        return MNK_FAIL(err, MNK_ERR_IO, "%s: there is no folder %s", c->common.out, parent);
    MNK_TRY(mnk_classifier_config_check(&config, err));
    MNK_TRY(check_private(c, &given->private, err));
    clock_gettime(CLOCK_MONOTONIC, &begin);
    mnk_status status = open_sets(c, given, &s, err);
    if (status == MNK_OK) status = train(c, given, &config, &s, &clf, err);
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (status == MNK_OK) {
        mnk_classifier_summary about = mnk_classifier_describe(clf);
        print_summary(&about);
        status = report(c, clf, &s, (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec), err);
    }
    mnk_classifier_close(clf);
    close_sets(&s);
    if (status == MNK_OK) cli_next(c, "manikin evaluate --train %s --holdout HOLDOUT --synthetic SYNTHETIC", c->operand[0]);
    return status;
}

const cli_verb cli_verb_train_classifier = {
    .name = "train classifier",
    .group = "make",
    .summary = "learn to tell the classes apart: the yardstick for synthetic images",
    .operands = "DATA [VALIDATION]",
    .min_operands = 1,
    .max_operands = 2,
    .uses = "seed threads out json force",
    .table = table,
    .config_size = sizeof(train_classifier_config),
    .examples = "manikin train classifier tissue/ -o tissue-clf.safetensors            # a folder per class\n"
                "manikin train classifier blood.npz:train -o clf.safetensors --test blood.npz:test\n"
                "manikin train classifier xray/ -o clf.safetensors --no-flips --no-rotations\n"
                "manikin train classifier blood.npz:train -o clf.safetensors --dp --epsilon 8 --delta 1e-5 --batch 256\n",
    .run = run,
};
