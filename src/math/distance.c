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

mnk_status mnk_points_add_codes(mnk_points *p, const uint16_t *code, size_t codes, mnk_error *err) {
    size_t values = 0;
    if (codes > UINT16_MAX || mnk_mul_overflow(p->n, codes, &values))
        return MNK_FAIL(err, MNK_ERR_MEMORY, "%zu points of %zu codes: too many", p->n, codes);
    MNK_TRY(MNK_NEW_ALIGNED(p->code, values ? values : 1, err));
    p->codes = codes;
    for (size_t i = 0; i < p->n; i++)
        for (size_t c = 0; c < codes; c++) p->code[c * p->n + i] = code[i * codes + c];
    return MNK_OK;
}

void mnk_points_close(mnk_points *p) {
    if (!p) return;
    mnk_free(p->x);
    mnk_free(p->norm2);
    mnk_free(p->code);
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

double mnk_points_distance2(const mnk_points *a, size_t i, const mnk_points *b, size_t j) {
    double sum = 0;
    for (size_t k = 0; k < a->d; k++) {
        const double t = (double)a->x[i * a->d + k] - (double)b->x[j * b->d + k];
        sum += t * t;
    }
    for (size_t c = 0; c < a->codes; c++) sum += a->code[c * a->n + i] != b->code[c * b->n + j];
    return sum;
}

/* The numeric part: one product, and the difference itself where the product has lost its digits. */
static void euclidean_tile(const mnk_points *a, size_t a0, size_t na, const mnk_points *b, size_t b0, size_t nb, float *out,
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

/* Sixteen codes side by side; a comparison gives 0 or -1 in each place. Loaded from any even address. */
typedef uint16_t lanes __attribute__((vector_size(32)));
typedef uint16_t loose_lanes __attribute__((vector_size(32), aligned(2), may_alias));
enum { LANES = 16, GROUP = 4 * LANES };

/* Adds to row[0..nb-1] the number of codes in which point i of a differs from points b0.. of b. Four vectors of counts stay in
 * registers while the coordinates pass. */
static void add_mismatches(const mnk_points *a, size_t i, const mnk_points *b, size_t b0, size_t nb, float *row) {
    const size_t codes = a->codes;
    size_t j = 0;
    for (; j + GROUP <= nb; j += GROUP) {
        lanes same[4] = {{0}};
        const uint16_t *q = b->code + b0 + j, *p = a->code + i;
        for (size_t c = 0; c < codes; c++, p += a->n, q += b->n) {
            const lanes mine = (lanes){0} + *p;
            const loose_lanes *theirs = (const loose_lanes *)q;
            for (int v = 0; v < 4; v++) same[v] += (lanes)(theirs[v] == mine); /* -1 for every match */
        }
        for (int v = 0; v < 4; v++)
            for (int l = 0; l < LANES; l++) row[j + (size_t)(v * LANES + l)] += (float)(uint16_t)(codes + same[v][l]);
    }
    for (; j < nb; j++) {
        unsigned differ = 0;
        for (size_t c = 0; c < codes; c++) differ += a->code[c * a->n + i] != b->code[c * b->n + b0 + j];
        row[j] += (float)differ;
    }
}

void mnk_distance2_tile(const mnk_points *a, size_t a0, size_t na, const mnk_points *b, size_t b0, size_t nb, float *out,
                        size_t ld) {
    if (a->d) euclidean_tile(a, a0, na, b, b0, nb, out, ld);
    for (size_t i = 0; i < na; i++) {
        float *row = out + i * ld;
        if (!a->d) memset(row, 0, nb * sizeof *row);
        if (a->codes) add_mismatches(a, a0 + i, b, b0, nb, row);
    }
}
