"""Standalone kernels: what `tpc build` makes, as a program, a C library and an object file.  TAP.

    kernels.py TPC"""
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np

from harness import ROOT, main, same

LIBRARIES = {'linux-vdso', 'libc', 'libm', 'ld-linux-x86-64', 'ld-linux-aarch64'}
TARGETS = 'x86-64-v2', 'x86-64-v3', 'x86-64-v4'
USE = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'use.c')


def build(t, *args, output='kernel'):
    t.run('build', 'mlp.tp', '-o', output, *args)
    return './' + output


def libraries(t, file):
    lines = t.call('ldd', file).stdout.splitlines()
    return {line.split()[0].split('/')[-1].split('.')[0] for line in lines if line.strip()}


def refused(t, *args, err, code=1):
    t.refused('x.npy', '-o', 'K.npy', *args, err=err, code=code, program='./kernel')


# ---------------------------------------------------------------- what works

def case_sizes_that_vary(t):
    t.file('p.tp', 'network f(x: input[T]) {\n    h = dense(x)\n'
                   '    return readout(avg(t in 0..T) relu(h[t]))\n}\n')
    rng = np.random.default_rng(6)
    t.save('px.npy', rng.standard_normal((7, 4, 3)))
    t.save('py.npy', rng.standard_normal((3, 5, 3)))
    t.save('lx.npy', np.array([4, 2, 1, 3, 3, 4, 2]))
    t.save('ly.npy', np.array([5, 2, 1]))
    data = 'px.npy', 'py.npy', '--size', 'T=lx.npy,ly.npy'
    t.run('run', 'p.tp', *data, '-o', 'J.npy')
    t.run('build', 'p.tp', '--size', 'T', '-o', 'kernel')
    t.call('./kernel', *data, '-o', 'K.npy')
    t.want((t.load('J.npy') == t.load('K.npy')).all(), 'another result')
    t.refused('px.npy', 'py.npy', '--size', 'T=lx.npy', '-o', 'N.npy', err='given for X only', code=2,
              program='./kernel')
    t.run('build', 'p.tp', '-o', 'kernel')
    t.call('./kernel', 'px.npy', '-o', 'K.npy')
    t.refused('px.npy', 'py.npy', '-o', 'N.npy', err='with --size T', program='./kernel')
    t.refused(*data, '-o', 'N.npy', err='with --size T', program='./kernel', code=2)
    t.refused('build', 'p.tp', '--size', 'V', '-o', 'kernel', err='there is `T`')


def case_standalone_gives_the_same_bits(t):
    t.file('stdlib.tp', open(os.path.join(ROOT, 'stdlib', 'layers.tp')).read())
    for act in 'relu', 'gelu', 'tanh', 'elu', 'hard_tanh':
        args = ['stdlib.tp', '--network', 'mlp', '--set', 'act=' + act]
        t.run('build', *args, '-o', 'kernel')
        for depth in '1', '4':
            run = ['x.npy', '--kernel', 'nngp,ntk', '--set', 'depth=' + depth, '--set', 'bias=0.1']
            t.run('run', *args, *run, '-o', 'J.npy')
            t.call('./kernel', *run, '-o', 'S.npy')
            same(t, 'J', 'S', act)


def case_needs_no_library_but_libc_and_libm(t):
    names = libraries(t, build(t))
    t.want(names <= LIBRARIES, str(names))
    names = libraries(t, build(t, '--shared', output='mlp.so'))
    t.want(names <= LIBRARIES, str(names))


def case_float32(t):
    build(t, '--dtype', 'float32')
    t.call('./kernel', 'x.npy', '-o', 'S.npy')
    t.run('run', 'mlp.tp', 'x.npy', '-o', 'K.npy', '--dtype', 'float32')
    k = t.load('S.npy')
    t.want(k.dtype == np.float32 and (k == t.load('K.npy')).all(), 'differs from tpc run')


def case_targets_give_the_same_bits(t):
    """One program with code for all; one for each; one for this machine."""
    build(t)
    t.call('./kernel', 'x.npy', '-o', 'K.npy')
    runs = [build(t, '--target', 'native', output='native')]
    for isa in TARGETS:
        if subprocess.run(['./kernel', '--isa', isa, '--version'], cwd=t.folder,
                          capture_output=True).returncode:
            continue # not this processor
        t.call('./kernel', 'x.npy', '-o', 'I.npy', '--isa', isa)
        t.want((t.load('K.npy') == t.load('I.npy')).all(), isa)
        runs.append(build(t, '--target', isa, output=isa))
    t.want(len(runs) > 1 or os.uname().machine != 'x86_64', 'no target runs here')
    for run in runs:
        t.call(run, 'x.npy', '-o', 'I.npy')
        t.want((t.load('K.npy') == t.load('I.npy')).all(), run)


def case_same_options_as_run(t):
    build(t)
    t.save('y.npy', t.x[1:3])
    options = ['x.npy', 'y.npy', '--kernel', 'nngp,ntk', '--set', 'depth=9', '--set', 'gain=1.2',
               '--threads', '2', '--memory', '1G', '--blas', 'none']
    t.call('./kernel', *options, '-o', 'S.npy')
    t.run('run', 'mlp.tp', *options, '-o', 'K.npy')
    same(t, 'S', 'K', 'all options')
    t.call('./kernel', 'x.npy', out='.')
    t.call('./kernel', '--help', out='depth = 3')
    t.call('./kernel', '--version', out='mlp')
    t.call('./kernel', 'x.npy', '-o', 'S.npy', '-v', err='float64')


