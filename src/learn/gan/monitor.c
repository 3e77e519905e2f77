#include "learn/gan/monitor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

mnk_status mnk_gan_spread_open(size_t volume, mnk_gan_spread *out, mnk_error *err) {
    *out = (mnk_gan_spread){.volume = volume};
    mnk_status status = MNK_NEW(out->sum, volume, err);
    return status == MNK_OK ? MNK_NEW(out->square, volume, err) : status;
}

void mnk_gan_spread_close(mnk_gan_spread *s) {
    if (!s) return;
    mnk_free(s->sum);
    mnk_free(s->square);
    *s = (mnk_gan_spread){0};
}

void mnk_gan_spread_reset(mnk_gan_spread *s) {
    s->n = 0;
    memset(s->sum, 0, s->volume * sizeof *s->sum);
    memset(s->square, 0, s->volume * sizeof *s->square);
}

void mnk_gan_spread_add(mnk_gan_spread *s, const float *image) {
    s->n++;
    for (size_t i = 0; i < s->volume; i++) {
        s->sum[i] += image[i];
        s->square[i] += (double)image[i] * image[i];
    }
}

double mnk_gan_spread_value(const mnk_gan_spread *s) {
    if (s->n < 2) return NAN;
    double total = 0, n = (double)s->n;
    for (size_t i = 0; i < s->volume; i++) {
        double variance = (s->square[i] - s->sum[i] * s->sum[i] / n) / (n - 1);
        total += variance > 0 ? sqrt(variance) : 0;
    }
    return total / (double)s->volume;
}

double mnk_gan_mean_variety(const double *variety, int classes) {
    double sum = 0;
    int n = 0;
    for (int c = 0; c < classes; c++)
        if (isfinite(variety[c])) sum += variety[c], n++;
    return n ? sum / n : NAN;
}

static int warn_collapse(mnk_gan_watch *watch, const mnk_gan_signs *s, char out[512]) {
    int worst = -1, low = 0;
    for (int c = 0; c < s->classes; c++) {
        if (!(s->variety[c] < MNK_GAN_COLLAPSED)) continue; /* NaN: not estimable */
        low++;
        if (worst < 0 || s->variety[c] < s->variety[worst]) worst = c;
    }
    bool was = watch->collapsed;
    watch->collapsed = low > 0;
    if (!low || was) return 0;
    char advice[128];
    if (s->pack < 8) snprintf(advice, sizeof advice, "try --pack %d, or --augment-start 50", s->pack < 4 ? 4 : 8);
    else snprintf(advice, sizeof advice, "try --augment-start 50, or a lower --rate-g");
    snprintf(out, 512,
             "collapse inside %d of %d classes at %.0f kimg: images of \"%s\" vary %.0f %% as much as its training images; %s",
             low, s->classes, s->kimg, s->class_names ? s->class_names[worst] : "", 100 * s->variety[worst], advice);
    return 1;
}

/* A slow loss of variety, long before it counts as collapse. */
static int warn_fall(mnk_gan_watch *watch, const mnk_gan_signs *s, char out[512]) {
    double mean = mnk_gan_mean_variety(s->variety, s->classes);
    if (isnan(mean)) return 0;
    watch->peak_variety = fmax(watch->peak_variety, fmin(1, mean));
    bool was = watch->fallen;
    watch->fallen = mean < MNK_GAN_FALLEN * watch->peak_variety;
    if (!watch->fallen || was || watch->collapsed) return 0; /* collapse has been told already */
    snprintf(out, 512,
             "variety inside the classes has fallen to %.2f of the training images' at %.0f kimg, from %.2f; --keep best hands "
             "out an earlier snapshot, --patience 200 would stop in such a case",
             mean, s->kimg, watch->peak_variety);
    return 1;
}

static int warn_balance(mnk_gan_watch *watch, const mnk_gan_signs *s, char (*out)[512], int max) {
    bool powerless = s->d_loss > 0.98 * s->powerless_loss, overpowering = s->d_loss < 0.02 * s->powerless_loss;
    int n = 0;
    if (powerless && !watch->powerless && n < max)
        snprintf(out[n++], 512,
                 "the discriminator tells real from generated hardly better than chance at %.0f kimg (loss %.3f of %.3f): the "
                 "generator learns little; try a higher --rate-d, a lower --r1, or fewer kinds in --augment",
                 s->kimg, s->d_loss, s->powerless_loss);
    if (overpowering && !watch->overpowering && n < max)
        snprintf(
            out[n++], 512,
            "the discriminator is almost never wrong at %.0f kimg (loss %.4f of %.3f): the generator gets no direction; try "
            "more kinds in --augment, --spectral, --r1 0.1, or a lower --rate-d",
            s->kimg, s->d_loss, s->powerless_loss);
    watch->powerless = powerless;
    watch->overpowering = overpowering;
    return n;
}

int mnk_gan_warnings(mnk_gan_watch *watch, const mnk_gan_signs *signs, char (*out)[512], int max) {
    if (signs->kimg < MNK_GAN_QUIET_KIMG || max < 1) return 0;
    int n = warn_collapse(watch, signs, out[0]);
    if (n < max) n += warn_fall(watch, signs, out[n]);
    return n + warn_balance(watch, signs, out + n, max - n);
}
