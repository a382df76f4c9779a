/* Inside limit/: the derivation's working form.
 *
 * Until the demand fixpoint is reached an array is indexed by all dims of both definitions, the
 * right ones primed, and its state says which of them are fixed or linked; LRef.idx holds every
 * index (left ones, then right ones) and LRef.array the number of a WArray.  resolve.c makes
 * the form of limit.h. */
#ifndef TPC_LIMIT_DERIVE_H
#define TPC_LIMIT_DERIVE_H
#include "limit/limit.h"

typedef VEC(LTerm) TermVec;

typedef struct Path { /* constraints known to hold where a term stands */
    const Cons *c;
    uint32_t n;
} Path;

typedef struct Elem { /* element idx[..] of a definition */
    DefId d;
    const Aff *idx;
} Elem;

typedef struct Interval {
    bool has_lo, has_hi;
    int64_t lo, hi;
} Interval;

/* Which members a of a family occur above the last matrix of definition d: bounds of a_k - i_b
 * (column b < ndim), of a_k (column ndim), and of i_b (last row).  Row length ndim + 1. */
typedef struct Zone {
    uint32_t fam; /* FamId, or the number of families: data vectors */
    uint32_t nfidx, joins;
    Interval *iv;
} Zone;

typedef struct FlatCase { /* where cons hold: the definition is f of these Gaussian leaves */
    const Cons *cons;
    uint32_t ncons;
    Fx f; /* leaves and, in the definition's own dims, scalars */
    const Elem *leaf;
    uint32_t nleaf;
} FlatCase;

typedef struct Flat {
    const FlatCase *c;
    uint32_t n;
    bool jumps; /* some f may be discontinuous */
} Flat;

typedef struct DefFact {
    bool live;     /* an output depends on it */
    bool zero;     /* scalar: the number 0 for sure */
    bool vector;   /* has a Z */
    bool gauss;    /* Z is affine in Gaussians for sure */
    bool centred;  /* mean 0 for sure */
    bool noisy;    /* noise enters, through matrices too */
    const bool *idle; /* [dim] the value does not depend on it: every element is read at `rep` */
    const Aff *rep;   /* in sizes and earlier dims */
    const Sym *home;  /* [dim] name of the loop it steps along with: its own, or an operand's */
    uint32_t reads;
    uint32_t size; /* terms that expanding its sums would give, through matrices; saturates */
    const Arm *arm; /* without those of coefficient 0; scalars known to be 0 are gone */
    uint32_t narm;
    Fx f;           /* likewise */
    VEC(Zone) zone;
    const Flat *flat; /* made on demand */
    uint32_t version; /* of zone: number of changes */
} DefFact;

typedef struct Link { /* of a right dim; on: lo <= j - i_a <= hi */
    bool on;
    uint32_t a;
    Aff lo, hi;
} Link;

typedef struct WArray {
    LKind kind; /* C, T, M, D */
    bool self;
    DefId A, B;
    uint32_t leaf;
    Link *link;     /* [dims of B] */
    bool *is_fixed; /* [dims of A, then of B] */
    Aff *fixed;
    uint32_t widened;
    bool queued;
    LTerms eq;
    uint32_t id; /* number in the result */
} WArray;

typedef struct Derive {
    Ctx *c;
    Arena *a;
    const Program *p;
    AffCtx *x;
    FxPool *fx;
    bool mirrored; /* C self of (B, A) is read as that of (A, B) */
    bool *whole;   /* [def] fixed indices are not dropped, but of idle dims: cycle.c */
    bool failed;
    DefFact *def;
    VEC(WArray) arr; /* [0] unused */
    VEC(uint32_t) queue;
    uint32_t queue_at;
    const AffSubst *right_sizes; /* per-sample size -> its primed name */
    uint32_t nright_sizes;
} Derive;

/* What a covariance is derived for. */
typedef struct Goal {
    LKind kind; /* C or T */
    bool self;
    Side side; /* self: the sample */
} Goal;

typedef enum CorrKind { CORR_never, CORR_always, CORR_when } CorrKind;
typedef struct Corr {
    CorrKind kind;
    const Cons *c; /* when: the constraints under which a Gaussian may be shared */
    uint32_t n;
} Corr;

static inline const Def *def_of(const Derive *L, DefId d) { return &L->p->def.data[d]; }
static inline bool is_lin(const Derive *L, DefId d) { return def_of(L, d)->op == PO_lin; }

/* ---- facts.c */
void facts_make(Derive *L);
/* A sum read more than once that expands to many terms: its pairs and its mean are named, or the
 * number of terms would double with every such sum on the way. */
