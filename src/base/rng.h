/* Random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3").
 *
 * A stream is keyed by (seed, purpose) and addressed by (item, step, draw). No state is shared and nothing depends on
 * the thread, so the same seed gives the same numbers for any number of threads and after stop-and-resume.
 * Never use it for differential-privacy noise. */
#ifndef MNK_BASE_RNG_H
#define MNK_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* One Philox4x32-10 block: 128 counter bits and 64 key bits in, 128 random bits out. */
void mnk_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* A purpose is a constant of the module that draws; a new use takes a new number, so that streams never meet.
 * Numbers are part of every file's meaning (same seed, same bytes): append, never renumber. */
typedef enum mnk_purpose {
    MNK_PURPOSE_TEST = 1,
    MNK_PURPOSE_INIT,    /* initial weights */
    MNK_PURPOSE_SHUFFLE, /* order of items in an epoch */
    MNK_PURPOSE_SPLIT,   /* train/validation/test assignment */
    MNK_PURPOSE_LATENT,  /* generator input during training */
    MNK_PURPOSE_FAKE_LABEL,
    MNK_PURPOSE_AUGMENT,
    MNK_PURPOSE_SAMPLE, /* generator input when sampling */
    MNK_PURPOSE_GRID,   /* fixed latents of the sample grid */
    MNK_PURPOSE_BOOTSTRAP,
    MNK_PURPOSE_SUBSET,      /* random subsets: KID blocks, equal-n comparisons */
    MNK_PURPOSE_FLOOR,       /* noise reference lines */
    MNK_PURPOSE_PHANTOM,     /* forward models */
    MNK_PURPOSE_ACQUISITION, /* camera and section of forward models */
    MNK_PURPOSE_DROPOUT,
    MNK_PURPOSE_PERMUTE,
    MNK_PURPOSE_PACK,         /* which items form a pack */
    MNK_PURPOSE_POWER,        /* start vectors of power iterations */
    MNK_PURPOSE_GALLERY,      /* which items a report shows */
    MNK_PURPOSE_KEEP,         /* which items of a class a study keeps */
    MNK_PURPOSE_MODEL_CUT,    /* rows that decide when boosting stops */
    MNK_PURPOSE_MODEL_ROWS,   /* rows a model of a table is trained on */
    MNK_PURPOSE_FOLD,         /* folds of a cross-validation */
    MNK_PURPOSE_CHANCE,       /* shuffled subgroups: what a gap is by chance */
    MNK_PURPOSE_COLUMN,       /* columns of a table shuffled independently: the floor of its judges */
    MNK_PURPOSE_TUPLE,        /* which triples of columns are looked at */
    MNK_PURPOSE_TABLE_FIT,    /* fitting a generator of tables */
    MNK_PURPOSE_TABLE_DRAW,   /* drawing rows from it */
    MNK_PURPOSE_TABLE_RECODE, /* undoing the recoding: within a pool of rare levels */
    MNK_PURPOSE_TABLE_ID,     /* identifiers */
    MNK_PURPOSE_TABLE_MIX,    /* which row of a wanted mix is drawn next */
    MNK_PURPOSE_HALVES,       /* which half of a table learns and which judges: leaks of the outcome */
    MNK_PURPOSE_TABLE_NEURAL, /* steps of a neural generator of tables: rows, conditions, latent numbers, noise */
    MNK_PURPOSE_ATTACK,       /* which records attacks on privacy look at, and how the unseen ones are dealt */
    MNK_PURPOSE_ATTACK_QUERY, /* what attacks on tables ask: rows, columns, predicates */
    MNK_PURPOSE_EMBEDDING,    /* dp-merf: random features, and the latent numbers of its training */
    MNK_PURPOSE_CANARY        /* where the canaries of private training point */
} mnk_purpose;

/* A cursor on one stream. Copying it copies the position. */
typedef struct mnk_rng {
    uint32_t key[2];
    uint32_t counter[4]; /* draw block, item low, item high, step */
    uint32_t block[4];
    unsigned used;
} mnk_rng;

/* Stream (seed, purpose) at (item, step), first draw. */
mnk_rng mnk_rng_at(uint64_t seed, mnk_purpose purpose, uint64_t item, uint32_t step);

uint32_t mnk_rng_u32(mnk_rng *r);
uint64_t mnk_rng_u64(mnk_rng *r);
double mnk_rng_uniform(mnk_rng *r);             /* [0, 1), 53 bits */
float mnk_rng_uniform_f32(mnk_rng *r);          /* [0, 1), 24 bits */
double mnk_rng_normal(mnk_rng *r);              /* N(0, 1), Box-Muller, two uniforms a draw */
uint64_t mnk_rng_below(mnk_rng *r, uint64_t n); /* uniform on 0..n-1, unbiased (Lemire 2019); n > 0 */
double mnk_rng_exponential(mnk_rng *r);         /* mean 1 */
double mnk_rng_gamma(mnk_rng *r, double shape); /* scale 1, Marsaglia-Tsang 2000; shape > 0 */
uint64_t mnk_rng_poisson(mnk_rng *r, double mean);

/* Fisher-Yates on 0..n-1 written to `index`. */
void mnk_rng_permutation(mnk_rng *r, size_t *index, size_t n);

/* n normal draws as f32, in the order of the stream. */
void mnk_rng_normal_f32(mnk_rng *r, float *out, size_t n);

#endif
