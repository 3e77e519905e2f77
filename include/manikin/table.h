/* Tables: medical records as columns with a schema. A table is a dataset whose samples are rows.
 *
 * Every column is stored in one of two forms, by its type:
 *   numbers   NUMERIC, INTEGER, DATE (days since 1970-01-01, fractions are time of day); missing is NaN
 *   codes     CATEGORY, ORDINAL, TEXT, ID: row of the column's list of levels; missing is -1
 * so that judges and generators know two cases and not seven. The levels belong to the schema; tables that are compared
 * share one schema, and therefore one numbering.
 *
 * Rows of one person (role PERSON) belong together: splits, resampling and privacy count persons. */
#ifndef MANIKIN_TABLE_H
#define MANIKIN_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manikin/dataset.h"
#include "manikin/error.h"
#include "manikin/observer.h"
#include "manikin/result.h"

typedef enum mnk_column_type {
    MNK_COLUMN_NUMERIC,
    MNK_COLUMN_INTEGER,
    MNK_COLUMN_DATE,
    MNK_COLUMN_CATEGORY,
    MNK_COLUMN_ORDINAL, /* levels in ascending order */
    MNK_COLUMN_TEXT,    /* free text: neither compared nor generated, carried as codes */
    MNK_COLUMN_ID       /* identifiers: never compared; regenerated in their own pattern */
} mnk_column_type;
#define MNK_COLUMN_TYPES 7

/* A column may have several roles. */
typedef enum mnk_column_role {
    MNK_COLUMN_IS_LABEL = 1 << 0,     /* the outcome that models predict */
    MNK_COLUMN_IS_PERSON = 1 << 1,    /* rows with the same value belong to one person */
    MNK_COLUMN_IS_SUBGROUP = 1 << 2,  /* fairness looks at it */
    MNK_COLUMN_IS_QUASI = 1 << 3,     /* quasi-identifier: an attacker may know it */
    MNK_COLUMN_IS_SENSITIVE = 1 << 4, /* an attacker wants to know it */
    MNK_COLUMN_IS_TIME = 1 << 5,      /* survival: follow-up time ... */
    MNK_COLUMN_IS_EVENT = 1 << 6,     /* ... and whether the event came (1) or the person was censored (0) */
    MNK_COLUMN_IS_VISIT = 1 << 7,     /* order of a person's rows: a date, a time or a number */
    MNK_COLUMN_IS_SPLIT = 1 << 8,     /* names the split of the row */
    MNK_COLUMN_IS_IGNORE = 1 << 9     /* in the file, but neither judged nor generated */
} mnk_column_role;
#define MNK_COLUMN_ROLES 10

typedef struct mnk_column {
    char *name;
    mnk_column_type type;
    unsigned roles;   /* bits of mnk_column_role */
    char *unit;       /* "mg/dl"; "" unknown */
    int decimals;     /* NUMERIC: digits after the point when written; -1: as many as the value needs */
    double low, high; /* bounds of numbers; NaN: none */
    char *format;     /* DATE: strftime pattern it is written with; "" otherwise */
    bool is_open;     /* values outside levels and bounds are taken and counted; closed: they are refused */
    size_t levels;    /* of codes; 0 otherwise */
    char **level;     /* [levels] */
    size_t missings;  /* texts that mean "missing"; the empty field always does */
    char **missing;   /* [missings]; the first is written for a missing value, none: the empty field */
} mnk_column;

/* Columns, rules and where they came from. Shared by reference count: tables that are compared hold the same schema, and
 * opening one more table may append levels to its open columns (numbers once given never change). Not to be shared between
 * threads while a table is being opened. */
typedef struct mnk_schema {
    size_t columns;
    mnk_column *column; /* [columns] */
    size_t rules;
    char **rule;       /* [rules] what must hold in every row: "admitted <= discharged"; grammar: docs/formats.md */
    char source[1024]; /* the schema file, or the table it was inferred from */
    bool is_inferred;  /* nobody has looked at it: its columns are open */
    size_t references;
    struct mnk_level_index *index; /* level text -> code, built when needed; owned */
} mnk_schema;

