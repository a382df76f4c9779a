"""Second moments and tangent kernels of vectors over rows of data: what the hand-written recursions
of the oracle are made of.

A Vec keeps, for the limit variables Z of N rows, s = sqrt(E Z^2), the means, and for pairs the
defects D = 1 - c and O = 1 + c of c = E Z Z' / (s s'): both are sums of terms >= 0 through
matrices, biases and nonlinearities, so that equal, scaled, opposite and nearly equal rows lose
nothing.  Where s or s' is 0, D = O = 1.  T is the tangent kernel."""
import math

import numpy as np

import networks_quad as quad


def over(a, b):
    """a / b, 0 where b is 0."""
    return np.divide(a, b, out=np.zeros(np.shape(a)), where=b > 0)


class Vec:
    def __init__(self, s, D, O, mean=None, T=0.0):
        n = len(s)
        zero = np.logical_or.outer(s == 0, s == 0)
        self.s, self.D, self.O = s, np.where(zero, 1, D), np.where(zero, 1, O)
        self.mean = np.zeros(n) if mean is None else mean
        self.T = np.zeros((n, n)) + T

    @property
    def C(self):
        return np.outer(self.s, self.s) * np.where(self.D < self.O, 1 - self.D, self.O - 1)

    def __add__(self, o):
        """Of vectors that are never correlated; their means still multiply.  With f = s_a / s for
        each summand, E (a / s - a' / s')^2 = (f - f')^2 + 2 f f' D_a."""
        s = np.sqrt(np.maximum(self.s**2 + o.s**2 + 2 * self.mean * o.mean, 0))
        D = O = 0
        for v in (self, o):
            f = over(v.s, s)
            spread = np.subtract.outer(f, f)**2 / 2
            D, O = D + spread + np.outer(f, f) * v.D, O + spread + np.outer(f, f) * v.O
        m, k = over(self.mean, s), over(o.mean, s)
        D = D + np.subtract.outer(m, m) * np.subtract.outer(k, k)
        O = O + np.add.outer(m, m) * np.add.outer(k, k)
        return Vec(s, D, O, self.mean + o.mean, self.T + o.T)

    def __rmul__(self, c):
        if c < 0:
            raise ValueError('negative factor')
        return Vec(c * self.s, self.D, self.O, c * self.mean, c * c * self.T)

    def pairs(self):
        """(i, j, s, t, D, O) for i <= j: standard deviations and defects of the correlation."""
        m = self.mean
        t = np.sqrt(np.maximum(self.s**2 - m * m, 0))
        f, k = over(self.s, t), over(m, t)
        spread = np.subtract.outer(f, f)**2 / 2
        D = spread + np.outer(f, f) * self.D - np.subtract.outer(k, k)**2 / 2
        O = spread + np.outer(f, f) * self.O - np.add.outer(k, k)**2 / 2
        for i in range(len(t)):
            for j in range(i, len(t)):
                if t[i] == 0 or t[j] == 0:
                    yield i, j, t[i], t[j], 1.0, 1.0
                else:
                    yield i, j, t[i], t[j], min(max(D[i, j], 0), 2), min(max(O[i, j], 0), 2)


def constant(n, mu):
    """mu times the constant vector."""
    return Vec(np.full(n, abs(mu)), np.zeros((n, n)), np.full((n, n), 2.0), np.full(n, mu))


def noise(n, sigma, lr=0.0):
    """A Gaussian vector of variance sigma^2 that all rows share."""
    return Vec(np.full(n, abs(sigma)), np.zeros((n, n)), np.full((n, n), 2.0), None, lr)


def data(X):
    s = np.sqrt((X * X).sum(1) / X.shape[1])
    U = X / np.where(s > 0, s, 1)[:, None] / math.sqrt(X.shape[1])
    diff, total = U[:, None] - U, U[:, None] + U
    return Vec(s, (diff * diff).sum(2) / 2, (total * total).sum(2) / 2)


