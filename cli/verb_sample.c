/* manikin sample: from a trained generator, images streamed to a folder, .npz or .tar, or rows of a table (sample_table.c). */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/safetensors.h"
#include "cli.h"
#include "manikin/dataset.h"
#include "manikin/gan.h"
#include "sample_keep.h"
#include "train_table.h"

#define BLOCK 256 /* images in memory at a time */

typedef struct sample_config {
    int64_t n;
    bool per_class;
    const char *class_name, *mix;
    int64_t persons;
    bool class_balance;
    const char *where, *like, *like_columns, *impute, *keep, *train;
} sample_config;

static const mnk_option table[] = {
    {"number", 'n', MNK_OPTION_INT, offsetof(sample_config, n), "N", "0", 0, 1e9, NULL,
     "images in all, spread evenly over the classes; or rows of a table", false},
    {"per-class", 0, MNK_OPTION_BOOL, offsetof(sample_config, per_class), NULL, "false", 0, 0, NULL,
     "make N images of each class", false},
    {"class", 0, MNK_OPTION_TEXT, offsetof(sample_config, class_name), "NAME", NULL, 0, 0, NULL, "only this class", false},
    {"mix", 0, MNK_OPTION_TEXT, offsetof(sample_config, mix), "LIST", NULL, 0, 0, NULL, "numbers by class: \"a:100,b:50\"",
     false},
    {"where", 0, MNK_OPTION_TEXT, offsetof(sample_config, where), "CONDITION", NULL, 0, 0, NULL,
     "tables: every row meets it: 'age >= 80 and sex = F'", false},
    {"class-balance", 0, MNK_OPTION_BOOL, offsetof(sample_config, class_balance), NULL, "false", 0, 0, NULL,
     "tables: every class of the label equally often", false},
    {"like", 0, MNK_OPTION_PATH, offsetof(sample_config, like), "TABLE", NULL, 0, 0, NULL,
     "tables: the mix of this table in the label and subgroup columns", false},
    {"like-columns", 0, MNK_OPTION_TEXT, offsetof(sample_config, like_columns), "A,B", NULL, 0, 0, NULL,
     "tables: the columns whose mix --like takes over", false},
    {"persons", 0, MNK_OPTION_INT, offsetof(sample_config, persons), "N", "0", 0, 2e9, NULL,
     "tables: whole persons with all their visits, instead of -n rows", false},
    {"impute", 0, MNK_OPTION_PATH, offsetof(sample_config, impute), "TABLE", NULL, 0, 0, NULL,
     "tables: fill the holes of this table instead", false},
    {"keep", 0, MNK_OPTION_TEXT, offsetof(sample_config, keep), "WORDS", NULL, 0, 0, NULL,
     "draw until so many items pass: authentic, alpha=A, inside, no-copy, distance>=D", false},
    {"train", 0, MNK_OPTION_PATH, offsetof(sample_config, train), "DATA", NULL, 0, 0, NULL,
     "the real data that --keep holds every item against", false},
    {NULL, 0, MNK_OPTION_END, 0, NULL, NULL, 0, 0, NULL, NULL, false},
};

static mnk_status find_class(const mnk_gan_info *info, const char *name, int *out, mnk_error *err) {
    for (int c = 0; c < info->classes; c++)
        if (strcmp(info->class_names[c], name) == 0) {
            *out = c;
            return MNK_OK;
        }
    const char *near = mnk_nearest(name, info->class_names, (size_t)info->classes);
    mnk_status status = near ? MNK_FAIL(err, MNK_ERR_USAGE, "the model has no class \"%s\"; did you mean \"%s\"?", name, near)
                             : MNK_FAIL(err, MNK_ERR_USAGE, "the model has no class \"%s\"", name);
    char list[200] = "";
    for (int c = 0; c < info->classes && strlen(list) + strlen(info->class_names[c]) + 3 < sizeof list; c++) {
        if (c) strcat(list, ", ");
        strcat(list, info->class_names[c]);
    }
    mnk_error_hint(err, "its classes: %s", list);
    return status;
}

