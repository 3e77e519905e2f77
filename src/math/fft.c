#include "math/fft.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

enum { L = MNK_FFT_LANES };

mnk_status mnk_fft_open(int n, mnk_fft *out, mnk_error *err) {
    *out = (mnk_fft){.n = n};
    if (n < 1 || n > 1 << 16) return MNK_FAIL(err, MNK_ERR_INPUT, "Fourier transform of length %d", n);
    MNK_TRY(MNK_NEW(out->cosine, n, err));
    out->sine = mnk_alloc((size_t)n, sizeof *out->sine);
    if (!out->sine) {
        mnk_fft_close(out);
        return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
    }
    for (int k = 0; k < n; k++) {
        out->cosine[k] = (float)cos(2 * M_PI * k / n);
        out->sine[k] = (float)sin(2 * M_PI * k / n);
    }
    int rest = n;
    while (rest % 4 == 0) out->factor[out->factors++] = 4, rest /= 4;
    for (int p = 2; rest > 1; p++)
        while (rest % p == 0) out->factor[out->factors++] = p, rest /= p;
    return MNK_OK;
}

void mnk_fft_close(mnk_fft *f) {
    if (!f) return;
    mnk_free(f->cosine);
    mnk_free(f->sine);
    *f = (mnk_fft){0};
}

/* One Stockham step of radix p (Van Loan 1992, "Computational frameworks for the FFT", 1.7): blocks of length `done` that
 * are transformed already are joined p by p. Element (q, j) of the input stands at q*done' ..., see indices. */
static void step(const mnk_fft *f, int sign, int p, int done, const float *ar, const float *ai, float *br, float *bi) {
    const int n = f->n, groups = n / (done * p);
    for (int g = 0; g < groups; g++)
        for (int j = 0; j < done; j++)
            for (int q = 0; q < p; q++) { /* output index j + done*q of the joined block */
                float sr[L] = {0}, si[L] = {0};
                for (int r = 0; r < p; r++) {
                    const int t = (int)((long long)r * (j + (long long)done * q) * groups % n);
                    const float c = f->cosine[t], s = sign < 0 ? -f->sine[t] : f->sine[t];
                    const float *xr = ar + ((size_t)(r * groups + g) * (size_t)done + (size_t)j) * L;
                    const float *xi = ai + ((size_t)(r * groups + g) * (size_t)done + (size_t)j) * L;
                    for (int l = 0; l < L; l++) {
                        sr[l] += c * xr[l] - s * xi[l];
                        si[l] += c * xi[l] + s * xr[l];
                    }
                }
                float *yr = br + ((size_t)g * (size_t)(done * p) + (size_t)(j + done * q)) * L;
                float *yi = bi + ((size_t)g * (size_t)(done * p) + (size_t)(j + done * q)) * L;
                memcpy(yr, sr, sizeof sr);
                memcpy(yi, si, sizeof si);
            }
}

/* Radix 4 with its sixteen products by 1, i, -1, -i written out. */
static void step4(const mnk_fft *f, int sign, int done, const float *restrict ar, const float *restrict ai, float *restrict br,
                  float *restrict bi) {
    const int groups = f->n / (done * 4);
    const float w = sign < 0 ? -1.0f : 1.0f;
    for (int g = 0; g < groups; g++)
        for (int j = 0; j < done; j++) {
            float xr[4][L], xi[4][L];
            for (int r = 0; r < 4; r++) {
                const int t = r * j * groups;
                const float c = f->cosine[t], s = w * f->sine[t];
                const size_t at = ((size_t)(r * groups + g) * (size_t)done + (size_t)j) * L;
                for (int l = 0; l < L; l++) {
                    xr[r][l] = c * ar[at + (size_t)l] - s * ai[at + (size_t)l];
                    xi[r][l] = c * ai[at + (size_t)l] + s * ar[at + (size_t)l];
                }
            }
            const size_t out = ((size_t)g * (size_t)done * 4 + (size_t)j) * L, stride = (size_t)done * L;
            for (size_t l = 0; l < L; l++) {
                const float er = xr[0][l] + xr[2][l], ei = xi[0][l] + xi[2][l], dr = xr[0][l] - xr[2][l],
                            di = xi[0][l] - xi[2][l];
                const float fr = xr[1][l] + xr[3][l], fi = xi[1][l] + xi[3][l];
                const float hr = -w * (xi[1][l] - xi[3][l]), hi = w * (xr[1][l] - xr[3][l]); /* sign * i * (x1 - x3) */
                br[out + l] = er + fr, bi[out + l] = ei + fi;
                br[out + stride + l] = dr + hr, bi[out + stride + l] = di + hi;
                br[out + 2 * stride + l] = er - fr, bi[out + 2 * stride + l] = ei - fi;
                br[out + 3 * stride + l] = dr - hr, bi[out + 3 * stride + l] = di - hi;
            }
        }
}

