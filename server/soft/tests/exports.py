# SPDX-License-Identifier: Apache-2.0
"""The library exports driver calls of the spec and nothing else.

usage: exports.py LIBRARY SPEC
"""
import re
import subprocess
import sys


def main():
    library, spec = sys.argv[1:]
    listing = subprocess.run(['nm', '-D', '--defined-only', library], check=True, capture_output=True, text=True)
    exported = {line.split()[-1] for line in listing.stdout.splitlines()}
    with open(spec, encoding='utf-8') as file:
        text = file.read()
    known = set(re.findall(r'\bcu[A-Z]\w*', text))
    known |= {name + twin for name in known for twin in ('_ptsz', '_ptds')}
    strangers = sorted(exported - known)
    if strangers:
        print('exported, but not in the spec:', *strangers)
    return 1 if strangers or not exported else 0


if __name__ == '__main__':
    sys.exit(main())
