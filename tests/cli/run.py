"""The command line as people use it: outputs, exit codes, clear errors, nothing left behind.  TAP.

    run.py TPC

A case is a function case_*(t) that uses t.run(...) and t.want(condition, message)."""
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time

import numpy as np

MLP = '''network mlp(x: input, depth: int = 3, gain = 1.4, b = 0.1) {
    h = dense(x, bias = b)
    repeat depth - 1 { h = dense(relu(h), gain = gain, bias = b) }
    return readout(relu(h))
}
'''


ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Failure(Exception):
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

    def run(self, *args, code=0, err=None, out=None, **kw):
        p = subprocess.run([self.tpc, *args], cwd=self.folder, capture_output=True, text=True,
                           stdin=subprocess.DEVNULL, **kw)
        self.want(p.returncode == code,
                  'tpc %s: exit %d, expected %d: %s' % (' '.join(args), p.returncode, code, p.stderr[:300]))
        for what, text in ((err, p.stderr), (out, p.stdout)):
            if what is not None:
                self.want(what in text, 'tpc %s: %r not in %r' % (' '.join(args), what, text[:500]))
        return p

    def refused(self, *args, err, code=1, **kw):
        """An error with that text, and no output file or temporary left."""
        before = set(os.listdir(self.folder))
        self.run(*args, code=code, err=err, **kw)
        left = set(os.listdir(self.folder)) - before
        self.want(not left, 'left behind: %s' % sorted(left))

    def want(self, ok, message):
        if not ok:
            raise Failure(message)


# ---------------------------------------------------------------- what works

def case_run_writes_the_kernel(t):
    t.run('run', 'mlp.tp', 'x.npy', '-o', 'K.npy')
    k = t.load('K.npy')
    t.want(k.shape == (5, 5) and k.dtype == np.float64, 'shape %s' % (k.shape,))
    t.want((k == k.T).all(), 'not symmetric')
    t.want(np.linalg.eigvalsh(k).min() > 0, 'not positive definite')


def case_two_kernels_two_files(t):
    t.run('run', 'mlp.tp', 'x.npy', '-o', 'K.npy', '--kernel', 'nngp,ntk')
    t.want(sorted(f for f in os.listdir(t.folder) if f[0] == 'K') == ['K.nngp.npy', 'K.ntk.npy'], 'files')


def case_cross_kernel_is_a_block(t):
    t.save('y.npy', t.x[2:])
    t.run('run', 'mlp.tp', 'x.npy', '-o', 'K.npy')
    t.run('run', 'mlp.tp', 'x.npy', 'y.npy', '-o', 'C.npy')
    k, c = t.load('K.npy'), t.load('C.npy')
    t.want(abs(k[:, 2:] - c).max() <= 1e-13 * k.max(), 'block differs')


def case_permutation(t):
    p = [3, 1, 4, 0, 2]
    t.save('p.npy', t.x[p])
    t.run('run', 'mlp.tp', 'x.npy', '-o', 'K.npy')
    t.run('run', 'mlp.tp', 'p.npy', '-o', 'P.npy')
    t.want(abs(t.load('K.npy')[np.ix_(p, p)] - t.load('P.npy')).max() <= 1e-14, 'permuted kernel')


def case_threads_do_not_matter(t):
    t.save('big.npy', np.random.default_rng(2).standard_normal((700, 9)))
    for n in '1', '2', '5':
        t.run('run', 'mlp.tp', 'big.npy', '-o', 'K%s.npy' % n, '--threads', n)
    k = t.load('K1.npy')
    t.want((k == t.load('K2.npy')).all() and (k == t.load('K5.npy')).all(), 'threads change the result')


ACTS = ('relu leaky_relu abs erf gelu tanh sigmoid silu softplus elu selu mish sin cos gaussian sign step '
        'hard_tanh relu6 softsign relu2 square he3').split()
NETS = 'resnet resnet2 resnet_post glu'.split()


