/* The reader of kernel text: scanner and shared state of the parse*.c files.
 * An error is reported once and sets `failed`; every function then returns at once with some value,
 * so that callers need to look only where they loop. */
#ifndef TPC_KERNEL_PARSE_H
#define TPC_KERNEL_PARSE_H
#include "kernel/op.h"
#include "kernel/text.h"

typedef struct KParser {
    Ctx *c;
    const char *text, *s; /* all of it, NUL-terminated; the place reached */
    uint32_t file;
    bool failed;
    Kernel *k;
    AffCtx *aff;
    VEC(Sym) measured;    /* by size: array that is named before it is declared */
    VEC(Sym) right_of;    /* by size: the one it is the right twin of; 0: none */
    KBuild b;
    VEC(KVal) value;      /* by printed number, in the function being read */
    uint32_t depth;
} KParser;

/* parse_scan.c */
void kp_fail(KParser *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void kp_space(KParser *p);
/* Punctuation: taken if it is next. */
bool kp_accept(KParser *p, const char *punct);
void kp_expect(KParser *p, const char *punct);
/* A word (letters, digits): taken if it is next. */
bool kp_word(KParser *p, const char *word);
/* Number in words[0..n); n if none is next. */
uint32_t kp_pick(KParser *p, const char *const *words, uint32_t n);
Sym kp_name(KParser *p);
const char *kp_string(KParser *p);
uint32_t kp_u32(KParser *p);
int64_t kp_int(KParser *p);
double kp_double(KParser *p);
Aff kp_aff(KParser *p);
Cons kp_cons(KParser *p);
/* An expression up to the end of the line. */
Fx kp_fx(KParser *p);

/* parse_head.c: everything before the functions. */
void kp_head(KParser *p);

/* parse.c: kernel_parse without the verifier: names and form only. */
bool kernel_read(Ctx *c, const char *text, uint32_t file, Kernel **out);
#endif
