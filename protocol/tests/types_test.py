#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compare cuda_types.h, cuda_enums.h and the generated prototypes with an installed cuda.h.

usage: types_test.py COMPILER PROTOCOL_FOLDER GENERATED_FOLDER

Values of enumerators, sizes of types, offsets of fields; and every prototype
beside the toolkit's own, which the compiler refuses when they differ. Skipped
(77) where there is no toolkit, or one of another version.
"""
import os
import re
import subprocess
import sys
import tempfile

SKIPPED = 77
COMPILER, FOLDER, GENERATED = sys.argv[1].split(), sys.argv[2], sys.argv[3]
THEIRS = '#define __CUDA_API_VERSION_INTERNAL\n#include <cuda.h>\n#include <cudaProfiler.h>\n'
OURS = '#include "cuda_types.h"\n'


def include_folder():
    homes = [os.environ.get('CUDA_HOME', ''), os.environ.get('CUDA_PATH', ''), '/usr/local/cuda', '/usr']
    return next((f'{h}/include' for h in homes if h and os.path.exists(f'{h}/include/cuda.h')), None)


def strip_nested(body):
    """A struct's own declarations, with each nested struct or union reduced to its name."""
    while '{' in body:
        body = re.sub(r'(struct|union)\s*\{[^{}]*\}', 'nested', body)
    return body


def names():
    enums = open(os.path.join(FOLDER, 'cuda_enums.h'), encoding='utf-8').read()
    types = open(os.path.join(FOLDER, 'cuda_types.h'), encoding='utf-8').read()
    values = re.findall(r'\b(\w+) = -?\w+,', enums) + re.findall(r'\b(CU\w+) = -?\w+,', types)
    sizes = re.findall(r'\} (\w+);', enums)
    fields = []
    for text, name in re.findall(r'(?ms)^typedef (?:struct|union) \{(.*?)\} (CU\w+);', types):
        sizes.append(name)
        for line in strip_nested(text).split(';'):
            for declarator in re.sub(r'\[.*?\]', '', line).split(','):
                found = re.search(r'(\w+)\s*$', declarator)
                if found and found[1] != 'nested':
                    fields.append((name, found[1]))
    sizes += re.findall(r'(?m)^typedef [\w ]+?\**(\w+);', types)
    return values, sorted(set(sizes) - {'CUDA_CB'}), fields


def program(head, values, sizes, fields):
    rows = [f'\tprintf("{v} = %lld\\n", (long long){v});\n' for v in values]
    rows += [f'\tprintf("{s}: %zu\\n", sizeof({s}));\n' for s in sizes]
    rows += [f'\tprintf("{s}.{f} at %zu\\n", offsetof({s}, {f}));\n' for s, f in fields]
    return f'#include <stddef.h>\n#include <stdio.h>\n{head}int main(void)\n{{\n{"".join(rows)}\treturn 0;\n}}\n'


def output(directory, source, flags):
    path = os.path.join(directory, 'program')
    with open(f'{path}.c', 'w', encoding='utf-8') as file:
        file.write(source)
    subprocess.run([*COMPILER, '-w', *flags, '-o', path, f'{path}.c'], check=True)
    return subprocess.run([path], check=True, capture_output=True, text=True).stdout.split('\n')


def check_prototypes(directory, include):
    path = os.path.join(directory, 'prototypes.c')
    with open(path, 'w', encoding='utf-8') as file:
        file.write(f'{THEIRS}#define CUDA_TYPES_H\n#define CUDA_ENUMS_H\n#include "cuda_prototypes.h"\n')
    return subprocess.run([*COMPILER, '-fsyntax-only', '-Wno-deprecated-declarations', f"-I{include}", f"-I{FOLDER}", f"-I{GENERATED}", path],
                          check=False).returncode


def check_exports(include):
    """Everything that the toolkit's stub library exports is declared."""
    stub = os.path.join(os.path.dirname(include), 'lib64/stubs/libcuda.so')
    if not os.path.exists(stub):
        return []
    symbols = subprocess.run(['nm', '-D', '--defined-only', stub], check=True, capture_output=True, text=True).stdout
    with open(os.path.join(GENERATED, 'cuda_prototypes.h'), encoding='utf-8') as file:
        ours = set(re.findall(r'CUDAAPI (\w+)\(', file.read()))
    return [s for s in re.findall(r' T (cu\w+)', symbols) if s not in ours]


def main():
    include = include_folder()
    if not include:
        print('skipped: no cuda.h on this machine')
        return SKIPPED
    if not re.search(r'#define CUDA_VERSION 13000\b', open(f'{include}/cuda.h', encoding='utf-8').read()):
        print('skipped: cuda.h is of another version than 13.0')
        return SKIPPED
    wanted = names()
    with tempfile.TemporaryDirectory() as directory:
        ours = output(directory, program(OURS, *wanted), [f'-I{FOLDER}'])
        theirs = output(directory, program(THEIRS, *wanted), [f'-I{include}'])
        refused = check_prototypes(directory, include)
    wrong = [f'ours {a}, theirs {b}' for a, b in zip(ours, theirs) if a != b]
    missing = check_exports(include)
    print('\n'.join(wrong + [f'not in the spec: {m}' for m in missing]))
    print(f'{len(wanted[0])} values, {len(wanted[1])} sizes, {len(wanted[2])} offsets, prototypes',
          'refused' if refused else 'accepted')
    return 1 if wrong or refused or missing else 0


sys.exit(main())
