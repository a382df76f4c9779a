"""Writes compiler/kernel/vmath/coefficients.h:

    /usr/bin/python3 tools/coefficients/vmath.py > compiler/kernel/vmath/coefficients.h

For every function of the vector mathematics the float64 and float32 polynomials (minimax, weighted
so that the stated error is the relative error of the function's result) and constants."""
import mpmath as mp
from remez import fit, round_to, split

BITS = {'f64': 53, 'f32': 24}
LN2, PI = mp.log(2), mp.pi
# rint(x / ln 2) leaves |r| <= ln 2 / 2, a little more after rounding of the quotient
EXP_END = LN2 / 2 * mp.mpf('1.0005')
# m in [sqrt 1/2, sqrt 2]: s = (m - 1) / (m + 1), z = s^2
LOG_END = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mp.mpf('1.001')
# |x - k pi| <= pi / 2, more for large x (the quotient's rounding)
SIN_END = (PI / 2 * mp.mpf('1.01')) ** 2
# the smaller of a sine and a cosine, both rounded
ASIN_END = mp.mpf('0.5001')
# chosen for a small error at t = 0, which is the rounding of the first coefficient
CENTRE = {'f64': mp.mpf(6), 'f32': mp.mpf(3)}
FAR = {'f64': 39, 'f32': 15}  # Phi(-FAR) is below the smallest subnormal


def atanh_rest(z):
    """(2 atanh(s) / s - 2) / s^2"""
    s = mp.sqrt(z)
    return (2 * mp.atanh(s) / s - 2) / z


def atanh_rest2(z):
    """(atanh(s) / s - 1 - s^2 / 3) / s^4"""
    s = mp.sqrt(z)
    return (mp.atanh(s) / s - 1 - z / 3) / z ** 2


def sin_rest(z):
    x = mp.sqrt(z)
    return (mp.sin(x) / x - 1) / z


def erf_rest(z):
    x = mp.sqrt(z)
    return mp.erf(x) / x - 1


def atan_rest(z):
    t = mp.sqrt(z)
    return (mp.atan(t) / t - 1) / z


def asin_rest(z):
    s = mp.sqrt(z)
    return (mp.asin(s) / s - 1) / z


def acos_ratio(d):
    """alpha / (2 pi sqrt d), cos alpha = 1 - d"""
    return 2 * mp.asin(mp.sqrt(d / 2)) / mp.sqrt(d) / (2 * PI)


def fan_ratio(d):
    """(sin alpha - alpha cos alpha) / (2 pi d^(3/2))"""
    t = 2 * mp.asin(mp.sqrt(d / 2))
    return (mp.sin(t) - t * mp.cos(t)) / (d * mp.sqrt(d)) / (2 * PI)


def tail(c):
    """t -> (y + c) e^(y^2 / 2) Phi(-y) / (2 c), t = (y - c) / (y + c)"""
    def f(t):
        y = c * (1 + t) / (1 - t)
        return (y + c) * mp.exp(y * y / 2) * mp.erfc(y / mp.sqrt(2)) / (4 * c)
    return f


# name, comment, {type: degree}, function, weight, interval by type
POLYNOMIALS = [
    ('exp', '(e^r - 1 - r) / r^2; relative to e^r - 1', {'f64': 9, 'f32': 4},
     lambda r: (mp.expm1(r) - r) / r ** 2, lambda r: r ** 2 / abs(mp.expm1(r)),
     lambda p: (-EXP_END, EXP_END)),
    ('log', '(log((1 + s) / (1 - s)) / s - 2) / z, z = s^2', {'f64': 6, 'f32': 2},
     atanh_rest, lambda z: z / 2, lambda p: (0, LOG_END)),
    ('log2sum', '(atanh(s) / s - 1 - z / 3) / z^2, z = s^2', {'f64': 6, 'f32': 2},
     atanh_rest2, lambda z: z * z, lambda p: (0, LOG_END)),
    ('sin', '(sin(r) / r - 1) / z, z = r^2', {'f64': 7, 'f32': 3},
     sin_rest, lambda z: z * mp.sqrt(z) / mp.sin(mp.sqrt(z)), lambda p: (0, SIN_END)),
    ('erf', 'erf(x) / x - 1 in x^2, |x| <= 1/2', {'f64': 8, 'f32': 4},
     erf_rest, lambda z: 1 / (1 + erf_rest(z)), lambda p: (0, mp.mpf(1) / 4)),
    ('tail', '(y + c) e^(y^2 / 2) Phi(-y) / (2 c) in t = (y - c) / (y + c), c = tail_centre[0]',
     {'f64': 22, 'f32': 10}, lambda t, p: tail(CENTRE[p])(t), lambda t, p: 1 / tail(CENTRE[p])(t),
     lambda p: (-1, (FAR[p] - CENTRE[p]) / (FAR[p] + CENTRE[p]))),
    ('atan', '(atan(t) / t - 1) / z, z = t^2, t <= 1', {'f64': 19, 'f32': 9},
     atan_rest, lambda z: z * mp.sqrt(z) / mp.atan(mp.sqrt(z)), lambda p: (0, 1)),
    ('asin', '(asin(s) / s - 1) / z, z = s^2 <= 1/2', {'f64': 17, 'f32': 7},
     asin_rest, lambda z: z * mp.sqrt(z) / mp.asin(mp.sqrt(z)), lambda p: (0, ASIN_END)),
    ('fan00', 'alpha / (2 pi sqrt d) in d = 1 - cos alpha', {'f64': 17, 'f32': 7},
     acos_ratio, lambda d: 1 / acos_ratio(d), lambda p: (0, 1)),
    ('fan11', '(sin alpha - alpha cos alpha) / (2 pi d^(3/2)) in d', {'f64': 16, 'f32': 6},
     fan_ratio, lambda d: 1 / fan_ratio(d), lambda p: (0, 1)),
]


