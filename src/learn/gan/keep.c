/* Which weights a run hands out: those of the snapshot most like the training images, not whatever the last step left. */
#include <math.h>
#include <string.h>

#include "learn/gan/trainer.h"

/* Mean over the classes that can be told of the distance in the fixed encoding, plus the square of what is missing of the
 * training images' spread in pixels: two views of variety, either of which a collapse cannot pass. */
static double distance(const mnk_gan_trainer *t) {
    double sum = 0;
    int n = 0;
    for (int c = 0; c < t->shape.classes; c++) {
        if (!isfinite(t->unlikeness[c])) continue;
        double missing = isfinite(t->variety[c]) && t->variety[c] < 1 ? 1 - t->variety[c] : 0;
        sum += t->unlikeness[c] + missing * missing, n++;
    }
    return n ? sum / n : NAN;
}

void mnk_gan_keep_consider(mnk_gan_trainer *t) {
    mnk_gan_progress *p = &t->progress;
    t->distance = distance(t);
    if (!isfinite(t->distance) || (p->best_step > 0 && !(t->distance < p->best_distance))) return;
    p->best_distance = t->distance, p->best_step = (double)t->step;
    memcpy(t->best_average, t->gp->average, t->gp->n * sizeof *t->best_average);
    memcpy(t->best_state, t->gp->state, t->gp->n_state * sizeof *t->best_state);
}

bool mnk_gan_keep_stalled(const mnk_gan_trainer *t) {
    double waited = ((double)t->step - t->progress.best_step) * (double)t->batch / 1000;
    return t->config.patience > 0 && t->progress.best_step > 0 && waited >= t->config.patience;
}

bool mnk_gan_keep_swap(mnk_gan_trainer *t) {
    size_t n = t->gp->n, n_state = t->gp->n_state;
    if (t->config.keep == MNK_GAN_KEEP_LAST || !(t->progress.best_step > 0)) return false;
    memcpy(t->swapped, t->gp->average, n * sizeof *t->swapped);
    memcpy(t->swapped + n, t->gp->state, n_state * sizeof *t->swapped);
    memcpy(t->gp->average, t->best_average, n * sizeof *t->swapped);
    memcpy(t->gp->state, t->best_state, n_state * sizeof *t->swapped);
    return true;
}

void mnk_gan_keep_swap_back(mnk_gan_trainer *t) {
    memcpy(t->gp->average, t->swapped, t->gp->n * sizeof *t->swapped);
    memcpy(t->gp->state, t->swapped + t->gp->n, t->gp->n_state * sizeof *t->swapped);
}
