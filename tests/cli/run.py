"""The command line as people use it: outputs, exit codes, clear errors, nothing left behind.  TAP.

    run.py TPC"""
import json
import os
import resource
import signal
import subprocess
import sys
import time

import numpy as np

from harness import MLP, ROOT, Skip, main, same


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


def case_interpreter_gives_the_same_bits(t):
    jobs = [('stdlib.tp', 'mlp', ['--set', 'act=' + a, '--set', 'bias=0.1']) for a in ACTS]
    jobs += [('stdlib.tp', n, []) for n in NETS]
    t.file('stdlib.tp', open(os.path.join(ROOT, 'stdlib', 'layers.tp')).read())
    for file, net, sets in jobs:
        args = ['run', file, 'x.npy', '--network', net, '--kernel', 'nngp,ntk', *sets]
        t.run(*args, '-o', 'J.npy')
        t.run(*args, '-o', 'I.npy', '--evaluator', 'interpreter')
        same(t, 'J', 'I', net + ' '.join(sets))


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


def case_fmt(t):
    t.file('f.tp', 'network   f( x:input ) {\n  return   readout( relu(dense( x )) ) }\n')
    t.run('fmt', '--check', 'f.tp', code=1)
    t.run('fmt', 'f.tp')
    t.run('fmt', '--check', 'f.tp')


def case_positions(t):
    t.file('p.tp', 'network num(x: input[T], A: data[T]) {\n'
                   '    param v: vector ~ N(0, 1)\n    h = dense(x)\n'
                   '    return (avg(t in 0..T) A[t] * (v\' * relu(h[t]))) / sqrt(n)\n}\n'
                   'network family(x: input[T], A: data[T]) {\n'
                   '    param v: vector ~ N(0, 1)\n    h = dense(x)\n'
                   '    for t in 0..T { y[t] = A[t] * (v\' * relu(h[t])) / sqrt(n) }\n    return y\n}\n')
    rng = np.random.default_rng(5)
    x, a = rng.standard_normal((70, 4, 3)), rng.standard_normal((70, 4))
    y, b = rng.standard_normal((3, 6, 3)), rng.standard_normal((3, 6))
    lx, ly = rng.integers(1, 5, 70), np.array([6, 1, 3])
    for i in range(70): x[i, lx[i]:] = np.nan
    for name, v in dict(px=x, a=a, py=y, b=b, lx=lx, ly=ly).items(): t.save(name + '.npy', v)
    args = 'p.tp', 'px.npy', 'py.npy', '--data', 'A=a.npy,b.npy', '--size', 'T=lx.npy,ly.npy'
    t.run('run', *args, '--network', 'num', '-o', 'K.npy')
    t.run('run', *args, '--network', 'num', '-o', 'I.npy', '--evaluator', 'interpreter')
    t.want((t.load('K.npy') == t.load('I.npy')).all(), 'the interpreter differs')
    t.run('run', *args, '--network', 'family', '-o', 'F.npy')
    k, f = t.load('K.npy'), t.load('F.npy')
    t.want(f.shape == (70, 3, 4, 6), 'shape of a family')
    for i in range(70):
        for j in range(3):
            own = f[i, j, :lx[i], :ly[j]]
            t.want(np.isfinite(own).all() and np.isfinite(f[i, j]).sum() == own.size, 'own lengths')
            t.want(abs(own.mean() - k[i, j]) < 1e-13, 'the average of the family')
    t.save('sx.npy', x[3:4, :lx[3]])
    t.save('sa.npy', a[3:4, :lx[3]])
    t.save('one.npy', lx[3:4])
    t.run('run', 'p.tp', 'sx.npy', 'py.npy', '--data', 'A=sa.npy,b.npy', '--network', 'num',
          '--size', 'T=one.npy,ly.npy', '-o', 'S.npy')
    t.want(abs(t.load('S.npy') - k[3:4]).max() < 1e-13, 'a sample alone')
    full = rng.standard_normal((5, 4, 3))
    t.save('full.npy', full)
    t.save('fa.npy', a[:5])
    t.run('run', 'p.tp', 'full.npy', 'full.npy', '--data', 'A=fa.npy,fa.npy', '--network', 'num',
          '-o', 'C.npy')
    t.run('run', 'p.tp', 'full.npy', '--data', 'A=fa.npy', '--network', 'num', '-o', 'G.npy')
    t.want(abs(t.load('C.npy') - t.load('G.npy')).max() < 1e-13, 'training and cross kernel')
    refused = lambda *more, **how: t.refused('run', *more, '--network', 'num', '-o', 'N.npy', **how)
    refused(*args[:3], *args[3:5], '--size', 'T=lx.npy', err='given for X only', code=2)
    refused(*args[:5], '--size', 'V=lx.npy,ly.npy', err='there is `T`')
    refused(*args[:5], '--size', 'T=ly.npy,lx.npy', err='expected (70,)')
    refused('p.tp', 'x.npy', '--data', 'A=a.npy', err='expected rank 3: (N, T, d)')
    t.save('zero.npy', np.zeros((0, 4, 3)))
    refused('p.tp', 'zero.npy', '--data', 'A=a.npy', err='at least one sample')


