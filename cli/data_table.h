/* `manikin data` on a table. */
#ifndef MNK_CLI_DATA_TABLE_H
#define MNK_CLI_DATA_TABLE_H

#include "cli.h"
#include "manikin/table.h"

typedef struct data_table_config {
    const char *label, *person, *missing, *ignore, *schema, *schema_out;
} data_table_config;

/* Option rows over a data_table_config that begins `at` bytes into the configuration. */
/* clang-format off */
#define DATA_TABLE_OPTION_ROWS(at)                                                                                             \
    {"label", 0, MNK_OPTION_TEXT, (at) + offsetof(data_table_config, label), "NAME", NULL, 0, 0, NULL,                         \
     "tables: the column that is predicted", false},                                                                           \
    {"person", 0, MNK_OPTION_TEXT, (at) + offsetof(data_table_config, person), "NAME", NULL, 0, 0, NULL,                       \
     "tables: the column whose values are persons", false},                                                                    \
    {"missing", 0, MNK_OPTION_TEXT, (at) + offsetof(data_table_config, missing), "A,B", NULL, 0, 0, NULL,                      \
     "tables: texts that mean missing, in place of NA, NaN, NULL, ?", false},                                                  \
    {"ignore", 0, MNK_OPTION_TEXT, (at) + offsetof(data_table_config, ignore), "A,B", NULL, 0, 0, NULL,                        \
     "tables: columns to leave out", false},                                                                                   \
    {"schema", 0, MNK_OPTION_PATH, (at) + offsetof(data_table_config, schema), "FILE", NULL, 0, 0, NULL,                       \
     "tables: the schema, when not NAME.schema.yaml beside the table", false},                                                 \
    {"schema-out", 0, MNK_OPTION_PATH, (at) + offsetof(data_table_config, schema_out), "FILE", NULL, 0, 0, NULL,               \
     "tables: where to write the schema that was found", false}
/* clang-format on */

mnk_status data_table_run(cli_context *c, const data_table_config *k, mnk_error *err);

#endif
