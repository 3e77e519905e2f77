/* The kinds of mechanism as one static table: everything the accountant knows about a kind is a row. */
#ifndef MNK_PRIVACY_MECHANISM_H
#define MNK_PRIVACY_MECHANISM_H

#include "base/error.h"
#include "manikin/privacy.h"

struct mnk_pld_step;

enum { /* which fields of mnk_mechanism a kind reads */
       MNK_FIELD_NOISE = 1,
       MNK_FIELD_SENSITIVITY = 2,
       MNK_FIELD_SAMPLING = 4,
       MNK_FIELD_EPSILON = 8,
       MNK_FIELD_RHO = 16
};

typedef struct mnk_mechanism_info {
    const char *name;
    unsigned fields;
    /* Renyi divergence of order alpha > 1, in nats, of one use. */
    double (*rdp)(const mnk_mechanism *m, double alpha);
    /* rho with rdp(alpha) <= rho alpha for every alpha > 1 (zero-concentrated privacy); INFINITY where there is none. */
    double (*rho)(const mnk_mechanism *m);
    /* The privacy loss of one use on a grid (pld.h); NULL: only rdp is known. Fails with MNK_ERR_UNSUPPORTED, and the reason,
     * where this setting has none. */
    mnk_status (*pld)(const mnk_mechanism *m, struct mnk_pld_step *out, mnk_error *err);
    /* pld and rdp describe one and the same worst pair (or rdp a worse one), so that PLD above RDP is a fault. */
    bool pld_below_rdp;
} mnk_mechanism_info;

extern const mnk_mechanism_info mnk_mechanism_table[MNK_MECHANISM_KINDS];

/* Name to kind; MNK_MECHANISM_KINDS when unknown. */
mnk_mechanism_kind mnk_mechanism_find(const char *name, size_t n);
/* The fields of mnk_mechanism by name, as ledger and command line write them; NULL when unknown. `flag` (may be NULL) gets the
 * MNK_FIELD_*, 0 for none. "count" is not among them. */
double *mnk_mechanism_field(mnk_mechanism *m, const char *name, size_t n, unsigned *flag);
/* i = 0..: the names of those fields, NULL after the last. */
const char *mnk_mechanism_field_name(int i);

/* noise / sensitivity of a Gaussian kind. */
static inline double mnk_multiplier(const mnk_mechanism *m) { return m->noise / m->sensitivity; }

#endif
