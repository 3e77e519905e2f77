/* From a finished run to its report. */
#ifndef MNK_STUDY_EVIDENCE_OF_H
#define MNK_STUDY_EVIDENCE_OF_H

#include "study/run.h"

/* Reads the results that were not made in this process. */
mnk_status mnk_study_load_results(mnk_run *r, mnk_error *err) MNK_CHECK;
size_t mnk_study_gates(const mnk_run *r, mnk_gate *out); /* wants results loaded */

/* The step: report.html and evidence.json. */
mnk_status mnk_study_write_report(mnk_run *r, bool can_continue, mnk_error *err) MNK_CHECK;
/* The answer of the report and the gates into `out`. */
mnk_status mnk_study_outcome_of(mnk_run *r, mnk_study_outcome *out, mnk_error *err) MNK_CHECK;
/* manifest.json over everything, signed; leaves a manifest alone that still holds for this very signature. */
mnk_status mnk_study_seal(mnk_run *r, bool *was_unchanged, mnk_error *err) MNK_CHECK;

void mnk_study_now(char out[32]); /* "2026-11-23T21:30:00Z" */

#endif
