/* The yardstick classifier and the statistics behind it: a training step, prediction, one AUC, a bootstrap replicate. */
#include "bench.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "manikin/classifier.h"
#include "math/auc.h"
#include "math/stats.h"

static mnk_images *noise(size_t n, int size) {
    mnk_images *d = NULL;
    if (mnk_images_new(n, size, size, 3, 8, NULL, &d, NULL) != MNK_OK) return NULL;
    mnk_rng rng = mnk_rng_at(1, MNK_PURPOSE_TEST, 0, 0);
    for (size_t i = 0; i < n * (size_t)(size * size * 3); i++) d->pixels8[i] = (uint8_t)mnk_rng_u32(&rng);
    for (size_t i = 0; i < n; i++) d->label[i] = (int32_t)(i % 8);
    return d;
}

typedef struct use {
    mnk_classifier *c;
    const mnk_images *d;
    float *prob;
} use;

static void predict(void *ctx) {
    use *u = ctx;
    if (mnk_classifier_predict(u->c, u->d, u->prob, NULL) != MNK_OK) u->prob[0] = -1;
}

/* Step time from two runs of different length, so that opening and closing cancel. */
static int step_and_predict(int size, int threads, double seconds) {
    enum { N = 512 };
    mnk_images *d = noise(N, size);
    mnk_classifier_config config;
    mnk_classifier_defaults(&config);
    config.val_share = 0;
    double wall[2], macs = 0;
    float *prob = mnk_alloc(N * 8, sizeof *prob);
    int64_t steps[2] = {10, 30};
    if (!d || !prob) return 1;
    for (int i = 0; i < 2; i++) {
        mnk_classifier *c;
        config.steps = steps[i];
        double begin = bench_now_s();
        if (mnk_classifier_train(d, NULL, &config, NULL, &c, NULL) != MNK_OK) return 1;
        wall[i] = bench_now_s() - begin;
        macs = mnk_classifier_describe(c).macs;
        use u = {c, d, prob};
        if (i == 1) {
            double step = (wall[1] - wall[0]) / (double)(steps[1] - steps[0]), once = bench_best_s(seconds, predict, &u);
            printf("classifier %3d px  %d threads  step of 64 %7.1f ms %6.1f GFLOP/s   predict %7.0f images/s\n", size, threads,
                   1e3 * step, 6e-9 * macs * 64 / step, N / once);
        }
        mnk_classifier_close(c);
    }
    mnk_images_close(d);
    mnk_free(prob);
    return 0;
}

typedef struct ranking {
    double *score;
    uint8_t *positive;
    size_t n;
} ranking;

static void one_auc(void *ctx) {
    ranking *r = ctx;
    mnk_auc a;
    if (mnk_auc_delong(r->score, r->positive, r->n, NULL, &a, NULL) != MNK_OK) r->n = 0;
}

int main(int argc, char **argv) {
    bench_options o;
    bench_parse(argc, argv, &o);
    for (int threads = 1; threads <= o.threads; threads *= 2) {
        mnk_threads_set(threads);
        for (int size = 32; size <= 64; size *= 2)
            if (step_and_predict(size, threads, o.seconds)) return 1;
    }
    ranking r = {mnk_alloc(100000, sizeof(double)), mnk_alloc(100000, 1), 100000};
    if (!r.score || !r.positive) return 1;
    mnk_rng rng = mnk_rng_at(1, MNK_PURPOSE_TEST, 1, 0);
    for (size_t i = 0; i < r.n; i++) r.score[i] = mnk_rng_normal(&rng) + (r.positive[i] = i % 3 == 0);
    printf("AUC with DeLong variance, 100,000 scores      %7.1f ms\n", 1e3 * bench_best_s(o.seconds, one_auc, &r));
    mnk_free(r.score), mnk_free(r.positive);
    return 0;
}
