#include "help.h"

#include <ctype.h>
#include <string.h>

#include "args.h"

void help_start(FILE *out) {
    fputs("manikin " MNK_VERSION " - make synthetic medical data, and prove what they are worth\n\n"
          "  manikin demo                              a whole study on a built-in phantom, a few minutes\n"
          "  manikin data tissue/                      describe and check your own images\n"
          "  manikin run study.yaml -o results/        train, sample, judge, and write the evidence\n\n"
          "  manikin help                              every command, in the order of work\n"
          "  manikin help COMMAND                      one command with all its options\n"
          "  manikin doctor                            what this build can do\n\n"
          "Research use, not a medical device.\n",
          out);
}

void help_overview(FILE *out) {
    fputs("usage: manikin COMMAND [OPTIONS] [ARGUMENTS]\n", out);
    const char *group = "";
    for (const cli_verb *const *v = cli_verbs; *v; v++) {
        if (strcmp(group, (*v)->group) != 0) fprintf(out, "\n%s\n", group = (*v)->group);
        fprintf(out, "  %-22s %s\n", (*v)->name, (*v)->summary);
    }
    fputs("\nEverywhere: --seed N  --threads N  -o PATH  --json FILE  --config FILE  --force  -q  -v  -h  --help\n"
          "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 a gate was not met, 4 input refused, 130 interrupted\n",
          out);
}

/* Left column of an option line: "-o, --out PATH". */
static void option_label(const mnk_option *o, char *out, size_t n) {
    const char *value = o->value ? o->value : o->type == MNK_OPTION_CHOICE ? "WHICH" : "VALUE";
    char letter[8] = "    ";
    if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(out, n, "%s--%s%s%s", letter, o->name, o->type == MNK_OPTION_BOOL ? "" : " ",
             o->type == MNK_OPTION_BOOL ? "" : value);
}

static void option_default(const mnk_option *o, char *out, size_t n) {
    out[0] = '\0';
    if (o->type == MNK_OPTION_CHOICE) snprintf(out, n, " (%s; default %s)", o->choices, o->def ? o->def : "none");
    else if (o->type == MNK_OPTION_LIST) snprintf(out, n, " (may be repeated)");
    else if (o->def && o->type == MNK_OPTION_BOOL)
        snprintf(out, n, "%s", strcmp(o->def, "true") == 0 ? " (on; --no-… switches off)" : "");
    else if (o->def) snprintf(out, n, " (default %s)", o->def);
}

static void print_wrapped(FILE *out, const char *text, int indent, int width) {
    int column = indent;
    while (*text) {
        int word = (int)strcspn(text, " ");
        if (column > indent && column + 1 + word > width) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        } else if (column > indent) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", word, text);
        column += word;
        text += word;
        while (*text == ' ') text++;
    }
    fputc('\n', out);
}

static void print_option(FILE *out, const mnk_option *o) {
    enum { INDENT = 32, WIDTH = 100 };
    char label[96], def[160], text[640];
    option_label(o, label, sizeof label);
    option_default(o, def, sizeof def);
    snprintf(text, sizeof text, "%s%s", o->help ? o->help : "", def);
    if (strlen(label) + 3 > INDENT) fprintf(out, "  %s\n%*s", label, INDENT, "");
    else fprintf(out, "  %-*s", INDENT - 2, label);
    print_wrapped(out, text, INDENT, WIDTH);
}

/* True when some were left out. */
static bool print_options(FILE *out, const cli_verb *v, const char *heading, bool all) {
    bool any = false, hidden = false;
    for (const mnk_option *o = v->table; o && o->type != MNK_OPTION_END; o++) {
        if (o->advanced && !all) {
            hidden = true;
            continue;
        }
        if (!any) fprintf(out, "\n%s\n", heading);
        any = true;
        print_option(out, o);
    }
    return hidden;
}

static void print_examples(FILE *out, const cli_verb *v) {
    if (v->examples) fprintf(out, "%s%s", v->examples, v->examples[strlen(v->examples) - 1] == '\n' ? "" : "\n");
}

