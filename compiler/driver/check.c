/* tpc check: what can be said about a program without data. */
#include "driver/verdict.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Checking {
    Session *s;
    bool unmet;    /* --require */
    Rung require;
    json_t *files; /* --format=json */
} Checking;

static bool coloured(void) {
    const char *no = getenv("NO_COLOR");
    return isatty(1) && !(no && *no);
}

static void check_network(Checking *k, const Ast *ast, Sym name, json_t *networks) {
    Session *s = k->s;
    Program *p;
    Verdict v;
    const CheckProbe *probe;
    if (!program_elaborate(&s->c, ast, name, s->o->set.data, s->o->set.len, &p)) return;
    const char *wrong = program_verify(&s->c, p);
    if (wrong) bug("program: %s", wrong);
    if (!probe_of(s, p, &probe) || !check_program(&s->c, p, probe, &v)) return;
    if (v.rung < k->require) k->unmet = true;
    const char *text = sym_text(s->c.syms, name);
    if (networks) {
        json_array_append_new(networks, verdict_json(s, ast, text, &v));
        return;
    }
    Buf b = buf_new(s->a);
    verdict_text(s, ast, text, &v, coloured(), &b);
    put(&b);
}

static json_t *diagnostics_json(Session *s) {
    Buf b = buf_new(s->a);
    diags_render(s->c.ds, (DiagRender){DIAG_JSON, false}, &b);
    json_t *list = json_array();
    const char *p = buf_text(&b);
    while (*p) {
        size_t n = strcspn(p, "\n");
        json_t *one = json_loadb(p, n, 0, NULL);
        if (one) json_array_append_new(list, one);
        p += n + (p[n] == '\n');
    }
    return list;
}

/* Each file is a session of its own: names and diagnostics do not mix. */
static int check_file(Checking *k, const char *path) {
    Arena *a = arena_new((size_t)4 << 30, NULL, NULL);
    Session *outer = k->s, s;
    session_begin(&s, a, outer->o);
    k->s = &s;
    Ast *ast;
    bool json = s.o->format == DIAG_JSON;
    json_t *networks = json ? json_array() : NULL;
    if (load_file(&s, path, &ast)) {
        Syms names = {0};
        networks_of(&s, ast, s.o->network, &names);
        for (uint32_t i = 0; i < names.len; i++) check_network(k, ast, names.data[i], networks);
        if (!names.len && s.o->network) diag(s.c.ds, no_network, (Span){0}, s.o->network, path);
    }
    int code = diags_errors(s.c.ds) ? EXIT_ERROR : EXIT_OK;
    if (json)
        json_array_append_new(k->files, json_pack("{s:s, s:o, s:o}", "file", path, "networks",
                                                  networks, "diagnostics", diagnostics_json(&s)));
    else code = session_end(&s);
    k->s = outer;
    arena_free(a);
    return code;
}

static int tp_only(const struct dirent *d) {
    size_t n = strlen(d->d_name);
    return d->d_name[0] != '.' && n > 3 && !strcmp(d->d_name + n - 3, ".tp");
}

bool files_of(Session *s, const char *path, Texts *out) {
    struct stat st;
    if (stat(path, &st) || !S_ISDIR(st.st_mode)) {
        vec_push(s->a, out, path);
        return true;
    }
    struct dirent **e;
    int n = scandir(path, &e, tp_only, alphasort);
    for (int i = 0; i < n; i++) {
        vec_push(s->a, out, arena_printf(s->a, "%s/%s", path, e[i]->d_name));
        free(e[i]);
    }
    if (n >= 0) free(e);
    return n > 0;
}

/* One document for one file, else a list of them. */
static void print_json(json_t *files) {
    json_t *doc = json_array_size(files) == 1 ? json_incref(json_array_get(files, 0))
                                              : json_incref(files);
    json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    putchar('\n');
    json_decref(doc);
}

int command_check(Session *s) {
    Checking k = {.s = s};
    if (!s->o->args.len) {
        options_help(stderr, 'c');
        return EXIT_USAGE;
    }
    if (s->o->require && !rung_parse(s->o->require, &k.require)) {
        fprintf(stderr, "tpc: --require=%s: no such rung; there are simple-gia, bp-like, "
                        "gia-exact, undecided, gia-fails\n", s->o->require);
        return EXIT_USAGE;
    }
    k.files = json_array();
    int code = EXIT_OK;
    for (uint32_t i = 0; i < s->o->args.len; i++) {
        Texts files = {0};
        if (!files_of(s, s->o->args.data[i], &files)) {
            fprintf(stderr, "tpc: there are no .tp files in %s\n", s->o->args.data[i]);
            code = EXIT_ERROR;
        }
        for (uint32_t f = 0; f < files.len; f++)
            if (check_file(&k, files.data[f])) code = EXIT_ERROR;
    }
    if (s->o->format == DIAG_JSON) print_json(k.files);
    json_decref(k.files);
    return code ? code : k.unmet ? EXIT_UNMET : EXIT_OK;
}
