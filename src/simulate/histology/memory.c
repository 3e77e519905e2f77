/* Many tiles: in memory, in batches, on all threads. */
#include <stdio.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "simulate/histology/histology.h"

typedef struct job {
    const mnk_histology_config *config;
    uint64_t seed;
    mnk_images *out;
    mnk_histology_params *params;
    mnk_histology_class k[MNK_HISTOLOGY_CLASSES];
    size_t base;
    mnk_error *errors; /* one per item of the batch */
} job;

static void one(void *ctx, size_t j) {
    job *w = ctx;
    size_t i = w->base + j, bytes = (size_t)w->out->height * w->out->width * 3;
    mnk_histology_params p;
    mnk_error_clear(&w->errors[j]);
    mnk_status status = mnk_histology_image(w->config, w->seed, i, w->k[w->out->label[i]], w->out->pixels8 + i * bytes, NULL,
                                            &p, &w->errors[j]);
    if (status != MNK_OK) return;
    w->out->group[i] = (int32_t)(w->out->label[i] * w->config->persons + (int64_t)p.person);
    if (w->params) w->params[i] = p;
}

enum { BATCH = 64 }; /* tiles between two looks at the observer */

mnk_status mnk_simulate_histology(const mnk_histology_config *config, uint64_t seed, size_t n, const mnk_observer *observer,
                                  mnk_images **out, mnk_histology_params *params, mnk_error *err) {
    MNK_TRY(mnk_histology_check(config, err));
    if (n == 0) return MNK_FAIL(err, MNK_ERR_USAGE, "histology: no tiles asked for");
    job w = {.config = config, .seed = seed, .params = params};
    mnk_images *d = NULL;
    mnk_status status;
    const char *names[MNK_HISTOLOGY_CLASSES];
    int classes = mnk_histology_labels(config, w.k);
    for (int k = 0; k < classes; k++) names[k] = mnk_histology_class_names[w.k[k]];
    MNK_OUT(mnk_images_new(n, (int)config->size, (int)config->size, 3, classes, names, &d, err));
    if (!d->group) MNK_OUT(MNK_NEW(d->group, n, err));
    MNK_OUT(MNK_NEW(w.errors, BATCH, err));
    MNK_OUT(mnk_histology_deal(config, n, d->label, err));
    w.out = d;
    d->synthetic = true;
    for (w.base = 0; w.base < n; w.base += BATCH) {
        size_t m = n - w.base < BATCH ? n - w.base : BATCH;
        mnk_observe_progress(observer, "tile", (double)w.base, (double)n, "");
        if (mnk_observe_stopped(observer))
            MNK_OUT(MNK_FAIL(err, MNK_ERR_INTERRUPTED, "histology: stopped after %zu of %zu tiles", w.base, n));
        mnk_parallel_for(m, one, &w);
        for (size_t j = 0; j < m; j++)
            if (w.errors[j].code != MNK_OK) {
                if (err && err->code == MNK_OK) *err = w.errors[j];
                MNK_OUT(w.errors[j].code);
            }
    }
    mnk_observe_progress(observer, "tile", (double)n, (double)n, "");
    (void)snprintf(d->source, sizeof d->source, "phantom:histology");
    mnk_images_rehash(d);
    *out = d;
    d = NULL;
out:
    mnk_free(w.errors);
    mnk_images_close(d);
    return status;
}
