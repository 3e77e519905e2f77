/* The option table of usefulness, and the report over many trials. */
#ifndef MNK_EVALUATE_USEFULNESS_H
#define MNK_EVALUATE_USEFULNESS_H

#include "base/options.h"
#include "evaluate/arms.h"
#include "manikin/usefulness.h"

extern const mnk_option mnk_usefulness_options[]; /* over mnk_usefulness_config, the classifier's included */

/* One amount of training data: the arms without synthetic images of every training subset, the others of every generator. */
typedef struct mnk_usefulness_point {
    int subsets, generators;
    mnk_scores *const *real;      /* [subsets] */
    mnk_scores *const *synthetic; /* [subsets][generators] */
    int64_t most;                 /* training images a class; 0: the whole training set, whose ids have no "@N" */
} mnk_usefulness_point;

/* Adds the metrics of mnk_usefulness over all points; the first point is the study's own and, unless config names one, decides
 * which pair of classes is the hard one. test and val (may be NULL) in train's numbering of classes or by name. */
mnk_status mnk_usefulness_report(const mnk_images *train, const mnk_images *val, const mnk_images *test,
                                 const mnk_usefulness_point *point, size_t points, const mnk_usefulness_config *config,
                                 mnk_result *r, mnk_error *err) MNK_CHECK;

mnk_status mnk_usefulness_check(const mnk_usefulness_config *config, mnk_error *err) MNK_CHECK;

#endif
