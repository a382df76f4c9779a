#!/usr/bin/python3
"""digits.csv.gz -> digits_x.npy (1797 x 64, uint8 in 0..16), digits_y.npy (1797, uint8 in 0..9)

    convert.py digits.csv.gz

The source is sklearn/datasets/data/digits.csv.gz in any wheel or source archive of scikit-learn."""
import gzip
import hashlib
import os
import sys

import numpy as np

SHA256 = '09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22'
here = os.path.dirname(os.path.abspath(__file__))

raw = open(sys.argv[1], 'rb').read()
if hashlib.sha256(raw).hexdigest() != SHA256:
    sys.exit(f'{sys.argv[1]}: not the file described in README.md')
lines = gzip.decompress(raw).decode().split()
table = np.array([[float(v) for v in line.split(',')] for line in lines])
whole = table.astype(np.uint8)
assert whole.shape == (1797, 65) and (whole == table).all()
np.save(os.path.join(here, 'digits_x.npy'), np.ascontiguousarray(whole[:, :64]))
np.save(os.path.join(here, 'digits_y.npy'), np.ascontiguousarray(whole[:, 64]))
