"""What the tests of the command line share: a folder of their own for each case, and TAP.

A case is a function case_*(t) that uses t.run(...) and t.want(condition, message), or raises
Skip(reason)."""
import os
import subprocess
import sys
import tempfile

import numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

MLP = '''network mlp(x: input, depth: int = 3, gain = 1.4, b = 0.1) {
    h = dense(x, bias = b)
    repeat depth - 1 { h = dense(relu(h), gain = gain, bias = b) }
    return readout(relu(h))
}
'''


class Failure(Exception):
    pass


class Skip(Exception):
    pass


class Test:
    def __init__(self, tpc, folder):
        self.tpc, self.folder = tpc, folder
        self.file('mlp.tp', MLP)
        rng = np.random.default_rng(1)
        self.x = rng.standard_normal((5, 4))
        self.save('x.npy', self.x)

    def path(self, name):
        return os.path.join(self.folder, name)

    def file(self, name, text):
        with open(self.path(name), 'wb') as f:
            f.write(text if isinstance(text, bytes) else text.encode())
        return name

    def save(self, name, a):
        np.save(self.path(name), a)
        return name

    def load(self, name):
        return np.load(self.path(name))

    def call(self, program, *args, code=0, err=None, out=None, **kw):
        """Any program, with the exit code and the texts expected of it."""
        p = subprocess.run([program, *args], cwd=self.folder, capture_output=True, text=True,
                           stdin=subprocess.DEVNULL, **kw)
        line = ' '.join([os.path.basename(program), *args])
        self.want(p.returncode == code,
                  '%s: exit %d, expected %d: %s' % (line, p.returncode, code, p.stderr[:300]))
        for what, text in ((err, p.stderr), (out, p.stdout)):
            if what is not None:
                self.want(what in text, '%s: %r not in %r' % (line, what, text[:500]))
        return p

    def run(self, *args, **kw):
        return self.call(self.tpc, *args, **kw)

    def refused(self, *args, err, code=1, program=None, **kw):
        """An error with that text, and no output file or temporary left."""
        before = set(os.listdir(self.folder))
        self.call(program or self.tpc, *args, code=code, err=err, **kw)
        left = set(os.listdir(self.folder)) - before
        self.want(not left, 'left behind: %s' % sorted(left))

    def want(self, ok, message):
        if not ok:
            raise Failure(message)


def same(t, a, b, what):
    for k in 'nngp', 'ntk':
        t.want((t.load(a + '.%s.npy' % k) == t.load(b + '.%s.npy' % k)).all(), '%s of %s' % (k, what))


def run_case(tpc, case):
    """Whether nothing is wrong, and a remark."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            case(Test(tpc, folder))
        except (Failure, FileNotFoundError) as e:
            return False, str(e).replace('\n', ' ')
        except Skip as e:
            return True, 'SKIP %s' % e
    return True, ''


def main(names):
    tpc = os.path.abspath(sys.argv[1])
    cases = sorted((n, f) for n, f in names.items() if n.startswith('case_'))
    print('1..%d' % len(cases))
    bad = 0
    for i, (name, case) in enumerate(cases, 1):
        ok, remark = run_case(tpc, case)
        bad += not ok
        print('%s %d - %s%s' % ('ok' if ok else 'not ok', i, name[5:], remark and ' # ' + remark),
              flush=True)
    return 1 if bad else 0
