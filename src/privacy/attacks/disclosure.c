#include "privacy/attacks/disclosure.h"
mnk_status mnk_disclosure_run(const mnk_disclosure *d, mnk_error *err) {
    (void)d, (void)err;
    return MNK_OK;
}