def case_default_names(t):
    for args, files in (([], ['mlp']), (['--shared'], ['mlp.so', 'mlp.h']),
                        (['--object'], ['mlp.o', 'mlp.h', 'libtpcrt.a'])):
        t.run('build', 'mlp.tp', *args)
        for f in files:
            t.want(os.path.exists(t.path(f)), '%s is missing' % f)


def use(t, *link):
    """The C program, linked with a kernel of depth 5; what it computed against tpc run."""
    t.call('cc', '-std=c11', '-Wall', '-Werror', '-I.', USE, *link, '-lm', '-ldl', '-pthread',
           '-o', 'use')
    t.x.tofile(t.path('x.bin'))
    t.call('./use', 'x.bin', *map(str, t.x.shape), 'out.bin')
    t.run('run', 'mlp.tp', 'x.npy', '-o', 'K.npy', '--set', 'depth=5', '--kernel', 'nngp,ntk',
          '--blas', 'none')
    got = np.fromfile(t.path('out.bin')).reshape(2, 5, 5)
    for i, k in enumerate(('nngp', 'ntk')):
        t.want((got[i] == t.load('K.%s.npy' % k)).all(), k)


def case_shared_library_from_c(t):
    build(t, '--shared', output='mlp.so')
    use(t, './mlp.so')


def case_object_from_c(t):
    build(t, '--object', output='mlp.o')
    use(t, 'mlp.o', 'libtpcrt.a')


def case_header_is_cplusplus_too(t):
    build(t, '--shared', output='mlp.so')
    if shutil.which('c++'):
        t.file('h.cc', '#include "mlp.h"\nconst void *p = &tp_image_mlp;\n')
        t.call('c++', '-Wall', '-Werror', '-fsyntax-only', 'h.cc')


# ---------------------------------------------------------------- errors

def case_wrong_usage(t):
    build(t)
    for args in ((), ('x.npy', 'x.npy', 'x.npy'), ('x.npy', '--frob'), ('x.npy', '--threads', '0'),
                 ('x.npy', '--set', 'depth'), ('x.npy', '--kernel', 'ntkk'),
                 ('x.npy', '--memory', 'much'), ('x.npy', '--blas', 'x'), ('x.npy', '--isa', 'x'),
                 ('x.npy', '--data', 'z'), ('x.npy', '-o', 'x.npy')):
        t.call('./kernel', *args, code=2, err='error')
    t.refused('build', 'mlp.tp', '-o', 'k', '--target', 'x86-64-v9', err='x86-64-v9')
    t.refused('build', err='', code=2)


def case_settings_out_of_range(t):
    build(t)
    for s in ('depht=3', 'depth=2.5', 'depth=x', 'depth=', 'depth=1e12', 'gain=nan', 'b=inf',
              'b=1e400'):
        refused(t, '--set', s, err=s.split('=')[0])
    for s in 'depth=0', 'depth=-7':
        refused(t, '--set', s, err='mlp.tp:3')
    refused(t, '--set', 'b=1e200', err='variance')
    refused(t, '--set', 'depth=1000000', '--memory', '4M', err='memory')


def case_bad_data(t):
    build(t)
    for name, a in (('nan', np.array([[1, np.nan]])), ('rank', np.ones(3)),
                    ('empty', np.ones((0, 3))), ('complex', np.ones((2, 2), complex))):
        t.save(name + '.npy', a)
        t.refused(name + '.npy', '-o', 'K.npy', err=name + '.npy', program='./kernel')
    t.save('wide.npy', np.ones((2, 9)))
    t.refused('x.npy', 'wide.npy', '-o', 'K.npy', err='wide.npy', program='./kernel')
    t.refused('none.npy', '-o', 'K.npy', err='none.npy', program='./kernel')
    refused(t, '-o', 'no/K.npy', err='no/K.npy')


def case_kernel_that_was_not_built(t):
    build(t, '--kernel', 'nngp')
    t.call('./kernel', 'x.npy', '-o', 'K.npy')
    refused(t, '--kernel', 'ntk', err='ntk', code=2)


def case_no_compiler(t):
    for cc in '/no/such/cc', 'false':
        t.refused('build', 'mlp.tp', '-o', 'k', err='--object' if '/' in cc else 'false',
                  env={**os.environ, 'CC': cc})
    t.run('build', 'mlp.tp', '-o', 'k.o', '--object', env={**os.environ, 'CC': '/no/such/cc'})


def case_output_cannot_be_written(t):
    t.refused('build', 'mlp.tp', '-o', 'no/such/kernel', err='no/such')
    os.mkdir(t.path('there'))
    t.refused('build', 'mlp.tp', '-o', 'there', err='there')


def case_interrupted_kernel_leaves_nothing(t):
    build(t)
    t.save('big.npy', np.random.default_rng(3).standard_normal((4000, 16)))
    before = set(os.listdir(t.folder))
    p = subprocess.Popen(['./kernel', 'big.npy', '-o', 'K.npy', '--set', 'depth=2000'],
                         cwd=t.folder, stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    p.send_signal(signal.SIGINT)
    code = p.wait(30)
    t.want(code in (128 + signal.SIGINT, -signal.SIGINT), 'exit %d' % code)
    t.want(set(os.listdir(t.folder)) == before, 'left behind: %s' % os.listdir(t.folder))


if __name__ == '__main__':
    sys.exit(main(globals()))
