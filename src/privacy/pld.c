#include "privacy/pld.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "math/fft_long.h"
#include "privacy/mechanism.h"

enum { MAX_LOG2 = 21, REFINE_LOG2 = 18, FREE_POINTS = 1 << 18, MAX_KINDS = 256, CHUNK = 64 };
static const double FIRST_GRID = 1e-4;
static const double CUT = 1e-14; /* tilted probability outside the window of the transforms */

/* ---- moments ---- */

/* log sum_i mass_i exp(lambda loss_i), in chunks that share one exponential. */
static double log_moment(const mnk_pld_step *s, int d, double lambda) {
    double w[CHUNK] = {0}, top = -INFINITY, sum = 0;
    size_t chunk = CHUNK;
    while (chunk > 1 && fabs(lambda) * s->grid * (double)chunk > 300) chunk /= 2;
    for (size_t k = 0; k < chunk; k++) w[k] = exp(lambda * s->grid * (double)k);
    for (size_t i = 0; i < s->n; i += chunk) {
        const size_t m = s->n - i < chunk ? s->n - i : chunk;
        double inner = 0;
        for (size_t k = 0; k < m; k++) inner += s->mass[d][i + k] * w[k];
        if (!(inner > 0)) continue;
        double term = log(inner) + lambda * ((double)s->first + (double)i) * s->grid;
        if (term > top) sum = sum * exp(top - term) + 1, top = term;
        else sum += exp(term - top);
    }
    return sum > 0 ? top + log(sum) : -(double)INFINITY;
}

/* mass_i <- mass_i exp(tilt loss_i) / its sum; returns the logarithm of the sum. */
static double tilt_step(mnk_pld_step *s, int d, double tilt) {
    double scale = log_moment(s, d, tilt);
    for (size_t i = 0; i < s->n; i++)
        if (s->mass[d][i] > 0) s->mass[d][i] *= exp(tilt * ((double)s->first + (double)i) * s->grid - scale);
    return scale;
}

static void mean_and_variance(const mnk_pld_step *s, int d, double *mean, double *variance) {
    double first = 0, second = 0;
    for (size_t i = 0; i < s->n; i++) first += s->mass[d][i] * (double)i;
    for (size_t i = 0; i < s->n; i++) second += s->mass[d][i] * ((double)i - first) * ((double)i - first);
    *mean = ((double)s->first + first) * s->grid;
    *variance = second * s->grid * s->grid;
}

/* ---- the steps of a list, and the window their composition needs ---- */

typedef struct plan {
    const mnk_mechanisms *list;
    mnk_pld_step *step; /* [list->n], tilted */
    double grid, low, high, smallest_sd;
    size_t longest; /* points of a step */
    double log_scale[2], log_finite[2], mean[2], highest[2];
} plan;

static void plan_clear(plan *p) {
    for (size_t i = 0; p->step && i < p->list->n; i++) mnk_pld_step_clear(&p->step[i]);
}

/* Chernoff: P(sum > x) <= exp(K(t) - t x), the best of a few t around the normal one; `side` +1 or -1. Returns the distance
 * from the mean at which it is CUT. */
static double reach(const plan *p, int d, int side, double mean, double sd) {
    double best = INFINITY;
    for (int k = -10; k <= 3; k++) { /* rare large losses want a small t */
        double t = 8 / sd * exp2(k), cumulant = 0;
        for (size_t i = 0; i < p->list->n; i++)
            cumulant += (double)p->list->item[i].count * log_moment(&p->step[i], d, side * t);
        best = fmin(best, (cumulant - log(CUT)) / t - side * mean);
    }
    return best;
}

static void find_window(plan *p) {
    p->low = INFINITY, p->high = -INFINITY, p->smallest_sd = INFINITY, p->longest = 0;
    for (int d = 0; d < 2; d++) {
        double mean = 0, variance = 0, lowest = 0, highest = 0;
        for (size_t i = 0; i < p->list->n; i++) {
            const mnk_pld_step *s = &p->step[i];
            double count = (double)p->list->item[i].count, m, v;
            mean_and_variance(s, d, &m, &v);
            if (s->n > p->longest) p->longest = s->n;
            mean += count * m, variance += count * v;
            lowest += count * (double)s->first * s->grid;
            highest += count * ((double)s->first + (double)s->n - 1) * s->grid;
            p->smallest_sd = fmin(p->smallest_sd, sqrt(v));
        }
        p->mean[d] = mean, p->highest[d] = highest;
        double sd = sqrt(variance) + 1e-3 * p->grid;
        p->low = fmin(p->low, fmax(lowest, mean - reach(p, d, -1, mean, sd)));
        p->high = fmax(p->high, fmin(highest, mean + reach(p, d, 1, mean, sd)));
    }
    const double highest = fmax(p->highest[0], p->highest[1]);
    if ((highest - p->low) / p->grid < FREE_POINTS) p->high = highest; /* short enough to cut off nothing above */
}

