/* Which GAN recipe suits these data? Successive halving at equal CPU time, in short pieces that may be killed and gone on with.
 *
 *   build/bench/recipes cells32.npz --out recipes/ --recipes bench/recipes.txt
 *
 * Every recipe trains on a part of train for the same CPU time; the better ones, by figures on the rest of train, go on for
 * longer; the last few are repeated with more seeds; the winner, by the mean over seeds, is scored on the test set, once.
 * Everything that was measured stands in OUT/state.jsonl, a line each, and is not measured again; trainings go on from
 * their checkpoints. OUT/table.md is the table. Ctrl-C and --minutes stop between two steps.
 *
 * A recipe's speed is measured once (CPU seconds per kimg) and turns CPU time into kimg; kimg are kept in the state file, so
 * that the same file repeats the same trainings whatever else the machine does. */
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/options.h"
#include "base/parallel.h"
#include "learn/gan/config.h"
#include "recipes_score.h"

enum { RECIPES_MAX = 64, ROWS_MAX = 1024 };

typedef struct settings {
    const char *data, *out, *recipes;
    double first_s, grow, keep, select, minutes;
    int64_t rounds, finalists, seeds, steps, threads, seed;
    bool no_test;
} settings;

#define OF(f) offsetof(settings, f)
/* clang-format off */
static const mnk_option table[] = {
    {"out", 'o', MNK_OPTION_PATH, OF(out), "DIR", "recipes", 0, 0, NULL, "state, models and table", false},
    {"recipes", 0, MNK_OPTION_PATH, OF(recipes), "FILE", "bench/recipes.txt", 0, 0, NULL, "the candidates: NAME OPTION=VALUE ...", false},
    {"first-s", 0, MNK_OPTION_REAL, OF(first_s), "S", "40", 1, 1e6, NULL, "CPU seconds of training up to the end of round 1", false},
    {"grow", 0, MNK_OPTION_REAL, OF(grow), "F", "2", 1.1, 10, NULL, "each round's CPU time over that of the one before", false},
    {"keep", 0, MNK_OPTION_REAL, OF(keep), "SHARE", "0.5", 0.05, 1, NULL, "recipes that go on from a round", false},
    {"rounds", 0, MNK_OPTION_INT, OF(rounds), "N", "3", 1, 10, NULL, "rounds", false},
    {"finalists", 0, MNK_OPTION_INT, OF(finalists), "N", "3", 1, 64, NULL, "recipes of the last round that are repeated", false},
    {"seeds", 0, MNK_OPTION_INT, OF(seeds), "N", "3", 1, 100, NULL, "trainings of each finalist", false},
    {"select", 0, MNK_OPTION_REAL, OF(select), "SHARE", "0.25", 0.05, 0.5, NULL, "part of train that chooses", false},
    {"steps", 0, MNK_OPTION_INT, OF(steps), "N", "300", 10, 1e6, NULL, "steps of the synthetic-only classifier", false},
    {"minutes", 0, MNK_OPTION_REAL, OF(minutes), "T", "0", 0, 1e6, NULL, "stop after this (0: never); the same command goes on", false},
    {"no-test", 0, MNK_OPTION_BOOL, OF(no_test), NULL, "false", 0, 0, NULL, "leave the test set alone", false},
    {"threads", 0, MNK_OPTION_INT, OF(threads), "N", "1", 1, 256, NULL, "threads", false},
    {"seed", 0, MNK_OPTION_INT, OF(seed), "N", "1", 1, 1e9, NULL, "of the parts and of the first training", false},
    {.type = MNK_OPTION_END},
};
/* clang-format on */

typedef struct recipe {
    char name[32], text[512]; /* text: as in the file, values cut out of `words` */
    char words[512];          /* what text values point into */
    mnk_gan_config config;
    double cpu_per_kimg;
} recipe;

typedef enum kind { RATE, PIECE, PART, REAL, TEST_REAL, TEST } kind;
static const char *const kind_names[] = {"rate", "piece", "part", "real", "test-real", "test"};

typedef struct row { /* one line of the state file */
    kind kind;
    int recipe; /* -1: none */
    int64_t seed, round;
    double kimg, cpu_s, value; /* value: CPU seconds per kimg (rate), score (piece, test) */
    bool failed;
    figures f;
} row;

