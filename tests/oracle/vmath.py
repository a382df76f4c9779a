"""Writes vmath_<function>.txt beside this file: arguments (hexadecimal, exact; those of bvn are
float32 numbers) and the function's value to 30 digits, by mpmath.

    /usr/bin/python3 tests/oracle/vmath.py
"""
import os
import random
import struct

import mpmath as mp

mp.mp.dps = 60
HERE = os.path.dirname(os.path.abspath(__file__))
rng = random.Random(20240229)


def scaled(lo, hi, signed=False):
    x = 10 ** rng.uniform(mp.log10(lo), mp.log10(hi))
    return -x if signed and rng.random() < 0.5 else x


def single(x):
    return struct.unpack('f', struct.pack('f', x))[0]


def Phi(x):
    return mp.erfc(-x / mp.sqrt(2)) / 2


def angle(d):
    return 2 * mp.asin(mp.sqrt(d / 2))


def fan00(d):
    return angle(d) / (2 * mp.pi)


def fan11(d):
    t = angle(d)
    with mp.workdps(60 + max(0, 3 * -int(mp.log10(t + mp.mpf(10) ** -300)))):
        t = angle(d)
        return (mp.sin(t) - t * mp.cos(t)) / (2 * mp.pi)


def bvn(h, k, d, s):
    """From the value at |rho| = 1 inwards: d P / d rho is the bivariate density (Plackett 1954);
    rho = s cos(phi)."""
    edge = Phi(min(h, k)) if s > 0 else max(mp.mpf(0), Phi(h) + Phi(k) - 1)
    if d == 0:
        return edge

    def density(phi):
        return mp.exp(-((h - s * k) ** 2 + 2 * s * h * k * (1 - mp.cos(phi)))
                      / (2 * mp.sin(phi) ** 2)) / (2 * mp.pi)
    a = angle(d)
    cuts = [a * mp.mpf(2) ** -j for j in range(40, -1, -2)]
    with mp.workdps(30):
        return edge - s * mp.quad(density, [0] + cuts)


ONE = {
    'exp': (mp.exp, lambda: rng.uniform(-745, 709)),
    'expm1': (mp.expm1, lambda: scaled(1e-300, 700, True) if rng.random() < .8
              else rng.uniform(-2, 2)),
    'log': (mp.log, lambda: scaled(1e-307, 1e308) if rng.random() < .5 else rng.uniform(.4, 2.5)),
    'log1p': (mp.log1p, lambda: scaled(1e-300, 1e300) if rng.random() < .5
              else rng.uniform(-1, 1)),
    'sin': (mp.sin, lambda: scaled(1e-8, 3e13, True)),
    'cos': (mp.cos, lambda: scaled(1e-8, 3e13, True)),
    'tanh': (mp.tanh, lambda: scaled(1e-200, 30, True)),
    'erf': (mp.erf, lambda: scaled(1e-3, 6, True)),
    'Phi': (Phi, lambda: rng.uniform(-38.4, 0) if rng.random() < .7 else rng.uniform(-3, 9)),
    'fan00': (fan00, lambda: scaled(1e-300, 1) if rng.random() < .5 else rng.random()),
    'fan11': (fan11, lambda: scaled(1e-200, 1) if rng.random() < .5 else rng.random()),
}
FEW = {
    # doubles next to a multiple of pi / 2
    'sin': [3.141592653589793, 6.283185307179586, 103993 * mp.pi, 1e5],
    'cos': [1.5707963267948966, 4.71238898038469, 0.0, 1e5],
    'Phi': [-37.0, -1.0, 0.0, -38.4],
    'fan00': [1.0, 2.0 ** -1000], 'fan11': [1.0, 2.0 ** -600],
}


def pow_args():
    while True:
        a, b = scaled(1e-300, 1e300) if rng.random() < .5 else rng.uniform(.5, 2), 0
        b = rng.uniform(-700, 700) / max(abs(float(mp.log(a))), 1e-3)
        if abs(b * float(mp.log(a))) < 700:
            return a, b


def asin_args():
    s = scaled(1e-200, .99, True) if rng.random() < .3 else rng.uniform(-1, 1)
    return s, float(mp.sqrt(1 - mp.mpf(s) ** 2))


TWO = {
    'pow': (mp.power, pow_args),
    'atan2': (mp.atan2, lambda: (scaled(1e-100, 1e100, True), scaled(1e-100, 1e100))
              if rng.random() < .3 else (rng.uniform(-1, 1), rng.random())),
    'dexp': (lambda a, x: -mp.exp(a) * mp.expm1(-x),
             lambda: (rng.uniform(-600, 600), scaled(1e-20, 100, True))),
}


def bvn_args():
    h, k = rng.gauss(0, 1.5), rng.gauss(0, 1.5)
    d, s = scaled(1e-16, 1) if rng.random() < .6 else rng.random(), rng.choice((1.0, -1.0))
    pick = rng.random()
    if pick < .15:
        k = s * h
    elif pick < .3:
        k = s * h + rng.gauss(0, 1) * d ** .5
    elif pick < .4:
        h = 0.0
    elif pick < .45:
        k = 0.0
    elif pick < .5:
        h = k = 0.0
    elif pick < .55:
        h *= 5
    elif pick < .6:
        h *= 1e-9
    if rng.random() < .05:
        d = 0.0
    if rng.random() < .03:
        d = 1.0
    return h, k, d, s


def write(name, f, points):
    with open(os.path.join(HERE, f'vmath_{name}.txt'), 'w') as out:
        for p in points:
            value = f(*[mp.mpf(x) for x in p])
            out.write(' '.join(float(x).hex() for x in p) + ' ' + mp.nstr(value, 30) + '\n')


def main():
    for name, (f, arg) in ONE.items():
        points = list(FEW.get(name, [])) + [arg() for _ in range(60)]
        write(name, f, [(float(x),) for x in points])
    for name, (f, args) in TWO.items():
        write(name, f, [tuple(map(float, args())) for _ in range(80)])
    # float arguments: one file serves both types
    write('bvn', bvn, [tuple(single(x) for x in bvn_args()) for _ in range(400)])
    write('asin', mp.atan2, [asin_args() for _ in range(80)])


main()
