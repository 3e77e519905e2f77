/* The library's side of <manikin/result.h>. */
#ifndef MNK_BASE_RESULT_H
#define MNK_BASE_RESULT_H

#include "base/error.h"
#include "base/json.h"
#include "manikin/result.h"

#define MNK_RESULT_FORMAT_VERSION 1

/* Parses the JSON text of a result; `name` is for messages. Hostile input: every length is checked. */
mnk_status mnk_result_parse(const char *text, size_t n, const char *name, mnk_result **out, mnk_error *err) MNK_CHECK;

/* Writes the result as one JSON object under `key` (NULL at the top), for documents that hold several. */
void mnk_result_emit(const mnk_result *r, mnk_json *j, const char *key);

#endif
