#include "math/fft_long.h"

#include <math.h>

#include "base/mem.h"

/* e^(-2 pi i k / n) for k < n/4, from angles below pi/4 only. */
static void fill_quarter(size_t n, double *cosine, double *sine) {
    for (size_t k = 0; k < n / 4; k++) {
        const size_t m = k <= n / 8 ? k : n / 4 - k;
        const double angle = 2 * M_PI * (double)m / (double)n, c = cos(angle), s = sin(angle);
        cosine[k] = m == k ? c : s;
        sine[k] = m == k ? -s : -c;
    }
}

mnk_status mnk_fft_long_open(int log2n, mnk_fft_long *out, mnk_error *err) {
    *out = (mnk_fft_long){.log2n = log2n};
    if (log2n < 0 || log2n > MNK_FFT_LONG_MAX_LOG2)
        return MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "Fourier transform of length 2^%d", log2n);
    size_t size = 1;
    for (size_t n = (size_t)1 << log2n; n >= 4; n /= 4) size += n / 4;
    MNK_TRY(MNK_NEW_ALIGNED(out->cosine, size, err));
    out->sine = mnk_alloc_aligned(size, sizeof *out->sine);
    if (!out->sine) {
        mnk_fft_long_close(out);
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory: Fourier transform of length 2^%d", log2n);
    }
    double *c = out->cosine, *s = out->sine;
    for (size_t n = (size_t)1 << log2n; n >= 4; n /= 4) {
        if (c == out->cosine) fill_quarter(n, c, s);
        else
            for (size_t k = 0; k < n / 4; k++) c[k] = (c - n)[4 * k], s[k] = (s - n)[4 * k]; /* every 4th of the table before */
        c += n / 4, s += n / 4;
    }
    return MNK_OK;
}

void mnk_fft_long_close(mnk_fft_long *f) {
    mnk_free(f->cosine);
    mnk_free(f->sine);
    *f = (mnk_fft_long){0};
}

/* Two radix-2 steps of decimation in frequency at once, quarters kept in bit-reversed order (0, 2, 1, 3). */
static void split4(size_t q, const double *restrict c, const double *restrict s, double *restrict re, double *restrict im) {
    double *r1 = re + q, *r2 = re + 2 * q, *r3 = re + 3 * q, *i1 = im + q, *i2 = im + 2 * q, *i3 = im + 3 * q;
#pragma GCC ivdep
    for (size_t k = 0; k < q; k++) {
        const double w1r = c[k], w1i = s[k], w2r = w1r * w1r - w1i * w1i, w2i = 2 * w1r * w1i;
        const double w3r = w1r * w2r - w1i * w2i, w3i = w1r * w2i + w1i * w2r;
        const double ar = re[k] + r2[k], ai = im[k] + i2[k], br = re[k] - r2[k], bi = im[k] - i2[k];
        const double cr = r1[k] + r3[k], ci = i1[k] + i3[k], dr = i1[k] - i3[k], di = r3[k] - r1[k]; /* -i (x1 - x3) */
        const double er = ar - cr, ei = ai - ci, fr = br + dr, fi = bi + di, gr = br - dr, gi = bi - di;
        re[k] = ar + cr, im[k] = ai + ci;
        r1[k] = er * w2r - ei * w2i, i1[k] = er * w2i + ei * w2r;
        r2[k] = fr * w1r - fi * w1i, i2[k] = fr * w1i + fi * w1r;
        r3[k] = gr * w3r - gi * w3i, i3[k] = gr * w3i + gi * w3r;
    }
}

/* Its inverse, times 4. */
static void join4(size_t q, const double *restrict c, const double *restrict s, double *restrict re, double *restrict im) {
    double *r1 = re + q, *r2 = re + 2 * q, *r3 = re + 3 * q, *i1 = im + q, *i2 = im + 2 * q, *i3 = im + 3 * q;
#pragma GCC ivdep
    for (size_t k = 0; k < q; k++) {
        const double w1r = c[k], w1i = -s[k], w2r = w1r * w1r - w1i * w1i, w2i = 2 * w1r * w1i;
        const double w3r = w1r * w2r - w1i * w2i, w3i = w1r * w2i + w1i * w2r;
        const double er = r1[k] * w2r - i1[k] * w2i, ei = r1[k] * w2i + i1[k] * w2r;
        const double fr = r2[k] * w1r - i2[k] * w1i, fi = r2[k] * w1i + i2[k] * w1r;
        const double gr = r3[k] * w3r - i3[k] * w3i, gi = r3[k] * w3i + i3[k] * w3r;
        const double ar = re[k] + er, ai = im[k] + ei, cr = re[k] - er, ci = im[k] - ei;
        const double br = fr + gr, bi = fi + gi, dr = fr - gr, di = fi - gi; /* d is -2i (x1 - x3): x1 - x3 = i d / 2 */
        re[k] = ar + br, im[k] = ai + bi;
        r2[k] = ar - br, i2[k] = ai - bi;
        r1[k] = cr - di, i1[k] = ci + dr;
        r3[k] = cr + di, i3[k] = ci - dr;
    }
}

static void pair(double *re, double *im) {
    const double r = re[1], i = im[1];
    re[1] = re[0] - r, im[1] = im[0] - i;
    re[0] += r, im[0] += i;
}

/* Depth first: once a block fits the cache it is finished there. */
static void forward(size_t n, const double *c, const double *s, double *re, double *im) {
    if (n == 2) pair(re, im);
    if (n < 4) return;
    const size_t q = n / 4;
    split4(q, c, s, re, im);
    for (size_t k = 0; k < 4 && q > 1; k++) forward(q, c + q, s + q, re + k * q, im + k * q);
}

static void inverse(size_t n, const double *c, const double *s, double *re, double *im) {
    if (n == 2) pair(re, im);
    if (n < 4) return;
    const size_t q = n / 4;
    for (size_t k = 0; k < 4 && q > 1; k++) inverse(q, c + q, s + q, re + k * q, im + k * q);
    join4(q, c, s, re, im);
}

void mnk_fft_long_forward(const mnk_fft_long *f, double *re, double *im) {
    forward((size_t)1 << f->log2n, f->cosine, f->sine, re, im);
}

void mnk_fft_long_inverse(const mnk_fft_long *f, double *re, double *im) {
    const size_t n = (size_t)1 << f->log2n;
    inverse(n, f->cosine, f->sine, re, im);
    for (size_t k = 0; k < n; k++) re[k] /= (double)n, im[k] /= (double)n;
}
