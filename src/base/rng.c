#include "base/rng.h"

#include <math.h>

void mnk_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]) {
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(b >> 32) ^ c1 ^ k0, n2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)b;
        c3 = (uint32_t)a;
        c0 = n0;
        c2 = n2;
        k0 += 0x9E3779B9u; /* golden ratio and sqrt(3)-1, the Weyl constants of the paper */
        k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/* splitmix64's finaliser spreads (seed, purpose) over the 64 key bits, so that seeds 1 and 2 are unrelated keys. */
static uint64_t mix64(uint64_t x) {
    x += 0x9E3779B97F4A7C15u;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

mnk_rng mnk_rng_at(uint64_t seed, mnk_purpose purpose, uint64_t item, uint32_t step) {
    uint64_t key = mix64(seed ^ mix64((uint64_t)purpose));
    return (mnk_rng){
        .key = {(uint32_t)key, (uint32_t)(key >> 32)}, .counter = {0, (uint32_t)item, (uint32_t)(item >> 32), step}, .used = 4};
}

uint32_t mnk_rng_u32(mnk_rng *r) {
    if (r->used == 4) {
        mnk_philox(r->counter, r->key, r->block);
        r->counter[0]++;
        r->used = 0;
    }
    return r->block[r->used++];
}

uint64_t mnk_rng_u64(mnk_rng *r) {
    uint64_t low = mnk_rng_u32(r);
    return low | (uint64_t)mnk_rng_u32(r) << 32;
}

double mnk_rng_uniform(mnk_rng *r) { return (double)(mnk_rng_u64(r) >> 11) * 0x1p-53; }
float mnk_rng_uniform_f32(mnk_rng *r) { return (float)(mnk_rng_u32(r) >> 8) * 0x1p-24f; }

double mnk_rng_normal(mnk_rng *r) {
    double u = 1.0 - mnk_rng_uniform(r), v = mnk_rng_uniform(r);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

uint64_t mnk_rng_below(mnk_rng *r, uint64_t n) {
    unsigned __int128 m = (unsigned __int128)mnk_rng_u64(r) * n;
    if ((uint64_t)m < n) {
        uint64_t threshold = (0 - n) % n;
        while ((uint64_t)m < threshold) m = (unsigned __int128)mnk_rng_u64(r) * n;
    }
    return (uint64_t)(m >> 64);
}

double mnk_rng_exponential(mnk_rng *r) { return -log(1.0 - mnk_rng_uniform(r)); }

double mnk_rng_gamma(mnk_rng *r, double shape) {
    if (shape < 1.0) { /* boost: G(a) = G(a+1) U^(1/a) */
        double u = 1.0 - mnk_rng_uniform(r);
        return mnk_rng_gamma(r, shape + 1.0) * pow(u, 1.0 / shape);
    }
    double d = shape - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d);
    for (;;) {
        double x = mnk_rng_normal(r), v = 1.0 + c * x;
        if (v <= 0.0) continue;
        v = v * v * v;
        double u = 1.0 - mnk_rng_uniform(r);
        if (log(u) < 0.5 * x * x + d - d * v + d * log(v)) return d * v;
    }
}

uint64_t mnk_rng_poisson(mnk_rng *r, double mean) {
    uint64_t total = 0;
    while (mean > 30.0) { /* gamma split (Ahrens-Dieter 1974): exact, keeps the product loop short */
        double m = floor(mean * 0.875), x = mnk_rng_gamma(r, m);
        if (x > mean) { /* m arrivals overshoot: the rest is binomial(m-1, mean/x) */
            for (uint64_t i = 0; i + 1 < (uint64_t)m; i++) total += mnk_rng_uniform(r) < mean / x;
            return total;
        }
        total += (uint64_t)m;
        mean -= x;
    }
    double limit = exp(-mean), product = mnk_rng_uniform(r);
    while (product > limit) {
        total++;
        product *= mnk_rng_uniform(r);
    }
    return total;
}

void mnk_rng_permutation(mnk_rng *r, size_t *index, size_t n) {
    for (size_t i = 0; i < n; i++) index[i] = i;
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)mnk_rng_below(r, i), t = index[i - 1];
        index[i - 1] = index[j];
        index[j] = t;
    }
}

void mnk_rng_normal_f32(mnk_rng *r, float *out, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = (float)mnk_rng_normal(r);
}
