/* Small CSV files (manifests) as cells of text, by the grammar of csv_scan.h: commas, a byte order mark. The first row names
 * the columns; every row must have as many fields. */
#ifndef MNK_DATA_CSV_H
#define MNK_DATA_CSV_H

#include <stddef.h>

#include "base/error.h"
#include "base/json.h"

typedef struct mnk_csv mnk_csv;

/* Copies and parses n bytes; `name` is used in messages ("NAME: line 7: …"). */
mnk_status mnk_csv_parse(const char *bytes, size_t n, const char *name, mnk_csv **out, mnk_error *err) MNK_CHECK;
void mnk_csv_close(mnk_csv *csv);

size_t mnk_csv_rows(const mnk_csv *csv); /* without the header */
size_t mnk_csv_columns(const mnk_csv *csv);
const char *mnk_csv_heading(const mnk_csv *csv, size_t column);
/* Field as text, quotes removed; lives as long as csv. */
const char *mnk_csv_cell(const mnk_csv *csv, size_t row, size_t column);
size_t mnk_csv_line(const mnk_csv *csv, size_t row); /* line of the file where the row begins, from 1 */
/* Column of this name, -1 when absent. */
long mnk_csv_find(const mnk_csv *csv, const char *heading);

/* Appends one field, quoted when it must be. */
void mnk_csv_add(mnk_text *t, const char *field);

#endif
