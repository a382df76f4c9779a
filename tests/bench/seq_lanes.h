/* The recursions for one type: REAL, TABLE, NAME(..).  Included twice by seq.c. */
#define VEC NAME(Vec)

/* m and f of u correlations. */
INLINE void NAME(relu)(int u, const VEC *c, const VEC *both, VEC *m, VEC *f) {
    VEC kappa1[LOCKSTEP], kappa0[LOCKSTEP];
    NAME(kappa)(u, c, kappa1, kappa0);
    UNROLL for (int a = 0; a < u; a++) {
        m[a] = both[a] * kappa1[a] * (REAL)0.5;
        f[a] = kappa0[a] * (REAL)0.5;
    }
}

/* asin c = pi (kappa0(c) - 1/2) */
INLINE void NAME(arcsine)(int u, const VEC *c, const VEC *both, VEC *m, VEC *f) {
    VEC kappa1[LOCKSTEP], kappa0[LOCKSTEP];
    NAME(kappa)(u, c, kappa1, kappa0);
    UNROLL for (int a = 0; a < u; a++) {
        m[a] = kappa0[a] * 2 - 1;
        f[a] = both[a] * (REAL)0.63661977236758134308 / NAME(sqrt)(1 - c[a] * c[a]);
    }
}

INLINE VEC NAME(dot)(const REAL *x, const VEC *y, long step) {
    VEC g = y[0] * x[0];
    UNROLL for (int c = 1; c < SEQ_D; c++) g += y[c * step] * x[c];
    return g * (REAL)(1.0 / SEQ_D);
}

/* One step of LOCKSTEP places; in place. */
INLINE void NAME(step)(const TABLE *t, bool erf, const VEC *g, const VEC *inverse, const VEC *both,
                       VEC *m, VEC *n) {
    VEC c[LOCKSTEP], T[LOCKSTEP], f[LOCKSTEP];
    UNROLL for (int a = 0; a < LOCKSTEP; a++) {
        VEC K = m[a] * t->w + (g[a] * t->u + t->b);
        c[a] = K * inverse[a];
        T[a] = K + t->w * n[a];
    }
    if (erf) NAME(arcsine)(LOCKSTEP, c, both, m, f);
    else NAME(relu)(LOCKSTEP, c, both, m, f);
    UNROLL for (int a = 0; a < LOCKSTEP; a++) n[a] = f[a] * T[a];
}

static void NAME(relu_last)(const TABLE *t, VEC *K, VEC *Theta) {
    VEC m[BATCH] = {{0}}, n[BATCH] = {{0}};
    for (long p = 0; p < SEQ_T; p++)
        UNROLL for (int k = 0; k < BATCH; k += LOCKSTEP) {
            VEC g[LOCKSTEP], inverse[LOCKSTEP], both[LOCKSTEP];
            UNROLL for (int a = 0; a < LOCKSTEP; a++) {
                const VEC *x = (const VEC *)t->right_x + p * SEQ_D * BATCH + k + a;
                g[a] = NAME(dot)(t->x + p * SEQ_D, x, BATCH);
                inverse[a] = ((const VEC *)t->right_inverse)[p * BATCH + k + a] * t->inverse[p];
                both[a] = ((const VEC *)t->right_s)[p * BATCH + k + a] * t->s[p];
            }
            NAME(step)(t, false, g, inverse, both, m + k, n + k);
        }
    for (int k = 0; k < BATCH; k++) K[k] = m[k], Theta[k] = m[k] + n[k];
}