def same(t, a, b, what):
    for k in 'nngp', 'ntk':
        t.want((t.load(a + '.%s.npy' % k) == t.load(b + '.%s.npy' % k)).all(), '%s of %s' % (k, what))


def case_interpreter_gives_the_same_bits(t):
    jobs = [('stdlib.tp', 'mlp', ['--set', 'act=' + a, '--set', 'bias=0.1']) for a in ACTS]
    jobs += [('stdlib.tp', n, []) for n in NETS]
    t.file('stdlib.tp', open(os.path.join(ROOT, 'stdlib', 'layers.tp')).read())
    for file, net, sets in jobs:
        args = ['run', file, 'x.npy', '--network', net, '--kernel', 'nngp,ntk', *sets]
        t.run(*args, '-o', 'J.npy')
        t.run(*args, '-o', 'I.npy', '--evaluator', 'interpreter')
        same(t, 'J', 'I', net + ' '.join(sets))


def case_standalone_gives_the_same_bits(t):
    t.file('stdlib.tp', open(os.path.join(ROOT, 'stdlib', 'layers.tp')).read())
    for act in 'relu', 'gelu', 'tanh', 'elu', 'hard_tanh':
        args = ['stdlib.tp', '--network', 'mlp', '--set', 'act=' + act]
        t.run('build', *args, '-o', 'kernel')
        for depth in '1', '4':
            run = ['x.npy', '--kernel', 'nngp,ntk', '--set', 'depth=' + depth, '--set', 'bias=0.1']
            t.run('run', *args, *run, '-o', 'J.npy')
            p = subprocess.run(['./kernel', *run, '-o', 'S.npy'], cwd=t.folder, capture_output=True, text=True)
            t.want(p.returncode == 0, p.stderr)
            same(t, 'J', 'S', act)


def case_float32(t):
    t.run('run', 'mlp.tp', 'x.npy', '-o', 'K.npy')
    t.run('run', 'mlp.tp', 'x.npy', '-o', 'F.npy', '--dtype', 'float32')
    k, f = t.load('K.npy'), t.load('F.npy')
    t.want(f.dtype == np.float32 and abs(k - f).max() <= 2e-6 * k.max(), 'float32')


def case_small_result_is_printed(t):
    t.run('run', 'mlp.tp', 'x.npy', out='.')


def case_integer_and_fortran_arrays(t):
    a = np.arange(20).reshape(5, 4) - 7
    t.save('f64.npy', a.astype(float))
    t.run('run', 'mlp.tp', 'f64.npy', '-o', 'K.npy')
    for name, b in (('i32', a.astype(np.int32)), ('i8', a.astype(np.int8)), ('f32', a.astype(np.float32)),
                    ('fort', np.asfortranarray(a.astype(float)))):
        t.save('b.npy', b)
        t.run('run', 'mlp.tp', 'b.npy', '-o', 'B.npy')
        t.want((t.load('K.npy') == t.load('B.npy')).all(), name)


def case_zero_sample_is_valid(t):
    x = t.x.copy()
    x[1] = 0
    t.save('z.npy', x)
    for b in '0.1', '0':
        t.run('run', 'mlp.tp', 'z.npy', '-o', 'K.npy', '--set', 'b=' + b)
        t.want(np.isfinite(t.load('K.npy')).all(), 'not finite')
    t.want((t.load('K.npy')[1] == 0).all(), 'without a bias the kernel of a zero sample is 0')


def case_depth_is_set(t):
    t.run('run', 'mlp.tp', 'x.npy', '-o', 'A.npy', '--set', 'depth=1')
    t.run('run', 'mlp.tp', 'x.npy', '-o', 'B.npy', '--set', 'depth=50')
    t.want(abs(t.load('A.npy') - t.load('B.npy')).max() > 1, 'depth has no effect')


def case_check_json(t):
    p = t.run('check', '--format=json', 'mlp.tp')
    doc = json.loads(p.stdout)
    t.want(doc['networks'][0]['verdict'] == 'simple-gia', p.stdout)


