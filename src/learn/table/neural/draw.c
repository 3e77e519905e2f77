/* Drawing: latent numbers and a condition through the network, cells by their states and scores. Cells that are given, and
 * what a box allows, choose the condition; where cells are given, several candidates are drawn for a row and one is taken
 * by its likelihood (sampling importance resampling, Rubin 1988). */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "learn/table/neural/model.h"

/* Candidates of a row: FEW where one cell is given (the condition says it already), else MANY. */
enum { FEW = 8, MANY = 64 };
#define NEAR 0.3 /* scores: spread of the kernel around a candidate's, beside the model's own */

typedef struct drawing {
    mnk_neural_model *m;
    const mnk_draw_request *q;
    mnk_table *out;
    uint8_t **allowed;              /* [columns] NULL, or [states] */
    size_t first, rows, candidates; /* of this pass */
    mnk_rng *rng;                   /* [MNK_NEURAL_BATCH] streams of the pass's rows */
    float *in, *x;                  /* [MNK_NEURAL_BATCH][inputs], [..][width] */
} drawing;

static bool is_given(const drawing *d, size_t c, size_t row) { return d->q->given && d->q->given[c] && d->q->given[c][row]; }

static int given_state(const drawing *d, size_t c, size_t row) {
    return d->m->layout.piece[c].state[mnk_codebook_bin(&d->m->book, d->out, c, row)];
}

/* The draw by weights; all zero: the first that is allowed. */
static unsigned pick(const double *weight, unsigned n, const uint8_t *allowed, double u) {
    double sum = 0;
    unsigned last = 0;
    bool any = false;
    for (unsigned i = 0; i < n; i++) {
        if (allowed && !allowed[i]) continue;
        sum += weight[i];
        if (!any) last = i;
        any = true;
    }
    u *= sum;
    for (unsigned i = 0; i < n; i++) {
        if ((allowed && !allowed[i]) || !(weight[i] > 0)) continue;
        last = i;
        if ((u -= weight[i]) < 0) break;
    }
    return last;
}

unsigned mnk_neural_condition(const mnk_piece *p, const uint8_t *allowed, double u) {
    return pick(p->weight, p->states, allowed, u);
}

unsigned mnk_neural_state(const mnk_piece *p, const float *logit, const uint8_t *allowed, double u) {
    double weight[MNK_BINS];
    float most = -INFINITY;
    for (unsigned i = 0; i < p->states; i++)
        if (logit[i] > most) most = logit[i];
    for (unsigned i = 0; i < p->states; i++) weight[i] = exp((double)(logit[i] - most));
    return pick(weight, p->states, allowed, u);
}

/* Which piece is the condition of a row, and its state: a given one if there is any (the label first), else one that the box
 * restricts, else any, with its states by their frequency in the table. */
static void choose_condition(const drawing *d, size_t row, mnk_rng *r, float *condition) {
    const mnk_layout *l = &d->m->layout;
    size_t given = 0, boxed = 0, which = MNK_NOWHERE, restricted = MNK_NOWHERE;
    double u = mnk_rng_uniform(r), v = mnk_rng_uniform(r);
    for (size_t k = 0; k < l->condition_pieces; k++) {
        size_t c = l->condition[k];
        if (is_given(d, c, row) && given_state(d, c, row) >= 0 && ((long)c == l->label || mnk_rng_below(r, ++given) == 0)) {
            which = c;
            if ((long)c == l->label) break;
        }
        if (d->allowed[c] && d->q->box && mnk_rng_below(r, ++boxed) == 0) restricted = c;
    }
    if (which != MNK_NOWHERE) {
        condition[l->piece[which].condition_at + (size_t)given_state(d, which, row)] = 1;
        return;
    }
    which = restricted != MNK_NOWHERE ? restricted : l->condition[(size_t)(u * (double)l->condition_pieces)];
    condition[l->piece[which].condition_at + mnk_neural_condition(&l->piece[which], d->allowed[which], v)] = 1;
}

static void prepare_row(void *ctx, size_t i) {
    drawing *d = ctx;
    size_t latent = (size_t)d->m->shape.latent, inputs = latent + d->m->layout.conditions, row = d->first + i;
    mnk_rng r = mnk_rng_at(d->q->seed, MNK_PURPOSE_TABLE_DRAW, d->q->item[row], d->q->stream);
    for (size_t k = 0; k < d->candidates; k++) {
        float *in = d->in + (i * d->candidates + k) * inputs;
        memset(in + latent, 0, d->m->layout.conditions * sizeof *in);
        mnk_rng_normal_f32(&r, in, latent);
        if (d->m->layout.conditions) choose_condition(d, row, &r, in + latent);
    }
    d->rng[i] = r;
}

