# SPDX-License-Identifier: Apache-2.0
"""Compare sizes and alignments of nvml_types.h with an installed nvml.h.

    nvml_types_test.py COMPILER PROTOCOL_FOLDER

nvml.h is NVML_HEADER, or where toolkits and Python packages put it; without
one the test is skipped. Types that this nvml.h does not declare are left out,
and a struct with a version may be an older, shorter one there.
"""
import glob
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

SKIPPED = 77
OLD = {'nvmlPciInfo_v1_t', 'nvmlPciInfo_v2_t'}
PROGRAM = '#include <stdio.h>\n#include "{}"\nint main(void)\n{{\n{}\treturn 0;\n}}\n'
ROW = '\tprintf("{0} %zu %zu\\n", sizeof({0}), _Alignof({0}));\n'


def find_header():
    site = sysconfig.get_paths()['purelib']
    places = [os.environ.get('NVML_HEADER', ''), '/usr/local/cuda/include/nvml.h', '/usr/include/nvml.h']
    places += sorted(glob.glob(site + '/nvidia/*/include/nvml.h'))
    return next((p for p in places if p and os.path.exists(p)), None)


def layout(compiler, header, names, folder):
    source, program = Path(folder, 'layout.c'), Path(folder, 'layout')
    source.write_text(PROGRAM.format(header, ''.join(map(ROW.format, names))), encoding='utf-8')
    subprocess.run([*compiler.split(), '-w', '-o', program, source], check=True)
    return subprocess.run([program], check=True, capture_output=True, text=True).stdout.split('\n')


def older(spec, ours, theirs):
    name, size, alignment = ours.split()
    _, their_size, their_alignment = theirs.split()
    return spec.types[name].kind == 'versioned' and int(their_size) < int(size) and alignment == their_alignment


def main():
    compiler, protocol = sys.argv[1:]
    sys.path.insert(0, protocol)
    from generate_nvml import NvmlSpec
    header = find_header()
    if not header:
        print('skipped: no nvml.h is installed')
        return SKIPPED
    spec = NvmlSpec(Path(protocol, 'nvml.api'))
    known = Path(header).read_text(encoding='utf-8', errors='replace')
    names = [t.name for t in spec.of_kind('number', 'plain', 'versioned') if t.name not in OLD and t.name in known]
    with tempfile.TemporaryDirectory() as folder:
        ours = layout(compiler, Path(protocol, 'nvml_types.h').absolute(), names, folder)
        theirs = layout(compiler, header, names, folder)
    wrong = [f'{a}, nvml.h says {b}' for a, b in zip(ours, theirs) if a != b and not older(spec, a, b)]
    print('\n'.join(wrong) or f'{len(names)} types are laid out as in {header}')
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
