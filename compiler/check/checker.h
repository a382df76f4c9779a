/* The inside of the check. */
#ifndef TPC_CHECK_CHECKER_H
#define TPC_CHECK_CHECKER_H
#include "check/check.h"
#include "check/form.h"

typedef VEC(FamId) FamIds;
typedef VEC(DefId) DefIds;

typedef struct Zero { /* a factor of coefficients and variances whose value in force is 0 */
    Fx f;
    bool assumed; /* to be 0: then the verdict depends on it */
} Zero;

typedef struct DefForms { /* normal forms of a definition's expressions; leaves: the operands of a
                             nonlin, then the scalars it reads */
    Form *form;           /* nonlin: f; lin, scalar: coefficients of the arms */
    VEC(Fx) sref;         /* the scalars, leaf nuse + i */
} DefForms;

typedef struct Checker {
    Ctx *c;
    Arena *a;
    const Program *p;  /* with gradients expanded and, of networks, adjoints */
    const Gradient *g; /* NULL: there was no need */
    DefId nforward;
    FormPool *forms;
    VEC(Zero) zero;
    bool turns;      /* some are extents of loops */
    Verdict *v;
    DefIds *reads;   /* of each definition */
    bool *needed;    /* by the output and the gradients of parameters and products */
    bool *below_out; /* of the forward pass */
    DefForms *def;
    const CheckProbe *probe;
    bool *read_out;    /* of each family: it makes a readout vector */
    uint32_t work;     /* steps of proofs so far */
    uint32_t inlined;  /* expressions written out for their parity */
} Checker;

static inline const Def *def_of(const Checker *k, DefId d) { return &k->p->def.data[d]; }
static inline const Fam *fam_of(const Checker *k, FamId f) { return &k->p->fam.data[f]; }
static inline const char *def_name(const Checker *k, DefId d) {
    return sym_text(k->c->syms, def_of(k, d)->name);
}
static inline const char *fam_name(const Checker *k, FamId f) {
    return sym_text(k->c->syms, fam_of(k, f)->name);
}
/* A product by a matrix of the interior. */
static inline bool is_product(const Checker *k, DefId d) {
    return def_of(k, d)->op == PO_matmul && fam_of(k, def_of(k, d)->fam)->kind == FAM_matrix;
}

/* view.c */
bool view_make(Ctx *c, const Program *p, bool gradient, Checker *k);
void fam_add(Checker *k, FamIds *list, FamId f);
void mark_below(Checker *k, DefId d, bool *seen, bool skip_zero);

/* facts.c: what is 0 by the values in force */
void facts_collect(Checker *k);
bool fact_zero(Checker *k, Fx f);
/* A definition in a loop of no turns (its extent is a fact of value 0). */
bool def_empty(Checker *k, DefId d);
/* "mu == 0 and gamma == 0", what is assumed; NULL: nothing. */
const char *facts_text(Checker *k);

/* forms.c */
Form def_form(Checker *k, DefId d, uint32_t i);
void forms_forget(Checker *k);

/* parity.c */
typedef struct Parities {
    Parity *of;     /* of each definition */
    bool *contains; /* a special vector */
} Parities;
typedef enum ParityMode { PARITY_INITIAL, PARITY_SOURCES } ParityMode;
typedef struct Source { /* what may be negated: a family, or one orientation of a matrix */
    FamId fam;
    bool transposed;
} Source;
typedef VEC(Source) SourceSet;
/* INITIAL: as functions of initial vectors and matrices; SOURCES: of the Gaussian parts of
 * products, which are sources themselves. */
void parities(Checker *k, const SourceSet *s, Parities *out); /* INITIAL, what is needed */
/* SOURCES, of the definitions `at` alone, into of[]; it says what the others are. */
void parities_in(Checker *k, const SourceSet *s, const DefIds *at, Parity *of);
Parity form_parity_of(Checker *k, DefId d, Form f, const Parity *of, bool deep);

/* simple.c */
typedef struct Readout1 { /* one inner product v' x of the output */
    Use v, x;
    bool fresh; /* v is made of parameters alone */
    bool mean;  /* with a nonzero mean */
    Span mean_at;
    FamIds fams; /* families below v */
} Readout1;
typedef struct Simple {
    bool passes;
    VEC(Readout1) readout;
} Simple;
void simple_check(Checker *k, Simple *out, bool reasons);

/* bplike.c */
typedef struct BpLike {
    bool passes;
    SourceSet special;
    const bool *backward; /* of each family: W' is the orientation called forward */
} BpLike;
void bplike_check(Checker *k, const Simple *s, BpLike *out, bool reasons);

/* Families used in both orientations by what is needed: has[fam]. */
bool *families_both(Checker *k);

/* chain.c: the shortest way from definition `from` down to `to`. */
void chain_find(Checker *k, DefId from, DefId to, CheckReason *r);

/* loops.c, unroll.c: corrections.  vanish: proved with the loops kept, for all sizes. */
bool corrections_vanish(Checker *k);
void corrections_unrolled(Checker *k);
bool corrections_exact(Checker *k);
#endif
