/* The command line, from options.def and commands.def. */
#include "driver/driver.h"
#include "tp.h"
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

typedef enum OptId {
#define OPT(id, letter, name, arg, commands, help) OPT_##id,
#include "driver/options.def"
    OPT_COUNT
} OptId;

typedef struct OptRow {
    const char *name, *arg, *commands, *help;
    char letter;
} OptRow;

static const OptRow opt_row[] = {
#define OPT(id, letter, name, arg, commands, help) {name, arg, commands, help, letter},
#include "driver/options.def"
};

typedef struct CommandRow {
    const char *name, *args, *help, *example;
    char letter;
} CommandRow;

static const CommandRow command_row[] = {
#define COMMAND(name, letter, args, help, example) {#name, args, help, example, letter},
#include "driver/commands.def"
};
enum { NCOMMAND = sizeof command_row / sizeof *command_row };

/* ---- help */

static void help_options(FILE *f, char command) {
    for (int i = 0; i < OPT_COUNT; i++) {
        const OptRow *r = &opt_row[i];
        if (!strchr(r->commands, command)) continue;
        char left[64], letter[8] = "    ";
        if (r->letter) snprintf(letter, sizeof letter, "-%c, ", r->letter);
        snprintf(left, sizeof left, "  %s--%s%s%s", letter, r->name, *r->arg ? " " : "", r->arg);
        fprintf(f, "%-36s%s\n", left, r->help);
    }
}

void options_help(FILE *f, char command) {
    for (int i = 0; command && i < NCOMMAND; i++) {
        const CommandRow *r = &command_row[i];
        if (r->letter != command) continue;
        fprintf(f, "usage: tpc %s %s [options]\n\n%s\n\noptions:\n", r->name, r->args, r->help);
        help_options(f, command);
        fprintf(f, "\nexample: %s\n", r->example);
        return;
    }
    fprintf(f, "tpc compiles neural networks written as tensor programs to their infinite-width "
               "kernels.\n\nusage: tpc COMMAND [options]\n\ncommands:\n");
    for (int i = 0; i < NCOMMAND; i++)
        fprintf(f, "  %-8s%-20s%s\n", command_row[i].name, command_row[i].args,
                command_row[i].help);
    fprintf(f, "\n`tpc COMMAND --help` tells its options; `tpc --version` the version.\n"
               "exit codes: 0 done, 1 an error in the input, 2 wrong usage, 3 --require not met\n");
}

/* ---- parsing */

static bool usage(const Options *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool usage(const Options *o, const char *fmt, ...) {
    va_list ap;
    fprintf(stderr, "tpc: ");
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, "\ntry `tpc %s%s--help`\n", o->command_name ? o->command_name : "",
            o->command_name ? " " : "");
    return false;
}

static bool set_format(Options *o, const char *v) {
    static const char *const name[] = {"human", "short", "json"};
    for (int i = 0; i < 3; i++)
        if (!strcmp(v, name[i])) {
            o->format = (DiagFormat)i;
            return true;
        }
    return usage(o, "--format=%s: human, short or json", v);
}

static bool set_dtype(Options *o, const char *v) {
    o->dtype = !strcmp(v, "float32") ? TP_F32 : TP_F64;
    if (o->dtype == TP_F32 || !strcmp(v, "float64")) return true;
    return usage(o, "--dtype=%s: float64 or float32", v);
}

static bool set_threads(Options *o, const char *v) {
    char *end;
    long n = strtol(v, &end, 10);
    if (!*v || *end || n < 1 || n > 4096)
        return usage(o, "--threads=%s: a number from 1 to 4096", v);
    o->threads = (int)n;
    return true;
}

static bool set_setting(Arena *a, Options *o, const char *v) {
    const char *eq = strchr(v, '=');
    if (!eq || eq == v) return usage(o, "--set %s: expected NAME=VALUE, as in --set depth=10", v);
    Setting s = {arena_strndup(a, v, (size_t)(eq - v)), eq + 1};
    vec_push(a, &o->set, s);
    vec_push(a, &o->set_text, v);
    return true;
}

