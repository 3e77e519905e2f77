/* Numbers as text, in the two ways hospitals write them: 1,234.5 (also 1 234.5 and 1'234.5) and 1.234,5. Correctly rounded,
 * whatever the program's locale. */
#ifndef MNK_DATA_NUMBER_TEXT_H
#define MNK_DATA_NUMBER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

typedef enum mnk_number_style { MNK_NUMBER_POINT, MNK_NUMBER_COMMA } mnk_number_style; /* the decimal mark */

typedef struct mnk_number_shape {
    bool leading_zero; /* 007: more likely a code than a quantity */
    bool exponent, grouped;
    int decimals;    /* digits after the mark as written */
    int significant; /* the same without trailing zeros */
} mnk_number_shape;

/* Sign, digits in groups or not, decimals, exponent; at most 400 characters, blanks around them not allowed. False when s is
 * anything else, NaN and infinity included, or too large for a double. shape may be NULL. */
bool mnk_number_parse(const char *s, size_t n, mnk_number_style style, double *out, mnk_number_shape *shape);
/* "inf", "-Infinity" …: texts that mean a number without being one. */
bool mnk_number_is_infinite(const char *s, size_t n);

#endif
