#include "data/date_text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const months[12] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/* Day first where day and month cannot be told apart. */
#define WITH_TIMES(d) d, d " %H:%M", d " %H:%M:%S", d "T%H:%M", d "T%H:%M:%S", d "T%H:%M:%S%z", d " %H:%M:%S%z"
const char *const mnk_date_patterns[MNK_DATE_PATTERNS] = {WITH_TIMES("%Y-%m-%d"),
                                                          WITH_TIMES("%Y/%m/%d"),
                                                          WITH_TIMES("%d.%m.%Y"),
                                                          WITH_TIMES("%d/%m/%Y"),
                                                          WITH_TIMES("%m/%d/%Y"),
                                                          WITH_TIMES("%d-%m-%Y"),
                                                          WITH_TIMES("%m-%d-%Y"),
                                                          WITH_TIMES("%d-%b-%Y"),
                                                          WITH_TIMES("%d %b %Y"),
                                                          WITH_TIMES("%b %d, %Y"),
                                                          WITH_TIMES("%d.%m.%y"),
                                                          WITH_TIMES("%d/%m/%y"),
                                                          WITH_TIMES("%m/%d/%y"),
                                                          "%d-%b-%y",
                                                          "%d%b%Y",
                                                          "%d%b%Y:%H:%M:%S",
                                                          "%Y%m%d",
                                                          "%H:%M:%S",
                                                          "%H:%M"};

long mnk_days_of(int year, int month, int day) {
    long y = month <= 2 ? year - 1 : year, era = y / 400, yoe = y - era * 400;
    long doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void civil_of(long days, int *year, int *month, int *day) {
    long z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    long yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365, doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    long mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = (int)(yoe + era * 400 + (*month <= 2));
}

static int days_in(int year, int month) {
    static const int n[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return n[month - 1] + (month == 2 && leap);
}

/* Between `least` and `most` digits. */
static bool take_digits(const char **p, const char *end, int least, int most, int *out) {
    int n = 0, x = 0;
    for (; n < most && *p < end && **p >= '0' && **p <= '9'; n++, (*p)++) x = x * 10 + (**p - '0');
    *out = x;
    return n >= least;
}

static bool take_month(const char **p, const char *end, int *out) {
    for (int m = 0; m < 12; m++)
        if (end - *p >= 3 && !strncasecmp(*p, months[m], 3)) {
            *out = m + 1;
            *p += 3;
            return true;
        }
    return false;
}

static bool take_zone(const char **p, const char *end, double *minutes) {
    int h = 0, m = 0;
    if (*p < end && **p == 'Z') return (*p)++, true;
    if (*p == end || (**p != '+' && **p != '-')) return false;
    bool minus = *(*p)++ == '-';
    if (!take_digits(p, end, 2, 2, &h)) return false;
    if (*p < end && **p == ':') (*p)++;
    if (*p < end && !take_digits(p, end, 2, 2, &m)) return false;
    *minutes = (minus ? -1 : 1) * (h * 60 + m);
    return h <= 14 && m < 60;
}

static bool take_seconds(const char **p, const char *end, double *out) {
    int whole = 0;
    if (!take_digits(p, end, 2, 2, &whole) || whole > 59) return false;
    *out = whole;
    if (*p < end && **p == '.') {
        double unit = 0.1;
        const char *first = ++*p;
        for (; *p < end && **p >= '0' && **p <= '9'; (*p)++, unit /= 10) *out += unit * (**p - '0');
        return *p > first && *p - first <= 9;
    }
    return true;
}

typedef struct parts {
    int year, month, day, hour, minute;
    double second, zone;
    bool has_date;
} parts;

static bool take_one(const char **p, const char *end, char conversion, parts *d) {
    switch (conversion) {
    case 'Y': return d->has_date = true, take_digits(p, end, 4, 4, &d->year) && d->year > 0;
    case 'y':
        d->has_date = true;
        if (!take_digits(p, end, 2, 2, &d->year)) return false;
        d->year += d->year < 69 ? 2000 : 1900;
        return true;
    case 'm': return take_digits(p, end, 1, 2, &d->month) && d->month >= 1 && d->month <= 12;
    case 'd': return take_digits(p, end, 1, 2, &d->day) && d->day >= 1;
    case 'b': return take_month(p, end, &d->month);
    case 'H': return take_digits(p, end, 1, 2, &d->hour) && d->hour < 24;
    case 'M': return take_digits(p, end, 2, 2, &d->minute) && d->minute < 60;
    case 'S': return take_seconds(p, end, &d->second);
    case 'z': return take_zone(p, end, &d->zone);
    default: return false;
    }
}

bool mnk_date_parse(const char *s, size_t n, const char *pattern, double *days) {
    const char *end = s + n;
    parts d = {.year = 1970, .month = 1, .day = 1};
    for (const char *f = pattern; *f; f++) {
        if (*f == '%' && f[1]) {
            if (!take_one(&s, end, *++f, &d)) return false;
        } else if (s < end && *s == *f) s++;
        else return false;
    }
    if (s != end || d.day > days_in(d.year, d.month)) return false;
    double of_day = (d.hour * 3600.0 + d.minute * 60.0 + d.second - d.zone * 60) / 86400;
    *days = (d.has_date ? (double)mnk_days_of(d.year, d.month, d.day) : 0) + of_day;
    return true;
}

static void put(char *out, size_t size, size_t *used, const char *text) {
    for (; *text && *used + 1 < size; text++) out[(*used)++] = *text;
}

static void put_seconds(char buffer[16], long ms) {
    if (ms % 1000) snprintf(buffer, 16, "%02d.%03d", (int)(ms / 1000 % 60), (int)(ms % 1000));
    else snprintf(buffer, 16, "%02d", (int)(ms / 1000 % 60));
}

size_t mnk_date_format(double days, const char *pattern, char *out, size_t size) {
    int year, month, day;
    char b[16];
    size_t used = 0;
    if (!(days > -719162.5 && days < 2932896.5)) days = days > 0 ? 2932896 : -719162; /* years 1 to 9999 */
    double whole = floor(days);
    long ms = (long)round((days - whole) * 86400000.0);
    if (ms >= 86400000) whole += 1, ms -= 86400000;
    civil_of((long)whole, &year, &month, &day);
    for (const char *f = pattern; *f; f++) {
        if (*f != '%' || !f[1]) {
            put(out, size, &used, (char[2]){*f, '\0'});
            continue;
        }
        switch (*++f) {
        case 'Y': snprintf(b, sizeof b, "%04d", year); break;
        case 'y': snprintf(b, sizeof b, "%02d", year % 100); break;
        case 'm': snprintf(b, sizeof b, "%02d", month); break;
        case 'd': snprintf(b, sizeof b, "%02d", day); break;
        case 'b': snprintf(b, sizeof b, "%s", months[month - 1]); break;
        case 'H': snprintf(b, sizeof b, "%02d", (int)(ms / 3600000)); break;
        case 'M': snprintf(b, sizeof b, "%02d", (int)(ms / 60000 % 60)); break;
        case 'S': put_seconds(b, ms); break;
        case 'z': snprintf(b, sizeof b, "Z"); break;
        default: b[0] = '\0';
        }
        put(out, size, &used, b);
    }
    out[used] = '\0';
    return used;
}

bool mnk_date_pattern_valid(const char *pattern) {
    int conversions = 0;
    if (strlen(pattern) > 40) return false;
    for (const char *f = pattern; *f; f++)
        if (*f == '%') {
            if (!f[1] || !strchr("YymdbHMSz", *++f)) return false;
            conversions++;
        }
    return conversions > 0;
}
