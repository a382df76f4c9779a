#!/usr/bin/python3
"""Kernel ridge regression of one-hot labels: accuracy of kernel matrices on held-out rows.

    regress.py LABELS.npy NAME=K.npy[:LEAST]...

Trains on the first 1,000 rows and tests on the rest; the ridge is 0.001 times the mean of the
training diagonal, fixed beforehand. LEAST: exit code 1 if the accuracy (per cent) is below."""
import sys

import numpy as np

TRAIN, RIDGE = 1000, 1e-3


def accuracy(K, labels):
    train, test = slice(0, TRAIN), slice(TRAIN, None)
    A = K[train, train] + RIDGE * np.mean(np.diag(K)[train]) * np.eye(TRAIN)
    coef = np.linalg.solve(A, np.eye(10)[labels[train]])
    return 100 * np.mean(np.argmax(K[test, train] @ coef, axis=1) == labels[test])


labels = np.load(sys.argv[1])
print(f'{TRAIN} rows to train, {len(labels) - TRAIN} to test, ridge {RIDGE} of the mean diagonal')
print('kernel                accuracy')
good = True
for arg in sys.argv[2:]:
    name, rest = arg.split('=', 1)
    path, _, least = rest.partition(':')
    a = accuracy(np.load(path), labels)
    low = a < float(least or 0)
    good &= not low
    print(f'{name:<20}{a:>8.1f} %' + (f'  (expected at least {least} %)' if low else ''))
sys.exit(not good)
