/* Evidence on one or several sets of synthetic images beside the real ones they were made from, without a study. */
#ifndef MANIKIN_EVIDENCE_IMAGES_H
#define MANIKIN_EVIDENCE_IMAGES_H

#include "manikin/evidence.h"
#include "manikin/evidence_table.h"

typedef struct mnk_synthetic_images {
    const char *name;
    const mnk_images *images;
    const mnk_result *result; /* what the judges say of it */
} mnk_synthetic_images;

/* All sets have train's classes in its numbering (mnk_images_relabel) and one size. Borrowed until the call returns. */
typedef struct mnk_images_evidence {
    mnk_evidence base;                 /* title, seed, hide_real, public_key, run; its data sets and results stay NULL */
    const mnk_images *train, *holdout; /* holdout may be NULL */
    const mnk_synthetic_images *synthetic;
    size_t n;                  /* 1..MNK_SYNTHETIC_MAX */
    const mnk_result *ranking; /* NULL with one set */
} mnk_images_evidence;

/* Ranks and planes, contact sheets of every set class by class, the numbers, and of every set its copies, its artefacts and
 * what it never generated. At most 3 MB: contact sheets shrink until it fits. */
MNK_API mnk_status mnk_images_evidence_page(const mnk_images_evidence *e, const char *path, bool force,
                                            mnk_error *err) MNK_CHECK;

#endif
