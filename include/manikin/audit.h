/* The audit of single items: how typical, how authentic, how near to a training item, for every synthetic item on its own
 * (Alaa et al. 2022, section 4); and which items to keep. For images and tables alike. */
#ifndef MANIKIN_AUDIT_H
#define MANIKIN_AUDIT_H

#include "manikin/evaluate.h"
#include "manikin/evaluate_table.h"

typedef struct mnk_audit {
    size_t n; /* synthetic items */
    char encoding[24], note[160];
    double *alpha;      /* [n] the smallest share of train whose ball around the centre of train holds the item; +infinity
                           when it is farther out than all of train. Small: typical; near 1: at the rim */
    uint8_t *authentic; /* [n] 1: farther from its nearest training item than that one is from its own nearest other */
    uint32_t *nearest;  /* [n] row of the nearest training item, lowest on ties */
    double *distance;   /* [n] to it, in the encoding */
    uint8_t *inside;    /* [n] 1: within the k-nearest-neighbour ball of some training item (improved precision) */
    uint8_t *copy;      /* [n] 1: the same as a training item in every compared value (tables), pixel (images, also turned) */
} mnk_audit;
MNK_API void mnk_audit_close(mnk_audit *a);

/* Every row against the whole of train. Same numbers for any number of threads. */
MNK_API mnk_status mnk_audit_tables(const mnk_table *train, const mnk_table *synthetic, const mnk_table_evaluate_config *config,
                                    const mnk_observer *observer, mnk_audit *out, mnk_error *err) MNK_CHECK;
/* The same in the first encoding of config (see mnk_evaluate). */
MNK_API mnk_status mnk_audit_images(const mnk_images *train, const mnk_images *synthetic, mnk_classifier *classifier,
                                    const mnk_evaluate_config *config, const mnk_observer *observer, mnk_audit *out,
                                    mnk_error *err) MNK_CHECK;

/* What an item must be to be kept: "authentic,alpha=0.9". Words, comma-separated, all of which must hold:
 *   authentic      as above
 *   alpha=A        inside the alpha-support of A, 0 < A <= 1
 *   inside         inside the training manifold
 *   no-copy        not the same as a training item
 *   distance>=D    at least so far from the nearest training item */
typedef struct mnk_keep {
    bool authentic, inside, no_copy;
    double alpha;    /* +infinity: any */
    double distance; /* 0: any */
} mnk_keep;
/* Unknown words are refused with the nearest known one; a word twice, too. */
MNK_API mnk_status mnk_keep_parse(const char *text, mnk_keep *out, mnk_error *err) MNK_CHECK;
MNK_API bool mnk_keep_item(const mnk_keep *k, const mnk_audit *a, size_t i);
/* Kept rows, ascending, in row[a->n] (may be NULL), and how many fall by each word alone (dropped[5] in the order authentic,
 * alpha, inside, no-copy, distance; may be NULL). Returns how many are kept. */
MNK_API size_t mnk_keep_rows(const mnk_keep *k, const mnk_audit *a, size_t *row, size_t dropped[5]);

#endif
