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
    bool noise;      /* drawn anew for every sample, by this law: */
    NoiseLaw noise_law;
    Num var, lr, mean; /* var: of bernoulli the probability */
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
    VAL_family,   /* a value at every position: `of`, in which the variables of `pos` stand */
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

typedef enum Pad { PAD_none, PAD_zero, PAD_circular } Pad;

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
    const Dim *pos;    /* family: its positions; their variables are not open loops' */
    uint32_t npos;
    const struct Value *of;
    Pad pad;           /* family: what stands outside of its positions */
    const struct Frame *held; /* number: integer divisions in it, opened where it is read */
    uint32_t nheld;
    const char *why;
    Span span;         /* where it was made (for labels) */
} Value;

typedef struct Frame { /* around the current place: a loop, a reduction, or a condition */
    bool is_loop, reduction;
    bool implicit; /* a loop over the positions of a family: what is declared in it is shared */
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
    bool scalar;     /* a number */
    const Dim *pos;  /* a family's positions */
    uint32_t npos;
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
    bool is_input; /* of data vectors */
    bool recursive, done, poison;
    bool bypassed; /* an element was read as what it is made of */
    bool numbers; /* by its statements: 0 is the number */
    bool scalar;  /* def is a number's */
} Array;

/* What one attempt finds out for the next one. */
typedef struct Learnt {
    Syms fixed;          /* int hyperparameters that are constants */
    VEC(Span) numbers;   /* variables that start at 0 and are numbers, not vectors */
    bool grad;           /* there are gradients: what has a name in the source stays a definition */
    bool arrays;         /* elements are read through their array's definition always */
} Learnt;

typedef struct Call {
    const AstItem *item;
    Span span;
    bool returned; /* a `return` was met, in the wrong place */
} Call;

typedef struct Combined { /* a linear combination of vectors that has a definition */
    Fx f;
    Use use;
} Combined;

typedef struct SetText { /* name=value */
    Sym name;
    const char *text;
    const AstExpr *expr; /* NULL: it could not be read */
    Span span;
} SetText;

