#include "evaluate/copy_report.h"

#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "evaluate/copies.h"
#include "evaluate/judge.h"
#include "math/stats.h"

/* A reference line needs no more, and train against its own groups no more either. */
enum { REFERENCE_ROWS = 200, NULL_ROWS = 2000 };

typedef struct judged {
    const mnk_sets *s;
    const mnk_observer *o;
    mnk_copy_index *index;
    mnk_copy_null null;
    mnk_copy_threshold *threshold; /* [classes]; NULL: no null */
    const char *null_name;         /* "holdout", "other_groups" */
} judged;

typedef struct copy_shares {
    double exact, near;         /* near: exact copies included; NaN without thresholds */
    double expected, deviation; /* of near, were the set unseen real images: mean and standard deviation */
} copy_shares;

static bool is_near(const mnk_copy *c, double threshold) { return c->is_exact || (double)c->near.score < threshold; }

static copy_shares shares(const judged *j, const mnk_copy *c, const int32_t *label, size_t n) {
    size_t exact = 0, near = 0;
    double variance = 0;
    copy_shares s = {0};
    for (size_t i = 0; i < n; i++) {
        exact += c[i].is_exact;
        near += j->threshold && is_near(&c[i], j->threshold[label[i]].score);
    }
    s.exact = (double)exact / (double)n;
    s.near = j->threshold ? (double)near / (double)n : (double)NAN;
    for (int k = 0; k < j->s->classes && j->threshold; k++) {
        double weight = 0;
        for (size_t i = 0; i < n; i++) weight += label[i] == k;
        weight /= (double)n;
        s.expected += weight * j->threshold[k].expected;
        variance +=
            (j->threshold[k].is_pooled ? weight : weight * weight) * j->threshold[k].variance; /* pooled ones err together */
    }
    s.deviation = sqrt(variance + s.expected * (1 - s.expected) / (double)n);
    return s;
}

static mnk_status flag_copies(const judged *j, const mnk_copy *c, const int32_t *label, size_t n, mnk_result *r,
                              mnk_error *err) {
    for (size_t i = 0; i < n; i++) {
        if (!c[i].is_exact && !(j->threshold && is_near(&c[i], j->threshold[label[i]].score))) continue;
        mnk_flag *f = mnk_result_add_flag(r, c[i].is_exact ? "exact_copy" : "near_copy", i);
        char as[72];
        if (!f) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
        f->of = (int64_t)c[i].near.row;
        f->distance = (double)c[i].near.score;
        mnk_alignment_text(&c[i].near.as, as, sizeof as);
        if (c[i].is_exact) snprintf(f->note, sizeof f->note, "%s", as);
        else
            snprintf(f->note, sizeof f->note, "%.58s; r %.2f; p %.2g (n %zu)", as, (double)c[i].near.correlation,
                     mnk_copy_null_p(&j->null, label[i], (double)c[i].near.score), j->null.of[label[i]].n);
    }
    return MNK_OK;
}

/* Null, thresholds, and what to say of classes that have too few images for one of their own. */
static mnk_status set_null(judged *j, const mnk_copy *c, const int32_t *label, const int32_t *group, size_t n, const char *name,
                           mnk_result *r, mnk_error *err) {
    float *score = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(score, n ? n : 1, err));
    for (size_t i = 0; i < n; i++) score[i] = c[i].is_exact ? INFINITY : c[i].near.score; /* leaked ones are no unseen images */
    MNK_OUT(mnk_copy_null_make(score, label, group, n, j->s->classes, &j->null, err));
    MNK_OUT(MNK_NEW(j->threshold, (size_t)j->s->classes, err));
    j->null_name = name;
    for (int k = 0; k < j->s->classes; k++) {
        j->threshold[k] = mnk_copy_null_threshold(&j->null, k, j->s->config->near_share);
        if (j->threshold[k].is_pooled)
            mnk_result_add_warning(
                r,
                "class %.60s has fewer than %d images in the null of copies (%s): its near copies are judged "
                "by the scores of all classes together",
                j->s->images[MNK_ROLE_TRAIN]->class_names[k], MNK_COPY_NULL_FEWEST, name);
    }
out:
    mnk_free(score);
    return status;
}

/* Without holdout: evenly chosen train rows against the other groups of train. */
static mnk_status null_of_train(judged *j, mnk_result *r, mnk_error *err) {
    const mnk_images *train = j->s->images[MNK_ROLE_TRAIN];
    mnk_images *some = NULL;
    mnk_copy *copies = NULL;
    size_t *row = NULL, n = 0;
    int32_t *label = NULL;
    bool several = false;
    mnk_status status = MNK_OK;
    for (size_t i = 1; train->group && i < train->n; i++) several = several || train->group[i] != train->group[0];
    if (!several) return MNK_OK;
    const size_t step = train->n / NULL_ROWS + 1;
    MNK_OUT(MNK_NEW(row, train->n / step + 1, err));
    MNK_OUT(MNK_NEW(label, train->n / step + 1, err));
    for (size_t i = 0; i < train->n; i += step)
        if (train->group[i] >= 0) label[n] = j->s->label[MNK_ROLE_TRAIN][i], row[n++] = i;
    MNK_OUT(MNK_NEW(copies, n ? n : 1, err));
    MNK_OUT(mnk_images_select(train, row, n, &some, err));
    MNK_OUT(mnk_copies_find_others(j->index, some, j->o, copies, err));
    MNK_OUT(set_null(j, copies, label, some->group, n, "other_groups", r, err));
out:
    mnk_images_close(some);
    mnk_free(copies);
    mnk_free(label);
    mnk_free(row);
    return status;
}

