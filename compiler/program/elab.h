/* The elaborator's inside: values, scopes, the vectors under construction.  See program.h for what
 * comes out.  One Elab lives for one attempt; an attempt is started again when an `int`
 * hyperparameter turns out to multiply an index, and so must be a constant. */
#ifndef TPC_PROGRAM_ELAB_H
#define TPC_PROGRAM_ELAB_H
#include "diag/diag.h"
#include "program/program.h"
#include "syntax/ast.h"

enum { QUARTER = 4, MAX_UNROLL = 1000, MAX_POWER = 400 };

/* f * n^(n/4) * fan_in^(fan/4) * dim(din)^(d/4) */
typedef struct Num {
    Fx f;
    int32_t n, fan, d;
    uint32_t din;
} Num;

/* A vector in an expression: leaf k of an Fx is atom k. */
typedef enum AtomKind {
    ATOM_use,     /* a definition's element */
    ATOM_pending, /* result of a fn: f over atoms, made a nonlin where something linear needs it */
    ATOM_alias,   /* argument of a function: f over atoms; one Gaussian leaf if it is linear */
    ATOM_sum      /* a sum over an index: arms */
} AtomKind;

typedef VEC(Arm) ArmVec;
typedef VEC(Sym) Syms;
typedef VEC(Dim) Dims;
typedef VEC(Aff) AffVec;

typedef struct Atom {
    AtomKind kind;
    Use use;
    Fx f;
    ArmVec arms;
    Fx width; /* 0: a data vector */
    const char *name; /* pending: what to call it */
    Span span;
} Atom;

typedef enum FamLaw { LAW_unused, LAW_hidden, LAW_input } FamLaw;

/* A declared matrix or vector; a matrix is settled by its first use: its columns, or the input. */
typedef struct Family {
    Sym name, unique; /* as written; in the program */
    FamKind kind;
    FamLaw law;
    bool trained, lr_given;
    Num var, lr, mean;
    Fx scale;        /* times the program's member: a standard deviation that depends on an index */
    Fx rows, cols;   /* cols 0: by the first use */
    const Aff *own;  /* indices from the loops around the declaration */
    uint32_t nown;
    const Aff *size; /* declared index sizes */
    uint32_t nsize;
    FamId id;        /* once settled */
    DefId def;       /* of the whole family, for vectors */
    Span span, var_span, lr_span;
    bool poison;
} Family;

typedef enum ValueKind {
    VAL_none, /* poison: an error was reported */
    VAL_number,
    VAL_vector,
    VAL_covector, /* v' */
    VAL_matrix,   /* a family, or a member with all indices */
    VAL_cmatrix,  /* W' */
    VAL_vecs,     /* a declared family of vectors */
    VAL_output,
    VAL_fn,
    VAL_word,
    VAL_array,    /* indexed definitions `y[i] = ..` */
    VAL_carried,  /* a loop's variable, not read yet in this turn */
    VAL_gone      /* a loop's variable that has no value after it: why says so */
} ValueKind;

typedef struct OutTerm { /* sum over red [cons] coef * inner */
    Num coef;
    Use inner; /* of v' x / sqrt(n) */
    const Dim *red;
    uint32_t nred;
    const Cons *cons;
    uint32_t ncons;
} OutTerm;
typedef VEC(OutTerm) OutTerms;

typedef struct FnValue {
    const AstItem *item; /* a fn of the source */
    FxOp op;             /* else an elementary function */
    const struct FnValue *of; /* derivative of this one */
} FnValue;

struct Array;
struct Carried;

typedef struct Value {
    ValueKind kind;
    Num num;           /* number; vector, covector: over atoms; matrix: its factor */
    bool is_int;       /* number: an integer */
    bool has_aff;      /* .. and this affine form */
    bool literal;      /* number: written as a literal */
    Aff aff;
    bool is_input;     /* vector of data */
    Fx width;          /* vector: in units of n; 0: the zero vector, data */
    Family *fam;       /* matrix, vecs */
    const Aff *idx;    /* matrix: declared indices given */
    uint32_t nidx;
    OutTerms out;
    const FnValue *fn;
    Sym word;
    struct Array *array;
    struct Carried *carried;
    const char *why;
    Span span;         /* where it was made (for labels) */
} Value;

typedef struct Frame { /* around the current place: a loop, a reduction, or a condition */
    bool is_loop, reduction;
    Dim dim;
    Cons cons;
    uint32_t id; /* of the loop: unique */
    Span span;
} Frame;
typedef VEC(Frame) Frames;

typedef struct Var {
    Sym name;
    Value value;
    Span span;
} Var;

typedef struct Scope {
    uint32_t first;  /* index of its first variable */
    uint32_t nframe; /* frames open when it was entered */
    bool call;       /* names outside are not seen */
    VEC(struct Array *) arrays;
} Scope;

