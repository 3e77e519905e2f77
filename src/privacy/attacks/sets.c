#include "privacy/attacks/sets.h"

#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/rng.h"

static int ascending(const void *a, const void *b) {
    const size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

/* Persons of n records as 0..units-1. */
static mnk_status units_of(const int32_t *person, size_t n, size_t *unit, size_t *units, mnk_error *err) {
    int32_t most = -1;
    size_t *number = NULL;
    for (size_t i = 0; i < n && person; i++)
        if (person[i] > most) most = person[i];
    MNK_TRY(MNK_NEW(number, (size_t)(most + 1) + 1, err));
    *units = 0;
    for (size_t i = 0; i < n; i++) {
        const int32_t p = person ? person[i] : -1;
        unit[i] = p >= 0 && number[p] ? number[p] - 1 : (*units)++;
        if (p >= 0) number[p] = unit[i] + 1;
    }
    mnk_free(number);
    return MNK_OK;
}

/* Deals n records by person into two lists at the given share, random; at most `most` of each, whole persons first come. */
static mnk_status deal(size_t n, const int32_t *person, double share, size_t most, uint64_t seed, uint64_t stream,
                       size_t **first, size_t *firsts, size_t **second, size_t *seconds, mnk_error *err) {
    size_t *unit = NULL, *order = NULL, *place = NULL, units = 0;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(unit, n + 1, err));
    MNK_OUT(MNK_NEW(order, n + 1, err));
    MNK_OUT(MNK_NEW(place, n + 1, err));
    MNK_OUT(units_of(person, n, unit, &units, err));
    mnk_rng r = mnk_rng_at(seed, MNK_PURPOSE_ATTACK, 0, (uint32_t)stream);
    mnk_rng_permutation(&r, order, units);
    const size_t cut = (size_t)llround(share * (double)units);
    MNK_OUT(MNK_NEW(*first, n + 1, err));
    if (second) MNK_OUT(MNK_NEW(*second, n + 1, err));
    /* records in the order of their persons, by counting */
    size_t *start = place, *record = NULL;
    for (size_t i = 0; i < n; i++) start[unit[i]]++;
    MNK_OUT(MNK_NEW(record, n + 1, err));
    for (size_t u = 0, at = 0; u < units; u++) {
        const size_t here = start[u];
        start[u] = at, at += here;
    }
    for (size_t i = 0; i < n; i++) record[start[unit[i]]++] = i; /* start is now the end of each person */
    for (size_t k = 0; k < units; k++) {
        const size_t u = order[k], begin = u ? start[u - 1] : 0;
        size_t *to = k < cut ? *first : second ? *second : NULL, *count = k < cut ? firsts : seconds;
        for (size_t i = begin; i < start[u] && to && *count < most; i++) to[(*count)++] = record[i];
    }
    mnk_free(record);
    qsort(*first, *firsts, sizeof **first, ascending);
    if (second) qsort(*second, *seconds, sizeof **second, ascending);
out:
    mnk_free(unit);
    mnk_free(order);
    mnk_free(place);
    return status;
}

mnk_status mnk_attack_deal_open(size_t train, size_t holdout, size_t synthetic, const int32_t *train_person,
                                const int32_t *holdout_person, const mnk_attack_config *config, mnk_attack_deal *out,
                                mnk_error *err) {
    const size_t most = (size_t)config->max_items;
    mnk_status status = MNK_OK;
    *out = (mnk_attack_deal){0};
    MNK_OUT(deal(train, train_person, 1, most, config->seed, 0, &out->member, &out->members, NULL, NULL, err));
    MNK_OUT(deal(holdout, holdout_person, 0.5, most, config->seed, 1, &out->reference, &out->references, &out->other,
                 &out->others, err));
    MNK_OUT(deal(synthetic, NULL, 1, most, config->seed, 2, &out->synthetic, &out->synthetics, NULL, NULL, err));
    if (out->others < MNK_ATTACK_LEAST / 4 || out->references < MNK_ATTACK_LEAST / 4) {
        status = MNK_FAIL(err, MNK_ERR_INPUT,
                          "the holdout comes from too few persons: dealt by person, %zu records are known to the attacker and "
                          "%zu are attacked; at least %d of each are needed",
                          out->references, out->others, MNK_ATTACK_LEAST / 4);
        mnk_error_hint(err, "hold out more persons");
    }
out:
    if (status != MNK_OK) mnk_attack_deal_close(out);
    return status;
}

void mnk_attack_deal_close(mnk_attack_deal *d) {
    if (!d) return;
    mnk_free(d->member);
    mnk_free(d->other);
    mnk_free(d->reference);
    mnk_free(d->synthetic);
    *d = (mnk_attack_deal){0};
}

mnk_status mnk_attack_check_holdout(const void *holdout, mnk_error *err) {
    if (holdout) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE,
                                 "audit: --holdout is missing: without real records that were never trained "
                                 "on, no attack can be told from chance");
    mnk_error_hint(err, "manikin audit --train REAL --holdout UNSEEN --synthetic MADE");
    return status;
}

mnk_status mnk_attack_check_counts(size_t train, size_t holdout, size_t synthetic, const char *items, mnk_error *err) {
    static const char *const name[3] = {"train", "holdout", "synthetic"};
    const size_t n[3] = {train, holdout, synthetic};
    for (int k = 0; k < 3; k++) {
        if (n[k] >= MNK_ATTACK_LEAST) continue;
        mnk_status status = MNK_FAIL(err, MNK_ERR_INPUT, "audit: %s has %zu %s; the attacks need at least %d", name[k], n[k],
                                     items, MNK_ATTACK_LEAST);
        mnk_error_hint(err, "half of the holdout is known to the attacker, half is attacked; give more %s", items);
        return status;
    }
    return MNK_OK;
}

mnk_status mnk_attack_check_overlap(size_t equal, size_t holdout, size_t repeated, size_t train, const char *items,
                                    mnk_error *err) {
    const double expected = (double)holdout * (double)repeated / (double)train;
    if (!equal || (repeated && (double)equal <= expected + 3 * sqrt(expected) + 3)) return MNK_OK;
    mnk_status status =
        MNK_FAIL(err, MNK_ERR_INPUT,
                 "audit: the holdout overlaps train: %zu of its %zu %s are equal to one of train (equal %s within "
                 "train explain about %.0f): the audit would call members unseen",
                 equal, holdout, items, items, expected);
    mnk_error_hint(err, "give a holdout that was set aside before training, split by person");
    return status;
}
