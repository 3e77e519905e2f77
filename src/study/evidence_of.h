/* From a finished run to its report. */
#ifndef MNK_STUDY_EVIDENCE_OF_H
#define MNK_STUDY_EVIDENCE_OF_H

#include "study/run.h"

/* Reads the results that were not made in this process. */
mnk_status mnk_study_load_results(mnk_run *r, mnk_error *err) MNK_CHECK;

/* The step: report.html and evidence.json. */
mnk_status mnk_study_write_report(mnk_run *r, bool can_continue, mnk_error *err) MNK_CHECK;
/* The answer of the report and the gates into `out`. */
mnk_status mnk_study_outcome_of(mnk_run *r, mnk_study_outcome *out, mnk_error *err) MNK_CHECK;
/* manifest.json over everything, signed; leaves a manifest alone that still holds for this very signature. */
mnk_status mnk_study_seal(mnk_run *r, bool *was_unchanged, mnk_error *err) MNK_CHECK;

/* ---- what studies of images and of tables share ---- */
/* Before the first change: removes the old manifest, which no longer describes the folder. */
mnk_status mnk_study_unseal(const char *dir, mnk_error *err) MNK_CHECK;
/* The content hash lies beside the records, so that the manifest can be written again without the report. */
mnk_status mnk_study_write_content_hash(const char *dir, const char *hash, mnk_error *err) MNK_CHECK;
/* manifest.json over everything, signed; evidence_content and created are filled in. Leaves a manifest alone that still holds.
 */
mnk_status mnk_study_seal_folder(const char *dir, mnk_manifest_info *info, const mnk_key *key, bool is_dirty,
                                 bool *was_unchanged, mnk_error *err) MNK_CHECK;
void mnk_study_add_input(mnk_manifest_input *rows, size_t *n, const char *role, const char *source, const char *hash,
                         size_t items);
void mnk_study_hardware(char out[256]);
void mnk_study_now(char out[32]); /* "2026-11-23T21:30:00Z" */

#endif
