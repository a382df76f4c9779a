"""Networks with positions: identities between networks, data of different lengths, equal bits of
all evaluators, refusals.  TAP.

    positions.py TPC"""
import sys

import numpy as np

from harness import main

SOURCE = '''
network pixels(x: input[H, W], depth: int = 2) { return flat(x, depth, 1) }
network images(x: input[H, W], depth: int = 2) { return flat(x, depth, 3) }
layer flat(x: vector[H, W], depth: int, k: int) {
    h = conv2d(x, k = k, gain = sqrt(2), bias = 0.1)
    repeat depth - 1 { h = conv2d(relu(h), k = k, gain = sqrt(2), bias = 0.1) }
    return flat_readout2d(relu(h))
}

network dense_relu(x: input, depth: int = 2) {
    h = dense(x, gain = sqrt(2), bias = 0.1)
    repeat depth - 1 { h = dense(relu(h), gain = sqrt(2), bias = 0.1) }
    return readout(relu(h))
}

network circular_flat(x: input[H, W]) {
    h = conv2d(x, padding = circular)
    return flat_readout2d(relu(conv2d(relu(h), padding = circular)))
}
network circular_pool(x: input[H, W]) {
    h = conv2d(x, padding = circular)
    return readout(global_avg_pool2d(relu(conv2d(relu(h), padding = circular))))
}

network flattened(x: input[H, W]) { return flat_readout2d(erf(conv2d(relu(conv2d(x))))) }
network pooled(x: input[H, W]) { return readout(global_avg_pool2d(erf(conv2d(relu(conv2d(x)))))) }
network everywhere(x: input[H, W]) { return readout(erf(conv2d(relu(conv2d(x))))) }

network recurrent(x: input[T]) { return readout(rnn_last(x, act = relu, gain = 1.2, bias = 0.1)) }
network states(x: input[T]) { return readout(rnn_both(x, act = erf, bias = 0.1)) }
network one_layer(x: input) { return readout(relu(dense(x, bias = 0.1))) }
network untied(x: input[T]) {
    s = dense(x[0], gain = sqrt(2), bias = 0.1)
    for t in 1..T { s = dense(relu(s), gain = sqrt(2), bias = 0.1) }
    return readout(relu(s))
}

network tokens(x: input[T], mask: full | causal = full) {
    h = positions1d(dense(x))
    repeat 2 { h = transformer_block(h, mask = mask, bias = 0.1) }
    return readout(global_avg_pool1d(h))
}

network graph(x: input[V], A: data[V, V]) {
    h = graph_conv(x, A, bias = 0.1)
    h = graph_conv(relu(h), A, gain = sqrt(2), bias = 0.1)
    return readout(global_sum_pool1d(relu(h)))
}

network dropped(x: input, keep = 0.7) { return readout(dropout(relu(dense(x)), keep = keep)) }
network kept(x: input) { return readout(relu(dense(x))) }
'''


def prepare(t):
    t.file('p.tp', SOURCE)
    return np.random.default_rng(3)


def kernel(t, network, *args, kernels='nngp,ntk', **data):
    """Both kernels; data: arrays by file name, the first (and second) positional."""
    files = [t.save(name + '.npy', a) for name, a in data.items()]
    t.run('run', 'p.tp', *files, '--network', network, '-o', 'K.npy', '--kernel', kernels, *args)
    return np.stack([t.load('K.%s.npy' % k) for k in kernels.split(',')])


def close(t, a, b, what, tolerance=1e-13):
    worst = abs(a - b).max() / abs(b).max()
    t.want(a.shape == b.shape and worst <= tolerance, '%s: off by %g' % (what, worst))


# ---------------------------------------------------------------- identities

def case_filter_of_one_is_a_dense_layer(t):
    x = prepare(t).standard_normal((3, 2, 4, 5))
    rows = kernel(t, 'dense_relu', x=x.reshape(24, 5)).reshape(2, 3, 8, 3, 8)
    close(t, kernel(t, 'pixels', x=x), np.einsum('kapbp->kab', rows) / 8, 'filter of 1')


