/* manikin privacy epsilon | delta | noise: the accountant on the command line. */
#include <math.h>
#include <stdio.h>

#include "base/file.h"
#include "base/mem.h"
#include "cli.h"
#include "manikin/privacy.h"
#include "privacy_print.h"

typedef struct privacy_config {
    double sampling_rate, noise, sensitivity, epsilon, delta;
    int64_t steps, people;
    int neighbours;
    mnk_option_list mechanism;
} privacy_config;

/* clang-format off */
#define AT(field) offsetof(privacy_config, field)
#define SAMPLING_ROWS \
    {"sampling-rate", 0, MNK_OPTION_REAL, AT(sampling_rate), "Q", "1", 0, 0, NULL, "chance of a person to be in a step (Poisson sampling); 1: all are", false}, \
    {"steps", 0, MNK_OPTION_INT, AT(steps), "N", "1", 1, 1125899906842624.0, NULL, "how often the Gaussian mechanism is used", false}
#define SHARED_ROWS \
    {"sensitivity", 0, MNK_OPTION_REAL, AT(sensitivity), "C", "1", 0, 0, NULL, "how far one person moves the query (L2), in the units of the noise", true}, \
    {"people", 0, MNK_OPTION_INT, AT(people), "N", "0", 0, 9007199254740992.0, NULL, "people in the data: delta must be below 1/N", false}, \
    {"mechanism", 0, MNK_OPTION_LIST, AT(mechanism), "SPEC", NULL, 0, 0, NULL, "one more mechanism: \"discrete_gaussian noise=8 count=12\", exponential epsilon=…, discrete_laplace noise=…, pure epsilon=…, zcdp rho=…", false}, \
    {"neighbours", 0, MNK_OPTION_CHOICE, AT(neighbours), NULL, "add_remove", 0, 0, "add_remove|replace_one", "datasets to be told apart differ in a person more or less, or in one replaced", true}, \
    {.type = MNK_OPTION_END}
#define NOISE_ROW {"noise", 0, MNK_OPTION_REAL, AT(noise), "S", "0", 0, 0, NULL, "standard deviation of the Gaussian noise (needed, but for lists of --mechanism)", false}
#define DELTA_ROW {"delta", 0, MNK_OPTION_REAL, AT(delta), "D", "0", 0, 0, NULL, "needed: allowed chance that the promise fails, well below 1/people", false}
#define EPSILON_ROW {"epsilon", 0, MNK_OPTION_REAL, AT(epsilon), "E", "0", 0, 0, NULL, "needed: privacy loss to stay within", false}

static const mnk_option table_epsilon[] = {NOISE_ROW, SAMPLING_ROWS, DELTA_ROW, SHARED_ROWS};
static const mnk_option table_delta[] = {NOISE_ROW, SAMPLING_ROWS, EPSILON_ROW, SHARED_ROWS};
static const mnk_option table_noise[] = {EPSILON_ROW, DELTA_ROW, SAMPLING_ROWS, SHARED_ROWS};
/* clang-format on */

/* 0 is what an option not given leaves. */
static mnk_status require(const char *verb, const char *name, double value, const char *example, mnk_error *err) {
    if (value != 0) return MNK_OK;
    mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "%s: --%s is missing, or 0: it must be above 0", verb, name);
    mnk_error_hint(err, "manikin %s %s", verb, example);
    return status;
}

/* The Gaussian of the flags (noise 0: none) and the mechanisms listed. */
static mnk_status make_list(const privacy_config *k, double noise, mnk_mechanisms *list, mnk_error *err) {
    *list = (mnk_mechanisms){.neighbours = (mnk_neighbours)k->neighbours};
    if (noise != 0) {
        mnk_mechanism m = {.kind = MNK_MECHANISM_GAUSSIAN, .noise = noise, .what = "steps"};
        m.sampling_rate = k->sampling_rate, m.sensitivity = k->sensitivity, m.count = (uint64_t)k->steps;
        if (m.sampling_rate == 0 || m.sensitivity == 0)
            return MNK_FAIL(err, MNK_ERR_USAGE, "--sampling-rate and --sensitivity must be above 0");
        MNK_TRY(mnk_mechanisms_add(list, &m, err));
    }
    for (size_t i = 0; i < k->mechanism.n; i++) {
        mnk_mechanism m;
        MNK_TRY(mnk_mechanism_parse(k->mechanism.items[i], &m, err));
        MNK_TRY(mnk_mechanisms_add(list, &m, err));
    }
    return MNK_OK;
}

static mnk_status finish(cli_context *c, const char *verb, const mnk_option *table, const mnk_guarantee *g, double noise,
                         mnk_error *err) {
    mnk_result *r = NULL;
    mnk_text settings = {0};
    mnk_json j = {.text = &settings, .compact = true};
    if (!c->common.json) return MNK_OK;
    MNK_TRY(mnk_result_open(verb, 0, &r, err));
    mnk_json_object(&j, NULL);
    mnk_options_write(table, c->config, &j);
    mnk_json_end_object(&j);
    r->settings_json = settings.s;
    if (noise > 0) {
        mnk_metric *m = mnk_result_add_metric(r, "noise", "privacy");
        if (m) m->value = noise;
    }
    mnk_guarantee_report(g, r);
    mnk_status status = settings.failed ? MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory")
                                        : mnk_result_write(r, c->common.json, c->common.force, err);
    mnk_result_close(r);
    return status;
}

