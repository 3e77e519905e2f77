/* Encodings: what distances between items are measured in. A new one is a function and a line in the table of encoding.c. */
#ifndef MNK_EVALUATE_ENCODING_H
#define MNK_EVALUATE_ENCODING_H

#include "manikin/evaluate.h"

/* The four sets that meet: floor is train with the pixels of every picture shuffled (or, for the user's own features, each
 * column shuffled over the rows). The copy of train needs no encoding of its own. */
typedef enum mnk_role { MNK_ROLE_TRAIN, MNK_ROLE_HOLDOUT, MNK_ROLE_SYNTHETIC, MNK_ROLE_FLOOR, MNK_ROLES } mnk_role;
extern const char *const mnk_role_names[MNK_ROLES];

typedef struct mnk_sets {
    const mnk_images *images[MNK_ROLES]; /* holdout may be NULL */
    mnk_images *floor;                   /* owned: rows floor_row of train, pixels shuffled */
    size_t *floor_row;                   /* [floor->n] */
    int classes;                         /* train's */
    int32_t *label[MNK_ROLES];           /* [n] in train's numbering; owned */
    mnk_classifier *classifier;
    float *features[MNK_ROLES];    /* [n][feature_d] penultimate layer; NULL without classifier; owned */
    int32_t *predicted[MNK_ROLES]; /* [n] in train's numbering, -1: a class train does not have; owned */
    size_t feature_d;
    double *spread[MNK_ROLES]; /* [n] variance within the own class, see variety.h; owned */
    const mnk_evaluate_config *config;
} mnk_sets;

/* Checks that the sets go together and makes the floor. The datasets are only looked at. */
mnk_status mnk_sets_open(const mnk_images *train, const mnk_images *holdout, const mnk_images *synthetic,
                         mnk_classifier *classifier, const mnk_evaluate_config *config, mnk_sets *out,
                         mnk_error *err) MNK_CHECK;
/* One pass of all sets through the classifier; nothing without one. */
mnk_status mnk_sets_classify(mnk_sets *s, const mnk_observer *observer, mnk_error *err) MNK_CHECK;
void mnk_sets_close(mnk_sets *s);

typedef struct mnk_encoded {
    char name[24], note[160];
    size_t n[MNK_ROLES]; /* 0 where there is no such set */
    size_t near_d;       /* for neighbours */
    float *near[MNK_ROLES];
    size_t codes;              /* categorical coordinates of the same points; 0: none */
    uint16_t *code[MNK_ROLES]; /* [n][codes] */
    size_t moment_d;           /* for frechet_distance and kid; 0: none */
    float *moment[MNK_ROLES];
    bool shared; /* moment is near */
} mnk_encoded;

/* name: "scatter", "classifier", "pixels", "npy". */
mnk_status mnk_encode(const char *name, const mnk_sets *s, const mnk_observer *observer, mnk_encoded *out,
                      mnk_error *err) MNK_CHECK;
void mnk_encoded_close(mnk_encoded *e);

/* Averages planes [channels][h][w] over the cells of an oh x ow grid (parts of pixels count in proportion). */
void mnk_shrink(const float *x, int channels, int h, int w, int oh, int ow, float *out);

/* The user's own features: an n x d array of f32 or f64, all finite, `rows` of them. */
mnk_status mnk_features_read(const char *path, size_t rows, float **out, size_t *d, mnk_error *err) MNK_CHECK;
/* The same from memory. */
mnk_status mnk_features_parse(const uint8_t *bytes, size_t n, const char *name, size_t rows, float **out, size_t *d,
                              mnk_error *err) MNK_CHECK;

#endif
