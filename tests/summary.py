"""Closing line of the suite from meson's log: counts subtests of TAP programs as tests of their own."""
import re
import sys

text = open(sys.argv[1], errors='replace').read()
status = int(sys.argv[2])


def count(name):
    found = re.findall(r'^%s:\s+(\d+)' % name, text, re.M)
    return int(found[-1]) if found else 0


failed = count('Fail') + count('Unexpected Pass') + count('Timeout')
passed = count('Ok') + count('Expected Fail')
if status and not failed:
    failed = 1
print('%d passed, %d failed, %d skipped' % (passed, failed, count('Skipped')))
sys.exit(1 if failed or not passed else 0)
