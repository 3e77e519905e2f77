/* numpy.random.default_rng(seed).standard_normal(...), bit for bit: golden values made with numpy can then be checked on the
 * same numbers without committing megabytes. PCG64 XSL-RR 128/64 (O'Neill 2014), numpy's SeedSequence, 256-layer ziggurat
 * (Marsaglia & Tsang 2000). */
#ifndef MNK_TESTS_NUMPY_STREAM_H
#define MNK_TESTS_NUMPY_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct numpy_stream {
    unsigned __int128 state, increment;
    bool has_half;
    uint32_t half;
} numpy_stream;

numpy_stream numpy_default_rng(uint32_t seed);
void numpy_standard_normal_f32(numpy_stream *r, float *out, size_t n);  /* dtype=float32 */
void numpy_standard_normal_f64(numpy_stream *r, double *out, size_t n); /* the default dtype */

#endif
