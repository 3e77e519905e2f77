/* manikin audit-gate: drop the synthetic images that fail the audit, write the others, say what that does. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "data/images.h"
#include "evaluate/config.h"
#include "judged.h"
#include "keep.h"

typedef struct config {
    mnk_evaluate_config evaluate;
    mnk_images_options images;
    const char *train, *holdout, *classifier, *keep, *synthetic;
    bool no_effect;
} config;

#define INSIDE(f) evaluate.f
/* clang-format off */
static const mnk_option table[] = {
    {"train", 0, MNK_OPTION_PATH, offsetof(config, train), "DATA", NULL, 0, 0, NULL, "real images the generator learned from", false},
    {"holdout", 0, MNK_OPTION_PATH, offsetof(config, holdout), "DATA", NULL, 0, 0, NULL, "real images it never saw: the reference of the figures", false},
    {"synthetic", 0, MNK_OPTION_PATH, offsetof(config, synthetic), "DATA", NULL, 0, 0, NULL, "the images to choose from", false},
    {"keep", 0, MNK_OPTION_TEXT, offsetof(config, keep), "WORDS", "authentic,alpha=0.9", 0, 0, NULL, CLI_KEEP_HELP, false},
    {"no-effect", 0, MNK_OPTION_BOOL, offsetof(config, no_effect), NULL, "false", 0, 0, NULL, "do not judge the set before and after", false},
    {"classifier", 0, MNK_OPTION_PATH, offsetof(config, classifier), "MODEL", NULL, 0, 0, NULL, "classifier trained on real images: for the classifier encoding", false},
    MNK_EVALUATE_ROWS(config, INSIDE),
    MNK_IMAGES_OPTION_ROWS(offsetof(config, images)),
    {.type = MNK_OPTION_END},
};
/* clang-format on */

static mnk_status check(const cli_context *c, mnk_keep *keep, mnk_error *err) {
    const config *k = c->config;
    mnk_status status = MNK_OK;
    const mnk_option_list one = {.n = k->synthetic != NULL, .items = {k->synthetic}};
    MNK_TRY(cli_judged_check(c, k->train, &one, c->common.out, "sets",
                             "manikin audit-gate --train REAL --synthetic MADE --keep authentic,alpha=0.9 -o KEPT", err));
    MNK_TRY(mnk_keep_parse(k->keep, keep, err));
    if (c->common.out) return MNK_OK;
    status = MNK_FAIL(err, MNK_ERR_USAGE, "audit-gate: where should the kept images go?");
    mnk_error_hint(err, "add -o FOLDER, FILE.npz or FILE.tar");
    return status;
}

static mnk_status write_images(const cli_context *c, const mnk_images *d, mnk_error *err) {
    const size_t volume = (size_t)d->height * (size_t)d->width * (size_t)d->channels;
    mnk_images_meta meta = {.height = d->height,
                            .width = d->width,
                            .channels = d->channels,
                            .classes = d->classes,
                            .class_names = (const char *const *)d->class_names,
                            .generator = "audit-gate",
                            .model_hash = "",
                            .seed = (uint64_t)c->common.seed,
                            .n = d->n};
    mnk_images_writer *w = NULL;
    if (!d->pixels8) return MNK_FAIL(err, MNK_ERR_INPUT, "audit-gate: images of 16 bits cannot be written; add --depth 8");
    MNK_TRY(mnk_images_writer_open(c->common.out, c->common.force, &meta, &w, err));
    mnk_status status = MNK_OK;
    for (size_t i = 0; i < d->n && status == MNK_OK; i++)
        status = d->group ? mnk_images_writer_add_person(w, d->pixels8 + i * volume, d->label[i], d->group[i],
                                                         (mnk_split)d->split[i], err)
                          : mnk_images_writer_add(w, d->pixels8 + i * volume, d->label[i], (mnk_split)d->split[i], err);
    if (status == MNK_OK) return mnk_images_writer_commit(w, err);
    mnk_images_writer_abort(w);
    return status;
}

