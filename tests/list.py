"""Prints the files DIR/PATTERN, sorted, one a line: how the build finds tests without a list."""
import glob
import os
import sys

print('\n'.join(sorted(glob.glob(os.path.join(sys.argv[1], sys.argv[2])))))
