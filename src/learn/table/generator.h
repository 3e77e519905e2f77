/* A fitted generator of tables: the generator's model, and what the frame put around it. */
#ifndef MNK_LEARN_TABLE_GENERATOR_H
#define MNK_LEARN_TABLE_GENERATOR_H

#include "base/hash.h"
#include "learn/table/kind.h"
#include "learn/table/recode.h"
#include "learn/table/visits.h"
#include "manikin/table_generator.h"

typedef enum mnk_table_unit { MNK_UNIT_AUTO, MNK_UNIT_ROW, MNK_UNIT_PERSON } mnk_table_unit;

/* What stands in a model file of tables, "table_format". Files without it are of format 1.
 *   2  cart: factors on leaves' shares by class of the label; arf: leaves with correlations; persons: memory of earlier visits
 */
#define MNK_TABLE_FORMAT 2

/* Settings of every generator, and those of this one behind them. */
typedef struct mnk_generator_config {
    int64_t levels;
    int unit;
    bool resume; /* only where MNK_KIND_RESUMES; not kept in models */
    _Alignas(16) unsigned char own[MNK_KIND_CONFIG_BYTES];
} mnk_generator_config;

#define MNK_GENERATOR_OPTIONS 64
/* The frame's options and the kind's, at their place in mnk_generator_config; ends with END. */
void mnk_generator_options(const mnk_generator_kind *kind, mnk_option out[MNK_GENERATOR_OPTIONS]);

enum { MNK_MODEL_ROWS, MNK_MODEL_VISITS, MNK_MODELS }; /* rows (or persons), and later visits */

struct mnk_table_generator {
    mnk_table_generator_info info;
    const mnk_generator_kind *kind;
    mnk_generator_config config;
    mnk_schema *schema;
    mnk_recoding *recoding;
    mnk_visits *visits; /* NULL: rows are the unit */
    void *model[MNK_MODELS];
    char hash[MNK_HASH_TEXT];
    char *text[4]; /* of info: version, options, data hash, privacy */
};

/* Opens from a parsed file (fuzz target); `path` for messages. */
mnk_status mnk_table_generator_open_st(const mnk_st *st, const char *path, mnk_table_generator **out, mnk_error *err) MNK_CHECK;

#endif
