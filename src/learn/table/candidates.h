/* Candidates: rows, or persons with their visits, drawn for slots of the output and judged by the rules and the condition. */
#ifndef MNK_LEARN_TABLE_CANDIDATES_H
#define MNK_LEARN_TABLE_CANDIDATES_H

#include "learn/table/generator.h"

typedef enum mnk_candidate_fate { MNK_CANDIDATE_KEPT, MNK_CANDIDATE_RULE, MNK_CANDIDATE_WHERE } mnk_candidate_fate;

typedef struct mnk_candidate { /* which one: try `attempt` for slot `slot` */
    uint64_t slot;
    uint32_t attempt;
} mnk_candidate;

typedef struct mnk_candidate_block {
    size_t n;
    uint8_t *fate;   /* [n] mnk_candidate_fate */
    size_t *start;   /* [n + 1] rows of each candidate */
    mnk_table *rows; /* on the generator's schema, identifiers missing, not finished */
} mnk_candidate_block;

typedef struct mnk_candidates mnk_candidates;
mnk_status mnk_candidates_open(mnk_table_generator *g, const mnk_table_sample_options *o, mnk_candidates **out,
                               mnk_error *err) MNK_CHECK;
void mnk_candidates_close(mnk_candidates *s);
/* Draws n candidates; each is a function of the model, the request, the seed, its slot and its attempt alone. */
mnk_status mnk_candidates_draw(mnk_candidates *s, const mnk_candidate *which, size_t n, mnk_candidate_block *out,
                               mnk_error *err) MNK_CHECK;
void mnk_candidate_block_clear(mnk_candidate_block *b);
/* The rule that was broken most often so far, NULL: none. */
const char *mnk_candidates_worst_rule(const mnk_candidates *s);

#endif
