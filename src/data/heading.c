#include "data/heading.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

const char *const mnk_words_id[] = {"id",   "ids",  "identifier", "nr",  "nbr",       "mrn", "uid",
                                    "uuid", "guid", "ssn",        "key", "uniquepid", "sno", NULL};
const char *const mnk_words_person[] = {"patient", "patients",    "subject",   "person", "pat",
                                        "pid",     "participant", "uniquepid", "mrn",    NULL};
const char *const mnk_words_count[] = {"num",   "number", "count",  "n",   "days",  "hours",  "minutes",
                                       "weeks", "months", "years",  "age", "times", "amount", "score",
                                       "total", "time",   "offset", "edu", NULL};
const char *const mnk_words_date[] = {"date", "dob", "dod", "birthdate", "deathdate", "day", "timestamp", "datetime", NULL};
const char *const mnk_words_code[] = {"code", "zip", "postcode", "postal", "icd", "snomed", "loinc", "icd9", "icd10", NULL};
const char *const mnk_words_subgroup[] = {"sex", "gender", "race", "ethnicity", "ethnic", NULL};
const char *const mnk_words_quasi[] = {"sex",  "gender", "race",  "ethnicity", "ethnic", "age",       "zip",        "postcode",
                                       "city", "county", "state", "birthdate", "dob",    "deathdate", "birthplace", NULL};
const char *const mnk_words_sensitive[] = {"hiv", "diag", "diagnosis", "dx", "income", "psychiatric", "religion", NULL};
/* Measurements of the living that are never 0. */
const char *const mnk_words_positive[] = {
    "bp",        "sbp",     "dbp",        "trestbps",    "meanbp",     "map",        "pressure", "systolic",    "diastolic",
    "hr",        "hrt",     "pulse",      "thalach",     "heartrate",  "resp",       "temp",     "temperature", "spo2",
    "glucose",   "insulin", "chol",       "cholesterol", "hdl",        "ldl",        "bmi",      "weight",      "height",
    "thickness", "ph",      "hemoglobin", "haemoglobin", "hematocrit", "creatinine", "crea",     "sodium",      "sod",
    "potassium", "albumin", "alb",        "platelets",   "wbc",        "wblc",       NULL};
/* In order of preference. */
const char *const mnk_names_label[] = {
    "label",    "target", "outcome",   "class",    "y",         "readmitted",         "death",
    "deceased", "died",   "mortality", "hospdead", "diagnosis", "target_progression", NULL};
const char *const mnk_names_split[] = {"split", "fold", "partition", NULL};
const char *const mnk_names_time[] = {
    "d.time",        "time",          "futime",  "follow_up", "followup",  "follow_up_days", "followup_days",
    "survival_time", "survival_days", "os_time", "os_days",   "os_months", "t2event",        NULL};
const char *const mnk_names_event[] = {"event", "death", "died", "status", "dead", "os_event", "fustat", NULL};

static bool in_list(const char *word, size_t n, const char *const *list) {
    for (; *list; list++)
        if (strlen(*list) == n && !strncasecmp(word, *list, n)) return true;
    return false;
}

bool mnk_heading_has(const char *heading, const char *const *words) {
    for (const char *p = heading; *p;) {
        while (*p && !isalnum((unsigned char)*p)) p++;
        const char *start = p;
        while (*p && isalnum((unsigned char)*p)) {
            bool hump = p > start && isupper((unsigned char)*p) && islower((unsigned char)p[-1]);
            if (hump) break;
            p++;
        }
        if (p > start && in_list(start, (size_t)(p - start), words)) return true;
    }
    return false;
}

/* "hospitalid", but not "steroid", "fluid", "acid", "lipid". */
bool mnk_heading_is_id(const char *heading) {
    static const char *const others[] = {"oid", "uid", "acid", "ipid", "valid", "solid", NULL};
    size_t n = strlen(heading);
    if (mnk_heading_has(heading, mnk_words_id)) return true;
    if (n < 5 || strcasecmp(heading + n - 2, "id") != 0) return false;
    for (size_t k = 0; others[k]; k++)
        if (!strcasecmp(heading + n - strlen(others[k]), others[k])) return false;
    return true;
}

bool mnk_heading_is(const char *heading, const char *const *names) { return in_list(heading, strlen(heading), names); }

static const char *const units[] = {"kg",    "g",    "mg",      "ug",      "lb",     "cm",    "mm",   "m",
                                    "in",    "ml",   "l",       "dl",      "mmhg",   "bpm",   "days", "day",
                                    "years", "year", "hours",   "minutes", "months", "weeks", "min",  "sec",
                                    "hz",    "mv",   "celsius", "percent", "mgdl",   "mmol",  "ms",   NULL};

void mnk_heading_unit(const char *heading, char out[32]) {
    out[0] = '\0';
    size_t n = strlen(heading);
    if (n > 2 && (heading[n - 1] == ')' || heading[n - 1] == ']')) {
        char open = heading[n - 1] == ')' ? '(' : '[';
        const char *p = strrchr(heading, open);
        if (p && p > heading && heading + n - 1 - p > 1 && heading + n - 1 - p < 24)
            snprintf(out, 32, "%.*s", (int)(heading + n - 2 - p), p + 1);
        return;
    }
    const char *last = heading + n;
    while (last > heading && isalnum((unsigned char)last[-1])) last--;
    if (last > heading && strlen(last) > 0 && in_list(last, strlen(last), units)) snprintf(out, 32, "%.31s", last);
}
