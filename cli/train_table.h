/* Verbs of generators of tables, one for each row of src/learn/table/kinds.c; cli/verbs.c lists them. */
#ifndef MNK_CLI_TRAIN_TABLE_H
#define MNK_CLI_TRAIN_TABLE_H

#include "cli.h"
#include "manikin/table.h"

enum { CLI_TRAIN_TABLES = 10 }; /* rows of kinds.c */
extern cli_verb cli_train_table_verbs[CLI_TRAIN_TABLES + 1];

/* How a table is to be read. */
typedef struct table_source {
    const char *label, *person, *missing, *ignore, *schema;
} table_source;

/* clang-format off */
#define TABLE_SOURCE_OPTION_ROWS(at)                                                                                           \
    {"label", 0, MNK_OPTION_TEXT, (at) + offsetof(table_source, label), "NAME", NULL, 0, 0, NULL,                              \
     "the column that is predicted", false},                                                                                   \
    {"person", 0, MNK_OPTION_TEXT, (at) + offsetof(table_source, person), "NAME", NULL, 0, 0, NULL,                            \
     "the column whose values are persons", false},                                                                            \
    {"missing", 0, MNK_OPTION_TEXT, (at) + offsetof(table_source, missing), "A,B", NULL, 0, 0, NULL,                           \
     "texts that mean missing, in place of NA, NaN, NULL, ?", false},                                                          \
    {"ignore", 0, MNK_OPTION_TEXT, (at) + offsetof(table_source, ignore), "A,B", NULL, 0, 0, NULL,                             \
     "columns to leave out", false},                                                                                           \
    {"schema", 0, MNK_OPTION_PATH, (at) + offsetof(table_source, schema), "FILE", NULL, 0, 0, NULL,                            \
     "the schema, when not NAME.schema.yaml beside the table", false}
/* clang-format on */

mnk_status table_source_open(const table_source *s, const char *path, const mnk_observer *observer, mnk_table **out,
                             mnk_error *err) MNK_CHECK;

/* `manikin sample` with a generator of tables. */
typedef struct sample_table_config {
    int64_t n, persons;
    bool class_balance;
    const char *where, *class_name, *like, *like_columns, *impute, *keep, *train;
} sample_table_config;
mnk_status sample_table_run(cli_context *c, const sample_table_config *k, mnk_error *err) MNK_CHECK;

#endif