def from_moments(C, mean=None, T=0.0):
    """From a matrix of second moments; good where no two rows are nearly parallel."""
    s = np.sqrt(np.maximum(np.diag(C), 0))
    c = over(C, np.outer(s, s))
    np.fill_diagonal(c, 1)
    return Vec(s, 1 - c, 1 + c, mean, T)


def dense(v, gain=1.0, bias=0.0, lr_w=None, lr_b=None, mean=0.0):
    """W x + b: W maps a second moment to gain^2 times it, and no mean; b has mean `mean`."""
    n = len(v.s)
    lr_w, lr_b = gain**2 if lr_w is None else lr_w, bias**2 if lr_b is None else lr_b
    h = Vec(gain * v.s, v.D, v.O, None, lr_w * v.C + gain**2 * v.T) + noise(n, bias, lr_b)
    return h + constant(n, mean) if mean else h


def readout(v, gain=1.0, bias=0.0):
    """NNGP and NTK of v'x / sqrt(n) + c."""
    g2, b2 = gain**2, bias**2
    return g2 * v.C + b2, g2 * v.C + g2 * v.T + b2


def pair_values(v, fns, breaks=(), smooth=False):
    """Symmetric matrices of E f over the pairs of a Gaussian vector, f in fns(i, j)."""
    out = None
    n = len(v.s)
    for i, j, s, t, D, O in v.pairs():
        e = quad.pair(fns(i, j), s, t, D, O, v.mean[i], v.mean[j], breaks, breaks, smooth)
        if out is None:
            out = [np.zeros((n, n)) for _ in e]
        for m, x in zip(out, e):
            m[i, j] = m[j, i] = x
    return out


def act(v, f):
    """A coordinatewise function of a Gaussian vector, by quadrature."""
    f = quad.ACT[f] if isinstance(f, str) else f
    sd = [0.0] * len(v.s)
    for i, j, s, t, _, _ in v.pairs():
        sd[i], sd[j] = s, t
    each = [quad.single(lambda a: [f.f(a), f.f(a)**2], s, m, f.breaks) for s, m in zip(sd, v.mean)]
    norm = np.sqrt([e[1] for e in each])
    unit = np.where(norm > 0, norm, 1)

    def fns(i, j):
        def value(a, b):
            x, y = f.f(a) / unit[i], f.f(b) / unit[j]
            return [(x - y)**2 / 2, (x + y)**2 / 2, f.d(a) * f.d(b)]
        return value

    D, O, dot = pair_values(v, fns, f.breaks, f.smooth)
    return Vec(norm, D, O, np.array([e[0] for e in each]), dot * v.T)


def small(th):
    """sin th - th cos th = sum of (-1)^(k-1) 2k th^(2k+1) / (2k+1)!, positive on (0, pi)."""
    if th > 0.5:
        return math.sin(th) - th * math.cos(th)
    terms = (2 * k * th**(2 * k + 1) / math.factorial(2 * k + 1) for k in range(1, 12))
    return sum(t if k % 2 else -t for k, t in enumerate(terms, 1))


def arc(D, O):
    """1 - kappa_1 and kappa_0 of the arc-cosine kernels (arXiv 1112.3712), from the defects."""
    if D <= O:
        th = 2 * math.asin(math.sqrt(D / 2))
        return D - small(th) / math.pi, (math.pi - th) / math.pi
    th = 2 * math.asin(math.sqrt(O / 2))
    return 1 - small(th) / math.pi, th / math.pi


def relu(v):
    """relu of a centred Gaussian vector by the arc-cosine formulas."""
    n = len(v.s)
    D, dot = np.ones((n, n)), np.zeros((n, n))
    for i, j, s, t, d, o in v.pairs():
        if s > 0 and t > 0:
            loss, k0 = arc(d, o)
            D[i, j] = D[j, i] = loss
            dot[i, j] = dot[j, i] = k0 / 2
    return Vec(v.s / math.sqrt(2), D, 2 - D, v.s / math.sqrt(2 * math.pi), dot * v.T)