typedef struct NameUse {
    bool taken;
    uint32_t next; /* as a base: its numbers below (from 2 on) are taken */
} NameUse;
typedef VEC(NameUse) NameSet; /* by Sym; beyond its end nothing is taken */

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
    NameSet names, fam_names; /* of definitions; of families */
    NameSet dim_names; /* of loop variables and sizes */
    VEC(Combined) combined;
    VEC(AffSubst) as_written; /* loop variables of other names than in the source */
    Learnt *learnt;  /* over all attempts */
    bool restart;
    uint32_t steps;      /* of evaluation: a bound on programs that explode */
    const SetText *set;
    uint32_t nset;
    struct {
        Sym n, fan_in, inf, N, moment, grad, softmax, pad, deriv, basis, dim, ceil, floor,
            over, bernoulli;
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

/* ---- names.c */
void name_take(Elab *e, NameSet *set, Sym s);
void name_free(Elab *e, NameSet *set, Sym s);
/* As near to base as is not taken. */
Sym name_fresh(Elab *e, const char *base);
Sym fam_fresh(Elab *e, const char *base);
Sym dim_fresh(Elab *e, Sym base);

/* ---- defs.c: definitions and their dims */
Use def_make(Elab *e, Def d, const char *base);
/* A softmax over `over`, which becomes one of its dims with all its range. */
Use def_make_over(Elab *e, Def d, Sym over, const char *base);
/* Does every index stay inside its range at the current place? */
bool use_inside(Elab *e, Use u);
DefId def_reserve(Elab *e, Def d, const char *base);
const char *aff_written(Elab *e, Aff a); /* in the source's names, for messages */
Diag *index_outside(Elab *e, Aff i, Aff lo, Aff hi, Span sp, const char *of);
void def_rename(Elab *e, DefId d, Sym to);
void path_cons(Elab *e, uint32_t from, ConsVec *out); /* what holds at the current place */
bool aff_uses(Aff a, Sym name);
Aff *affs_names(Elab *e, const Frame *f, uint32_t n, uint32_t *count);

/* ---- expr.c, call.c */
Value eval(Elab *e, const AstExpr *x);
bool eval_int(Elab *e, const AstExpr *x, const char *what, Aff *out);
Value eval_call(Elab *e, const AstExpr *x);
Value eval_index(Elab *e, const AstExpr *x);
Value eval_reduce(Elab *e, const AstExpr *x);
Value apply_fn(Elab *e, const FnValue *fn, Value *arg, uint32_t n, Span sp);
/* May the vector be used as it is: of order one in n?  Its power of d is multiplied in. */
bool vec_order(Elab *e, Value *v, Span sp);
bool loop_range(Elab *e, AstName var, const AstExpr *lo, const AstExpr *hi, Span sp, Dim *out);
bool cond_cons(Elab *e, Fx c, bool positive, ConsVec *out);

/* ---- out.c */
Value output_of(Elab *e, Value v, Value x, Span sp);
Value output_scale(Elab *e, Value o, Num by, bool divide);
Value output_add(Elab *e, Value a, Value b, bool minus, Span sp);
bool output_define(Elab *e, const Value *v, Span sp, Use *out);
bool output_finish(Elab *e, Value v, Span sp);
Value matrix_times(Elab *e, Value m, Value v, Span sp);

/* ---- decl.c */
void exec_decl(Elab *e, const AstStmt *s);
void exec_width(Elab *e, const AstStmt *s);
Value vecs_member(Elab *e, Value f, const Aff *idx, Span sp);
bool noise_law(Elab *e, const AstStmt *s, Family *f); /* noise.c */
bool noise_numbers(Elab *e, const AstStmt *s, Family *f);
void check_add(Elab *e, CheckKind kind, Fx v, const char *what, Span sp);
bool decl_number(Elab *e, const AstExpr *x, const char *what, Num *out);
bool has_loop(Elab *e, Fx f);
bool family_settle(Elab *e, Family *f, Fx cols, bool is_input, uint32_t input, Span sp);

/* ---- stmt.c, array.c */
Value exec_block(Elab *e, const AstBlock *b, bool body_of_call);
Value array_read(Elab *e, Array *a, const Aff *idx, uint32_t n, Span sp);
void array_assign(Elab *e, const AstStmt *s);
void array_finish(Elab *e, Array *a);
/* All of it as a family: no more elements may be assigned. */
Value array_whole(Elab *e, Array *a, Span sp);
/* No loop is open in which elements of it are assigned. */
bool array_complete(Elab *e, const Array *a);
/* An array of families, of which some elements may be missing still. */
Value array_part(Elab *e, Array *a, const Aff *idx, uint32_t n, Span sp);
Value carried_read(Elab *e, Carried *c, Span sp);
bool must_hold(Elab *e, const ConsVec *path, Aff a, const char *what, Span sp);
/* The least (greatest) value over all turns of the loops around. */
Aff bound_extreme(Elab *e, Aff a, bool greatest);
/* Does the index lie in lo..hi?  Proved under the path, or checked before a run. */
bool index_fits(Elab *e, const ConsVec *path, Aff i, Aff lo, Aff hi, Span sp, const char *of);
bool index_in(Elab *e, Aff i, Aff lo, Aff hi, Span sp, const char *what);

/* ---- scalar.c: numbers that are known at run time: expressions with srefs */
bool has_scalar(const Elab *e, Fx f);
Fx scalar_use(Elab *e, Use u);
/* The number as arms of a scalar definition. */
void scalar_arms(Elab *e, Fx f, ArmVec *out);
/* As cases of which exactly one holds where it is not -inf: a softmax's. */
void scalar_cases(Elab *e, Fx f, ArmVec *out);
Fx scalar_select(Elab *e, Fx test, Fx a, Fx b, Span sp);
/* Does the variable assigned at sp, which starts at 0, turn out to be a number?  By the arms of its
 * definition: then starts again. */
bool starts_as_number(const Elab *e, Span sp);
bool number_found(Elab *e, DefId self, const ArmVec *arms, Span sp);
Fx scalar_sum(Elab *e, Fx body, const Frame *f, uint32_t n, Span sp);
Value scalar_named(Elab *e, Value v, Sym name, Span sp);
Value scalars_named(Elab *e, Value v, Sym name, Span sp);
bool scalar_order(Elab *e, Value *v, Span sp);

/* ---- infer.c: are the values assigned to the name in these statements numbers?  A guess. */
bool infer_number(Elab *e, const AstStmts *within, Sym name);

/* ---- moment.c, softmax.c, grad.c */
Value call_moment(Elab *e, const AstExpr *x);
Value call_softmax(Elab *e, const AstExpr *x);
Value call_grad(Elab *e, const AstExpr *x);

/* ---- position.c: families of values over positions */
Value family_new(Elab *e, const Dim *pos, uint32_t npos, Value of, Span sp);
/* Indexed definitions and declared families of vectors as families; others as they are. */
Value whole(Elab *e, Value v, Span sp);
/* Positions whose variables are open loops get others, so that these are not captured. */
Value family_clear(Elab *e, Value v);
/* Its members are elements of definitions. */
Value family_plain(Elab *e, Value v, const char *name, Span sp);
Value family_named(Elab *e, Value v, Sym name, Span sp);
Value family_member(Elab *e, Value v, const Aff *idx, uint32_t n, const AstExpr *x);
Value value_subst(Elab *e, Value v, const AffSubst *m, uint32_t n);
Arm arm_subst(Elab *e, Arm a, const AffSubst *m, uint32_t n);
void frame_implicit(Elab *e, Dim d);
Sym loop_var_free(Elab *e, Sym var); /* var, or another name where a loop of it is open */
/* Are the ranges equal?  Where sizes decide it, a check before the run. */
bool sizes_equal(Elab *e, Aff a, Aff b, const char *what, Span sp);
bool positions_fit(Elab *e, const Dim *a, const Dim *b, uint32_t n, Span sp);

/* Something done at every position of families among arg: lift_open replaces them by their members
 * and opens the loops; lift_close makes the result a family.  up[i]: leading positions of arg[i]
 * that are gone through (NULL: all). */
typedef struct Lift {
    uint32_t nframe;
    const Dim *pos;
    uint32_t npos;
} Lift;
bool lift_open(Elab *e, Value *arg, const uint32_t *up, uint32_t n, Span sp, Lift *l);
Value lift_close(Elab *e, const Lift *l, Value r, Span sp);

/* ---- sizes.c: sizes of positions, integer arithmetic on them */
/* A size between brackets of a parameter `x: vector[H, W]`: a new name is bound to `is`, any other
 * expression must be equal to it. */
bool size_bind(Elab *e, const AstExpr *x, Aff is, const char *owner, Span sp);
/* A size of an input: a new name is a size that the data bind. */
bool size_input(Elab *e, const AstItem *net, const AstExpr *x, Aff *out);
/* floor(a / k), max or min of sizes; false: not of sizes alone. */
bool size_floor(Elab *e, Aff a, int32_t k, Span sp, Aff *out);
bool size_extreme(Elab *e, bool max, Aff a, Aff b, Span sp, Aff *out);
/* f as a / k. */
bool fx_ratio(Elab *e, Fx f, Aff *a, int32_t *k);
/* Does f depend on a position size? */
bool has_position(Elab *e, Fx f);

/* ---- floors.c: integer division of loop variables */
bool floor_open(Elab *e, Aff a, int32_t k, Span sp, Aff *out);
/* After an expression: a vector or output is summed over what was opened in it; else that stays. */
Value floors_close(Elab *e, Value v, uint32_t keep, Span sp);
/* Nothing may be open here; false after an error. */
bool floors_none(Elab *e, uint32_t keep, Span sp);
void floors_hold(Elab *e, Value *v, uint32_t keep); /* into a variable */
Value floors_again(Elab *e, Value v);               /* out of it */

/* ---- pad.c */
Value call_pad(Elab *e, const AstExpr *x);
/* The vector at an index that may lie outside the padded family. */
Value pad_member(Elab *e, Value v, const Aff *idx, const AstExpr *x);

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