def by_type(f, p):
    """f(x) or f(x, type) as a function of x."""
    return (lambda x: f(x, p)) if f.__code__.co_argcount == 2 else f


def gauss_legendre(n):
    """Nodes and weights on [0, 1]."""
    out = []
    for k in range(n):
        x = -mp.cos(PI * (k + mp.mpf(3) / 4) / (n + mp.mpf(1) / 2))
        for _ in range(8):  # Newton
            slope = n * (x * mp.legendre(n, x) - mp.legendre(n - 1, x)) / (x * x - 1)
            x -= mp.legendre(n, x) / slope
        out.append(((1 + x) / 2, 1 / ((1 - x * x) * slope ** 2)))
    return out


def hexf(x, bits):
    """Exact C literal of a number of at most `bits` bits."""
    assert round_to(x, bits) == x
    return float(x).hex()


def put(name, p, values, comment):
    bits = BITS[p]
    print(f'/* {comment} */')
    print(f'static const double {name}_{p}[] = {{')
    text = [hexf(v, bits) for v in values]
    for i in range(0, len(text), 3):
        print('    ' + ', '.join(text[i:i + 3]) + ',')
    print('};')


def constants(p):
    bits = BITS[p]
    small = {'f64': 42, 'f32': 15}[p]  # k * ln2[0] is exact for every exponent k
    put('ln2', p, split(LN2, small, bits), 'ln 2 as a sum; k times the first is exact')
    put('pi', p, split(PI, bits, bits, bits), 'pi as a sum')
    put('inverse', p, [round_to(v, bits) for v in (1 / LN2, 1 / PI)], '1 / ln 2, 1 / pi')
    put('two_thirds', p, split(mp.mpf(2) / 3, bits, bits), '2 / 3 as a sum')
    put('half_pi', p, split(PI / 2, bits, bits), 'pi / 2 as a sum')
    put('root', p, [round_to(mp.sqrt(2), bits), round_to(mp.sqrt(mp.mpf(1) / 2), bits)],
        'sqrt 2, sqrt 1/2')
    put('tail_centre', p, [CENTRE[p], mp.mpf(FAR[p]), round_to(1 / mp.sqrt(2 * PI), bits)],
        'c of the polynomial tail, the largest y; 1 / sqrt(2 pi)')


def legendre(p, n):
    bits = BITS[p]
    nodes = gauss_legendre(n)
    put('owen_node', p, [round_to(x * x, bits) for x, _ in nodes],
        f'squares of the {n} Gauss-Legendre nodes on [0, 1]')
    put('owen_weight', p, [round_to(w / (2 * PI), bits) for _, w in nodes],
        'their weights / (2 pi)')


def main():
    print('/* Coefficients of the vector mathematics.  Generated by\n'
          ' *   /usr/bin/python3 tools/coefficients/vmath.py '
          '> compiler/kernel/vmath/coefficients.h\n'
          ' * Polynomials: lowest degree first, minimax, with their errors relative to the '
          'result. */')
    print('#ifndef TPC_VMATH_COEFFICIENTS_H\n#define TPC_VMATH_COEFFICIENTS_H')
    for p in BITS:
        constants(p)
        legendre(p, {'f64': 12, 'f32': 6}[p])
        for name, comment, degree, f, w, interval in POLYNOMIALS:
            c, err = fit(by_type(f, p), by_type(w, p), *interval(p), degree[p], BITS[p])
            put(name, p, c, f'{comment}: 2^{float(mp.log(err, 2)):.1f}')
    print('#endif')


main()