def case_circular_padding_is_translation_invariant(t):
    rng = prepare(t)
    x, y = rng.standard_normal((3, 4, 5, 2)), rng.standard_normal((2, 4, 5, 2))
    moved, both = np.roll(x, (1, 3), (1, 2)), np.roll(y, (1, 3), (1, 2))
    close(t, kernel(t, 'circular_pool', x=moved, y=y), kernel(t, 'circular_pool', x=x, y=y), 'pooled')
    close(t, kernel(t, 'circular_flat', x=moved, y=both), kernel(t, 'circular_flat', x=x, y=y),
          'flattened')


def case_pooling_one_pixel_is_flattening(t):
    x = prepare(t).standard_normal((4, 1, 1, 3))
    close(t, kernel(t, 'pooled', x=x), kernel(t, 'flattened', x=x), 'one pixel')


def case_demanded_diagonal_is_that_of_the_full_kernel(t):
    x = prepare(t).standard_normal((3, 3, 4, 2))
    full = kernel(t, 'everywhere', x=x)
    t.want(full.shape == (2, 3, 3, 3, 4, 3, 4), 'shape %s' % (full.shape,))
    diagonal = np.einsum('kabijij->kab', full)
    close(t, kernel(t, 'flattened', x=x)[0], diagonal[0] / 12, 'flattened')
    close(t, kernel(t, 'pooled', x=x), full.mean((3, 4, 5, 6)), 'pooled')


def case_one_step_is_a_layer(t):
    x = prepare(t).standard_normal((4, 1, 3))
    close(t, kernel(t, 'recurrent', x=x), kernel(t, 'one_layer', x=x[:, 0]), 'one step')


def case_untied_steps_are_a_deep_network(t):
    x = prepare(t).standard_normal((4, 6, 3))
    close(t, kernel(t, 'untied', x=x), kernel(t, 'dense_relu', '--set', 'depth=6', x=x[:, 0]), 'untied')


def case_order_of_nodes_does_not_matter(t):
    rng = prepare(t)
    x, A, p = rng.standard_normal((3, 5, 2)), rng.random((3, 5, 5)), [3, 0, 4, 1, 2]
    t.save('A.npy', A)
    t.save('B.npy', A[:, p][:, :, p])
    a = kernel(t, 'graph', '--data', 'A=A.npy', x=x)
    close(t, kernel(t, 'graph', '--data', 'A=B.npy', x=x[:, p]), a, 'permuted')


def case_dropout_is_seen_on_the_diagonal_only(t):
    x = prepare(t).standard_normal((4, 3))
    for keep in 0.7, 0.25:
        a = kernel(t, 'dropped', '--set', 'keep=%g' % keep, x=x)
        b = kernel(t, 'kept', x=x)
        diagonal = np.eye(4, dtype=bool)
        close(t, a[:, ~diagonal], b[:, ~diagonal], 'between samples')
        close(t, a[:, diagonal], b[:, diagonal] / keep, 'a sample with itself')
        close(t, kernel(t, 'dropped', '--set', 'keep=%g' % keep, x=x, y=x), b, 'X against Y')


# ---------------------------------------------------------------- lengths

def case_ragged_is_each_sequence_by_itself(t):
    rng = prepare(t)
    x, length = rng.standard_normal((4, 6, 3)), np.array([2, 6, 1, 3])
    t.save('T.npy', length)
    for network, sets in (('recurrent', []), ('tokens', []), ('tokens', ['--set', 'mask=causal'])):
        whole = kernel(t, network, '--size', 'T=T.npy', *sets, x=x)
        for i in range(4):
            for j in range(4):
                one = kernel(t, network, *sets, x=x[i:i + 1, :length[i]], y=x[j:j + 1, :length[j]])
                close(t, whole[:, i:i + 1, j:j + 1], one, '%s %d, %d' % (network, i, j))


