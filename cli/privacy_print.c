#include "privacy_print.h"

#include <math.h>
#include <string.h>

#include "privacy/mechanism.h"

static void line(FILE *out, const char *name, double value, const char *note) {
    if (isnan(value)) fprintf(out, "  %-28s -            %s\n", name, note);
    else fprintf(out, "  %-28s %-12.6g %s\n", name, value, note);
}

void privacy_print_guarantee(FILE *out, const mnk_guarantee *g) {
    char note[96];
    if (g->not_private)
        fputs("NOT PRIVATE: the noise was reproducible (a mode for tests); the numbers below promise nothing\n", out);
    fprintf(out, g->is_of_delta ? "delta %.6g at epsilon %g\n" : "epsilon %.6g at delta %g\n",
            g->is_of_delta ? g->delta : g->epsilon, g->is_of_delta ? g->epsilon : g->delta);
    if (isnan(g->by_rdp) && isnan(g->by_pld) && !*g->pld_note) return; /* nothing was spent */
    if (!isnan(g->by_exact)) line(out, "exact (Gaussian mechanism)", g->by_exact, "");
    snprintf(note, sizeof note, "grid %g", g->pld_grid);
    line(out, "privacy loss distribution", g->by_pld, isnan(g->by_pld) ? g->pld_note : note);
    if (isnan(g->by_rdp)) snprintf(note, sizeof note, "none is known of sampling where a person is replaced");
    else
        snprintf(note, sizeof note, "order %g%s", g->rdp_order,
                 g->rdp_order_at_edge ? ", the last there is: may be loose" : "");
    line(out, "Renyi divergences", g->by_rdp, note);
    fprintf(out, "unit: a person; neighbours: one person %s\n",
            g->neighbours == MNK_ADD_REMOVE ? "added or removed" : "replaced by another");
}

void privacy_print_mechanism(FILE *out, const mnk_mechanism *m) {
    fputs(mnk_mechanism_name(m->kind), out);
    for (int i = 0; mnk_mechanism_field_name(i); i++) {
        const char *name = mnk_mechanism_field_name(i);
        mnk_mechanism copy = *m;
        unsigned flag;
        double value = *mnk_mechanism_field(&copy, name, strlen(name), &flag);
        if ((mnk_mechanism_table[m->kind].fields & flag) && !(value == 1 && flag != MNK_FIELD_NOISE))
            fprintf(out, " %s=%g", name, value);
    }
    fprintf(out, " x %llu\n", (unsigned long long)m->count);
}