static mnk_status build_steps(plan *p, double tilt, double tail, mnk_error *err) {
    for (int d = 0; d < 2; d++) p->log_scale[d] = p->log_finite[d] = 0;
    for (size_t i = 0; i < p->list->n; i++) {
        const mnk_mechanism *m = &p->list->item[i];
        p->step[i] = (mnk_pld_step){
            .grid = p->grid, .tail = tail / ((double)m->count * (double)p->list->n), .neighbours = p->list->neighbours};
        if (!mnk_mechanism_table[m->kind].pld)
            return MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "of %s only Renyi divergences are known", mnk_mechanism_name(m->kind));
        MNK_TRY(mnk_mechanism_table[m->kind].pld(m, &p->step[i], err));
        for (int d = 0; d < 2; d++) {
            p->log_finite[d] += (double)m->count * log1p(-p->step[i].infinity[d]);
            p->log_scale[d] += (double)m->count * tilt_step(&p->step[i], d, tilt);
        }
    }
    find_window(p);
    return MNK_OK;
}

static int log2_needed(const plan *p) {
    double points = (p->high - p->low) / p->grid + 3;
    int log2n = 4;
    while (log2n < 60 && ldexp(1, log2n) < points) log2n++;
    return log2n;
}

/* Chooses the spacing: 1e-4 nats; finer while a step's losses spread over fewer than five points and room is left; coarser
 * while the window does not fit. */
static mnk_status plan_grid(plan *p, double tilt, double tail, int *log2n, mnk_error *err) {
    bool coarsened = false;
    p->grid = FIRST_GRID;
    for (int attempt = 0; attempt < 40; attempt++) {
        MNK_TRY(build_steps(p, tilt, tail, err));
        *log2n = log2_needed(p);
        if (*log2n > MAX_LOG2) coarsened = true, p->grid *= 2;
        else if (!coarsened && p->smallest_sd<5 * p->grid && * log2n<REFINE_LOG2 && p->longest>> REFINE_LOG2 == 0) p->grid /= 2;
        else return MNK_OK;
        plan_clear(p);
    }
    return MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "losses spread too far for any grid");
}

/* ---- convolution ---- */

/* (re, im) [2 * CHUNK] <- its n-th power. */
static void power(double *restrict re, double *restrict im, uint64_t n) {
    double rr[2 * CHUNK], ri[2 * CHUNK] = {0};
    for (int k = 0; k < 2 * CHUNK; k++) rr[k] = 1;
    for (;; n >>= 1) {
        if (n & 1)
            for (int k = 0; k < 2 * CHUNK; k++) {
                const double a = rr[k] * re[k] - ri[k] * im[k];
                ri[k] = rr[k] * im[k] + ri[k] * re[k];
                rr[k] = a;
            }
        if (n == 1) break;
        for (int k = 0; k < 2 * CHUNK; k++) {
            const double a = re[k] * re[k] - im[k] * im[k];
            im[k] = 2 * re[k] * im[k];
            re[k] = a;
        }
    }
    memcpy(re, rr, sizeof rr);
    memcpy(im, ri, sizeof ri);
}

/* The two real transforms inside one complex one: at mirrored positions p, m stand A + iB and conj(A) + i conj(B). Replaces
 * them by A^count at p and B^count at m (frequency 0 and n/2, their own mirrors: the real A and B side by side). */
static void power_chunk(size_t p, size_t m, size_t n, uint64_t count, double *re, double *im) {
    double ar[2 * CHUNK] = {0}, ai[2 * CHUNK] = {0}, *br = ar + CHUNK, *bi = ai + CHUNK;
    for (size_t k = 0; k < n; k++) {
        const double zr = re[p + k], zi = im[p + k], yr = re[m - k], yi = im[m - k];
        ar[k] = 0.5 * (zr + yr), ai[k] = 0.5 * (zi - yi);
        br[k] = 0.5 * (zi + yi), bi[k] = -0.5 * (zr - yr);
    }
    power(ar, ai, count);
    const bool own = p == m;
    for (size_t k = 0; k < n; k++) {
        re[p + k] = ar[k], im[p + k] = own ? br[k] : ai[k];
        if (!own) re[m - k] = br[k], im[m - k] = bi[k];
    }
}

