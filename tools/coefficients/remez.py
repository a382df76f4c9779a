"""Minimax polynomials whose coefficients are floating-point numbers.

fit(f, w, lo, hi, degree, bits) minimises max |w(x) (p(x) - f(x))| over [lo, hi]: Remez exchange
on a dense Chebyshev grid with mpmath, then the coefficients are rounded to `bits` bits one by
one, lowest first, and after each rounding the later ones are corrected to make up for it (a linear
program on the residual, scaled to order 1, for which double precision is enough)."""
import mpmath as mp
import numpy as np
from scipy.optimize import linprog

mp.mp.dps = 60


def round_to(x, bits):
    """The number of `bits` significant bits nearest to x (ties do not occur in practice)."""
    x = mp.mpf(x)
    if x == 0:
        return x
    _, e = mp.frexp(x)
    return mp.ldexp(mp.nint(mp.ldexp(x, bits - e)), e - bits)


def split(x, *bits):
    """x as a sum of numbers of the given bits, the largest first."""
    parts = []
    for n in bits:
        parts.append(round_to(x, n))
        x -= parts[-1]
    return parts


def grid(lo, hi, n):
    """Chebyshev points of [lo, hi], without the ends (f may be 0 / 0 there)."""
    return [(lo + hi) / 2 - (hi - lo) / 2 * mp.cos(mp.pi * (2 * k + 1) / (2 * n)) for k in range(n)]


def extrema(err, m):
    """Indices of m consecutive alternating extrema of err, the set with the largest minimum."""
    ext, cur = [], 0
    for k in range(1, len(err)):
        if (err[k] > 0) != (err[cur] > 0):
            ext.append(cur)
            cur = k
        elif abs(err[k]) > abs(err[cur]):
            cur = k
    ext.append(cur)
    if len(ext) < m:
        raise ValueError('no alternation: raise mp.dps or lower the degree')
    first = max(range(len(ext) - m + 1), key=lambda s: min(abs(err[k]) for k in ext[s:s + m]))
    return ext[first:first + m]


def remez(x, fx, wx, degree):
    """Coefficients of the minimax polynomial on the grid x."""
    m = degree + 2
    # the grid is of Chebyshev points: equal steps in it are spaced as extrema are
    ref = [round((len(x) - 1) * k / (m - 1)) for k in range(m)]
    for _ in range(30):
        a, b = mp.matrix(m, m), mp.matrix(m, 1)
        for i, k in enumerate(ref):
            power = mp.mpf(1)
            for j in range(degree + 1):
                a[i, j] = power
                power *= x[k]
            a[i, degree + 1] = (-1) ** i / wx[k]
            b[i] = fx[k]
        c = list(mp.lu_solve(a, b))[:-1]
        err = [w * (mp.polyval(c[::-1], t) - f) for t, f, w in zip(x, fx, wx)]
        ref = extrema(err, m)
        sizes = [abs(err[k]) for k in ref]
        if max(sizes) < 1.005 * min(sizes):
            break
    return c


def chebyshev(n, lo, hi):
    """T_n((2 x - lo - hi) / (hi - lo)) as coefficients of powers of x."""
    u = [-(lo + hi) / (hi - lo), 2 / (hi - lo)]
    prev, cur = [mp.mpf(1)], u
    if n == 0:
        return prev
    for _ in range(n - 1):
        up = [mp.mpf(0)] * (len(cur) + 1)
        for i, v in enumerate(cur):
            up[i] += 2 * u[0] * v
            up[i + 1] += 2 * u[1] * v
        for i, v in enumerate(prev):
            up[i] -= v
        prev, cur = cur, up
    return cur


def correct(x, wx, err, first, degree):
    """(d[first..degree], max) that minimise max |err + w sum d_j x^j|.  Unknowns of the linear
    program are the coefficients of x^first T_k, which are well conditioned."""
    scale = max(abs(e) for e in err)
    basis = [chebyshev(k, x[0], x[-1]) for k in range(degree - first + 1)]
    col = [[w * t ** first * mp.polyval(p[::-1], t) for t, w in zip(x, wx)] for p in basis]
    size = [max(abs(v) for v in c) for c in col]
    a = np.array([[float(v / s) for v in c] for c, s in zip(col, size)]).T
    e = np.array([float(v / scale) for v in err])
    one = np.ones((len(x), 1))
    res = linprog(np.r_[np.zeros(a.shape[1]), 1], method='highs', bounds=(None, None),
                  A_ub=np.block([[a, -one], [-a, -one]]), b_ub=np.r_[-e, e])
    if res.status != 0:
        raise ValueError(res.message)
    out = [mp.mpf(0)] * (degree - first + 1)
    for d, s, p in zip(res.x[:-1], size, basis):
        for j, v in enumerate(p):
            out[j] += mp.mpf(d) * scale / s * v
    return out, res.fun * scale


def neighbours(x, bits):
    """The numbers of `bits` bits on both sides of x, the nearer first."""
    near = round_to(x, bits)
    _, e = mp.frexp(x)
    step = mp.ldexp(1, e - bits)
    return [near, near + step if x > near else near - step]


def fit(f, w, lo, hi, degree, bits):
    """(coefficients, error).  Of the attempts with the first 0, 1, 2, .. coefficients rounded with
    correction and the others without, the best."""
    x = grid(mp.mpf(lo), mp.mpf(hi), 24 * (degree + 2))
    fx, wx = [f(t) for t in x], [w(t) for t in x]
    c = remez(x, fx, wx, degree)

    def errors(c):
        return [v * (mp.polyval(c[::-1], t) - u) for t, u, v in zip(x, fx, wx)]

    def attempt(c):
        rounded = [round_to(v, bits) for v in c]
        return max(abs(e) for e in errors(rounded)), rounded

    results = [attempt(c)]
    for i in range(degree):
        options = []
        for value in neighbours(c[i], bits):
            tried = c[:i] + [value] + c[i + 1:]
            d, err = correct(x, wx, errors(tried), i + 1, degree)
            options.append((err, tried[:i + 1] + [p + q for p, q in zip(tried[i + 1:], d)]))
        c = min(options)[1]
        results.append(attempt(c))
    err, c = min(results)
    return c, err
