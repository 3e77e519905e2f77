#include "learn/classifier/augment.h"

#include <math.h>
#include <stdbool.h>

/* A symmetry of the square: transpose first, then mirror. */
typedef struct symmetry {
    bool transpose, flip_y, flip_x;
} symmetry;

static symmetry draw_symmetry(const mnk_classifier_config *config, bool square, mnk_rng *rng) {
    static const symmetry turns[4] = {{0, 0, 0}, {1, 0, 1}, {0, 1, 1}, {1, 1, 0}};
    uint32_t turn = mnk_rng_u32(rng) & 3, mirror = mnk_rng_u32(rng) & 3;
    symmetry s = config->rotations && square ? turns[turn] : (symmetry){0, 0, 0};
    if (config->flips) { /* a random turn and random mirrors meet each of the eight symmetries equally often */
        s.flip_y ^= mirror & 1;
        s.flip_x ^= mirror >> 1;
    }
    return s;
}

static int clamp(int x, int n) { return x < 0 ? 0 : x >= n ? n - 1 : x; }

static double symmetric(mnk_rng *rng, double half) { return half * (2.0 * mnk_rng_uniform(rng) - 1.0); }

static void move(const float *in, float *out, int height, int width, symmetry s, int dy, int dx) {
    for (int y = 0; y < height; y++) {
        int row = clamp(y - dy, height);
        if (s.flip_y) row = height - 1 - row;
        for (int x = 0; x < width; x++) {
            int column = clamp(x - dx, width);
            if (s.flip_x) column = width - 1 - column;
            out[y * width + x] = s.transpose ? in[column * width + row] : in[row * width + column];
        }
    }
}

void mnk_classifier_augment(const mnk_classifier_config *config, const float *in, float *out, int channels, int height,
                            int width, mnk_rng *rng) {
    size_t plane = (size_t)height * (size_t)width, all = plane * (size_t)channels;
    symmetry s = draw_symmetry(config, height == width, rng);
    int dy = (int)lrint(symmetric(rng, config->translate * height)), dx = (int)lrint(symmetric(rng, config->translate * width));
    double brightness = symmetric(rng, config->brightness), gain = 1.0 + symmetric(rng, config->contrast), mean = 0.0;
    for (size_t i = 0; i < all; i++) mean += in[i];
    mean /= (double)all;
    for (int c = 0; c < channels; c++) {
        double colour = symmetric(rng, config->colour);
        float a = (float)gain, b = (float)(mean - gain * mean + brightness + (channels > 1 ? colour : 0.0));
        float *o = out + (size_t)c * plane;
        move(in + (size_t)c * plane, o, height, width, s, dy, dx);
        for (size_t i = 0; i < plane; i++) {
            float v = a * o[i] + b;
            o[i] = v < -1.0f ? -1.0f : v > 1.0f ? 1.0f : v;
        }
    }
}
