/* Dropping the items that fail the audit: what that does to the figures, and generators drawn from until enough are kept.
 * docs/methods/keep.md. */
#ifndef MANIKIN_KEEP_H
#define MANIKIN_KEEP_H

#include "manikin/audit.h"
#include "manikin/gan.h"
#include "manikin/table_generator.h"

/* How the drawing went. */
typedef struct mnk_keep_report {
    size_t drawn, kept;
    size_t dropped[5]; /* of those drawn, by each word alone: authentic, alpha, inside, no-copy, distance */
} mnk_keep_report;
MNK_API const char *mnk_keep_word(size_t i); /* "authentic", …; NULL from 5 on */
/* 1 when the word takes part. */
MNK_API bool mnk_keep_has(const mnk_keep *k, size_t word);

/* Adds to r, group "gate": `kept` (share of those drawn or given, Wilson interval) and `dropped` of every word that takes part
 * (subset: the word; words overlap, so shares may sum to more than what was dropped). */
MNK_API mnk_status mnk_keep_counts(const mnk_keep *k, const mnk_keep_report *counts, double level, mnk_result *r,
                                   mnk_error *err) MNK_CHECK;
/* Adds every overall metric of `before` that `after` has too (no subset, no column) twice, with subsets "before" and "after",
 * in its own group, with its intervals and reference lines. The row "after" carries a verdict: "higher" or "lower" where the
 * two differ beyond chance, |a - b| > z sqrt(se_a^2 + se_b^2), else "cannot tell" (the kept items are part of all items, so the
 * errors are positively correlated and this errs towards "cannot tell"; equal values: "no change"). Its note says which of them
 * the gate itself selects on: those rise by construction and prove nothing. */
MNK_API mnk_status mnk_keep_effect(const mnk_keep *k, const mnk_result *before, const mnk_result *after, mnk_result *r,
                                   mnk_error *err) MNK_CHECK;

/* A gate that keeps fewer than this share of the first draws is refused: it would draw without end. */
#define MNK_KEEP_HOPELESS 0.01

/* Draws until options->n rows are kept: those that pass among the generator's rows in order, so that the result does not depend
 * on how many are drawn at a time. `train` has the generator's columns, by name; its levels are matched by text (and new ones
 * appended to its schema). Refused (MNK_ERR_USAGE): persons, like. MNK_ERR_INPUT
 * with the measured rate when next to nothing is kept. report may be NULL. */
MNK_API mnk_status mnk_keep_sample_table(mnk_table_generator *g, const mnk_table_sample_options *options, const mnk_keep *k,
                                         const mnk_table *train, const mnk_table_evaluate_config *config,
                                         const mnk_observer *observer, mnk_table **out, mnk_keep_report *report,
                                         mnk_error *err) MNK_CHECK;
/* The same rows on another schema whose columns have these names, for the judges: levels are matched by their text and appended
 * where new; identifiers and free text stay missing. MNK_ERR_INPUT: a column is missing or of another kind. */
MNK_API mnk_status mnk_keep_on_schema(const mnk_table *t, mnk_schema *schema, mnk_table **out, mnk_error *err) MNK_CHECK;
/* The same with images: count[c] of every class c of the generator, whose images come in order of class. The stream of a class
 * is its own (image j of class c is item c 2^40 + j), so a gated set shares no image with an ungated one of that seed. */
MNK_API mnk_status mnk_keep_sample_images(mnk_gan *g, const uint64_t *count, uint64_t seed, const mnk_keep *k,
                                          const mnk_images *train, mnk_classifier *classifier,
                                          const mnk_evaluate_config *config, const mnk_observer *observer, mnk_images **out,
                                          mnk_keep_report *report, mnk_error *err) MNK_CHECK;

#endif