def case_several_inputs(t):
    t.file('two.tp', 'network f(x: input, z: input) {\n'
                     '    return readout(relu(dense(x) + dense(z)))\n}\n')
    t.save('z.npy', np.ones((5, 3)))
    t.run('run', 'two.tp', 'x.npy', '--data', 'z=z.npy', '-o', 'K.npy')
    t.save('zero.npy', np.zeros((5, 3)))
    t.run('run', 'two.tp', 'x.npy', '--data', 'z=zero.npy', '-o', 'Z.npy')
    t.want((t.load('K.npy') != t.load('Z.npy')).all(), 'the second input has no effect')
    t.run('run', 'two.tp', 'x.npy', 'x.npy', '--data', 'z=z.npy,z.npy', '-o', 'C.npy')
    t.want(abs(t.load('C.npy') - t.load('K.npy')).max() < 1e-13, 'cross kernel')
    t.save('short.npy', np.ones((4, 3)))
    t.refused('run', 'two.tp', 'x.npy', '--data', 'z=short.npy', '-o', 'N.npy', err='short.npy')
    t.refused('run', 'two.tp', 'x.npy', '--data', 'w=z.npy', '-o', 'N.npy', err='w', code=2)
    t.refused('run', 'two.tp', 'x.npy', '-o', 'N.npy', err='z', code=2)


def case_progress_on_a_terminal(t):
    t.save('big.npy', np.random.default_rng(2).standard_normal((1500, 9)))
    try:
        ours, theirs = os.openpty()
    except OSError as e: # a root file system without /dev/pts
        raise Skip('no terminal: %s' % e)
    p = subprocess.Popen([t.tpc, 'run', 'mlp.tp', 'big.npy', '-o', 'K.npy', '--set', 'depth=300'],
                         cwd=t.folder, stderr=theirs)
    os.close(theirs)
    shown = b''
    try:
        while more := os.read(ours, 4096):
            shown += more
    except OSError: # the terminal's other end is closed
        pass
    os.close(ours)
    t.want(p.wait() == 0 and b'%' in shown and b'left' in shown, 'shown: %r' % shown[-300:])


def case_verbose_names_methods_and_times(t):
    p = t.run('run', 'mlp.tp', 'x.npy', '-o', 'K.npy', '-v')
    for text in 'fan(1, 1, 0, 1), error', 'compiled in', 'time:', 'float64':
        t.want(text in p.stderr, '%s is not in %s' % (text, p.stderr))