static void power_spectrum(size_t n, uint64_t count, double *re, double *im) {
    power_chunk(0, 0, 1, count, re, im);
    power_chunk(1, 1, 1, count, re, im);
    for (size_t block = 2; block < n; block *= 2)
        for (size_t i = 0; i < block / 2; i += CHUNK)
            power_chunk(block + i, 2 * block - 1 - i, block / 2 - i < CHUNK ? block / 2 - i : CHUNK, count, re, im);
}

/* a <- a b, both as power_spectrum leaves them. */
static void multiply(size_t n, double *ar, double *ai, const double *br, const double *bi) {
    for (size_t k = 0; k < 2; k++) ar[k] *= br[k], ai[k] *= bi[k];
    for (size_t k = 2; k < n; k++) {
        const double r = ar[k] * br[k] - ai[k] * bi[k];
        ai[k] = ar[k] * bi[k] + ai[k] * br[k];
        ar[k] = r;
    }
}

/* A and B back into one transform. */
static void join(size_t n, double *re, double *im) {
    for (size_t block = 2; block < n; block *= 2)
        for (size_t i = 0; i < block / 2; i++) {
            const size_t p = block + i, m = 2 * block - 1 - i;
            const double rr = re[p], ri = im[p], sr = re[m], si = im[m];
            re[p] = rr - si, im[p] = ri + sr;
            re[m] = rr + si, im[m] = sr - ri;
        }
}

static void place(const mnk_pld_step *s, size_t n, double *re, double *im) {
    memset(re, 0, n * sizeof *re);
    memset(im, 0, n * sizeof *im);
    for (size_t i = 0; i < s->n; i++) {
        const size_t at = (size_t)(s->first + (long)i) & (n - 1); /* two's complement: negative losses wrap */
        re[at] += s->mass[MNK_PLD_REMOVE][i];
        im[at] += s->mass[MNK_PLD_ADD][i];
    }
}

static mnk_status convolve(const plan *p, int log2n, mnk_pld *out, mnk_error *err) {
    const size_t n = (size_t)1 << log2n;
    mnk_status status = MNK_OK;
    mnk_fft_long fft = {0};
    double *re = NULL, *im = NULL, *more_re = NULL, *more_im = NULL;
    MNK_OUT(mnk_fft_long_open(log2n, &fft, err));
    MNK_OUT(MNK_NEW_ALIGNED(re, n, err));
    MNK_OUT(MNK_NEW_ALIGNED(im, n, err));
    if (p->list->n > 1) {
        MNK_OUT(MNK_NEW_ALIGNED(more_re, n, err));
        MNK_OUT(MNK_NEW_ALIGNED(more_im, n, err));
    }
    for (size_t i = 0; i < p->list->n; i++) {
        double *r = i ? more_re : re, *m = i ? more_im : im;
        place(&p->step[i], n, r, m);
        mnk_fft_long_forward(&fft, r, m);
        power_spectrum(n, p->list->item[i].count, r, m);
        if (i) multiply(n, re, im, r, m);
    }
    join(n, re, im);
    mnk_fft_long_inverse(&fft, re, im);
    out->first = (long)floor(p->low / p->grid);
    out->n = n;
    for (int d = 0; d < 2; d++) {
        MNK_OUT(MNK_NEW(out->mass[d], n, err));
        const double *from = d == MNK_PLD_REMOVE ? re : im;
        for (size_t i = 0; i < n; i++) out->mass[d][i] = fmax(0, from[(size_t)(out->first + (long)i) & (n - 1)]);
    }
out:
    mnk_fft_long_close(&fft);
    mnk_free(re);
    mnk_free(im);
    mnk_free(more_re);
    mnk_free(more_im);
    return status;
}

