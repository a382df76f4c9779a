/* The arc-cosine kernels for one type: REAL, NAME(..), ROUNDING.  Included twice by vec.h. */
#define VEC NAME(Vec)
#define DEGREE0 ((int)(sizeof NAME(fan00) / sizeof *NAME(fan00)) - 1)
#define DEGREE1 ((int)(sizeof NAME(fan11) / sizeof *NAME(fan11)) - 1)

/* kappa1 and kappa0 of u vectors of correlations in lockstep */
INLINE void NAME(kappa)(int u, const VEC *c, VEC *kappa1, VEC *kappa0) {
    VEC v[LOCKSTEP], w[LOCKSTEP], p[LOCKSTEP], r[LOCKSTEP];
    UNROLL for (int a = 0; a < u; a++) {
        v[a] = NAME(max)((REAL)(1 - ROUNDING) - NAME(abs)(c[a]), (VEC){0});
        w[a] = NAME(sqrt)(v[a]);
        p[a] = (VEC){0} + (REAL)(2 * NAME(fan00)[DEGREE0]);
        r[a] = (VEC){0} + (REAL)(2 * NAME(fan11)[DEGREE1]);
    }
    UNROLL for (int k = DEGREE0 - 1; k >= 0; k--) {
        UNROLL for (int a = 0; a < u; a++) p[a] = p[a] * v[a] + (REAL)(2 * NAME(fan00)[k]);
        if (k >= DEGREE1) continue;
        UNROLL for (int a = 0; a < u; a++) r[a] = r[a] * v[a] + (REAL)(2 * NAME(fan11)[k]);
    }
    UNROLL for (int a = 0; a < u; a++) {
        kappa1[a] = v[a] * w[a] * r[a] + NAME(max)(c[a], (VEC){0});
        kappa0[a] = NAME(reflect)(c[a], w[a] * p[a]);
    }
}

#undef REAL
#undef NAME
#undef ROUNDING
#undef VEC
#undef DEGREE0
#undef DEGREE1
