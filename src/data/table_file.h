/* The text of a table: read (and unpacked) whole, its separator, encoding, headings and rows known, its fields handed out in
 * blocks. What the fields mean is decided by table_infer.c and table_open.c. */
#ifndef MNK_DATA_TABLE_FILE_H
#define MNK_DATA_TABLE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/mem.h"
#include "data/csv_scan.h"
#include "manikin/table.h"

enum {
    MNK_TABLE_LINE_BYTES_MAX = 16 << 20, /* of one row */
    MNK_TABLE_CELL_BYTES_MAX = 1 << 20,
    MNK_TABLE_BLOCK_CELLS = 1 << 18 /* cells of a block: the unit of work of all threads */
};

typedef struct mnk_table_file {
    char *bytes; /* the text, owned */
    size_t n;
    const char *name; /* the path, for messages */
    char separator;
    size_t first_line; /* of the heading: 2 below Excel's line "sep=;" */
    bool latin1;       /* cells are to be decoded from Windows-1252, which holds Latin-1 */
    size_t columns, rows;
    char **heading;                /* [columns] UTF-8, trimmed, owned */
    bool has_heading;              /* false: the headings were made up */
    size_t block_rows, blocks;     /* rows of a block (the last has fewer) */
    size_t *block_at, *block_line; /* [blocks] offset and line of its first row */
    char class_names[256];         /* of scikit-learn's form: "malignant, benign"; "" otherwise */
} mnk_table_file;

/* Reads `path`. Refuses what is no text table, ragged rows, duplicate headings, lines and files that are too long; needs and
 * limits of memory are settled first. */
mnk_status mnk_table_file_open(const char *path, const mnk_table_options *o, const mnk_observer *observer, mnk_table_file *out,
                               mnk_error *err) MNK_CHECK;
/* The same from memory (copied), for the fuzz target. */
mnk_status mnk_table_file_parse(const char *bytes, size_t n, const char *name, const mnk_table_options *o, mnk_table_file *out,
                                mnk_error *err) MNK_CHECK;
void mnk_table_file_clear(mnk_table_file *f);

/* One cell, trimmed of blanks. */
typedef struct mnk_cell {
    const char *at;
    uint32_t n;
} mnk_cell;

uint64_t mnk_cell_hash(const mnk_cell *c); /* FNV-1a, folded */

typedef struct mnk_table_block {
    size_t first, rows; /* rows first .. first+rows-1 of the table */
    mnk_cell *cell;     /* [columns*rows], column by column */
    mnk_arena *texts;   /* of cells that had doubled quotes */
} mnk_table_block;

/* Reads block b; clear with mnk_table_block_clear, which may be called on a zeroed block. Any thread. */
mnk_status mnk_table_block_read(const mnk_table_file *f, size_t b, mnk_table_block *out, mnk_error *err) MNK_CHECK;
void mnk_table_block_clear(mnk_table_block *b);

/* A cell as UTF-8 text with a NUL in `out`, which grows. */
mnk_status mnk_cell_text(const mnk_table_file *f, const mnk_cell *c, mnk_text *out, mnk_error *err) MNK_CHECK;

/* Bad rows or cells: the first 20 are told, all are counted. */
typedef struct mnk_bad_list {
    size_t n;
    char text[840];
} mnk_bad_list;
void mnk_bad_list_add(mnk_bad_list *l, const char *fmt, ...) MNK_PRINTF(2, 3);

#endif
