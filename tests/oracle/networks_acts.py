"""Every activation of the standard library, at depth 1 to 3, with and without bias, over rows of
unequal norms with opposite, scaled, equal, nearly equal and zero rows among them."""
import networks_quad as quad
from networks_vec import act, data, dense, readout

# gain: what keeps three layers in the range where the quadratures here are exact
GAIN = {'exp': 0.6, 'quartic': 0.5, 'square': 0.7, 'cube': 0.6, 'relu2': 0.8, 'he5': 0.8,
        'he4': 0.8, 'he3': 0.9}
DEPTH = {'exp': 2, 'quartic': 2, 'cube': 2, 'he5': 2, 'he4': 2}
SERIES = ('tanh', 'sigmoid', 'silu', 'softplus', 'mish')
KINKED = ('elu', 'selu', 'softsign', 'hard_tanh', 'relu6')
# sqrt(1 - rho) for each layer: below rounding of the data itself where rows are nearly parallel
JUMPS = ('sign', 'step')


def tolerance(name):
    return 1e-10 if name in SERIES else 1e-9 if name in KINKED else 1e-12


class Recursion:
    """The kernels at depth 1, 2, ..: one pass serves all of them."""

    def __init__(self, X, name, gain, bias):
        self.X, self.name, self.gain, self.bias, self.layer = X, name, gain, bias, []

    def at(self, depth):
        while len(self.layer) < depth:
            below = self.layer[-1] if self.layer else data(self.X)
            self.layer.append(act(dense(below, gain=self.gain, bias=self.bias), self.name))
        return readout(self.layer[depth - 1])


def programs(Case, rows, rounded):
    every = rows(True)
    for name in quad.ACT:
        gain = GAIN.get(name, 1.1)
        X = every[[0, 1, 2, 3, 4, 7, 8]] if name in JUMPS else every
        for bias in (0, 0.3):
            r = Recursion(X, name, gain, bias)
            for depth in range(1, DEPTH.get(name, 3) + 1):
                settings = {'act': name, 'depth': depth, 'gain': gain, 'bias': bias}
                title = 'act %s depth=%d bias=%g' % (name, depth, bias)
                yield Case(title, 'programs/learning.tp', 'acts',
                           lambda r=r, depth=depth: r.at(depth), X, tolerance(name), settings,
                           near=rounded if name in KINKED else None)