def case_check_require(t):
    t.run('check', 'mlp.tp', '--require=simple-gia')
    t.file('mean.tp', MLP.replace('return readout(relu(h))',
                                  'param v: vector ~ N(1, 1)\n    return v\' * relu(h) / sqrt(n)'))
    t.run('check', 'mean.tp', '--require=simple-gia', code=3)


def case_build_and_run(t):
    t.run('build', 'mlp.tp', '-o', 'kernel')
    t.run('run', 'mlp.tp', 'x.npy', '-o', 'K.npy', '--set', 'depth=7')
    p = subprocess.run(['./kernel', 'x.npy', '-o', 'S.npy', '--set', 'depth=7'], cwd=t.folder,
                       capture_output=True, text=True)
    t.want(p.returncode == 0, p.stderr)
    t.want((t.load('K.npy') == t.load('S.npy')).all(), 'the standalone kernel differs')
    libs = subprocess.run(['ldd', 'kernel'], cwd=t.folder, capture_output=True, text=True).stdout
    names = {line.split()[0].split('/')[-1].split('.')[0] for line in libs.splitlines() if line.strip()}
    t.want(names <= {'linux-vdso', 'libc', 'libm', 'ld-linux-x86-64', 'ld-linux-aarch64'}, libs)


def case_fmt(t):
    t.file('f.tp', 'network   f( x:input ) {\n  return   readout( relu(dense( x )) ) }\n')
    t.run('fmt', '--check', 'f.tp', code=1)
    t.run('fmt', 'f.tp')
    t.run('fmt', '--check', 'f.tp')


def case_texts(t):
    t.run('--version', out='tpc ')
    t.run('--help', out='commands')
    t.run('run', '--help', out='--kernel')
    t.run('list', out='relu')
    t.run('list', 'relu', out='max')
    t.run('explain', 'TP0600', out='TP0600')
    for stage in 'ast', 'program', 'limit', 'kernel', 'llvm', 'asm':
        t.run('show', '--stage=' + stage, 'mlp.tp')


# ---------------------------------------------------------------- wrong usage: 2

def case_usage(t):
    for args in ((), ('frobnicate',), ('run',), ('run', 'mlp.tp'), ('run', '--frob', 'mlp.tp', 'x.npy'),
                 ('run', 'mlp.tp', 'x.npy', '--threads', '0'), ('run', 'mlp.tp', 'x.npy', '--set', 'depth'),
                 ('run', 'mlp.tp', 'x.npy', '--kernel', 'ntkk'), ('show', '--stage=x', 'mlp.tp')):
        t.run(*args, code=2)


# ---------------------------------------------------------------- bad data: 1, nothing left

def bad_npy(t, name, text, err):
    t.file(name, text)
    t.refused('run', 'mlp.tp', name, '-o', 'K.npy', err=err)


def case_bad_arrays(t):
    whole = open(t.path('x.npy'), 'rb').read()
    bad_npy(t, 'b1.npy', whole[:-3], 'b1.npy')
    bad_npy(t, 'b2.npy', whole[:40], 'b2.npy')
    bad_npy(t, 'b3.npy', b'', 'b3.npy')
    bad_npy(t, 'b4.npy', b'PK' + whole[2:], 'b4.npy')
    bad_npy(t, 'b5.npy', whole[:8] + b'\xff\xff' + whole[10:], 'b5.npy')
    for name, a in (('rank1', np.ones(4)), ('rank3', np.ones((2, 2, 2))), ('empty', np.ones((0, 4))),
                    ('narrow', np.ones((4, 0))), ('complex', np.ones((2, 2), complex)),
                    ('big', np.ones((2, 2), '>f8')), ('bool', np.array([['a', 'b']])),
                    ('large', np.full((2, 2), 2**53 + 1)), ('nan', np.array([[1, np.nan]])),
                    ('inf', np.array([[1, 2], [np.inf, 0]]))):
        t.save(name + '.npy', a)
        t.refused('run', 'mlp.tp', name + '.npy', '-o', 'K.npy', err=name + '.npy')
    t.save('y3.npy', np.ones((2, 3)))
    t.refused('run', 'mlp.tp', 'x.npy', 'y3.npy', '-o', 'K.npy', err='y3.npy')
    t.refused('run', 'mlp.tp', 'none.npy', '-o', 'K.npy', err='none.npy')


