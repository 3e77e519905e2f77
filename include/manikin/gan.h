/* A learned generator of images: a class-conditional generative adversarial network (GAN), trained and sampled here.
 *
 * Recipe: DCGAN-shaped networks (Radford et al. 2016), projection discriminator (Miyato & Koyama 2018), packing against
 * collapse (PacGAN, Lin et al. 2018), differentiable augmentation (Zhao et al. 2020), averaged weights for sampling.
 * Every choice is one row of a table in src/learn/gan; docs/methods/gan.md states the formulas. */
#ifndef MANIKIN_GAN_H
#define MANIKIN_GAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "manikin/dataset.h"
#include "manikin/error.h"
#include "manikin/observer.h"

/* Plain settings. mnk_gan_config_defaults() fills them; the option table of the same fields (src/learn/gan/config.h)
 * feeds flags, help and study files. Images are counted in kimg: thousands of real images shown to the discriminator. */
typedef struct mnk_gan_config {
    /* How long: epochs, else kimg; minutes stops earlier (and is the one budget that does not repeat). All 0: 600 kimg. */
    int64_t epochs;
    double kimg, minutes;
    /* Objective. */
    int loss;              /* hinge | logistic | relativistic */
    bool spectral;         /* spectral normalisation of the discriminator */
    int64_t pack;          /* images of one class judged together, 1..8 */
    double r1, r2;         /* gamma of the gradient penalties on real and on generated images */
    int64_t penalty_every; /* steps between penalties, each weighted by this number */
    /* Networks. */
    int64_t width, latent, embed;
    int64_t width_d; /* of the discriminator; 0: width */
    int upsample;    /* deconv | resize */
    int norm;        /* batch | conditional | group, in the generator */
    /* Augmentation, of real and generated images alike; one draw per pack. */
    const char *augment;  /* comma-separated names, or "none" */
    double augment_start; /* kimg */
    bool adaptive;        /* strength controlled so that the discriminator's sign on real images averages to the target */
    double adaptive_target;
    /* Batches and optimiser. */
    int balance;                 /* balanced | proportional */
    double ramp_start, ramp_end; /* kimg over which conditioning comes in; 0, 0: conditional from the start */
    int64_t batch;
    double rate_g, rate_d, beta1, beta2, ema;
    /* Which weights the model file gets. */
    int keep;        /* best | last: the snapshot most like train in means and spreads of every class, or the end of the run */
    double patience; /* kimg without a better snapshot before the run ends; 0: never */
    /* Differential privacy of persons; docs/methods/private-training.md. Refuses what looks at real images without paying for
     * it: r1, r2, relativistic, ramp, patience, epochs, minutes; adaptive augmentation is off, the last weights are kept. */
    bool dp;
    double epsilon, delta;   /* the guarantee */
    double clip;             /* L2 norm that the gradient of a pack is clipped to */
    int64_t canaries;        /* made-up packs trained along, which bound epsilon from below; 0: none */
    bool reproducible_noise; /* noise from the seed, for tests: the model is stamped NOT PRIVATE */
    /* Machinery. */
    int backend;                      /* auto | reference | onednn */
    double log_every, snapshot_every; /* kimg */
    bool resume;                      /* go on from the checkpoint of the same output */
    const char *init_from;            /* start from the weights of this model or checkpoint, or NULL */
    /* Not in the option table. */
    uint64_t seed;
    bool force; /* replace an earlier model and run folder */
} mnk_gan_config;

MNK_API void mnk_gan_config_defaults(mnk_gan_config *config);

/* Trains on all images of `train` and writes the model (safetensors: averaged generator weights and metadata, no
 * discriminator) to model_path. Beside it stands the run folder, model_path with ".safetensors" replaced by ".run":
 * events.jsonl (one JSON object per interval), samples-NNNNNN.png (same latents each time, number = kimg) and
 * checkpoint.safetensors (everything an exact continuation needs).
 * Which weights: at each snapshot the samples of every class are compared with its training images (docs/methods/gan.md), and
 * the best snapshot is kept; the metadata say which (kimg, trained_kimg, kept). A final snapshot between two regular ones
 * competes for the model file, but a continued run does not remember it, so that it equals one that was never cut. Same data,
 * settings and seed give the same bytes for any number of threads and any number of stops and resumes. MNK_ERR_INTERRUPTED when
 * the observer asked to stop: the checkpoint is saved. MNK_ERR_FAILED when the training diverged: the last good checkpoint is
 * kept. MNK_ERR_INPUT for unusable data or an incompatible checkpoint.
 * With dp the ledger MODEL.ledger stands beside the model, no file but it says more of the data than the noise allows, and runs
 * do not repeat: batches and noise come from the operating system. A person is a group of `train`, or an image without one. */
MNK_API mnk_status mnk_gan_train(const mnk_images *train, const mnk_gan_config *config, const char *model_path,
                                 const mnk_observer *observer, mnk_error *err) MNK_CHECK;

typedef struct mnk_gan mnk_gan; /* a trained generator, ready to sample */

typedef struct mnk_gan_info {
    int height, width, channels, classes;
    const char *const *class_names;
    size_t parameters;
    double kimg;         /* of the weights in the file */
    double trained_kimg; /* of the whole run */
    uint64_t seed;
    const char *version;      /* of manikin that wrote it */
    const char *options_json; /* the resolved settings */
    const char *data_hash;    /* of the training images; "" of a private model */
    const char *model_hash;   /* of the file itself, "blake2b:…" */
    const char *privacy;      /* "none": no formal guarantee; else the guarantee in one line */
} mnk_gan_info;

/* Opens a model written by mnk_gan_train. The file is treated as hostile: damaged or foreign files give MNK_ERR_INPUT,
 * files of a newer version MNK_ERR_VERSION. */
MNK_API mnk_status mnk_gan_open(const char *path, mnk_gan **out, mnk_error *err) MNK_CHECK;
MNK_API void mnk_gan_close(mnk_gan *gan);
/* What the file says of itself; lives as long as the handle. */
MNK_API const mnk_gan_info *mnk_gan_describe(const mnk_gan *gan);

/* n images of classes labels[0..n-1] into pixels[((i*height + y)*width + x)*channels + c]. Image i depends on the model,
 * seed, first_item + i and labels[i] alone, so that blocks of any size, in any order, give the same bytes. */
MNK_API mnk_status mnk_gan_sample(mnk_gan *gan, const int32_t *labels, size_t n, uint64_t seed, uint64_t first_item,
                                  uint8_t *pixels, mnk_error *err) MNK_CHECK;

#endif