def case_padding_does_not_matter(t):
    rng = prepare(t)
    x, y = rng.standard_normal((3, 4, 2)), rng.standard_normal((2, 5, 2))
    t.save('lx.npy', np.array([4, 2, 3]))
    t.save('ly.npy', np.array([1, 5]))
    a = kernel(t, 'states', '--size', 'T=lx.npy,ly.npy', x=x, y=y)
    t.want(a.shape == (2, 3, 2, 4, 5), 'shape %s' % (a.shape,))
    beyond = np.isnan(a[0])
    for i, lx in enumerate([4, 2, 3]):
        for j, ly in enumerate([1, 5]):
            inside = np.zeros((4, 5), bool)
            inside[:lx, :ly] = True
            t.want((beyond[i, j] == ~inside).all(), 'NaN at %d, %d' % (i, j))
    x[1, 2:], y[0, 1:] = 7, np.inf
    b = kernel(t, 'states', '--size', 'T=lx.npy,ly.npy', x=x, y=y)
    t.want(((a == b) | np.isnan(a)).all(), 'padding is read')


def case_code_is_independent_of_the_lengths(t):
    rng = prepare(t)
    t.run('build', 'p.tp', '--network', 'recurrent', '-o', 'k')
    for T in 4, 512:
        x = t.save('x%d.npy' % T, rng.standard_normal((3, T, 2)))
        t.call(t.path('k'), x, '-o', 'B.npy')
        t.run('run', 'p.tp', x, '--network', 'recurrent', '-o', 'J.npy')
        t.want((t.load('B.npy') == t.load('J.npy')).all(), 'T = %d' % T)


# ---------------------------------------------------------------- evaluators

def jobs(t):
    """(network, arguments) over files that are written here."""
    rng = prepare(t)
    t.save('image.npy', rng.standard_normal((5, 4, 3, 2)))
    t.save('seq.npy', rng.standard_normal((5, 4, 3)))
    t.save('seq2.npy', rng.standard_normal((2, 6, 3)))
    t.save('T.npy', np.array([1, 4, 2, 4, 3]))
    t.save('T2.npy', np.array([6, 2]))
    t.save('A.npy', rng.random((5, 4, 4)))
    t.save('A2.npy', rng.random((2, 6, 6)))
    for network in 'images', 'circular_pool', 'pooled', 'everywhere':
        yield network, ['image.npy']
    for network in 'recurrent', 'states', 'tokens':
        yield network, ['seq.npy']
        yield network, ['seq.npy', '--size', 'T=T.npy']
    yield 'states', ['seq.npy', 'seq2.npy', '--size', 'T=T.npy,T2.npy']
    yield 'graph', ['seq.npy', '--data', 'A=A.npy']
    yield 'graph', ['seq.npy', 'seq2.npy', '--data', 'A=A.npy,A2.npy', '--size', 'V=T.npy,T2.npy']


def same_bits(t, a, b, what):
    for k in 'nngp', 'ntk':
        x, y = t.load('%s.%s.npy' % (a, k)), t.load('%s.%s.npy' % (b, k))
        t.want(x.shape == y.shape and ((x == y) | (np.isnan(x) & np.isnan(y))).all(),
               '%s of %s: %s' % (k, what, b))


def case_all_evaluators_give_the_same_bits(t):
    for network, args in jobs(t):
        both = ['--kernel', 'nngp,ntk']
        run = ['run', 'p.tp', *args, '--network', network, *both]
        t.run(*run, '-o', 'J.npy')
        t.run(*run, '-o', 'I.npy', '--evaluator', 'interpreter')
        vary = ['--size', args[-1][0]] if '--size' in args else []
        t.run('build', 'p.tp', '--network', network, *both, *vary, '-o', 'kernel')
        t.call('./kernel', *args, *both, '-o', 'B.npy')
        same_bits(t, 'J', 'I', network)
        same_bits(t, 'J', 'B', network)


