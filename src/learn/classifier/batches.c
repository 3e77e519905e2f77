#include "learn/classifier/batches.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "learn/classifier/augment.h"

/* A set of rows dealt in shuffled rounds. */
typedef struct deck {
    size_t n, *row, *order;
    uint64_t id, round; /* round: 1 + the one in `order`, 0 before the first */
} deck;

typedef struct dealer {
    const mnk_classifier_source *source;
    deck *deck;
    size_t decks, places, *rows, *order; /* rows and order: storage of all decks */
} dealer;

typedef struct place {
    const mnk_images *images;
    size_t row;
} place;

struct mnk_classifier_batches {
    const mnk_classifier_config *config;
    dealer dealer[2];
    int dealers;
    size_t batch, pixels;
    int channels, height, width;
    uint64_t seed, stream, step;
    place *place;   /* [batch] */
    float *scratch; /* [batch][pixels] before augmentation */
    float *planes;  /* the caller's, during a call */
};

static size_t deal(const mnk_classifier_batches *b, deck *d, uint64_t position) {
    uint64_t round = position / d->n;
    if (d->round != round + 1) {
        mnk_rng rng = mnk_rng_at(b->seed, MNK_PURPOSE_SHUFFLE, b->stream << 32 | d->id, (uint32_t)round);
        mnk_rng_permutation(&rng, d->order, d->n);
        d->round = round + 1;
    }
    return d->row[d->order[position % d->n]];
}

static int32_t label_of(const mnk_classifier_source *s, size_t row) { return s->map[s->images->label[row]]; }

/* One deck for each class with images, or one for all. */
static mnk_status open_dealer(dealer *d, const mnk_classifier_source *source, int classes, int number, mnk_error *err) {
    bool balanced = source->balanced;
    d->source = source;
    MNK_TRY(MNK_NEW(d->deck, (size_t)(balanced ? classes : 1), err));
    MNK_TRY(MNK_NEW(d->rows, source->n, err));
    MNK_TRY(MNK_NEW(d->order, source->n, err));
    size_t filled = 0;
    for (int k = 0; k < (balanced ? classes : 1); k++) {
        deck *one = &d->deck[d->decks];
        *one = (deck){.row = d->rows + filled, .order = d->order + filled, .id = (uint64_t)number << 24 | (uint64_t)k};
        for (size_t i = 0; i < source->n; i++)
            if (!balanced || label_of(source, source->row[i]) == k) one->row[one->n++] = source->row[i];
        filled += one->n;
        d->decks += one->n > 0;
    }
    return MNK_OK;
}

mnk_status mnk_classifier_batches_open(const mnk_classifier_job *job, const mnk_classifier_config *config, uint64_t stream,
                                       mnk_classifier_batches **out, mnk_error *err) {
    mnk_status status = MNK_OK;
    const mnk_images *shape = job->source[0].images;
    mnk_classifier_batches *b = NULL;
    *out = NULL;
    MNK_TRY(MNK_NEW(b, 1, err));
    *b = (mnk_classifier_batches){
        .config = config, .dealers = job->sources, .batch = (size_t)config->batch, .seed = config->seed};
    b->stream = stream;
    b->channels = shape->channels, b->height = shape->height, b->width = shape->width;
    b->pixels = (size_t)b->channels * (size_t)b->height * (size_t)b->width;
    size_t left = b->batch;
    for (int s = job->sources - 1; s >= 0; s--) { /* the first source takes what rounding leaves */
        dealer *d = &b->dealer[s];
        d->places = s == 0 ? left : (size_t)floor(job->source[s].share * (double)b->batch + 1e-9);
        left -= d->places;
        MNK_OUT(open_dealer(d, &job->source[s], job->classes, s, err));
    }
    MNK_OUT(MNK_NEW(b->place, b->batch, err));
    MNK_OUT(MNK_NEW_ALIGNED(b->scratch, b->batch * b->pixels, err));
    *out = b;
    b = NULL;
out:
    mnk_classifier_batches_close(b);
    return status;
}

void mnk_classifier_batches_close(mnk_classifier_batches *b) {
    if (!b) return;
    for (int s = 0; s < b->dealers; s++) {
        mnk_free(b->dealer[s].deck);
        mnk_free(b->dealer[s].rows);
        mnk_free(b->dealer[s].order);
    }
    mnk_free(b->place);
    mnk_free(b->scratch);
    mnk_free(b);
}

size_t mnk_classifier_batches_places(const mnk_classifier_batches *b, int s) { return b->dealer[s].places; }

static void fill_place(void *ctx, size_t i) {
    mnk_classifier_batches *b = ctx;
    float *out = b->planes + i * b->pixels, *raw = b->config->augment ? b->scratch + i * b->pixels : out;
    mnk_images_f32(b->place[i].images, b->place[i].row, raw);
    if (!b->config->augment) return;
    mnk_rng rng = mnk_rng_at(b->seed, MNK_PURPOSE_AUGMENT, b->stream << 32 | i, (uint32_t)b->step);
    mnk_classifier_augment(b->config, raw, out, b->channels, b->height, b->width, &rng);
}

void mnk_classifier_batches_at(mnk_classifier_batches *b, uint64_t step, float *planes, int32_t *label) {
    size_t at = 0;
    for (int s = 0; s < b->dealers; s++) {
        dealer *d = &b->dealer[s];
        for (size_t j = 0; j < d->places; j++, at++) {
            uint64_t q = step * d->places + j;
            b->place[at] = (place){d->source->images, deal(b, &d->deck[q % d->decks], q / d->decks)};
            label[at] = label_of(d->source, b->place[at].row);
        }
    }
    b->step = step;
    b->planes = planes;
    mnk_parallel_for(b->batch, fill_place, b);
}
