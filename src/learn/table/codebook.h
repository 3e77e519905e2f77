/* The codebook of a working table: every column as at most 255 bins, for the trees and the marginals.
 *
 * Bin 0 is "missing". A column of codes has bin 1 + code. A column of numbers has, in ascending order, *atoms* (values that
 * are repeated so often that they are states of their own: 0 of a cost, every age) and *intervals* of roughly equal count for
 * the rest, the continuous part. A value repeated too rarely never becomes an atom, so no bin says what one person had.
 *
 * The continuous part has a distribution function F, piecewise linear over its intervals; z = Phi^-1(F(x)) is its normal score.
 */
#ifndef MNK_LEARN_TABLE_CODEBOOK_H
#define MNK_LEARN_TABLE_CODEBOOK_H

#include "learn/table/tensors.h"
#include "manikin/table.h"

#define MNK_BINS        256
#define MNK_SCORE_LIMIT 4.0 /* normal scores lie in [-4, 4] */

typedef struct mnk_codes {   /* one column */
    bool is_number, ordered; /* ordered: bins beyond 0 have an order (numbers, ordinals, two levels) */
    uint16_t bins;           /* with bin 0 */
    bool has_continuous;
    double low[MNK_BINS], high[MNK_BINS]; /* numbers: limits of the bin; equal for an atom */
    double count[MNK_BINS];               /* training rows in the bin */
    double below[MNK_BINS];               /* intervals: F at the lower limit */
    double total;                         /* rows of the continuous part */
    uint8_t order[MNK_BINS];              /* order[k]: k-th bin of 1..bins-1; of levels, see mnk_codebook_fit */
    uint8_t rank[MNK_BINS];               /* place of a bin in `order` */
} mnk_codes;

typedef struct mnk_codebook {
    size_t columns;
    mnk_codes *column; /* [columns] */
} mnk_codebook;

/* Levels without an order of their own are put in that of the mean of the number (or ordinal) that tells most of them apart, so
 * that a latent normal variable can stand for them; as they are listed, when none does. */
mnk_status mnk_codebook_fit(const mnk_table *t, mnk_codebook *out, mnk_error *err) MNK_CHECK;
/* That of the schema alone, every bin counted once: a number has at most `stretches` intervals of equal width between its
 * bounds, whole numbers of fewer values an atom each. MNK_ERR_INPUT names a number without bounds. */
mnk_status mnk_codebook_public(const mnk_schema *s, size_t stretches, mnk_codebook *out, mnk_error *err) MNK_CHECK;
void mnk_codebook_clear(mnk_codebook *b);
mnk_status mnk_codebook_save(const mnk_codebook *b, mnk_tensors *file, mnk_error *err) MNK_CHECK;
mnk_status mnk_codebook_open(const mnk_tensors_in *in, const mnk_schema *s, mnk_codebook *out, mnk_error *err) MNK_CHECK;

static inline bool mnk_codes_is_atom(const mnk_codes *c, unsigned bin) { return !c->is_number || c->low[bin] == c->high[bin]; }
/* Bin of a value; values outside all limits take the nearest bin. */
uint8_t mnk_codes_bin(const mnk_codes *c, double x);
/* Bin of a cell: a code beyond the known levels counts as missing. */
uint8_t mnk_codebook_bin(const mnk_codebook *b, const mnk_table *t, size_t column, size_t row);
/* All cells: bin[column*n + row]. */
void mnk_codebook_encode(const mnk_codebook *b, const mnk_table *t, uint8_t *bin);
/* Normal score of the middle of a bin's share of the whole column, in `order`. */
double mnk_codes_bin_score(const mnk_codes *c, unsigned bin);
/* Normal score of a value in interval `bin`, and back. */
double mnk_codes_score(const mnk_codes *c, unsigned bin, double x);
double mnk_codes_value(const mnk_codes *c, double score);
/* Score at the lower limit of an interval (bin) or at its upper one. */
double mnk_codes_score_low(const mnk_codes *c, unsigned bin);
double mnk_codes_score_high(const mnk_codes *c, unsigned bin);
/* Writes a cell: bin 0 missing, a level, an atom. Not for intervals. */
void mnk_codebook_put(const mnk_codebook *b, mnk_table *t, size_t column, size_t row, unsigned bin);

#endif
