#include "math/distance.h"

#include <cblas.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

typedef struct means_ctx {
    const float *x;
    size_t d;
} means_ctx;

static void means_block(void *ctx, size_t begin, size_t end, double *partial) {
    const means_ctx *c = ctx;
    for (size_t i = begin; i < end; i++)
        for (size_t k = 0; k < c->d; k++) partial[k] += (double)c->x[i * c->d + k];
}

mnk_status mnk_column_means(const float *x, size_t n, size_t d, float *mean, mnk_error *err) {
    double *total = NULL;
    MNK_TRY(MNK_NEW(total, d, err));
    means_ctx ctx = {x, d};
    int failed = mnk_parallel_sum(n, 1024, d, total, means_block, &ctx);
    for (size_t k = 0; k < d && !failed; k++) mean[k] = (float)(total[k] / (double)(n ? n : 1));
    mnk_free(total);
    return failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for the means of %zu columns", d) : MNK_OK;
}

mnk_status mnk_points_open(const float *x, size_t n, size_t d, const float *centre, mnk_points *out, mnk_error *err) {
    *out = (mnk_points){.n = n, .d = d};
    size_t values = 0;
    if (mnk_mul_overflow(n, d, &values)) return MNK_FAIL(err, MNK_ERR_MEMORY, "%zu points of %zu values: too many", n, d);
    mnk_status status = MNK_NEW_ALIGNED(out->x, values ? values : 1, err);
    if (status == MNK_OK) status = MNK_NEW_ALIGNED(out->norm2, n ? n : 1, err);
    if (status != MNK_OK) {
        mnk_points_close(out);
        return status;
    }
    for (size_t i = 0; i < n; i++) {
        double sum = 0;
        for (size_t k = 0; k < d; k++) {
            float v = centre ? x[i * d + k] - centre[k] : x[i * d + k];
            out->x[i * d + k] = v;
            sum += (double)v * (double)v;
        }
        out->norm2[i] = (float)sum;
    }
    return MNK_OK;
}

void mnk_points_close(mnk_points *p) {
    if (!p) return;
    mnk_free(p->x);
    mnk_free(p->norm2);
    *p = (mnk_points){0};
}

float mnk_distance2(const float *a, const float *b, size_t d) {
    float lane[16] = {0}; /* sixteen sums side by side: a fixed order that vectorises */
    size_t k = 0;
    for (; k + 16 <= d; k += 16)
        for (int l = 0; l < 16; l++) {
            float t = a[k + l] - b[k + l];
            lane[l] += t * t;
        }
    for (; k < d; k++) {
        float t = a[k] - b[k];
        lane[k % 16] += t * t;
    }
    for (int w = 8; w; w /= 2)
        for (int l = 0; l < w; l++) lane[l] += lane[l + w];
    return lane[0];
}

void mnk_distance2_tile(const mnk_points *a, size_t a0, size_t na, const mnk_points *b, size_t b0, size_t nb, float *out,
                        size_t ld) {
    const size_t d = a->d;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)na, (int)nb, (int)d, -2.0f, a->x + a0 * d, (int)d, b->x + b0 * d,
                (int)d, 0.0f, out, (int)ld);
    const float *nb2 = b->norm2 + b0;
    for (size_t i = 0; i < na; i++) {
        float *row = out + i * ld;
        const float na2 = a->norm2[a0 + i];
        int low = 0;
        for (size_t j = 0; j < nb; j++) {
            float both = na2 + nb2[j], t = row[j] + both;
            row[j] = t;
            low |= !(t > MNK_DISTANCE_GUARD * both);
        }
        if (!low) continue;
        for (size_t j = 0; j < nb; j++)
            if (!(row[j] > MNK_DISTANCE_GUARD * (na2 + nb2[j])))
                row[j] = mnk_distance2(a->x + (a0 + i) * d, b->x + (b0 + j) * d, d);
    }
}
