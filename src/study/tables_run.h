/* Inside a study of tables: what a run owns, the work of its steps (tables_work.c) and its page (tables_page.c). tables.c calls
 * them in order and keeps the records. */
#ifndef MNK_STUDY_TABLES_RUN_H
#define MNK_STUDY_TABLES_RUN_H

#include "base/hash.h"
#include "manikin/evidence_table.h"
#include "study/gated.h"
#include "study/generators.h"
#include "study/study.h"
#include "study/study_audit.h"

enum { MNK_TABLES_STEPS_MAX = 3 * MNK_STUDY_TABLES_MAX + 2 };

typedef struct mnk_tables_run {
    const mnk_study *s;
    const char *dir;
    const mnk_study_run_options *options;
    const mnk_observer *observer;
    uint64_t seed;
    mnk_study_generators g;
    mnk_table *all, *train, *holdout, *made[MNK_STUDY_TABLES_MAX];
    mnk_result *data, *result[MNK_STUDY_TABLES_MAX], *audit[MNK_STUDY_TABLES_MAX], *ranking, *tradeoff;
    size_t audited[MNK_STUDY_TABLES_MAX], audits; /* which of the tables are attacked */
    /* data, make of each table, judge of each, audit of those audited, report */
    char digest[MNK_TABLES_STEPS_MAX][MNK_HASH_TEXT];
    mnk_evidence_step step[MNK_TABLES_STEPS_MAX];
    size_t steps;
    bool is_dirty;
    char started[32], note[512];
} mnk_tables_run;

/* below, in the study's folder; `pattern` is a literal with the name of table i in it. */
void mnk_tables_path(const mnk_tables_run *r, const char *below, char out[1200]);
void mnk_tables_file(const mnk_tables_run *r, size_t i, const char *pattern, char below[160]);

/* Reads and splits the table, once. */
mnk_status mnk_tables_open_data(mnk_tables_run *r, mnk_error *err) MNK_CHECK;
/* The work of the steps; i: which table. */
mnk_status mnk_tables_describe(mnk_tables_run *r, size_t i, mnk_error *err) MNK_CHECK;
mnk_status mnk_tables_make(mnk_tables_run *r, size_t i, mnk_error *err) MNK_CHECK;
mnk_status mnk_tables_judge(mnk_tables_run *r, size_t i, mnk_error *err) MNK_CHECK;
mnk_status mnk_tables_audit(mnk_tables_run *r, size_t i, mnk_error *err) MNK_CHECK;
mnk_status mnk_tables_report(mnk_tables_run *r, size_t unused, mnk_error *err) MNK_CHECK;

/* Writes a result into the folder. */
mnk_status mnk_tables_save(const mnk_tables_run *r, mnk_result **result, const char *below, mnk_error *err) MNK_CHECK;
/* Whatever earlier steps left in the folder and is not in memory; ranking and trade-off. */
mnk_status mnk_tables_load(mnk_tables_run *r, mnk_error *err) MNK_CHECK;

enum { MNK_TABLES_FACTS = 7 };
typedef struct mnk_tables_page {
    mnk_table_evidence e;
    mnk_synthetic_table set[MNK_STUDY_GENERATORS_MAX];
    mnk_evidence_fact fact[MNK_STUDY_GENERATORS_MAX][MNK_TABLES_FACTS];
    mnk_gate gate[2 * MNK_GATES_MAX];
    mnk_study_audits audits;
    char key[MNK_PUBLIC_KEY_TEXT];
} mnk_tables_page;

/* Everything the report and the outcome say, of a loaded run. */
mnk_status mnk_tables_page_fill(mnk_tables_run *r, mnk_tables_page *x, mnk_error *err) MNK_CHECK;
void mnk_tables_page_close(mnk_tables_page *x); /* NULL is fine */

#endif