/* m[t'], n[t'] of one t at a time, from those of t - 1: from the last t' to the first. */
INLINE void NAME(average)(const TABLE *t, bool erf, VEC *K, VEC *Theta) {
    VEC m[SEQ_T + 1] = {{0}}, n[SEQ_T + 1] = {{0}}, k = {0}, theta = {0};
    for (long p = 0; p < SEQ_T; p++)
        for (long r = SEQ_T - LOCKSTEP; r >= 0; r -= LOCKSTEP) {
            VEC g[LOCKSTEP], inverse[LOCKSTEP], both[LOCKSTEP], x[LOCKSTEP], y[LOCKSTEP];
            UNROLL for (int a = 0; a < LOCKSTEP; a++) {
                const VEC *right = (const VEC *)t->right_x + (r + a) * SEQ_D;
                g[a] = NAME(dot)(t->x + p * SEQ_D, right, 1);
                inverse[a] = ((const VEC *)t->right_inverse)[r + a] * t->inverse[p];
                both[a] = ((const VEC *)t->right_s)[r + a] * t->s[p];
                x[a] = m[r + a], y[a] = n[r + a];
            }
            NAME(step)(t, erf, g, inverse, both, x, y);
            UNROLL for (int a = 0; a < LOCKSTEP; a++) {
                m[r + a + 1] = x[a], n[r + a + 1] = y[a];
                k += x[a], theta += y[a];
            }
        }
    *K = k * (REAL)(1.0 / SEQ_T / SEQ_T);
    *Theta = *K + theta * (REAL)(1.0 / SEQ_T / SEQ_T);
}

static void NAME(relu_avg)(const TABLE *t, VEC *K, VEC *Theta) {
    NAME(average)(t, false, K, Theta);
}

static void NAME(erf_avg)(const TABLE *t, VEC *K, VEC *Theta) {
    NAME(average)(t, true, K, Theta);
}

/* ---- transformer */
typedef struct NAME(Square) {
    VEC at[SEQ_T][SEQ_T];
} NAME(Square);

/* r = A (u K), n = A (u K + u T) of row s */
INLINE void NAME(left_row)(const TABLE *t, const REAL *a, const NAME(Square) *K,
                           const NAME(Square) *T, VEC *r, VEC *n) {
    for (long q = 0; q < SEQ_T; q++) r[q] = n[q] = (VEC){0};
    for (long p = 0; p < SEQ_T; p++)
        for (long q = 0; q < SEQ_T; q++) {
            r[q] += a[p] * K->at[p][q];
            n[q] += a[p] * T->at[p][q];
        }
    for (long q = 0; q < SEQ_T; q++) {
        n[q] = (n[q] + r[q]) * t->u;
        r[q] *= t->u;
    }
}

INLINE void NAME(after)(const TABLE *t, long row, long col, const VEC *Z, const VEC *N, VEC *K,
                        VEC *T) {
    VEC c[LOCKSTEP], both[LOCKSTEP], m[LOCKSTEP], f[LOCKSTEP], H[LOCKSTEP];
    UNROLL for (int a = 0; a < LOCKSTEP; a++) {
        H[a] = Z[a] * t->w + t->b;
        c[a] = H[a] * (((const VEC *)t->right_inverse)[col + a] * t->inverse[row]);
        both[a] = ((const VEC *)t->right_s)[col + a] * t->s[row];
    }
    NAME(relu)(LOCKSTEP, c, both, m, f);
    UNROLL for (int a = 0; a < LOCKSTEP; a++) {
        VEC z = ((const VEC *)t->right_z)[col + a] * t->z[row], o = m[a] * t->w + t->b;
        K[a] = z * (o + Z[a]);
        T[a] = z * (o + f[a] * (H[a] + t->w * N[a]) * t->w + N[a]);
    }
}

