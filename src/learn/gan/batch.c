#include "learn/gan/batch.h"

#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

/* Streams of MNK_PURPOSE_SHUFFLE: the upper half of `item` says what is shuffled. */
enum { ORDER_OF_CLASSES = 1, ORDER_IN_CLASS = 2, ORDER_OF_PACKS = 3 };
static uint64_t stream(int what, uint64_t which) { return (uint64_t)what << 56 | which; }

/* A permutation that is made anew for every round of its use. */
typedef struct deck {
    size_t n, *order;
    uint64_t round, which; /* round: 1 + the one in `order`, 0 before the first */
} deck;

struct mnk_gan_batches {
    int classes, used;     /* used: classes with images */
    int *used_class;       /* [used] */
    size_t n, packs, pack; /* packs a step */
    bool proportional;
    double ramp_start, ramp_end; /* steps */
    uint64_t seed;
    size_t *member; /* image numbers, class after class */
    size_t *first;  /* [classes + 1] into member */
    deck *in_class; /* [classes] */
    deck of_classes, of_packs;
    size_t *pack_first; /* proportional: [classes + 1] packs before each class */
};

int mnk_gan_judged_classes(const mnk_gan_config *config, int classes) { return classes + (config->ramp_end > 0); }

static mnk_status deck_open(deck *d, size_t n, uint64_t which, mnk_error *err) {
    *d = (deck){.n = n, .which = which};
    return MNK_NEW(d->order, n ? n : 1, err);
}

/* The item at `position` of an endless sequence of shuffled rounds. */
static size_t deck_at(deck *d, uint64_t seed, uint64_t position) {
    uint64_t round = position / d->n;
    if (d->round != round + 1) {
        mnk_rng rng = mnk_rng_at(seed, MNK_PURPOSE_SHUFFLE, d->which, (uint32_t)round);
        mnk_rng_permutation(&rng, d->order, d->n);
        d->round = round + 1;
    }
    return d->order[position % d->n];
}

static mnk_status sort_members(mnk_gan_batches *b, const int32_t *labels, size_t n, mnk_error *err) {
    MNK_TRY(MNK_NEW(b->member, n, err));
    MNK_TRY(MNK_NEW(b->first, (size_t)b->classes + 1, err));
    MNK_TRY(MNK_NEW(b->used_class, (size_t)b->classes, err));
    for (size_t i = 0; i < n; i++) {
        if (labels[i] < 0 || labels[i] >= b->classes)
            return MNK_FAIL(err, MNK_ERR_INPUT, "image %zu: label %d is not one of %d classes", i, (int)labels[i], b->classes);
        b->first[labels[i] + 1]++;
    }
    for (int c = 0; c < b->classes; c++) {
        if (b->first[c + 1]) b->used_class[b->used++] = c;
        b->first[c + 1] += b->first[c];
    }
    size_t *next;
    MNK_TRY(MNK_NEW(next, (size_t)b->classes, err));
    for (size_t i = 0; i < n; i++) b->member[b->first[labels[i]] + next[labels[i]]++] = i;
    mnk_free(next);
    return MNK_OK;
}

static mnk_status make_decks(mnk_gan_batches *b, mnk_error *err) {
    MNK_TRY(MNK_NEW(b->in_class, (size_t)b->classes, err));
    MNK_TRY(MNK_NEW(b->pack_first, (size_t)b->classes + 1, err));
    for (int c = 0; c < b->classes; c++) {
        size_t m = b->first[c + 1] - b->first[c];
        MNK_TRY(deck_open(&b->in_class[c], m, stream(ORDER_IN_CLASS, (uint64_t)c), err));
        b->pack_first[c + 1] = b->pack_first[c] + (m + b->pack - 1) / b->pack;
    }
    MNK_TRY(deck_open(&b->of_classes, (size_t)b->used, stream(ORDER_OF_CLASSES, 0), err));
    return deck_open(&b->of_packs, b->pack_first[b->classes], stream(ORDER_OF_PACKS, 0), err);
}

