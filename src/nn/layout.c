/* Plain and blocked maps, and sums over channels. Blocked: [n][cb][hw][8] with zero padding channels (backend.h). */
#include <string.h>

#include "nn/graph.h"

enum { CHUNK = 8192 /* numbers per unit of a flat loop: fixed, so that units never depend on the threads */ };

void mnk_block_maps(const real *plain, real *blocked, int n, int c, int hw) {
    int cb = mnk_padded(c) / 8;
#pragma omp parallel for schedule(static)
    for (int u = 0; u < n * cb; u++) {
        int s = u / cb, b = u % cb, lanes = c - 8 * b < 8 ? c - 8 * b : 8;
        const real *from = plain + ((size_t)s * (size_t)c + 8u * (size_t)b) * (size_t)hw;
        real *to = blocked + (size_t)u * (size_t)hw * 8;
        if (lanes < 8) memset(to, 0, (size_t)hw * 8 * sizeof *to);
        for (int l = 0; l < lanes; l++)
            for (int p = 0; p < hw; p++) to[8 * p + l] = from[l * hw + p];
    }
}

void mnk_unblock_maps(const real *blocked, real *plain, int n, int c, int hw) {
    int cb = mnk_padded(c) / 8;
#pragma omp parallel for schedule(static)
    for (int u = 0; u < n * cb; u++) {
        int s = u / cb, b = u % cb, lanes = c - 8 * b < 8 ? c - 8 * b : 8;
        const real *from = blocked + (size_t)u * (size_t)hw * 8;
        real *to = plain + ((size_t)s * (size_t)c + 8u * (size_t)b) * (size_t)hw;
        for (int l = 0; l < lanes; l++)
            for (int p = 0; p < hw; p++) to[l * hw + p] = from[8 * p + l];
    }
}

void mnk_zero_padding(real *blocked, int n, int c, int hw) {
    int cb = mnk_padded(c) / 8;
    if (c % 8 == 0) return;
    for (int s = 0; s < n; s++) {
        real *block = blocked + ((size_t)s * (size_t)cb + (size_t)cb - 1) * (size_t)hw * 8;
        for (int p = 0; p < hw; p++)
            for (int l = c % 8; l < 8; l++) block[8 * p + l] = 0;
    }
}

/* Rows of 64 positions are summed in `real`, rows in double: exact enough for any image, and vectorised. */
static void sum_block(const real *x, int hw, double out[8]) {
    for (int l = 0; l < 8; l++) out[l] = 0;
    for (int begin = 0; begin < hw; begin += 64) {
        int end = begin + 64 < hw ? begin + 64 : hw;
        real s[8] = {0};
        for (int p = begin; p < end; p++)
            for (int l = 0; l < 8; l++) s[l] += x[8 * p + l];
        for (int l = 0; l < 8; l++) out[l] += (double)s[l];
    }
}

void mnk_sample_channels(const real *dy, int n, int c, int hw, double *partial) {
    int cb = mnk_padded(c) / 8;
#pragma omp parallel for schedule(static)
    for (int u = 0; u < n * cb; u++) sum_block(dy + (size_t)u * (size_t)hw * 8, hw, partial + (size_t)u * 8);
}

void mnk_sum_channels(const real *dy, int n, int c, int hw, double *partial, real *g, bool add) {
    int cp = mnk_padded(c);
    mnk_sample_channels(dy, n, c, hw, partial);
    for (int k = 0; k < c; k++) {
        double s = 0;
        for (int i = 0; i < n; i++) s += partial[(size_t)i * (size_t)cp + (size_t)k];
        g[k] = (add ? g[k] : 0) + (real)s;
    }
}

void mnk_sum_columns(const real *dy, int n, int c, real *g, bool add) {
    enum { WIDTH = 64 };
#pragma omp parallel for schedule(static) if (n * c > 16384)
    for (int u = 0; u < (c + WIDTH - 1) / WIDTH; u++) {
        int begin = u * WIDTH, width = begin + WIDTH < c ? WIDTH : c - begin;
        double s[WIDTH] = {0};
        for (int i = 0; i < n; i++)
            for (int j = 0; j < width; j++) s[j] += (double)dy[(size_t)i * (size_t)c + (size_t)(begin + j)];
        for (int j = 0; j < width; j++) g[begin + j] = (add ? g[begin + j] : 0) + (real)s[j];
    }
}

void mnk_add_to(real *y, const real *x, size_t n) {
#pragma omp parallel for schedule(static) if (n > 4 * CHUNK)
    for (size_t begin = 0; begin < n; begin += CHUNK) {
        size_t end = begin + CHUNK < n ? begin + CHUNK : n;
        for (size_t i = begin; i < end; i++) y[i] += x[i];
    }
}

double mnk_dot(const real *a, const real *b, size_t n) {
    enum { RUN = 128 };
    double total = 0;
    for (size_t begin = 0; begin < n; begin += RUN) {
        size_t end = begin + RUN < n ? begin + RUN : n, i = begin;
        real s[8] = {0};
        for (; i + 8 <= end; i += 8)
            for (size_t l = 0; l < 8; l++) s[l] += a[i + l] * b[i + l];
        for (; i < end; i++) s[0] += a[i] * b[i];
        total += (double)(((s[0] + s[4]) + (s[1] + s[5])) + ((s[2] + s[6]) + (s[3] + s[7])));
    }
    return total;
}

void mnk_copy(real *y, const real *x, size_t n) {
    if (y == x) return;
#pragma omp parallel for schedule(static) if (n > 4 * CHUNK)
    for (size_t begin = 0; begin < n; begin += CHUNK) {
        size_t end = begin + CHUNK < n ? begin + CHUNK : n;
        memcpy(y + begin, x + begin, (end - begin) * sizeof *y);
    }
}
