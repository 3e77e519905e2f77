/* The library's side of manifests: the parsed form, used by verify. */
#ifndef MNK_EVIDENCE_MANIFEST_H
#define MNK_EVIDENCE_MANIFEST_H

#include "evidence/tree.h"
#include "manikin/evidence.h"

#define MNK_MANIFEST_NAME    "manifest.json"
#define MNK_MANIFEST_VERSION 1

/* manifest.json and its signature are not listed in themselves. */
bool mnk_manifest_is_own(const char *path);

#endif
