#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "learn/gan/private_step.h"
#include "learn/gan/trainer.h"

/* ---- before step 1 ---- */

/* Generators see train only: where the data carry splits, the images of the others are left out. */
static mnk_status training_part(const mnk_images *all, const mnk_observer *observer, mnk_images **selected, mnk_error *err) {
    size_t train = 0, *index;
    *selected = NULL;
    for (size_t i = 0; i < all->n; i++) train += all->split && all->split[i] == MNK_SPLIT_TRAIN;
    if (train == 0 || train == all->n) return MNK_OK;
    MNK_TRY(MNK_NEW(index, train, err));
    size_t n = 0;
    for (size_t i = 0; i < all->n; i++)
        if (all->split[i] == MNK_SPLIT_TRAIN) index[n++] = i;
    mnk_observe_log(observer, MNK_LOG_INFO, "training on the %zu images of the train split; the other %zu stay unseen", train,
                    all->n - train);
    mnk_status status = mnk_images_select(all, index, n, selected, err);
    mnk_free(index);
    return status;
}

static mnk_status check_outputs(const mnk_gan_trainer *t, mnk_error *err) {
    if (t->config.resume) return MNK_OK;
    if (mnk_path_exists(t->model_path) && !t->config.force) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: exists already", t->model_path);
        mnk_error_hint(err, "--force replaces it; --resume goes on training it");
        return status;
    }
    if (mnk_path_exists(t->checkpoint_path) && !t->config.force) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "%s: an earlier run is there", t->run_dir);
        mnk_error_hint(err, "--resume goes on with it; --force starts anew");
        return status;
    }
    return MNK_OK;
}

static mnk_status claim_outputs(const mnk_gan_trainer *t, mnk_error *err) {
    if (t->config.resume) return MNK_OK;
    if (t->config.force) MNK_TRY(mnk_dir_remove(t->run_dir, err));
    return mnk_dir_make(t->run_dir, err);
}

/* The step number in one line of events.jsonl, or UINT64_MAX. */
static uint64_t step_of_line(const char *line) {
    const char *at = strstr(line, "\"step\":");
    return at ? strtoull(at + strlen("\"step\":"), NULL, 10) : UINT64_MAX;
}

/* Whether a continuation keeps this line. Lines beyond the checkpoint belong to a future that is computed again; those of the
 * end of the earlier call (whose weights were handed out, and a snapshot between two regular ones) would not be in an uncut
 * run. */
static bool keep_line(const mnk_gan_trainer *t, const char *line) {
    uint64_t step = step_of_line(line);
    if (step > t->step || strstr(line, "\"event\":\"kept\"")) return false;
    return step % t->snapshot_steps == 0 || !strstr(line, "\"event\":\"snapshot\"");
}

/* Continues events.jsonl. */
static mnk_status open_events(mnk_gan_trainer *t, mnk_error *err) {
    if (t->config.resume && mnk_path_exists(t->events_path)) {
        uint8_t *bytes;
        size_t n;
        mnk_text kept = {0};
        MNK_TRY(mnk_file_read(t->events_path, (size_t)1 << 30, &bytes, &n, err));
        for (char *line = (char *)bytes; *line;) {
            char *end = strchr(line, '\n');
            if (!end) break; /* cut short by a crash */
            *end = '\0';
            if (keep_line(t, line)) mnk_text_printf(&kept, "%s\n", line);
            line = end + 1;
        }
        mnk_free(bytes);
        mnk_status status = kept.failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: %s", t->events_path)
                                        : mnk_file_write(t->events_path, true, kept.s ? kept.s : "", kept.n, err);
        mnk_text_clear(&kept);
        MNK_TRY(status);
    }
    t->events = fopen(t->events_path, t->config.resume ? "a" : "w");
    return t->events ? MNK_OK : MNK_FAIL(err, MNK_ERR_IO, "%s: cannot write", t->events_path);
}

/* Times one step that changes nothing, after one that warms caches. */
static mnk_status time_step(mnk_gan_trainer *t, double *seconds, mnk_error *err) {
    size_t n_g = t->gp->n_state, n_d = t->dp->n_state;
    real *copy;
    MNK_TRY(MNK_NEW(copy, n_g + n_d + 1, err));
    memcpy(copy, t->gp->state, n_g * sizeof *copy);
    memcpy(copy + n_g, t->dp->state, n_d * sizeof *copy);
    mnk_status status = mnk_gan_step(t, true, err);
    double start = mnk_gan_seconds();
    if (status == MNK_OK) status = mnk_gan_step(t, true, err);
    *seconds = mnk_gan_seconds() - start;
    memcpy(t->gp->state, copy, n_g * sizeof *copy);
    memcpy(t->dp->state, copy + n_g, n_d * sizeof *copy);
    mnk_free(copy);
    return status;
}