/* Row p of a block's result. */
static void NAME(row)(const TABLE *t, long l, long p, const VEC *r, const VEC *n, VEC *K, VEC *T) {
    for (long q = 0; q < SEQ_T; q += LOCKSTEP) {
        VEC Z[LOCKSTEP], N[LOCKSTEP];
        UNROLL for (int a = 0; a < LOCKSTEP; a++) {
            const VEC *right = (const VEC *)t->right_a + ((l * SEQ_T) + q + a) * SEQ_T;
            VEC x = {0}, y = {0};
            for (long k = 0; k < SEQ_T; k++) {
                x += right[k] * r[k];
                y += right[k] * n[k];
            }
            VEC scale = ((const VEC *)t->right_y)[l * SEQ_T + q + a] * t->y[l * SEQ_T + p];
            Z[a] = x * scale, N[a] = y * scale;
        }
        NAME(after)(t, l * SEQ_T + p, l * SEQ_T + q, Z, N, K + q, T + q);
    }
}

static void NAME(transformer)(const TABLE *t, VEC *K, VEC *Theta) {
    static _Thread_local NAME(Square) k[2], n[2];
    VEC r[SEQ_T], o[SEQ_T], sum = {0}, theta = {0};
    for (long p = 0; p < SEQ_T; p++)
        for (long q = 0; q < SEQ_T; q++) {
            const VEC *x = (const VEC *)t->right_x + q * SEQ_D;
            k[0].at[p][q] = NAME(dot)(t->x + p * SEQ_D, x, 1);
            n[0].at[p][q] = (VEC){0};
        }
    for (long l = 0; l < t->depth; l++)
        for (long p = 0; p < SEQ_T; p++) {
            const REAL *a = t->a + (l * SEQ_T + p) * SEQ_T;
            NAME(left_row)(t, a, &k[l % 2], &n[l % 2], r, o);
            NAME(row)(t, l, p, r, o, k[(l + 1) % 2].at[p], n[(l + 1) % 2].at[p]);
        }
    for (long p = 0; p < SEQ_T; p++)
        for (long q = 0; q < SEQ_T; q++) {
            sum += k[t->depth % 2].at[p][q];
            theta += n[t->depth % 2].at[p][q];
        }
    *K = sum * (REAL)(1.0 / SEQ_T / SEQ_T);
    *Theta = *K + theta * (REAL)(1.0 / SEQ_T / SEQ_T);
}

/* ---- layer norm */
static void NAME(norm)(const TABLE *t, VEC *K, VEC *Theta) {
    VEC m[BATCH], n[BATCH] = {{0}};
    for (int k = 0; k < BATCH; k++)
        m[k] = NAME(dot)(t->x, (const VEC *)t->right_x + k, BATCH);
    for (long l = 0; l < t->depth; l++)
        UNROLL for (int k = 0; k < BATCH; k += LOCKSTEP) {
            VEC c[LOCKSTEP], H[LOCKSTEP], inverse[LOCKSTEP], one[LOCKSTEP], f[LOCKSTEP];
            UNROLL for (int a = 0; a < LOCKSTEP; a++) {
                H[a] = m[k + a] * t->w + t->b;
                inverse[a] = ((const VEC *)t->right_inverse)[l * BATCH + k + a] * t->inverse[l];
                c[a] = H[a] * inverse[a];
                one[a] = (VEC){0} + 1;
            }
            NAME(relu)(LOCKSTEP, c, one, m + k, f);
            UNROLL for (int a = 0; a < LOCKSTEP; a++)
                n[k + a] = f[a] * inverse[a] * (H[a] + t->w * n[k + a]);
        }
    for (int k = 0; k < BATCH; k++) K[k] = m[k], Theta[k] = m[k] + n[k];
}

void NAME(bench_seq)(SeqKind kind, const TABLE *t, REAL *K, REAL *Theta) {
    void (*const f[])(const TABLE *, VEC *, VEC *) = {
        [SEQ_relu_last] = NAME(relu_last),     [SEQ_relu_avg] = NAME(relu_avg),
        [SEQ_erf_avg] = NAME(erf_avg),         [SEQ_transformer] = NAME(transformer),
        [SEQ_norm] = NAME(norm),
    };
    f[kind](t, (VEC *)K, (VEC *)Theta);
}

#undef REAL
#undef TABLE
#undef NAME
#undef VEC
