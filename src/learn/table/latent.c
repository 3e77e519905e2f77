#include "learn/table/latent.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

int mnk_cholesky(double *a, size_t n) {
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j <= i; j++) {
            double s = a[i * n + j];
            for (size_t k = 0; k < j; k++) s -= a[i * n + k] * a[j * n + k];
            if (i == j) {
                if (!(s > 1e-9)) return 0;
                a[i * n + i] = sqrt(s);
            } else a[i * n + j] = s / a[j * n + j];
        }
    return 1;
}

double mnk_latent_repair(double *r, size_t n, double *scratch) {
    static const double steps[] = {0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1};
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++) scratch[i * n + j] = i == j ? 1 : (1 - steps[s]) * r[i * n + j];
        double last = steps[s];
        if (s + 1 < sizeof steps / sizeof *steps) {
            double *keep = scratch + n * n;
            memcpy(keep, scratch, n * n * sizeof *keep);
            if (!mnk_cholesky(keep, n)) continue;
        }
        memcpy(r, scratch, n * n * sizeof *r);
        return last;
    }
    return 1;
}

void mnk_latent_clear(mnk_latent *l) {
    mnk_free(l->index);
    mnk_free(l->gain);
    mnk_free(l->factor);
    mnk_free(l->block);
    *l = (mnk_latent){0};
}

/* With the known block's factor L (r_kk = L L'), the cross block B = r_fk: half = B L^-T, gain = half L^-1,
 * conditional covariance r_ff - half half'. */
static mnk_status condition(const double *r, size_t n, mnk_latent *l, double *half, double *block, mnk_error *err) {
    size_t known = l->known, free_ = n - known;
    const uint32_t *k = l->index, *f = l->index + known;
    for (size_t i = 0; i < known; i++)
        for (size_t j = 0; j < known; j++) block[i * known + j] = r[k[i] * n + k[j]];
    if (!mnk_cholesky(block, known)) return MNK_FAIL(err, MNK_ERR_FAILED, "correlations are not positive definite");
    for (size_t i = 0; i < free_; i++) {
        double *h = half + i * known, *g = l->gain + i * known;
        for (size_t j = 0; j < known; j++) {
            double s = r[f[i] * n + k[j]];
            for (size_t m = 0; m < j; m++) s -= h[m] * block[j * known + m];
            h[j] = s / block[j * known + j];
        }
        for (size_t j = known; j-- > 0;) {
            double s = h[j];
            for (size_t m = j + 1; m < known; m++) s -= g[m] * block[m * known + j];
            g[j] = s / block[j * known + j];
        }
    }
    for (size_t i = 0; i < free_; i++)
        for (size_t j = 0; j < free_; j++) {
            double s = r[f[i] * n + f[j]];
            for (size_t m = 0; m < known; m++) s -= half[i * known + m] * half[j * known + m];
            l->factor[i * free_ + j] = s + (i == j ? 1e-9 : 0);
        }
    return MNK_OK;
}

mnk_status mnk_latent_open(const double *r, size_t n, const uint8_t *given, mnk_latent *out, mnk_error *err) {
    double *half = NULL;
    mnk_status status;
    size_t at = 0;
    *out = (mnk_latent){.n = n};
    MNK_OUT(MNK_NEW(out->index, n + 1, err));
    for (int pass = 1; pass >= 0; pass--)
        for (size_t i = 0; i < n; i++)
            if ((given && given[i]) == pass) out->index[at++] = (uint32_t)i, out->known += (size_t)pass;
    size_t known = out->known, free_ = n - known;
    MNK_OUT(MNK_NEW(out->gain, free_ * known + 1, err));
    MNK_OUT(MNK_NEW(out->factor, free_ * free_ + 1, err));
    MNK_OUT(MNK_NEW(half, free_ * known + 1, err));
    MNK_OUT(MNK_NEW(out->block, known * known + 1, err));
    MNK_OUT(condition(r, n, out, half, out->block, err));
    if (!mnk_cholesky(out->factor, free_)) status = MNK_FAIL(err, MNK_ERR_FAILED, "correlations are not positive definite");
out:
    mnk_free(half);
    if (status != MNK_OK) mnk_latent_clear(out);
    return status;
}

double mnk_latent_log_density(const mnk_latent *l, const double *e, double *work) {
    double sum = 0;
    for (size_t i = 0; i < l->known; i++) {
        const double *row = l->block + i * l->known;
        double x = e[l->index[i]];
        for (size_t j = 0; j < i; j++) x -= row[j] * work[j];
        work[i] = x / row[i];
        sum -= 0.5 * work[i] * work[i] + log(row[i]);
    }
    return sum;
}

void mnk_latent_draw(const mnk_latent *l, double *e, double *work, mnk_rng *rng) {
    size_t known = l->known, free_ = l->n - known;
    const uint32_t *k = l->index, *f = l->index + known;
    for (size_t i = 0; i + 1 < free_ + 1; i += 2) { /* both normals of a pair of uniforms (Box and Muller 1958) */
        double u = sqrt(-2.0 * log(1.0 - mnk_rng_uniform(rng))), v = 6.283185307179586 * mnk_rng_uniform(rng);
        work[i] = u * cos(v);
        if (i + 1 < free_) work[i + 1] = u * sin(v);
    }
    for (size_t i = 0; i < free_; i++) {
        const double *row = l->factor + i * free_, *gain = l->gain + i * known;
        double s = 0;
        for (size_t j = 0; j <= i; j++) s += row[j] * work[j];
        for (size_t j = 0; j < known; j++) s += gain[j] * e[k[j]];
        e[f[i]] = s;
    }
}
