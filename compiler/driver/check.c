/* tpc check: what can be said about a program without data. */
#include "check/check.h"
#include "driver/driver.h"
#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>
#include <sys/stat.h>

typedef struct Checking {
    Session *s;
    bool unmet;      /* --require */
    Rung require;
    json_t *files;   /* --format=json */
} Checking;

static json_t *reason_json(Session *s, const CheckReason *r) {
    json_t *uses = json_array();
    for (int i = 0; i < 2; i++)
        if (r->use[i].file)
            json_array_append_new(uses, json_string(source_place(s->c.src, s->a, r->use[i])));
    return json_pack("{s:s, s:s, s:o, s:[], s:s, s:n, s:n}", "condition", r->condition, "matrix",
                     r->subject, "uses", uses, "chain", "text", r->text, "coefficient",
                     "relative_error");
}

static json_t *network_json(Session *s, const char *name, const Verdict *v) {
    json_t *reasons = json_array();
    for (uint32_t i = 0; i < v->reason.len; i++)
        json_array_append_new(reasons, reason_json(s, &v->reason.data[i]));
    json_t *condition = v->condition ? json_string(v->condition) : json_null();
    return json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", name, "verdict", rung_text(v->rung),
                     "readout", readout_text(v->readout), "condition", condition, "reasons",
                     reasons);
}

static void network_text(Session *s, const char *name, const Verdict *v) {
    printf("%s: %s, readout %s", name, rung_text(v->rung), readout_text(v->readout));
    if (v->condition) printf(" (while %s)", v->condition);
    putchar('\n');
    for (uint32_t i = 0; i < v->reason.len; i++) {
        const CheckReason *r = &v->reason.data[i];
        printf("    `%s`: %s\n", r->subject, r->text);
        for (int k = 0; k < 2; k++)
            if (r->use[k].file) printf("        %s\n", source_place(s->c.src, s->a, r->use[k]));
    }
}

static void check_network(Checking *k, const Ast *ast, Sym name, json_t *networks) {
    Session *s = k->s;
    Program *p;
    if (!program_elaborate(&s->c, ast, name, s->o->set.data, s->o->set.len, &p)) return;
    const char *wrong = program_verify(&s->c, p);
    if (wrong) bug("program: %s", wrong);
    Verdict v;
    check_program(&s->c, p, &v);
    if (v.rung < k->require) k->unmet = true;
    const char *text = sym_text(s->c.syms, name);
    if (networks) json_array_append_new(networks, network_json(s, text, &v));
    else network_text(s, text, &v);
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

int command_check(Session *s) {
    Checking k = {.s = s};
    if (!s->o->args.len) {
        options_help(stderr, 'c');
        return EXIT_USAGE;
    }
    if (s->o->require && !rung_parse(s->o->require, &k.require)) {
        fprintf(stderr, "tpc: --require=%s: no such rung; there is simple-gia\n", s->o->require);
        return EXIT_USAGE;
    }
    k.files = json_array();
    int code = EXIT_OK;
    for (uint32_t i = 0; i < s->o->args.len; i++) {
        Texts files = {0};
        files_of(s, s->o->args.data[i], &files);
        for (uint32_t f = 0; f < files.len; f++)
            if (check_file(&k, files.data[f])) code = EXIT_ERROR;
    }
    if (s->o->format == DIAG_JSON) {
        json_t *doc = json_array_size(k.files) == 1 ? json_incref(json_array_get(k.files, 0))
                                                    : json_incref(k.files);
        json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
        putchar('\n');
        json_decref(doc);
    }
    json_decref(k.files);
    return code ? code : k.unmet ? EXIT_UNMET : EXIT_OK;
}
