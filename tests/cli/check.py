"""tpc check as a command: verdicts, --require, JSON, the probe, replacements that mend.  TAP.

    check.py TPC"""
import json
import os
import sys

import numpy as np

import harness

NET = """network f(x: input, mu = %s) {
    param U: matrix ~ N(0, 1 / fan_in)
    param W: matrix ~ N(0, 1 / fan_in)
    param v: vector ~ N(mu, 1)
    h = W * relu(U * x)
    return v' * %s(h) / sqrt(n)
}
"""
TIED = """network f(x: input) {
    param U: matrix ~ N(0, 1 / fan_in)
    param W: matrix ~ N(0, 1 / fan_in)
    param v: vector ~ N(0, 1)
    h = W * (U * x)
    return v' * (W' * tanh(h)) / sqrt(n)
}
"""
INSIDE = """network f(x: input) {
    param U: matrix ~ N(0, 1 / fan_in)
    param W: matrix ~ N(0, 1 / fan_in)
    param v: vector ~ N(0, 1)
    h = W * tanh(U * x) + v
    return v' * tanh(h) / sqrt(n)
}
"""
ONES = """network f(x: input) {
    param U: matrix ~ N(0, 1 / fan_in)
    param W: matrix ~ N(0, 1 / fan_in)
    random one: vector ~ N(1, 0)
    return one' * relu(W * relu(U * x)) / sqrt(n)
}
"""


def verdict(t, file, *args):
    return json.loads(t.run('check', file, '--format=json', *args).stdout)['networks'][0]


def case_ladder(t):
    t.file('relu.tp', NET % (1, 'relu'))
    t.file('tanh.tp', NET % (1, 'tanh'))
    t.file('tied.tp', TIED)
    t.want(verdict(t, 'relu.tp')['verdict'] == 'gia-fails', 'relu')
    t.want(verdict(t, 'relu.tp', '--set', 'mu=0')['verdict'] == 'simple-gia', 'relu, mu = 0')
    t.want(verdict(t, 'relu.tp', '--set', 'mu=0')['condition'] == 'mu == 0', 'condition')
    t.want(verdict(t, 'relu.tp')['higher'] == 'simple-gia while mu == 0', 'higher')
    t.want(verdict(t, 'tanh.tp')['verdict'] == 'gia-exact', 'tanh')
    t.want(verdict(t, 'tied.tp')['verdict'] == 'gia-fails', 'tied')


def case_require(t):
    t.file('relu.tp', NET % (1, 'relu'))
    t.file('tanh.tp', NET % (1, 'tanh'))
    for rung, code in ('simple-gia', 3), ('bp-like', 3), ('gia-exact', 0), ('gia-fails', 0):
        t.run('check', 'tanh.tp', '--require=' + rung, code=code)
    t.run('check', 'relu.tp', '--require=gia-exact', code=3)
    t.run('check', 'relu.tp', '--require=undecided', code=3)
    t.run('check', 'relu.tp', '--require=gia-exact', '--set', 'mu=0')
    t.run('check', 'relu.tp', '--require=exact', code=2)


def case_folder(t):
    os.mkdir(t.path('d'))
    t.file('d/a.tp', NET % (0, 'relu'))
    t.file('d/b.tp', NET % (1, 'relu'))
    p = t.run('check', 'd', '--format=json')
    t.want([f['networks'][0]['verdict'] for f in json.loads(p.stdout)] ==
           ['simple-gia', 'gia-fails'], p.stdout)
    t.run('check', 'd', '--require=simple-gia', code=3)


def case_witness(t):
    """Matrix, both uses, the way between them, formula and number of the correction."""
    t.file('relu.tp', NET % (1, 'relu'))
    r = verdict(t, 'relu.tp')['reasons'][-1]
    t.want(r['condition'] == 'coefficient' and r['matrix'] == 'W', r)
    t.want(r['uses'] == ['relu.tp:5:9', 'relu.tp:5:9'], r)
    t.want(r['chain'][-1]['name'] == 'h', r)
    c = r['coefficient']
    # E relu''(h) = 1 / sqrt(2 pi q), q = E relu^2 = 1/2 at inputs of norm 1
    t.want(abs(c['value'] - 1 / np.sqrt(np.pi)) < 1e-8 and 'delta(h)' in c['formula'], c)
    t.want(c['nonzero'] == c['of'] == 1, c)


def case_probe(t):
    t.file('relu.tp', NET % (1, 'relu'))
    np.save(t.path('x.npy'), np.array([[3., 1, 2], [0, 1, 0]]))
    np.save(t.path('y.npy'), np.zeros((2, 4, 3)))
    c = verdict(t, 'relu.tp', '--probe', 'x.npy')['reasons'][-1]['coefficient']
    t.want(abs(c['value'] - 1 / np.sqrt(2 * np.pi * 14 / 6)) < 1e-8, c)
    t.run('check', 'relu.tp', '--probe', 'y.npy', code=1, err='TP0621')
    t.run('check', 'relu.tp', '--probe', 'none.npy', code=1, err='TP0620')


def mended(t, text):
    """The text with the replacements of the first reason that has some."""
    t.file('f.tp', text)
    for r in verdict(t, 'f.tp')['reasons']:
        if r['fixes']:
            b = text.encode()
            for f in sorted(r['fixes'], key=lambda f: -f['lo']):
                b = b[:f['lo']] + f['replacement'].encode() + b[f['hi']:]
            return b.decode()
    return text


def case_mends(t):
    """What is proposed, applied, passes the Simple GIA Check."""
    for text in NET % (1, 'relu'), TIED, INSIDE, ONES:
        after = mended(t, text)
        t.want(after != text, 'no replacement for\n' + text)
        t.file('g.tp', after)
        t.want(verdict(t, 'g.tp')['verdict'] == 'simple-gia', after)


if __name__ == '__main__':
    sys.exit(harness.main(globals()))
