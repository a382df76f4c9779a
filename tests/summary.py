"""The closing line of test runs, from meson's logs testlog.json: a program that prints TAP counts as
its tests.

    summary.py LOG..."""
import json
import re
import sys

GOOD = 'OK', 'EXPECTEDFAIL'


def counts(test):
    """Passed, failed, skipped."""
    lines = re.findall(r'^((?:not )?ok)\b(.*)', test.get('stdout') or '', re.M)
    skipped = sum('# SKIP' in rest.upper() for _, rest in lines)
    bad = sum(word == 'not ok' and '# TODO' not in rest.upper() for word, rest in lines)
    if test['result'] == 'SKIP':
        return 0, 0, 1
    if test['result'] not in GOOD:
        return len(lines) - bad - skipped, max(bad, 1), skipped
    return max(len(lines) - skipped, 1), 0, skipped


def log_counts(path):
    try:
        tests = [counts(json.loads(line)) for line in open(path, errors='replace')]
    except FileNotFoundError:
        tests = []
    if not tests:
        print('%s: no test ran' % path)
        return 0, 1, 0
    return [sum(column) for column in zip(*tests)]


passed, failed, skipped = map(sum, zip(*map(log_counts, sys.argv[1:])))
print('%d passed, %d failed, %d skipped' % (passed, failed, skipped))
sys.exit(1 if failed or not passed else 0)
