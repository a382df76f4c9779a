/* Elimination: equalities with a coefficient +-1 by substitution, the rest by Fourier-Motzkin,
 * every row divided by the gcd of its coefficients and its constant rounded down (all unknowns
 * are integers). */
#include "affine/internal.h"
#include <string.h>

/* Above this many rows, those that Kohler's criterion calls redundant are dropped: a row
 * combined from more than (eliminated variables + 1) given ones follows, over the rationals,
 * from the others. */
enum { KOHLER_FROM = 40 };

void system_clear(System *s) {
    s->nvar = s->nrow = s->neliminated = 0;
    s->infeasible = false;
}

uint32_t system_column(System *s, Sym name) {
    for (uint32_t v = 0; v < s->nvar; v++)
        if (s->name[v] == name) return v;
    if (s->nvar == MAX_VARS) return MAX_VARS;
    for (uint32_t r = 0; r < s->nrow; r++) s->row[r].k[s->nvar] = 0;
    s->name[s->nvar] = name;
    return s->nvar++;
}

static int64_t gcd(int64_t a, int64_t b) {
    while (b) {
        int64_t t = a % b;
        a = b;
        b = t;
    }
    return a;
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

typedef enum RowState { ROW_keep, ROW_trivial, ROW_impossible } RowState;

static RowState row_normalise(Row *r, uint32_t nvar) {
    int64_t g = 0;
    for (uint32_t v = 0; v < nvar; v++)
        if (r->k[v]) g = gcd(g, r->k[v] < 0 ? -r->k[v] : r->k[v]);
    if (!g) return (r->eq ? r->c == 0 : r->c >= 0) ? ROW_trivial : ROW_impossible;
    if (g == 1) return ROW_keep;
    if (r->eq && r->c % g) return ROW_impossible;
    for (uint32_t v = 0; v < nvar; v++) r->k[v] /= g;
    r->c = r->eq ? r->c / g : floor_div(r->c, g);
    return ROW_keep;
}

/* +1: same coefficients, -1: opposite ones, 0: neither */
static int row_parallel(const Row *a, const Row *b, uint32_t nvar) {
    int sign = 0;
    for (uint32_t v = 0; v < nvar; v++) {
        if (a->k[v] == 0 && b->k[v] == 0) continue;
        int t = a->k[v] == b->k[v] ? 1 : a->k[v] == -b->k[v] ? -1 : 0;
        if (!t || (sign && t != sign)) return 0;
        sign = t;
    }
    return sign;
}

/* Add an inequality to rows[0..*n): keeps the stronger of parallel ones; false where it
 * contradicts an opposite one. */
static bool rows_add(Row *rows, uint32_t *n, const Row *r, uint32_t nvar) {
    bool known = false;
    for (uint32_t i = 0; i < *n; i++) {
        if (rows[i].eq) continue;
        int p = row_parallel(&rows[i], r, nvar);
        int64_t sum;
        if (p < 0 && !__builtin_add_overflow(rows[i].c, r->c, &sum) && sum < 0) return false;
        if (p > 0) {
            known = true;
            if (r->c < rows[i].c) rows[i] = *r;
        }
    }
    if (!known && *n < MAX_CONS) rows[(*n)++] = *r;
    return true;
}

static void add_row(System *s, Row *r) {
    switch (row_normalise(r, s->nvar)) {
    case ROW_trivial: return;
    case ROW_impossible: s->infeasible = true; return;
    case ROW_keep: break;
    }
    if (r->eq) {
        if (s->nrow < MAX_CONS) s->row[s->nrow++] = *r;
    } else if (!rows_add(s->row, &s->nrow, r, s->nvar)) {
        s->infeasible = true;
    }
}

/* A variable of one value (a window of length 1): v - c >= 0 stands there, and c - v >= 0 is given.
 * The former becomes an equality, which is substituted before anything is rounded. */
static bool fixes_variable(System *s, const Row *r) {
    uint32_t n = 0, v = 0;
    for (uint32_t k = 0; k < s->nvar; k++)
        if (r->k[k]) n++, v = k;
    for (uint32_t i = 0; n == 1 && i < s->nrow; i++) {
        Row *o = &s->row[i];
        bool opposite = !o->eq && o->c == -r->c && o->k[v] == -r->k[v];
        for (uint32_t k = 0; opposite && k < s->nvar; k++) opposite = k == v || !o->k[k];
        if (!opposite) continue;
        o->eq = true;
        return true;
    }
    return false;
}

void system_add(System *s, Aff e, bool eq) {
    Row r = {.c = e.c, .eq = eq, .from = UINT64_C(1) << (s->nrow % 64)};
    for (uint32_t i = 0; i < e.nterm; i++) {
        uint32_t v = system_column(s, e.term[i].name);
        if (v == MAX_VARS) return;
        r.k[v] = e.term[i].k;
    }
    if (eq || !s->fixes || !fixes_variable(s, &r)) add_row(s, &r);
}

void system_add_value(System *s, Aff e, uint32_t z) {
    Row up = {.c = e.c, .from = UINT64_C(1) << (s->nrow % 64)}, down = up;
    for (uint32_t i = 0; i < e.nterm; i++) {
        uint32_t v = system_column(s, e.term[i].name);
        if (v == MAX_VARS) return;
        up.k[v] = e.term[i].k;
    }
    up.k[z] = -1;
    down.c = -e.c;
    for (uint32_t v = 0; v < s->nvar; v++) down.k[v] = -up.k[v];
    add_row(s, &up);
    add_row(s, &down);
}

/* out = p * a + q * b; false on overflow */
static bool row_mix(Row *out, const Row *a, int64_t p, const Row *b, int64_t q, uint32_t nvar) {
    int64_t u, w;
    for (uint32_t v = 0; v < nvar; v++) {
        if (__builtin_mul_overflow(a->k[v], p, &u) || __builtin_mul_overflow(b->k[v], q, &w) ||
            __builtin_add_overflow(u, w, &out->k[v]))
            return false;
    }
    for (uint32_t v = nvar; v < MAX_VARS; v++) out->k[v] = 0;
    out->from = a->from | b->from;
    return !__builtin_mul_overflow(a->c, p, &u) && !__builtin_mul_overflow(b->c, q, &w) &&
           !__builtin_add_overflow(u, w, &out->c);
}

/* A column of equality e with coefficient +-1 that may go; MAX_VARS if none. */
static uint32_t unit_column(const System *s, const Row *e, const bool *keep) {
    for (uint32_t v = 0; v < s->nvar; v++)
        if (!keep[v] && (e->k[v] == 1 || e->k[v] == -1)) return v;
    return MAX_VARS;
}

static void substitute(System *s, Row e, uint32_t v) {
    uint32_t n = s->nrow;
    memcpy(s->next, s->row, n * sizeof *s->row);
    s->nrow = 0;
    for (uint32_t i = 0; i < n && !s->infeasible; i++) {
        Row *r = &s->next[i], m;
        if (!r->k[v]) {
            add_row(s, r);
            continue;
        }
        m.eq = r->eq;
        if (row_mix(&m, r, 1, &e, -r->k[v] * e.k[v], s->nvar)) add_row(s, &m);
    }
    s->neliminated++;
}

/* Kept columns stay as equalities only if no column that must go is in the row. */
static bool has_eliminable(const System *s, const Row *r, const bool *keep) {
    for (uint32_t v = 0; v < s->nvar; v++)
        if (r->k[v] && !keep[v]) return true;
    return false;
}

static void use_equalities(System *s, const bool *keep) {
    for (bool again = true; again && !s->infeasible;) {
        again = false;
        for (uint32_t i = 0; i < s->nrow && !again; i++) {
            if (!s->row[i].eq) continue;
            uint32_t v = unit_column(s, &s->row[i], keep);
            if (v == MAX_VARS) continue;
            Row e = s->row[i];
            s->row[i] = s->row[--s->nrow];
            substitute(s, e, v);
            again = true;
        }
    }
}

static void split_equalities(System *s, const bool *keep) {
    for (uint32_t i = 0; i < s->nrow && !s->infeasible;) {
        if (!s->row[i].eq || !has_eliminable(s, &s->row[i], keep)) {
            i++;
            continue;
        }
        Row e = s->row[i], minus = e;
        s->row[i] = s->row[--s->nrow];
        e.eq = minus.eq = false;
        for (uint32_t v = 0; v < s->nvar; v++) minus.k[v] = -e.k[v];
        minus.c = -e.c;
        add_row(s, &e);
        add_row(s, &minus);
        i = 0;
    }
}

/* The column whose elimination makes the fewest rows; MAX_VARS when all that remain are kept. */
static uint32_t cheapest(const System *s, const bool *keep) {
    uint32_t best = MAX_VARS, cost = UINT32_MAX;
    for (uint32_t v = 0; v < s->nvar; v++) {
        if (keep[v]) continue;
        uint32_t pos = 0, neg = 0;
        for (uint32_t i = 0; i < s->nrow; i++) {
            pos += s->row[i].k[v] > 0;
            neg += s->row[i].k[v] < 0;
        }
        if (pos + neg && pos * neg < cost) best = v, cost = pos * neg;
    }
    return best;
}

static bool redundant(const System *s, const Row *r) {
    return s->nrow > KOHLER_FROM && (uint32_t)__builtin_popcountll(r->from) > s->neliminated + 1;
}

static void combine_pair(System *s, uint32_t *n, const Row *p, const Row *q, uint32_t v) {
    Row m = {.eq = false};
    int64_t g = gcd(p->k[v], -q->k[v]);
    if (!row_mix(&m, p, -q->k[v] / g, q, p->k[v] / g, s->nvar) || redundant(s, &m)) return;
    switch (row_normalise(&m, s->nvar)) {
    case ROW_trivial: return;
    case ROW_impossible: s->infeasible = true; return;
    case ROW_keep: break;
    }
    if (!rows_add(s->next, n, &m, s->nvar)) s->infeasible = true;
}

static void eliminate_column(System *s, uint32_t v) {
    uint32_t n = 0, given = s->nrow;
    s->neliminated++;
    for (uint32_t i = 0; i < given; i++)
        if (!s->row[i].k[v]) s->next[n++] = s->row[i];
    for (uint32_t i = 0; i < given && !s->infeasible; i++) {
        if (s->row[i].k[v] <= 0) continue;
        for (uint32_t j = 0; j < given && !s->infeasible; j++)
            if (s->row[j].k[v] < 0) combine_pair(s, &n, &s->row[i], &s->row[j], v);
    }
    s->nrow = n;
    memcpy(s->row, s->next, n * sizeof *s->row);
}

void system_eliminate(System *s, const bool *keep) {
    use_equalities(s, keep);
    split_equalities(s, keep);
    while (!s->infeasible) {
        uint32_t v = cheapest(s, keep);
        if (v == MAX_VARS) return;
        eliminate_column(s, v);
    }
}

bool system_form(AffCtx *x, const System *s, const Row *r, Aff *out) {
    Aff e = aff_const(r->c);
    for (uint32_t v = 0; v < s->nvar; v++) {
        if (!r->k[v]) continue;
        if (r->k[v] > INT32_MAX || r->k[v] < -INT32_MAX) return false;
        e = aff_add(x, e, aff_scale(x, aff_name(x, s->name[v]), (int32_t)r->k[v]));
    }
    *out = e;
    return true;
}
