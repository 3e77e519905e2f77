/* Evidence: what a study leaves behind. evidence.json holds every number, report.html shows them, manifest.json lists
 * every file with its hash and is signed with Ed25519 in minisign's format, and verify finds any changed byte. */
#ifndef MANIKIN_EVIDENCE_H
#define MANIKIN_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manikin/dataset.h"
#include "manikin/error.h"
#include "manikin/observer.h"
#include "manikin/result.h"

/* ---- evidence.json and report.html ---- */

/* A threshold set in the study before the run. Only such a threshold makes a "met" or "not met". */
typedef struct mnk_gate {
    char text[160]; /* as written in the study: "coverage/scatter >= 0.5" */
    double threshold;
    double value; /* NaN: could not be measured, which counts as not met */
    bool met;
    char note[160]; /* why it could not be measured */
} mnk_gate;

typedef struct mnk_evidence_step {
    char name[32], title[64];
    double wall_s;  /* of the run that did it, also when it was skipped this time */
    bool is_reused; /* nothing had changed since an earlier run */
} mnk_evidence_step;

typedef struct mnk_evidence_fact {
    char name[64], value[256];
} mnk_evidence_fact;

/* Where and when; the only part of evidence.json that two equal runs do not share. */
typedef struct mnk_evidence_run {
    char started[32], finished[32]; /* "2026-11-23T21:30:00Z" */
    double wall_s;
    int threads;
    char hardware[256];
    const mnk_evidence_step *step;
    size_t steps;
} mnk_evidence_run;

/* An audit of privacy: what was attacked, what came out, and how that stands to the policy. */
typedef struct mnk_audited {
    const char *name; /* of the synthetic set; "" when there is one */
    const mnk_result *result;
    const mnk_gate *gate; /* [gates] of the policy as judged; NULL: no policy */
} mnk_audited;

typedef struct mnk_audits {
    const mnk_audited *item;
    size_t n;
    const char *policy_title, *policy_hash; /* hash of the policy's bytes; NULL: no policy */
    size_t gates;
    bool with_models; /* the model files were attacked too */
} mnk_audits;

typedef struct mnk_evidence {
    const char *title;
    uint64_t seed;
    bool is_phantom;                                            /* the "real" data come from a forward model */
    const mnk_images *train, *val, *holdout, *test, *synthetic; /* NULL: none. val and holdout were cut from train */
    const mnk_result *data, *evaluate, *usefulness;             /* NULL: not done */
    const char *data_note;              /* how the splits came about, one or two sentences; may be NULL */
    const mnk_evidence_fact *generator; /* what made the synthetic images: name and value pairs */
    size_t generator_facts;
    const char *events_path;   /* events.jsonl of the generator's training, or NULL */
    const char *settings_json; /* resolved options as one JSON object */
    const char *study_text;    /* the study file as it was read, or NULL */
    const char *command;       /* what repeats it: "manikin run study.yaml -o results" */
    const char *rarest_class;  /* NULL: the class with the fewest training images */
    const mnk_gate *gate;
    size_t gates;
    const mnk_audits *audits; /* NULL: none were made */
    bool hide_real;           /* no training, holdout or test image on the page */
    const char *public_key;   /* of the signature to come, or NULL: not signed */
    mnk_evidence_run run;
} mnk_evidence;

/* Writes dir/evidence.json and dir/report.html (at most 3 MB: contact sheets shrink until it fits). content_hash receives the
 * hash of evidence.json without its "run" part; may be NULL. */
MNK_API mnk_status mnk_evidence_write(const mnk_evidence *e, const char *dir, const mnk_observer *observer,
                                      char content_hash[73], mnk_error *err) MNK_CHECK;

/* The answer in words: up to eight sentences, each of at most 511 bytes, as they stand in the report. Returns how many. */
typedef char mnk_sentence[512];
MNK_API int mnk_evidence_answer(const mnk_evidence *e, mnk_sentence out[8]);

/* ---- signatures: Ed25519 in the file formats of minisign 0.11 (https://jedisct1.github.io/minisign/) ---- */

#define MNK_PUBLIC_KEY_TEXT 57 /* base64 of 42 bytes ("Ed", 8 bytes of key number, 32 bytes of key) + NUL; starts with "RW" */

typedef struct mnk_key {
    uint8_t number[8];
    uint8_t secret[64]; /* all zero in a key that can only verify */
    uint8_t open[32];
} mnk_key;

/* Makes a new key pair from the system's random source: `path` (unencrypted secret key, readable by its owner only, 0600)
 * and `path` with ".pub" in place of ".key", or ".pub" added. Refuses an existing file. Makes the folder when missing. */
