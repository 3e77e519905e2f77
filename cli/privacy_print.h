/* A privacy guarantee as people read it. */
#ifndef MNK_CLI_PRIVACY_PRINT_H
#define MNK_CLI_PRIVACY_PRINT_H

#include <stdio.h>

#include "manikin/privacy.h"

void privacy_print_guarantee(FILE *out, const mnk_guarantee *g);
/* "gaussian noise=1.1 sampling_rate=0.01 x 10000". */
void privacy_print_mechanism(FILE *out, const mnk_mechanism *m);

#endif
