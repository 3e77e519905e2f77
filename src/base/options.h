/* Options: one table per configuration struct feeds flags, help, man pages, completions, study files and the resolved
 * settings stored with every result. A row says where in the struct the value lives; the struct is plain C. */
#ifndef MNK_BASE_OPTIONS_H
#define MNK_BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

typedef enum mnk_option_type {
    MNK_OPTION_END = 0,
    MNK_OPTION_BOOL,   /* bool: --name, --no-name; `name: true` in a study */
    MNK_OPTION_INT,    /* int64_t in [lo, hi]; 10k, 2M and 1e6 are understood */
    MNK_OPTION_REAL,   /* double in [lo, hi] */
    MNK_OPTION_TEXT,   /* const char *; NULL when not given */
    MNK_OPTION_PATH,   /* const char *; completion offers files */
    MNK_OPTION_CHOICE, /* int: index into `choices` */
    MNK_OPTION_LIST    /* mnk_option_list: repeatable text, also a YAML sequence */
} mnk_option_type;

#define MNK_OPTION_LIST_MAX 64
typedef struct mnk_option_list {
    size_t n;
    const char *items[MNK_OPTION_LIST_MAX];
} mnk_option_list;

typedef struct mnk_option {
    const char *name; /* long name without dashes */
    char letter;      /* 0 for none */
    mnk_option_type type;
    size_t offset;       /* offsetof(config, field) */
    const char *value;   /* placeholder in help: N, FILE, RATE */
    const char *def;     /* default as the user would write it; NULL: unset (TEXT, PATH, LIST) */
    double lo, hi;       /* INT and REAL; lo == hi means no limit */
    const char *choices; /* CHOICE: "hinge|logistic|relativistic" */
    const char *help;    /* one line */
    bool advanced;       /* shown by --help, not by -h */
} mnk_option;

/* A table ends with a row of type MNK_OPTION_END. Text values point into the caller's strings: keep those alive. */
void mnk_options_defaults(const mnk_option *table, void *config);
const mnk_option *mnk_options_find(const mnk_option *table, const char *name, size_t n);
/* Sets one field from text; checks type, range and choices. Unknown names suggest the nearest one. */
mnk_status mnk_options_set(const mnk_option *table, void *config, const char *name, const char *value,
                           mnk_error *err) MNK_CHECK;
/* Writes every field as "name": value, in table order. */
/* Whether the numbers of a struct, which may have been filled by hand, are finite and in their rows' ranges. MNK_ERR_USAGE. */
mnk_status mnk_options_check(const mnk_option *table, const void *config, mnk_error *err) MNK_CHECK;
void mnk_options_write(const mnk_option *table, const void *config, mnk_json *j);
/* The value as the user would write it; "" when unset. */
const char *mnk_options_text(const mnk_option *row, const void *config, char buffer[128]);
/* Name of a CHOICE value. `buffer` receives it. */
const char *mnk_options_choice(const mnk_option *row, int value, char buffer[64]);

/* Nearest of n names within two edits (or a prefix), NULL when none is near: "did you mean". */
const char *mnk_nearest(const char *word, const char *const *names, size_t n);

#endif
