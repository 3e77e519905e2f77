/* The loss of a Poisson-sampled Gaussian where one person is replaced by another: no exact pair of distributions is known, but
 * a bound of its privacy profile is, and a pair that has the bound's convex hull as its profile.
 *
 * With the person's unit left out, as it is and replaced the query is mu0, mu1, mu1'; |mu1 - mu0|, |mu1' - mu0| <= C and |mu1 -
 * mu1'| <= 2C = sensitivity. For P = (1-q) mu0 + q mu1 and Q = (1-q) mu0 + q mu1' advanced joint convexity (Balle, Barthe &
 * Gaboardi 2018, Theorem 2) gives, for x >= 1, a = 1 + (x-1)/q and b = x/a,
 *     H_x(P|Q) = q H_a(mu1 | (1-b) mu0 + b mu1') <= q ((1-b) H_a(mu1|mu0) + b H_a(mu1|mu1')) =: h(x),
 * and H_x(P|Q) = 1 - x + x H_(1/x)(Q|P) <= 1 - x + x h(1/x) below 1. */
#include <math.h>

#include "base/mem.h"
#include "privacy/closed.h"
#include "privacy/mechanism.h"
#include "privacy/pld.h"

/* s: multiplier for the sensitivity 2C. */
static double profile_bound(double q, double s, double loss) {
    const double t = expm1(loss) / q, log_a = log1p(t), b = exp(loss - log_a), other = (1 - q) * t / (1 + t); /* 1 - b */
    return q * (other * mnk_gaussian_delta(2 * s, log_a) + b * mnk_gaussian_delta(s, log_a));
}

typedef struct dots {
    size_t n;
    double *x, *h; /* [n] x = exp(k grid), x[0] = 1 */
    size_t *kept;  /* [n] the corners of the hull */
    size_t corners;
} dots;

static double slope(const dots *d, size_t i, size_t k) { return (d->h[k] - d->h[i]) / (d->x[k] - d->x[i]); }

/* Lower convex hull of the curve on both sides of 1, of which the left is the mirror image of the right: an edge that passes
 * below the point at 1 joins 1/x and x, and has (x - 1 + 2h)/(x + 1) at 1. A convex function below the bound at all points is
 * below the hull. */
static void make_hull(dots *d) {
    for (size_t k = 1; k < d->n; k++) d->h[0] = fmin(d->h[0], (d->x[k] - 1 + 2 * d->h[k]) / (d->x[k] + 1));
    for (size_t k = 0; k < d->n; k++) {
        while (d->corners > 1 &&
               slope(d, d->kept[d->corners - 2], d->kept[d->corners - 1]) >= slope(d, d->kept[d->corners - 1], k))
            d->corners--;
        d->kept[d->corners++] = k;
    }
}

/* The pair whose profile is the hull: Q has at x what the slope rises there, P x times that, and at an infinite loss what is
 * left of the curve at the end. Under exchange of P and Q the pair is its own mirror image, so both directions are alike. */
static void connect(const dots *d, mnk_pld_step *out) {
    const size_t zero = (out->n - 1) / 2, last = d->n - 1;
    double before = 0, *mass = out->mass[MNK_PLD_REMOVE];
    for (size_t c = 0; c < d->corners; c++) {
        const size_t k = d->kept[c];
        const double after = k < last ? slope(d, k, d->kept[c + 1]) : 0;
        if (k == 0) mass[zero] = fmax(0, 2 * after + 1 - d->h[0]);
        else mass[zero + k] = d->x[k] * (after - before), mass[zero - k] = after - before;
        before = after;
    }
    for (size_t i = 0; i < out->n; i++) out->mass[MNK_PLD_ADD][i] = mass[i];
    out->infinity[0] = out->infinity[1] = d->h[last];
}

mnk_status mnk_pld_replaced_gaussian(const mnk_mechanism *m, mnk_pld_step *out, mnk_error *err) {
    const double q = m->sampling_rate, s = mnk_multiplier(m);
    const double reach = s * sqrt(-2 * log(fmin(out->tail, 1e-6))); /* beyond, h is less than tail */
    const double widest = mnk_pld_sampled_loss(q, s, 1 + reach);
    dots d = {0};
    mnk_status status = MNK_OK;
    MNK_TRY(mnk_pld_step_room(out, -widest, widest, err));
    const size_t half = (out->n - 1) / 2;
    out->first = -(long)half; /* symmetric, with 0 a grid point */
    out->n = 2 * half + 1;
    d.n = half + 1;
    MNK_OUT(MNK_NEW(d.x, d.n, err));
    MNK_OUT(MNK_NEW(d.h, d.n, err));
    MNK_OUT(MNK_NEW(d.kept, d.n, err));
    for (size_t k = 0; k < d.n; k++) {
        const double loss = (double)k * out->grid;
        d.x[k] = exp(loss), d.h[k] = profile_bound(q, s, loss);
    }
    make_hull(&d);
    connect(&d, out);
out:
    mnk_free(d.x);
    mnk_free(d.h);
    mnk_free(d.kept);
    return status;
}
