/* The contract of a generator of tables: one row of the table in kinds.c, four functions and an option table.
 *
 * A generator never sees the user's table. The frame (recode.h, visits.h) hands it a *working table*: only columns to be
 * learned, stored as numbers or as codes of at most MNK_WORK_LEVELS levels (rarer levels are pooled), missing values left
 * in as a state to reproduce. Identifiers, persons, rules, decimals, bounds, the order of dates and the pair (time, event)
 * are the frame's business: it undoes the recoding after drawing and rejects what breaks a rule. */
#ifndef MNK_LEARN_TABLE_KIND_H
#define MNK_LEARN_TABLE_KIND_H

#include "base/json.h"
#include "base/options.h"
#include "base/safetensors.h"
#include "learn/table/box.h"
#include "learn/table/tensors.h"
#include "manikin/table.h"

#define MNK_WORK_LEVELS 240 /* of one code column of a working table */

typedef struct mnk_fit_context {
    uint64_t seed;
    uint32_t stream;        /* 0: rows or persons, 1: later visits; goes into the step of every random stream */
    size_t given;           /* the first columns of the table that are given whenever rows are drawn */
    const char *model_path; /* where the model will stand: a neural generator keeps its checkpoint beside it */
    bool resume;            /* --resume was given; only where MNK_KIND_RESUMES */
    bool force;             /* an earlier unfinished run may be replaced */
    char privacy[512];      /* out: what the model guarantees, "none" unless the generator says otherwise */
    /* MNK_KIND_PRIVATE alone: */
    struct mnk_ledger *ledger; /* out: opened by fit; the frame binds the finished model to it and closes it */
    mnk_text guarantee;        /* out: the block "privacy_block" of the model file, JSON */
    size_t rows;               /* out: rows as noisy counts say; the true number is not written */
    const mnk_observer *observer;
} mnk_fit_context;

/* What to draw. `out` comes with all cells missing but the given ones. A row must depend on the model, the request's box, the
 * row's given cells, seed, stream and its item alone (mnk_rng_at(seed, MNK_PURPOSE_TABLE_DRAW, item[i], stream)), so that
 * blocks of any size give the same rows for any number of threads. */
typedef struct mnk_draw_request {
    uint64_t seed;
    uint32_t stream;
    const uint64_t *item;        /* [n] name of each row's random stream */
    const mnk_table_box *box;    /* values allowed by column, NULL: all. Only with MNK_KIND_BOX; others never see one */
    const uint8_t *const *given; /* [columns]: NULL or [n], 1: the cell stands in `out` already (missing is a value too): draw
                                    the others given it. NULL: nothing. Only with MNK_KIND_GIVEN */
    bool complete;               /* never draw "missing" (holes are being filled) */
} mnk_draw_request;

enum {
    MNK_KIND_GIVEN = 1 << 0,   /* draws some cells given others: imputation, --like, later visits of a person */
    MNK_KIND_BOX = 1 << 1,     /* draws within bounds and levels by column: --where, --class */
    MNK_KIND_RESUMES = 1 << 2, /* continues from a checkpoint */
    MNK_KIND_PRIVATE =
        1 << 3 /* has a privacy guarantee: the frame then learns nothing from the rows by itself and writes nothing
                  of them; the working table says whose each row is; `config` begins with mnk_private_config */
};

typedef struct mnk_generator_kind {
    const char *name, *summary, *examples;
    const mnk_option
        *options;       /* of the struct `config`; NULL for none. Text options are for fit: NULL when a model is opened */
    size_t config_size; /* at most MNK_KIND_CONFIG_BYTES */
    unsigned can;       /* bits above */
    /* NULL, or: with these settings the model is private as if the bit said so. `config` begins with mnk_private_config. */
    bool (*is_private)(const void *config);
    mnk_status (*fit)(const mnk_table *t, const void *config, mnk_fit_context *context, void **model, mnk_error *err);
    mnk_status (*draw)(const void *model, const mnk_draw_request *request, mnk_table *out, mnk_error *err);
    /* log density of each row (natural; counting measure for codes, missing and repeated values); NULL: has none */
    mnk_status (*density)(const void *model, const mnk_table *rows, double *log_density, mnk_error *err);
    mnk_status (*save)(const void *model, mnk_tensors *file, mnk_error *err);
    /* The file is hostile: check every index, count and number. `config` is what fit was given. */
    mnk_status (*open)(const mnk_tensors_in *file, const mnk_schema *schema, const void *config, void **model, mnk_error *err);
    void (*close)(void *model); /* NULL is a no-op */
    int oldest;                 /* table format (generator.h) from which on its files can be read; 0: from the first */
} mnk_generator_kind;

#define MNK_KIND_CONFIG_BYTES 512

extern const mnk_generator_kind *const mnk_generator_kinds[]; /* NULL-terminated; the first is the default */
const mnk_generator_kind *mnk_generator_kind_find(const char *name);
bool mnk_generator_is_private(const mnk_generator_kind *kind, const void *config);

#endif