/* The network's output of a pass, with what is added to the states. */
static void forward(const drawing *d) {
    const mnk_layout *l = &d->m->layout;
    mnk_plan_put(d->m->plan, d->m->input, d->in);
    mnk_plan_forward(d->m->plan, NULL);
    mnk_plan_get(d->m->plan, d->m->output, d->x);
    for (size_t c = 0; c < l->book->columns; c++) {
        const mnk_piece *p = &l->piece[c];
        for (size_t i = 0; i < MNK_NEURAL_BATCH && p->states > 1; i++)
            for (unsigned s = 0; s < p->states; s++) d->x[i * l->width + p->state_at + s] += d->m->sigma[p->state_at + s];
    }
}

/* Log likelihood of the row's given cells for raw features x. */
static double likelihood(const drawing *d, size_t row, const float *x) {
    const mnk_layout *l = &d->m->layout;
    double sum = 0;
    for (size_t c = 0; c < l->book->columns; c++) {
        const mnk_piece *p = &l->piece[c];
        if (!is_given(d, c, row)) continue;
        unsigned bin = mnk_codebook_bin(&d->m->book, d->out, c, row);
        int s = p->state[bin];
        if (s < 0) continue; /* never seen: says nothing */
        if (p->states > 1) {
            const float *logit = x + p->state_at;
            double most = logit[0], total = 0;
            for (unsigned i = 1; i < p->states; i++) most = fmax(most, logit[i]);
            for (unsigned i = 0; i < p->states; i++) total += exp(logit[i] - most);
            sum += logit[s] - most - log(total);
        }
        if (s >= p->modes) continue;
        double z = mnk_piece_score(&d->m->book.column[c], p, bin, d->out->number[c][row], 0.5);
        double spread = hypot(NEAR, d->m->sigma[p->score_at]), e = (z - x[p->score_at]) / spread;
        sum -= 0.5 * e * e;
    }
    return sum;
}

static size_t choose_candidate(const drawing *d, size_t i, double u) {
    double weight[MANY], most = -INFINITY;
    for (size_t k = 0; k < d->candidates; k++) {
        weight[k] = likelihood(d, d->first + i, d->x + (i * d->candidates + k) * d->m->layout.width);
        if (weight[k] > most) most = weight[k];
    }
    for (size_t k = 0; k < d->candidates; k++) weight[k] = exp(weight[k] - most);
    return pick(weight, (unsigned)d->candidates, NULL, u);
}

static void finish_row(void *ctx, size_t i) {
    drawing *d = ctx;
    const mnk_layout *l = &d->m->layout;
    mnk_rng r = d->rng[i];
    size_t row = d->first + i, chosen = d->candidates > 1 ? choose_candidate(d, i, mnk_rng_uniform(&r)) : 0;
    const float *x = d->x + (i * d->candidates + chosen) * l->width;
    for (size_t c = 0; c < l->book->columns; c++) {
        const mnk_piece *p = &l->piece[c];
        double u = mnk_rng_uniform(&r), score = 0;
        if (p->has_score) {
            double e = mnk_rng_normal(&r);
            score = x[p->score_at] + d->m->sigma[p->score_at] * e;
        }
        if (is_given(d, c, row)) continue;
        mnk_layout_put(l, c, p->states > 1 ? mnk_neural_state(p, x + p->state_at, d->allowed[c], u) : 0, score, d->out, row);
    }
}

/* What may be drawn, by state: the box, and no missing values where holes are filled. Without any state left a column is free:
 * the frame rejects what does not fit. */
static mnk_status open_allowed(drawing *d, mnk_error *err) {
    const mnk_layout *l = &d->m->layout;
    MNK_TRY(MNK_NEW(d->allowed, l->book->columns + 1, err));
    for (size_t c = 0; c < l->book->columns; c++) {
        const mnk_piece *p = &l->piece[c];
        const mnk_codes *k = &l->book->column[c];
        const mnk_column_box *b = d->q->box ? &d->q->box->column[c] : NULL;
        if (!(b && b->restricted) && !d->q->complete) continue;
        MNK_TRY(MNK_NEW(d->allowed[c], MNK_BINS, err));
        unsigned left = 0;
        for (unsigned s = 0; s < p->states; s++) {
            unsigned bin = p->bin[s];
            bool scored = s < p->modes, fine = scored || bin || !d->q->complete;
            if (b && b->restricted && !scored)
                fine = fine && (!bin           ? b->missing
                                : k->is_number ? k->low[bin] >= b->low && k->low[bin] <= b->high
                                               : b->level[bin - 1]);
            if (b && b->restricted && scored)
                fine = p->modes > 1 ? k->high[bin] >= b->low && k->low[bin] <= b->high : b->low <= b->high;
            left += d->allowed[c][s] = fine;
        }
        if (!left) mnk_free(d->allowed[c]), d->allowed[c] = NULL;
    }
    return MNK_OK;
}

static size_t candidates_for(const mnk_draw_request *q, size_t columns) {
    size_t n = 0;
    for (size_t c = 0; q->given && c < columns; c++) n += q->given[c] != NULL;
    return n == 0 ? 1 : n == 1 ? FEW : MANY;
}

