#include "data/describing.h"

#include <stdint.h>
#include <stdio.h>

void mnk_describe_add(mnk_describing *g, const char *id, const char *subset, double value, size_t n, const char *note) {
    mnk_metric *m = mnk_result_add_metric(g->r, id, "data");
    if (!m) {
        g->failed = true;
        return;
    }
    m->value = value;
    m->n = n;
    snprintf(m->subset, sizeof m->subset, "%.63s", subset);
    if (note) snprintf(m->note, sizeof m->note, "%.159s", note);
}

void mnk_describe_flag(mnk_describing *g, const char *kind, size_t *count, size_t item, size_t of, double distance,
                       const char *note) {
    if ((*count)++ >= MNK_DESCRIBE_FLAGS_MAX) return;
    mnk_flag *f = mnk_result_add_flag(g->r, kind, item);
    if (!f) {
        g->failed = true;
        return;
    }
    f->of = of == SIZE_MAX ? -1 : (int64_t)of;
    f->distance = distance;
    snprintf(f->note, sizeof f->note, "%s", note);
}
