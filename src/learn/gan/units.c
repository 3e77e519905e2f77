#include "learn/gan/units.h"

#include "base/mem.h"
#include "base/rng.h"

/* Streams of MNK_PURPOSE_PACK: the upper byte of `item` says what is drawn. */
enum { ORDER_OF_PERSONS = 1, CLASS_OF_PERSON = 2, IMAGE_OF_PERSON = 3 };
static uint64_t stream(int what, uint64_t which) { return (uint64_t)what << 56 | which; }

/* owner[image], numbered by first image. */
static mnk_status number_persons(const mnk_images *d, size_t *owner, size_t *persons, mnk_error *err) {
    size_t groups = 0, *number;
    for (size_t i = 0; i < d->n; i++)
        if (d->group && d->group[i] >= 0 && (size_t)d->group[i] + 1 > groups) groups = (size_t)d->group[i] + 1;
    MNK_TRY(MNK_NEW(number, groups + 1, err)); /* 0: not met yet */
    for (size_t i = 0; i < d->n; i++) {
        bool alone = !d->group || d->group[i] < 0;
        if (alone) owner[i] = (*persons)++;
        else if (number[d->group[i]]) owner[i] = number[d->group[i]] - 1;
        else owner[i] = (*persons)++, number[d->group[i]] = owner[i] + 1;
    }
    mnk_free(number);
    return MNK_OK;
}

static mnk_status list_images(mnk_gan_units *u, const mnk_images *d, const size_t *owner, mnk_error *err) {
    size_t *next;
    MNK_TRY(MNK_NEW(u->first, u->persons + 1, err));
    MNK_TRY(MNK_NEW(u->image, d->n, err));
    for (size_t i = 0; i < d->n; i++) u->first[owner[i] + 1]++;
    for (size_t p = 0; p < u->persons; p++) u->first[p + 1] += u->first[p];
    MNK_TRY(MNK_NEW(next, u->persons + 1, err));
    for (size_t i = 0; i < d->n; i++) u->image[u->first[owner[i]] + next[owner[i]]++] = i;
    mnk_free(next);
    return MNK_OK;
}

/* Leaves each person the images of one class; class[person]. */
static void settle_classes(mnk_gan_units *u, const mnk_images *d, int32_t *class) {
    size_t kept = 0;
    for (size_t p = 0; p < u->persons; p++) {
        size_t begin = u->first[p], end = u->first[p + 1];
        mnk_rng r = mnk_rng_at(u->seed, MNK_PURPOSE_PACK, stream(CLASS_OF_PERSON, p), 0);
        class[p] = d->label[u->image[begin + mnk_rng_below(&r, end - begin)]];
        u->first[p] = kept;
        for (size_t i = begin; i < end; i++)
            if (d->label[u->image[i]] == class[p]) u->image[kept++] = u->image[i];
    }
    u->first[u->persons] = kept;
}

/* The persons of each class in random order, cut into packs. */
static mnk_status cut_packs(mnk_gan_units *u, const int32_t *class, int classes, mnk_error *err) {
    size_t *order = NULL, *member = NULL;
    mnk_status status = MNK_OK;
    MNK_OUT(MNK_NEW(order, u->persons, err));
    MNK_OUT(MNK_NEW(member, u->persons, err));
    for (int c = 0; c < classes; c++) {
        size_t m = 0;
        for (size_t p = 0; p < u->persons; p++)
            if (class[p] == c) member[m++] = p;
        if (m < u->pack) continue;
        mnk_rng r = mnk_rng_at(u->seed, MNK_PURPOSE_PACK, stream(ORDER_OF_PERSONS, (uint64_t)c), 0);
        mnk_rng_permutation(&r, order, m);
        for (size_t i = 0; i < m / u->pack * u->pack; i++) u->person[u->n * u->pack + i] = member[order[i]];
        u->n += m / u->pack;
    }
out:
    mnk_free(order);
    mnk_free(member);
    return status;
}

static mnk_status fill(mnk_gan_units *u, const mnk_images *d, size_t *owner, mnk_error *err) {
    MNK_TRY(number_persons(d, owner, &u->persons, err));
    MNK_TRY(list_images(u, d, owner, err));
    MNK_TRY(MNK_NEW(u->person, u->persons, err));
    if (u->pack > 1) {
        int32_t *class;
        MNK_TRY(MNK_NEW(class, u->persons, err));
        settle_classes(u, d, class);
        mnk_status status = cut_packs(u, class, d->classes, err);
        mnk_free(class);
        return status;
    }
    u->n = u->persons;
    for (size_t p = 0; p < u->persons; p++) u->person[p] = p;
    return MNK_OK;
}

mnk_status mnk_gan_units_open(const mnk_images *data, size_t pack, uint64_t seed, mnk_gan_units *out, mnk_error *err) {
    size_t *owner;
    *out = (mnk_gan_units){.pack = pack, .seed = seed};
    MNK_TRY(MNK_NEW(owner, data->n, err));
    mnk_status status = fill(out, data, owner, err);
    mnk_free(owner);
    if (status != MNK_OK) mnk_gan_units_close(out);
    return status;
}

void mnk_gan_units_close(mnk_gan_units *u) {
    mnk_free(u->person);
    mnk_free(u->first);
    mnk_free(u->image);
    *u = (mnk_gan_units){0};
}

size_t mnk_gan_units_image(const mnk_gan_units *u, size_t unit, size_t k, uint64_t step) {
    size_t p = u->person[unit * u->pack + k], count = u->first[p + 1] - u->first[p];
    mnk_rng r = mnk_rng_at(u->seed, MNK_PURPOSE_PACK, stream(IMAGE_OF_PERSON, p), (uint32_t)step);
    return u->image[u->first[p] + mnk_rng_below(&r, count)];
}
