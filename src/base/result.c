/* Results in memory: growing lists of metrics, inputs, flags and warnings. */
#include "base/result.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"

mnk_status mnk_result_open(const char *command, uint64_t seed, mnk_result **out, mnk_error *err) {
    *out = NULL;
    mnk_result *r = NULL;
    MNK_TRY(MNK_NEW(r, 1, err));
    snprintf(r->command, sizeof r->command, "%s", command);
    r->seed = seed;
    r->threads = mnk_threads();
    *out = r;
    return MNK_OK;
}

void mnk_result_close(mnk_result *r) {
    if (!r) return;
    mnk_free(r->input);
    mnk_free(r->metric);
    mnk_free(r->flag);
    mnk_free(r->warning);
    mnk_free(r->settings_json);
    mnk_free(r);
}

/* One more element, zeroed. */
static void *grow(void **list, size_t *count, size_t size) {
    void *p = mnk_grow(*list, *count, size);
    if (!p) return NULL;
    *list = p;
    void *row = (char *)*list + *count * size;
    memset(row, 0, size);
    (*count)++;
    return row;
}

mnk_metric *mnk_result_add_metric(mnk_result *r, const char *id, const char *group) {
    mnk_metric *m = grow((void **)&r->metric, &r->metrics, sizeof *m);
    if (!m) return NULL;
    snprintf(m->id, sizeof m->id, "%s", id);
    snprintf(m->group, sizeof m->group, "%s", group);
    m->value = m->low = m->high = NAN;
    m->level = 0.95;
    return m;
}

mnk_flag *mnk_result_add_flag(mnk_result *r, const char *flag, size_t item) {
    mnk_flag *f = grow((void **)&r->flag, &r->flags, sizeof *f);
    if (!f) return NULL;
    snprintf(f->flag, sizeof f->flag, "%s", flag);
    f->item = item;
    f->of = -1;
    return f;
}

mnk_result_input *mnk_result_add_input(mnk_result *r, const char *role, const char *path, size_t n, const char *hash) {
    mnk_result_input *in = grow((void **)&r->input, &r->inputs, sizeof *in);
    if (!in) return NULL;
    snprintf(in->role, sizeof in->role, "%s", role);
    snprintf(in->path, sizeof in->path, "%s", path ? path : "");
    snprintf(in->hash, sizeof in->hash, "%s", hash ? hash : "");
    in->n = n;
    return in;
}

void mnk_result_add_warning(mnk_result *r, const char *fmt, ...) {
    char(*w)[256] = grow((void **)&r->warning, &r->warnings, sizeof *w);
    if (!w) return; /* a lost warning must not lose the result */
    va_list args;
    va_start(args, fmt);
    vsnprintf(*w, sizeof *w, fmt, args);
    va_end(args);
}

void mnk_metric_add_reference(mnk_metric *m, const char *name, double value) {
    if (!m || m->references >= (int)(sizeof m->reference / sizeof *m->reference)) return;
    mnk_reference *ref = &m->reference[m->references++];
    snprintf(ref->name, sizeof ref->name, "%s", name);
    ref->value = value;
}

const mnk_metric *mnk_result_find_column(const mnk_result *r, const char *id, const char *encoding, const char *subset,
                                         const char *column) {
    for (size_t i = 0; r && i < r->metrics; i++) {
        const mnk_metric *m = &r->metric[i];
        if (!strcmp(m->id, id) && !strcmp(m->encoding, encoding ? encoding : "") && !strcmp(m->subset, subset ? subset : "") &&
            !strcmp(m->column, column))
            return m;
    }
    return NULL;
}

const mnk_metric *mnk_result_find(const mnk_result *r, const char *id, const char *encoding, const char *subset) {
    return mnk_result_find_column(r, id, encoding, subset, "");
}
