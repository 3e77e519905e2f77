/* Thresholds set before the run: METRIC[/ENCODING[/CLASS]][.low|.high] OP NUMBER. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "evidence/gate.h"

static const char *span(mnk_arena *arena, const char *from, size_t n) {
    while (n && (from[n - 1] == ' ' || from[n - 1] == '\t')) n--;
    char *s = mnk_arena_alloc(arena, n + 1);
    if (s) memcpy(s, from, n), s[n] = '\0';
    return s;
}

mnk_status mnk_gate_parse(const char *text, mnk_arena *arena, mnk_gate_rule *g, mnk_error *err) {
    static const char how[] = "write a threshold as METRIC[/ENCODING[/CLASS]][.low|.high] >= NUMBER";
    *g = (mnk_gate_rule){.text = text, .encoding = "", .subset = ""};
    size_t n = strcspn(text, "<>=");
    const char *p = text + n, *name = span(arena, text, n);
    if ((*p != '<' && *p != '>') || !name || !*name || n > 150) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "\"%.100s\" is not a threshold", text);
        mnk_error_hint(err, "%s", how);
        return status;
    }
    g->op = *p == '<' ? (p[1] == '=' ? 'L' : '<') : (p[1] == '=' ? 'G' : '>');
    p += 1 + (p[1] == '=');
    char *end = NULL;
    g->threshold = strtod(p, &end);
    if (end == p || !isfinite(g->threshold) || end[strspn(end, " \t")]) {
        mnk_status status = MNK_FAIL(err, MNK_ERR_USAGE, "\"%.100s\": a number must follow %.2s", text, text + n);
        mnk_error_hint(err, "%s", how);
        return status;
    }
    size_t length = strlen(name);
    if (length > 4 && strcmp(name + length - 4, ".low") == 0) g->part = 'l', name = span(arena, name, length - 4);
    else if (length > 5 && strcmp(name + length - 5, ".high") == 0) g->part = 'h', name = span(arena, name, length - 5);
    const char *slash = strchr(name, '/'), *second = slash ? strchr(slash + 1, '/') : NULL;
    g->id = slash ? span(arena, name, (size_t)(slash - name)) : name;
    if (slash) g->encoding = span(arena, slash + 1, second ? (size_t)(second - slash - 1) : strlen(slash + 1));
    if (second) g->subset = second + 1;
    return g->id && g->encoding ? MNK_OK : MNK_FAIL(err, MNK_ERR_MEMORY, "out of memory");
}

static bool compare(char op, double value, double threshold) {
    switch (op) {
    case '>': return value > threshold;
    case '<': return value < threshold;
    case 'G': return value >= threshold;
    default: return value <= threshold;
    }
}

/* "coverage" without an encoding means every encoding must meet it: the worst one is judged. */
static const mnk_metric *find(const mnk_gate_rule *g, const mnk_result *r) {
    if (*g->encoding) return mnk_result_find(r, g->id, g->encoding, g->subset);
    const mnk_metric *worst = NULL;
    bool up = g->op == '>' || g->op == 'G';
    for (size_t i = 0; i < r->metrics; i++) {
        const mnk_metric *m = &r->metric[i];
        if (strcmp(m->id, g->id) != 0 || strcmp(m->subset, g->subset) != 0 || *m->column) continue;
        if (!worst || isnan(m->value) || (up ? m->value < worst->value : m->value > worst->value)) worst = m;
        if (isnan(m->value)) break;
    }
    return worst;
}

void mnk_gate_judge(const mnk_gate_rule *g, const mnk_result *const *results, size_t n, mnk_gate *out) {
    *out = (mnk_gate){.threshold = g->threshold, .value = NAN};
    snprintf(out->text, sizeof out->text, "%s", g->text);
    const mnk_metric *m = NULL;
    for (size_t i = 0; i < n && !m; i++)
        if (results[i]) m = find(g, results[i]);
    if (!m) {
        snprintf(out->note, sizeof out->note, "it was not measured");
        return;
    }
    out->value = g->part == 'l' ? m->low : g->part == 'h' ? m->high : m->value;
    if (isnan(out->value)) {
        snprintf(out->note, sizeof out->note, "could not be measured%s%.100s", m->note[0] ? ": " : "", m->note);
        return;
    }
    out->met = compare(g->op, out->value, g->threshold);
    if (!*g->encoding && *m->encoding) snprintf(out->note, sizeof out->note, "%s encoding, the worst", m->encoding);
}

mnk_status mnk_gates_check(const mnk_gate *gate, size_t n, const char *whose, mnk_error *err) {
    size_t missed = 0, first = 0;
    for (size_t i = 0; i < n; i++)
        if (!gate[i].met && !missed++) first = i;
    if (!missed) return MNK_OK;
    char b[32];
    return MNK_FAIL(err, MNK_ERR_GATE, "%zu of %zu thresholds of %s %s not met: %s (%s%s)", missed, n, whose,
                    missed == 1 ? "was" : "were", gate[first].text,
                    isnan(gate[first].value) ? gate[first].note : mnk_double_text(gate[first].value, b),
                    missed > 1 ? ", and others" : "");
}
