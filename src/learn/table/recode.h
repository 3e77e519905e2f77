/* Between the user's table and the working table that a generator learns: what makes real tables hard is solved here once.
 *
 *   numbers      stay numbers; decimals, integers and bounds are restored when written
 *   codes        stay codes; of many levels the rare ones are pooled by their common beginning (ICD chapters, ATC groups) and
 *                drawn within the pool by their frequency
 *   ordered pair a rule "a <= b" makes b the gap from a: the order holds by construction
 *   time, event  time becomes its position (0..1) among the times of its event group: the pair comes back as one thing
 *   identifiers  are not learned; see ids.h
 *   text, ignored columns: empty
 * Missing stays missing in every case. */
#ifndef MNK_LEARN_TABLE_RECODE_H
#define MNK_LEARN_TABLE_RECODE_H

#include "learn/table/box.h"
#include "learn/table/ids.h"
#include "learn/table/tensors.h"
#include "manikin/table.h"

typedef enum mnk_recode_kind {
    MNK_RECODE_BLANK,
    MNK_RECODE_NUMBER,
    MNK_RECODE_GAP,
    MNK_RECODE_SURVIVAL,
    MNK_RECODE_CODE,
    MNK_RECODE_ID
} mnk_recode_kind;

typedef struct mnk_recode { /* of one column of the user's table */
    mnk_recode_kind kind;
    long work; /* working column, -1: none */
    /* numbers */
    long base;        /* GAP: the column before it in time; SURVIVAL: the event; else -1 */
    double least_gap; /* GAP: 0, or one unit for "<" */
    double centre;    /* GAP: taken where the base is missing */
    double low, high; /* what may be written */
    int decimals;     /* -1: as drawn */
    /* CODE: levels of the user's column, and the members of each working level with their running counts */
    size_t levels, work_levels;
    int32_t *to_work; /* [levels], -1: does not occur */
    int32_t *start;   /* [work_levels + 1] into member */
    int32_t *member;  /* user's levels */
    double *running;  /* counts summed up within a working level */
    /* SURVIVAL: sorted times by event group, the last group is "event missing" */
    size_t groups;
    int32_t *knot_start; /* [groups + 1] */
    double *knot;
    mnk_id_pattern id;
    bool per_person; /* ID: one a person */
} mnk_recode;

typedef struct mnk_recoding {
    mnk_schema *schema, *work; /* the user's (identifiers and text without levels) and the working one; one reference each */
    mnk_recode *column;        /* [schema->columns] */
    size_t *order;             /* columns, each base before what is counted from it */
    long *user_of_work;        /* [work->columns] */
} mnk_recoding;

typedef struct mnk_recode_options {
    size_t levels;     /* more than this many levels are pooled */
    bool is_private;   /* learn nothing from the rows: levels, bounds and decimals as the schema says */
    bool public_range; /* with is_private: where the schema has no bounds those of the rows were declared public */
} mnk_recode_options;

mnk_status mnk_recoding_fit(const mnk_table *t, const mnk_recode_options *o, mnk_recoding **out, mnk_error *err) MNK_CHECK;
void mnk_recoding_close(mnk_recoding *r);

/* Working rows of a table on a schema with the same columns and level numbers (later levels count as missing). */
mnk_status mnk_recoding_apply(const mnk_recoding *r, const mnk_table *t, mnk_table **work, mnk_error *err) MNK_CHECK;
/* One row back: working row `from` of `work` into row `to` of `out`; `item` names its random stream. Identifiers are left. */
void mnk_recoding_undo(const mnk_recoding *r, const mnk_table *work, size_t from, mnk_table *out, size_t to, uint64_t seed,
                       uint64_t item);
/* The same for a row with holes: cells of `holes` that are there are put into `out` (row 0) unchanged. */
void mnk_recoding_undo_holes(const mnk_recoding *r, const mnk_table *work, size_t from, const mnk_table *holes, size_t row,
                             mnk_table *out, uint64_t seed, uint64_t item);
/* What a box of the user's columns says of the working ones (gaps and survival times: nothing). */
mnk_status mnk_recoding_box(const mnk_recoding *r, const mnk_table_box *user, mnk_table_box **work, mnk_error *err) MNK_CHECK;

mnk_status mnk_recoding_save(const mnk_recoding *r, mnk_tensors *file, mnk_error *err) MNK_CHECK;
mnk_status mnk_recoding_open(const mnk_tensors_in *in, mnk_schema *schema, mnk_recoding **out, mnk_error *err) MNK_CHECK;

/* Shared by fit and open: the working schema from the columns' recodes. */
mnk_status mnk_recoding_work_schema(mnk_recoding *r, mnk_error *err) MNK_CHECK;
mnk_status mnk_recoding_sort(mnk_recoding *r, mnk_error *err) MNK_CHECK;

#endif
