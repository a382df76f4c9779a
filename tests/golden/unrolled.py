"""Random networks with loops, families and conditions against the same networks written out turn by
turn: their kernels must agree.  A written-out program shares neither loops nor families over
indices with the other one.  TAP.

    unrolled.py TPC [FIRST SEED [NUMBER]]

Refusals are no failure where the language has a "not yet" for them (REFUSED).  Tolerance: an
integral in two dimensions over a kink is good to 1e-10 of its scale, a few of them stand in a
row."""
import os
import random
import re
import subprocess
import sys
import tempfile

import numpy as np

TOLERANCE = 1e-8
REFUSED = {'TP0420', 'TP0421', 'TP0500', 'TP0501', 'TP0502'}
ACTS = ['relu(%s)', 'relu(%s)', 'tanh(%s)', 'abs(%s)', 'erf(%s)', '%s']
DATA = np.array([[0.6, 0.3], [0.6, 0.6], [-0.4, 0.1]])


class Expr:
    """Text of the program with loops, and what it is at given values of the loop variables."""

    def __init__(self, text, at):
        self.text, self.at = text, at


def wrap(form, *parts):
    return Expr(form % tuple(p.text for p in parts),
                lambda env: form % tuple(p.at(env) for p in parts))


class Network:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.sizes = {'d': self.r.choice([1, 2, 3, 4]), 'e': self.r.choice([0, 1, 2, 3])}
        self.loops, self.flat = [], []
        self.family = [self.r.choice([False, True]) for _ in range(self.r.randint(1, 3))]
        for i, family in enumerate(self.family):
            variance = self.r.choice(['1', '2', 'q^2'])
            self.both('param W%d: matrix%s ~ N(0, %s / fan_in)' %
                      (i, '[9]' if family else '', variance))
        bias = self.r.choice(['', ', bias = 0.1'])
        self.loops.append('h = dense(x%s)' % bias)
        self.flat.append('h_0 = dense(x%s)' % bias)
        self.version = {'h': 0}  # of variables, in the written-out program
        self.arrays = {}         # name -> its last index
        for i in range(self.r.randint(1, 4)):
            self.r.choice([self.carry, self.recur, self.recur, self.plain])(i)
        self.finish()

    def both(self, line):
        self.loops.append(line)
        self.flat.append(line)

    def size(self, n):
        return self.sizes.get(n) if n in self.sizes else int(n)

    def index(self, text, env):
        return eval(text, {'__builtins__': {}}, {**self.sizes, **env})

    # ---- expressions
    def variable(self, v):
        return Expr(v, lambda env: '%s_%d' % (v, self.version[v]))

    def element(self, y, idx):
        return Expr('%s[%s]' % (y, idx), lambda env: '%s_%d' % (y, self.index(idx, env)))

    def matrix(self, indices):
        i = self.r.randrange(len(self.family))
        if not self.family[i]:
            return Expr('W%d' % i, lambda env: 'W%d' % i)
        idx = self.r.choice(['0', '1'] + indices)
        return Expr('W%d[%s]' % (i, idx), lambda env: 'W%d[%d]' % (i, self.index(idx, env)))

    def step(self, v, indices):
        k, a = self.r.random(), wrap(self.r.choice(ACTS), v)
        if k < 0.45:
            return wrap('%s * %s', self.matrix(indices), a)
        if k < 0.75:
            return wrap('dense(%s)', a)
        return wrap(self.r.choice(['0.5', 'q', '2']) + ' * %s', v) if k < 0.9 else a

    def any(self):
        return self.r.choice([self.variable(v) for v in self.version] +
                             [self.element(y, n) for y, n in self.arrays.items()])

    def maybe(self, p, e, other):
        return wrap('%s + %s', e, other()) if self.r.random() < p else e

    # ---- statements
    def carry(self, i):
        """A variable carried by a loop, perhaps otherwise in some turns."""
        v, n = self.r.choice(list(self.version)), self.r.choice(['d', 'e', '3'])
        e = self.step(self.variable(v) if self.r.random() < 0.7 else self.any(), ['l'])
        e = self.maybe(0.5, e, lambda: self.variable(v))
        if self.r.random() < 0.5:
            test = self.r.choice(['l == 0', 'l != 1', 'l > 0', 'l == %s - 1' % n, 'l < 2'])
            a, b = e, self.step(self.variable(v), ['l'])
            e = Expr('if %s then %s else %s' % (test, a.text, b.text),
                     lambda env: (a if self.index(test, env) else b).at(env))
        self.loops.append('for l in 0..%s { %s = %s }' % (n, v, e.text))
        for l in range(self.size(n)):
            text = e.at({'l': l})
            self.version[v] += 1
            self.flat.append('%s_%d = %s' % (v, self.version[v], text))

    def recur(self, i):
        """A family over the layers, from the last one or from all before."""
        y, n = 'y%d' % i, self.r.choice(['d', 'e', 'd'])
        first = self.any()
        self.loops.append('%s[0] = %s' % (y, first.text))
        self.flat.append('%s_0 = %s' % (y, first.at({})))
        source = self.element(y, 'l')
        if self.r.random() < 0.5:
            t = self.step(self.element(y, 'k'), ['l - k', 'k'])
            source = Expr('(sum(k in 0..l + 1) %s)' % t.text, lambda env: '(%s)' % ' + '.join(
                t.at({**env, 'k': k}) for k in range(env['l'] + 1)))
        e = self.step(source, ['l'])
        for z, m in self.arrays.items():
            if m == n:
                idx = self.r.choice(['l', 'l + 1', '%s - l' % n])
                e = self.maybe(0.5, e, lambda: self.step(self.element(z, idx), ['l']))
        e = self.maybe(0.4, e, lambda: self.variable('h'))
        self.loops.append('for l in 0..%s { %s[l + 1] = %s }' % (n, y, e.text))
        for l in range(self.size(n)):
            self.flat.append('%s_%d = %s' % (y, l + 1, e.at({'l': l})))
        self.arrays[y] = n

    def plain(self, i):
        g = 'g%d' % i
        e = self.maybe(0.5, self.step(self.any(), []), self.any)
        self.loops.append('%s = %s' % (g, e.text))
        self.flat.append('%s_0 = %s' % (g, e.at({})))
        self.version[g] = 0

    def finish(self):
        e = self.maybe(0.6, self.any(), self.any)
        if self.r.random() < 0.3:
            e = wrap('tanh(%s)', e)
        self.loops.append('return readout(%s)' % e.text)
        self.flat.append('return readout(%s)' % e.at({}))

    def text(self, lines):
        return 'network f(x: input, d: int = %d, e: int = %d, q = 0.5) {\n%s\n}\n' % (
            self.sizes['d'], self.sizes['e'], '\n'.join('    ' + s for s in lines))


