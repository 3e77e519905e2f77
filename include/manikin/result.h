/* Results: what a judge says. Metrics with interval, n and reference lines, and flagged items; printed as a table,
 * written as JSON (format "manikin-result", version 1), shown as a report section. */
#ifndef MANIKIN_RESULT_H
#define MANIKIN_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "manikin/error.h"

typedef struct mnk_reference {
    char name[24]; /* "holdout", "copy", "floor", or another arm's name */
    double value;
} mnk_reference;

typedef struct mnk_metric {
    char id[64];       /* stable: "alpha_precision" */
    char group[24];    /* "fidelity", "diversity", "authenticity", "usefulness", "data" … */
    char encoding[24]; /* "scatter", "classifier", "pixels", "npy"; "" when none */
    char subset[64];   /* "" overall, else class or subgroup name */
    double value;      /* NaN: not estimable; then `note` says why */
    double low, high;  /* interval; NaN when none */
    double level;      /* 0.95 */
    size_t n;          /* items behind the value */
    mnk_reference reference[8];
    int references;
    char verdict[24]; /* of a comparison: "better", "not worse", "worse", "cannot tell", "refused"; "" when none was asked */
    char note[160];
    char column[96]; /* of a table: "age", or a pair "age x sex"; "" a figure of the whole */
} mnk_metric;

typedef struct mnk_flag {
    size_t item;   /* row in the synthetic set (copies) or in the real set (never generated) */
    char flag[24]; /* "exact_copy", "near_copy", "never_generated", "artefact" … */
    int64_t of;    /* the other row, -1 when none */
    double distance;
    char note[96]; /* e.g. "turned 90" */
} mnk_flag;

typedef struct mnk_result_input {
    char role[24], path[512], hash[73];
    size_t n;
} mnk_result_input;

typedef struct mnk_result_encoding {
    char name[24];
    int dim;
    char note[160];
} mnk_result_encoding;

typedef struct mnk_result {
    char command[32];
    uint64_t seed;
    int threads;
    double wall_s;
    mnk_result_input *input;
    size_t inputs;
    mnk_result_encoding encoding[8];
    int encodings;
    mnk_metric *metric;
    size_t metrics;
    mnk_flag *flag;
    size_t flags;
    char (*warning)[256];
    size_t warnings;
    char *settings_json; /* resolved options as a JSON object, or NULL */
} mnk_result;

MNK_API mnk_status mnk_result_open(const char *command, uint64_t seed, mnk_result **out, mnk_error *err) MNK_CHECK;
MNK_API void mnk_result_close(mnk_result *r);
/* Each adds a row and returns it zeroed (value, low and high NaN, level 0.95) to be filled; NULL when memory is short. */
MNK_API mnk_metric *mnk_result_add_metric(mnk_result *r, const char *id, const char *group);
MNK_API mnk_flag *mnk_result_add_flag(mnk_result *r, const char *flag, size_t item);
MNK_API mnk_result_input *mnk_result_add_input(mnk_result *r, const char *role, const char *path, size_t n, const char *hash);
MNK_API void mnk_result_add_warning(mnk_result *r, const char *fmt, ...) MNK_PRINTF(2, 3);
MNK_API void mnk_metric_add_reference(mnk_metric *m, const char *name, double value);
/* First metric of the whole (no column) with this id, encoding and subset ("" matches overall); NULL when absent. */
MNK_API const mnk_metric *mnk_result_find(const mnk_result *r, const char *id, const char *encoding, const char *subset);
/* The same of one column or pair of columns; column "" is mnk_result_find. */
MNK_API const mnk_metric *mnk_result_find_column(const mnk_result *r, const char *id, const char *encoding, const char *subset,
                                                 const char *column);

/* JSON text of the result; *out released with mnk_free_bytes. */
MNK_API mnk_status mnk_result_json(const mnk_result *r, char **out, mnk_error *err) MNK_CHECK;
MNK_API mnk_status mnk_result_write(const mnk_result *r, const char *path, bool force, mnk_error *err) MNK_CHECK;
MNK_API mnk_status mnk_result_read(const char *path, mnk_result **out, mnk_error *err) MNK_CHECK;
/* The same as an aligned table for people. */
MNK_API void mnk_result_print(const mnk_result *r, FILE *stream, bool colour);

#endif
