/* Studies: a whole protocol in one file, run from data to signed evidence. What a study file may say: docs/study-files.md.
 *
 * Steps: data -> gan -> sample -> classifier -> evaluate -> usefulness -> report. A finished step is recorded with the hash of
 * its settings and inputs; it is done again only when these changed. A run may be killed at any moment and started again. */
#ifndef MANIKIN_STUDY_H
#define MANIKIN_STUDY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manikin/error.h"
#include "manikin/evidence.h"
#include "manikin/observer.h"

typedef struct mnk_study mnk_study;

/* Reads and checks a study file completely: unknown keys, types, ranges, thresholds. set[0..n-1] are "section.key=value" and
 * win over the file. Relative paths in the file count from the file's folder, those of `set` from the working folder. Errors
 * name file:line:column. */
MNK_API mnk_status mnk_study_read(const char *path, const char *const *set, size_t n, mnk_study **out,
                                  mnk_error *err) MNK_CHECK;
/* The same from text; `name` stands in messages and in the report, `folder` is where relative paths start (NULL: as they are).
 */
MNK_API mnk_status mnk_study_parse(const char *text, size_t bytes, const char *name, const char *folder, const char *const *set,
                                   size_t n, mnk_study **out, mnk_error *err) MNK_CHECK;
MNK_API void mnk_study_close(mnk_study *s);

MNK_API const char *mnk_study_title(const mnk_study *s);
MNK_API int mnk_study_threads(const mnk_study *s); /* 0: not said */
MNK_API void mnk_study_set_seed(mnk_study *s, uint64_t seed);
/* All settings with defaults filled in, as a JSON object; lives as long as the study. */
MNK_API const char *mnk_study_settings(const mnk_study *s);

/* The built-in study of `manikin demo`: text of a study file over the histology phantom. */
MNK_API extern const char mnk_study_demo[];

typedef enum mnk_step_state { MNK_STEP_STARTED, MNK_STEP_DONE, MNK_STEP_REUSED } mnk_step_state;

typedef struct mnk_step_event {
    int index, total; /* 1-based, among the steps that are not switched off */
    const char *name, *title;
    mnk_step_state state;
    double wall_s;
} mnk_step_event;

typedef struct mnk_study_run_options {
    bool force;                                           /* run in a folder that holds other things */
    const mnk_key *key;                                   /* signs the manifest; NULL: not signed */
    const char *command;                                  /* what repeats this run, for the report; NULL: none */
    void (*step)(void *ctx, const mnk_step_event *event); /* may be NULL */
    void *ctx;
} mnk_study_run_options;

typedef struct mnk_study_outcome {
    char report[1200]; /* path of report.html */
    mnk_sentence answer[8];
    int answers;
    mnk_gate gate[128]; /* thresholds of the study, then those of the audit's policy */
    size_t gates;
    bool is_unchanged; /* everything was there and up to date; nothing was written */
} mnk_study_outcome;

/* Runs the study into `dir`. MNK_ERR_GATE: all is done and written, but a threshold of the study was not met.
 * MNK_ERR_INTERRUPTED: saved; the same call goes on. MNK_ERR_INPUT: the folder holds other things, or another run uses it. */
MNK_API mnk_status mnk_study_run(const mnk_study *s, const char *dir, const mnk_study_run_options *options,
                                 const mnk_observer *observer, mnk_study_outcome *out, mnk_error *err) MNK_CHECK;

/* What a run into `dir` would do, one event per step, without doing it. Steps after one that has to be done are STARTED. */
MNK_API mnk_status mnk_study_plan(const mnk_study *s, const char *dir, void (*step)(void *ctx, const mnk_step_event *event),
                                  void *ctx, mnk_error *err) MNK_CHECK;

#endif
