"""Reference values of Gaussian expectations: writes gauss_pairs.csv and gauss_means.csv.

    /usr/bin/python3 gauss_reference.py

Written apart from the compiler: textbook closed forms (Cho & Saul 2009 for the arc-cosine family,
Williams 1997 for erf) at 60 digits where there are some, otherwise one-dimensional integrals over
z of F(s z) E[G(s' (rho z + sqrt(1 - rho^2) w)) | z] with the inner expectation by hand, otherwise
(tanh and its kin) nested Gauss-Legendre panels in double.  rho = sign (1 - d) with d exact.

gauss_pairs.csv: function, derivative (0: E F F', 1: of the almost-everywhere derivatives), q, p,
sign, d, value, scale = sqrt(K(x,x) K(x',x')).  gauss_means.csv: function, q, E F, E F^2, mean of
the distributional derivative E[u F] / q.
"""
import math
import os

import mpmath as mp
import numpy as np

mp.mp.dps = 60
ONE = mp.mpf(1)


def Phi(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def phi(x):
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def fan(a, b, sign, d):
    """E z^a z'^b [z > 0] [z' > 0], unit variances (polar coordinates)."""
    s, c = mp.sqrt(d * (2 - d)), sign * (1 - d)
    angle = mp.pi - mp.atan2(s, c)
    g = mp.mpf(2) ** (mp.mpf(a + b) / 2) * mp.gamma(mp.mpf(a + b) / 2 + 1) / (2 * mp.pi)
    if (a, b) == (0, 0):
        return g * angle
    if (a, b) == (1, 1):
        return g * (mp.sin(angle) - angle * mp.cos(angle)) / 2
    return g * mp.quad(lambda t: mp.sin(t) ** a * mp.sin(angle - t) ** b, [0, angle])


# ---- closed forms: f(q, p, sign, d) -> value

def k_of(q, p, sign, d):
    return sign * (1 - d) * mp.sqrt(q * p)


def det(q, p, d):
    return q * p * d * (2 - d)


def relu_power(n):
    def K(q, p, sign, d):
        return mp.sqrt(q * p) ** n * fan(n, n, sign, d)

    def dK(q, p, sign, d):
        return n * n * mp.sqrt(q * p) ** (n - 1) * fan(n - 1, n - 1, sign, d)
    return K, dK


A = mp.mpf(1) / 100


def sinh_cosh(q, p, k):
    e = mp.exp(-(q + p) / 2)
    return e * mp.sinh(k), e * mp.cosh(k)


def gabor(q, p, sign, d, deriv):
    k, D = k_of(q, p, sign, d), det(q, p, d)
    X = 1 + 2 * q + 2 * p + 4 * D
    q1, p1, k1 = (q + 2 * D) / X, (p + 2 * D) / X, k / X
    e = mp.exp(-mp.mpf(9) / 2 * (q1 + p1)) / mp.sqrt(X)
    ss, cc = e * mp.sinh(9 * k1), e * mp.cosh(9 * k1)
    if not deriv:
        return ss
    u_sc = 3 * q1 * cc - 3 * k1 * ss          # E u sin 3u cos 3v
    v_cs = 3 * p1 * cc - 3 * k1 * ss          # E v cos 3u sin 3v
    v_sc = -3 * p1 * ss + 3 * k1 * cc         # E v sin 3u cos 3v
    uv_ss = 3 * q1 * v_cs + k1 * (ss + 3 * v_sc)
    return 9 * cc - 6 * (u_sc + v_cs) + 4 * uv_ss


def snake(q, p, sign, d):
    k = k_of(q, p, sign, d)
    return k + (1 - mp.exp(-2 * q) - mp.exp(-2 * p) + mp.exp(-2 * (q + p)) * mp.cosh(4 * k)) / 4


def he3(q, p, sign, d):
    k = k_of(q, p, sign, d)
    return 9 * k * q * p + 6 * k ** 3 - 9 * k * (q + p) + 9 * k


def closed(q, p, sign, d):
    return k_of(q, p, sign, d), det(q, p, d)


CLOSED = {
    'relu': relu_power(1), 'relu2': relu_power(2), 'relu3': relu_power(3), 'relu5': relu_power(5),
    'step': (lambda q, p, s, d: fan(0, 0, s, d), None),
    'sign': (lambda q, p, s, d: 4 * fan(0, 0, s, d) - 1, None),
    'abs': (lambda q, p, s, d: mp.sqrt(q * p) * (4 * fan(1, 1, s, d) - s * (1 - d)),
            lambda q, p, s, d: 4 * fan(0, 0, s, d) - 1),
    'leaky_relu': (lambda q, p, s, d: mp.sqrt(q * p) * (A * s * (1 - d)
                                                        + (1 - A) ** 2 * fan(1, 1, s, d)),
                   lambda q, p, s, d: A + (1 - A) ** 2 * fan(0, 0, s, d)),
    'erf': (lambda q, p, s, d: 2 / mp.pi * mp.atan2(2 * k_of(q, p, s, d),
                                                    mp.sqrt(1 + 2 * q + 2 * p + 4 * det(q, p, d))),
            lambda q, p, s, d: 4 / mp.pi / mp.sqrt(1 + 2 * q + 2 * p + 4 * det(q, p, d))),
    'Phi': (lambda q, p, s, d: ONE / 4 + mp.atan2(
                k_of(q, p, s, d), mp.sqrt(1 + q + p + det(q, p, d))) / (2 * mp.pi),
            lambda q, p, s, d: 1 / (2 * mp.pi * mp.sqrt(1 + q + p + det(q, p, d)))),
    'gaussian': (lambda q, p, s, d: 1 / mp.sqrt(1 + 2 * q + 2 * p + 4 * det(q, p, d)),
                 lambda q, p, s, d: 4 * k_of(q, p, s, d)
                 / (1 + 2 * q + 2 * p + 4 * det(q, p, d)) ** 1.5),
    'sin': (lambda q, p, s, d: sinh_cosh(q, p, k_of(q, p, s, d))[0],
            lambda q, p, s, d: sinh_cosh(q, p, k_of(q, p, s, d))[1]),
    'cos': (lambda q, p, s, d: sinh_cosh(q, p, k_of(q, p, s, d))[1],
            lambda q, p, s, d: sinh_cosh(q, p, k_of(q, p, s, d))[0]),
    'exp': (lambda q, p, s, d: mp.exp((q + p) / 2 + k_of(q, p, s, d)),) * 2,
    'snake': (snake, lambda q, p, s, d: 1 + mp.exp(-2 * (q + p)) * mp.sinh(4 * k_of(q, p, s, d))),
    'gabor': (lambda q, p, s, d: gabor(q, p, s, d, 0), lambda q, p, s, d: gabor(q, p, s, d, 1)),
    'square': (lambda q, p, s, d: q * p + 2 * k_of(q, p, s, d) ** 2,
               lambda q, p, s, d: 4 * k_of(q, p, s, d)),
    'cube': (lambda q, p, s, d: 9 * k_of(q, p, s, d) * q * p + 6 * k_of(q, p, s, d) ** 3,
             lambda q, p, s, d: 9 * (q * p + 2 * k_of(q, p, s, d) ** 2)),
    'he3': (he3, lambda q, p, s, d: 9 * (q * p + 2 * k_of(q, p, s, d) ** 2) - 9 * (q + p) + 9),
}


# ---- one integral: F(u) and E[G(m + t w)], breaks of F and G

def step_at(b):
    return lambda m, t: (Phi((m - b) / t) if t else mp.mpf(int(m > b)))


def ramp_at(b):
    def f(m, t):
        if not t:
            return max(m - b, mp.mpf(0))
        h = (m - b) / t
        return (m - b) * Phi(h) + t * phi(h)
    return f


def pieces(parts, const=0):
    """const + sum of coefficient * inner(m, t)."""
    return lambda m, t: const + mp.fsum(c * f(m, t) for c, f in parts)


def linear(m, t):
    return m


def gelu(m, t):
    s = mp.sqrt(1 + t * t)
    return m * Phi(m / s) + t * t / s * phi(m / s)


def dgelu(m, t):
    s = mp.sqrt(1 + t * t)
    return Phi(m / s) + m / s ** 3 * phi(m / s)


def tail_exp(m, t):
    """E e^x [x < 0]"""
    if not t:
        return mp.exp(m) if m <= 0 else mp.mpf(0)
    return mp.exp(m + t * t / 2) * Phi(-m / t - t)


def upper_exp(m, t):
    """E e^-x [x > 0]"""
    if not t:
        return mp.exp(-m) if m > 0 else mp.mpf(0)
    return mp.exp(-m + t * t / 2) * Phi(m / t - t)


R0, S0 = ramp_at(mp.mpf(0)), step_at(mp.mpf(0))
LAM, LA = mp.mpf('1.0507009873554805'), mp.mpf('1.7580993408473766')
SIXTH = ONE / 6
ONE_INTEGRAL = {
    'gelu': (gelu, dgelu, []),
    'hard_tanh': (pieces([(1, ramp_at(-ONE)), (-1, ramp_at(ONE))], -1),
                  pieces([(1, step_at(-ONE)), (-1, step_at(ONE))]), [-1, 1]),
    'relu6': (pieces([(1, R0), (-1, ramp_at(6 * ONE))]),
              pieces([(1, S0), (-1, step_at(6 * ONE))]), [0, 6]),
    'hard_sigmoid': (pieces([(SIXTH, ramp_at(-3 * ONE)), (-SIXTH, ramp_at(3 * ONE))]),
                     pieces([(SIXTH, step_at(-3 * ONE)), (-SIXTH, step_at(3 * ONE))]), [-3, 3]),
    'shifted_relu': (ramp_at(ONE), step_at(ONE), [1]),
    'elu': (pieces([(1, R0), (1, tail_exp), (1, S0)], -1), pieces([(1, S0), (1, tail_exp)]), [0]),
    'selu': (pieces([(LAM, R0), (LA, tail_exp), (LA, S0)], -LA),
             pieces([(LAM, S0), (LA, tail_exp)]), [0]),
    'laplace': (pieces([(1, upper_exp), (1, tail_exp)]),
                pieces([(-1, upper_exp), (1, tail_exp)]), [0]),
}


def one_integral(inner, breaks, q, p, sign, d):
    s, sp = mp.sqrt(q), mp.sqrt(p)
    c, w = sign * (1 - d), mp.sqrt(d * (2 - d))
    pts = {mp.mpf(x) for x in (-14, -4, 0, 4, 14)}
    scale = min(ONE, 1 / s, 1 / sp)
    for x in (1, 4):
        pts |= {x * scale, -x * scale}
    for b in breaks:
        pts.add(b / s)
        if c:
            at, layer = b / (c * sp), w / abs(c)
            pts |= {at} | {at + x * layer for x in (-12, -6, -3, -1, 1, 3, 6, 12)}
    pts = sorted(x for x in pts if -14 <= x <= 14)
    pts = [x for i, x in enumerate(pts) if i == 0 or x > pts[i - 1]]
    zero = mp.mpf(0)
    f = lambda z: phi(z) * inner(s * z, zero) * inner(sp * c * z, sp * w)
    return mp.quad(f, pts)


# ---- nested panels in double

def softplus(x):
    return np.logaddexp(0, x)


def sech2(x):
    return 1 - np.tanh(x) ** 2


def mish_d(x):
    t, e = np.tanh(softplus(x)), 1 / (1 + np.exp(-x))
    return t + x * (1 - t * t) * e


def sig(x):
    return 0.5 + 0.5 * np.tanh(x / 2)


NESTED = {
    'tanh': (np.tanh, sech2, []),
    'sigmoid': (sig, lambda x: sech2(x / 2) / 4, []),
    'silu': (lambda x: x * sig(x), lambda x: sig(x) + x * sech2(x / 2) / 4, []),
    'softplus': (softplus, sig, []),
    'mish': (lambda x: x * np.tanh(softplus(x)), mish_d, []),
    'softsign': (lambda x: x / (1 + np.abs(x)), lambda x: 1 / (1 + np.abs(x)) ** 2, [0]),
}
GX, GW = np.polynomial.legendre.leggauss(48)


def panels(points, width):
    xs, ws = [], []
    for lo, hi in zip(points, points[1:]):
        n = max(1, int(math.ceil((hi - lo) / width)))
        e = np.linspace(lo, hi, n + 1)
        h = np.diff(e)[:, None] / 2
        xs.append(((e[:-1] + e[1:])[:, None] / 2 + h * GX).ravel())
        ws.append((h * GW).ravel())
    return np.concatenate(xs), np.concatenate(ws)


def nested(F, breaks, q, p, sign, d):
    s, sp, c, w = math.sqrt(q), math.sqrt(p), sign * (1 - d), math.sqrt(d * (2 - d))
    R = 9.0
    width = 3 / max(1.0, s, sp)
    cuts = {-R, R} | ({0.0} if breaks else set())
    if breaks and w > 0 and c:
        cuts |= {x for k in (1, 3, 6, 10) for x in (k * w / abs(c), -k * w / abs(c)) if abs(x) < R}
    z, wz = panels(sorted(cuts), width)
    total = []
    for zi, wi in zip(z, wz * np.exp(-z * z / 2) / math.sqrt(2 * math.pi) * F(s * z)):
        if w == 0:
            total.append(wi * F(np.array([sp * c * zi]))[0])
            continue
        cut = -c * zi / w
        x, wx = panels(sorted({-R, R} | ({cut} if breaks and abs(cut) < R else set())), width)
        total.append(wi * float(np.sum(wx * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
                                       * F(sp * (c * zi + w * x)))))
    return math.fsum(total)


# ---- output

DEFECTS = ['1', '0.5', '1e-3', '1e-6', '1e-12', '0']
WIDE = [('1e-6', '1e-6'), ('1e-6', '1e3'), ('1e-3', '1'), ('1', '1'), ('1', '30'), ('30', '1e-3'),
        ('1e3', '1e3')]
EXPS = [('1e-6', '1e-6'), ('1e-3', '1'), ('1', '1'), ('1', '30'), ('30', '30')]
KINKS = [('1e-3', '1'), ('1', '1'), ('0.1', '10'), ('30', '30'), ('30', '1')]
MIDDLE = [('0.1', '0.1'), ('1', '1'), ('0.1', '10'), ('2', '3'), ('10', '10')]


def grid(pairs):
    for q, p in pairs:
        for d in DEFECTS:
            for sign in ((1,) if d == '1' else (1, -1)):
                yield q, p, sign, d


def write_pairs(out):
    def emit(name, deriv, K, pairs, digits):
        diag = {}
        for q, p, sign, d in grid(pairs):
            for x in (q, p):
                if x not in diag:
                    diag[x] = K(mp.mpf(x), mp.mpf(x), 1, mp.mpf(0))
            v = K(mp.mpf(q), mp.mpf(p), sign, mp.mpf(d))
            scale = mp.sqrt(diag[q] * diag[p])
            out.write('%s,%d,%s,%s,%d,%s,%s,%s\n' % (
                name, deriv, q, p, sign, d, mp.nstr(v, digits), mp.nstr(scale, digits)))
        out.flush()

    for name, fs in CLOSED.items():
        pairs = EXPS if name in ('exp', 'sin', 'cos', 'snake', 'gabor') else WIDE
        for deriv, K in enumerate(fs):
            if K:
                emit(name, deriv, K, pairs, 30)
    mp.mp.dps = 40
    for name, (f, df, breaks) in ONE_INTEGRAL.items():
        pairs = MIDDLE if name in ('elu', 'selu', 'laplace') else WIDE if name == 'gelu' else KINKS
        for deriv, g in enumerate((f, df)):
            emit(name, deriv, lambda q, p, s, d: one_integral(g, breaks, q, p, s, d), pairs, 25)
    for name, (f, df, breaks) in NESTED.items():
        for deriv, g in enumerate((f, df)):
            K = lambda q, p, s, d: mp.mpf(nested(g, breaks, float(q), float(p), s, float(d)))
            emit(name, deriv, K, MIDDLE, 17)


def scalar(f):
    """The function itself from its inner expectation."""
    return lambda x: f(x, mp.mpf(0))


CURVES = {
    'relu': (lambda x: max(x, mp.mpf(0)), [0]),
    'leaky_relu': (lambda x: x if x > 0 else x / 100, [0]),
    'abs': (abs, [0]), 'sign': (mp.sign, [0]), 'step': (lambda x: mp.mpf(int(x > 0)), [0]),
    'relu2': (lambda x: x * x if x > 0 else mp.mpf(0), [0]), 'erf': (mp.erf, []), 'Phi': (Phi, []),
    'gaussian': (lambda x: mp.exp(-x * x), []), 'sin': (mp.sin, []), 'cos': (mp.cos, []),
    'exp': (mp.exp, []),
    'snake': (lambda x: x + mp.sin(x) ** 2, []), 'square': (lambda x: x * x, []),
    'cube': (lambda x: x ** 3, []),
    'he3': (lambda x: x ** 3 - 3 * x, []), 'tanh': (mp.tanh, []),
    'silu': (lambda x: x / (1 + mp.exp(-x)), []),
    'softplus': (lambda x: mp.log1p(mp.exp(x)), []),
    'mish': (lambda x: x * mp.tanh(mp.log1p(mp.exp(x))), []),
    'softsign': (lambda x: x / (1 + abs(x)), [0]),
    **{n: (scalar(ONE_INTEGRAL[n][0]), ONE_INTEGRAL[n][2]) for n in ONE_INTEGRAL},
}


def write_means(out):
    mp.mp.dps = 30
    for name, (f, breaks) in CURVES.items():
        for qs in ('0.001', '0.1', '1', '10'):
            q = mp.mpf(qs)
            s = mp.sqrt(q)
            pts = sorted({mp.mpf(x) for x in (-24, -13, -6, -3, -1, 0, 1, 3, 6, 13, 24)} |
                         {x / s for x in (-3, -1, 1, 3) if abs(x / s) < 24} |
                         {b / s for b in breaks if abs(b / s) < 24})
            E = lambda g: mp.quad(lambda z: phi(z) * g(s * z), pts)
            out.write('%s,%s,%s\n' % (name, qs, ','.join(mp.nstr(v, 22) for v in (
                E(f), E(lambda x: f(x) ** 2), E(lambda x: x * f(x)) / q))))
        out.flush()


if __name__ == '__main__':
    here = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(here, 'gauss_pairs.csv'), 'w') as out:
        write_pairs(out)
    with open(os.path.join(here, 'gauss_means.csv'), 'w') as out:
        write_means(out)
