/* A small, strict reading of YAML for study and schema files: mappings, sequences and plain text, each with its place. No
 * anchors, aliases, tags or several documents; keys once; caps on size, depth, nodes and text. Hostile input gives an error
 * with line and column. */
#ifndef MNK_BASE_YAML_H
#define MNK_BASE_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/mem.h"

enum { MNK_YAML_DEPTH_MAX = 8, MNK_YAML_KEYS_MAX = 1000, MNK_YAML_TEXT_MAX = 4096 };

/* What a kind of file is called in messages, and how large it may be. */
typedef struct mnk_yaml_format {
    const char *name;   /* "study" */
    const char *begins; /* its first line: "manikin: 1" */
    size_t bytes_max;
    int nodes_max;
} mnk_yaml_format;

typedef enum mnk_yaml_kind { MNK_YAML_TEXT, MNK_YAML_LIST, MNK_YAML_MAP } mnk_yaml_kind;

typedef struct mnk_yaml {
    mnk_yaml_kind kind;
    const char *key;  /* of this entry in its map, NULL otherwise */
    const char *text; /* MNK_YAML_TEXT */
    int line, column; /* of the key if there is one, else of the value; from 1 */
    int value_line, value_column;
    struct mnk_yaml *first, *last, *next; /* children in order; next sibling */
} mnk_yaml;

/* The document's root, a map. Everything lives in the arena. `name` is for messages: "study.yaml:3:5: …". */
mnk_status mnk_yaml_parse(const char *text, size_t n, const char *name, const mnk_yaml_format *format, mnk_arena *arena,
                          mnk_yaml **out, mnk_error *err) MNK_CHECK;
/* The entry of a map, NULL when absent. */
const mnk_yaml *mnk_yaml_get(const mnk_yaml *map, const char *key);

#endif