mnk_status mnk_pld_open(const mnk_mechanisms *list, double tilt, double tail, mnk_pld **out, mnk_error *err) {
    *out = NULL;
    plan p = {.list = list};
    mnk_pld *d = NULL;
    double uses = 0;
    int log2n = 0;
    mnk_status status = MNK_OK;
    for (size_t i = 0; i < list->n; i++) uses += (double)list->item[i].count;
    if (list->n > MAX_KINDS) /* each takes a transform of its own */
        return MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "more than %d different mechanisms", MAX_KINDS);
    if (!(uses >= 1 && uses <= 1e9)) return MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "%g uses do not fit double precision", uses);
    MNK_OUT(MNK_NEW(p.step, list->n, err));
    MNK_OUT(MNK_NEW(d, 1, err));
    MNK_OUT(plan_grid(&p, tilt, tail, &log2n, err));
    d->grid = p.grid;
    d->tilt = tilt;
    d->low = p.low;
    d->coarse = p.smallest_sd < 2 * p.grid;
    MNK_OUT(convolve(&p, log2n, d, err));
    for (int k = 0; k < 2; k++) { /* what the window cut off above counts as lost; what wrapped from below only adds */
        d->log_scale[k] = p.log_scale[k], d->mean[k] = p.mean[k];
        d->infinity[k] = -expm1(p.log_finite[k]);
        if (p.high < p.highest[k]) d->infinity[k] += CUT * exp(fmin(0, p.log_scale[k] - tilt * p.high));
    }
    *out = d;
    d = NULL;
out:
    plan_clear(&p);
    mnk_free(p.step);
    mnk_pld_close(d);
    return status;
}

void mnk_pld_close(mnk_pld *p) {
    if (!p) return;
    mnk_free(p->mass[0]);
    mnk_free(p->mass[1]);
    mnk_free(p);
}

/* ---- queries ---- */

static double loss_at(const mnk_pld *p, size_t i) { return (double)(p->first + (long)i) * p->grid; }

static double probability(const mnk_pld *p, int d, size_t i) {
    return p->mass[d][i] > 0 ? p->mass[d][i] * exp(fmin(700, p->log_scale[d] - p->tilt * loss_at(p, i))) : 0;
}

/* Right of the bulk of the tilted losses rounding only fades; left of it the answer has to stand out from it, and from what the
 * window cut off below. */
static bool is_sound(const mnk_pld *p, int d, double epsilon, double delta) {
    if (p->tilt == 0 || epsilon >= p->mean[d] - p->grid) return true;
    return epsilon >= p->low && log(delta) + p->tilt * epsilon - p->log_scale[d] > log(1e-8);
}

double mnk_pld_delta(const mnk_pld *p, double epsilon) {
    double delta[2];
    for (int d = 0; d < 2; d++) {
        delta[d] = p->infinity[d];
        for (size_t i = p->n; i-- > 0 && loss_at(p, i) > epsilon && delta[d] < 1;)
            delta[d] -= probability(p, d, i) * expm1(epsilon - loss_at(p, i));
    }
    const int worse = delta[MNK_PLD_ADD] > delta[MNK_PLD_REMOVE] ? MNK_PLD_ADD : MNK_PLD_REMOVE;
    return is_sound(p, worse, epsilon, delta[worse]) ? fmin(1, delta[worse]) : (double)NAN;
}

/* Downwards from the largest loss: above = P(loss > e_i), shifted = sum_{loss > e_i} P e^(e_i - loss), so that
 * delta(e_i + t) = infinity + above - shifted e^t for 0 <= t <= grid. */
static double one_epsilon(const mnk_pld *p, int d, double delta) {
    double above = 0, shifted = 0, decay = exp(-p->grid);
    if (p->infinity[d] >= delta) return INFINITY;
    for (size_t i = p->n; i-- > 0;) {
        if (p->infinity[d] + above - shifted >= delta && shifted > 0) {
            double e = loss_at(p, i) + log((p->infinity[d] + above - delta) / shifted);
            return fmax(0, e);
        }
        if (loss_at(p, i) < -p->grid) return 0;
        double mass = probability(p, d, i);
        above += mass;
        shifted = (shifted + mass) * decay;
    }
    return 0;
}

double mnk_pld_epsilon(const mnk_pld *p, double delta) {
    const double remove = one_epsilon(p, MNK_PLD_REMOVE, delta), add = one_epsilon(p, MNK_PLD_ADD, delta);
    const double epsilon = fmax(remove, add);
    return is_sound(p, add > remove ? MNK_PLD_ADD : MNK_PLD_REMOVE, epsilon, delta) ? epsilon : (double)NAN;
}