void help_verb(FILE *out, const cli_verb *v, bool all) {
    fprintf(out, "manikin %s - %s\n\nusage: manikin %s%s%s [OPTIONS]\n", v->name, v->summary, v->name, v->operands ? " " : "",
            v->operands ? v->operands : "");
    if (v->examples) fputs("\nexamples\n", out);
    print_examples(out, v);
    if (v->for_tables) print_examples(out, v->for_tables);
    bool hidden = print_options(out, v, v->for_tables ? "options for images" : "options", all);
    if (v->for_tables && print_options(out, v->for_tables, "options for tables (data in .csv or .csv.gz)", all)) hidden = true;
    fputs("\ncommon options\n", out);
    for (const mnk_option *o = cli_common_options; o->type != MNK_OPTION_END; o++)
        if (args_common_applies(v, o) && (all || !o->advanced)) print_option(out, o);
    fputs("      --config FILE             read options from a YAML file; flags win\n", out);
    if (hidden) fprintf(out, "\nmore options: manikin %s --help\n", v->name);
}

/* ---- man pages ---- */

static void troff(FILE *out, const char *s) {
    for (; *s; s++) {
        if (*s == '\\') fputs("\\e", out);
        else if (*s == '-') fputs("\\-", out);
        else fputc(*s, out);
    }
}

static void man_option(FILE *out, const mnk_option *o) {
    char label[96], def[160];
    option_label(o, label, sizeof label);
    option_default(o, def, sizeof def);
    fputs(".TP\n.B ", out);
    troff(out, label + strspn(label, " "));
    fputs("\n", out);
    troff(out, o->help ? o->help : "");
    troff(out, def);
    fputs("\n", out);
}

void help_man(FILE *out, const cli_verb *v) {
    char name[64];
    snprintf(name, sizeof name, "manikin%s%s", v ? "-" : "", v ? v->name : "");
    for (char *p = name; *p; p++)
        if (*p == ' ') *p = '-';
    fprintf(out, ".TH %s 1 \"\" \"manikin %s\" \"manikin\"\n.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n.B manikin %s\n", name,
            MNK_VERSION, name, v ? v->summary : "the workbench for synthetic medical data", v ? v->name : "COMMAND");
    fprintf(out, "%s [OPTIONS]\n", v && v->operands ? v->operands : "");
    if (!v) {
        fputs(".SH COMMANDS\n", out);
        for (const cli_verb *const *p = cli_verbs; *p; p++) fprintf(out, ".TP\n.B %s\n%s\n", (*p)->name, (*p)->summary);
    } else {
        if (v->examples) {
            fputs(".SH EXAMPLES\n.nf\n", out);
            print_examples(out, v);
            if (v->for_tables) print_examples(out, v->for_tables);
            fputs(".fi\n", out);
        }
        fputs(v->for_tables ? ".SH OPTIONS FOR IMAGES\n" : ".SH OPTIONS\n", out);
        for (const mnk_option *o = v->table; o && o->type != MNK_OPTION_END; o++) man_option(out, o);
        if (v->for_tables) {
            fputs(".SH OPTIONS FOR TABLES\n", out);
            for (const mnk_option *o = v->for_tables->table; o && o->type != MNK_OPTION_END; o++) man_option(out, o);
            fputs(".SH COMMON OPTIONS\n", out);
        }
        for (const mnk_option *o = cli_common_options; o->type != MNK_OPTION_END; o++)
            if (args_common_applies(v, o)) man_option(out, o);
    }
    fputs(".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage, 3 a gate was not met, 4 input refused, 130 interrupted with a "
          "checkpoint saved.\n",
          out);
}

static void markdown_options(FILE *out, const mnk_option *table, const char *heading) {
    bool any = false;
    for (const mnk_option *o = table; o && o->type != MNK_OPTION_END; o++) {
        char label[96], def[160];
        option_label(o, label, sizeof label);
        option_default(o, def, sizeof def);
        if (!any) fprintf(out, "\n| %s | meaning |\n|---|---|\n", heading);
        any = true;
        fprintf(out, "| `%s` | %s", label + strspn(label, " "), o->help ? o->help : "");
        for (const char *s = def; *s; s++) *s == '|' ? fputs("\\|", out) : fputc(*s, out);
        fputs(" |\n", out);
    }
}