/* n rows; a handle is read-only for everybody but the module that made it. */
typedef struct mnk_table {
    size_t n;
    mnk_schema *schema; /* one reference */
    double **number;    /* [columns]: [n], or NULL for columns of codes */
    int32_t **code;     /* [columns]: [n], or NULL for columns of numbers */
    int32_t *person;    /* [n] 0..persons-1 in order of appearance; NULL without a PERSON column */
    size_t persons;     /* n without a PERSON column */
    uint8_t *split;     /* [n] mnk_split */
    char source[1024];  /* the path as given */
    char hash[73];      /* "blake2b:…" over column names, types, cells (as text of the schema) and splits, in order */
    bool synthetic;     /* its schema file says so */
    char generator[64], model_hash[73]; /* of a synthetic table; "" unknown */
    uint64_t seed;
} mnk_table;

static inline bool mnk_column_is_number(const mnk_column *c) {
    return c->type == MNK_COLUMN_NUMERIC || c->type == MNK_COLUMN_INTEGER || c->type == MNK_COLUMN_DATE;
}
/* Columns that judges compare and generators learn: no text, ids, person, split or ignored column. */
MNK_API bool mnk_column_is_data(const mnk_column *c);
/* First column with this role, -1 when there is none. */
MNK_API long mnk_schema_role(const mnk_schema *s, mnk_column_role role);
/* Column of this name, -1 when absent. */
MNK_API long mnk_schema_find(const mnk_schema *s, const char *name);
MNK_API const char *mnk_column_type_name(mnk_column_type type); /* "numeric", "integer", "date" … as in schema files */
MNK_API const char *mnk_column_role_name(mnk_column_role role); /* "label", "person", "quasi-identifier" … */
static inline bool mnk_table_is_missing(const mnk_table *t, size_t column, size_t row) {
    return t->number[column] ? t->number[column][row] != t->number[column][row] : t->code[column][row] < 0;
}

/* ---- making schemas and tables by hand (generators, judges' own tables, tests) ---- */

/* An empty schema of `columns` columns, to be filled: names, units, formats "" and types NUMERIC, bounds NaN, decimals -1.
 * One reference. Strings are set with mnk_schema_text and levels with mnk_schema_add_level. */
MNK_API mnk_status mnk_schema_new(size_t columns, mnk_schema **out, mnk_error *err) MNK_CHECK;
MNK_API mnk_schema *mnk_schema_retain(mnk_schema *s);
MNK_API void mnk_schema_close(mnk_schema *s); /* gives one reference back */
/* A copy that shares nothing. */
MNK_API mnk_status mnk_schema_copy(const mnk_schema *s, mnk_schema **out, mnk_error *err) MNK_CHECK;
/* Replaces *slot (name, unit or format of a column). */
MNK_API mnk_status mnk_schema_text(char **slot, const char *text, mnk_error *err) MNK_CHECK;
/* Code of a level, appended when new. */
MNK_API mnk_status mnk_schema_add_level(mnk_schema *s, size_t column, const char *level, int32_t *code,
                                        mnk_error *err) MNK_CHECK;
/* Code of a level, -1 when unknown. */
MNK_API int32_t mnk_schema_level(mnk_schema *s, size_t column, const char *level);
MNK_API mnk_status mnk_schema_add_missing(mnk_schema *s, size_t column, const char *text, mnk_error *err) MNK_CHECK;
MNK_API mnk_status mnk_schema_add_rule(mnk_schema *s, const char *rule, mnk_error *err) MNK_CHECK;

/* n rows, everything missing, split NONE; takes one more reference to the schema. Fill number[] and code[], then
 * mnk_table_finish. */
MNK_API mnk_status mnk_table_new(mnk_schema *schema, size_t n, mnk_table **out, mnk_error *err) MNK_CHECK;
/* Numbers the persons from the PERSON column (a missing person is a person of its own) and computes the hash. */
MNK_API mnk_status mnk_table_finish(mnk_table *t, mnk_error *err) MNK_CHECK;
MNK_API void mnk_table_close(mnk_table *t);
/* A new table with the rows index[0..n-1] of t (repeats allowed), on the same schema. */
MNK_API mnk_status mnk_table_select(const mnk_table *t, const size_t *index, size_t n, mnk_table **out,
                                    mnk_error *err) MNK_CHECK;
