/* The convolutions of the GANs, each pass: oneDNN's direct kernel against Winograd and, for images, our own kernel, as
 * GFLOP/s of the direct algorithm. The fixed rules in winograd.c and backend_onednn.c were set from this table. */
#include "bench.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "nn/conv_direct.h"
#include "nn/conv_image.h"
#include "nn/winograd.h"

static const struct {
    const char *net;
    int n, ic, size, oc, k, stride;
} layers[] = {
    {"64px w64", 64, 3, 64, 64, 4, 2},    {"64px w64", 64, 64, 32, 128, 4, 2}, {"64px w64", 64, 128, 16, 256, 4, 2},
    {"64px w64", 64, 256, 8, 512, 4, 2},  {"64px w32", 64, 3, 64, 32, 4, 2},   {"64px w32", 64, 32, 32, 64, 4, 2},
    {"64px w32", 64, 64, 16, 128, 4, 2},  {"64px w32", 64, 128, 8, 256, 4, 2}, {"32px w32", 64, 3, 32, 32, 4, 2},
    {"32px w32", 64, 32, 16, 64, 4, 2},   {"32px w32", 64, 64, 8, 128, 4, 2},  {"residual", 64, 64, 32, 64, 3, 1},
    {"residual", 64, 128, 16, 128, 3, 1}, {"residual", 64, 256, 8, 256, 3, 1}, {"residual", 64, 32, 32, 32, 3, 1},
};

typedef struct subject {
    mnk_conv_direct *direct;
    mnk_winograd *winograd;
    mnk_conv_image *image;
    int pass;
    float *x, *y, *w;
    void *scratch;
} subject;

static void run_direct(void *ctx) {
    subject *s = ctx;
    if (s->pass == MNK_PASS_FWD) mnk_conv_direct_fwd(s->direct, s->x, s->y, s->scratch);
    if (s->pass == MNK_PASS_BWD_DATA) mnk_conv_direct_bwd_data(s->direct, s->y, s->x, s->scratch);
    if (s->pass == MNK_PASS_BWD_WEIGHTS) mnk_conv_direct_bwd_weights(s->direct, s->x, s->y, s->w, false, s->scratch);
}

static void run_winograd(void *ctx) {
    subject *s = ctx;
    if (s->pass == MNK_PASS_FWD) mnk_winograd_fwd(s->winograd, s->x, s->y, s->scratch);
    if (s->pass == MNK_PASS_BWD_DATA) mnk_winograd_bwd_data(s->winograd, s->y, s->x, s->scratch);
    if (s->pass == MNK_PASS_BWD_WEIGHTS) mnk_winograd_bwd_weights(s->winograd, s->x, s->y, s->w, false, s->scratch);
}

static void run_image(void *ctx) {
    subject *s = ctx;
    if (s->pass == MNK_PASS_FWD) mnk_conv_image_fwd(s->image, s->x, s->y, s->scratch);
    if (s->pass == MNK_PASS_BWD_DATA) mnk_conv_image_bwd_data(s->image, s->y, s->x, s->scratch);
    if (s->pass == MNK_PASS_BWD_WEIGHTS) mnk_conv_image_bwd_weights(s->image, s->x, s->y, s->w, false, s->scratch);
}

static void prepare_weights(void *ctx) {
    subject *s = ctx;
    if (s->winograd) mnk_winograd_weights(s->winograd, s->w);
}