void help_options_markdown(FILE *out) {
    fputs("# Every command and option\n\nMade by `manikin help markdown` from the tables the program itself reads.\n", out);
    for (const cli_verb *const *p = cli_verbs; *p; p++) {
        const cli_verb *v = *p;
        fprintf(out, "\n## manikin %s\n\n%s. `manikin %s %s`\n", v->name, v->summary, v->name, v->operands ? v->operands : "");
        markdown_options(out, v->table, v->for_tables ? "for images: option" : "option");
        if (v->for_tables) markdown_options(out, v->for_tables->table, "for tables: option");
    }
}

/* ---- completions ---- */

static void bash_words(FILE *out, const cli_verb *v) {
    for (const mnk_option *o = v->table; o && o->type != MNK_OPTION_END; o++) fprintf(out, " --%s", o->name);
    for (const mnk_option *o = v->for_tables ? v->for_tables->table : NULL; o && o->type != MNK_OPTION_END; o++)
        if (!mnk_options_find(v->table, o->name, strlen(o->name))) fprintf(out, " --%s", o->name);
    for (const mnk_option *o = cli_common_options; o->type != MNK_OPTION_END; o++)
        if (args_common_applies(v, o)) fprintf(out, " --%s", o->name);
    fputs(" --config --help", out);
}

static void completion_bash(FILE *out) {
    fputs("# bash completion for manikin\n_manikin() {\n  local word=${COMP_WORDS[COMP_CWORD]} verb=\"${COMP_WORDS[1]}\"\n"
          "  case \"$verb ${COMP_WORDS[2]}\" in\n",
          out);
    for (int two = 1; two >= 0; two--) /* two-word verbs first */
        for (const cli_verb *const *v = cli_verbs; *v; v++) {
            if ((strchr((*v)->name, ' ') != NULL) != two) continue;
            fprintf(out, "    \"%s%s) words=\"", (*v)->name, two ? "\"" : " \"*");
            bash_words(out, *v);
            fputs("\" ;;\n", out);
        }
    fputs("    *) words=\"\" ;;\n  esac\n  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    words=\"", out);
    for (const cli_verb *const *v = cli_verbs; *v; v++) fprintf(out, "%.*s ", (int)strcspn((*v)->name, " "), (*v)->name);
    fputs("help\"\n  elif [ \"$COMP_CWORD\" -eq 2 ] && [ -z \"$words\" ]; then\n    case \"$verb\" in\n", out);
    for (const cli_verb *const *v = cli_verbs; *v; v++) {
        const char *space = strchr((*v)->name, ' ');
        if (space) fprintf(out, "      %.*s) words=\"$words %s\" ;;&\n", (int)(space - (*v)->name), (*v)->name, space + 1);
    }
    fputs("    esac\n  fi\n  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
          "  [[ $word == -* || ${#COMPREPLY[@]} -gt 0 ]] || COMPREPLY=($(compgen -f -- \"$word\"))\n}\n"
          "complete -o filenames -F _manikin manikin\n",
          out);
}

static void completion_fish(FILE *out) {
    fputs("# fish completion for manikin\n", out);
    for (const cli_verb *const *p = cli_verbs; *p; p++) {
        const cli_verb *v = *p;
        int n = (int)strcspn(v->name, " ");
        const char *second = v->name[n] ? v->name + n + 1 : NULL;
        fprintf(out, "complete -c manikin -n __fish_use_subcommand -a %.*s -d '%s'\n", n, v->name, second ? "" : v->summary);
        if (second)
            fprintf(out, "complete -c manikin -n '__fish_seen_subcommand_from %.*s' -a %s -d '%s'\n", n, v->name, second,
                    v->summary);
        for (const mnk_option *o = v->table; o && o->type != MNK_OPTION_END; o++)
            fprintf(out, "complete -c manikin -n '__fish_seen_subcommand_from %s' -l %s%s\n", second ? second : v->name,
                    o->name, o->type == MNK_OPTION_BOOL ? "" : " -r");
    }
}

mnk_status help_completion(FILE *out, const char *shell, mnk_error *err) {
    if (!strcmp(shell, "bash")) completion_bash(out);
    else if (!strcmp(shell, "zsh")) {
        fputs("#compdef manikin\nautoload -U +X bashcompinit && bashcompinit\n", out);
        completion_bash(out);
    } else if (!strcmp(shell, "fish")) completion_fish(out);
    else return MNK_FAIL(err, MNK_ERR_USAGE, "completion %s: one of bash, zsh, fish", shell);
    return MNK_OK;
}
