/* The sections of a report on tables. Real beside holdout beside synthetic; numbers come from results and tables alone. */
#ifndef MNK_EVIDENCE_TABLES_H
#define MNK_EVIDENCE_TABLES_H

#include "base/json.h"
#include "manikin/evidence_table.h"
#include "manikin/rank.h"

enum { MNK_COLUMNS_SHOWN = 48, MNK_PAIRS_SHOWN = 40 };

/* A chart for every compared column, those that differ most first: outlines for numbers, shares of the commonest levels for
 * codes. At most `most` of them. */
mnk_status mnk_report_columns(mnk_text *t, const mnk_table_evidence *e, size_t most, mnk_error *err) MNK_CHECK;
/* Association of every pair of columns (Cramer's V of binned columns): train, and how far each synthetic table is from it. */
mnk_status mnk_report_pairs(mnk_text *t, const mnk_table_evidence *e, mnk_error *err) MNK_CHECK;
/* Missing values: share by column, and which are missing together. */
mnk_status mnk_report_missing(mnk_text *t, const mnk_table_evidence *e, mnk_error *err) MNK_CHECK;
/* Flagged rows in words: rules broken, copies, real rows never generated. */
void mnk_report_rows(mnk_text *t, const mnk_table_evidence *e);
/* Fidelity of every subgroup and pair of them; nothing where it was not judged. */
mnk_status mnk_report_subgroups(mnk_text *t, const mnk_table_evidence *e, mnk_error *err) MNK_CHECK;
/* What was compared: counts, persons, columns with type, role and bounds. */
void mnk_report_tables(mnk_text *t, const mnk_table_evidence *e);
/* The overall metrics of some groups, a column for each synthetic table beside holdout, copy and floor. */
void mnk_report_scores(mnk_text *t, const mnk_table_evidence *e, const char *const *groups, size_t n_groups);

/* The planes of privacy and utility, over budgets and over attacks, and their table. Nothing without a trade-off. */
void mnk_report_tradeoff(mnk_text *t, const mnk_result *tradeoff);
/* What each factor of epsilon costs, one sentence a series, and what publishing everything costs: appended from out[n], at most
 * `most` of them. Returns the new number. */
int mnk_answer_tradeoff(const mnk_result *tradeoff, mnk_sentence *out, int n, int most);

/* Ranks with their ties, and the planes fidelity-diversity and privacy-utility, of tables or images. */
void mnk_report_ranking(mnk_text *t, const mnk_rank_entry *entry, size_t n, const mnk_result *ranking);

#endif
