/* Training: AdamW on a one-cycle schedule, validation every epoch, the best weights kept. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "learn/classifier/batches.h"

/* Batches whose pooled moments become the running statistics of batch norm before every validation. */
enum { STATISTICS_BATCHES = 16 };
enum { STREAM_TRAIN = 0, STREAM_STATISTICS = 1 };

typedef struct trainer {
    const mnk_classifier_job *job;
    const mnk_classifier_config *config;
    mnk_classifier *c;
    mnk_plan *plan;
    mnk_classifier_batches *batches, *statistics;
    float *planes, *logits, *grad, *val_prob;
    int32_t *label;
    real *best_w, *best_state;
    double loss; /* of the last step */
} trainer;

/* Smith & Topin 2018, as PyTorch's OneCycleLR: cosine up from peak/25 and down to peak/1e4. */
double mnk_classifier_one_cycle(double peak, size_t step, size_t steps) {
    double at = steps > 1 ? (double)step / (double)(steps - 1) : 1.0, rise = 0.3, from = peak / 25.0, to = peak * 1e-4;
    if (at < rise) return from + (peak - from) * 0.5 * (1.0 - cos(M_PI * at / rise));
    return to + (peak - to) * 0.5 * (1.0 + cos(M_PI * (at - rise) / (1.0 - rise)));
}

double mnk_classifier_cross_entropy(const mnk_classifier *c, const float *z, int32_t label, double smoothing, double divisor,
                                    float *g) {
    const size_t classes = (size_t)c->summary.classes;
    double total = 0.0, known = 0.0, largest = -INFINITY, sum = 0.0;
    for (size_t k = 0; k < classes; k++) known += c->known[k];
    for (size_t k = 0; k < classes; k++)
        if (c->known[k] && z[k] > largest) largest = z[k];
    for (size_t k = 0; k < classes; k++) sum += c->known[k] ? exp(z[k] - largest) : 0.0;
    for (size_t k = 0; k < classes; k++) {
        double log_p = z[k] - largest - log(sum);
        double target = smoothing / known + ((int32_t)k == label ? 1.0 - smoothing : 0.0);
        g[k] = c->known[k] ? (float)((exp(log_p) - target) / divisor) : 0.0f;
        if (c->known[k]) total -= target * log_p;
    }
    return total;
}

/* Mean over the batch. */
static double cross_entropy(trainer *t) {
    size_t batch = (size_t)t->config->batch, classes = (size_t)t->job->classes;
    double total = 0.0;
    for (size_t i = 0; i < batch; i++)
        total += mnk_classifier_cross_entropy(t->c, t->logits + i * classes, t->label[i], t->config->label_smoothing,
                                              (double)batch, t->grad + i * classes);
    return total / (double)batch;
}

static mnk_status take_step(trainer *t, size_t step, mnk_error *err) {
    const mnk_classifier_config *config = t->config;
    mnk_rng dropout = mnk_rng_at(config->seed, MNK_PURPOSE_DROPOUT, step, 0);
    mnk_classifier_batches_at(t->batches, step, t->planes, t->label);
    mnk_plan_put(t->plan, t->c->input, t->planes);
    mnk_plan_refresh(t->plan, true);
    mnk_plan_forward(t->plan, config->dropout > 0.0 ? &dropout : NULL);
    mnk_plan_get(t->plan, t->c->logits, t->logits);
    t->loss = cross_entropy(t);
    if (!isfinite(t->loss)) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_FAILED, "classifier: the loss is not a finite number at step %zu", step + 1);
        mnk_error_hint(err, "try a smaller --rate");
        return status;
    }
    mnk_plan_put_grad(t->plan, t->c->logits, t->grad);
    mnk_plan_backward(t->plan, t->c->logits, MNK_BACK_WEIGHTS);
    mnk_adam adam = {mnk_classifier_one_cycle(config->rate, step, t->job->steps), 0.9, 0.99, 1e-8, config->weight_decay, 0.0};
    mnk_params_adam(t->c->params, &adam);
    return MNK_OK;
}

