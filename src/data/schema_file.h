/* NAME.schema.yaml with the mark a synthetic table carries there. Grammar: docs/formats.md. */
#ifndef MNK_DATA_SCHEMA_FILE_H
#define MNK_DATA_SCHEMA_FILE_H

#include "base/json.h"
#include "manikin/table.h"

#define MNK_SCHEMA_FILE_VERSION 1

typedef struct mnk_table_mark {
    bool synthetic;
    char generator[64], model_hash[73];
    uint64_t seed;
} mnk_table_mark;

/* mark may be NULL. */
mnk_status mnk_schema_file_read(const char *path, mnk_schema **out, mnk_table_mark *mark, mnk_error *err) MNK_CHECK;
mnk_status mnk_schema_file_parse(const char *text, size_t n, const char *name, mnk_schema **out, mnk_table_mark *mark,
                                 mnk_error *err) MNK_CHECK;
/* The text of the file; meta may be NULL. */
mnk_status mnk_schema_file_text(const mnk_schema *s, const mnk_table_meta *meta, mnk_text *out, mnk_error *err) MNK_CHECK;
/* The schema file beside a table: "a/b.csv.gz" -> "a/b.schema.yaml". False when it does not fit. */
bool mnk_schema_file_beside(const char *table, char *out, size_t size);

/* A number or date of a column as text that its column's type reads. */
void mnk_column_number_text(const mnk_column *c, double value, char out[64]);

#endif
