/* The generators of tables. A new one is a folder or file with its row, and two lines here. */
#include <string.h>

#include "learn/table/kind.h"
#include "manikin/table_generator.h"

/* clang-format off */
extern const mnk_generator_kind mnk_kind_arf;
extern const mnk_generator_kind mnk_kind_cart;
extern const mnk_generator_kind mnk_kind_gaussian;
extern const mnk_generator_kind mnk_kind_ctgan;
extern const mnk_generator_kind mnk_kind_tvae;
extern const mnk_generator_kind mnk_kind_mst;
extern const mnk_generator_kind mnk_kind_aim;
extern const mnk_generator_kind mnk_kind_merf;
extern const mnk_generator_kind mnk_kind_bootstrap;
extern const mnk_generator_kind mnk_kind_shuffle;

const mnk_generator_kind *const mnk_generator_kinds[] = {
    &mnk_kind_arf,
    &mnk_kind_cart,
    &mnk_kind_gaussian,
    &mnk_kind_ctgan,
    &mnk_kind_tvae,
    &mnk_kind_mst,
    &mnk_kind_aim,
    &mnk_kind_merf,
    &mnk_kind_bootstrap,
    &mnk_kind_shuffle,
    NULL,
};
/* clang-format on */

const mnk_generator_kind *mnk_generator_kind_find(const char *name) {
    for (const mnk_generator_kind *const *k = mnk_generator_kinds; *k; k++)
        if (strcmp((*k)->name, name) == 0) return *k;
    return NULL;
}

bool mnk_generator_is_private(const mnk_generator_kind *kind, const void *config) {
    return (kind->can & MNK_KIND_PRIVATE) != 0 || (kind->is_private && kind->is_private(config));
}

static const mnk_generator_kind *at(size_t i) {
    size_t n = 0;
    while (n < i && mnk_generator_kinds[n]) n++;
    return mnk_generator_kinds[n];
}

const char *mnk_table_generator_name(size_t i) { return at(i) ? at(i)->name : NULL; }
const char *mnk_table_generator_summary(size_t i) { return at(i) ? at(i)->summary : NULL; }
