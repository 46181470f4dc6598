#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The client library exports exactly the symbols of the spec, and needs no more than libc.

usage: symbols_test.py LIBRARY PROTOCOL_FOLDER
"""
import re
import subprocess
import sys

sys.path.insert(0, sys.argv[2])
from spec import Spec  # noqa: E402

LIBC = ('libc.so', 'libm.so', 'libpthread.so', 'libdl.so', 'librt.so', 'ld-linux', 'libasan', 'libubsan', 'libtsan',
        'libgcc_s')


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


spec = Spec(f'{sys.argv[2]}/cuda.api')
wanted = {name for call in spec.calls for name in call.exported} | {var.name for var in spec.data}
exported = {line.split()[-1] for line in run('nm', '-D', '--defined-only', sys.argv[1]).splitlines()}
needed = re.findall(r'NEEDED.*\[(.*?)\]', run('readelf', '-d', sys.argv[1]))
wrong = [f'not exported: {s}' for s in sorted(wanted - exported)]
wrong += [f'exported but not in the spec: {s}' for s in sorted(exported - wanted)]
wrong += [f'needs {lib}' for lib in needed if not lib.startswith(LIBC)]
print('\n'.join(wrong) or f'{len(exported)} symbols')
sys.exit(bool(wrong))
