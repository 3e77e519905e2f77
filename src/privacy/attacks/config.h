/* The rows of the options of the audit, for tables over mnk_attack_config itself and structs that hold one. */
#ifndef MNK_PRIVACY_ATTACKS_CONFIG_H
#define MNK_PRIVACY_ATTACKS_CONFIG_H

#include "base/options.h"
#include "manikin/attack.h"

/* clang-format off */
#define MNK_ATTACK_ROWS(type, field) \
    {"level", 0, MNK_OPTION_REAL, offsetof(type, field(level)), "SHARE", "0.95", 0.5, 0.9999, NULL, "confidence of the intervals", true}, \
    {"max-items", 0, MNK_OPTION_INT, offsetof(type, field(max_items)), "N", "5000", 40, 1e6, NULL, "at most this many records a set in the attacks", true}, \
    {"shown", 0, MNK_OPTION_INT, offsetof(type, field(shown)), "N", "20", 0, 1e6, NULL, "name this many training records at risk", true}, \
    {"hide-real", 0, MNK_OPTION_BOOL, offsetof(type, field(hide_real)), NULL, "false", 0, 0, NULL, "name no real record", false}, \
    {"near-share", 0, MNK_OPTION_REAL, offsetof(type, field(near_share)), "SHARE", "0.01", 1e-6, 0.5, NULL, \
     "a near copy is nearer to train than all but this share of the holdout", true}

#define MNK_ATTACK_IMAGE_ROWS(type, field) \
    {"encoding", 0, MNK_OPTION_TEXT, offsetof(type, field(encoding)), "NAME", "scatter", 0, 0, NULL, "what the attacks see of an image: scatter, classifier, pixels", false}

#define MNK_ATTACK_TABLE_ROWS(type, field) \
    {"quasi", 0, MNK_OPTION_TEXT, offsetof(type, field(quasi)), "COLUMNS", NULL, 0, 0, NULL, "columns an attacker may know, with commas [role quasi-identifier]", false}, \
    {"sensitive", 0, MNK_OPTION_TEXT, offsetof(type, field(sensitive)), "COLUMNS", NULL, 0, 0, NULL, "columns he wants to know [role sensitive, else the label]", false}, \
    {"link", 0, MNK_OPTION_TEXT, offsetof(type, field(link)), "A,B/C,D", NULL, 0, 0, NULL, "columns of two files that he wants to link [quasi-identifiers / the others]", true}, \
    {"attempts", 0, MNK_OPTION_INT, offsetof(type, field(attempts)), "N", "500", 20, 1e5, NULL, "attempts of singling out, linkability, inference", true}, \
    {"shadows", 0, MNK_OPTION_INT, offsetof(type, field(shadows)), "N", "0", 0, 10000, NULL, "with --model: train so many generators anew, with and without isolated records (64 and more)", true}
/* clang-format on */

extern const mnk_option mnk_attack_options[]; /* all of them */

#endif
