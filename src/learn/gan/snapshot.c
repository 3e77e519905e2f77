#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "base/file.h"
#include "base/mem.h"
#include "learn/gan/trainer.h"

#define SPREAD_IMAGES    64                  /* samples a class behind a variety figure, at most */
#define SPREAD_TOTAL     1024                /* and over all classes */
#define GRID_ROWS_MAX    32                  /* classes shown */
#define GRID_PIXELS      96                  /* small images are enlarged towards this side */
#define STATISTICS_ITEMS ((uint64_t)1 << 40) /* latents of the statistics, apart from those of the grid */

/* ---- training images ---- */

static void training_plane(void *ctx, size_t i, float *image) {
    const mnk_gan_trainer *t = ctx;
    mnk_gan_inner_image(t->data, &t->shape, i, image);
}

mnk_status mnk_gan_train_spread(mnk_gan_trainer *t, mnk_error *err) {
    mnk_gan_spread spread;
    for (int c = 0; c < t->shape.classes; c++) t->train_spread[c] = t->variety[c] = t->unlikeness[c] = NAN;
    if (t->config.dp) return MNK_OK; /* nothing may be compared with training images */
    mnk_status status = mnk_gan_spread_open(t->volume, &spread, err);
    for (int c = 0; c < t->shape.classes && status == MNK_OK; c++) {
        mnk_gan_spread_reset(&spread);
        for (size_t i = 0; i < t->data->n; i++) {
            if (t->data->label[i] != c) continue;
            mnk_gan_inner_image(t->data, &t->shape, i, t->real);
            mnk_gan_spread_add(&spread, t->real);
        }
        t->train_spread[c] = mnk_gan_spread_value(&spread);
    }
    mnk_gan_spread_close(&spread);
    MNK_TRY(status);
    return mnk_gan_likeness_open(t->data, &t->shape, training_plane, t, &t->likeness, err);
}

/* ---- the averaged generator ---- */

static void draw_fixed(mnk_gan_trainer *t, size_t slot, uint64_t item) {
    size_t n = (size_t)t->config.latent;
    mnk_rng rng = mnk_rng_at(t->config.seed, MNK_PURPOSE_GRID, item, 0);
    mnk_rng_normal_f32(&rng, t->z + slot * n, n);
}

void mnk_gan_statistics(mnk_gan_trainer *t) {
    memcpy(t->state_copy, t->gp->state, t->gp->n_state * sizeof *t->gp->state);
    mnk_plan_refresh(t->g_statistics, false);
    mnk_plan_statistics_begin(t->g_statistics);
    for (uint64_t b = 0; b < MNK_GAN_STATISTICS_BATCHES; b++) {
        /* classes in the proportions of training: those of batches far beyond any step */
        mnk_gan_batches_at(t->batches, UINT32_MAX - b, t->index, t->labels, t->pack_labels);
        for (size_t i = 0; i < t->batch; i++) draw_fixed(t, i, STATISTICS_ITEMS + b * t->batch + i);
        mnk_plan_put(t->g_statistics, t->g.z, t->z);
        mnk_plan_put_labels(t->g_statistics, t->g.labels, t->labels);
        mnk_plan_forward(t->g_statistics, NULL);
    }
    mnk_plan_statistics_end(t->g_statistics);
}

void mnk_gan_statistics_undo(mnk_gan_trainer *t) { memcpy(t->gp->state, t->state_copy, t->gp->n_state * sizeof *t->gp->state); }

/* ---- grid ---- */

typedef struct grid {
    int rows_per_class, classes, enlarge, width, height, channels;
    uint8_t *pixels;
} grid;

static mnk_status grid_open(const mnk_gan_trainer *t, grid *g, mnk_error *err) {
    const mnk_gan_shape *s = &t->shape;
    int side = s->height > s->width ? s->height : s->width;
    g->classes = s->classes < GRID_ROWS_MAX ? s->classes : GRID_ROWS_MAX;
    g->rows_per_class = g->classes >= MNK_GAN_GRID_COLUMNS ? 1 : MNK_GAN_GRID_COLUMNS / g->classes;
    g->enlarge = side < GRID_PIXELS ? GRID_PIXELS / side : 1;
    g->channels = s->channels;
    g->width = MNK_GAN_GRID_COLUMNS * s->width * g->enlarge;
    g->height = g->classes * g->rows_per_class * s->height * g->enlarge;
    return MNK_NEW(g->pixels, (size_t)g->width * (size_t)g->height * (size_t)g->channels, err);
}

