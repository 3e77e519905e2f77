/* A small, strict reading of YAML for study files: mappings, sequences and plain text, each with its place. No anchors,
 * aliases, tags or several documents; keys once; caps on size, depth, nodes and text. Hostile input gives an error with line
 * and column. */
#ifndef MNK_STUDY_YAML_H
#define MNK_STUDY_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/mem.h"

enum { MNK_YAML_BYTES_MAX = 1 << 20, MNK_YAML_DEPTH_MAX = 8, MNK_YAML_NODES_MAX = 10000, MNK_YAML_TEXT_MAX = 4096 };

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
mnk_status mnk_yaml_parse(const char *text, size_t n, const char *name, mnk_arena *arena, mnk_yaml **out,
                          mnk_error *err) MNK_CHECK;
/* The entry of a map, NULL when absent. */
const mnk_yaml *mnk_yaml_get(const mnk_yaml *map, const char *key);

#endif
