/* The privacy loss of one use of a mechanism. */
#include <math.h>

#include "base/mem.h"
#include "privacy/mechanism.h"
#include "privacy/pld.h"

enum { MAX_POINTS = 1 << 22 };
static const double MAX_LOSS = 500; /* nats: beyond, exp(loss) leaves double precision and no guarantee is worth printing */

void mnk_pld_step_clear(mnk_pld_step *s) {
    mnk_free(s->mass[0]);
    mnk_free(s->mass[1]);
    s->mass[0] = s->mass[1] = NULL;
    s->n = 0;
}

mnk_status mnk_pld_step_room(mnk_pld_step *s, double low, double high, mnk_error *err) {
    if (!(fmax(-low, high) <= MAX_LOSS))
        return MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "one use may lose more than %g nats", MAX_LOSS);
    s->first = (long)floor(low / s->grid);
    long last = (long)ceil(high / s->grid) + 1;
    if (last - s->first >= MAX_POINTS)
        return MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "privacy losses from %g to %g do not fit the grid", low, high);
    s->n = (size_t)(last - s->first) + 1;
    s->infinity[0] = s->infinity[1] = 0;
    MNK_TRY(MNK_NEW(s->mass[0], s->n, err));
    mnk_status status = MNK_NEW(s->mass[1], s->n, err);
    if (status != MNK_OK) mnk_pld_step_clear(s);
    return status;
}

/* Shares P-mass a and Q-mass b of losses between grid points i and i+1 (counted from first): with shares l and h at the ends,
 * l + h = a and l e^-e_i + h e^-e_(i+1) = b. */
static void add_cell(mnk_pld_step *s, int direction, size_t i, double a, double b) {
    if (!(a > 0)) return;
    double lower = ((double)s->first + (double)i) * s->grid;
    double high = (a - exp(lower) * b) / -expm1(-s->grid);
    high = fmin(fmax(high, 0), a);
    s->mass[direction][i] += a - high;
    s->mass[direction][i + 1] += high;
}

static void add_atom(mnk_pld_step *s, double loss, double p) {
    double at = loss / s->grid - (double)s->first;
    size_t i = at <= 0 ? 0 : at >= (double)(s->n - 1) ? s->n - 2 : (size_t)at;
    for (int d = 0; d < 2; d++) add_cell(s, d, i, p, p * exp(-loss));
}

/* ---- Gaussian, Poisson-sampled ---- */

/* A point of the real line as its two normal tails: the smaller one is kept, so that differences far out stay accurate. */
typedef struct tail {
    double p; /* of the side away from 0 */
    bool is_upper;
} tail;

static tail tail_at(double x) { return (tail){0.5 * erfc(fabs(x) * M_SQRT1_2), x >= 0}; }

static double between(tail a, tail b) { /* a below b */
    if (a.is_upper) return a.p - b.p;
    return b.is_upper ? 1 - a.p - b.p : b.p - a.p;
}

static double above(tail a) { return a.is_upper ? a.p : 1 - a.p; }
static double below(tail a) { return a.is_upper ? 1 - a.p : a.p; }

/* x whose loss log(1 - q + q exp((2x-1)/(2 s^2))) is e; -INFINITY below the smallest loss log(1-q). */
static double point_of_loss(double q, double s, double e) {
    double t = q >= 1 ? e : log1p(expm1(e) / q);
    return isnan(t) ? -INFINITY : s * s * t + 0.5;
}

double mnk_pld_sampled_loss(double q, double s, double x) {
    double exponent = (2 * x - 1) / (2 * s * s);
    if (q >= 1) return exponent;
    return exponent > 30 ? exponent + log(q) + log1p((1 - q) / q * exp(-exponent)) : log1p(q * expm1(exponent));
}

/* P = (1-q) N(0, s^2) + q N(1, s^2), Q = N(0, s^2) with the person removed; the other way round with the person added, where
 * the losses are the same with the other sign: one walk over the points x of the grid serves both. */
