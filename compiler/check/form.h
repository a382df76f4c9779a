/* Expressions in an exact normal form: sums of products of powers.
 *
 * A product is a rational number times powers of atoms: leaves (vectors, or Gaussian variables),
 * symbols (scalars without leaves: hyperparameters, sizes, moments, expectations) and functions of
 * forms.  Everything is rewritten to functions of a definite parity: Phi = (1 + Q) / 2,
 * step = (1 + sign) / 2, max(a, b) = (a + b + |a - b|) / 2, the logistic function is
 * (1 + tanh(x/2)) / 2; only exp, log and powers of sums have none.  So a product of leaves is odd,
 * even or neither, and what cancels, cancels exactly: coefficients are rationals, numbers that are
 * none are symbols.  Equal forms have equal numbers.
 *
 * Equalities hold almost everywhere: ties are not looked at. */
#ifndef TPC_CHECK_FORM_H
#define TPC_CHECK_FORM_H
#include "program/program.h"

typedef uint32_t Form; /* 0: none: too large, or an operation that has no normal form */
enum { FORM_ZERO = 1, FORM_ONE = 2 };

typedef enum FormFn {
#define FF(name, parity, text) FF_##name,
#include "check/form.def"
} FormFn;

typedef enum AtomKind {
    ATOM_leaf, /* k: number of the leaf */
    ATOM_sym,  /* k: number of the symbol */
    ATOM_fn,   /* fn of arg */
    ATOM_base  /* arg itself, a sum, under a power that is no natural number */
} AtomKind;

typedef struct Atom {
    AtomKind kind;
    FormFn fn;
    uint32_t k;
    Form arg;
    bool leaves; /* depends on a leaf */
} Atom;

typedef struct Power { /* atom ^ (p / q), q > 0 */
    uint32_t atom;
    int32_t p, q;
} Power;

typedef struct Mono { /* num / den times powers, sorted by atom */
    int64_t num, den;
    const Power *f;
    uint32_t n;
} Mono;

/* A value with a bound of its error. */
typedef struct Num {
    double v, err;
} Num;

typedef struct FormNode {
    const Mono *m; /* sorted */
    uint32_t n;
    bool leaves, known;
    Num value; /* if known; of a form without leaves */
} FormNode;

typedef enum SymKind { SYM_fx, SYM_number, SYM_mean, SYM_named } SymKind;
typedef struct FormSym {
    SymKind kind;
    Fx fx;      /* SYM_fx */
    double v;   /* its value, and a bound of the error */
    double err;
    Form of;    /* SYM_mean: the expectation of this form */
    const char *text;
} FormSym;

typedef struct FormPool FormPool;
FormPool *formpool_new(Ctx *c, FxPool *fx);
FormNode form_node(const FormPool *p, Form f);
Atom form_atom(const FormPool *p, uint32_t atom);
uint64_t formpool_work(const FormPool *p); /* a measure of what was done so far */
/* Beyond it there are no more forms; 0: no end. */
void formpool_budget(FormPool *p, uint64_t work);

Form form_rat(FormPool *p, int64_t num, int64_t den);
Form form_leaf(FormPool *p, uint32_t k);
/* A symbol: found again by its expression, number, or form. */
Form form_sym_fx(FormPool *p, Fx f, double v);
Form form_number(FormPool *p, double v);
Form form_mean(FormPool *p, Form of, double v, double err);
Form form_named(FormPool *p, const char *text, double v, double err);
/* Is there a symbol for the mean of this form?  0: no. */
Form form_mean_find(FormPool *p, Form of);

Form form_add(FormPool *p, Form a, Form b);
Form form_sub(FormPool *p, Form a, Form b);
typedef VEC(Form) Forms;
Form form_sum(FormPool *p, const Forms *v); /* 0 among them: 0 */
Form form_mul(FormPool *p, Form a, Form b);
Form form_scale(FormPool *p, Form a, int64_t num, int64_t den);
Form form_pow(FormPool *p, Form a, int32_t num, int32_t den);
Form form_fn(FormPool *p, FormFn fn, Form a);
/* num / den^k, k > 0: the logistic function and its derivatives are found. */
Form form_div(FormPool *p, Form num, Form den, int32_t k);
/* A single product as a form. */
Form form_of_mono(FormPool *p, Mono m);

bool form_is_number(const FormPool *p, Form f); /* a rational */
/* Is it 0 once the denominators of sums without leaves are cleared? */
bool form_vanishes(FormPool *p, Form f);
/* The derivative by leaf k, distributional: sign' = 2 delta. */
Form form_diff(FormPool *p, Form f, uint32_t leaf);
/* Leaf k becomes to(ctx, k); 0 to keep it. */
Form form_subst(FormPool *p, Form f, Form (*to)(void *ctx, uint32_t leaf), void *ctx);
/* The distinct leaves of f, sorted, into *out (appended). */
typedef VEC(uint32_t) Leaves;
void form_leaves(FormPool *p, Form f, Leaves *out);
bool form_has_leaf(FormPool *p, Form f, uint32_t leaf);

/* ---- parity */
typedef enum Parity { PAR_zero, PAR_even, PAR_odd, PAR_none } Parity;
Parity parity_join(Parity a, Parity b); /* of a sum */
Parity parity_mul(Parity a, Parity b);
typedef Parity LeafParity(void *ctx, uint32_t leaf);
Parity form_parity(FormPool *p, Form f, LeafParity *leaf, void *ctx);
/* The same, and where it is none: does f(-odd, even) = +- f? */
Parity form_parity_deep(FormPool *p, Form f, LeafParity *leaf, void *ctx);
Parity mono_parity(FormPool *p, const Mono *m, LeafParity *leaf, void *ctx);

/* ---- from expressions */
typedef struct FormEnv {
    Form (*leaf)(void *ctx, uint32_t k);
    Form (*scalar)(void *ctx, Fx node); /* hyper, index, dim, sref, theta; comparisons of such */
    void *ctx;
} FormEnv;
Form form_from_fx(FormPool *p, Fx f, const FormEnv *env);

/* Of a form without leaves. */
Num form_value(FormPool *p, Form f);
/* Back to an expression: leaf k becomes leaf(ctx, k), symbols their values.  0: a delta. */
Fx form_to_fx(FormPool *p, Form f, Fx (*leaf)(void *ctx, uint32_t k), void *ctx);
/* Text for people; leaf(ctx, k) names a leaf. */
void form_print(FormPool *p, Buf *b, Form f, const char *(*leaf)(void *ctx, uint32_t k),
                void *ctx);
#endif
