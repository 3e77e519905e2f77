/* manikin data DATA: what is in a dataset, and what is wrong with it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/parallel.h"
#include "cli.h"
#include "data/images.h"
#include "data_table.h"
#include "manikin/describe.h"

typedef struct config {
    mnk_images_options images;
    mnk_describe_options describe;
    data_table_config table;
} config;

static const mnk_option table[] = {MNK_IMAGES_OPTION_ROWS(offsetof(config, images)),
                                   {"near-threshold", 0, MNK_OPTION_REAL, offsetof(config, describe.near_threshold), "D", "0.1",
                                    0, 1, NULL, "largest relative distance of near duplicates", false},
                                   {"no-near", 0, MNK_OPTION_BOOL, offsetof(config, describe.no_near), NULL, "false", 0, 0,
                                    NULL, "leave out the search for near duplicates", true},
                                   DATA_TABLE_OPTION_ROWS(offsetof(config, table)),
                                   {.type = MNK_OPTION_END}};

static const char *const splits[] = {"none", "train", "val", "test", "holdout"};

/* Classes by splits, with totals and shares. */
static mnk_status print_counts(const mnk_images *d, mnk_error *err) {
    size_t *count = NULL, column[5] = {0};
    char shown[96];
    size_t widest = 5;
    MNK_TRY(MNK_NEW(count, (size_t)d->classes * 5, err));
    for (size_t i = 0; i < d->n; i++) count[(size_t)d->label[i] * 5 + d->split[i]]++, column[d->split[i]]++;
    for (int c = 0; c < d->classes; c++) {
        size_t n = strlen(mnk_printable(d->class_names[c], shown));
        if (n > widest) widest = n > 40 ? 40 : n;
    }
    printf("%-*s %8s %7s", (int)widest, "class", "images", "share");
    for (int s = 0; s < 5; s++)
        if (column[s] && column[s] != d->n) printf(" %8s", splits[s]);
    printf("\n");
    for (int c = 0; c < d->classes; c++) {
        size_t total = 0;
        for (int s = 0; s < 5; s++) total += count[(size_t)c * 5 + (size_t)s];
        printf("%-*.40s %8zu %6.1f%%", (int)widest, mnk_printable(d->class_names[c], shown), total,
               100.0 * (double)total / (double)d->n);
        for (int s = 0; s < 5; s++)
            if (column[s] && column[s] != d->n) printf(" %8zu", count[(size_t)c * 5 + (size_t)s]);
        printf("\n");
    }
    printf("%-*s %8zu %7s", (int)widest, "all", d->n, "");
    for (int s = 0; s < 5; s++)
        if (column[s] && column[s] != d->n) printf(" %8zu", column[s]);
    printf("\n");
    mnk_free(count);
    return MNK_OK;
}

static void print_checks(const mnk_result *r) {
    static const char *const ids[] = {"imbalance",
                                      "groups",
                                      "skipped",
                                      "constant_images",
                                      "exact_duplicates",
                                      "conflicting_duplicates",
                                      "near_duplicates",
                                      "cross_split_duplicates",
                                      "cross_split_near_duplicates",
                                      "cross_group_duplicates"};
    printf("\n");
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        const mnk_metric *m = mnk_result_find(r, ids[i], "", "");
        if (!m) continue;
        if (m->value == floor(m->value)) printf("%-28s %8.0f  %s\n", m->id, m->value, m->note);
        else printf("%-28s %8.2f  %s\n", m->id, m->value, m->note);
    }
}

/* The first flags of each kind, with file names: what to look at. */
static void print_flags(const mnk_images *d, const mnk_result *r) {
    static const char *const kinds[] = {"conflicting_duplicate", "cross_split", "exact_duplicate", "near_duplicate"};
    char a[96], b[96];
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        size_t shown = 0;
        for (size_t i = 0; i < r->flags && shown < 3; i++) {
            const mnk_flag *f = &r->flag[i];
            if (strcmp(f->flag, kinds[k]) != 0 || f->item >= d->n || f->of < 0 || (size_t)f->of >= d->n) continue;
            if (!shown++) printf("\n%s, for instance\n", kinds[k]);
            printf("  %s = %s", mnk_printable(d->name[f->item], a), mnk_printable(d->name[f->of], b));
            if (f->distance > 0) printf("  distance %.3f", f->distance);
            printf("%s%s\n", *f->note ? "  " : "", f->note);
        }
    }
}

static void print_heading(const mnk_images *d) {
    char shown[96];
    printf("%s: %zu images of %dx%d, %s, %d bit%s\n\n", mnk_printable(d->source, shown), d->n, d->width, d->height,
           d->channels == 3 ? "RGB" : "grey", d->depth, d->synthetic ? ", synthetic" : "");
}

static mnk_status run(cli_context *c, mnk_error *err) {
    const config *k = c->config;
    if (mnk_is_table(c->operand[0])) return data_table_run(c, &k->table, err);
    if (k->table.label || k->table.person || k->table.missing || k->table.ignore || k->table.schema || k->table.schema_out) {
        mnk_status usage = MNK_FAIL(err, MNK_ERR_USAGE, "--label, --person, --missing, --ignore and --schema are for tables");
        mnk_error_hint(err, "of images: --label-column and --group-column name columns of the manifest");
        return usage;
    }
    mnk_images *d = NULL;
    mnk_result *r = NULL;
    mnk_status status = mnk_images_open(c->operand[0], &k->images, c->observer, &d, err);
    if (status == MNK_OK) status = mnk_result_open("data", 0, &r, err);
    if (status == MNK_OK) {
        r->threads = mnk_threads();
        status = mnk_images_describe(d, &k->describe, c->observer, r, err);
    }
    if (status == MNK_OK && c->common.json) status = mnk_result_write(r, c->common.json, c->common.force, err);
    if (status == MNK_OK) {
        print_heading(d);
        status = print_counts(d, err);
    }
    if (status == MNK_OK) {
        print_checks(r);
        print_flags(d, r);
        for (size_t i = 0; i < r->warnings; i++) printf("%s%s %s\n", i ? "" : "\n", "warning:", r->warning[i]);
        cli_next(c, "manikin train gan %s -o model.safetensors", c->operand[0]);
    }
    mnk_result_close(r);
    mnk_images_close(d);
    return status;
}

const cli_verb cli_verb_data = {
    .name = "data",
    .group = "data",
    .summary = "describe and check a dataset: counts, balance, duplicates, leaks; propose a table's schema",
    .operands = "DATA",
    .min_operands = 1,
    .max_operands = 1,
    .uses = "threads json force",
    .table = table,
    .config_size = sizeof(config),
    .examples = "manikin data tissue/                      # a folder per class, or with manifest.csv\n"
                "manikin data blood.npz:train --json d.json # one split, numbers for programs\n"
                "manikin data scans.tar --size 64 --skip-bad\n"
                "manikin data patients.csv --label died --person mrn # a table; writes patients.schema.yaml",
    .run = run,
};