mnk_status mnk_pld_gaussian(const mnk_mechanism *m, mnk_pld_step *out, mnk_error *err) {
    const double q = m->sampling_rate, s = mnk_multiplier(m);
    if (out->neighbours == MNK_REPLACE_ONE && q < 1) return mnk_pld_replaced_gaussian(m, out, err);
    const double reach = s * sqrt(-2 * log(fmin(out->tail, 1e-6))); /* normal tail below tail/2 */
    double low = mnk_pld_sampled_loss(q, s, -reach), high = mnk_pld_sampled_loss(q, s, 1 + reach);
    double widest = fmax(-low, high);
    MNK_TRY(mnk_pld_step_room(out, -widest, widest, err));
    const size_t half = (out->n - 1) / 2, points = 2 * half + 1;
    out->first = -(long)half; /* symmetric, so that the mirror image of a grid point is one */
    out->n = points;
    tail u = {0}, v = {0};
    for (size_t i = 0; i < points; i++) {
        double x = point_of_loss(q, s, ((double)out->first + (double)i) * out->grid);
        tail u1 = tail_at(x / s), v1 = tail_at((x - 1) / s);
        if (i == 0) { /* what lies below the first point: moved up to it (removed), or past the last one (added) */
            double without = below(u1), with = (1 - q) * below(u1) + q * below(v1);
            out->mass[MNK_PLD_REMOVE][0] += with;
            out->infinity[MNK_PLD_ADD] += without;
        } else {
            double without = between(u, u1), with = (1 - q) * without + q * between(v, v1);
            add_cell(out, MNK_PLD_REMOVE, i - 1, with, without);
            add_cell(out, MNK_PLD_ADD, points - 1 - i, without, with);
        }
        u = u1, v = v1;
    }
    out->infinity[MNK_PLD_REMOVE] += (1 - q) * above(u) + q * above(v);
    out->mass[MNK_PLD_ADD][0] += above(u);
    return MNK_OK;
}

/* ---- mechanisms with finitely many losses ---- */

/* Randomised response, the worst pair of any epsilon-private mechanism. */
static mnk_status randomised_response(double epsilon, mnk_pld_step *out, mnk_error *err) {
    MNK_TRY(mnk_pld_step_room(out, -epsilon, epsilon, err));
    add_atom(out, epsilon, 1 / (1 + exp(-epsilon)));
    add_atom(out, -epsilon, exp(-epsilon) / (1 + exp(-epsilon)));
    return MNK_OK;
}

mnk_status mnk_pld_pure(const mnk_mechanism *m, mnk_pld_step *out, mnk_error *err) {
    return randomised_response(m->epsilon, out, err);
}

mnk_status mnk_pld_discrete_laplace(const mnk_mechanism *m, mnk_pld_step *out, mnk_error *err) {
    return randomised_response(m->sensitivity / m->noise, out, err);
}

/* Integers k with P ~ exp(-k^2/(2 v)), Q the same around `shift`: loss (shift^2 - 2 k shift) / (2 v). */
mnk_status mnk_pld_discrete_gaussian(const mnk_mechanism *m, mnk_pld_step *out, mnk_error *err) {
    const double shift = m->sensitivity, v = m->noise * m->noise;
    if (shift != 1) /* a change of 2 may be one cell by 2 or four by 1: which is worse is not known */
        return MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "a discrete Gaussian of sensitivity %g has no single worst pair", shift);
    if (m->noise > 1e5)
        return MNK_FAIL(err, MNK_ERR_UNSUPPORTED, "a discrete Gaussian of noise %g has too many losses", m->noise);
    const double reach = ceil(m->noise * sqrt(-2 * log(fmin(out->tail, 1e-6) * 0.1))) + 1;
    double total = 0, widest = (shift * shift + 2 * reach * shift) / (2 * v);
    MNK_TRY(mnk_pld_step_room(out, -widest, widest, err));
    for (double k = -reach; k <= reach; k++) total += exp(-k * k / (2 * v));
    for (double k = -reach; k <= reach; k++)
        add_atom(out, (shift * shift - 2 * k * shift) / (2 * v), exp(-k * k / (2 * v)) / total);
    out->infinity[0] = out->infinity[1] = out->tail; /* more than was left out on either side */
    return MNK_OK;
}

/* Losses of an exponential mechanism lie in an interval of length epsilon; over all such pairs (Dong, Durfee & Rogers 2020)
 * delta(e) <= (1 - exp((e - epsilon)/2))^2 / (1 - exp(-epsilon)), itself the profile of a pair with
 * P(loss > e) = (1-w)/c, Q(loss > e) = (1-w) w e^-e / c, w = exp((e - epsilon)/2), c = 1 - exp(-epsilon). */
mnk_status mnk_pld_exponential(const mnk_mechanism *m, mnk_pld_step *out, mnk_error *err) {
    const double epsilon = m->epsilon, c = -expm1(-epsilon);
    MNK_TRY(mnk_pld_step_room(out, -epsilon, epsilon, err));
    double p = 1, q = 1;
    for (size_t i = 0; i + 1 < out->n; i++) {
        double e = ((double)out->first + (double)i + 1) * out->grid, p1 = 1, q1 = 1;
        if (e >= epsilon) p1 = q1 = 0;
        else if (e > -epsilon) {
            double w = exp((e - epsilon) / 2);
            p1 = -expm1((e - epsilon) / 2) / c, q1 = p1 * w * exp(-e);
        }
        for (int d = 0; d < 2; d++) add_cell(out, d, i, p - p1, q - q1);
        p = p1, q = q1;
    }
    return MNK_OK;
}
