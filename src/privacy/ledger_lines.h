/* The lines of a ledger file, shared by its reader and its writer. */
#ifndef MNK_PRIVACY_LEDGER_LINES_H
#define MNK_PRIVACY_LEDGER_LINES_H

#include "privacy/ledger.h"

enum { MNK_LEDGER_LINE_MAX = 4096, MNK_LEDGER_RUNS_MAX = 4096, MNK_LEDGER_KINDS_MAX = 4096 };

/* Each opens an object without closing it; mnk_ledger_seal adds the hash, the brace and the newline. */
void mnk_ledger_line_header(mnk_json *j, const mnk_ledger_setup *setup, const char *id);
void mnk_ledger_line_mechanism(mnk_json *j, const mnk_mechanism *m);

/* text: an object still open. Appends ,"hash":"…"} and a newline; the hash is of the previous line's hash and the text so far
 * (previous: "" for the header). */
void mnk_ledger_seal(mnk_text *text, const char *previous, char hash[MNK_HASH_TEXT]);

/* Adds one verified line (without newline) to the book. */
mnk_status mnk_ledger_book_add(mnk_ledger_book *b, const char *line, size_t n, const char *name, mnk_error *err) MNK_CHECK;
mnk_ledger_book *mnk_ledger_book_open(void); /* NULL when memory is short */

/* Name of a neighbour relation in files, and back (false when unknown). */
const char *mnk_neighbours_name(mnk_neighbours n);

#endif
