"""Second moments and tangent kernels of vectors over rows of data: what the hand-written recursions of
the oracle are made of.

A Vec keeps, for the limit variables Z of N rows, q = E Z^2, the means, and for pairs E (Z - Z')^2 and
E (Z + Z')^2: both are sums of terms >= 0 through matrices, biases and nonlinearities, so that equal,
opposite and nearly equal rows lose nothing.  T is the tangent kernel."""
import math

import numpy as np

import networks_quad as quad


class Vec:
    def __init__(self, q, minus, plus, mean=None, T=0.0):
        self.q, self.minus, self.plus = q, minus, plus
        self.mean = np.zeros(len(q)) if mean is None else mean
        self.T = np.zeros((len(q), len(q))) + T

    @property
    def C(self):
        return (self.plus - self.minus) / 4

    def __add__(self, o):
        """Of vectors that are never correlated (their means still multiply)."""
        m, k = self.mean, o.mean
        return Vec(self.q + o.q + 2 * m * k,
                   self.minus + o.minus + 2 * np.subtract.outer(m, m) * np.subtract.outer(k, k),
                   self.plus + o.plus + 2 * np.add.outer(m, m) * np.add.outer(k, k),
                   m + k, self.T + o.T)

    def __rmul__(self, c):
        return Vec(c * c * self.q, c * c * self.minus, c * c * self.plus, c * self.mean, c * c * self.T)

    def shifted(self, mu):
        """Plus mu times the constant vector."""
        return Vec(self.q + 2 * mu * self.mean + mu * mu, self.minus,
                   self.plus + 4 * mu * np.add.outer(self.mean, self.mean) + 4 * mu * mu,
                   self.mean + mu, self.T)

    def pairs(self):
        """(i, j, s, t, D, O) for i <= j: standard deviations and defects of the correlation."""
        m = self.mean
        q = np.maximum(self.q - m * m, 0)
        s = np.sqrt(q)
        minus = self.minus - np.subtract.outer(m, m)**2
        plus = self.plus - np.add.outer(m, m)**2
        for i in range(len(q)):
            for j in range(i, len(q)):
                if s[i] == 0 or s[j] == 0:
                    yield i, j, s[i], s[j], 1.0, 1.0
                    continue
                gap = ((q[i] - q[j]) / (s[i] + s[j]))**2
                D = min(max((minus[i, j] - gap) / (2 * s[i] * s[j]), 0), 2)
                O = min(max((plus[i, j] - gap) / (2 * s[i] * s[j]), 0), 2)
                yield i, j, s[i], s[j], D, O


def data(X):
    d = X.shape[1]
    diff, total = X[:, None] - X, X[:, None] + X
    return Vec((X * X).sum(1) / d, (diff * diff).sum(2) / d, (total * total).sum(2) / d)


def from_moments(C, mean=None, T=0.0):
    """From a matrix of second moments; good where no two entries are nearly equal or opposite."""
    q = np.diag(C).copy()
    s = np.add.outer(q, q)
    return Vec(q, s - 2 * C, s + 2 * C, mean, T)


def dense(v, gain=1.0, bias=0.0, lr_w=None, lr_b=None, shift=0.0):
    """W x + b with b of mean shift: W maps a second moment to gain^2 times it, and no mean."""
    g2, b2 = gain**2, bias**2
    lr_w, lr_b = g2 if lr_w is None else lr_w, b2 if lr_b is None else lr_b
    h = Vec(g2 * v.q + b2, g2 * v.minus, g2 * v.plus + 4 * b2, None, lr_w * v.C + g2 * v.T + lr_b)
    return h.shifted(shift) if shift else h


def readout(v, gain=1.0, bias=0.0):
    """NNGP and NTK of v'x / sqrt(n) + c."""
    g2, b2 = gain**2, bias**2
    return g2 * v.C + b2, g2 * v.C + g2 * v.T + b2


def expect(v, fns, bu=(), smooth=False):
    """Symmetric N x N matrices of E f(u, u') over the pairs of a Gaussian vector."""
    out = None
    for i, j, s, t, D, O in v.pairs():
        e = quad.pair(fns, s, t, D, O, v.mean[i], v.mean[j], bu, bu, smooth)
        if out is None:
            out = [np.zeros((len(v.q), len(v.q))) for _ in e]
        for m, x in zip(out, e):
            m[i, j] = m[j, i] = x
    return out


def act(v, name):
    """A coordinatewise function of a Gaussian vector, by quadrature."""
    f = quad.ACT[name]
    minus, plus, dot = expect(v, lambda a, b: [(f.f(a) - f.f(b))**2, (f.f(a) + f.f(b))**2,
                                               f.d(a) * f.d(b)], f.breaks, f.smooth)
    mean = np.array([quad.single(lambda a: [f.f(a)], math.sqrt(max(q - m * m, 0)), m, f.breaks)[0]
                     for q, m in zip(v.q, v.mean)])
    return Vec(np.diag(plus) / 4, minus, plus, mean, dot * v.T)


def angle(D, O):
    """The angle whose cosine is 1 - D = O - 1."""
    return 2 * math.asin(math.sqrt(D / 2)) if D <= O else math.pi - 2 * math.asin(math.sqrt(O / 2))


def relu(v):
    """relu of a centred Gaussian vector by the arc-cosine formulas (arXiv 1112.3712); also E step step'."""
    n = len(v.q)
    minus, C, dot = (np.zeros((n, n)) for _ in range(3))
    for i, j, s, t, D, O in v.pairs():
        if s == 0 or t == 0:
            minus[i, j], C[i, j], dot[i, j] = (s * s + t * t) / 2, 0, 0
            continue
        th = angle(D, O)
        # 1 - kappa_1: 1 - cos th less what (sin th - th cos th) / pi gives back
        small = math.sin(th) - th * math.cos(th) if th > 0.1 else series(th)
        C[i, j] = s * t * (max(math.cos(th), 0) + (small if th <= math.pi / 2 else
                                                    mirrored(math.pi - th)) / math.pi) / 2
        loss = D - small / math.pi
        minus[i, j] = (s - t)**2 / 2 + s * t * loss
        dot[i, j] = (math.pi - th) / (2 * math.pi)
    full = [m + np.triu(m, 1).T for m in (minus, C, dot)]
    mean = np.sqrt(v.q / (2 * math.pi))
    return Vec(v.q / 2, full[0], full[0] + 4 * full[1], mean, full[2] * v.T), full[2]


def series(th):
    """sin th - th cos th = th^3 (1/3 - th^2/30 + th^4/840 - ..)."""
    t2, term, total = th * th, th**3, 0.0
    for k in range(1, 12):
        total += term * 2 * k / math.factorial(2 * k + 1)
        term *= -t2
    return total


def mirrored(b):
    """The same for the obtuse angle pi - b, less pi cos: sin b - b cos b."""
    return math.sin(b) - b * math.cos(b) if b > 0.1 else series(b)