mnk_status mnk_gan_batches_open(const int32_t *labels, size_t n, int classes, const mnk_gan_config *config,
                                mnk_gan_batches **out, mnk_error *err) {
    *out = NULL;
    if (n == 0) return MNK_FAIL(err, MNK_ERR_INPUT, "no images to train on");
    mnk_gan_batches *b;
    MNK_TRY(MNK_NEW(b, 1, err));
    b->classes = classes, b->n = n, b->seed = config->seed;
    b->pack = (size_t)config->pack, b->packs = (size_t)(config->batch / config->pack);
    b->proportional = config->balance == MNK_GAN_PROPORTIONAL;
    b->ramp_start = config->ramp_start * 1000 / (double)config->batch;
    b->ramp_end = config->ramp_end * 1000 / (double)config->batch;
    mnk_status status = sort_members(b, labels, n, err);
    if (status == MNK_OK) status = make_decks(b, err);
    if (status == MNK_OK) *out = b;
    else mnk_gan_batches_close(b);
    return status;
}

void mnk_gan_batches_close(mnk_gan_batches *b) {
    if (!b) return;
    for (int c = 0; b->in_class && c < b->classes; c++) mnk_free(b->in_class[c].order);
    mnk_free(b->of_classes.order);
    mnk_free(b->of_packs.order);
    mnk_free(b->in_class);
    mnk_free(b->pack_first);
    mnk_free(b->member);
    mnk_free(b->first);
    mnk_free(b->used_class);
    mnk_free(b);
}

/* Class and first position in the class's endless sequence of the pack with running number q. */
static int pack_at(mnk_gan_batches *b, uint64_t q, uint64_t *position) {
    if (!b->proportional) {
        int c = b->used_class[deck_at(&b->of_classes, b->seed, q)];
        *position = q / (uint64_t)b->used * b->pack; /* each round of the classes used one pack of c */
        return c;
    }
    size_t p = deck_at(&b->of_packs, b->seed, q);
    int c = 0;
    while (p >= b->pack_first[c + 1]) c++;
    uint64_t epoch = q / b->of_packs.n, m = b->first[c + 1] - b->first[c];
    *position = epoch * m + (p - b->pack_first[c]) * b->pack;
    return c;
}

static double conditional_share(const mnk_gan_batches *b, uint64_t step) {
    double t = (double)step;
    if (t >= b->ramp_end) return 1;
    return t <= b->ramp_start ? 0 : (t - b->ramp_start) / (b->ramp_end - b->ramp_start);
}

void mnk_gan_batches_at(mnk_gan_batches *b, uint64_t step, size_t *index, int32_t *fake_labels, int32_t *pack_labels) {
    double share = conditional_share(b, step);
    for (size_t j = 0; j < b->packs; j++) {
        uint64_t q = step * b->packs + j, position;
        mnk_rng rng = mnk_rng_at(b->seed, MNK_PURPOSE_FAKE_LABEL, j, (uint32_t)step);
        bool conditional = share >= 1 || mnk_rng_uniform(&rng) < share;
        int c = pack_at(b, q, &position);
        size_t m = b->first[c + 1] - b->first[c];
        uint64_t round = position / m;
        pack_labels[j] = conditional ? c : b->classes;
        for (size_t i = 0; i < b->pack; i++) {
            size_t at = j * b->pack + i;
            if (conditional) {
                /* a proportional pack that reaches past its epoch is filled up from the same epoch's beginning */
                uint64_t where = b->proportional ? round * m + (position + i - round * m) % m : position + i;
                index[at] = b->member[b->first[c] + deck_at(&b->in_class[c], b->seed, where)];
                fake_labels[at] = c;
            } else {
                int real = b->used_class[mnk_rng_below(&rng, (uint64_t)b->used)];
                index[at] = b->member[b->first[real] + mnk_rng_below(&rng, b->first[real + 1] - b->first[real])];
                fake_labels[at] = b->used_class[mnk_rng_below(&rng, (uint64_t)b->used)];
            }
        }
    }
}