static bool set_choice(Options *o, const char *option, const char *v, const char *yes,
                       const char *no, bool *out) {
    *out = !strcmp(v, yes);
    return *out || !strcmp(v, no) || usage(o, "--%s=%s: %s or %s", option, v, no, yes);
}

static bool set_kernels(Options *o, const char *v) {
    o->kernels = tp_parse_kernels(v);
    o->kernels_given = true;
    return o->kernels || usage(o, "--kernel=%s: ntk, nngp, or nngp,ntk", v);
}

static bool take(Arena *a, Options *o, OptId id, const char *v) {
    switch (id) {
    case OPT_network: o->network = v; return true;
    case OPT_set: return set_setting(a, o, v);
    case OPT_kernel: return set_kernels(o, v);
    case OPT_output: o->output = v; return true;
    case OPT_data: vec_push(a, &o->data, v); return true;
    case OPT_size: vec_push(a, &o->size, v); return true;
    case OPT_dtype: return set_dtype(o, v);
    case OPT_threads: return set_threads(o, v);
    case OPT_memory: o->memory = v; return true;
    case OPT_blas: return set_choice(o, "blas", v, "none", "auto", &o->no_blas);
    case OPT_evaluator:
        return set_choice(o, "evaluator", v, "interpreter", "jit", &o->interpreter);
    case OPT_stage: o->stage = v; return true;
    case OPT_passes: o->passes = v; return true;
    case OPT_shared: o->build = BUILD_SHARED; return true;
    case OPT_object: o->build = BUILD_OBJECT; return true;
    case OPT_target: o->target = v; return true;
    case OPT_require: o->require = v; return true;
    case OPT_probe: o->probe = v; return true;
    case OPT_assume_gia: o->assume_gia = true; return true;
    case OPT_check: o->check_only = true; return true;
    case OPT_format: return set_format(o, v);
    case OPT_include: vec_push(a, &o->include, v); return true;
    case OPT_verbose: o->verbose = true; return true;
    case OPT_help: o->help = true; return true;
    case OPT_COUNT: break;
    }
    return false;
}

static bool find_command(Options *o, const char *name) {
    for (int i = 0; i < NCOMMAND; i++)
        if (!strcmp(command_row[i].name, name)) {
            o->command = command_row[i].letter;
            o->command_name = command_row[i].name;
            return true;
        }
    return usage(o, "there is no command `%s`", name);
}

static void tables(const Options *o, struct option *longs, char *shorts) {
    int n = 0, k = 0;
    for (int i = 0; i < OPT_COUNT; i++) {
        const OptRow *r = &opt_row[i];
        if (!strchr(r->commands, o->command)) continue;
        longs[n++] =
            (struct option){r->name, *r->arg ? required_argument : no_argument, NULL, 256 + i};
        if (!r->letter) continue;
        shorts[k++] = r->letter;
        if (*r->arg) shorts[k++] = ':';
    }
    longs[n] = (struct option){0};
    shorts[k] = 0;
}

static OptId by_letter(int c) {
    for (int i = 0; i < OPT_COUNT; i++)
        if (opt_row[i].letter == c) return (OptId)i;
    return OPT_COUNT;
}

bool options_parse(Arena *a, int argc, char **argv, Options *o) {
    if (!find_command(o, argv[1])) return false;
    struct option longs[OPT_COUNT + 1];
    char shorts[2 * OPT_COUNT + 2];
    tables(o, longs, shorts + 1);
    shorts[0] = ':'; /* messages are ours */
    opterr = 0;
    optind = 1;
    for (int c; (c = getopt_long(argc - 1, argv + 1, shorts, longs, NULL)) != -1;) {
        if (c == '?') return usage(o, "there is no option `%s` here", (argv + 1)[optind - 1]);
        if (c == ':') return usage(o, "`%s` needs a value", (argv + 1)[optind - 1]);
        OptId id = c >= 256 ? (OptId)(c - 256) : by_letter(c);
        if (id == OPT_COUNT || !take(a, o, id, optarg)) return false;
    }
    for (int i = optind; i < argc - 1; i++) vec_push(a, &o->args, argv[i + 1]);
    if (!o->kernels) o->kernels = 1u << KERNEL_ntk;
    return true;
}