mnk_status mnk_neural_draw(const void *model, const mnk_draw_request *request, mnk_table *out, mnk_error *err) {
    drawing d = {.m = (mnk_neural_model *)model, .q = request, .out = out};
    const mnk_layout *l = &d.m->layout;
    size_t inputs = (size_t)d.m->shape.latent + l->conditions;
    mnk_status status;
    d.candidates = d.m->net ? candidates_for(request, l->book->columns) : 1;
    MNK_OUT(MNK_NEW(d.in, MNK_NEURAL_BATCH * inputs, err));
    MNK_OUT(MNK_NEW(d.x, MNK_NEURAL_BATCH * l->width + 1, err));
    MNK_OUT(MNK_NEW(d.rng, MNK_NEURAL_BATCH, err));
    MNK_OUT(open_allowed(&d, err));
    if (d.m->net) mnk_plan_refresh(d.m->plan, false);
    for (d.first = 0; d.first < out->n; d.first += d.rows) {
        size_t room = MNK_NEURAL_BATCH / d.candidates;
        d.rows = out->n - d.first < room ? out->n - d.first : room;
        mnk_parallel_for(d.rows, prepare_row, &d);
        if (d.m->net) forward(&d);
        mnk_parallel_for(d.rows, finish_row, &d);
    }
out:
    for (size_t c = 0; d.allowed && c < l->book->columns; c++) mnk_free(d.allowed[c]);
    mnk_free(d.allowed);
    mnk_free(d.in);
    mnk_free(d.x);
    mnk_free(d.rng);
    return status;
}

/* ---- shares of states: the loss sees them only as one thing among many, and they drift by some points ---- */

enum { RAKED = 4096 /* rows */, RAKINGS = 20, MOST = 5 /* no factor on the odds beyond */ };

typedef struct raking {
    mnk_neural_model *m;
    const float *x; /* [RAKED][width] */
} raking;

/* Adds log(wanted / expected) to the logits of a piece's states, until the expected shares are the table's. */
static void rake_piece(void *ctx, size_t c) {
    const raking *r = ctx;
    const mnk_piece *p = &r->m->layout.piece[c];
    double total = 0, add[MNK_BINS] = {0}, weight[MNK_BINS], limit = log(MOST);
    for (unsigned s = 0; s < p->states; s++) total += p->weight[s];
    if (p->states < 2 || !(total > 0)) return;
    for (int round = 0; round < RAKINGS; round++) {
        double expected[MNK_BINS] = {0};
        for (size_t i = 0; i < RAKED; i++) {
            const float *logit = r->x + i * r->m->layout.width + p->state_at;
            double most = -INFINITY, sum = 0;
            for (unsigned s = 0; s < p->states; s++) most = fmax(most, logit[s] + add[s]);
            for (unsigned s = 0; s < p->states; s++) sum += weight[s] = exp(logit[s] + add[s] - most);
            for (unsigned s = 0; s < p->states; s++) expected[s] += weight[s] / sum;
        }
        for (unsigned s = 0; s < p->states; s++) {
            const double step = log((p->weight[s] / total * RAKED + 0.5) / (expected[s] + 0.5));
            add[s] = fmin(limit, fmax(-limit, add[s] + step));
        }
    }
    for (unsigned s = 0; s < p->states; s++) r->m->sigma[p->state_at + s] = (float)add[s];
}

mnk_status mnk_neural_rake(mnk_neural_model *m, uint64_t seed, uint32_t stream, mnk_error *err) {
    uint64_t item[MNK_NEURAL_BATCH];
    const mnk_draw_request q = {.seed = seed, .stream = stream, .item = item};
    drawing d = {.m = m, .q = &q, .rows = MNK_NEURAL_BATCH, .candidates = 1};
    const size_t width = m->layout.width, inputs = (size_t)m->shape.latent + m->layout.conditions;
    float *x = NULL;
    mnk_status status;
    MNK_OUT(MNK_NEW(d.in, MNK_NEURAL_BATCH * inputs, err));
    MNK_OUT(MNK_NEW(d.x, MNK_NEURAL_BATCH * width + 1, err));
    MNK_OUT(MNK_NEW(d.rng, MNK_NEURAL_BATCH, err));
    MNK_OUT(MNK_NEW(d.allowed, m->book.columns + 1, err));
    MNK_OUT(MNK_NEW(x, RAKED * width + 1, err));
    mnk_plan_refresh(m->plan, false);
    for (size_t first = 0; first < RAKED; first += MNK_NEURAL_BATCH) {
        for (size_t i = 0; i < MNK_NEURAL_BATCH; i++) item[i] = first + i;
        mnk_parallel_for(d.rows, prepare_row, &d);
        forward(&d);
        memcpy(x + first * width, d.x, MNK_NEURAL_BATCH * width * sizeof *x);
    }
    raking r = {m, x};
    mnk_parallel_for(m->book.columns, rake_piece, &r);
out:
    mnk_free(d.allowed);
    mnk_free(d.in);
    mnk_free(d.x);
    mnk_free(d.rng);
    mnk_free(x);
    return status;
}