MNK_API mnk_status mnk_key_make(const char *path, mnk_key *out, mnk_error *err) MNK_CHECK;
/* Reads an unencrypted minisign secret key; refuses a password-protected one, and one that others may read. */
MNK_API mnk_status mnk_key_read(const char *path, mnk_key *out, mnk_error *err) MNK_CHECK;
/* `text`: a minisign public key file, or the base64 line itself ("RW…"). */
MNK_API mnk_status mnk_key_read_public(const char *text, mnk_key *out, mnk_error *err) MNK_CHECK;
MNK_API void mnk_key_public_text(const mnk_key *k, char out[MNK_PUBLIC_KEY_TEXT]);
/* Forgets the secret. */
MNK_API void mnk_key_clear(mnk_key *k);

/* Signs the bytes of `path` (BLAKE2b-512 prehash, algorithm "ED") into `path`.minisig. trusted_comment is signed too; one line.
 */
MNK_API mnk_status mnk_sign_file(const char *path, const mnk_key *k, const char *trusted_comment, mnk_error *err) MNK_CHECK;
/* Checks `path` against `path`.minisig. trusted_comment (may be NULL) receives the signed comment. MNK_ERR_INPUT: missing,
 * malformed, made by another key, or not matching; the message says which. */
MNK_API mnk_status mnk_verify_file(const char *path, const mnk_key *k, char trusted_comment[256], mnk_error *err) MNK_CHECK;

/* ---- manifest ---- */

typedef struct mnk_manifest_input { /* what the study read: whole data sets, never single records */
    char role[24], path[512], hash[73];
    size_t n; /* items; sets below MNK_MANIFEST_MIN_ITEMS are listed without a hash */
} mnk_manifest_input;

/* A hash of very few records could be used to ask "was this person in it?" by trying candidates. */
#define MNK_MANIFEST_MIN_ITEMS 20

typedef struct mnk_manifest_info {
    const char *title;
    uint64_t seed;
    const mnk_manifest_input *input;
    size_t inputs;
    const char *settings_json;    /* resolved options as a JSON object, or NULL */
    const char *evidence_content; /* hash of evidence.json without its "run" part, or NULL */
    const char *created;          /* time stamp, "2026-11-23T21:30:00Z"; NULL leaves it out */
    const char *const *varies;    /* names of files that hold times: they differ between two equal runs */
    size_t n_varies;
} mnk_manifest_info;

/* Writes dir/manifest.json over every file below dir (but itself and its signature), then signs it unless k is NULL, in which
 * case an old signature is removed. Links and special files are refused. */
MNK_API mnk_status mnk_manifest_write(const char *dir, const mnk_manifest_info *info, const mnk_key *k,
                                      mnk_error *err) MNK_CHECK;

typedef enum mnk_finding_kind {
    MNK_FINDING_CHANGED,
    MNK_FINDING_MISSING,
    MNK_FINDING_ADDED,
    MNK_FINDING_SIGNATURE,
    MNK_FINDING_MANIFEST
} mnk_finding_kind;

typedef struct mnk_finding {
    mnk_finding_kind kind;
    char path[512];
    char text[256];
} mnk_finding;

typedef struct mnk_verify_report {
    size_t files; /* listed in the manifest */
    uint64_t bytes;
    bool is_signed;            /* a signature was there and is valid */
    bool is_key_from_manifest; /* checked only against the key the manifest itself names */
    char public_key[MNK_PUBLIC_KEY_TEXT];
    char trusted_comment[256];
    mnk_finding *finding;
    size_t findings;
} mnk_verify_report;

/* Checks every file below dir. public_key: file or base64 line; NULL takes the one the manifest names, which proves that
 * nothing changed since signing but not who signed. Returns MNK_OK whenever the check itself could be made, also with findings:
 * look at report->findings. Close with mnk_verify_close. */
MNK_API mnk_status mnk_evidence_verify(const char *dir, const char *public_key, const mnk_observer *observer,
                                       mnk_verify_report **out, mnk_error *err) MNK_CHECK;
/* Compares two finished studies: every file that holds no times must be equal, and so must the evidence without its "run"
 * part. Findings as above, with dir's names. Does not look at signatures. */
MNK_API mnk_status mnk_evidence_compare(const char *dir, const char *other, mnk_verify_report **out, mnk_error *err) MNK_CHECK;
MNK_API void mnk_verify_close(mnk_verify_report *r);
MNK_API const char *mnk_finding_name(mnk_finding_kind kind); /* "changed", "missing" … */

#endif
