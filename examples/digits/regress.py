#!/usr/bin/python3
"""Kernel ridge regression of one-hot labels: accuracy of kernel matrices on held-out rows.

    regress.py [--train ROWS] LABELS.npy NAME=K.npy[:LEAST]...

Trains on the first 1,000 (ROWS) rows and tests on the rest; the ridge is 0.001 times the mean of
the training diagonal, fixed beforehand. Matrices may be of the first images only. LEAST: exit code
1 if the accuracy (per cent) is below."""
import argparse
import sys

import numpy as np

RIDGE = 1e-3


def accuracy(K, labels, rows):
    K, labels = K.astype(float), labels[:len(K)]
    train, test = slice(0, rows), slice(rows, None)
    A = K[train, train] + RIDGE * np.mean(np.diag(K)[train]) * np.eye(rows)
    coef = np.linalg.solve(A, np.eye(10)[labels[train]])
    return 100 * np.mean(np.argmax(K[test, train] @ coef, axis=1) == labels[test])


options = argparse.ArgumentParser()
options.add_argument('--train', type=int, default=1000)
options.add_argument('labels')
options.add_argument('kernels', nargs='+', metavar='NAME=K.npy[:LEAST]')
o = options.parse_args()
labels, kernels = np.load(o.labels), []
for arg in o.kernels:
    name, rest = arg.split('=', 1)
    path, _, least = rest.partition(':')
    kernels.append((name, np.load(path), float(least or 0)))
rows = len(kernels[0][1])
print(f'{o.train} rows to train, {rows - o.train} to test, ridge {RIDGE} of the mean diagonal')
print('kernel                accuracy')
good = True
for name, K, least in kernels:
    a = accuracy(K, labels, o.train)
    good &= a >= least
    print(f'{name:<20}{a:>8.1f} %' + (f'  (expected at least {least} %)' if a < least else ''))
sys.exit(not good)