static uint8_t to_byte(float x) {
    float v = (x + 1) * 127.5f + 0.5f;
    return v <= 0 ? 0 : v >= 255 ? 255 : (uint8_t)v;
}

static void grid_put(grid *g, const mnk_gan_shape *s, int label, int item, const float *image) {
    if (label >= g->classes || item >= g->rows_per_class * MNK_GAN_GRID_COLUMNS) return;
    int y0 = (label * g->rows_per_class + item / MNK_GAN_GRID_COLUMNS) * s->height * g->enlarge;
    int x0 = item % MNK_GAN_GRID_COLUMNS * s->width * g->enlarge;
    for (int y = 0; y < s->height * g->enlarge; y++)
        for (int x = 0; x < s->width * g->enlarge; x++)
            for (int c = 0; c < g->channels; c++) {
                int from = (c * s->inner_h + y / g->enlarge + s->top) * s->inner_w + x / g->enlarge + s->left;
                g->pixels[((size_t)(y0 + y) * (size_t)g->width + (size_t)(x0 + x)) * (size_t)g->channels + (size_t)c] =
                    to_byte(image[from]);
            }
}

static mnk_status grid_write(const mnk_gan_trainer *t, const grid *g, mnk_error *err) {
    char path[1200], seed[32], kimg[32];
    snprintf(path, sizeof path, "%s/samples-%06.0f.png", t->run_dir, mnk_gan_kimg(t));
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)t->config.seed);
    snprintf(kimg, sizeof kimg, "%.3f", mnk_gan_kimg(t));
    mnk_png_text texts[] = {
        {"Synthetic", "true"}, {"Software", "manikin " MNK_VERSION}, {"Generator", "gan"}, {"Seed", seed}, {"Kimg", kimg}};
    uint8_t *png = NULL;
    size_t n = 0;
    MNK_TRY(mnk_png_encode(g->pixels, g->height, g->width, g->channels, texts, sizeof texts / sizeof *texts, &png, &n, err));
    mnk_status status = mnk_file_write(path, true, png, n, err);
    mnk_free_bytes(png);
    return status;
}

/* ---- samples with fixed latents, class after class, in batches of the plan ---- */

static void sample_batch(mnk_gan_trainer *t, uint64_t first, uint64_t count, size_t per_class) {
    for (size_t i = 0; i < t->batch; i++) {
        uint64_t item = first + i < count ? first + i : count - 1;
        int label = (int)(item / per_class);
        t->labels[i] = label;
        draw_fixed(t, i, (uint64_t)label << 16 | item % per_class);
    }
    mnk_plan_put(t->g_average, t->g.z, t->z);
    mnk_plan_put_labels(t->g_average, t->g.labels, t->labels);
    mnk_plan_forward(t->g_average, NULL);
    mnk_plan_get(t->g_average, t->g.image, t->fake);
}

static void look(mnk_gan_trainer *t, mnk_gan_spread *spread, grid *g) {
    size_t per_class = SPREAD_TOTAL / (size_t)t->shape.classes, grid_items = (size_t)(g->rows_per_class * MNK_GAN_GRID_COLUMNS);
    per_class = per_class > SPREAD_IMAGES ? SPREAD_IMAGES : per_class;
    per_class = per_class < grid_items ? grid_items : per_class;
    uint64_t count = per_class * (uint64_t)t->shape.classes;
    mnk_plan_refresh(t->g_average, false);
    mnk_gan_spread_reset(spread);
    if (t->likeness) mnk_gan_likeness_reset(t->likeness);
    for (uint64_t first = 0; first < count; first += t->batch) {
        sample_batch(t, first, count, per_class);
        for (size_t i = 0; i < t->batch && first + i < count; i++) {
            int label = t->labels[i];
            uint64_t item = (first + i) % per_class;
            const float *image = t->fake + i * t->volume;
            grid_put(g, &t->shape, label, (int)item, image);
            if (!t->likeness) continue;
            mnk_gan_spread_add(spread, image);
            mnk_gan_likeness_add(t->likeness, image);
            if (item + 1 < per_class) continue;
            double train = t->train_spread[label];
            t->variety[label] = train > 0 ? mnk_gan_spread_value(spread) / train : NAN;
            t->unlikeness[label] = mnk_gan_likeness_distance(t->likeness, label);
            mnk_gan_spread_reset(spread);
            mnk_gan_likeness_reset(t->likeness);
        }
    }
}