static mnk_status run_epsilon(cli_context *c, mnk_error *err) {
    const privacy_config *k = c->config;
    mnk_mechanisms list = {0};
    mnk_guarantee g;
    mnk_status status = MNK_OK;
    if (k->mechanism.n == 0)
        MNK_TRY(
            require("privacy epsilon", "noise", k->noise, "--noise 1.1 --sampling-rate 0.01 --steps 10000 --delta 1e-5", err));
    MNK_TRY(require("privacy epsilon", "delta", k->delta, "--noise 1.1 --delta 1e-5", err));
    MNK_TRY(mnk_privacy_check_target(1, k->delta, (size_t)k->people, err));
    MNK_OUT(make_list(k, k->noise, &list, err));
    MNK_OUT(mnk_privacy_epsilon(&list, k->delta, &g, err));
    MNK_OUT(finish(c, "privacy epsilon", table_epsilon, &g, 0, err));
    privacy_print_guarantee(stdout, &g);
    cli_next(c, "manikin privacy noise --epsilon E --delta %g    # the noise for another epsilon", k->delta);
out:
    mnk_mechanisms_clear(&list);
    return status;
}

static mnk_status run_delta(cli_context *c, mnk_error *err) {
    const privacy_config *k = c->config;
    mnk_mechanisms list = {0};
    mnk_guarantee g;
    mnk_status status = MNK_OK;
    if (k->mechanism.n == 0) MNK_TRY(require("privacy delta", "noise", k->noise, "--noise 4 --epsilon 1", err));
    MNK_TRY(require("privacy delta", "epsilon", k->epsilon, "--noise 4 --epsilon 1", err));
    MNK_TRY(mnk_privacy_check_target(k->epsilon, 0.5, 0, err));
    MNK_OUT(make_list(k, k->noise, &list, err));
    MNK_OUT(mnk_privacy_delta(&list, k->epsilon, &g, err));
    MNK_OUT(finish(c, "privacy delta", table_delta, &g, 0, err));
    privacy_print_guarantee(stdout, &g);
    if (k->people > 0 && g.delta >= 1 / (double)k->people)
        printf("warning: delta is not below 1/%lld: publishing one person whole would be allowed\n", (long long)k->people);
    cli_next(c, "manikin privacy epsilon --noise %g --delta D    # epsilon at a delta you choose", k->noise);
out:
    mnk_mechanisms_clear(&list);
    return status;
}

/* To seven digits, never downwards: the printed noise keeps the promise. */
static double round_up(double x) {
    const double unit = pow(10, floor(log10(x)) - 6);
    return ceil(x / unit) * unit;
}

static mnk_status run_noise(cli_context *c, mnk_error *err) {
    const privacy_config *k = c->config;
    mnk_mechanisms list = {0};
    mnk_guarantee g;
    double factor = 0;
    mnk_status status = MNK_OK;
    MNK_TRY(
        require("privacy noise", "epsilon", k->epsilon, "--epsilon 8 --delta 1e-5 --sampling-rate 0.01 --steps 10000", err));
    MNK_TRY(require("privacy noise", "delta", k->delta, "--epsilon 8 --delta 1e-5", err));
    MNK_TRY(mnk_privacy_check_target(k->epsilon, k->delta, (size_t)k->people, err));
    MNK_OUT(make_list(k, k->mechanism.n ? 0 : k->sensitivity, &list, err)); /* noise multiplier 1 */
    MNK_OUT(mnk_privacy_noise(&list, k->epsilon, k->delta, &factor, &g, err));
    if (k->mechanism.n == 0) factor *= k->sensitivity;
    factor = round_up(factor);
    MNK_OUT(finish(c, "privacy noise", table_noise, &g, factor, err));
    if (k->mechanism.n == 0) printf("noise %.7g\n", factor);
    else printf("factor %.7g    (noise times it, epsilon divided by it, rho divided by its square)\n", factor);
    privacy_print_guarantee(stdout, &g);
    cli_next(c, "manikin privacy epsilon --noise %.7g --delta %g    # the way back", factor, k->delta);
out:
    mnk_mechanisms_clear(&list);
    return status;
}

const cli_verb cli_verb_privacy_epsilon = {
    .name = "privacy epsilon",
    .group = "judge",
    .summary = "what a private training costs: epsilon at a delta",
    .uses = "json force",
    .table = table_epsilon,
    .config_size = sizeof(privacy_config),
    .examples = "manikin privacy epsilon --sampling-rate 0.01 --noise 1.1 --steps 10000 --delta 1e-5\n"
                "manikin privacy epsilon --noise 4 --delta 1e-6 --mechanism 'exponential epsilon=0.2 count=30'\n"
                "manikin privacy epsilon --noise 4 --delta 1e-6 --people 20000 --json cost.json",
    .run = run_epsilon,
};

const cli_verb cli_verb_privacy_delta = {
    .name = "privacy delta",
    .group = "judge",
    .summary = "the same the other way round: delta at an epsilon",
    .uses = "json force",
    .table = table_delta,
    .config_size = sizeof(privacy_config),
    .examples = "manikin privacy delta --sampling-rate 0.01 --noise 1.1 --steps 10000 --epsilon 6",
    .run = run_delta,
};

const cli_verb cli_verb_privacy_noise = {
    .name = "privacy noise",
    .group = "judge",
    .summary = "the noise that keeps a training within an epsilon",
    .uses = "json force",
    .table = table_noise,
    .config_size = sizeof(privacy_config),
    .examples = "manikin privacy noise --epsilon 8 --delta 1e-5 --sampling-rate 0.01 --steps 10000\n"
                "manikin privacy noise --epsilon 1 --delta 1e-6 --mechanism 'gaussian noise=1 count=2' --mechanism "
                "'exponential epsilon=0.3'",
    .run = run_noise,
};
