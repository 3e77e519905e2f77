/* The parsed study: every section is the option table of the object it sets. */
#ifndef MNK_STUDY_STUDY_H
#define MNK_STUDY_STUDY_H

#include "base/mem.h"
#include "base/options.h"
#include "evidence/gate.h"
#include "evidence/policy.h"
#include "manikin/attack.h"
#include "manikin/classifier.h"
#include "manikin/evaluate.h"
#include "manikin/evaluate_table.h"
#include "manikin/gan.h"
#include "manikin/study.h"
#include "manikin/usefulness.h"
#include "manikin/usefulness_table.h"
#include "simulate/generator.h"

enum { MNK_STUDY_BYTES_MAX = 1 << 20 }; /* of a study file */

typedef struct mnk_study_data {
    const char *path;     /* data set as on the command line, or */
    const char *simulate; /* name of a forward model */
    int64_t n;            /* images to simulate */
    int64_t size, channels;
    bool skip_bad, groups_within_class;
    const char *label_column, *group_column, *split_column;
    double val, holdout, test; /* shares to cut where the data name no such split */
    mnk_option_list classes;   /* names, where the data only number the classes */
    mnk_option_list keep;      /* "class=share" of the training images that stay */
    const char *rarest;        /* class the report speaks of; NULL: the one with fewest training images */
} mnk_study_data;

typedef struct mnk_study_sample {
    int64_t per_class;
    int format;       /* npz | folder | tar */
    const char *keep; /* which draws are kept: manikin/audit.h; NULL: all */
} mnk_study_sample;

enum { MNK_CURVE_MAX = 12 };
typedef struct mnk_study_repeat {
    int64_t subsets, generators; /* training subsets drawn; generators trained on each */
    mnk_option_list curve;       /* as written; see mnk_study.curve */
} mnk_study_repeat;

/* ---- a study of tables: the sections data and make ---- */
typedef struct mnk_study_table_data {
    const char *path, *schema; /* CSV as on the command line; its schema, NULL: beside it, else inferred */
    const char *label, *person, *missing;
    double holdout; /* share of persons held out where the table names no split */
} mnk_study_table_data;

typedef struct mnk_study_make {
    mnk_option_list generators; /* "NAME setting=value …", see study/generators.h */
    int64_t rows;               /* of each synthetic table; 0: as many as train */
    int64_t repeats;            /* of every generator and budget, with seeds of their own */
    bool baseline;              /* also the closed-form generator, where the list lacks it */
    const char *keep;           /* which rows are kept: manikin/audit.h; NULL: all */
} mnk_study_make;

/* The section audit, of both kinds: see study/study_audit.h. */
typedef struct mnk_study_audit {
    mnk_attack_config attack;
    const char *policy, *title; /* file; title of a policy in `gate` */
    mnk_option_list gate, generators;
    bool models; /* attack the model files too */
} mnk_study_audit;

typedef struct mnk_study_report {
    bool hide_real;
} mnk_study_report;

typedef struct mnk_study_top {
    const char *title;
    int64_t seed, threads;
} mnk_study_top;

struct mnk_study {
    mnk_arena *arena;
    const char *name, *folder; /* of the file; folder NULL: relative paths as they are */
    const char *text;          /* as read */
    mnk_study_top top;
    mnk_study_data data;
    const mnk_simulator *simulator; /* NULL: data.path */
    void *simulator_config;
    mnk_gan_config gan;
    mnk_study_sample sample;
    mnk_classifier_config classifier;
    mnk_evaluate_config evaluate;
    mnk_usefulness_config usefulness;
    mnk_study_repeat repeat;
    int64_t curve[MNK_CURVE_MAX]; /* training images a class, ascending */
    int curves;
    bool no_classifier, no_evaluate, no_usefulness; /* `evaluate: off` */
    bool no_audit;                                  /* true until the section is there */
    mnk_study_audit audit;
    mnk_policy policy; /* of the audit, read with the study */
    bool has_policy;
    bool is_table; /* the data are a table: the fields above but evaluate: off and usefulness: off do not apply, those below do
                    */
    mnk_study_table_data table_data;
    mnk_study_make make;
    mnk_table_evaluate_config table_evaluate;
    mnk_table_models_config models;
    const struct mnk_study_section *sections; /* of this kind of study */
    mnk_study_report report;
    mnk_gate_rule gate[MNK_GATES_MAX];
    size_t gates;
    const char *settings;
};

/* One section of the file: its table and where it lives in mnk_study. The order is that of the steps. */
typedef struct mnk_study_section {
    const char *name;
    const mnk_option *table; /* NULL: depends on the study (simulate) */
    size_t offset;
    size_t off_offset;          /* of the flag that `name: off` sets; 0: cannot be switched off */
    const char *const *refused; /* options of the table that a study sets elsewhere; NULL-terminated */
    bool starts_off;            /* done only where the study has the section */
} mnk_study_section;

extern const mnk_study_section mnk_study_sections[], mnk_study_table_sections[]; /* end with name NULL */
extern const mnk_option mnk_study_data_options[];

const mnk_option *mnk_study_table(const mnk_study *s, const mnk_study_section *section);
void *mnk_study_config(mnk_study *s, const mnk_study_section *section);

/* The settings of one section as compact JSON text, for keys. */
void mnk_study_section_json(const mnk_study *s, const char *section, mnk_text *out);

/* ---- splits ---- */
/* Gives every image of d its split in place (d->split): those named by the data stay; val, holdout and test shares are cut by
 * group, class by class, where the data name none; then train is thinned (below) with subset 0 and no limit.
 * note: one or two sentences about what was done. */
mnk_status mnk_study_assign(mnk_images *d, const mnk_study_data *options, uint64_t seed, char note[512],
                            mnk_error *err) MNK_CHECK;
/* Which training images take part: `keep` leaves a share of a class, `most` limits every class. */
typedef struct mnk_study_draw {
    uint64_t seed;
    int subset;   /* 0..: another random choice of groups */
    int64_t most; /* training images a class; 0: no limit */
} mnk_study_draw;
/* Thins train in place, whole groups in the random order of (seed, class, subset), at least one group a class: left-out images
 * become MNK_SPLIT_NONE. Starts from all of train, also when d was thinned before; for one subset smaller draws are part of
 * larger ones. *is_drawn: something was left out, so that another subset is another training set. note: appended to; or NULL.
 */
mnk_status mnk_study_thin(mnk_images *d, const mnk_study_data *options, const mnk_study_draw *draw, bool *is_drawn,
                          char note[512], mnk_error *err) MNK_CHECK;
/* Replaces class names "0", "1" … by the given ones; refused when their number differs or the data have names of their own that
 * differ. */
mnk_status mnk_study_name_classes(mnk_images *d, const mnk_option_list *names, mnk_error *err) MNK_CHECK;
/* The images of one split; *out NULL when there are none. */
mnk_status mnk_study_subset(const mnk_images *d, mnk_split split, mnk_images **out, mnk_error *err) MNK_CHECK;

#endif
