#include "privacy/mechanism.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/options.h"
#include "privacy/pld.h"
#include "privacy/rdp.h"

/* clang-format off */
const mnk_mechanism_info mnk_mechanism_table[MNK_MECHANISM_KINDS] = {
    [MNK_MECHANISM_GAUSSIAN] = {"gaussian", MNK_FIELD_NOISE | MNK_FIELD_SENSITIVITY | MNK_FIELD_SAMPLING,
                                mnk_rdp_gaussian, mnk_rho_gaussian, mnk_pld_gaussian, true},
    [MNK_MECHANISM_DISCRETE_GAUSSIAN] = {"discrete_gaussian", MNK_FIELD_NOISE | MNK_FIELD_SENSITIVITY,
                                         mnk_rdp_gaussian, mnk_rho_gaussian, mnk_pld_discrete_gaussian, true},
    [MNK_MECHANISM_DISCRETE_LAPLACE] = {"discrete_laplace", MNK_FIELD_NOISE | MNK_FIELD_SENSITIVITY,
                                        mnk_rdp_discrete_laplace, mnk_rho_discrete_laplace, mnk_pld_discrete_laplace, true},
    [MNK_MECHANISM_EXPONENTIAL] = {"exponential", MNK_FIELD_EPSILON | MNK_FIELD_SENSITIVITY,
                                   mnk_rdp_exponential, mnk_rho_exponential, mnk_pld_exponential, false},
    [MNK_MECHANISM_PURE] = {"pure", MNK_FIELD_EPSILON, mnk_rdp_pure, mnk_rho_pure, mnk_pld_pure, true},
    [MNK_MECHANISM_ZCDP] = {"zcdp", MNK_FIELD_RHO, mnk_rdp_zcdp, mnk_rho_zcdp, NULL, false},
};
/* clang-format on */

static const struct {
    const char *name;
    size_t offset;
    unsigned flag;
} fields[] = {{"noise", offsetof(mnk_mechanism, noise), MNK_FIELD_NOISE},
              {"sensitivity", offsetof(mnk_mechanism, sensitivity), MNK_FIELD_SENSITIVITY},
              {"sampling_rate", offsetof(mnk_mechanism, sampling_rate), MNK_FIELD_SAMPLING},
              {"epsilon", offsetof(mnk_mechanism, epsilon), MNK_FIELD_EPSILON},
              {"rho", offsetof(mnk_mechanism, rho), MNK_FIELD_RHO}};
enum { FIELDS = sizeof fields / sizeof *fields };

const char *mnk_mechanism_name(mnk_mechanism_kind kind) {
    return (unsigned)kind < MNK_MECHANISM_KINDS ? mnk_mechanism_table[kind].name : "unknown";
}

mnk_mechanism_kind mnk_mechanism_find(const char *name, size_t n) {
    int k = 0;
    for (; k < MNK_MECHANISM_KINDS; k++)
        if (strlen(mnk_mechanism_table[k].name) == n && !memcmp(mnk_mechanism_table[k].name, name, n)) break;
    return (mnk_mechanism_kind)k;
}

const char *mnk_mechanism_field_name(int i) { return i < FIELDS ? fields[i].name : NULL; }

double *mnk_mechanism_field(mnk_mechanism *m, const char *name, size_t n, unsigned *flag) {
    for (int i = 0; i < FIELDS; i++)
        if (strlen(fields[i].name) == n && !memcmp(fields[i].name, name, n)) {
            if (flag) *flag = fields[i].flag;
            return (double *)((char *)m + fields[i].offset);
        }
    if (flag) *flag = 0;
    return NULL;
}

static mnk_status parse_number(const char *key, size_t n, const char *text, double *out, mnk_error *err) {
    char *end;
    *out = strtod(text, &end);
    if (end == text || !strchr(" ,", *end) || !isfinite(*out))
        return MNK_FAIL(err, MNK_ERR_USAGE, "mechanism: %.*s is not a number in \"%.40s\"", (int)n, key, text);
    return MNK_OK;
}

mnk_status mnk_mechanism_parse(const char *text, mnk_mechanism *out, mnk_error *err) {
    *out = (mnk_mechanism){0};
    size_t n = strcspn(text, " ,");
    out->kind = mnk_mechanism_find(text, n);
    if (out->kind == MNK_MECHANISM_KINDS) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "unknown mechanism %.*s", (int)(n < 40 ? n : 40), text);
        mnk_error_hint(err, "one of gaussian, discrete_gaussian, discrete_laplace, exponential, pure, zcdp");
        return status;
    }
    for (const char *p = text + n + strspn(text + n, " ,"); *p; p += strcspn(p, " ,"), p += strspn(p, " ,")) {
        size_t key = strcspn(p, "= ,");
        double value = 0;
        if (p[key] != '=')
            return MNK_FAIL(err, MNK_ERR_USAGE, "mechanism: expected name=number, not \"%.*s\"", (int)(key < 40 ? key : 40), p);
        MNK_TRY(parse_number(p, key < 40 ? key : 40, p + key + 1, &value, err));
        unsigned flag;
        double *field = mnk_mechanism_field(out, p, key, &flag);
        if (key == 5 && !memcmp(p, "count", 5)) {
            if (!(value >= 1 && value <= 1e15 && value == floor(value)))
                return MNK_FAIL(err, MNK_ERR_USAGE, "mechanism: count is a whole number from 1, not %g", value);
            out->count = (uint64_t)value;
        } else if (!field || !(mnk_mechanism_table[out->kind].fields & flag)) {
            return MNK_FAIL(err, MNK_ERR_USAGE, "mechanism %s has no \"%.*s\"", mnk_mechanism_name(out->kind),
                            (int)(key < 40 ? key : 40), p);
        } else *field = value;
    }
    return MNK_OK;
}

