/* How the networks see a row: every column is a *piece* of the feature vector.
 *
 *   codes     one-hot over the states that occur: levels, and "missing" where it occurs
 *   numbers   modes found without iteration: "missing", *spikes* (values that five rows in a hundred share: a cost of 0), and
 *             the rest, which carries a normal score z = Phi^-1(F(x)). One-hot over the modes, and the score beside it.
 *
 * The public layout, of a codebook that follows from the schema (mnk_codebook_public), has a mode for every interval of a
 * number; the score is the place within it, from -1 to 1. Then the label is the only condition.
 *
 * A column with one state and no score has no feature at all. The layout follows from the codebook alone, so a model file
 * keeps only that. Rows are kept small (a byte a column and a float a score) and unfolded batch by batch. */
#ifndef MNK_LEARN_TABLE_NEURAL_LAYOUT_H
#define MNK_LEARN_TABLE_NEURAL_LAYOUT_H

#include "base/rng.h"
#include "learn/table/codebook.h"

typedef struct mnk_piece {
    bool has_score;
    uint16_t modes;            /* states 0 .. modes-1 have the score: 1, in the public layout more; 0 without a score */
    uint16_t states;           /* 1..256 */
    uint8_t bin[MNK_BINS];     /* [states] codebook bin of a state; that of a single score's mode is not read */
    int16_t state[MNK_BINS];   /* [bins] state of a codebook bin, -1: did not occur */
    double weight[MNK_BINS];   /* [states] training rows */
    double below[MNK_BINS];    /* [bins] F at the lower limit of a bin of the score's mode */
    double total;              /* rows of the score's mode */
    size_t score_at, state_at; /* places in the feature vector; MNK_NOWHERE: has none */
    size_t condition_at;       /* place of its states in the condition vector; MNK_NOWHERE: is no condition */
} mnk_piece;

#define MNK_NOWHERE ((size_t)-1)

typedef struct mnk_layout {
    bool is_public;
    const mnk_codebook *book;
    mnk_piece *piece;                    /* [book->columns] */
    size_t width;                        /* features */
    size_t conditions;                   /* condition vector */
    size_t *condition, condition_pieces; /* pieces that are conditions */
    long label;                          /* piece of the label, -1 */
} mnk_layout;

/* `book` must live as long. */
mnk_status mnk_layout_open(const mnk_codebook *book, const mnk_schema *s, bool is_public, mnk_layout *out,
                           mnk_error *err) MNK_CHECK;
void mnk_layout_clear(mnk_layout *l);

/* Rows of a table, folded: state and score of piece c in row i at [i*columns + c]. A repeated value has a score drawn from
 * its stretch of F, once for each row (seed, row). */
typedef struct mnk_folded {
    size_t n, columns;
    uint8_t *state;
    float *score;
} mnk_folded;
mnk_status mnk_folded_open(const mnk_layout *l, const mnk_table *t, uint64_t seed, uint32_t stream, mnk_folded *out,
                           mnk_error *err) MNK_CHECK;
void mnk_folded_clear(mnk_folded *f);
/* Features of row i, [l->width]. */
void mnk_layout_unfold(const mnk_layout *l, const uint8_t *state, const float *score, float *x);
/* Score of a value of a score's mode, u in [0, 1) deciding within a repeated value; and back, the state being one that has it.
 */
double mnk_piece_score(const mnk_codes *k, const mnk_piece *p, unsigned bin, double x, double u);
double mnk_piece_value(const mnk_codes *k, const mnk_piece *p, unsigned state, double score);
/* The value at (column, row) of `to` for a state and a score. */
void mnk_layout_put(const mnk_layout *l, size_t column, unsigned state, double score, mnk_table *to, size_t row);

#endif
