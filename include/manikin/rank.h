/* Ranking: several synthetic sets judged against the same real data, without false winners. */
#ifndef MANIKIN_RANK_H
#define MANIKIN_RANK_H

#include "manikin/result.h"

/* What a metric should be, for a ranking to know better from worse. */
typedef enum mnk_rank_aim {
    MNK_RANK_HIGH,   /* higher is better */
    MNK_RANK_LOW,    /* lower is better */
    MNK_RANK_HALF,   /* nearer to 0.5 is better: the AUC of a two-sample test */
    MNK_RANK_HOLDOUT /* nearer to the reference "holdout" is better: authenticity, density, within-class spread */
} mnk_rank_aim;

typedef enum mnk_rank_axis { MNK_RANK_FIDELITY, MNK_RANK_DIVERSITY, MNK_RANK_PRIVACY, MNK_RANK_UTILITY } mnk_rank_axis;
#define MNK_RANK_AXES 4

/* A metric that ranks. The table has one row for each; images and tables share ids where they share metrics. */
typedef struct mnk_rank_metric {
    const char *id;
    mnk_rank_axis axis;
    mnk_rank_aim aim;
} mnk_rank_metric;
MNK_API const mnk_rank_metric *mnk_rank_metrics(size_t *n);
MNK_API const char *mnk_rank_axis_name(mnk_rank_axis axis); /* "fidelity", … */
/* The overall metric that stands for an axis in a plane: the first of the table that r has with a value; NULL when none. */
MNK_API const mnk_metric *mnk_rank_axis_metric(const mnk_result *r, mnk_rank_axis axis);

typedef struct mnk_rank_entry {
    const char *name; /* of the synthetic set */
    const mnk_result *result;
} mnk_rank_entry;

/* Adds to r, group "ranking", for every metric of the table that at least two entries have (overall, in each encoding) and
 * every entry a row "rank.<metric>" with subset = name: value = best rank it may have (1 + number of entries that are better
 * beyond chance; ties share a rank), low..high = ranks that chance leaves open, n = entries compared; then one row "rank" per
 * entry, the mean over metrics of the middle of low and high.
 * Two values differ beyond chance when |a - b| > z sqrt(se_a^2 + se_b^2), z two-sided at `level` after Bonferroni over the
 * pairs of one metric; a standard error is the half width of the metric's interval over its own z. Sets are judged on the same
 * real data, so their errors are positively correlated and this errs towards ties. A metric without an interval never
 * separates. MNK_ERR_USAGE: fewer than two entries. */
MNK_API mnk_status mnk_rank(const mnk_rank_entry *entry, size_t n, double level, mnk_result *r, mnk_error *err) MNK_CHECK;

#endif