def case_bad_outputs(t):
    t.refused('run', 'mlp.tp', 'x.npy', '-o', 'x.npy', err='x.npy', code=2)
    t.refused('run', 'mlp.tp', 'x.npy', '-o', 'no/such/K.npy', err='no/such')
    t.refused('run', 'mlp.tp', 'x.npy', '-o', '.', err='.')
    t.save('big.npy', np.ones((600, 2)))
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000))
    t.refused('run', 'mlp.tp', 'big.npy', '-o', 'K.npy', err='K.npy', preexec_fn=limit)


def case_bad_settings(t):
    for s in 'depht=3', 'depth=2.5', 'depth=x', 'gain=nan', 'b=inf', 'depth=':
        t.refused('run', 'mlp.tp', 'x.npy', '-o', 'K.npy', '--set', s, err=s.split('=')[0])
    for s in 'depth=0', 'depth=-1':
        t.refused('run', 'mlp.tp', 'x.npy', '-o', 'K.npy', '--set', s, err='mlp.tp:3')


def case_memory_limit(t):
    t.save('big.npy', np.ones((3000, 2)))
    t.refused('run', 'mlp.tp', 'big.npy', '-o', 'K.npy', '--memory', '1M', err='memory')


def case_interrupted_run_leaves_nothing(t):
    t.save('big.npy', np.random.default_rng(3).standard_normal((4000, 16)))
    before = set(os.listdir(t.folder))
    p = subprocess.Popen([t.tpc, 'run', 'mlp.tp', 'big.npy', '-o', 'K.npy', '--set', 'depth=400'],
                         cwd=t.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.7)
    p.send_signal(signal.SIGTERM)
    code = p.wait(30)
    t.want(code not in (0, -signal.SIGKILL), 'exit %d' % code)
    t.want(set(os.listdir(t.folder)) == before, 'left behind: %s' % sorted(os.listdir(t.folder)))


# ---------------------------------------------------------------- bad programs: 1

def case_bad_programs(t):
    t.file('rec.tp', 'layer a(x: vector) {\n    return a(x)\n}\nnetwork f(x: input) {\n'
                     '    return readout(a(dense(x)))\n}\n')
    t.run('check', 'rec.tp', code=1, err='rec.tp')
    t.file('loop.tp', 'network f(x: input) {\n    h = dense(x)\n    repeat 1000000000000 '
                      '{ h = dense(relu(h)) }\n    return readout(relu(h))\n}\n')
    t.refused('run', 'loop.tp', 'x.npy', '-o', 'K.npy', err='')
    t.file('latin.tp', b'# caf\xe9\nnetwork f(x: input) { return readout(relu(dense(x))) }\n')
    t.run('check', 'latin.tp', code=1, err='UTF-8')
    t.file('out.tp', 'import "../../etc/passwd"\n' + MLP)
    t.run('check', 'out.tp', code=1, err='import')
    t.file('self.tp', 'import "self.tp"\n' + MLP)
    t.run('check', 'self.tp', code=1, err='import')
    t.run('check', 'missing.tp', code=1, err='missing.tp')


def main():
    tpc = os.path.abspath(sys.argv[1])
    cases = sorted((n, f) for n, f in globals().items() if n.startswith('case_'))
    print('1..%d' % len(cases))
    bad = 0
    for i, (name, f) in enumerate(cases, 1):
        why = None
        with tempfile.TemporaryDirectory() as folder:
            try:
                f(Test(tpc, folder))
            except Failure as e:
                why = str(e).replace('\n', ' ')
            except FileNotFoundError as e:
                why = str(e)
        bad += why is not None
        print('%s %d - %s%s' % ('not ok' if why else 'ok', i, name[5:], ' # ' + why if why else ''), flush=True)
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())
