/* Who stands where in an audit: the holdout dealt into reference and non-members, at most so many of each; and what is refused
 * before anything is attacked. */
#ifndef MNK_PRIVACY_ATTACKS_SETS_H
#define MNK_PRIVACY_ATTACKS_SETS_H

#include "manikin/attack.h"

typedef struct mnk_attack_deal {
    size_t *member, members;       /* rows of train */
    size_t *other, others;         /* rows of the holdout that are attacked as non-members */
    size_t *reference, references; /* rows of the holdout that the attacker knows */
    size_t *synthetic, synthetics; /* rows of synthetic */
} mnk_attack_deal;

/* Persons (NULL or -1: each record its own) are dealt whole. Rows ascend. */
mnk_status mnk_attack_deal_open(size_t train, size_t holdout, size_t synthetic, const int32_t *train_person,
                                const int32_t *holdout_person, const mnk_attack_config *config, mnk_attack_deal *out,
                                mnk_error *err) MNK_CHECK;
void mnk_attack_deal_close(mnk_attack_deal *d);

/* MNK_ERR_INPUT with the numbers when a set has fewer than MNK_ATTACK_LEAST records. items: "images", "rows". */
mnk_status mnk_attack_check_counts(size_t train, size_t holdout, size_t synthetic, const char *items, mnk_error *err) MNK_CHECK;
/* A holdout that is missing: MNK_ERR_USAGE with the reason. */
mnk_status mnk_attack_check_holdout(const void *holdout, mnk_error *err) MNK_CHECK;
/* `equal` records of the holdout are equal to one of train. Equal records within train (`repeated` of its n) make some
 * expected; more than chance adds to that is MNK_ERR_INPUT. */
mnk_status mnk_attack_check_overlap(size_t equal, size_t holdout, size_t repeated, size_t train, const char *items,
                                    mnk_error *err) MNK_CHECK;

#endif