typedef struct gate {
    mnk_images *train, *holdout, *synthetic, *kept;
    mnk_classifier *classifier;
    mnk_result *before, *after, *result;
    mnk_audit audit;
    size_t *row;
} gate;

static void close(gate *g) {
    mnk_images *const images[] = {g->train, g->holdout, g->synthetic, g->kept};
    for (size_t i = 0; i < sizeof images / sizeof *images; i++) mnk_images_close(images[i]);
    mnk_classifier_close(g->classifier);
    mnk_result *const results[] = {g->before, g->after, g->result};
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) mnk_result_close(results[i]);
    mnk_audit_close(&g->audit);
    mnk_free(g->row);
}

static mnk_status judge(cli_context *c, gate *g, mnk_error *err) {
    const config *k = c->config;
    if (k->no_effect) return MNK_OK;
    MNK_TRY(mnk_evaluate(g->train, g->holdout, g->synthetic, g->classifier, &k->evaluate, c->observer, &g->before, err));
    if (g->kept->n < (size_t)k->evaluate.neighbours + 2) return MNK_OK;
    return mnk_evaluate(g->train, g->holdout, g->kept, g->classifier, &k->evaluate, c->observer, &g->after, err);
}

static mnk_status run(cli_context *c, mnk_error *err) {
    config *k = c->config;
    mnk_keep keep;
    mnk_keep_report report;
    gate g = {0};
    mnk_status status = MNK_OK;
    MNK_TRY(check(c, &keep, err));
    k->evaluate.seed = (uint64_t)c->common.seed;
    MNK_OUT(mnk_images_open(k->train, &k->images, c->observer, &g.train, err));
    if (k->holdout) MNK_OUT(mnk_images_open(k->holdout, &k->images, c->observer, &g.holdout, err));
    MNK_OUT(mnk_images_open(k->synthetic, &k->images, c->observer, &g.synthetic, err));
    if (k->classifier) MNK_OUT(mnk_classifier_open(k->classifier, &g.classifier, err));
    MNK_OUT(mnk_audit_images(g.train, g.synthetic, g.classifier, &k->evaluate, c->observer, &g.audit, err));
    MNK_OUT(cli_keep_choose(&keep, &g.audit, &g.row, &report, err));
    MNK_OUT(mnk_images_select(g.synthetic, g.row, report.kept, &g.kept, err));
    MNK_OUT(judge(c, &g, err));
    MNK_OUT(cli_keep_result(&keep, &g.audit, &report, g.before, g.after, k->evaluate.seed, k->evaluate.level, &g.result, err));
    MNK_OUT(write_images(c, g.kept, err));
    if (c->common.json) MNK_OUT(mnk_result_write(g.result, c->common.json, c->common.force, err));
    cli_keep_print(&keep, &report, "images");
    cli_keep_print_effect(g.result);
    for (size_t i = 0; i < g.result->warnings; i++) printf("warning: %s\n", g.result->warning[i]);
    cli_next(c, "manikin evaluate --train %s --holdout HOLDOUT --synthetic %s --synthetic %s    # ranked, with a page",
             k->train, k->synthetic, c->common.out);
out:
    close(&g);
    return status;
}

extern const cli_verb cli_verb_audit_gate_table;

const cli_verb cli_verb_audit_gate = {
    .name = "audit-gate",
    .group = "judge",
    .summary = "drop synthetic images or rows that fail the audit, and say what that does to the figures",
    .uses = "seed threads out json force",
    .table = table,
    .config_size = sizeof(config),
    .examples = "manikin audit-gate --train blood.npz:train --holdout blood.npz:test --synthetic made/ --keep "
                "authentic,alpha=0.9 -o kept/\n"
                "manikin audit-gate --train t/ --synthetic s.npz --keep no-copy -o kept.npz --json gate.json",
    .run = run,
    .for_tables = &cli_verb_audit_gate_table,
};
