/* The images of one offset for one type: REAL, TABLE, NAME(..).  Included twice by cnn.c. */
#define VEC NAME(Vec)
#define LANES ((long)(VEC_BYTES / sizeof(REAL)))

/* Sums of three neighbours in a row, by row and column; rows 0 and h + 1 are zero. */
typedef struct NAME(Sums) {
    VEC K[CNN_H + 2][CNN_W], T[CNN_H + 2][CNN_W];
} NAME(Sums);

typedef struct NAME(Image) { /* rows and columns of the offset's image, and where they lie */
    int h, w;
    long left, right; /* first position of the samples */
    VEC same;
} NAME(Image);

/* u positions of a row: from K and T to m and t. */
INLINE void NAME(positions)(int u, const TABLE *t, long left, long right, const VEC *K,
                            const VEC *T, VEC same, VEC *m, VEC *n) {
    VEC c[LOCKSTEP], kappa1[LOCKSTEP], kappa0[LOCKSTEP];
    const VEC *s = (const VEC *)t->right_s + right;
    const VEC *inverse = (const VEC *)t->right_inverse + right;
    UNROLL for (int a = 0; a < u; a++)
        c[a] = NAME(max)(K[a] * (inverse[a] * t->inverse[left + a]), same);
    NAME(kappa)(u, c, kappa1, kappa0);
    UNROLL for (int a = 0; a < u; a++) {
        VEC both = s[a] * t->s[left + a];
        m[a] = both * kappa1[a];
        n[a] = NAME(positive)(both, kappa0[a]) * T[a] + m[a];
    }
}

INLINE void NAME(some)(int u, const TABLE *t, const NAME(Sums) *in, int y, int x, long left,
                       long right, VEC same, VEC *m, VEC *n) {
    VEC K[LOCKSTEP], T[LOCKSTEP];
    UNROLL for (int a = 0; a < u; a++) {
        K[a] = in->K[y][x + a] + in->K[y + 1][x + a] + in->K[y + 2][x + a];
        T[a] = in->T[y][x + a] + in->T[y + 1][x + a] + in->T[y + 2][x + a];
        K[a] = K[a] * t->a + t->b;
        T[a] = T[a] * t->a + t->b;
    }
    NAME(positions)(u, t, left + x, right + x, K, T, same, m + x + 1, n + x + 1);
}

/* Row y of layer l, between two zeros: m[1 ..], n[1 ..]. */
INLINE void NAME(row)(const TABLE *t, const NAME(Image) *g, const NAME(Sums) *in, int l, int y,
                      VEC *m, VEC *n) {
    long left = l * (long)CNN_HW + g->left + y * CNN_W;
    long right = l * (long)CNN_HW + g->right + y * CNN_W;
    int x = 0;
    for (; x + LOCKSTEP <= g->w; x += LOCKSTEP)
        NAME(some)(LOCKSTEP, t, in, y, x, left, right, g->same, m, n);
    for (; x < g->w; x++) NAME(some)(1, t, in, y, x, left, right, g->same, m, n);
}

INLINE void NAME(row_sums)(int w, const VEC *m, VEC *sum) {
    VEC a = m[0], b = m[1];
    for (int x = 0; x < w; x++) {
        VEC c = m[x + 2];
        sum[x] = a + b + c;
        a = b;
        b = c;
    }
}

static void NAME(layer)(const TABLE *t, const NAME(Image) *g, const NAME(Sums) *in,
                        NAME(Sums) *out, int l) {
    VEC m[CNN_W + 2] = {{0}}, n[CNN_W + 2] = {{0}};
    for (int y = 0; y < g->h; y++) {
        NAME(row)(t, g, in, l, y, m, n);
        NAME(row_sums)(g->w, m, out->K[y + 1]);
        NAME(row_sums)(g->w, n, out->T[y + 1]);
    }
}

static void NAME(last_layer)(const TABLE *t, const NAME(Image) *g, const NAME(Sums) *in, VEC *K,
                             VEC *Theta) {
    VEC m[CNN_W + 2], n[CNN_W + 2], k = {0}, theta = {0};
    for (int y = 0; y < g->h; y++) {
        NAME(row)(t, g, in, t->depth - 1, y, m, n);
        for (int x = 1; x <= g->w; x++) {
            k += m[x];
            theta += n[x];
        }
    }
    *K += k;
    *Theta += theta;
}

static void NAME(inputs)(const TABLE *t, const NAME(Image) *g, NAME(Sums) *out) {
    VEC m[CNN_W + 2] = {{0}};
    for (int y = 0; y < g->h; y++) {
        for (int x = 0; x < g->w; x++) {
            const REAL *p = t->x + (g->left + y * CNN_W + x) * CNN_C;
            const VEC *q = (const VEC *)t->right_x + (g->right + y * CNN_W + x) * CNN_C;
            m[x + 1] = q[0] * p[0];
            for (int k = 1; k < CNN_C; k++) m[x + 1] += q[k] * p[k];
            m[x + 1] *= (REAL)2 / CNN_C;
        }
        NAME(row_sums)(g->w, m, out->K[y + 1]);
        NAME(row_sums)(g->w, m, out->T[y + 1]);
    }
}

static void NAME(zero_rims)(const NAME(Image) *g, NAME(Sums) *s) {
    memset(s->K[0], 0, sizeof s->K[0]);
    memset(s->T[0], 0, sizeof s->T[0]);
    memset(s->K[g->h + 1], 0, sizeof s->K[0]);
    memset(s->T[g->h + 1], 0, sizeof s->T[0]);
}

void NAME(bench_cnn)(const TABLE *t, int dy, int dx, REAL *K, REAL *Theta) {
    NAME(Sums) s[2];
    long y = dy < 0 ? -dy : 0, x = dx < 0 ? -dx : 0;
    NAME(Image) g = {CNN_H - abs(dy), CNN_W - abs(dx), y * CNN_W + x,
                     (y + dy) * CNN_W + x + dx, (VEC){0} - 2};
    if (!dy && !dx) g.same = *(const VEC *)t->same;
    for (int i = 0; i < 2; i++) NAME(zero_rims)(&g, &s[i]);
    NAME(inputs)(t, &g, &s[0]);
    for (int l = 0; l + 1 < t->depth; l++) NAME(layer)(t, &g, &s[l % 2], &s[(l + 1) % 2], l);
    NAME(last_layer)(t, &g, &s[(t->depth - 1) % 2], (VEC *)K, (VEC *)Theta);
}

int NAME(bench_cnn_lanes)(void) { return (int)LANES; }

#undef REAL
#undef TABLE
#undef NAME
#undef VEC
#undef LANES