/* "a:100,b:50" into count[]; names may hold colons, the number follows the last one. */
static mnk_status parse_mix(const mnk_gan_info *info, const char *mix, uint64_t *count, mnk_error *err) {
    for (const char *p = mix; *p; p += *p == ',') {
        char item[256], *end;
        size_t n = strcspn(p, ",");
        if (n >= sizeof item) return MNK_FAIL(err, MNK_ERR_USAGE, "--mix: \"%.40s…\" is too long", p);
        memcpy(item, p, n);
        item[n] = '\0';
        p += n;
        char *colon = strrchr(item, ':');
        if (!colon) return MNK_FAIL(err, MNK_ERR_USAGE, "--mix: \"%s\" is not NAME:NUMBER", item);
        *colon = '\0';
        long long value = strtoll(colon + 1, &end, 10);
        if (end == colon + 1 || *end || value < 0 || value > 1000000000)
            return MNK_FAIL(err, MNK_ERR_USAGE, "--mix: \"%s\" is not a number of images of \"%s\"", colon + 1, item);
        int c;
        MNK_TRY(find_class(info, item, &c, err));
        count[c] += (uint64_t)value;
    }
    return MNK_OK;
}

/* Images of each class. */
static mnk_status plan_counts(const sample_config *config, const mnk_gan_info *info, uint64_t *count, mnk_error *err) {
    uint64_t n = (uint64_t)config->n, classes = (uint64_t)info->classes;
    if (config->mix && (config->n || config->class_name || config->per_class))
        return MNK_FAIL(err, MNK_ERR_USAGE, "--mix says everything: leave out -n, --class and --per-class");
    if (config->class_name && config->per_class)
        return MNK_FAIL(err, MNK_ERR_USAGE, "--class and --per-class exclude each other");
    if (config->mix) return parse_mix(info, config->mix, count, err);
    if (n == 0) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "sample: how many images?");
        mnk_error_hint(err, "add -n 1000, or --mix \"%s:100\"", info->class_names[0]);
        return status;
    }
    if (config->class_name) {
        int c;
        MNK_TRY(find_class(info, config->class_name, &c, err));
        count[c] = n;
        return MNK_OK;
    }
    for (uint64_t c = 0; c < classes; c++) count[c] = config->per_class ? n : n / classes + (c < n % classes);
    return MNK_OK;
}

static mnk_status stream(cli_context *c, mnk_gan *gan, const uint64_t *count, uint64_t total, mnk_images_writer *w,
                         uint8_t *pixels, mnk_error *err) {
    const mnk_gan_info *info = mnk_gan_describe(gan);
    size_t bytes = (size_t)info->height * (size_t)info->width * (size_t)info->channels;
    int32_t labels[BLOCK];
    uint64_t left = count[0];
    int label = 0;
    for (uint64_t first = 0; first < total; first += BLOCK) {
        size_t n = total - first < BLOCK ? (size_t)(total - first) : BLOCK;
        if (mnk_observe_stopped(c->observer)) {
            mnk_status status = MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped after %llu of %llu images; nothing was written",
                                         (unsigned long long)first, (unsigned long long)total);
            mnk_error_hint(err, "run it again: the same seed makes the same images");
            return status;
        }
        for (size_t i = 0; i < n; i++) {
            while (left == 0) left = count[++label];
            labels[i] = label;
            left--;
        }
        MNK_TRY(mnk_gan_sample(gan, labels, n, (uint64_t)c->common.seed, first, pixels, err));
        for (size_t i = 0; i < n; i++) MNK_TRY(mnk_images_writer_add(w, pixels + i * bytes, labels[i], MNK_SPLIT_TRAIN, err));
        mnk_observe_progress(c->observer, "image", (double)(first + n), (double)total, "");
    }
    return MNK_OK;
}

static mnk_status write_samples(cli_context *c, mnk_gan *gan, const uint64_t *count, uint64_t total, mnk_error *err) {
    const mnk_gan_info *info = mnk_gan_describe(gan);
    mnk_images_meta meta = {.height = info->height,
                            .width = info->width,
                            .channels = info->channels,
                            .classes = info->classes,
                            .class_names = info->class_names,
                            .generator = "gan",
                            .model_hash = info->model_hash,
                            .seed = (uint64_t)c->common.seed,
                            .n = (size_t)total};
    uint8_t *pixels;
    mnk_images_writer *w = NULL;
    MNK_TRY(MNK_NEW(pixels, (size_t)BLOCK * (size_t)info->height * (size_t)info->width * (size_t)info->channels, err));
    mnk_status status = mnk_images_writer_open(c->common.out, c->common.force, &meta, &w, err);
    if (status == MNK_OK) {
        status = stream(c, gan, count, total, w, pixels, err);
        if (status == MNK_OK) status = mnk_images_writer_commit(w, err);
        else mnk_images_writer_abort(w);
    }
    mnk_free(pixels);
    return status;
}

