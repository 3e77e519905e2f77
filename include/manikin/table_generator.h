/* Learned generators of tables: fitted on the rows of a table, kept in a file, drawn from with or without conditions.
 * Formulas and sources: docs/methods/table-generators.md. */
#ifndef MANIKIN_TABLE_GENERATOR_H
#define MANIKIN_TABLE_GENERATOR_H

#include "manikin/table.h"

/* Name and summary of generator i ("arf", "an adversarial random forest …"); NULL past the last. The first is the default. */
MNK_API const char *mnk_table_generator_name(size_t i);
MNK_API const char *mnk_table_generator_summary(size_t i);

/* Fits `generator` on all rows of `train` and writes the model (safetensors) to model_path. `setting`: `settings` texts
 * "name=value" of the options of `manikin train GENERATOR` (docs/options.md); NULL, 0: defaults.
 * Where a PERSON column groups several rows, the person is the unit: static columns are drawn once, later visits given the
 * visit before (generators that cannot condition take every row as a person, and say so).
 * MNK_ERR_INPUT: no rows, no column to learn, a rule that no row of the table meets. MNK_ERR_USAGE: unknown generator or
 * setting, with the nearest name. MNK_ERR_MEMORY before the work begins where the need is known.
 * Same table, settings and seed: same bytes for any number of threads. */
MNK_API mnk_status mnk_table_generator_train(const char *generator, const mnk_table *train, const char *const *setting,
                                             size_t settings, uint64_t seed, const char *model_path, bool force,
                                             const mnk_observer *observer, mnk_error *err) MNK_CHECK;

typedef struct mnk_table_generator mnk_table_generator; /* a fitted one, ready to sample; not to be shared between threads */

typedef struct mnk_table_generator_info {
    const char *generator;
    const char *version;      /* of manikin that wrote it */
    const char *options_json; /* the resolved settings */
    const char *data_hash;    /* of the training table */
    const char *model_hash;   /* of the file itself, "blake2b:…" */
    const char *privacy;      /* "none": no formal guarantee */
    uint64_t seed;
    size_t rows, persons; /* of the training table */
    bool by_person;       /* rows come as visits of persons */
    bool has_density;
    mnk_schema *schema; /* of the tables it draws; identifiers and free text without levels. Owned by the handle */
} mnk_table_generator_info;

/* Opens a model as hostile input: MNK_ERR_INPUT when damaged or foreign, MNK_ERR_VERSION when newer. */
MNK_API mnk_status mnk_table_generator_open(const char *path, mnk_table_generator **out, mnk_error *err) MNK_CHECK;
MNK_API void mnk_table_generator_close(mnk_table_generator *g);
MNK_API const mnk_table_generator_info *mnk_table_generator_describe(const mnk_table_generator *g);

typedef struct mnk_table_sample_options {
    size_t n;                 /* rows; the last person's visits may be cut to meet it. 0 with `persons` or `like` */
    size_t persons;           /* whole persons instead of rows; 0: by rows */
    const char *where;        /* condition that every row must meet, NULL: none */
    const char *class_name;   /* level of the label column, NULL: as they come */
    bool class_balance;       /* every level of the label equally often */
    const mnk_table *like;    /* on the generator's schema: each row asks for one row with its values in `like_columns` */
    const char *like_columns; /* comma-separated; NULL: the label and the subgroup columns */
    uint64_t seed;
} mnk_table_sample_options;

typedef struct mnk_table_sample_report {
    size_t drawn, kept; /* candidates (rows, or persons where the person is the unit), and those that met rules and condition */
    size_t rule_rejects, where_rejects;
    size_t unfilled; /* imputation: cells left empty (text, identifiers); rows that meet the rules in no try keep the last */
    size_t broken;   /* imputation: rows that break a rule whatever was filled in */
} mnk_table_sample_report;

/* Draws a table, exactly as many rows as asked or an error. The rows of a seed do not depend on the number of threads, and
 * the first rows of a longer draw are those of a shorter one.
 * MNK_ERR_USAGE: unknown column, level or class. MNK_ERR_INPUT: rules and condition that (next to) no draw meets, with the
 * rule most often broken. report may be NULL. */
MNK_API mnk_status mnk_table_generator_sample(mnk_table_generator *g, const mnk_table_sample_options *options,
                                              const mnk_observer *observer, mnk_table **out, mnk_table_sample_report *report,
                                              mnk_error *err) MNK_CHECK;

/* A copy of `holes` (on the generator's schema) with its missing values drawn given the row's other values. Cells that are
 * there stay as they are. */
MNK_API mnk_status mnk_table_generator_impute(mnk_table_generator *g, const mnk_table *holes, uint64_t seed,
                                              const mnk_observer *observer, mnk_table **out, mnk_table_sample_report *report,
                                              mnk_error *err) MNK_CHECK;

/* log_density[row] of rows on the generator's schema, in the units of the working table; NaN where a row cannot be recoded.
 * MNK_ERR_UNSUPPORTED when the generator has none. */
MNK_API mnk_status mnk_table_generator_density(mnk_table_generator *g, const mnk_table *rows, double *log_density,
                                               mnk_error *err) MNK_CHECK;

#endif