static mnk_status positive(const char *name, const char *what, double x, double highest, mnk_error *err) {
    if (x > 0 && x <= highest) return MNK_OK;
    return MNK_FAIL(err, MNK_ERR_USAGE, "%s: %s must be above 0 and at most %g, not %g", name, what, highest, x);
}

mnk_status mnk_mechanism_check(mnk_mechanism *m, mnk_neighbours neighbours, mnk_error *err) {
    if ((unsigned)m->kind >= MNK_MECHANISM_KINDS) return MNK_FAIL(err, MNK_ERR_USAGE, "unknown mechanism %d", (int)m->kind);
    if (neighbours != MNK_ADD_REMOVE && neighbours != MNK_REPLACE_ONE)
        return MNK_FAIL(err, MNK_ERR_USAGE, "unknown relation of neighbours %d", (int)neighbours);
    const mnk_mechanism_info *info = &mnk_mechanism_table[m->kind];
    if (m->count == 0) m->count = 1;
    if (m->sensitivity == 0) m->sensitivity = 1;
    if (m->sampling_rate == 0) m->sampling_rate = 1;
    if (m->count > (uint64_t)1 << 50) return MNK_FAIL(err, MNK_ERR_USAGE, "%s: more than 2^50 uses", info->name);
    if (info->fields & MNK_FIELD_NOISE) MNK_TRY(positive(info->name, "noise", m->noise, 1e12, err));
    else m->noise = 0;
    MNK_TRY(positive(info->name, "sensitivity", m->sensitivity, 1e12, err));
    MNK_TRY(positive(info->name, "sampling rate", m->sampling_rate, 1, err));
    if (info->fields & MNK_FIELD_EPSILON) MNK_TRY(positive(info->name, "epsilon", m->epsilon, 1e4, err));
    else m->epsilon = 0;
    if (info->fields & MNK_FIELD_RHO) MNK_TRY(positive(info->name, "rho", m->rho, 1e6, err));
    else m->rho = 0;
    if (m->sampling_rate < 1 && !(info->fields & MNK_FIELD_SAMPLING))
        return MNK_FAIL(err, MNK_ERR_USAGE, "%s: sampling is accounted for gaussian only", info->name);
    return MNK_OK;
}

static bool same(const mnk_mechanism *a, const mnk_mechanism *b) {
    return a->kind == b->kind && a->noise == b->noise && a->sensitivity == b->sensitivity &&
           a->sampling_rate == b->sampling_rate && a->epsilon == b->epsilon && a->rho == b->rho;
}

mnk_status mnk_mechanisms_add(mnk_mechanisms *list, const mnk_mechanism *m, mnk_error *err) {
    mnk_mechanism own = *m;
    MNK_TRY(mnk_mechanism_check(&own, list->neighbours, err));
    for (size_t i = 0; i < list->n; i++)
        if (same(&list->item[i], &own)) {
            if (list->item[i].count + own.count > (uint64_t)1 << 50)
                return MNK_FAIL(err, MNK_ERR_USAGE, "%s: more than 2^50 uses", mnk_mechanism_name(own.kind));
            list->item[i].count += own.count;
            return MNK_OK;
        }
    mnk_mechanism *item = mnk_grow(list->item, list->n, sizeof *item);
    if (!item) return MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory for %zu mechanisms", list->n + 1);
    list->item = item;
    list->item[list->n++] = own;
    return MNK_OK;
}

void mnk_mechanisms_clear(mnk_mechanisms *list) {
    mnk_free(list->item);
    list->item = NULL;
    list->n = 0;
}

mnk_status mnk_mechanisms_scaled(const mnk_mechanisms *list, double factor, mnk_mechanisms *out, mnk_error *err) {
    *out = (mnk_mechanisms){.neighbours = list->neighbours, .not_private = list->not_private};
    for (size_t i = 0; i < list->n; i++) {
        mnk_mechanism m = list->item[i];
        m.noise *= factor;
        m.epsilon /= factor;
        m.rho /= factor * factor;
        mnk_status status = mnk_mechanisms_add(out, &m, err);
        if (status != MNK_OK) {
            mnk_mechanisms_clear(out);
            return status;
        }
    }
    return MNK_OK;
}