/* What kind of thing the model makes. */
static mnk_status makes_tables(const char *path, bool *out, mnk_error *err) {
    mnk_st *st;
    MNK_TRY(mnk_st_open(path, &st, err));
    const char *kind = mnk_st_meta_get(st, "kind");
    *out = kind && strcmp(kind, "table") == 0;
    mnk_st_close(st);
    return MNK_OK;
}

static mnk_status run_table(cli_context *c, mnk_error *err) {
    const sample_config *k = c->config;
    if (k->mix || k->per_class) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "--mix and --per-class are for images");
        mnk_error_hint(err, "use --class-balance, --class or --like");
        return status;
    }
    sample_table_config t = {.n = k->n,
                             .persons = k->persons,
                             .class_balance = k->class_balance,
                             .where = k->where,
                             .class_name = k->class_name,
                             .like = k->like,
                             .like_columns = k->like_columns,
                             .impute = k->impute,
                             .keep = k->keep,
                             .train = k->train};
    return sample_table_run(c, &t, err);
}

static mnk_status check_keep(const cli_context *c, mnk_error *err) {
    const sample_config *k = c->config;
    if (k->keep || (!k->train && !c->common.json)) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "sample: --%s goes with --keep", k->train ? "train" : "json");
    mnk_error_hint(err, "add --keep authentic,alpha=0.9");
    return status;
}

static mnk_status run(cli_context *c, mnk_error *err) {
    MNK_TRY(check_keep(c, err));
    const sample_config *k = c->config;
    bool tables = false;
    MNK_TRY(makes_tables(c->operand[0], &tables, err));
    if (tables) return run_table(c, err);
    if (k->where || k->class_balance || k->like || k->persons || k->impute)
        return MNK_FAIL(err, MNK_ERR_USAGE,
                        "--where, --class-balance, --like, --persons and --impute are for tables; %s makes images",
                        c->operand[0]);
    if (!c->common.out) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "sample: where should the images go?");
        mnk_error_hint(err, "add -o FOLDER, FILE.npz or FILE.tar");
        return status;
    }
    mnk_gan *gan = NULL;
    uint64_t *count = NULL, total = 0;
    mnk_status status;
    MNK_OUT(mnk_gan_open(c->operand[0], &gan, err));
    const mnk_gan_info *info = mnk_gan_describe(gan);
    MNK_OUT(MNK_NEW(count, (size_t)info->classes, err));
    MNK_OUT(plan_counts(c->config, info, count, err));
    for (int i = 0; i < info->classes; i++) total += count[i];
    MNK_OUT(total ? MNK_OK : MNK_FAIL(err, MNK_ERR_USAGE, "--mix: no image asked for"));
    MNK_OUT(k->keep ? sample_keep_images(c, gan, count, k->keep, k->train, err) : write_samples(c, gan, count, total, err));
    mnk_observe_log(c->observer, MNK_LOG_INFO, "%llu synthetic images in %s (model %.20s…, %.1f kimg, seed %lld, privacy: %s)",
                    (unsigned long long)total, c->common.out, info->model_hash, info->kimg, (long long)c->common.seed,
                    info->privacy);
    cli_next(c, "manikin evaluate --train TRAIN --holdout HOLDOUT --synthetic %s", c->common.out);
out:
    mnk_free(count);
    mnk_gan_close(gan);
    return status;
}

const cli_verb cli_verb_sample = {
    .name = "sample",
    .group = "make",
    .summary = "synthesise images or records with a trained generator",
    .operands = "MODEL",
    .min_operands = 1,
    .max_operands = 1,
    .uses = "seed threads out json force",
    .table = table,
    .config_size = sizeof(sample_config),
    .examples = "manikin sample tissue.safetensors -n 3000 -o synthetic/             # spread over the classes\n"
                "manikin sample tissue.safetensors -n 500 --per-class -o syn.npz     # 500 of each\n"
                "manikin sample tissue.safetensors --mix \"tumour:900,normal:100\" -o syn.tar\n"
                "manikin sample patients.model -n 100000 -o synthetic.csv --where 'age >= 80 and sex = F'\n"
                "manikin sample patients.model --impute holes.csv -o filled.csv      # only what is missing\n"
                "manikin sample tissue.safetensors -n 1000 --keep authentic,alpha=0.9 --train tissue/ -o kept/",
    .run = run,
};