bool is_big(const Derive *L, DefId d);
/* ---- scalar.c: scalar definitions, read as sref nodes of expressions */
/* f with scalars that are the number 0 put in. */
Fx scalar_known(Derive *L, Fx f);
/* The array of a scalar definition that was demanded. */
uint32_t scalar_array(const Derive *L, DefId d);
void scalar_demand(Derive *L, Fx f, Side side, Path path);
void scalar_derive(Derive *L, DefId d, Path path, TermVec *out);
/* ---- idle.c */
void idle_make(Derive *L);
/* The index with idle dims at their representative; m: renames sizes. */
void idle_index(Derive *L, DefId d, Aff *idx, const AffSubst *m, uint32_t n);
/* ---- tops.c */
void tops_make(Derive *L);
Corr corr_of(Derive *L, Elem A, Elem B, Path path);

/* ---- terms.c: pieces of terms */
Path path_and(Derive *L, Path p, const Cons *c, uint32_t n);
void path_range(Derive *L, ConsVec *v, const Dim *d, uint32_t n, const AffSubst *m, uint32_t nm);
/* Substitution of the dims of e.d by e.idx; `right`: of a right copy in a pair. */
const AffSubst *elem_bind(Derive *L, Elem e, bool right, uint32_t *n);
Elem elem_own(Derive *L, DefId d);
Elem elem_primed(Derive *L, DefId d);
Elem elem_use(Derive *L, Use u, const AffSubst *m, uint32_t n);
bool elem_same(Derive *L, Elem a, Elem b, Path path);
bool idx_size_only(const Derive *L, Elem e);
uint32_t mu_dim(Derive *L, DefId d);
LFactor factor_coef(Derive *L, Fx f);
/* A scalar expression of the sample at `side`; the scalars it reads are demanded. */
LFactor factor_scalar(Derive *L, Fx f, Side side, Path path);
LFactor factor_ref(uint32_t arr, Side side, const Aff *idx);
void term_push(Derive *L, TermVec *out, const LFactor *f, uint32_t n);
/* Every term of t, with red, cons and factors in front, appended to out. */
void terms_prefix(Derive *L, const Dim *red, uint32_t nred, const Cons *cons, uint32_t ncons,
                  const LFactor *f, uint32_t nf, const TermVec *t, TermVec *out);
LTerms terms_done(const TermVec *t);

/* One arm of a linear definition at an element: its reductions renamed apart from the path. */
typedef struct ArmAt {
    Elem of;
    Path path;
    const Dim *red;
    uint32_t nred;
    const Cons *cons;
    uint32_t ncons;
    Fx coef;
    Side side; /* whose scalars */
} ArmAt;
/* false: infeasible under the path */
bool arm_open(Derive *L, Elem e, const Arm *arm, bool right, Side side, Path path, ArmAt *out);
void arm_close(Derive *L, const ArmAt *at, const TermVec *t, TermVec *out);

/* ---- subst.c: names replaced everywhere, working form */
LTerm term_subst(Derive *L, LTerm t, const AffSubst *m, uint32_t n);
LTerms terms_subst(Derive *L, LTerms t, const AffSubst *m, uint32_t n);
uint32_t warray_nidx(const Derive *L, const WArray *r);

/* ---- demand.c */
uint32_t demand(Derive *L, WArray key, Elem A, Elem B, Path path, Side side);
Path warray_domain(Derive *L, const WArray *r);
/* Linked right names and fixed names in terms of the free ones. */
const AffSubst *warray_names(Derive *L, const WArray *r, uint32_t *n);
bool link_equal(const Link *l);

/* ---- cycle.c: the fixpoint must be taken again, with more definitions in L->whole */
bool cycles_unfix(Derive *L);

/* ---- cov.c */
void cov(Derive *L, Goal g, Elem A, Elem B, Path path, bool top, TermVec *out);
void cov_ref(Derive *L, Goal g, Elem A, Elem B, Path path, Corr corr, TermVec *out);
void mean_of(Derive *L, Elem A, Side side, Path path, TermVec *out);
void cov_output(Derive *L, Goal g, Elem A, Elem B, Path path, TermVec *out);
void warray_derive(Derive *L, const WArray *r, TermVec *out);

/* ---- flatten.c */
const Flat *flat_of(Derive *L, DefId d);
FlatCase flat_at(Derive *L, const FlatCase *c, Elem e, bool right);

/* ---- expect.c */
void expect_pair(Derive *L, Goal g, Elem A, Elem B, Path path, TermVec *out);
void expect_one(Derive *L, LKind kind, DefId d, uint32_t leaf, Path path, TermVec *out);
void expect_stein(Derive *L, Goal g, Elem N, Elem other, bool right, Path path, TermVec *out);

/* ---- simplify.c */
LTerms terms_simplify(Derive *L, LTerms t, Path domain);

/* ---- resolve.c */
void limit_resolve(Derive *L, Limit *out);
/* ---- forward.c: readers of arrays that only pass elements on read what is behind them */
void limit_forward(Limit *l, Arena *a);
/* ---- reuse.c: T = C + the rest, where a T equation contains all terms of the C equation */
void limit_reuse(Limit *l, Arena *a);
/* ---- sign.c */
void limit_signs(Limit *l);
bool fx_continuous(FxPool *p, Fx f);
#endif
