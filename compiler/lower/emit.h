/* Emission of scheduled equations as kernel code: shared state of the emit_*.c files. */
#ifndef TPC_LOWER_EMIT_H
#define TPC_LOWER_EMIT_H
#include "lower/lower.h"
#include "lower/schedule.h"

typedef struct InputArray { /* an input array of the kernel, by what it holds */
    TpInputKind kind;
    KStage stage;
    uint32_t in[2];
    Aff basis;
    uint32_t array;
} InputArray;

typedef struct DerivedReal {
    Fx value;
    uint32_t real;
} DerivedReal;

typedef struct SeriesCells { /* the last series emitted: value and slope by c, kept in cells */
    LRef left, right;
    uint32_t value, slope, loop; /* loop: the innermost loop's body it stands in */
    ConsVec path;
} SeriesCells;

typedef struct Emit {
    Ctx *c;
    const Limit *l;
    AffCtx *x;
    FxPool *fx;
    Kernel *k;
    KBuild b;
    Schedule sched;
    uint32_t *array;    /* kernel array of a limit array */
    ConsVec path;       /* loops and conditions around the current place */
    VEC(InputArray) input;
    VEC(DerivedReal) derived;
    uint32_t cells;     /* counter for names */
    SeriesCells series;
    KVal same;          /* pair: mask of equal samples; 0: not needed */
} Emit;

/* emit_resources.c: sizes, reals, arrays, inputs. */
bool emit_resources(Emit *e);
uint32_t emit_input(Emit *e, TpInputKind kind, KStage stage, uint32_t in0, uint32_t in1, Aff basis);
/* The size that is the dimension of an input. */
Sym emit_dim(const Emit *e, uint32_t input);
/* The value of a scalar expression: a number of the run where no loop variable occurs in it. */
KVal emit_scalar(Emit *e, Fx f, const KVal *theta);
/* emit_gram.c */
KVal emit_gram(Emit *e, const LGram *g);
/* emit_softmax.c: the statement of a softmax array's row at idx, whose axis `over` is a name of its
 * own. */
void emit_softmax(Emit *e, uint32_t array, const LSoftmax *s, Dim over, const Aff *idx, uint32_t n);
/* emit_factor.c */
KVal emit_factor(Emit *e, const LFactor *f);
/* The sum of terms as one value. */
KVal emit_value(Emit *e, LTerms t);
/* emit_series.c: the statement of a Hermite array (series stage), or of its number of terms (sample
 * stage). */
void emit_hermite_statement(Emit *e, LArrayId id, const LExp *x, const Aff *idx, uint32_t nidx);
/* emit_series.c */
KVal emit_series(Emit *e, const LSeries *s);
KVal emit_ref(Emit *e, LRef r);
void emit_gather(Emit *e, const LExp *x, GaussOperands *o);
/* emit_same.c: at the start of the pair function; the mask for an expectation that reads c, or for
 * the moment of leaf p of the left sample with leaf q of the right one (0: none). */
void emit_same(Emit *e);
KVal emit_same_unit(Emit *e, const LExp *x);
KVal emit_same_cross(Emit *e, const LExp *x, uint32_t p, uint32_t q);
/* emit_terms.c: the sum of terms with guards, handed to a store. */
typedef void EmitStore(Emit *e, void *ctx, KVal v);
void emit_terms(Emit *e, LTerms t, EmitStore *store, void *ctx);
/* Adds one term, with its reductions and guards, to a cell. */
void emit_accumulate(Emit *e, const LTerm *term, uint32_t cell);
uint32_t emit_cell(Emit *e, const char *what);
KVal emit_cell_load(Emit *e, uint32_t cell);
/* emit_loop.c: opens a loop; of the conditions, those that bound its variable and name none of
 * `later` become further bounds, and are marked as used. */
void emit_loop_under(Emit *e, Dim d, const Cons *cons, uint32_t ncons, const Sym *later,
                     uint32_t nlater, bool *used);
/* Fills the arrays of a group (0: those in none) that have a rim with zeros. */
void emit_rims(Emit *e, KStage stage, uint32_t group);
void emit_group_begin(Emit *e, uint32_t group); /* sums 0, loops over offsets, rims */
void emit_group_end(Emit *e, uint32_t group);
#endif
