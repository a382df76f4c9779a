/* The command line: one file per command.  Only this folder prints and exits. */
#ifndef TPC_DRIVER_H
#define TPC_DRIVER_H
#include "codegen/codegen.h"
#include "diag/diag.h"
#include "gradient/gradient.h"
#include "limit/limit.h"
#include "program/program.h"
#include "syntax/syntax.h"
#include "tp.h"
#include <stdio.h>

enum { EXIT_OK = 0, EXIT_ERROR = 1, EXIT_USAGE = 2, EXIT_UNMET = 3 };

typedef VEC(const char *) Texts;

typedef enum BuildKind { BUILD_EXECUTABLE, BUILD_SHARED, BUILD_OBJECT } BuildKind;

typedef struct Options {
    char command; /* its letter in commands.def */
    const char *command_name;
    Texts args;
    const char *network, *output, *target, *require, *probe, *memory, *stage, *passes;
    VEC(Setting) set;
    Texts set_text, data, size, include;
    unsigned kernels; /* bit set of 1 << KernelKind */
    TpDtype dtype;
    int threads;
    bool kernels_given, no_blas, interpreter, assume_gia, check_only, verbose, help;
    BuildKind build;
    DiagFormat format;
} Options;

typedef struct Session { /* one compilation */
    Arena *a;
    Ctx c;
    Options *o;
    CodegenPreload preload;
} Session;

/* options.c: false: the command line is wrong (a message was printed). */
bool options_parse(Arena *a, int argc, char **argv, Options *o);
void options_help(FILE *f, char command);

/* session.c */
void session_begin(Session *s, Arena *a, Options *o);
/* Print the diagnostics collected so far; returns EXIT_ERROR if there is an error, else EXIT_OK. */
int session_end(Session *s);
/* Print a Buf to stdout. */
void put(const Buf *b);

/* check.c: a file itself, or the .tp files of a folder. */
bool files_of(Session *s, const char *path, Texts *out);

/* data.c: the data of `run`, from its options. */
bool data_of(Session *s, TpJob *job);
/* Position sizes that may differ between samples, into Program.varying: those of --size (false:
 * there is no such size), of files X and Y whose shapes differ, of an axis in two samples. */
bool data_options_vary(Session *s, Program *p);
void data_shapes_vary(Session *s, Program *p, const TpJob *job);
void data_axes_vary(Session *s, Program *p, const InputDecl *in, const int64_t *x,
                    const int64_t *y);

/* literal.c: numbers and nested lists of test blocks; false: a diagnostic says why.  An array of
 * one sample, as the runtime takes it; the innermost length is d. */
bool literal_number(Session *s, const AstExpr *e, double *out);
bool literal_data(Session *s, const AstExpr *e, TpData *out);

/* pipeline.c: the stages in order, verifying each one's output. */
typedef struct Compiled { /* filled as far as asked for */
    Ast *ast;
    Program *program;
    Gradient *gradient; /* up to UPTO_GRADIENT only */
    Limit *limit;
    Kernel *kernel;
} Compiled;
typedef enum Upto { UPTO_AST, UPTO_PROGRAM, UPTO_GRADIENT, UPTO_LIMIT, UPTO_KERNEL } Upto;
bool compile_file(Session *s, const char *path, unsigned kernels, Upto upto, Compiled *out);
/* The same from an elaborated program on (limit, kernel). */
bool compile_program(Session *s, Program *p, unsigned kernels, Upto upto, Compiled *out);
bool load_file(Session *s, const char *path, Ast **out);
/* The networks and programs of the main file; only `only` where it is given. */
typedef VEC(Sym) Syms;
void networks_of(Session *s, const Ast *ast, const char *only, Syms *out);

/* One function per row of commands.def. */
#define COMMAND(name, letter, args, help, example) int command_##name(Session *s);
#include "driver/commands.def"
#endif
