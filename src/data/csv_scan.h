/* The project's one grammar of CSV (RFC 4180 as spreadsheets write it): fields between separators, quoted fields with doubled
 * quotes and line breaks, rows that end with LF, CRLF or CR, blank lines between rows. The scanner copies nothing; manifests
 * (csv.h) and tables (table_file.h) are both built on it. */
#ifndef MNK_DATA_CSV_SCAN_H
#define MNK_DATA_CSV_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define MNK_CSV_COLUMNS_MAX 4096

typedef struct mnk_csv_scan {
    const char *p, *end; /* what is left */
    size_t line;         /* of p, from 1 */
    char separator;
    const char *name; /* for messages: "NAME: line 7: …" */
} mnk_csv_scan;

typedef struct mnk_csv_field {
    const char *at; /* into the text, inside the quotes */
    size_t n;
    bool quoted, doubled; /* doubled: "" inside, to be written as one quote */
    bool last;            /* of its row */
} mnk_csv_field;

/* Passes blank lines; false at the end of the text. */
bool mnk_csv_scan_row(mnk_csv_scan *s);
/* The next field of the row. Refuses zero bytes, quotes that are never closed, text after a closing quote. */
mnk_status mnk_csv_scan_field(mnk_csv_scan *s, mnk_csv_field *out, mnk_error *err) MNK_CHECK;
/* Writes the field's text (at most n bytes, no NUL) and returns its length. */
size_t mnk_csv_field_copy(const mnk_csv_field *f, char *out);
/* Bytes of a byte order mark at the beginning of n bytes: 3 or 0. */
size_t mnk_csv_mark(const char *bytes, size_t n);

#endif
