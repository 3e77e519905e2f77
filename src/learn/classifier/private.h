/* The classifier with differential privacy: DP-SGD on persons, group norm, nothing chosen by looking at the data. */
#ifndef MNK_LEARN_CLASSIFIER_PRIVATE_H
#define MNK_LEARN_CLASSIFIER_PRIVATE_H

#include "learn/classifier/config.h"
#include "learn/private_sgd.h"

typedef struct mnk_classifier_private {
    bool on; /* --dp */
    mnk_private_target target;
    mnk_private_sgd_config sgd;
} mnk_classifier_private;

/* clang-format off */
/* Rows over struct type `config` whose member `at` is a mnk_classifier_private. */
#define MNK_CLASSIFIER_PRIVATE_ROWS(config, at) \
    {"dp", 0, MNK_OPTION_BOOL, offsetof(config, at.on), NULL, "false", 0, 0, NULL, "differential privacy (DP-SGD): one image a person and step, gradients clipped, noise; needs --epsilon and --delta", false}, \
    MNK_PRIVATE_TARGET_ROWS(config, at.target), \
    MNK_PRIVATE_SGD_ROWS(config, at.sgd), \
    MNK_PRIVATE_RESUME_ROW(config, at.target)
/* clang-format on */

/* Trains on all images of `train`, writes the model and binds it to PATH.ledger. A person is a group of the dataset; an image
 * without one is a person of its own. Public: classes, the images' form, the number of persons. config's batch is the expected
 * number of persons a step; balanced, val_share and patience do not apply: they would look at the data unpaid for. */
mnk_status mnk_classifier_train_private(const mnk_images *train, const mnk_classifier_config *config,
                                        const mnk_classifier_private *private, const char *path, bool force,
                                        const mnk_observer *observer, mnk_classifier **out, mnk_error *err) MNK_CHECK;
/* Privacy options without --dp are refused: nobody may believe in a protection that is not there. */
mnk_status mnk_classifier_private_check(const mnk_classifier_private *private, mnk_error *err) MNK_CHECK;

#endif
