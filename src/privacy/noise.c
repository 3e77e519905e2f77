#include "privacy/noise.h"

#include <math.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

void mnk_noise_refill(mnk_noise *s) {
    static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES] = {0}; /* every key makes one buffer only */
    crypto_stream_chacha20(s->buffer, MNK_NOISE_BUFFER, nonce, s->key);
    memcpy(s->key, s->buffer, sizeof s->key);
    sodium_memzero(s->buffer, sizeof s->key);
    s->used = sizeof s->key;
}

static void start(mnk_noise *s, bool is_reproducible) {
    s->owner = getpid();
    s->is_reproducible = is_reproducible;
    s->used = MNK_NOISE_BUFFER;
}

void mnk_noise_open(mnk_noise *s) {
    (void)!sodium_init();
    randombytes_buf(s->key, sizeof s->key);
    start(s, false);
}

void mnk_noise_open_reproducible(uint64_t seed, mnk_noise *s) {
    static const char label[] = "manikin: reproducible noise, NOT PRIVATE";
    crypto_generichash(s->key, sizeof s->key, (const uint8_t *)&seed, sizeof seed, (const uint8_t *)label, sizeof label - 1);
    start(s, true);
}

void mnk_noise_split(mnk_noise *from, mnk_noise *out) {
    for (size_t i = 0; i < sizeof out->key; i += 8) {
        uint64_t x = mnk_noise_u64(from);
        memcpy(out->key + i, &x, 8);
    }
    start(out, from->is_reproducible);
}

void mnk_noise_close(mnk_noise *s) { sodium_memzero(s, sizeof *s); }

void mnk_noise_after_fork(mnk_noise *s) {
    if (s->is_reproducible || s->owner == getpid()) return;
    mnk_noise_close(s);
    mnk_noise_open(s);
}

mnk_u128 mnk_noise_below(mnk_noise *s, mnk_u128 n) {
    const uint64_t high = (uint64_t)((n - 1) >> 64), low = (uint64_t)(n - 1);
    const uint64_t mask = high ? ~(uint64_t)0 >> __builtin_clzll(high) : low ? ~(uint64_t)0 >> __builtin_clzll(low) : 0;
    for (;;) { /* rejection: each try succeeds with more than one half */
        mnk_u128 x = high ? (mnk_u128)(mnk_noise_u64(s) & mask) << 64 | mnk_noise_u64(s) : mnk_noise_u64(s) & mask;
        if (x < n) return x;
    }
}

bool mnk_noise_bernoulli(mnk_noise *s, mnk_u128 num, mnk_u128 den) { return mnk_noise_below(s, den) < num; }

/* exp(-g) for g in [0, 1] is the probability that the first failure of trials with chances g/1, g/2, g/3 … has an odd number.
 */
static bool bernoulli_exp_below_1(mnk_noise *s, mnk_u128 num, mnk_u128 den) {
    uint64_t k = 1;
    while (mnk_noise_bernoulli(s, num, den) && mnk_noise_bernoulli(s, 1, k)) k++;
    return k & 1;
}

bool mnk_noise_bernoulli_exp(mnk_noise *s, mnk_u128 num, mnk_u128 den) {
    for (; num > den; num -= den)
        if (!bernoulli_exp_below_1(s, 1, 1)) return false;
    return bernoulli_exp_below_1(s, num, den);
}

int64_t mnk_noise_discrete_laplace(mnk_noise *s, uint64_t num, uint64_t den) {
    for (;;) {
        uint64_t u = (uint64_t)mnk_noise_below(s, num), v = 0;
        if (!mnk_noise_bernoulli_exp(s, u, num)) continue;
        while (mnk_noise_bernoulli_exp(s, 1, 1)) v++;
        mnk_u128 y = (u + (mnk_u128)num * v) / den;
        bool is_negative = mnk_noise_u64(s) & 1;
        if ((is_negative && y == 0) || y > INT64_MAX) continue; /* the latter with probability below exp(-2000) */
        return is_negative ? -(int64_t)y : (int64_t)y;
    }
}

bool mnk_discrete_gaussian_open(double sigma, mnk_discrete_gaussian *g) {
    if (!(sigma >= 1e-3 && sigma <= 33554432.0)) return false;
    const long double variance = (long double)sigma * sigma;
    int bits = (int)ceill(log2l(variance));
    g->shift = 52 - (bits > 0 ? bits : 0);
    g->numerator = (uint64_t)ceill(ldexpl(variance, g->shift));
    g->scale = (uint64_t)sigma + 1;
    return true;
}

/* Proposals y from the discrete Laplace of scale t, kept with probability exp(-(|y| - sigma2/t)^2 / (2 sigma2)). With sigma2 =
 * S/2^k that exponent is (|y| t 2^k - S)^2 / (2 S t^2 2^k); |y| <= 100 t keeps it below 2^127, and what lies beyond would be
 * kept with probability exp(-4900). */
int64_t mnk_noise_discrete_gaussian(mnk_noise *s, const mnk_discrete_gaussian *g) {
    const mnk_u128 t2k = (mnk_u128)g->scale << g->shift, den = 2 * (mnk_u128)g->numerator * g->scale * t2k;
    for (;;) {
        const int64_t y = mnk_noise_discrete_laplace(s, g->scale, 1);
        const uint64_t size = (uint64_t)(y < 0 ? -y : y);
        if (size > 100 * g->scale) continue;
        const mnk_u128 at = size * t2k, distance = at > g->numerator ? at - g->numerator : g->numerator - at;
        if (mnk_noise_bernoulli_exp(s, distance * distance, den)) return y;
    }
}
