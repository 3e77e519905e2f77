/* The privacy ledger: what was spent on a dataset, one JSON object a line, each line chained to the one before by its hash.
 *
 * Write-ahead: an entry is on disk (fsync) before the permit for its noise exists, so a killed run has always paid for what it
 * did, and a resumed one pays anew. Runs for tuning are entries like any other: everything in the file is summed.
 * Format: docs/methods/privacy.md. */
#ifndef MNK_PRIVACY_LEDGER_H
#define MNK_PRIVACY_LEDGER_H

#include "base/hash.h"
#include "base/json.h"
#include "manikin/privacy.h"
#include "privacy/permit.h"

#define MNK_LEDGER_FORMAT         "manikin-privacy-ledger"
#define MNK_LEDGER_FORMAT_VERSION 2 /* 1: no line "bound_rho" */
#define MNK_LEDGER_STAMP          "NOT PRIVATE: reproducible noise, for tests"

/* ---- reading ---- */

typedef struct mnk_ledger_run {
    char what[48];
    mnk_mechanisms spent;
} mnk_ledger_run;

/* What a ledger file says. */
typedef struct mnk_ledger_book {
    char id[33]; /* random, 32 hex digits; models carry it */
    char generator[32], data[MNK_HASH_TEXT], public_facts[256];
    uint64_t people;      /* n where it is public, 0 otherwise */
    mnk_mechanisms spent; /* everything; spent.not_private where noise was reproducible */
    int version;          /* of the format it was begun in */
    double
        bound_rho; /* 0: none. Else the rho that all entries stay within, whatever they were chosen by; see mnk_ledger_bound */
    mnk_ledger_run *run;
    size_t runs, entries;
    size_t models;
    char model[MNK_HASH_TEXT];   /* hash of the last model bound; "" when none */
    char (*head)[MNK_HASH_TEXT]; /* [entries + 1]: hash of each line, the header's first */
    size_t good_bytes;           /* verified lines; what follows is an entry that never became durable */
    bool has_torn_tail, lacks_newline;
} mnk_ledger_book;

/* Hostile input: caps, every field checked, the chain verified. An incomplete last line is no entry (its noise was never
 * drawn); anything else that does not verify refuses the whole ledger. MNK_ERR_INPUT names the line. */
mnk_status mnk_ledger_parse(const char *text, size_t n, const char *name, mnk_ledger_book **out, mnk_error *err) MNK_CHECK;
mnk_status mnk_ledger_read(const char *path, mnk_ledger_book **out, mnk_error *err) MNK_CHECK;
void mnk_ledger_book_close(mnk_ledger_book *b);

/* The model file's bytes are those last bound to this ledger. MNK_ERR_INPUT otherwise. */
mnk_status mnk_ledger_check_model(const mnk_ledger_book *b, const char *model_path, mnk_error *err) MNK_CHECK;
/* A model or checkpoint written when the ledger's head was `head` belongs to this ledger, and no line since was lost. */
mnk_status mnk_ledger_check_head(const mnk_ledger_book *b, const char *head, mnk_error *err) MNK_CHECK;

/* ---- writing ---- */

typedef struct mnk_ledger_setup {
    mnk_neighbours neighbours;
    const char *generator;    /* "mst" */
    const char *data_hash;    /* of the training data, "blake2b:…"; NULL: none */
    const char *public_facts; /* what of the data is taken as known: "levels, bounds and n from the schema"; NULL: none */
    uint64_t people;          /* n where it is public, else 0 */
    bool is_reproducible;     /* tests only: noise from test_seed, and the stamp in the header for good */
    uint64_t test_seed;
} mnk_ledger_setup;

typedef struct mnk_ledger mnk_ledger;

/* Makes the file, or with `resume` goes on with an existing one, which must be of the same setup. An existing file without
 * `resume` is refused: a budget is never reset by starting again. The file is locked until close. Noise is keyed anew. */
mnk_status mnk_ledger_open(const char *path, const mnk_ledger_setup *setup, bool resume, mnk_ledger **out,
                           mnk_error *err) MNK_CHECK;
void mnk_ledger_close(mnk_ledger *l);

/* States, before entries are chosen by the answers to earlier ones, the rho (zero-concentrated privacy) that all entries of
 * this ledger will stay within, those before included. Then the guarantee is that of the bound (a filter: Feldman & Zrnic
 * 2021); composing the entries as they came out would hold for a list known beforehand only. Entries beyond the bound are
 * refused. A later, larger bound takes its place. A ledger begun in format 1 has no such line: nothing is written. */
mnk_status mnk_ledger_bound(mnk_ledger *l, double rho, mnk_error *err) MNK_CHECK;

/* Starts a run: "training", "tuning 3". Charges before the first belong to a run "". */
mnk_status mnk_ledger_begin_run(mnk_ledger *l, const char *what, mnk_error *err) MNK_CHECK;
/* Writes the entry, fsyncs, and only then gives the permit (valid while l is open). After a failure (disk full) the ledger
 * gives no further permits. */
mnk_status mnk_ledger_charge(mnk_ledger *l, const mnk_mechanism *m, mnk_permit *out, mnk_error *err) MNK_CHECK;
/* Binds the finished model file to this ledger by its hash. */
mnk_status mnk_ledger_bind_model(mnk_ledger *l, const char *model_path, mnk_error *err) MNK_CHECK;

const mnk_ledger_book *mnk_ledger_state(const mnk_ledger *l);
/* Hash of the last line: goes into checkpoints and models, for mnk_ledger_check_head. */
const char *mnk_ledger_head(const mnk_ledger_book *b);

/* The sum of rho over all entries. */
double mnk_ledger_rho(const mnk_ledger_book *b);
/* What the ledger counts for when it is composed with others: its entries or, with a bound, the bound. Appends to `all`. */
mnk_status mnk_ledger_add_spent(const mnk_ledger_book *b, mnk_mechanisms *all, mnk_error *err) MNK_CHECK;
/* What is spent (with a bound: the bound, method "zcdp filter") and, where planned is not NULL, planned: the guarantee of both
 * together. */
mnk_status mnk_ledger_guarantee(const mnk_ledger_book *b, const mnk_mechanisms *planned, double delta, mnk_guarantee *out,
                                mnk_error *err) MNK_CHECK;

/* {"id", "head", "unit", "neighbours", "people", "public", "private" or the stamp, "mechanisms": […]} for a model's metadata:
 * whoever writes it writes the stamp. */
void mnk_ledger_emit(const mnk_ledger_book *b, mnk_json *j, const char *key);

#endif
