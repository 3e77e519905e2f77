/* Evidence on synthetic tables: one or several of them beside the real table they were made from. */
#ifndef MANIKIN_EVIDENCE_TABLE_H
#define MANIKIN_EVIDENCE_TABLE_H

#include "manikin/evidence.h"
#include "manikin/table.h"

#define MNK_SYNTHETIC_MAX 16

typedef struct mnk_synthetic_table {
    const char *name; /* "arf", or the file's name */
    const mnk_table *table;
    const mnk_result *result;      /* what the judges say of it; NULL: not judged */
    bool is_baseline;              /* the closed-form generator that others have to beat */
    const mnk_evidence_fact *fact; /* what made it */
    size_t facts;
} mnk_synthetic_table;

/* All tables share one schema object. Everything is borrowed until the call returns. */
typedef struct mnk_table_evidence {
    mnk_evidence base;                /* title, seed, thresholds, settings, run; its images and results stay NULL */
    const mnk_table *train, *holdout; /* holdout may be NULL */
    const mnk_synthetic_table *synthetic;
    size_t n;                   /* 1..MNK_SYNTHETIC_MAX */
    const mnk_result *ranking;  /* NULL with one synthetic table */
    const mnk_result *tradeoff; /* privacy against utility over all makings (manikin/tradeoff.h), `epsilon_all` of publishing
                                   all of them; NULL: neither budgets nor repeats */
} mnk_table_evidence;

/* The page alone (at most 3 MB), as `manikin evaluate --report` writes it. */
MNK_API mnk_status mnk_table_evidence_page(const mnk_table_evidence *e, const char *path, bool force, mnk_error *err) MNK_CHECK;
/* dir/evidence.json and dir/report.html. content_hash as in mnk_evidence_write. */
MNK_API mnk_status mnk_table_evidence_write(const mnk_table_evidence *e, const char *dir, char content_hash[73],
                                            mnk_error *err) MNK_CHECK;
/* The answer in words, as it stands in the report. Returns how many sentences. */
MNK_API int mnk_table_evidence_answer(const mnk_table_evidence *e, mnk_sentence out[8]);

#endif
