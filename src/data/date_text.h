/* Dates and times as text, by strftime patterns: %Y %y %m %d %b %H %M %S %z and literal characters. A date is a number of days
 * since 1970-01-01 (proleptic Gregorian calendar), the time of day its fraction; a time alone is a fraction of a day. */
#ifndef MNK_DATA_DATE_TEXT_H
#define MNK_DATA_DATE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* The patterns inference knows; those of one column are narrowed down by its cells. */
#define MNK_DATE_PATTERNS 97
extern const char *const mnk_date_patterns[MNK_DATE_PATTERNS];

/* Days; %z (Z, +01:00, -0530) is taken off, so that the result is UTC. %S takes a fraction. %y: 69-99 are 1969-1999. */
bool mnk_date_parse(const char *s, size_t n, const char *pattern, double *days);
/* At most size-1 characters and a NUL; returns the length. %z writes Z. Seconds have a fraction only when there is one. */
size_t mnk_date_format(double days, const char *pattern, char *out, size_t size);
/* True when pattern knows only these conversions and at least one of them. */
bool mnk_date_pattern_valid(const char *pattern);

/* Days since 1970-01-01 of a date (Hinnant, "chrono-compatible low-level date algorithms"); year 1..9999. */
long mnk_days_of(int year, int month, int day);

#endif