def kernels(tpc, folder, text):
    """[nngp, ntk]; or the code of a refusal; or what went wrong."""
    with open(os.path.join(folder, 'f.tp'), 'w') as f:
        f.write(text)
    p = subprocess.run([tpc, 'run', 'f.tp', 'x.npy', '-o', 'K.npy', '--kernel=nngp,ntk',
                        '--evaluator=interpreter', '--format=short'], cwd=folder, timeout=300,
                       capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if p.returncode:
        codes = re.findall(r'\[(TP\d{4})\]', p.stderr)
        if 'but there are coefficients for' in p.stderr: # tanh of a large variance
            return 'a series of too many terms'
        return codes[0] if codes and codes[0] in REFUSED else 'fails: ' + p.stderr.strip()
    return [np.load(os.path.join(folder, 'K.%s.npy' % k)) for k in ('nngp', 'ntk')]


def compare(tpc, folder, network):
    """What is wrong ('': nothing), and a remark."""
    got = kernels(tpc, folder, network.text(network.loops))
    if isinstance(got, str):
        return (got, '') if got.startswith('fails') else ('', '# SKIP refused: ' + got)
    want = kernels(tpc, folder, network.text(network.flat))
    if isinstance(want, str):
        return (want, '') if want.startswith('fails') else ('', '# SKIP refused: ' + want)
    off = max(np.max(np.abs(g - w)) / max(np.max(np.abs(w)), 1e-9) for g, w in zip(got, want))
    return ('' if off <= TOLERANCE else 'off by %.2g' % off), ''


def main():
    tpc = os.path.abspath(sys.argv[1])
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    number = int(sys.argv[3]) if len(sys.argv) > 3 else 16
    failed = 0
    print('1..%d' % number)
    with tempfile.TemporaryDirectory() as folder:
        np.save(os.path.join(folder, 'x.npy'), DATA)
        for n, seed in enumerate(range(first, first + number), 1):
            network = Network(seed)
            why, remark = compare(tpc, folder, network)
            failed += bool(why)
            print('%s %d seed %d %s' % ('not ok' if why else 'ok', n, seed, remark), flush=True)
            if why:
                for line in (why + '\n' + network.text(network.loops)).splitlines():
                    print('#', line)
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