def case_passes_of_kernel_text(t):
    text = t.run('show', '--stage=kernel', 'mlp.tp').stdout
    t.file('k.kir', text)
    t.want(t.run('opt', 'k.kir', '--passes=dce').stdout == text, 'nothing is dead after all passes')
    t.run('opt', 'k.kir', '-o', 'o.kir')
    t.run('opt', 'o.kir')
    t.run('opt', 'k.kir', '--passes=nonsense', code=2, err='nonsense')
    t.file('bad.kir', text[:len(text) // 2])
    t.run('opt', 'bad.kir', code=1, err='bad.kir')
    t.run('opt', 'none.kir', code=1, err='none.kir')


def case_test_blocks(t):
    checks = ('verdict simple-gia', 'nngp([1, 1], [1, 1]) = 2 / 4 +- 1e-15', 'verdict gia',
              'ntk([1, 1], [1, 1]) = 3 +- 1e-15')
    net = 'network f(x: input) { return readout(relu(dense(x))) }\n'
    for i, want in ((2, '2 passed, 0 failed'), (3, '2 passed, 1 failed'), (4, '2 passed, 2 failed')):
        blocks = ['test t%d: f() {\n    %s\n}\n' % (j, c) for j, c in enumerate(checks[:i])]
        t.file('t.tp', net + ''.join(blocks))
        t.run('test', 't.tp', code=int(i > 2), out=want)
    t.file('e.tp', net + 'test refused: f(depth = 3) {\n    error TP0210\n}\n')
    t.run('test', 'e.tp', code=1, out='TP0210')
    t.run('test', 'none', code=1)
    t.run('test', code=2)


def case_fmt_refuses_what_does_not_parse(t):
    text = 'network f(x: input) {\n    return\n'
    t.file('f.tp', text)
    t.run('fmt', 'f.tp', code=1, err='f.tp')
    t.want(open(t.path('f.tp')).read() == text, 'the file was changed')
    t.run('fmt', 'none.tp', code=1, err='none.tp')


def case_formats_of_errors(t):
    t.file('e.tp', 'network f(x: input) { return readout(rilu(dense(x))) }\n')
    t.run('check', 'e.tp', '--format=short', code=1, err='e.tp:1:38')
    doc = json.loads(t.run('check', 'e.tp', '--format=json', code=1).stdout)
    t.want('rilu' in json.dumps(doc), str(doc))


def case_texts(t):
    t.run('--version', out='tpc ')
    t.run('--help', out='commands')
    t.run('run', '--help', out='--kernel')
    t.run('list', out='relu')
    t.run('list', 'relu', out='max')
    t.run('list', 'rilu', code=1, err='rilu')
    t.run('explain', 'TP0600', out='TP0600')
    t.run('explain', 'TP9999', code=1, err='TP9999')
    for stage in 'ast', 'program', 'limit', 'kernel', 'llvm', 'asm':
        t.run('show', '--stage=' + stage, 'mlp.tp')


# ---------------------------------------------------------------- wrong usage: 2

def case_usage(t):
    for args in ((), ('frobnicate',), ('run',), ('run', 'mlp.tp'), ('run', '--frob', 'mlp.tp', 'x.npy'),
                 ('run', 'mlp.tp', 'x.npy', '--threads', '0'), ('run', 'mlp.tp', 'x.npy', '--set', 'depth'),
                 ('run', 'mlp.tp', 'x.npy', '--kernel', 'ntkk'), ('show', '--stage=x', 'mlp.tp'),
                 ('run', 'mlp.tp', 'x.npy', '--memory', 'x'), ('run', 'mlp.tp', 'x.npy', '--data', 'z'),
                 ('run', 'mlp.tp', 'x.npy', '--dtype', 'int'), ('check', 'mlp.tp', '--require=x'),
                 ('check', 'mlp.tp', '--format=x'), ('run', 'mlp.tp', 'x.npy', '--blas=x'),
                 ('check',), ('build',), ('fmt',), ('opt',), ('explain',)):
        t.run(*args, code=2)
    t.save('big.npy', np.ones((600, 2)))
    t.run('run', 'mlp.tp', 'big.npy', code=2, err='-o')


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
    p = subprocess.Popen([t.tpc, 'run', 'mlp.tp', 'big.npy', '-o', 'K.npy', '--set', 'depth=4000'],
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


if __name__ == '__main__':
    sys.exit(main(globals()))