/* Running statistics from fixed training batches under the present weights; then the plan for use is up to date. */
static void settle(trainer *t) {
    mnk_plan_refresh(t->plan, false);
    mnk_plan_statistics_begin(t->plan);
    for (uint64_t i = 0; i < STATISTICS_BATCHES; i++) {
        mnk_classifier_batches_at(t->statistics, i, t->planes, t->label);
        mnk_plan_put(t->plan, t->c->input, t->planes);
        mnk_plan_forward(t->plan, NULL);
    }
    mnk_plan_statistics_end(t->plan);
    mnk_plan_refresh(t->c->plan, false);
}

/* Mean over classes of the mean -log p(label), so that a rare class weighs as much as a common one; and accuracy. */
static mnk_status validate(trainer *t, double *loss, double *accuracy, mnk_error *err) {
    const mnk_classifier_source *val = t->job->val;
    size_t classes = (size_t)t->job->classes, correct = 0, used = 0;
    double *sum;
    MNK_TRY(mnk_classifier_run_rows(t->c, val->images, val->row, val->n, t->val_prob, err));
    MNK_TRY(MNK_NEW(sum, 2 * classes, err));
    for (size_t i = 0; i < val->n; i++) {
        int32_t label = val->map[val->images->label[val->row[i]]];
        const float *p = t->val_prob + i * classes;
        size_t best = 0;
        for (size_t k = 1; k < classes; k++)
            if (p[k] > p[best]) best = k;
        correct += (int32_t)best == label;
        sum[label] -= log(fmax(p[label], 1e-12));
        sum[classes + (size_t)label] += 1.0;
    }
    *loss = 0.0;
    for (size_t k = 0; k < classes; k++)
        if (sum[classes + k] > 0.0) *loss += sum[k] / sum[classes + k], used++;
    *loss /= (double)used;
    *accuracy = (double)correct / (double)val->n;
    mnk_free(sum);
    return MNK_OK;
}

static void keep_weights(trainer *t) {
    memcpy(t->best_w, t->c->params->w, t->c->params->n * sizeof(real));
    if (t->c->params->n_state) memcpy(t->best_state, t->c->params->state, t->c->params->n_state * sizeof(real));
}

static void restore_weights(trainer *t) {
    memcpy(t->c->params->w, t->best_w, t->c->params->n * sizeof(real));
    if (t->c->params->n_state) memcpy(t->c->params->state, t->best_state, t->c->params->n_state * sizeof(real));
    mnk_plan_refresh(t->c->plan, false);
}

static mnk_status loop(trainer *t, const mnk_observer *observer, mnk_error *err) {
    const mnk_classifier_job *job = t->job;
    mnk_classifier_summary *s = &t->c->summary;
    bool validated = job->val && job->val->n > 0;
    size_t since_best = 0;
    char detail[128] = "";
    for (size_t step = 0; step < job->steps; step++) {
        if (mnk_observe_stopped(observer))
            return MNK_FAIL(err, MNK_ERR_INTERRUPTED, "training of the classifier was stopped at step %zu", step);
        MNK_TRY(take_step(t, step, err));
        s->steps = step + 1;
        bool last = step + 1 == job->steps;
        if (last || (validated && (step + 1) % job->epoch_steps == 0)) {
            double loss = NAN, accuracy = NAN;
            settle(t);
            if (validated) MNK_TRY(validate(t, &loss, &accuracy, err));
            if (!validated || isnan(s->val_loss) || loss < s->val_loss) {
                s->val_loss = loss, s->val_accuracy = accuracy, s->best_step = step + 1;
                keep_weights(t);
                since_best = 0;
            } else since_best++;
            if (validated)
                snprintf(detail, sizeof detail, "%sloss %.3f, validation loss %.3f, accuracy %.3f", job->label, t->loss, loss,
                         accuracy);
            if (job->stop_early && t->config->patience > 0 && since_best >= (size_t)t->config->patience) last = true;
        }
        mnk_observe_progress(observer, "step", (double)(step + 1), (double)job->steps, detail);
        if (last) break;
    }
    restore_weights(t);
    return MNK_OK;
}

