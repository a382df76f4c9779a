/* The recursion for one type: REAL, TABLE, NAME(..).  Included twice by recur.c. */
#define VEC NAME(Vec)
#define LANES (RECUR_BYTES / (long)sizeof(REAL))
#define DEGREE0 ((int)(sizeof NAME(fan00) / sizeof *NAME(fan00)) - 1)
#define DEGREE1 ((int)(sizeof NAME(fan11) / sizeof *NAME(fan11)) - 1)

/* By layer: the left sample's f, g, and where the right samples' lie. */
typedef struct NAME(Layer) {
    REAL f, g;
    const REAL *fy, *gy;
} NAME(Layer);

/* alpha / pi = w p and 2 pi (fan11) / (pi v w) = r of u vectors in lockstep */
INLINE void NAME(arc)(int u, const VEC *v, VEC *p, VEC *r) {
    UNROLL for (int a = 0; a < u; a++) {
        p[a] = (VEC){0} + (REAL)(2 * NAME(fan00)[DEGREE0]);
        r[a] = (VEC){0} + (REAL)(2 * NAME(fan11)[DEGREE1]);
    }
    UNROLL for (int k = DEGREE0 - 1; k >= 0; k--) {
        UNROLL for (int a = 0; a < u; a++) p[a] = p[a] * v[a] + (REAL)(2 * NAME(fan00)[k]);
        if (k >= DEGREE1) continue;
        UNROLL for (int a = 0; a < u; a++) r[a] = r[a] * v[a] + (REAL)(2 * NAME(fan11)[k]);
    }
}

/* One layer for u vectors, whose first lane is right sample j. */
INLINE void NAME(layer)(int u, const NAME(Layer) *t, long j, VEC *d, VEC *theta) {
    VEC v[LOCKSTEP], w[LOCKSTEP], p[LOCKSTEP], r[LOCKSTEP], one = (VEC){0} + 1;
    UNROLL for (int a = 0; a < u; a++) {
        v[a] = NAME(min)(d[a], 2 - d[a]);
        w[a] = NAME(sqrt)(v[a]);
    }
    NAME(arc)(u, v, p, r);
    UNROLL for (int a = 0; a < u; a++) {
        VEC fy = *(const VEC *)(t->fy + j + a * LANES), gy = *(const VEC *)(t->gy + j + a * LANES);
        VEC kappa0 = NAME(reflect)(d[a], w[a] * p[a]);
        VEC defect1 = NAME(min)(d[a], one) - v[a] * w[a] * r[a];
        VEC df = fy - t->f, dg = gy - t->g, ff = fy * t->f;
        VEC norms = (df * df + dg * dg) * (REAL)0.5;
        d[a] = ff * defect1 + norms;
        theta[a] = (1 - d[a]) + ff * kappa0 * theta[a];
    }
}

/* All layers of groups * u vectors in registers. */
INLINE void NAME(block)(int u, int groups, int depth, const REAL *d0, REAL *K, REAL *Theta,
                        const TABLE *left, long i, const TABLE *right, long j) {
    VEC d[GROUPS * LOCKSTEP], theta[GROUPS * LOCKSTEP];
    UNROLL for (int a = 0; a < groups * u; a++) {
        d[a] = *(const VEC *)(d0 + a * LANES);
        theta[a] = 1 - d[a];
    }
    for (int l = 0; l < depth; l++) {
        NAME(Layer) t = {left->f[l * left->stride + i], left->g[l * left->stride + i],
                         right->f + l * right->stride, right->g + l * right->stride};
        UNROLL for (int q = 0; q < groups; q++)
            NAME(layer)(u, &t, j + q * u * LANES, d + q * u, theta + q * u);
    }
    UNROLL for (int a = 0; a < groups * u; a++) {
        VEC scale = *(const VEC *)(right->scale + j + a * LANES) * left->scale[i];
        *(VEC *)(K + a * LANES) = scale * (1 - d[a]);
        *(VEC *)(Theta + a * LANES) = scale * theta[a];
    }
}

void NAME(bench_recur)(int depth, long n, const REAL *d0, REAL *K, REAL *Theta, const TABLE *left,
                       long i, const TABLE *right, long j) {
    const long whole = GROUPS * LOCKSTEP * LANES, group = LOCKSTEP * LANES;
    long k = 0;
    for (; k + whole <= n; k += whole)
        NAME(block)(LOCKSTEP, GROUPS, depth, d0 + k, K + k, Theta + k, left, i, right, j + k);
    for (; k + group <= n; k += group)
        NAME(block)(LOCKSTEP, 1, depth, d0 + k, K + k, Theta + k, left, i, right, j + k);
    for (; k < n; k += LANES)
        NAME(block)(1, 1, depth, d0 + k, K + k, Theta + k, left, i, right, j + k);
}

#undef REAL
#undef TABLE
#undef NAME
#undef VEC
#undef LANES
#undef DEGREE0
#undef DEGREE1
