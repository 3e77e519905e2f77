/* Tiles per second of the histology phantom, per subtype and size. */
#include <stdio.h>
#include <stdlib.h>

#include "base/parallel.h"
#include "bench.h"
#include "manikin/simulate.h"

enum { BATCH = 48 };

typedef struct job {
    mnk_histology_config config;
    mnk_histology_class k;
    uint8_t *rgb;
    int failed;
} job;

static void one(void *ctx, size_t i) {
    job *w = ctx;
    size_t bytes = (size_t)(w->config.size * w->config.size * 3);
    if (mnk_histology_image(&w->config, 1, i, w->k, w->rgb + i * bytes, NULL, NULL, NULL) != MNK_OK) w->failed = 1;
}

static void batch(void *ctx) { mnk_parallel_for(BATCH, one, ctx); }

int main(int argc, char **argv) {
    static const struct {
        int64_t size;
        double um;
    } shapes[] = {{32, 2}, {64, 1}, {128, 0.5}, {128, 1}};
    bench_options o;
    bench_parse(argc, argv, &o);
    printf("%-28s %8s  (%d threads)\n", "histology phantom", "tiles/s", o.threads);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        double seconds = 0;
        for (int k = 0; k < MNK_HISTOLOGY_CLASSES; k++) {
            job w = {.k = (mnk_histology_class)k};
            mnk_histology_defaults(&w.config);
            w.config.size = shapes[i].size;
            w.config.pixel_um = shapes[i].um;
            w.rgb = malloc(BATCH * (size_t)(w.config.size * w.config.size * 3));
            if (!w.rgb) return 1;
            double s = bench_best_s(o.seconds, batch, &w);
            free(w.rgb);
            if (w.failed) return 1;
            seconds += s;
            printf("%4lld px %4.1f um  %-13s %8.0f\n", (long long)shapes[i].size, shapes[i].um, mnk_histology_class_names[k],
                   BATCH / s);
        }
        printf("%4lld px %4.1f um  %-13s %8.0f\n", (long long)shapes[i].size, shapes[i].um, "all three", 3 * BATCH / seconds);
    }
    return 0;
}
