/* What is done already: one small record per finished step, written after its outputs are safe on disk. */
#ifndef MNK_STUDY_CACHE_H
#define MNK_STUDY_CACHE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/hash.h"

#define MNK_STEPS_FOLDER ".steps"

/* Takes the folder for one run: makes it, refuses it when it holds anything but an earlier run of the study file `name` (unless
 * force), takes a lock that ends with the process, and sweeps away temporary files of runs that were killed.
 * *lock: descriptor for mnk_cache_release. */
mnk_status mnk_cache_claim(const char *dir, const char *name, bool force, int *lock, mnk_error *err) MNK_CHECK;
void mnk_cache_release(int lock);

typedef struct mnk_cache_state {
    bool is_current;            /* recorded under this key, and every output is there with the recorded bytes */
    double wall_s;              /* of the run that did it */
    char digest[MNK_HASH_TEXT]; /* of the step's main output: what later steps depend on */
} mnk_cache_state;

/* Compares with the record of `step`. A missing or damaged record is simply not current. */
mnk_status mnk_cache_check(const char *dir, const char *step, const char *key, mnk_cache_state *out, mnk_error *err) MNK_CHECK;
/* Records a finished step: outputs[0..n-1] are files or folders below dir, the first one the main output (its hash is the
 * digest; with n = 0 the digest is `digest`, given by the caller). */
mnk_status mnk_cache_commit(const char *dir, const char *step, const char *key, double wall_s, const char *const *outputs,
                            int n, const char *digest, mnk_cache_state *out, mnk_error *err) MNK_CHECK;

/* A note that work under `key` has begun in `folder` below dir: returns whether earlier unfinished work there was under the
 * same key and may be continued; otherwise the folder was removed and made new. */
mnk_status mnk_cache_begin(const char *dir, const char *step, const char *key, const char *folder, bool *can_continue,
                           mnk_error *err) MNK_CHECK;

#endif
