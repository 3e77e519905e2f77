/* The audit of privacy: attacks on synthetic data and on the model behind them, with controls. What each number means, its
 * formula and its source: docs/methods/attacks.md. Distance to the closest record is no verdict here. */
#ifndef MANIKIN_ATTACK_H
#define MANIKIN_ATTACK_H

#include "manikin/classifier.h"
#include "manikin/dataset.h"
#include "manikin/observer.h"
#include "manikin/result.h"
#include "manikin/table.h"
#include "manikin/table_generator.h"

typedef struct mnk_attack_config {
    uint64_t seed;            /* not in the table: --seed is common to all commands */
    double level;             /* of the intervals */
    int64_t max_items;        /* at most this many records of train, of the holdout and of synthetic in the attacks */
    int64_t shown;            /* records at risk that are named */
    bool hide_real;           /* name no real record */
    double near_share;        /* a near copy is nearer to train than all but this share of the holdout */
    const char *encoding;     /* images: scatter, classifier or pixels */
    int64_t attempts;         /* tables: of singling out, linkability and inference, each */
    const char *quasi;        /* tables: comma-separated columns an attacker may know; NULL: by the schema's roles */
    const char *sensitive;    /* tables: what the attacker wants to know; NULL: by the roles, else the label */
    const char *link;         /* tables: "a,b/c,d": columns of two files to be linked; NULL: quasi-identifiers and the others */
    int64_t shadows;          /* tables with a model: generators trained anew for the shadow attack; 0: none */
    const char *scratch_path; /* not in the table: where they are written, one after the other */
} mnk_attack_config;

/* The defaults of its options (the tables are in privacy/attacks/config.h). */
MNK_API void mnk_attack_defaults(mnk_attack_config *config);

/* Attacks `synthetic`, made from `train`, knowing half of `holdout` (real, never trained on); the other half are the
 * non-members. Persons are never on two sides. model_path (NULL: none): a GAN checkpoint, whose discriminator is asked too.
 * Metrics of the groups "membership" and "authenticity"; flags exact_copy, near_copy (of: train row) and at_risk (item: train
 * row). Refused: no holdout, images of train in the holdout (by their bytes), a person in both, fewer than
 * MNK_ATTACK_LEAST records in train, holdout or synthetic. Same numbers for any number of threads. *out is closed by the caller
 * with mnk_result_close. */
enum { MNK_ATTACK_LEAST = 40 };
MNK_API mnk_status mnk_attack_images(const mnk_images *train, const mnk_images *holdout, const mnk_images *synthetic,
                                     mnk_classifier *classifier, const char *model_path, const mnk_attack_config *config,
                                     const mnk_observer *observer, mnk_result **out, mnk_error *err) MNK_CHECK;

/* The same for tables of one schema object, and besides (group "disclosure"): singling out, linkability and inference with
 * control (Giomi et al. 2023), attribute disclosure, k-anonymity, l-diversity, t-closeness. model (NULL: none) gives its
 * density where it has one; the tables must then be opened with its schema. Equal rows in train and holdout are refused when
 * there are more than equal rows within train explain; mnk_attack_tables_check refuses the same before anything was made. */
MNK_API mnk_status mnk_attack_tables_check(const mnk_table *train, const mnk_table *holdout, mnk_error *err) MNK_CHECK;
MNK_API mnk_status mnk_attack_tables(const mnk_table *train, const mnk_table *holdout, const mnk_table *synthetic,
                                     mnk_table_generator *model, const mnk_attack_config *config, const mnk_observer *observer,
                                     mnk_result **out, mnk_error *err) MNK_CHECK;

#endif
