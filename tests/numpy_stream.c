#include "numpy_stream.h"

#include <math.h>

/* ---- SeedSequence: a pool of four words, mixed, then stretched ---- */

static uint32_t hashmix(uint32_t value, uint32_t *constant, uint32_t multiplier) {
    value ^= *constant;
    *constant *= multiplier;
    value *= *constant;
    return value ^ (value >> 16);
}

static uint32_t mix(uint32_t x, uint32_t y) {
    uint32_t z = 0xca01f9ddu * x - 0x4973f715u * y;
    return z ^ (z >> 16);
}

static void seed_words(uint32_t seed, uint64_t out[4]) {
    uint32_t pool[4], a = 0x43b0d7e5u, b = 0x8b51f9ddu, word[8];
    for (int i = 0; i < 4; i++) pool[i] = hashmix(i == 0 ? seed : 0, &a, 0x931e8875u);
    for (int s = 0; s < 4; s++)
        for (int d = 0; d < 4; d++)
            if (s != d) pool[d] = mix(pool[d], hashmix(pool[s], &a, 0x931e8875u));
    for (int i = 0; i < 8; i++) word[i] = hashmix(pool[i % 4], &b, 0x58f38dedu);
    for (int i = 0; i < 4; i++) out[i] = word[2 * i] | (uint64_t)word[2 * i + 1] << 32;
}

/* ---- PCG64 ---- */

static void advance(numpy_stream *r) {
    const unsigned __int128 multiplier = (unsigned __int128)0x2360ED051FC65DA4u << 64 | 0x4385DF649FCCF645u;
    r->state = r->state * multiplier + r->increment;
}

static uint64_t next64(numpy_stream *r) {
    advance(r);
    const uint64_t x = (uint64_t)(r->state >> 64) ^ (uint64_t)r->state;
    const unsigned turn = (unsigned)(r->state >> 122);
    return x >> turn | x << ((64 - turn) & 63);
}

static uint32_t next32(numpy_stream *r) {
    if (r->has_half) {
        r->has_half = false;
        return r->half;
    }
    const uint64_t x = next64(r);
    r->has_half = true;
    r->half = (uint32_t)(x >> 32);
    return (uint32_t)x;
}

static double uniform64(numpy_stream *r) { return (double)(next64(r) >> 11) / 9007199254740992.0; }
static float uniform32(numpy_stream *r) { return (float)(next32(r) >> 8) / 16777216.0f; }

numpy_stream numpy_default_rng(uint32_t seed) {
    uint64_t w[4];
    seed_words(seed, w);
    numpy_stream r = {0};
    r.increment = ((unsigned __int128)w[2] << 64 | w[3]) << 1 | 1;
    advance(&r);
    r.state += (unsigned __int128)w[0] << 64 | w[1];
    advance(&r);
    return r;
}

/* ---- ziggurat ---- */

static const double R = 3.6541528853610088;
static double width[256], height[256], edge[256]; /* x, f(x), and the share of a layer that needs no test */

static void make_layers(void) {
    if (height[0] == 1) return;
    const double area = R * exp(-0.5 * R * R) + sqrt(M_PI / 2) * erfc(R / M_SQRT2);
    double x = R, last = R;
    const double base = area / exp(-0.5 * R * R);
    edge[0] = R / base, edge[1] = 0;
    width[0] = base, width[255] = R;
    height[0] = 1, height[255] = exp(-0.5 * R * R);
    for (int i = 254; i >= 1; i--) {
        x = sqrt(-2 * log(area / x + exp(-0.5 * x * x)));
        edge[i + 1] = x / last;
        last = x;
        height[i] = exp(-0.5 * x * x);
        width[i] = x;
    }
}

void numpy_standard_normal_f64(numpy_stream *r, double *out, size_t n) {
    make_layers();
    for (size_t i = 0; i < n;) {
        const uint64_t u = next64(r), abs = u >> 9 & 0xfffffffffffffu;
        const int layer = (int)(u & 0xff), sign = (int)(u >> 8 & 1);
        double x = (double)abs * (width[layer] / 4503599627370496.0);
        if (sign) x = -x;
        if (abs < (uint64_t)(edge[layer] * 4503599627370496.0)) {
            out[i++] = x;
        } else if (layer == 0) {
            double a, b;
            do {
                a = -log1p(-uniform64(r)) / R;
                b = -log1p(-uniform64(r));
            } while (!(b + b > a * a));
            out[i++] = abs >> 8 & 1 ? -(R + a) : R + a;
        } else if ((height[layer - 1] - height[layer]) * uniform64(r) + height[layer] < exp(-0.5 * x * x)) {
            out[i++] = x;
        }
    }
}

void numpy_standard_normal_f32(numpy_stream *r, float *out, size_t n) {
    make_layers();
    const float end = (float)R, inverse = (float)(1 / R);
    for (size_t i = 0; i < n;) {
        const uint32_t u = next32(r), abs = u >> 9 & 0x7fffff;
        const int layer = (int)(u & 0xff), sign = (int)(u >> 8 & 1);
        float x = (float)abs * (float)(width[layer] / 8388608.0);
        if (sign) x = -x;
        if (abs < (uint32_t)(edge[layer] * 8388608.0)) {
            out[i++] = x;
        } else if (layer == 0) {
            float a, b;
            do {
                a = -inverse * log1pf(-uniform32(r));
                b = -log1pf(-uniform32(r));
            } while (!(b + b > a * a));
            out[i++] = abs >> 8 & 1 ? -(end + a) : end + a;
        } else if (((float)height[layer - 1] - (float)height[layer]) * uniform32(r) + (float)height[layer] <
                   (float)exp(-0.5 * (double)x * (double)x)) {
            out[i++] = x;
        }
    }
}
