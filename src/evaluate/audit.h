/* The audit of items as points of any encoding. */
#ifndef MNK_EVALUATE_AUDIT_H
#define MNK_EVALUATE_AUDIT_H

#include "evaluate/judge.h"
#include "manikin/audit.h"

/* Opens *out for n items of the encoding's synthetic set and fills everything but `copy`. */
mnk_status mnk_audit_points(const mnk_encoded *e, int neighbours, mnk_audit *out, mnk_error *err) MNK_CHECK;

#endif
