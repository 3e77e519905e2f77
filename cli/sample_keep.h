/* manikin sample --keep: draw until enough items pass the audit against the training data. */
#ifndef MNK_CLI_SAMPLE_KEEP_H
#define MNK_CLI_SAMPLE_KEEP_H

#include "keep.h"

/* A set gated in memory is limited: candidates and train are encoded together. */
mnk_status sample_keep_images(cli_context *c, mnk_gan *gan, const uint64_t *count, const char *keep, const char *train,
                              mnk_error *err) MNK_CHECK;
mnk_status sample_keep_table(cli_context *c, mnk_table_generator *g, const mnk_table_sample_options *options, const char *keep,
                             const char *train, mnk_table **out, mnk_error *err) MNK_CHECK;

#endif