static mnk_status add_metrics(const judged *j, const copy_shares *share /* by role; train: copy */, mnk_result *r,
                              mnk_error *err) {
    const mnk_sets *s = j->s;
    const size_t n = s->images[MNK_ROLE_SYNTHETIC]->n;
    const copy_shares *y = &share[MNK_ROLE_SYNTHETIC];
    for (int near = 0; near < 2; near++) {
        double v[MNK_ROLES];
        for (int role = 0; role < MNK_ROLES; role++) v[role] = near ? share[role].near : share[role].exact;
        mnk_metric *m = mnk_judge_metric(r, near ? "near_copies" : "exact_copies", "authenticity", "pixels", "",
                                         v[MNK_ROLE_SYNTHETIC], n, s->config->level);
        if (!m) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
        if (isnan(m->value)) {
            snprintf(m->note, sizeof m->note, "near copies are judged against holdout, which is missing");
            continue;
        }
        mnk_wilson(m->value * (double)n, (double)n, m->level, &m->low, &m->high);
        if (near) mnk_metric_add_reference(m, j->null_name, y->expected);
        else if (s->images[MNK_ROLE_HOLDOUT]) mnk_metric_add_reference(m, "holdout", v[MNK_ROLE_HOLDOUT]);
        mnk_metric_add_reference(m, "copy", v[MNK_ROLE_TRAIN]);
        mnk_metric_add_reference(m, "floor", v[MNK_ROLE_FLOOR]);
        if (near && y->near - y->exact > y->expected + 3 * y->deviation)
            mnk_result_add_warning(r,
                                   "%.1f %% of the synthetic images are near copies of training images, %.1f %% would be with "
                                   "unseen real ones: look at the flagged ones",
                                   100 * (y->near - y->exact), 100 * y->expected);
    }
    return MNK_OK;
}

static mnk_status judge_role(judged *j, int role, copy_shares *share, mnk_result *r, mnk_error *err) {
    const mnk_sets *s = j->s;
    const mnk_images *d = s->images[role];
    const int32_t *label = s->label[role];
    mnk_images *some = NULL;
    mnk_copy *copies = NULL;
    mnk_status status = MNK_OK;
    if (role == MNK_ROLE_TRAIN || role == MNK_ROLE_FLOOR) { /* rows of the floor, which are in random order */
        const size_t n = s->floor->n < REFERENCE_ROWS ? s->floor->n : REFERENCE_ROWS;
        size_t first[REFERENCE_ROWS];
        for (size_t i = 0; i < n; i++) first[i] = role == MNK_ROLE_TRAIN ? s->floor_row[i] : i;
        MNK_OUT(mnk_images_select(d, first, n, &some, err));
        d = some, label = s->label[MNK_ROLE_FLOOR];
    }
    MNK_OUT(MNK_NEW(copies, d->n ? d->n : 1, err));
    if (role == MNK_ROLE_HOLDOUT) {
        MNK_OUT(mnk_copies_find(j->index, d, true, j->o, copies, err));
        MNK_OUT(set_null(j, copies, label, d->group, d->n, "holdout", r, err));
    } else {
        MNK_OUT(mnk_copies_find(j->index, d, false, j->o, copies, err));
    }
    *share = shares(j, copies, label, d->n);
    if (role == MNK_ROLE_SYNTHETIC) MNK_OUT(flag_copies(j, copies, label, d->n, r, err));
out:
    mnk_images_close(some);
    mnk_free(copies);
    return status;
}

mnk_status mnk_judge_copies(const mnk_sets *s, const mnk_observer *o, mnk_result *r, mnk_error *err) {
    /* holdout first: it gives the thresholds */
    static const int order[MNK_ROLES] = {MNK_ROLE_HOLDOUT, MNK_ROLE_SYNTHETIC, MNK_ROLE_TRAIN, MNK_ROLE_FLOOR};
    judged j = {.s = s, .o = o};
    copy_shares share[MNK_ROLES] = {0};
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_copy_index_open(s->images[MNK_ROLE_TRAIN], o, &j.index, err));
    if (!s->images[MNK_ROLE_HOLDOUT]) MNK_OUT(null_of_train(&j, r, err));
    for (int k = 0; k < MNK_ROLES; k++)
        if (s->images[order[k]]) MNK_OUT(judge_role(&j, order[k], &share[order[k]], r, err));
    MNK_OUT(add_metrics(&j, share, r, err));
out:
    mnk_copy_index_close(j.index);
    mnk_copy_null_close(&j.null);
    mnk_free(j.threshold);
    return status;
}