typedef struct screening {
    settings s;
    arena arena;
    recipe recipe[RECIPES_MAX];
    int recipes;
    row row[ROWS_MAX];
    int rows;
    char state_path[1200];
} screening;

/* ---- stopping ---- */

static volatile sig_atomic_t asked_to_stop;
static double piece_start_s, piece_limit_s, deadline_s;
static size_t step_images;

static void on_signal(int number) {
    (void)number;
    asked_to_stop = 1;
}

static double clock_s(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
static double cpu_s(void) { return clock_s(CLOCK_PROCESS_CPUTIME_ID); }
static double wall_s(void) { return clock_s(CLOCK_MONOTONIC); }

static bool time_is_up(void) { return asked_to_stop || (deadline_s > 0 && wall_s() > deadline_s); }

static bool stopped(void *ctx) {
    (void)ctx;
    return time_is_up() || (piece_limit_s > 0 && cpu_s() - piece_start_s > piece_limit_s);
}

/* ---- candidates ---- */

static mnk_status read_recipe(char *line, recipe *r, mnk_error *err) {
    mnk_gan_config_defaults(&r->config);
    r->config.snapshot_every = 25;
    snprintf(r->words, sizeof r->words, "%s", line);
    char *rest, *name = strtok_r(r->words, " \t", &rest);
    snprintf(r->name, sizeof r->name, "%s", name);
    snprintf(r->text, sizeof r->text, "%s", line + strlen(name));
    for (char *word; (word = strtok_r(NULL, " \t", &rest));) {
        char *equals = strchr(word, '=');
        if (!equals) return MNK_FAIL(err, MNK_ERR_USAGE, "%s: \"%s\" is not OPTION=VALUE", r->name, word);
        *equals = '\0';
        MNK_TRY(mnk_options_set(mnk_gan_options, &r->config, word, equals + 1, err));
    }
    return mnk_gan_config_check(&r->config, err);
}

static mnk_status read_recipes(screening *s, mnk_error *err) {
    uint8_t *bytes;
    size_t n;
    char *rest;
    mnk_status status = MNK_OK;
    MNK_TRY(mnk_file_read(s->s.recipes, 1 << 20, &bytes, &n, err));
    for (char *line = strtok_r((char *)bytes, "\n", &rest); line && status == MNK_OK; line = strtok_r(NULL, "\n", &rest)) {
        while (*line == ' ' || *line == '\t') line++;
        if (!*line || *line == '#') continue;
        if (s->recipes == RECIPES_MAX || strlen(line) >= sizeof s->recipe[0].words)
            status = MNK_FAIL(err, MNK_ERR_USAGE, "%s: more than %d recipes, or a long line", s->s.recipes, RECIPES_MAX);
        else status = read_recipe(line, &s->recipe[s->recipes++], err);
    }
    mnk_free(bytes);
    return status != MNK_OK || s->recipes ? status : MNK_FAIL(err, MNK_ERR_USAGE, "%s: no recipe", s->s.recipes);
}

static int recipe_named(const screening *s, const char *name) {
    for (int i = 0; name && i < s->recipes; i++)
        if (strcmp(s->recipe[i].name, name) == 0) return i;
    return -1;
}

/* ---- state ---- */

static double number(const json_t *o, const char *key) {
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : (double)NAN;
}

static void read_row(screening *s, const json_t *o) {
    const char *name = json_string_value(json_object_get(o, "row"));
    row r = {.recipe = recipe_named(s, json_string_value(json_object_get(o, "recipe")))};
    for (int k = 0; name && k < (int)(sizeof kind_names / sizeof *kind_names); k++) {
        if (strcmp(name, kind_names[k]) != 0 || s->rows == ROWS_MAX) continue;
        bool has_recipe = k != REAL && k != TEST_REAL;
        if (has_recipe && r.recipe < 0) return; /* a candidate that is no longer in the list */
        r.kind = (kind)k;
        r.seed = (int64_t)number(o, "seed"), r.round = (int64_t)number(o, "round");
        r.kimg = number(o, "kimg"), r.cpu_s = number(o, "cpu_s"), r.value = number(o, "value");
        r.failed = json_is_true(json_object_get(o, "failed"));
        for (const figure_row *f = figure_rows; f->key; f++) *(double *)((char *)&r.f + f->offset) = number(o, f->key);
        if (k == RATE) s->recipe[r.recipe].cpu_per_kimg = r.value;
        s->row[s->rows++] = r;
    }
}

static mnk_status read_state(screening *s, mnk_error *err) {
    uint8_t *bytes;
    size_t n;
    char *rest;
    if (!mnk_path_exists(s->state_path)) return MNK_OK;
    MNK_TRY(mnk_file_read(s->state_path, 1 << 24, &bytes, &n, err));
    for (char *line = strtok_r((char *)bytes, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        json_t *o = json_loads(line, 0, NULL); /* a line cut short by a crash is measured again */
        if (o) read_row(s, o);
        json_decref(o);
    }
    mnk_free(bytes);
    return MNK_OK;
}

static mnk_status add_row(screening *s, const row *r, mnk_error *err) {
    mnk_text text = {0};
    mnk_json j = {.text = &text, .compact = true};
    mnk_json_object(&j, NULL);
    mnk_json_string(&j, "row", kind_names[r->kind]);
    if (r->recipe >= 0) mnk_json_string(&j, "recipe", s->recipe[r->recipe].name);
    mnk_json_int(&j, "seed", r->seed);
    mnk_json_int(&j, "round", r->round);
    mnk_json_double(&j, "kimg", r->kimg);
    mnk_json_double(&j, "cpu_s", r->cpu_s);
    mnk_json_double(&j, "value", r->value);
    if (r->failed) mnk_json_bool(&j, "failed", true);
    for (const figure_row *f = figure_rows; f->key && r->kind != RATE && r->kind != PART; f++)
        mnk_json_double(&j, f->key, *(const double *)((const char *)&r->f + f->offset));
    mnk_json_end_object(&j);
    mnk_text_add(&text, "\n");
    FILE *out = text.failed || s->rows == ROWS_MAX ? NULL : fopen(s->state_path, "a");
    bool ok = out && fputs(text.s, out) >= 0;
    ok = out && fclose(out) == 0 && ok;
    mnk_text_clear(&text);
    if (!ok) return MNK_FAIL(err, MNK_ERR_IO, "%s: cannot write", s->state_path);
    s->row[s->rows++] = *r;
    fprintf(stderr, "%-9s %-14s seed %lld round %lld  %6.1f kimg %6.1f CPU-s  %.4f\n", kind_names[r->kind],
            r->recipe >= 0 ? s->recipe[r->recipe].name : "-", (long long)r->seed, (long long)r->round, r->kimg, r->cpu_s,
            r->value);
    return MNK_OK;
}

static const row *find(const screening *s, kind k, int which, int64_t seed, int64_t round) {
    for (int i = 0; i < s->rows; i++) {
        const row *r = &s->row[i];
        if (r->kind == k && r->recipe == which && r->seed == seed && r->round == round) return r;
    }
    return NULL;
}

/* ---- work ---- */

/* Trains up to `kimg` (going on where a checkpoint is) for at most `limit` CPU seconds. *images: shown in this call. */
static mnk_status train(screening *s, int which, int64_t seed, double kimg, double limit, const char *name, double *spent_s,
                        double *images, mnk_error *err) {
    char model[1300], checkpoint[1300], events[1300];
    mnk_gan_config config = s->recipe[which].config;
    mnk_observer observer = {.stopped = stopped};
    snprintf(model, sizeof model, "%s/%s-%lld.safetensors", s->s.out, name, (long long)seed);
    snprintf(checkpoint, sizeof checkpoint, "%s/%s-%lld.run/checkpoint.safetensors", s->s.out, name, (long long)seed);
    snprintf(events, sizeof events, "%s/%s-%lld.run/events.jsonl", s->s.out, name, (long long)seed);
    config.kimg = kimg, config.seed = (uint64_t)seed;
    config.resume = mnk_path_exists(checkpoint), config.force = !config.resume;
    step_images = (size_t)config.batch;
    piece_start_s = cpu_s(), piece_limit_s = limit;
    mnk_status status = mnk_gan_train(s->arena.fit, &config, model, &observer, err);
    *spent_s = cpu_s() - piece_start_s;
    *images = 1000 * kimg;
    return status;
}

static double calibration_images; /* progress reports one a step */
static double calibration_first_s, calibration_last_s;
static void count_step(void *ctx, const char *what, double done, double total, const char *detail) {
    (void)ctx, (void)what, (void)done, (void)total, (void)detail;
    double now = cpu_s();
    if (calibration_images < 0) calibration_first_s = now, calibration_images = 0;
    else calibration_images += (double)step_images;
    calibration_last_s = now;
}

/* CPU seconds per kimg of a recipe, from three seconds of training that are thrown away. */
static mnk_status calibrate(screening *s, int which, mnk_error *err) {
    char model[1300], folder[1300];
    mnk_error inner = MNK_ERROR_INIT;
    mnk_gan_config config = s->recipe[which].config;
    mnk_observer observer = {.stopped = stopped, .progress = count_step};
    if (s->recipe[which].cpu_per_kimg > 0) return MNK_OK;
    snprintf(model, sizeof model, "%s/speed.safetensors", s->s.out);
    snprintf(folder, sizeof folder, "%s/speed.run", s->s.out);
    config.kimg = 1e6, config.force = true;
    step_images = (size_t)config.batch, calibration_images = -1;
    piece_start_s = cpu_s(), piece_limit_s = 4;
    mnk_status status = mnk_gan_train(s->arena.fit, &config, model, &observer, &inner);
    if (time_is_up()) return MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped");
    if (status != MNK_ERR_INTERRUPTED || !(calibration_images > 0))
        return MNK_FAIL(err, MNK_ERR_FAILED, "%s: %s", s->recipe[which].name, inner.message);
    MNK_TRY(mnk_dir_remove(folder, err));
    s->recipe[which].cpu_per_kimg = 1000 * (calibration_last_s - calibration_first_s) / calibration_images;
    row r = {.kind = RATE,
             .recipe = which,
             .kimg = calibration_images / 1000,
             .cpu_s = cpu_s() - piece_start_s,
             .value = s->recipe[which].cpu_per_kimg};
    return add_row(s, &r, err);
}

/* One training up to the CPU time of `round`, and its figures. */
static mnk_status piece(screening *s, int which, int64_t seed, int64_t round, mnk_error *err) {
    mnk_error inner = MNK_ERROR_INIT;
    char model[1300];
    double spent, images;
    if (find(s, PIECE, which, seed, round)) return MNK_OK;
    MNK_TRY(calibrate(s, which, err));
    double budget = s->s.first_s * pow(s->s.grow, (double)round);
    row r = {.kind = PIECE, .recipe = which, .seed = seed, .round = round};
    r.kimg = fmax(1, floor(budget / s->recipe[which].cpu_per_kimg));
    mnk_status status = train(s, which, seed, r.kimg, 0, s->recipe[which].name, &spent, &images, &inner);
    r.cpu_s = spent;
    if (status == MNK_ERR_INTERRUPTED) {
        r.kind = PART, r.round = -1 - round;
        MNK_TRY(add_row(s, &r, err));
        return MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped; the same command goes on");
    }
    for (int i = 0; i < s->rows; i++) /* what interrupted calls spent on this piece */
        if (s->row[i].kind == PART && s->row[i].recipe == which && s->row[i].seed == seed && s->row[i].round == -1 - round)
            r.cpu_s += s->row[i].cpu_s;
    r.failed = status != MNK_OK;
    if (r.failed) fprintf(stderr, "%s: %s\n", s->recipe[which].name, inner.message);
    snprintf(model, sizeof model, "%s/%s-%lld.safetensors", s->s.out, s->recipe[which].name, (long long)seed);
    if (!r.failed) MNK_TRY(score_model(&s->arena, model, s->arena.selection, &r.f, err));
    const row *real = find(s, REAL, -1, 0, 0);
    r.value = r.failed ? 0 : score_of(&r.f, &real->f);
    MNK_TRY(add_row(s, &r, err));
    return time_is_up() ? MNK_FAIL(err, MNK_ERR_INTERRUPTED, "stopped; the same command goes on") : MNK_OK;
}

static mnk_status real_row(screening *s, kind k, const mnk_images *on, mnk_error *err) {
    if (find(s, k, -1, 0, 0)) return MNK_OK;
    row r = {.kind = k, .recipe = -1};
    double start = cpu_s();
    MNK_TRY(score_real(&s->arena, on, &r.f, err));
    r.cpu_s = cpu_s() - start;
    return add_row(s, &r, err);
}

/* Puts the better `keep` of n candidates first (stable: ties keep the order of the file). */
static void best_first(const screening *s, int *list, int n, int64_t round) {
    for (int i = 1; i < n; i++)
        for (int k = i; k > 0; k--) {
            const row *a = find(s, PIECE, list[k - 1], s->s.seed, round), *b = find(s, PIECE, list[k], s->s.seed, round);
            if (!(b->value > a->value)) break;
            int t = list[k];
            list[k] = list[k - 1], list[k - 1] = t;
        }
}

static double mean_score(const screening *s, int which, double *deviation) {
    double sum = 0, square = 0;
    int n = 0;
    for (int64_t k = 0; k < s->s.seeds; k++) {
        const row *r = find(s, PIECE, which, s->s.seed + k, s->s.rounds - 1);
        if (r) sum += r->value, square += r->value * r->value, n++;
    }
    if (!n) return NAN;
    *deviation = n > 1 ? sqrt(fmax(0, (square - sum * sum / n) / (n - 1))) : (double)NAN;
    return sum / n;
}

static mnk_status screen(screening *s, mnk_error *err) {
    int alive[RECIPES_MAX], n = s->recipes, winner;
    for (int i = 0; i < n; i++) alive[i] = i;
    MNK_TRY(real_row(s, REAL, s->arena.selection, err));
    for (int64_t round = 0; round < s->s.rounds; round++) {
        for (int i = 0; i < n; i++) MNK_TRY(piece(s, alive[i], s->s.seed, round, err));
        best_first(s, alive, n, round);
        int go_on = (int)ceil(s->s.keep * n), least = (int)s->s.finalists;
        if (round + 1 == s->s.rounds) go_on = least;
        if (go_on < least) go_on = least;
        if (go_on < n) n = go_on;
    }
    for (int64_t k = 1; k < s->s.seeds; k++)
        for (int i = 0; i < n; i++) MNK_TRY(piece(s, alive[i], s->s.seed + k, s->s.rounds - 1, err));
    winner = alive[0];
    double deviation;
    for (int i = 1; i < n; i++)
        if (mean_score(s, alive[i], &deviation) > mean_score(s, winner, &deviation)) winner = alive[i];
    if (s->s.no_test) return MNK_OK;
    MNK_TRY(real_row(s, TEST_REAL, s->arena.test, err));
    for (int64_t k = 0; k < s->s.seeds; k++) {
        char model[1300];
        row r = {.kind = TEST, .recipe = winner, .seed = s->s.seed + k};
        bool done = false;
        for (int i = 0; i < s->rows; i++) done = done || (s->row[i].kind == TEST && s->row[i].seed == r.seed);
        if (done) continue; /* once, whoever would win now */
        snprintf(model, sizeof model, "%s/%s-%lld.safetensors", s->s.out, s->recipe[winner].name, (long long)r.seed);
        double start = cpu_s();
        MNK_TRY(score_model(&s->arena, model, s->arena.test, &r.f, err));
        r.cpu_s = cpu_s() - start;
        r.value = score_of(&r.f, &find(s, TEST_REAL, -1, 0, 0)->f);
        MNK_TRY(add_row(s, &r, err));
    }
    return MNK_OK;
}

/* ---- table ---- */

static void table_row(FILE *out, const screening *s, const row *r, const char *what, const figures *real) {
    const figures *f = &r->f;
    if (r->kind == REAL || r->kind == TEST_REAL) fprintf(out, "| real images, %s | | | | | ", what);
    else
        fprintf(out, "| %s | %s | %lld | %.0f | %.0f | %.3f ", s->recipe[r->recipe].name, what, (long long)r->seed, r->kimg,
                r->cpu_s, r->value);
    if (r->kind == REAL || r->kind == TEST_REAL) fprintf(out, "| ");
    if (r->failed) {
        fprintf(out, "| diverged | | | | | | | |\n");
        return;
    }
    fprintf(out, "| %.2f-%.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.3f (%.2f) | %.3f (%.3f) |\n", f->sd_low, f->sd_high,
            f->recall_classifier, f->coverage_classifier, f->recall_scatter, f->coverage_scatter, f->agreement, f->accuracy,
            f->accuracy / real->accuracy, f->auc, f->auc / real->auc);
}

static const char head[] =
    "| recipe | round | seed | kimg | CPU-s, this round | score | sd ratio, worst classes | recall, classifier | coverage, "
    "classifier | "
    "recall, "
    "scatter | coverage, scatter | label agreement | accuracy, synthetic only (of real) | macro AUC (of real) |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n";

static mnk_status write_table(const screening *s, mnk_error *err) {
    char path[1300], what[64];
    const row *real = find(s, REAL, -1, 0, 0), *test_real = find(s, TEST_REAL, -1, 0, 0);
    mnk_outfile *file;
    if (!real) return MNK_OK;
    snprintf(path, sizeof path, "%s/table.md", s->s.out);
    MNK_TRY(mnk_outfile_open(path, true, &file, err));
    FILE *out = mnk_outfile_stream(file);
    fprintf(out, "Fitted on %zu images, chosen on %zu, %zu in the test set.\n\n%s", s->arena.fit->n, s->arena.selection->n,
            s->arena.test->n, head);
    table_row(out, s, real, "selection", &real->f);
    for (int i = 0; i < s->rows; i++) {
        const row *r = &s->row[i];
        if (r->kind != PIECE) continue;
        snprintf(what, sizeof what, "%lld", (long long)r->round + 1);
        table_row(out, s, r, what, &real->f);
    }
    if (test_real) table_row(out, s, test_real, "test", &test_real->f);
    for (int i = 0; i < s->rows; i++)
        if (s->row[i].kind == TEST) table_row(out, s, &s->row[i], "test", &test_real->f);
    fprintf(out,
            "\nScores over seeds at the end of the last round: mean, standard deviation\n\n| recipe | score | sd | options |\n"
            "|---|---|---|---|\n");
    for (int i = 0; i < s->recipes; i++) {
        double deviation = NAN, mean = mean_score(s, i, &deviation);
        if (isfinite(deviation))
            fprintf(out, "| %s | %.3f | %.3f | %s |\n", s->recipe[i].name, mean, deviation, s->recipe[i].text);
    }
    return mnk_outfile_commit(file, err);
}

/* ---- command line ---- */

static mnk_status read_arguments(int argc, char **argv, settings *s, mnk_error *err) {
    mnk_options_defaults(table, s);
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i] + 2;
        if (strncmp(argv[i], "--", 2) != 0) {
            s->data = argv[i];
            continue;
        }
        const mnk_option *o = mnk_options_find(table, name, strlen(name));
        bool flag = o && o->type == MNK_OPTION_BOOL;
        if (!flag && i + 1 == argc) return MNK_FAIL(err, MNK_ERR_USAGE, "%s: its value is missing", argv[i]);
        MNK_TRY(mnk_options_set(table, s, name, flag ? "true" : argv[++i], err));
    }
    return s->data ? MNK_OK : MNK_FAIL(err, MNK_ERR_USAGE, "which data? recipes DATA --out DIR");
}