typedef struct Carried { /* loop-carried variable */
    Sym name;
    Value init;
    Frame loop;
    uint32_t nframe; /* frames around the loop */
    DefId mu;        /* 0 until it is read */
    Fx width;
    Span span;
} Carried;

typedef VEC(Carried *) CarriedVec;

typedef struct Element { /* one statement `y[idx] = value` */
    const Aff *idx;
    const Frame *frame; /* the loops between the array's scope and the statement */
    uint32_t nframe;
    Value value;
    Span span;
} Element;

typedef struct ArrayRead {
    const Aff *idx;
    const Cons *path;
    uint32_t npath;
    const uint32_t *open; /* loops open at the read */
    uint32_t nopen;
    Span span;
} ArrayRead;

typedef struct Array { /* indexed definitions of one name */
    Sym name;
    Span span;
    uint32_t npos, nframe;
    VEC(Element) elem;
    VEC(ArrayRead) read;
    DefId def; /* 0 until something reads it as a whole */
    const Sym *var; /* dims of def beyond the loops around */
    Fx width;
    bool recursive, done, poison;
} Array;

typedef struct Call {
    const AstItem *item;
    Span span;
    bool returned; /* a `return` was met, in the wrong place */
} Call;

typedef struct SetText { /* name=value */
    Sym name;
    const char *text;
    const AstExpr *expr; /* NULL: it could not be read */
    Span span;
} SetText;

typedef struct Elab {
    Ctx *c;
    Arena *a;
    const Ast *ast;
    const AstFile *file; /* whose names are in scope */
    Program *p;
    FxPool *fx;
    AffCtx *x;
    VEC(Atom) atom;
    VEC(bool) user_named; /* per definition: named by the source */
    VEC(bool) open;       /* per definition: of an array whose extent isn't known yet */
    VEC(Var) var;
    VEC(Scope) scope;
    Frames frame;
    VEC(Call) call;
    uint32_t fn_depth;   /* inside so many fn bodies */
    uint32_t loops;      /* ids given out */
    Syms names, fam_names; /* taken by definitions; by families */
    Syms dim_names;  /* taken by loop variables and sizes */
    VEC(AffSubst) as_written; /* loop variables of other names than in the source */
    Syms *fixed;     /* int hyperparameters that are constants, over all attempts */
    bool restart;
    uint32_t steps;      /* of evaluation: a bound on programs that explode */
    const SetText *set;
    uint32_t nset;
    struct {
        Sym n, fan_in, inf, N, moment, grad, softmax, pad, deriv, basis, dim, ceil, floor;
    } sym;
    const Family *fan_of; /* family whose law is being evaluated: fan_in may occur */
} Elab;

/* One step of work; false once there were too many (reported once). */
bool tick(Elab *e);
/* Is f, written out, of a size that can be worked with?  (Reported once.) */
bool small_enough(Elab *e, Fx f);

/* ---- num.c: numbers and their powers of n */
Value val_none(void);
Value val_fx(Fx f);
Value val_int(Elab *e, Aff a);
Value val_num(Num n);
bool num_pure(Num n);             /* no power of n, fan_in or d */
Fx num_fx(Elab *e, Num n);        /* with the power of d multiplied in; n and fan_in must be gone */
Num num_mul(Elab *e, Num a, Num b);
Num num_div(Elab *e, Num a, Num b);
const char *num_power(Elab *e, int32_t quarters); /* "n^(1/2)", "1" .. */
const char *power_text(Elab *e, const char *base, int32_t quarters);
Value number_binary(Elab *e, AstBinop op, Value a, Value b, Span sp, Span at);
Value number_neg(Elab *e, Value a);
/* A number (or a coordinatewise expression) under an elementary function. */
Value number_function(Elab *e, FxOp op, const Value *arg, uint32_t n, Span sp);
bool value_is_const(const Elab *e, Value v, double *out);
const char *value_kind(const Elab *e, const Value *v); /* "a vector", "a number", .. */
const char *width_text(Elab *e, Fx width); /* "n", "2 * n" .. */
Value to_vector(Value v, Span sp); /* a number broadcasts */

/* ---- vec.c: vectors to definitions */
Fx atom_new(Elab *e, Atom a);
Value vec_use(Elab *e, Use u, Fx width, bool is_input);
Use def_own(Elab *e, DefId d, Span sp);
/* width: of the constant vector where no vector of f says it; 0: n */
void vec_arms(Elab *e, Fx f, Fx width, Span sp, ArmVec *out);
/* coef * use = the vector; a lin or nonlin is made where it is not yet one.  False: it is zero. */
bool vec_single(Elab *e, Value v, const char *name, Span sp, Fx *coef, Use *out);
Fx arms_value(Elab *e, const ArmVec *arms, Fx width, bool is_input, Span sp);
Value vec_named(Elab *e, Value v, Sym name, Span sp);
Use vec_one(Elab *e, Fx width, Span sp);
Fx expand_pending(Elab *e, Fx f);
void vec_widths(Elab *e, Fx f, Fx *width, bool *is_input);