static void clock_text(double seconds, char out[32]) {
    long s = seconds > 0 ? lround(seconds) : 0;
    snprintf(out, 32, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
}

static mnk_status announce(mnk_gan_trainer *t, mnk_error *err) {
    double seconds;
    char left[32];
    const mnk_gan_shape *s = &t->shape;
    MNK_TRY(time_step(t, &seconds, err));
    const mnk_observer *o = t->observer;
    mnk_observe_log(o, MNK_LOG_INFO, "data       %s: %zu images, %d x %d, %d channel%s, %d class%s", t->data->source,
                    t->data->n, s->width, s->height, s->channels, s->channels > 1 ? "s" : "", s->classes,
                    s->classes > 1 ? "es" : "");
    if (s->inner_h != s->height || s->inner_w != s->width)
        mnk_observe_log(o, MNK_LOG_INFO, "padding    generated as %d x %d and cropped; training edges replicated", s->inner_w,
                        s->inner_h);
    mnk_observe_log(o, MNK_LOG_INFO, "networks   generator %zu, discriminator %zu parameters; %s kernels, %d thread%s",
                    t->gp->n, t->dp->n, t->backend->name, mnk_threads(), mnk_threads() > 1 ? "s" : "");
    mnk_observe_log(o, MNK_LOG_INFO, "settings   %s, seed %llu", t->options_json, (unsigned long long)t->config.seed);
    mnk_observe_log(o, MNK_LOG_INFO, "memory     %.0f MiB for networks and buffers, %.0f MiB for the images",
                    (double)t->planned_bytes / 1048576,
                    (double)(t->data->n * (size_t)s->height * (size_t)s->width * (size_t)s->channels) *
                        (t->data->depth == 16 ? 2 : 1) / 1048576);
    if (t->total) {
        uint64_t steps = t->total > t->step ? t->total - t->step : 0;
        clock_text(1.05 * seconds * (double)steps, left);
        mnk_observe_log(o, MNK_LOG_INFO,
                        "length     %llu steps of %zu images = %.1f kimg = %.1f epochs; about %s at %.0f ms a step",
                        (unsigned long long)t->total, t->batch, (double)t->total * (double)t->batch / 1000,
                        (double)t->total * (double)t->batch / (double)t->data->n, left, 1000 * seconds);
    }
    if (t->config.minutes > 0)
        mnk_observe_log(o, MNK_LOG_INFO, "length     %s%g minutes at %.0f ms a step; --kimg or --epochs would repeat exactly",
                        t->total ? "at most " : "", t->config.minutes, 1000 * seconds);
    mnk_observe_log(o, MNK_LOG_INFO, "run folder %s: samples-NNNNNN.png, events.jsonl, checkpoint.safetensors", t->run_dir);
    return MNK_OK;
}

static void look_for_trouble(const mnk_gan_trainer *t) {
    if (t->config.dp) return; /* the smallest class is nobody's business */
    size_t smallest = t->data->n;
    int which = 0;
    for (int c = 0; c < t->shape.classes; c++) {
        size_t m = 0;
        for (size_t i = 0; i < t->data->n; i++) m += t->data->label[i] == c;
        if (m < smallest) smallest = m, which = c;
    }
    if (smallest == 0)
        mnk_observe_log(t->observer, MNK_LOG_WARNING,
                        "class \"%s\" has no training image: what the model makes of it means nothing",
                        t->data->class_names[which]);
    else if (smallest < 2 * (size_t)t->config.pack)
        mnk_observe_log(t->observer, MNK_LOG_WARNING,
                        "class \"%s\" has %zu training image%s: expect copies: manikin evaluate counts them",
                        t->data->class_names[which], smallest, smallest > 1 ? "s" : "");
}

/* ---- the loop ---- */

static void report(const mnk_gan_trainer *t) {
    char detail[160], variety[32] = "";
    double seconds = mnk_gan_step_time(t), v = mnk_gan_mean_variety(t->variety, t->shape.classes);
    if (isfinite(v) && v > 0) snprintf(variety, sizeof variety, "  variety %.2f", v);
    snprintf(detail, sizeof detail, "G %.2f  D %.2f%s  %.0f img/s  %.1f GiB", t->progress.g_smooth, t->progress.d_smooth,
             variety, seconds > 0 ? (double)t->batch / seconds : 0, (double)t->planned_bytes / 1073741824);
    double per_epoch = (double)mnk_gan_steps_per_epoch(&t->config, t->data->n);
    mnk_observe_progress(t->observer, "epoch", (double)t->step / per_epoch, (double)t->total / per_epoch, detail);
}

static mnk_status interrupted(mnk_gan_trainer *t, mnk_error *err) {
    MNK_TRY(mnk_gan_checkpoint_save(t, err));
    mnk_status status = MNK_FAIL(err, MNK_ERR_INTERRUPTED, "%llu steps (%.1f kimg) are done and saved in %s",
                                 (unsigned long long)t->step, mnk_gan_kimg(t), t->checkpoint_path);
    mnk_error_hint(err, "the same command with --resume goes on");
    return status;
}

static double best_kimg(const mnk_gan_trainer *t) { return t->progress.best_step * (double)t->batch / 1000; }

static bool out_of_time(const mnk_gan_trainer *t) {
    return t->config.minutes > 0 && mnk_gan_seconds() - t->started >= 60 * t->config.minutes;
}

static mnk_status run_loop(mnk_gan_trainer *t, mnk_error *err) {
    uint64_t first = t->step;
    while (t->total == 0 || t->step < t->total) {
        if (mnk_observe_stopped(t->observer)) return interrupted(t, err);
        if (out_of_time(t) || mnk_gan_keep_stalled(t)) break;
        if (t->step >= UINT32_MAX - 1000) return MNK_FAIL(err, MNK_ERR_FAILED, "more than 4 billion steps");
        double start = mnk_gan_seconds();
        MNK_TRY(mnk_gan_step(t, false, err));
        t->step_seconds[t->timed++ % (sizeof t->step_seconds / sizeof *t->step_seconds)] = mnk_gan_seconds() - start;
        report(t);
        if (t->step % t->log_steps == 0) MNK_TRY(mnk_gan_event(t, "losses", err));
        if (t->step % t->snapshot_steps == 0) {
            MNK_TRY(mnk_gan_snapshot(t, err));
            MNK_TRY(mnk_gan_checkpoint_save(t, err));
        }
    }
    if (out_of_time(t))
        mnk_observe_log(t->observer, MNK_LOG_INFO, "time is up after %llu steps: --kimg %.17g repeats this run exactly",
                        (unsigned long long)t->step, mnk_gan_kimg(t));
    else if (mnk_gan_keep_stalled(t))
        mnk_observe_log(t->observer, MNK_LOG_INFO,
                        "no better snapshot for %g kimg: training ends at %.1f kimg (--patience); the best was at %.1f kimg",
                        t->config.patience, mnk_gan_kimg(t), best_kimg(t));
    if (t->step == first && t->step > 0)
        mnk_observe_log(t->observer, MNK_LOG_INFO,
                        "nothing left to train: the checkpoint has %.1f kimg already; raise --epochs or --kimg to go on",
                        mnk_gan_kimg(t));
    if (t->step % t->snapshot_steps == 0) return MNK_OK;
    /* The checkpoint first: a run that goes on from it must not know of a snapshot that an uncut run would not have taken. */
    if (t->step > first) MNK_TRY(mnk_gan_checkpoint_save(t, err));
    return mnk_gan_snapshot(t, err);
}

/* Writes the model: the kept snapshot's weights, or the last ones. */
static mnk_status hand_out(mnk_gan_trainer *t, mnk_error *err) {
    mnk_status status;
    if (mnk_gan_keep_swap(t)) {
        status = mnk_gan_model_save(t, (uint64_t)t->progress.best_step, err);
        mnk_gan_keep_swap_back(t);
        if (t->progress.best_step < (double)t->step)
            mnk_observe_log(t->observer, MNK_LOG_INFO,
                            "kept       the snapshot at %.1f of %.1f kimg, the one most like the training "
                            "images (distance %.3f)",
                            best_kimg(t), mnk_gan_kimg(t), t->progress.best_distance);
    } else {
        mnk_gan_statistics(t);
        status = mnk_gan_model_save(t, t->step, err);
        mnk_gan_statistics_undo(t);
    }
    return status == MNK_OK ? mnk_gan_event(t, "kept", err) : status;
}

static mnk_status run(mnk_gan_trainer *t, mnk_error *err) {
    MNK_TRY(check_outputs(t, err));
    if (t->config.resume) MNK_TRY(mnk_gan_checkpoint_load(t, err));
    else if (t->config.init_from) MNK_TRY(mnk_gan_init_from(t, t->config.init_from, err));
    if (t->config.dp) MNK_TRY(mnk_gan_private_open(t, err));
    MNK_TRY(claim_outputs(t, err));
    MNK_TRY(mnk_gan_train_spread(t, err));
    MNK_TRY(announce(t, err));
    look_for_trouble(t);
    MNK_TRY(open_events(t, err));
    t->started = mnk_gan_seconds();
    MNK_TRY(run_loop(t, err));
    return hand_out(t, err);
}

mnk_status mnk_gan_train(const mnk_images *train, const mnk_gan_config *config, const char *model_path,
                         const mnk_observer *observer, mnk_error *err) {
    mnk_images *selected = NULL;
    mnk_gan_trainer *t = NULL;
    mnk_status status;
    if (!train || train->n == 0) return MNK_FAIL(err, MNK_ERR_INPUT, "no images to train on");
    MNK_OUT(training_part(train, observer, &selected, err));
    MNK_OUT(mnk_gan_trainer_open(selected ? selected : train, config, model_path, observer, &t, err));
    MNK_OUT(run(t, err));
out:
    mnk_gan_trainer_close(t);
    mnk_images_close(selected);
    return status;
}