static void report_pass(subject *s, const mnk_conv_shape *shape, int pass, const bench_options *o, double peak) {
    static const char *const names[] = {"forward", "data", "weights"};
    s->pass = pass;
    double gflop = 2e-9 * shape->n * shape->oh * shape->ow * (double)shape->oc * shape->ic * shape->k * shape->k;
    double direct = bench_best_s(o->seconds, run_direct, s);
    printf("  %-8s %7.2f ms %6.1f GFLOP/s %3.0f %%", names[pass], direct * 1e3, gflop / direct, 100 * gflop / direct / peak);
    for (int i = 0; i < 2; i++) {
        if (i ? !s->image : !s->winograd) continue;
        double other = bench_best_s(o->seconds, i ? run_image : run_winograd, s);
        printf("   %s %7.2f ms %6.1f GFLOP/s %3.0f %% %5.2fx", i ? "image" : "Winograd", other * 1e3, gflop / other,
               100 * gflop / other / peak, direct / other);
    }
    printf("  %s\n", s->image ? "-> image" : mnk_winograd_wins(shape, (mnk_pass)pass) ? "-> Winograd" : "-> direct");
}

static int report_layer(size_t i, const bench_options *o, double peak) {
    mnk_error err = MNK_ERROR_INIT;
    int k = layers[i].k, stride = layers[i].stride, size = layers[i].size, out = size / stride;
    mnk_conv_shape shape = {layers[i].n, layers[i].ic, size, size, layers[i].oc, out, out, k, stride, 1};
    subject s = {0};
    if (mnk_conv_direct_open(&shape, true, true, true, &s.direct, &err) != MNK_OK ||
        (mnk_winograd_possible(&shape) && mnk_winograd_open(&shape, true, &s.winograd, &err) != MNK_OK) ||
        (mnk_conv_image_possible(&shape) && mnk_conv_image_open(&shape, &s.image, &err) != MNK_OK)) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    size_t nx = (size_t)shape.n * mnk_padded(shape.ic) * size * size, ny = (size_t)shape.n * mnk_padded(shape.oc) * out * out;
    size_t nw = (size_t)k * k * shape.ic * shape.oc, bytes = mnk_conv_direct_scratch_bytes(s.direct);
    if (s.winograd && mnk_winograd_scratch_bytes(s.winograd) > bytes) bytes = mnk_winograd_scratch_bytes(s.winograd);
    if (s.image && mnk_conv_image_scratch_bytes(s.image) > bytes) bytes = mnk_conv_image_scratch_bytes(s.image);
    s.x = mnk_alloc_aligned(nx, 4), s.y = mnk_alloc_aligned(ny, 4), s.w = mnk_alloc_aligned(nw, 4),
    s.scratch = mnk_alloc_aligned(bytes, 1);
    if (!s.x || !s.y || !s.w || !s.scratch) return 1;
    for (size_t j = 0; j < nx; j++) s.x[j] = (float)(j % 7) * 0.1f - 0.3f;
    for (size_t j = 0; j < ny; j++) s.y[j] = (float)(j % 5) * 0.1f - 0.2f;
    for (size_t j = 0; j < nw; j++) s.w[j] = (float)(j % 11) * 0.01f - 0.05f;
    mnk_conv_direct_weights(s.direct, s.w);
    printf("%s  %d x %dx%dx%d -> %d, k%d s%d, scratch %.1f MB", layers[i].net, shape.n, shape.ic, size, size, shape.oc, k,
           stride, (double)bytes * 1e-6);
    if (s.winograd) printf(", weights %.2f ms", 1e3 * bench_best_s(0.02, prepare_weights, &s));
    printf("\n");
    for (int pass = 0; pass < 3; pass++) {
        mnk_conv_direct_weights(s.direct, s.w);
        report_pass(&s, &shape, pass, o, peak);
    }
    mnk_conv_direct_close(s.direct);
    mnk_winograd_close(s.winograd);
    mnk_conv_image_close(s.image);
    mnk_free(s.x), mnk_free(s.y), mnk_free(s.w), mnk_free(s.scratch);
    return 0;
}

int main(int argc, char **argv) {
    bench_options o;
    int operand = bench_parse(argc, argv, &o);
    double peak = bench_peak_gflops();
    printf("peak %.1f GFLOP/s on %d threads; rates of oneDNN, then of the alternatives\n", peak, o.threads);
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        if ((operand >= argc || strstr(layers[i].net, argv[operand])) && report_layer(i, &o, peak)) return 1;
    return 0;
}