/* ---- defs.c: definitions, their dims and names */
Use def_make(Elab *e, Def d, const char *base);
DefId def_reserve(Elab *e, Def d, const char *base);
Sym name_fresh(Elab *e, const char *base);
Sym fam_fresh(Elab *e, const char *base);
Sym dim_fresh(Elab *e, Sym base);
const char *aff_written(Elab *e, Aff a); /* in the source's names, for messages */
Diag *index_outside(Elab *e, Aff i, Aff lo, Aff hi, Span sp, const char *of);
void def_rename(Elab *e, DefId d, Sym to);
void path_cons(Elab *e, uint32_t from, ConsVec *out); /* what holds at the current place */
void frames_cons(Elab *e, const Frame *f, uint32_t n, ConsVec *out);
bool aff_uses(Aff a, Sym name);
Aff *affs_names(Elab *e, const Frame *f, uint32_t n, uint32_t *count);

/* ---- expr.c, call.c */
Value eval(Elab *e, const AstExpr *x);
bool eval_int(Elab *e, const AstExpr *x, const char *what, Aff *out);
Value eval_call(Elab *e, const AstExpr *x);
Value eval_index(Elab *e, const AstExpr *x);
Value eval_reduce(Elab *e, const AstExpr *x);
Value vectors_binary(Elab *e, AstBinop op, Value a, Value b, Span sp, Span at);
Value apply_fn(Elab *e, const FnValue *fn, Value *arg, uint32_t n, Span sp);
bool call_bind(Elab *e, const AstItem *it, const AstArgs *args, Span sp, const char *what);
bool coerce(Elab *e, const AstParam *p, const char *owner, const AstExpr *x, Value *v, Span sp);
Value run_layer(Elab *e, const AstItem *it);
/* May the vector be used as it is: of order one in n?  Its power of d is multiplied in. */
bool vec_order(Elab *e, Value *v, Span sp);
bool loop_range(Elab *e, AstName var, const AstExpr *lo, const AstExpr *hi, Span sp, Dim *out);
bool cond_cons(Elab *e, Fx c, bool positive, ConsVec *out);

/* ---- out.c */
Value output_of(Elab *e, Value v, Value x, Span sp);
Value output_scale(Elab *e, Value o, Num by, bool divide);
Value output_add(Elab *e, Value a, Value b, bool minus, Span sp);
bool output_finish(Elab *e, Value v, Span sp);
Value matrix_times(Elab *e, Value m, Value v, Span sp);

/* ---- decl.c */
void exec_decl(Elab *e, const AstStmt *s);
void exec_width(Elab *e, const AstStmt *s);
Value vecs_member(Elab *e, Value f, const Aff *idx, Span sp);
bool family_settle(Elab *e, Family *f, Fx cols, bool is_input, uint32_t input, Span sp);
Fx family_sd(Elab *e, const Family *f);

/* ---- stmt.c, array.c */
Value exec_block(Elab *e, const AstBlock *b, bool body_of_call);
Value array_read(Elab *e, Array *a, const Aff *idx, uint32_t n, Span sp);
void array_assign(Elab *e, const AstStmt *s);
void array_finish(Elab *e, Array *a);
Value carried_read(Elab *e, Carried *c, Span sp);
bool must_hold(Elab *e, const ConsVec *path, Aff a, const char *what, Span sp);
bool index_in(Elab *e, Aff i, Aff lo, Aff hi, Span sp, const char *what);

/* ---- scope.c */
Var *var_find(Elab *e, Sym name);
Var *var_local(Elab *e, Sym name); /* of the innermost scope */
void var_set(Elab *e, Sym name, Value v, Span sp);
void var_put(Elab *e, uint32_t scope, Sym name, Value v, Span sp);
void scope_open(Elab *e, bool call);
void scope_close(Elab *e);
void frame_loop(Elab *e, Dim d, bool reduction, Span sp);
void frame_cond(Elab *e, Cons c);
const char *nearest_name(Elab *e, const char *want, const Syms *list);

/* ---- hyper.c */
bool hypers_load(Elab *e, const AstItem *net);
Value hyper_value(Elab *e, const Hyper *h);
bool fix_hypers(Elab *e, Fx f); /* make the int hyperparameters in f constants: starts again */

/* ---- finish.c */
void program_tidy(Elab *e);
#endif
