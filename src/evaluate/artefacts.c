#include "evaluate/artefacts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "math/stats.h"

enum { FEWEST = 20 }; /* training images behind a limit */

typedef struct far_item {
    size_t row;
    uint32_t of;
    double ratio; /* to the limit */
    bool outside; /* of every support of the class */
} far_item;

typedef struct class_rows {
    size_t *row[MNK_ROLES], n[MNK_ROLES];
} class_rows;

typedef struct tally {
    size_t beyond[MNK_ROLES], n[MNK_ROLES];
} tally;

static mnk_status no_memory(mnk_error *err) { return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for artefacts"); }

static mnk_status rows_of(const mnk_sets *s, const mnk_encoded *e, int label, class_rows *c, mnk_error *err) {
    *c = (class_rows){{NULL}, {0}};
    for (int role = 0; role < MNK_ROLES; role++) {
        MNK_TRY(MNK_NEW(c->row[role], e->n[role] + 1, err));
        for (size_t i = 0; i < e->n[role]; i++)
            if (s->label[role][i] == label) c->row[role][c->n[role]++] = i;
    }
    return MNK_OK;
}

static void rows_close(class_rows *c) {
    for (int role = 0; role < MNK_ROLES; role++) mnk_free(c->row[role]);
}

static int ascending(const void *a, const void *b) {
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The squared limit: how far all but `share` of the training images are from their nearest other. */
static mnk_status limit_of(const mnk_points *real, double share, double *out, mnk_error *err) {
    mnk_knn knn = {0};
    MNK_TRY(mnk_sweep_self(real, 1, &knn, err));
    qsort(knn.d2, knn.n, sizeof *knn.d2, ascending);
    size_t k = (size_t)ceil((1 - share) * (double)knn.n);
    *out = (double)knn.d2[k ? k - 1 : 0];
    mnk_knn_close(&knn);
    return MNK_OK;
}

static int farthest_first(const void *a, const void *b) {
    const far_item *x = a, *y = b;
    if (x->ratio != y->ratio) return x->ratio > y->ratio ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* One set of one class against train of that class: how many are beyond the limit, and (list not NULL) which. */
static mnk_status one_role(const mnk_encoded *e, const class_rows *c, int role, const mnk_points *real, const float *centre,
                           double limit2, size_t *beyond, far_item *list, mnk_error *err) {
    mnk_points items = {0};
    mnk_cross cross = {0};
    uint8_t *rank = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(mnk_encoded_points(e, (mnk_role)role, c->row[role], c->n[role], centre, &items, err));
    MNK_OUT(mnk_sweep_cross(real, &items, &(mnk_cross_in){0}, &cross, err));
    if (list) {
        MNK_OUT(MNK_NEW(rank, items.n, err));
        MNK_OUT(mnk_support_ranks(real, &items, rank, err));
    }
    for (size_t j = 0; j < items.n; j++) {
        const double d2 = (double)cross.nearest_b2[j];
        if (!(d2 > limit2)) continue;
        if (list)
            list[*beyond] = (far_item){c->row[role][j], cross.nearest_b_index[j], sqrt(d2 / (limit2 > 0 ? limit2 : 1e-30)),
                                       rank[j] == MNK_ALPHA_OUTSIDE};
        ++*beyond;
    }
out:
    mnk_free(rank);
    mnk_cross_close(&cross);
    mnk_points_close(&items);
    return status;
}

static mnk_status add_share(const mnk_sets *s, const mnk_encoded *e, const char *subset, const tally *t, mnk_result *r,
                            mnk_error *err) {
    const size_t n = t->n[MNK_ROLE_SYNTHETIC], k = t->beyond[MNK_ROLE_SYNTHETIC];
    mnk_metric *m =
        mnk_judge_metric(r, "artefacts", "fidelity", e->name, subset, n ? (double)k / (double)n : NAN, n, s->config->level);
    if (!m) return no_memory(err);
    if (!n) {
        snprintf(m->note, sizeof m->note, "no synthetic image of a class with at least %d training images", FEWEST);
        return MNK_OK;
    }
    mnk_wilson((double)k, (double)n, m->level, &m->low, &m->high);
    if (t->n[MNK_ROLE_HOLDOUT])
        mnk_metric_add_reference(m, "holdout", (double)t->beyond[MNK_ROLE_HOLDOUT] / (double)t->n[MNK_ROLE_HOLDOUT]);
    mnk_metric_add_reference(m, "copy", 0);
    if (t->n[MNK_ROLE_FLOOR])
        mnk_metric_add_reference(m, "floor", (double)t->beyond[MNK_ROLE_FLOOR] / (double)t->n[MNK_ROLE_FLOOR]);
    return MNK_OK;
}

static mnk_status add_flags(const mnk_sets *s, const class_rows *c, int label, far_item *list, size_t n, size_t most,
                            mnk_result *r, mnk_error *err) {
    if (n) qsort(list, n, sizeof *list, farthest_first);
    for (size_t k = 0; k < n && k < most; k++) {
        mnk_flag *f = mnk_result_add_flag(r, "artefact", list[k].row);
        if (!f) return no_memory(err);
        f->of = (int64_t)c->row[MNK_ROLE_TRAIN][list[k].of];
        f->distance = list[k].ratio;
        snprintf(f->note, sizeof f->note, "%.60s; %s", s->images[MNK_ROLE_TRAIN]->class_names[label],
                 list[k].outside ? "outside the support of its class" : "between the real ones, near none");
    }
    return MNK_OK;
}

static mnk_status one_class(const mnk_sets *s, const mnk_encoded *e, int label, size_t most, tally *total, mnk_result *r,
                            mnk_error *err) {
    class_rows c;
    tally t = {{0}, {0}};
    mnk_points real = {0};
    float *centre = NULL;
    far_item *list = NULL;
    double limit2 = NAN;
    mnk_status status = MNK_OK;
    MNK_OUT(rows_of(s, e, label, &c, err));
    if (c.n[MNK_ROLE_TRAIN] < FEWEST || !c.n[MNK_ROLE_SYNTHETIC]) goto out;
    MNK_OUT(MNK_NEW(list, c.n[MNK_ROLE_SYNTHETIC], err));
    MNK_OUT(MNK_NEW(centre, e->near_d + 1, err));
    MNK_OUT(mnk_encoded_centre(e, c.row[MNK_ROLE_TRAIN], c.n[MNK_ROLE_TRAIN], centre, err));
    MNK_OUT(mnk_encoded_points(e, MNK_ROLE_TRAIN, c.row[MNK_ROLE_TRAIN], c.n[MNK_ROLE_TRAIN], centre, &real, err));
    MNK_OUT(limit_of(&real, s->config->near_share, &limit2, err));
    for (int role = MNK_ROLE_HOLDOUT; role < MNK_ROLES; role++) {
        if (!c.n[role]) continue;
        t.n[role] = c.n[role];
        MNK_OUT(one_role(e, &c, role, &real, centre, limit2, &t.beyond[role], role == MNK_ROLE_SYNTHETIC ? list : NULL, err));
        total->n[role] += t.n[role];
        total->beyond[role] += t.beyond[role];
    }
    if (s->config->by_class && s->classes > 1)
        MNK_OUT(add_share(s, e, s->images[MNK_ROLE_TRAIN]->class_names[label], &t, r, err));
    MNK_OUT(add_flags(s, &c, label, list, t.beyond[MNK_ROLE_SYNTHETIC], most, r, err));
out:
    rows_close(&c);
    mnk_points_close(&real);
    mnk_free(centre);
    mnk_free(list);
    return status;
}

mnk_status mnk_judge_artefacts(const mnk_sets *s, const mnk_encoded *e, mnk_result *r, mnk_error *err) {
    const size_t classes = (size_t)(s->classes > 0 ? s->classes : 1);
    const size_t most = ((size_t)s->config->never_shown + classes - 1) / classes;
    tally total = {{0}, {0}};
    for (int label = 0; label < s->classes; label++) MNK_TRY(one_class(s, e, label, most, &total, r, err));
    return add_share(s, e, "", &total, r, err);
}
