/* The report's sections. Each appends to `t`; numbers come from the results alone, so that page and evidence.json agree. */
#ifndef MNK_EVIDENCE_REPORT_H
#define MNK_EVIDENCE_REPORT_H

#include "base/error.h"
#include "base/json.h"
#include "evaluate/arms.h"
#include "evidence/gallery.h"
#include "manikin/evidence.h"

/* ---- what is known of a metric: name for people, which end is good, how to read it ---- */
typedef struct mnk_metric_info {
    const char *id, *name;
    const char *good;    /* "higher", "lower", "like holdout" */
    const char *meaning; /* one line */
    bool is_share;       /* lives on 0..1: shown on the common chart */
} mnk_metric_info;
const mnk_metric_info *mnk_metric_info_of(const char *id); /* NULL when unknown */
const char *mnk_metric_name(const char *id);               /* the id itself when unknown */
const char *mnk_images_short_source(const mnk_images *d);  /* the path as given */
extern const mnk_metric_info mnk_metric_infos[];           /* ends with id NULL */

/* ---- what the answer rests on ---- */
enum { MNK_CURVE_SHOWN = 12 };

/* A statistic of the baseline, of the arm spoken of, and their difference; NULL: not measured. */
typedef struct mnk_gain {
    const char *id, *subset; /* "auc", "Basophil" */
    const mnk_metric *baseline, *with, *gain;
} mnk_gain;
/* Of any arm, at any point of the learning curve (suffix "" or "@N"). */
mnk_gain mnk_gain_of(const mnk_result *usefulness, const char *id, const mnk_arm *arm, const char *suffix, const char *subset);

typedef struct mnk_findings {
    const char *rarest; /* class name, NULL when there is no training set */
    size_t rarest_n;
    const mnk_arm *arm;                  /* the arm with synthetic images that is spoken of; NULL: not measured */
    mnk_gain all, rare, pair, *headline; /* macro AUC, rarest class, hard pair; headline: the rarest class, else all */
    const char *encoding;                /* of the tiles: "classifier" when there, else the first */
    const mnk_metric *realism;           /* precision */
    const mnk_metric *coverage;
    const mnk_metric *authenticity;
    const mnk_metric *variety; /* smallest within_class_sd ratio over classes */
    const mnk_metric *near_share, *never_share;
    size_t exact, near_copies, never; /* flags */
    bool copies_measured;
} mnk_findings;
void mnk_findings_of(const mnk_evidence *e, mnk_findings *out);

/* Variety inside classes, by the spread of synthetic over real images of a class. */
#define MNK_VARIETY_COLLAPSED 0.7
#define MNK_VARIETY_REDUCED   0.9

/* The sentences on usefulness: at most five, appended from out[n]. Returns the new number. */
int mnk_answer_usefulness(const mnk_evidence *e, const mnk_findings *f, mnk_sentence *out, int n);
/* Sizes of the learning curve, ascending; returns how many. */
int mnk_curve_sizes(const mnk_result *usefulness, int64_t out[MNK_CURVE_SHOWN]);

double mnk_metric_reference(const mnk_metric *m, const char *name);  /* NaN when absent */
size_t mnk_class_count(const mnk_images *d, const char *class_name); /* 0 when d is NULL */

/* ---- what is drawn by chance or searched for once, shared by page and JSON ---- */
typedef struct mnk_look_class {
    int label;                  /* in train */
    size_t real_n, synthetic_n; /* shown */
    size_t *real, *synthetic, *nearest;
    int *turn;
    double *rms;
} mnk_look_class;

enum { MNK_LOOK_COLUMNS = 12, MNK_LOOK_CLASSES = 12, MNK_LOOK_BINS = 40 };
typedef struct mnk_look {
    mnk_look_class item[MNK_LOOK_CLASSES];
    int classes;
    double bin_px[MNK_LOOK_BINS + 1];                                    /* edges, grey levels */
    double synthetic_share[MNK_LOOK_BINS], holdout_share[MNK_LOOK_BINS]; /* % */
    size_t synthetic_n, holdout_n;                                       /* behind the shares; 0: not done */
    double *synthetic_rms, *holdout_rms;
} mnk_look;
mnk_status mnk_look_make(const mnk_evidence *e, const mnk_observer *observer, mnk_look *out, mnk_error *err) MNK_CHECK;
void mnk_look_clear(mnk_look *l);

/* ---- sections; columns: how many pictures a row, chosen to fit the page into its budget ---- */
void mnk_report_head(mnk_text *t, const mnk_evidence *e, const mnk_findings *f);
void mnk_report_data(mnk_text *t, const mnk_evidence *e);
mnk_status mnk_report_look(mnk_text *t, const mnk_evidence *e, const mnk_look *l, int columns, mnk_error *err) MNK_CHECK;
void mnk_report_fidelity(mnk_text *t, const mnk_evidence *e);
void mnk_report_usefulness(mnk_text *t, const mnk_evidence *e, const mnk_findings *f);
mnk_status mnk_report_copies(mnk_text *t, const mnk_evidence *e, const mnk_findings *f, const mnk_look *l, int columns,
                             mnk_error *err) MNK_CHECK;
/* What stands in that section, for pages that show several sets; l may be NULL. */
mnk_status mnk_report_galleries(mnk_text *t, const mnk_evidence *e, const mnk_findings *f, const mnk_look *l, int columns,
                                mnk_error *err) MNK_CHECK;
mnk_status mnk_report_artefacts(mnk_text *t, const mnk_evidence *e, int columns, mnk_error *err) MNK_CHECK;
void mnk_report_training(mnk_text *t, const mnk_evidence *e);
void mnk_report_limits(mnk_text *t, const mnk_evidence *e, const mnk_findings *f);
void mnk_report_method(mnk_text *t, const mnk_evidence *e);
void mnk_report_repeat(mnk_text *t, const mnk_evidence *e);
void mnk_report_numbers(mnk_text *t, const mnk_evidence *e);

/* A table of every metric of r whose subset is "" (overall) or is not. */
void mnk_report_table(mnk_text *t, const mnk_result *r, bool overall, const char *group);

/* evidence.json as text; the "run" part is left out when with_run is false. */
mnk_status mnk_evidence_json(const mnk_evidence *e, const mnk_look *l, bool with_run, mnk_text *out, mnk_error *err) MNK_CHECK;

/* Parts that documents on tables share. */
void mnk_evidence_json_result(mnk_json *j, const char *key, const mnk_result *r);
void mnk_evidence_json_gates(mnk_json *j, const mnk_evidence *e);
void mnk_evidence_json_run(mnk_json *j, const mnk_evidence_run *run);
void mnk_report_gates(mnk_text *t, const mnk_evidence *e);
/* The audits of a study: by the policy, one line each, then every number of each. Nothing without audits. */
void mnk_report_audits(mnk_text *t, const mnk_evidence *e);
void mnk_evidence_json_audits(mnk_json *j, const mnk_evidence *e);
/* One sentence; "" without audits. */
void mnk_answer_audits(const mnk_evidence *e, mnk_sentence out);

#endif