static mnk_status open_trainer(trainer *t, mnk_error *err) {
    const mnk_classifier_config *config = t->config;
    const mnk_backend *kernels = mnk_backend_find(mnk_classifier_backend_name(config));
    size_t batch = (size_t)config->batch, classes = (size_t)t->job->classes;
    size_t pixels = (size_t)t->c->summary.channels * (size_t)t->c->summary.height * (size_t)t->c->summary.width;
    MNK_TRY(mnk_classifier_plan(t->c, mnk_classifier_backend_name(config), err)); /* also checks the backend */
    size_t need = mnk_plan_bytes(t->c->net, (int)config->batch, kernels, MNK_PLAN_TRAIN) + 3 * batch * pixels * sizeof(float);
    MNK_TRY(mnk_memory_require(need, "training the classifier", err));
    MNK_TRY(mnk_plan_open(t->c->net, t->c->params, (int)config->batch, kernels, MNK_PLAN_TRAIN, &t->plan, err));
    MNK_TRY(mnk_classifier_batches_open(t->job, config, STREAM_TRAIN, &t->batches, err));
    MNK_TRY(mnk_classifier_batches_open(t->job, config, STREAM_STATISTICS, &t->statistics, err));
    MNK_TRY(MNK_NEW_ALIGNED(t->planes, batch * pixels, err));
    MNK_TRY(MNK_NEW_ALIGNED(t->logits, batch * classes, err));
    MNK_TRY(MNK_NEW_ALIGNED(t->grad, batch * classes, err));
    MNK_TRY(MNK_NEW(t->label, batch, err));
    MNK_TRY(MNK_NEW(t->best_w, t->c->params->n, err));
    MNK_TRY(MNK_NEW(t->best_state, t->c->params->n_state + 1, err));
    return MNK_NEW(t->val_prob, (t->job->val ? t->job->val->n : 0) * classes + 1, err);
}

static void close_trainer(trainer *t) {
    mnk_plan_close(t->plan);
    mnk_classifier_batches_close(t->batches);
    mnk_classifier_batches_close(t->statistics);
    mnk_free(t->planes);
    mnk_free(t->logits);
    mnk_free(t->grad);
    mnk_free(t->label);
    mnk_free(t->best_w);
    mnk_free(t->best_state);
    mnk_free(t->val_prob);
}

mnk_status mnk_classifier_prepare(const mnk_classifier_job *job, const mnk_classifier_config *config, mnk_norm norm,
                                  mnk_classifier **out, mnk_error *err) {
    const mnk_images *shape = job->source[0].images;
    mnk_text text = {0};
    mnk_json json = {.text = &text, .compact = true};
    MNK_TRY(mnk_classifier_alloc(job->classes, job->class_names, out, err));
    mnk_classifier *c = *out;
    mnk_classifier_summary *s = &c->summary;
    s->height = shape->height, s->width = shape->width, s->channels = shape->channels, s->seed = config->seed;
    s->val_n = job->val ? job->val->n : 0;
    c->width = (int)config->width, c->stages = (int)config->stages, c->norm = norm;
    snprintf(s->train_hash, sizeof s->train_hash, "%s", job->train_hash ? job->train_hash : "");
    for (int i = 0; i < job->sources; i++) {
        const mnk_classifier_source *source = &job->source[i];
        s->train_n += source->n;
        MNK_TRY(mnk_classifier_check_images(c, source->images, "training images", err));
        for (size_t j = 0; j < source->n; j++) c->known[source->map[source->images->label[source->row[j]]]] = true;
    }
    if (s->val_n) MNK_TRY(mnk_classifier_check_images(c, job->val->images, "validation images", err));
    mnk_json_object(&json, NULL);
    mnk_options_write(mnk_classifier_options, config, &json);
    mnk_json_end_object(&json);
    c->settings_json = text.failed ? NULL : mnk_strdup(text.s);
    mnk_text_clear(&text);
    if (!c->settings_json) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the classifier's settings");
    return mnk_classifier_build(c, config->dropout, err);
}

mnk_status mnk_classifier_train_job(const mnk_classifier_job *job, const mnk_classifier_config *config,
                                    const mnk_observer *observer, mnk_classifier **out, mnk_error *err) {
    mnk_status status = MNK_OK;
    trainer t = {.job = job, .config = config};
    *out = NULL;
    MNK_OUT(mnk_classifier_prepare(job, config, MNK_NORM_BATCH, &t.c, err));
    MNK_OUT(open_trainer(&t, err));
    MNK_OUT(loop(&t, observer, err));
    *out = t.c;
    t.c = NULL;
out:
    close_trainer(&t);
    mnk_classifier_close(t.c);
    return status;
}

/* ---- the public entry: one source ---- */