/* The rows of one split; MNK_ERR_INPUT when there are none. */
MNK_API mnk_status mnk_table_subset(const mnk_table *t, mnk_split split, mnk_table **out, mnk_error *err) MNK_CHECK;
/* Assigns splits by person, stratified by the label column where it holds codes; fractions sum to 1. */
MNK_API mnk_status mnk_table_split(mnk_table *t, double train, double val, double test, uint64_t seed,
                                   mnk_error *err) MNK_CHECK;

/* ---- files ---- */

typedef struct mnk_table_options {
    const char *schema_path;  /* NULL: NAME.schema.yaml beside the file when there is one, else inferred */
    mnk_schema *schema;       /* compare with tables of this schema (one more reference is taken); wins over schema_path */
    const char *label_column; /* sets the role, as do the next; NULL: by the schema */
    const char *person_column;
    const char *missing;        /* comma-separated texts that mean "missing" in every column, beside the schema's; NULL: those
                                   that inference knows (docs/formats.md) */
    char separator;             /* 0: found out (comma, semicolon, tab, bar) */
    int encoding;               /* 0: UTF-8, or Latin-1 when it is not; 1 UTF-8 only; 2 Latin-1 */
    size_t max_bytes;           /* of memory; 0: what the machine has */
    const char *ignore_columns; /* comma-separated names that get the role "ignore"; NULL: by the schema */
} mnk_table_options;

/* Opens `spec` = PATH[:split], a CSV (or .csv.gz) with a heading. options may be NULL. All bad cells (the first 20 and their
 * number) are listed in one error, by row and column. Memory needed is known before the rows are read, and refused when it is
 * too much. */
MNK_API mnk_status mnk_table_open(const char *spec, const mnk_table_options *options, const mnk_observer *observer,
                                  mnk_table **out, mnk_error *err) MNK_CHECK;
/* True when `path` (a ":split" may follow) names a table and not images. */
MNK_API bool mnk_is_table(const char *path);

/* NAME.schema.yaml. Errors name file:line:column; a newer format version gives MNK_ERR_VERSION. */
MNK_API mnk_status mnk_schema_read(const char *path, mnk_schema **out, mnk_error *err) MNK_CHECK;
MNK_API mnk_status mnk_schema_write(const mnk_schema *s, const char *path, bool force, mnk_error *err) MNK_CHECK;

typedef struct mnk_table_meta { /* what a synthetic table says of itself, in its schema file */
    const char *generator;      /* NULL: real data, no mark */
    const char *model_hash;     /* or "" */
    uint64_t seed;
} mnk_table_meta;

/* Writes PATH (CSV, or .csv.gz) and beside it NAME.schema.yaml with the mark. Numbers keep their decimals, dates their format,
 * missing values their text. */
MNK_API mnk_status mnk_table_write(const mnk_table *t, const char *path, bool force, const mnk_table_meta *meta,
                                   mnk_error *err) MNK_CHECK;
/* One cell as it would stand in the file. */
MNK_API void mnk_table_cell(const mnk_table *t, size_t column, size_t row, char out[64]);

/* ---- what is in it ---- */

/* Adds metrics of group "data", flags and warnings about t to r: n, persons, missingness per column, constant columns,
 * duplicate rows, repeated persons, columns that leak the outcome, imbalance, subgroup counts. docs/methods/tables.md. */
MNK_API mnk_status mnk_table_describe(const mnk_table *t, const mnk_observer *observer, mnk_result *r,
                                      mnk_error *err) MNK_CHECK;

/* ---- rules and conditions: "age >= 80 and sex = F", "not (sex = male and pregnant = yes)", "admitted <= discharged" ---- */

typedef struct mnk_rule mnk_rule;
/* Parsed against the schema: unknown columns and levels are refused, with place and the nearest name. */
MNK_API mnk_status mnk_rule_parse(const char *text, mnk_schema *schema, mnk_rule **out, mnk_error *err) MNK_CHECK;
MNK_API void mnk_rule_close(mnk_rule *r);
MNK_API const char *mnk_rule_text(const mnk_rule *r);
/* 1 holds, 0 is broken, -1 cannot be told because a value is missing (Kleene's three values). */
MNK_API int mnk_rule_row(const mnk_rule *r, const mnk_table *t, size_t row);

#endif
