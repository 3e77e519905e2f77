/* A schema as the text in a model file: compact JSON. (Schema files for people are YAML: data/.) */
#ifndef MNK_LEARN_TABLE_SCHEMA_TEXT_H
#define MNK_LEARN_TABLE_SCHEMA_TEXT_H

#include "base/json.h"
#include "manikin/table.h"

void mnk_schema_to_json(const mnk_schema *s, mnk_text *out);
/* Hostile text: MNK_ERR_INPUT naming `where`. */
mnk_status mnk_schema_from_json(const char *text, const char *where, mnk_schema **out, mnk_error *err) MNK_CHECK;

#endif
