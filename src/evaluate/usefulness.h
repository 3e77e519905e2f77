/* The option table of usefulness. */
#ifndef MNK_EVALUATE_USEFULNESS_H
#define MNK_EVALUATE_USEFULNESS_H

#include "base/options.h"
#include "manikin/usefulness.h"

extern const mnk_option mnk_usefulness_options[]; /* over mnk_usefulness_config, the classifier's included */

#endif
