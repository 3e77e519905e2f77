/* manikin: synthetic medical data. One include for the whole public API.
 *
 * Ownership, everywhere: what you open you close; close(NULL) does nothing; a `const char *` returned by a handle
 * lives as long as that handle; nothing you pass in is kept unless the function says so.
 * Errors, everywhere: functions return mnk_status and fill a caller-owned mnk_error (may be NULL).
 * The library never prints, never exits and never reads the environment. */
#ifndef MANIKIN_H
#define MANIKIN_H

#include "manikin/error.h"
#include "manikin/observer.h"
#include "manikin/simulate.h"
#include "manikin/table.h"

#endif