static void warn(mnk_gan_trainer *t) {
    mnk_gan_progress *p = &t->progress;
    mnk_gan_watch watch = {p->collapsed != 0, p->powerless != 0, p->overpowering != 0, p->fallen != 0, p->peak_variety};
    mnk_gan_signs signs = {mnk_gan_kimg(t),    t->variety,  (const char *const *)t->data->class_names,
                           t->shape.classes,   p->d_smooth, t->loss->powerless / (t->config.dp ? 2 : 1),
                           (int)t->config.pack};
    char text[MNK_GAN_WARNINGS_MAX][512];
    int n = mnk_gan_warnings(&watch, &signs, text, MNK_GAN_WARNINGS_MAX);
    for (int i = 0; i < n; i++) mnk_observe_log(t->observer, MNK_LOG_WARNING, "%s", text[i]);
    p->collapsed = watch.collapsed, p->powerless = watch.powerless, p->overpowering = watch.overpowering;
    p->fallen = watch.fallen, p->peak_variety = watch.peak_variety;
}

mnk_status mnk_gan_snapshot(mnk_gan_trainer *t, mnk_error *err) {
    mnk_gan_spread spread = {0};
    grid g = {0};
    mnk_status status;
    mnk_gan_statistics(t);
    MNK_OUT(mnk_gan_spread_open(t->volume, &spread, err));
    MNK_OUT(grid_open(t, &g, err));
    look(t, &spread, &g);
    MNK_OUT(grid_write(t, &g, err));
    mnk_gan_keep_consider(t);
    warn(t);
    MNK_OUT(mnk_gan_event(t, "snapshot", err));
out:
    mnk_gan_statistics_undo(t);
    mnk_gan_spread_close(&spread);
    mnk_free(g.pixels);
    return status;
}

/* ---- events.jsonl ---- */

static size_t resident_bytes(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (size_t)usage.ru_maxrss * 1024 : 0;
}

mnk_status mnk_gan_event(mnk_gan_trainer *t, const char *kind, mnk_error *err) {
    mnk_text text = {0};
    mnk_json j = {.text = &text, .compact = true};
    double seconds = mnk_gan_step_time(t);
    mnk_json_object(&j, NULL);
    mnk_json_string(&j, "event", kind);
    mnk_json_uint(&j, "step", t->step);
    mnk_json_double(&j, "kimg", mnk_gan_kimg(t));
    mnk_json_double(&j, "d_loss", t->progress.d_smooth);
    mnk_json_double(&j, "g_loss", t->progress.g_smooth);
    if (t->config.r1 > 0 || t->config.r2 > 0) mnk_json_double(&j, "penalty", t->penalty);
    if (t->config.adaptive) mnk_json_double(&j, "augment_p", t->progress.augment_p);
    if (strcmp(kind, "snapshot") == 0 && !t->config.dp) {
        mnk_json_object(&j, "variety"); /* within-class spread of samples over that of the training images */
        for (int c = 0; c < t->shape.classes; c++) mnk_json_double(&j, t->data->class_names[c], t->variety[c]);
        mnk_json_end_object(&j);
        mnk_json_double(&j, "distance", t->distance); /* to train, means and spreads by class; chooses the weights kept */
    }
    bool kept = strcmp(kind, "kept") == 0; /* the last line: whose weights the model file holds */
    if ((kept || strcmp(kind, "snapshot") == 0) && t->progress.best_step > 0) {
        mnk_json_double(&j, "best_kimg", t->progress.best_step * (double)t->batch / 1000);
        mnk_json_double(&j, "best_distance", t->progress.best_distance);
    }
    if (kept) mnk_json_double(&j, "kept_kimg", t->kept_kimg);
    mnk_json_double(&j, "images_per_s", seconds > 0 ? floor((double)t->batch / seconds * 10) / 10 : 0);
    mnk_json_uint(&j, "memory_bytes", resident_bytes());
    mnk_json_double(&j, "wall_s", floor((mnk_gan_seconds() - t->started) * 10) / 10);
    mnk_json_end_object(&j);
    mnk_text_add(&text, "\n");
    bool ok = !text.failed && fputs(text.s, t->events) >= 0 && fflush(t->events) == 0;
    mnk_text_clear(&text);
    return ok ? MNK_OK : MNK_FAIL(err, MNK_ERR_IO, "%s: cannot write (disk full?)", t->events_path);
}
