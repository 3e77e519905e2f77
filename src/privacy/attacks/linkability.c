/* Linkability: two files hold different columns of one person; do the synthetic rows nearest to each lead to the same row? */
#include "base/mem.h"
#include "base/parallel.h"
#include "privacy/attacks/nearest_rows.h"

typedef struct linking {
    mnk_gower side[2];
    const mnk_table *table;
    const size_t *row;
    uint8_t *linked;
} linking;

static void link_one(void *ctx, size_t i) {
    linking *l = ctx;
    const size_t row = l->row[i];
    const double a = mnk_gower_nearest(&l->side[0], l->table, row), b = mnk_gower_nearest(&l->side[1], l->table, row);
    for (size_t s = 0; s < l->side[0].synthetic->n && !l->linked[i]; s++)
        l->linked[i] =
            mnk_gower_distance(&l->side[0], s, l->table, row) <= a && mnk_gower_distance(&l->side[1], s, l->table, row) <= b;
}

mnk_status mnk_linkability(const mnk_disclosure *d, mnk_error *err) {
    linking l = {.linked = NULL};
    size_t n[2] = {0}, hit[2] = {0};
    const size_t most = (size_t)d->config->attempts;
    mnk_status status = MNK_OK;
    if (!d->link[0].n || !d->link[1].n) {
        const mnk_risk none = mnk_risk_of(0, 0, 0, 0, d->config->level);
        return mnk_disclosure_add(d, "risk.linkability", "", &none, "", err);
    }
    for (int k = 0; k < 2; k++) MNK_OUT(mnk_gower_open(d->synthetic, &d->link[k], &l.side[k], err));
    for (int side = 0; side < 2; side++) {
        n[side] = d->targets[side] < most ? d->targets[side] : most;
        l.table = side ? d->holdout : d->train, l.row = d->target[side];
        MNK_OUT(MNK_NEW(l.linked, n[side] + 1, err));
        mnk_parallel_for(n[side], link_one, &l);
        for (size_t i = 0; i < n[side]; i++) hit[side] += l.linked[i];
        mnk_free(l.linked);
        l.linked = NULL;
    }
    const mnk_risk risk = mnk_risk_of((double)hit[0], n[0], (double)hit[1], n[1], d->config->level);
    char note[160];
    snprintf(note, sizeof note, "%zu columns linked with %zu through a nearest synthetic row; ties are all nearest",
             d->link[0].n, d->link[1].n);
    MNK_OUT(mnk_disclosure_add(d, "risk.linkability", "", &risk, note, err));
out:
    for (int k = 0; k < 2; k++) mnk_gower_close(&l.side[k]);
    return status;
}