mnk_status mnk_classifier_check_train(const mnk_images *train, mnk_error *err) {
    mnk_status status = MNK_OK;
    size_t *count, filled = 0;
    char empty[512] = "";
    MNK_TRY(MNK_NEW(count, (size_t)train->classes + 1, err));
    for (size_t i = 0; i < train->n && status == MNK_OK; i++) {
        if (train->label[i] < 0 || train->label[i] >= train->classes)
            status = MNK_FAIL(err, MNK_ERR_INPUT, "%.300s: image %zu has label %d of %d classes", train->source, i,
                              train->label[i], train->classes);
        else count[train->label[i]]++;
    }
    for (int k = 0; k < train->classes && status == MNK_OK; k++) {
        size_t used = strlen(empty);
        filled += count[k] > 0;
        if (!count[k]) snprintf(empty + used, sizeof empty - used, "%s%.60s", used ? ", " : "", train->class_names[k]);
    }
    mnk_free(count);
    MNK_TRY(status);
    if (train->n == 0 || filled < 2 || train->classes > MNK_CLASSIFIER_CLASSES_MAX) {
        status = MNK_FAIL(err, MNK_ERR_INPUT,
                          "%.300s: %zu images in %zu of %d classes; a classifier needs 2 to %d classes with images",
                          train->source, train->n, filled, train->classes, MNK_CLASSIFIER_CLASSES_MAX);
        mnk_error_hint(err, "the label is the folder name (DIR/<class>/*.png) or the manifest's label column");
        return status;
    }
    if (*empty) return MNK_FAIL(err, MNK_ERR_INPUT, "%.300s: no images of class %.500s", train->source, empty);
    return MNK_OK;
}

static mnk_status all_rows(size_t n, size_t **out, mnk_error *err) {
    MNK_TRY(MNK_NEW(*out, n + 1, err));
    for (size_t i = 0; i < n; i++) (*out)[i] = i;
    return MNK_OK;
}

mnk_status mnk_classifier_train(const mnk_images *train, const mnk_images *val, const mnk_classifier_config *config,
                                const mnk_observer *observer, mnk_classifier **out, mnk_error *err) {
    mnk_status status = MNK_OK;
    size_t *row[2] = {NULL, NULL}, n[2] = {0, 0};
    int32_t *map[2] = {NULL, NULL};
    *out = NULL;
    MNK_TRY(mnk_classifier_config_check(config, err));
    MNK_TRY(mnk_classifier_check_train(train, err));
    MNK_OUT(MNK_NEW(map[0], (size_t)train->classes, err));
    MNK_OUT(MNK_NEW(map[1], (size_t)(val ? val->classes : train->classes) + 1, err));
    MNK_OUT(mnk_classifier_match(train, "training images", train->classes, train->class_names, map[0], err));
    if (val) {
        MNK_OUT(mnk_classifier_match(val, "validation images", train->classes, train->class_names, map[1], err));
        n[0] = train->n, n[1] = val->n;
        MNK_OUT(all_rows(n[0], &row[0], err));
        MNK_OUT(all_rows(n[1], &row[1], err));
    } else {
        memcpy(map[1], map[0], (size_t)train->classes * sizeof **map);
        MNK_OUT(mnk_classifier_cut(train, config->val_share, config->seed, &row[0], &n[0], &row[1], &n[1], err));
        if (n[1] == 0 && config->val_share > 0.0)
            mnk_observe_log(observer, MNK_LOG_WARNING,
                            "%s: too few images or groups to cut a validation set; the last weights are kept", train->source);
    }
    mnk_classifier_source source = {train, row[0], n[0], map[0], 1.0, config->balanced};
    mnk_classifier_source held = {val ? val : train, row[1], n[1], map[1], 1.0, false};
    mnk_classifier_job job = {.classes = train->classes,
                              .class_names = (const char *const *)train->class_names,
                              .source = &source,
                              .sources = 1,
                              .val = &held,
                              .stop_early = true,
                              .train_hash = train->hash,
                              .label = ""};
    job.epoch_steps = (n[0] + (size_t)config->batch - 1) / (size_t)config->batch;
    job.steps = config->steps ? (size_t)config->steps : (size_t)config->epochs * job.epoch_steps;
    MNK_OUT(mnk_classifier_train_job(&job, config, observer, out, err));
out:
    for (int i = 0; i < 2; i++) mnk_free(row[i]), mnk_free(map[i]);
    return status;
}
