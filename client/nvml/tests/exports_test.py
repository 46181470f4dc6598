# SPDX-License-Identifier: Apache-2.0
"""Check what libnvidia-ml.so.1 exports and needs.

    exports_test.py LIBRARY SPEC_FOLDER PAGE

It exports exactly the calls of the spec, at least as many as a driver of the
580 branch does, needs nothing but libc, and PAGE says what the spec says.
"""
import subprocess
import sys
from pathlib import Path

EXPORTS_MIN = 404
LIBC = {'libc.so.6', 'libpthread.so.0', 'libdl.so.2', 'ld-linux-x86-64.so.2'}


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    library, protocol, page = sys.argv[1:]
    sys.path.insert(0, protocol)
    from generate_nvml import NvmlSpec, calls_md
    spec = NvmlSpec(Path(protocol, 'nvml.api'))
    wanted = {c.name for c in spec.calls}
    found = {line.split()[-1] for line in run('nm', '-D', '--defined-only', library).splitlines()}
    needed = {line.split('[')[1].rstrip(']') for line in run('readelf', '-d', library).splitlines()
              if '(NEEDED)' in line}
    wrong = [f'not exported: {n}' for n in sorted(wanted - found)]
    wrong += [f'exported but not in the spec: {n}' for n in sorted(found - wanted)]
    wrong += [f'needed at load: {n}' for n in sorted(needed - LIBC) if 'san.so' not in n]
    if len(found) < EXPORTS_MIN:
        wrong.append(f'{len(found)} calls are exported, a driver has {EXPORTS_MIN}')
    if Path(page).read_text(encoding='utf-8') != calls_md(spec):
        wrong.append(f'{page} is not what the spec says: generate_nvml.py calls nvml.api .')
    print('\n'.join(wrong) or f'{len(found)} calls')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