static void step2(const mnk_fft *f, int sign, int done, const float *restrict ar, const float *restrict ai, float *restrict br,
                  float *restrict bi) {
    const int groups = f->n / (done * 2);
    const float w = sign < 0 ? -1.0f : 1.0f;
    for (int g = 0; g < groups; g++)
        for (int j = 0; j < done; j++) {
            const float c = f->cosine[j * groups], s = w * f->sine[j * groups];
            const size_t a = ((size_t)g * (size_t)done + (size_t)j) * L,
                         b = ((size_t)(groups + g) * (size_t)done + (size_t)j) * L;
            const size_t out = ((size_t)g * (size_t)done * 2 + (size_t)j) * L, stride = (size_t)done * L;
            for (size_t l = 0; l < L; l++) {
                const float xr = c * ar[b + l] - s * ai[b + l], xi = c * ai[b + l] + s * ar[b + l];
                br[out + l] = ar[a + l] + xr, bi[out + l] = ai[a + l] + xi;
                br[out + stride + l] = ar[a + l] - xr, bi[out + stride + l] = ai[a + l] - xi;
            }
        }
}

/* One line of n elements, `stride` floats apart, through two contiguous buffers of n*8. */
static void line(const mnk_fft *f, int sign, float *re, float *im, size_t stride, float *work) {
    const size_t size = (size_t)f->n * L;
    float *ar = work, *ai = work + size, *br = work + 2 * size, *bi = work + 3 * size;
    for (int k = 0; k < f->n; k++) {
        memcpy(ar + (size_t)k * L, re + (size_t)k * stride, L * sizeof *re);
        memcpy(ai + (size_t)k * L, im + (size_t)k * stride, L * sizeof *im);
    }
    int done = 1;
    for (int s = 0; s < f->factors; s++) {
        if (f->factor[s] == 4) step4(f, sign, done, ar, ai, br, bi);
        else if (f->factor[s] == 2) step2(f, sign, done, ar, ai, br, bi);
        else step(f, sign, f->factor[s], done, ar, ai, br, bi);
        done *= f->factor[s];
        float *t = ar;
        ar = br, br = t;
        t = ai, ai = bi, bi = t;
    }
    for (int k = 0; k < f->n; k++) {
        memcpy(re + (size_t)k * stride, ar + (size_t)k * L, L * sizeof *re);
        memcpy(im + (size_t)k * stride, ai + (size_t)k * L, L * sizeof *im);
    }
}

void mnk_fft_2d(const mnk_fft *along_rows, const mnk_fft *along_columns, int sign, float *re, float *im, float *work) {
    const size_t columns = (size_t)along_rows->n, rows = (size_t)along_columns->n;
    for (size_t y = 0; y < rows; y++) line(along_rows, sign, re + y * columns * L, im + y * columns * L, L, work);
    for (size_t x = 0; x < columns; x++) line(along_columns, sign, re + x * L, im + x * L, columns * L, work);
}