static mnk_status run(screening *s, mnk_error *err) {
    MNK_TRY(mnk_dir_make(s->s.out, err));
    snprintf(s->state_path, sizeof s->state_path, "%s/state.jsonl", s->s.out);
    MNK_TRY(read_recipes(s, err));
    MNK_TRY(read_state(s, err));
    s->arena.steps = s->s.steps;
    MNK_TRY(arena_open(s->s.data, s->s.out, s->s.select, (uint64_t)s->s.seed, &s->arena, err));
    mnk_status status = screen(s, err);
    MNK_TRY(write_table(s, status == MNK_OK ? err : NULL));
    return status;
}

int main(int argc, char **argv) {
    static screening s;
    mnk_error err = MNK_ERROR_INIT;
    static char signal_stack[1 << 16]; /* see cli/terminal.c */
    sigaltstack(&(stack_t){.ss_sp = signal_stack, .ss_size = sizeof signal_stack}, NULL);
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    mnk_status status = read_arguments(argc, argv, &s.s, &err);
    if (status == MNK_OK) {
        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        mnk_threads_set((int)s.s.threads);
        deadline_s = s.s.minutes > 0 ? wall_s() + 60 * s.s.minutes : 0;
        status = run(&s, &err);
    }
    arena_close(&s.arena);
    if (status == MNK_OK) return 0;
    fprintf(stderr, "recipes: %s\n%s%s", err.message, err.hint, *err.hint ? "\n" : "");
    return status == MNK_ERR_INTERRUPTED ? 130 : status == MNK_ERR_USAGE ? 2 : 1;
}
