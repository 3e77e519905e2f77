/* Random bits for privacy noise: ChaCha20 keyed by the operating system's generator. Nothing but a permit (permit.h) draws from
 * it, and only a ledger (ledger.h) gives permits. No seed of the user ever reaches it, its key is never stored, and every
 * process that opens one has a key of its own: resuming re-keys. */
#ifndef MNK_PRIVACY_NOISE_H
#define MNK_PRIVACY_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

enum { MNK_NOISE_BUFFER = 4096 };

typedef struct mnk_noise {
    uint8_t key[32];
    uint8_t buffer[MNK_NOISE_BUFFER];
    size_t used;
    pid_t owner;
    bool is_reproducible;
} mnk_noise;

/* Keyed by getrandom (libsodium; the process ends if the system has no random numbers). */
void mnk_noise_open(mnk_noise *out);
/* The same bits for the same seed: tests only. Whoever calls it has to carry the stamp NOT PRIVATE; the ledger does. */
void mnk_noise_open_reproducible(uint64_t seed, mnk_noise *out);
/* An independent source keyed from `from`, for a block of a parallel loop. */
void mnk_noise_split(mnk_noise *from, mnk_noise *out);
/* Wipes key and buffer. */
void mnk_noise_close(mnk_noise *s);
/* After fork the child must not repeat the parent's bits: re-keys in a process that is not the owner. */
void mnk_noise_after_fork(mnk_noise *s);

/* Next buffer; the first 32 bytes of each become the next key, so that a stolen state does not tell past noise. */
void mnk_noise_refill(mnk_noise *s);

static inline uint64_t mnk_noise_u64(mnk_noise *s) {
    uint64_t x;
    if (s->used + sizeof x > MNK_NOISE_BUFFER) mnk_noise_refill(s);
    __builtin_memcpy(&x, s->buffer + s->used, sizeof x);
    s->used += sizeof x;
    return x;
}

/* ---- exact samplers: integer arithmetic alone (Canonne, Kamath & Steinke 2020, "The discrete Gaussian for differential
 * privacy", Algorithms 1 to 3) ---- */

typedef unsigned __int128 mnk_u128;

/* Uniform on 0..n-1, n > 0. */
mnk_u128 mnk_noise_below(mnk_noise *s, mnk_u128 n);
/* True with probability num/den <= 1. */
bool mnk_noise_bernoulli(mnk_noise *s, mnk_u128 num, mnk_u128 den);
/* True with probability exp(-num/den). */
bool mnk_noise_bernoulli_exp(mnk_noise *s, mnk_u128 num, mnk_u128 den);

/* P(k) ~ exp(-|k| den / num) on the integers: scale num/den, 0 < num <= 2^52, den > 0. */
int64_t mnk_noise_discrete_laplace(mnk_noise *s, uint64_t num, uint64_t den);

/* P(k) ~ exp(-k^2 / (2 sigma2)), sigma2 = numerator / 2^shift. */
typedef struct mnk_discrete_gaussian {
    uint64_t numerator, scale; /* scale: floor(sigma) + 1, of the Laplace proposals */
    int shift;
} mnk_discrete_gaussian;
/* sigma in [1e-3, 2^25]; the variance is rounded up, by less than 2^-50 of it or of 1. False outside. */
bool mnk_discrete_gaussian_open(double sigma, mnk_discrete_gaussian *out);
int64_t mnk_noise_discrete_gaussian(mnk_noise *s, const mnk_discrete_gaussian *g);

#endif
