/* The classifier's option rows, written once and used by every table whose struct contains its configuration. */
#ifndef MNK_LEARN_CLASSIFIER_CONFIG_H
#define MNK_LEARN_CLASSIFIER_CONFIG_H

#include <stddef.h>

#include "base/json.h"
#include "base/options.h"
#include "manikin/classifier.h"

/* Rows over struct type T; F(field) names the field inside it, such as classifier.field. */
#define MNK_CLASSIFIER_ROWS(T, F)                                                                                                \
    {"epochs", 0, MNK_OPTION_INT, offsetof(T, F(epochs)), "N", "15", 1, 1e5, NULL, "passes over the training images", false},    \
        {"steps", 0, MNK_OPTION_INT, offsetof(T, F(steps)), "N", "0", 0, 1e8, NULL, "optimiser steps (0: from --epochs)",        \
         false},                                                                                                                 \
        {"batch", 0, MNK_OPTION_INT, offsetof(T, F(batch)), "N", "64", 4, 4096, NULL, "images a step", false},                   \
        {"width",                                                                                                                \
         0,                                                                                                                      \
         MNK_OPTION_INT,                                                                                                         \
         offsetof(T, F(width)),                                                                                                  \
         "N",                                                                                                                    \
         "16",                                                                                                                   \
         4,                                                                                                                      \
         256,                                                                                                                    \
         NULL,                                                                                                                   \
         "channels of the first stage; cost grows with the square",                                                              \
         false},                                                                                                                 \
        {"stages",                                                                                                               \
         0,                                                                                                                      \
         MNK_OPTION_INT,                                                                                                         \
         offsetof(T, F(stages)),                                                                                                 \
         "N",                                                                                                                    \
         "0",                                                                                                                    \
         0,                                                                                                                      \
         6,                                                                                                                      \
         NULL,                                                                                                                   \
         "halvings of the image (0: 3, from 96 px 4)",                                                                           \
         true},                                                                                                                  \
        {"rate",                                                                                                                 \
         0,                                                                                                                      \
         MNK_OPTION_REAL,                                                                                                        \
         offsetof(T, F(rate)),                                                                                                   \
         "RATE",                                                                                                                 \
         "4e-3",                                                                                                                 \
         1e-8,                                                                                                                   \
         1,                                                                                                                      \
         NULL,                                                                                                                   \
         "peak learning rate of the one-cycle schedule",                                                                         \
         false},                                                                                                                 \
        {"weight-decay",           0,   MNK_OPTION_REAL, offsetof(T, F(weight_decay)), "W", "1e-2", 0, 1, NULL,                  \
         "decoupled weight decay", true},                                                                                        \
        {"label-smoothing",                                                                                                      \
         0,                                                                                                                      \
         MNK_OPTION_REAL,                                                                                                        \
         offsetof(T, F(label_smoothing)),                                                                                        \
         "E",                                                                                                                    \
         "0.05",                                                                                                                 \
         0,                                                                                                                      \
         0.5,                                                                                                                    \
         NULL,                                                                                                                   \
         "share of the target spread over all classes",                                                                          \
         true},                                                                                                                  \
        {"dropout", 0, MNK_OPTION_REAL, offsetof(T, F(dropout)), "P", "0", 0, 0.9, NULL, "dropout before the last layer", true}, \
        {"balanced",                                                                                                             \
         0,                                                                                                                      \
         MNK_OPTION_BOOL,                                                                                                        \
         offsetof(T, F(balanced)),                                                                                               \
         NULL,                                                                                                                   \
         "true",                                                                                                                 \
         0,                                                                                                                      \
         0,                                                                                                                      \
         NULL,                                                                                                                   \
         "equal shares of the classes in training",                                                                              \
         false},                                                                                                                 \
        {"val-share",                                                                                                            \
         0,                                                                                                                      \
         MNK_OPTION_REAL,                                                                                                        \
         offsetof(T, F(val_share)),                                                                                              \
         "P",                                                                                                                    \
         "0.15",                                                                                                                 \
         0,                                                                                                                      \
         0.9,                                                                                                                    \
         NULL,                                                                                                                   \
         "share of train for validation when none is given",                                                                     \
         false},                                                                                                                 \
        {"patience",                                                                                                             \
         0,                                                                                                                      \
         MNK_OPTION_INT,                                                                                                         \
         offsetof(T, F(patience)),                                                                                               \
         "N",                                                                                                                    \
         "8",                                                                                                                    \
         0,                                                                                                                      \
         1e6,                                                                                                                    \
         NULL,                                                                                                                   \
         "epochs without improvement before stopping (0: never stop)",                                                           \
         false},                                                                                                                 \
        {"augment",                                                                                                              \
         0,                                                                                                                      \
         MNK_OPTION_BOOL,                                                                                                        \
         offsetof(T, F(augment)),                                                                                                \
         NULL,                                                                                                                   \
         "true",                                                                                                                 \
         0,                                                                                                                      \
         0,                                                                                                                      \
         NULL,                                                                                                                   \
         "classical augmentation (--no-augment: none at all)",                                                                   \
         false},                                                                                                                 \
        {"flips",                                                                                                                \
         0,                                                                                                                      \
         MNK_OPTION_BOOL,                                                                                                        \
         offsetof(T, F(flips)),                                                                                                  \
         NULL,                                                                                                                   \
         "true",                                                                                                                 \
         0,                                                                                                                      \
         0,                                                                                                                      \
         NULL,                                                                                                                   \
         "mirror images; off where left and right differ",                                                                       \
         false},                                                                                                                 \
        {"rotations",                                                                                                            \
         0,                                                                                                                      \
         MNK_OPTION_BOOL,                                                                                                        \
         offsetof(T, F(rotations)),                                                                                              \
         NULL,                                                                                                                   \
         "true",                                                                                                                 \
         0,                                                                                                                      \
         0,                                                                                                                      \
         NULL,                                                                                                                   \
         "quarter turns, square images only",                                                                                    \
         false},                                                                                                                 \
        {"translate",                                                                                                            \
         0,                                                                                                                      \
         MNK_OPTION_REAL,                                                                                                        \
         offsetof(T, F(translate)),                                                                                              \
         "P",                                                                                                                    \
         "0.1",                                                                                                                  \
         0,                                                                                                                      \
         0.5,                                                                                                                    \
         NULL,                                                                                                                   \
         "largest shift, share of the side",                                                                                     \
         true},                                                                                                                  \
        {"brightness",                                                                                                           \
         0,                                                                                                                      \
         MNK_OPTION_REAL,                                                                                                        \
         offsetof(T, F(brightness)),                                                                                             \
         "B",                                                                                                                    \
         "0.2",                                                                                                                  \
         0,                                                                                                                      \
         2,                                                                                                                      \
         NULL,                                                                                                                   \
         "largest brightness shift on the scale -1 to 1",                                                                        \
         true},                                                                                                                  \
        {"contrast",                                                                                                             \
         0,                                                                                                                      \
         MNK_OPTION_REAL,                                                                                                        \
         offsetof(T, F(contrast)),                                                                                               \
         "C",                                                                                                                    \
         "0.2",                                                                                                                  \
         0,                                                                                                                      \
         1,                                                                                                                      \
         NULL,                                                                                                                   \
         "largest relative change of contrast",                                                                                  \
         true},                                                                                                                  \
        {"colour",                                                                                                               \
         0,                                                                                                                      \
         MNK_OPTION_REAL,                                                                                                        \
         offsetof(T, F(colour)),                                                                                                 \
         "B",                                                                                                                    \
         "0.1",                                                                                                                  \
         0,                                                                                                                      \
         2,                                                                                                                      \
         NULL,                                                                                                                   \
         "largest shift of each colour channel, scale -1 to 1",                                                                  \
         true},                                                                                                                  \
    {                                                                                                                            \
        "backend", 0, MNK_OPTION_CHOICE, offsetof(T, F(backend)), "NAME", "auto", 0, 0, "auto|reference|onednn", "kernels",      \
            true                                                                                                                 \
    }

extern const mnk_option mnk_classifier_options[]; /* over mnk_classifier_config */

mnk_status mnk_classifier_config_check(const mnk_classifier_config *config, mnk_error *err) MNK_CHECK;
const char *mnk_classifier_backend_name(const mnk_classifier_config *config);

#endif