def case_float32(t):
    for network, args in jobs(t):
        run = ['run', 'p.tp', *args, '--network', network]
        t.run(*run, '-o', 'K.npy')
        t.run(*run, '-o', 'F.npy', '--dtype', 'float32')
        k, f = t.load('K.npy'), t.load('F.npy')
        t.want(f.dtype == np.float32, 'type')
        t.want(np.nanmax(abs(k - f)) <= 1e-5 * np.nanmax(abs(k)), network)


def case_threads_do_not_matter(t):
    rng = prepare(t)
    x, length = rng.standard_normal((150, 7, 3)), rng.integers(1, 8, 150)
    t.save('T.npy', length)
    a = kernel(t, 'recurrent', '--size', 'T=T.npy', '--threads', '1', x=x)
    b = kernel(t, 'recurrent', '--size', 'T=T.npy', '--threads', '3', x=x)
    t.want((a == b).all(), 'threads change the result')
    order = np.argsort(length, kind='stable')
    t.save('T.npy', length[order])
    b = kernel(t, 'recurrent', '--size', 'T=T.npy', x=x[order])
    close(t, b, a[:, order][:, :, order], 'order of the samples')


# ---------------------------------------------------------------- refusals

def case_refusals(t):
    list(jobs(t))
    for name, a in (('empty', np.zeros((2, 0, 3, 1))), ('zero', [1, 2, 0, 4, 4]), ('few', [1, 2]),
                    ('long', [1, 2, 3, 4, 5]), ('half', [1, 2, 2.5, 4, 4]), ('B', np.ones((5, 3, 3)))):
        t.save(name + '.npy', np.array(a))
    for network, args, code, err in (
            ('images', ['seq.npy'], 1, 'expected rank 4: (N, H, W, d)'),
            ('images', ['empty.npy'], 1, 'expected no axis of length 0'),
            ('recurrent', ['seq.npy', '--size', 'T=zero.npy'], 1, 'a whole number of at least 1'),
            ('recurrent', ['seq.npy', '--size', 'T=long.npy'], 1, 'expected 1 to 4'),
            ('recurrent', ['seq.npy', '--size', 'T=few.npy'], 1, 'expected (5,)'),
            ('recurrent', ['seq.npy', '--size', 'T=half.npy'], 1, 'a whole number of at least 1'),
            ('recurrent', ['seq.npy', '--size', 'S=T.npy'], 1, 'no size `S`'),
            ('recurrent', ['seq.npy', '--data', 'A=A.npy'], 2, 'no input `A`'),
            ('graph', ['seq.npy'], 2, 'input `A` of `graph` is missing'),
            ('graph', ['seq.npy', '--data', 'A=B.npy'], 1, 'expected length 4'),
            ('graph', ['seq.npy', '--data', 'A=few.npy'], 1, 'rank')):
        t.refused('run', 'p.tp', *args, '--network', network, '-o', 'K.npy', err=err, code=code)


def case_index_out_of_range_before_the_run(t):
    t.file('p.tp', 'network third(x: input[T]) { return readout(relu(dense(x[2]))) }\n')
    t.save('x.npy', np.ones((2, 2, 3)))
    t.refused('run', 'p.tp', 'x.npy', '-o', 'K.npy', err='p.tp:1:')


def case_zero_variance_is_named(t):
    t.file('p.tp', 'network f(x: input[T]) { return readout(layernorm(dense(x))) }\n')
    x = np.ones((3, 4, 2))
    x[1, 2] = 0
    t.save('x.npy', x)
    t.refused('run', 'p.tp', 'x.npy', '-o', 'K.npy', err='sample 1')


if __name__ == '__main__':
    sys.exit(main(globals()))
