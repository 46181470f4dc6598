#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the C that follows from a spec of driver calls.

usage: generate.py sections SPEC            names of the section files, for the build
       generate.py PART SPEC DIRECTORY      PART: shared, client, server or calls (CALLS.md)

Every emitter walks the layouts that spec.py made: request and reply are written
by one end and read by the other in the same order. README.md has the language.
"""
import os
import sys

import emit_client
import emit_server
from emit import params, prototype, slug
from spec import Spec, SpecError

BANNER = '/* SPDX-License-Identifier: Apache-2.0 */\n/* Generated from {} by generate.py. */\n'


def opcodes_h(spec):
    rows = ''.join(f'\tOP_{c.name} = {c.opcode:#06x},\n' for c in spec.calls if c.opcode)
    return f'#ifndef OPCODES_H\n#define OPCODES_H\n\nenum opcode {{\n{rows}}};\n\n#endif\n'


def kinds_h(spec):
    rows = ''.join(f'\tKIND_{h},\n' for h in spec.handles)
    return f'#ifndef KINDS_H\n#define KINDS_H\n\nenum kind {{\n\tKIND_NONE,\n{rows}\tKIND_COUNT\n}};\n\n#endif\n'


def sizes_h(spec):
    text = '#ifndef SIZES_H\n#define SIZES_H\n\n#include <stdint.h>\n\n'
    for name, (usual, size, values) in spec.sizes.items():
        cases = ''.join(f'\tcase {v}:\n' for v in values)
        text += f'/* Bytes of the value that belongs to one. */\n' \
                f'static inline uint64_t size_of_{name}(uint64_t v)\n{{\n\tswitch (v) {{\n' \
                f'{cases}\t\treturn {size};\n\tdefault:\n\t\treturn {usual};\n\t}}\n}}\n\n'
    return text + '#endif\n'


def call_names_c(spec):
    cases = ''.join(f'\tcase OP_{c.name}:\n\t\treturn "{c.name}";\n' for c in spec.calls if c.opcode)
    names = ''.join(f'\t"{c.name}",\n' for c in spec.calls if not c.wire)
    errors = ''.join(f'\t[KIND_{h.name}] = {h.error},\n' for h in spec.handles.values())
    return f'''#include "call_names.h"
#include "kinds.h"
#include "opcodes.h"

const uint64_t spec_hash = 0x{spec.hash.hex()};

const char *call_name(uint16_t opcode)
{{
	switch (opcode) {{
{cases}	default:
		return "?";
	}}
}}

const char *const call_index_name[] = {{
{names}}};

const unsigned call_index_count = sizeof(call_index_name) / sizeof(call_index_name[0]);

const int kind_error[] = {{
{errors}}};
'''


def prototypes_h(spec):
    text = '''#ifndef CUDA_PROTOTYPES_H
#define CUDA_PROTOTYPES_H

#include "cuda_types.h"

#pragma GCC visibility push(default)

'''
    for call in (c for c in spec.calls if not c.wire):
        text += f'/* {call.text} */\n' if call.text else ''
        for name in call.exported:
            text += prototype(f'CUresult CUDAAPI {name}', params(call.params), ';\n')
    return text + '\n#pragma GCC visibility pop\n\n#endif\n'


def calls_md(spec):
    calls = [c for c in spec.calls if not c.wire]
    how = lambda c: 'rewritten' if c.via else c.answer
    totals = ', '.join(f'{sum(how(c) == a for c in calls)} {a}' for a in
                       ('posted', 'waits', 'cached', 'local', 'rewritten', 'unsupported'))
    supported = [c for c in calls if c.answer != 'unsupported']
    wire = sum(c.wire for c in spec.calls)
    client, server = (sum(side in c.words for c in spec.calls) for side in ('client', 'server'))
    text = f'''# The driver's functions and how each is answered

Generated from `{os.path.basename(spec.path)}`; a test compares. {sum(len(c.exported) for c in calls)} exported functions
of {len({c.base for c in calls})} base names. Twins for the per-thread default stream apart, {len(calls)} functions:
{totals}. {len(supported)} are supported. {wire} operations of our own serve the local ones. Of the
{sum(bool(c.opcode) for c in spec.calls)} that travel, {server} have a hand-written half on the server and {client} on the client.

*posted*: sent without waiting. *waits*: one round trip. *cached*: a round trip the first time. *local*: known on
the client; it may use posted or waiting operations of its own. *rewritten*: expressed by another function.
*unsupported*: answers an error, NOT_SUPPORTED (801) unless stated.
'''
    for section in spec.sections:
        rows = [c for c in calls if c.section == section]
        if rows:
            text += f'\n## {section}\n\n| call | answered | |\n|---|---|---|\n'
        for call in rows:
            twin = f' (`_{call.twin}`)' if call.twin else ''
            error = f' ({call.error})' if call.answer == 'unsupported' and call.error != 801 else ''
            note = ' '.join(filter(None, (call.text, call.reason)))
            text += f'| `{call.name}`{twin} | {how(call)}{error} | {note} |\n'
    return text


PARTS = {
    'shared': (['opcodes.h', 'kinds.h', 'sizes.h', 'cuda_prototypes.h', 'call_names.c'], []),
    'client': (['wire_calls.h', 'client_calls.h', 'libcuda.map', 'proc_address.c'], ['wire_calls', 'stubs']),
    'server': (['server_calls.h', 'driver_calls.h', 'driver_calls.c', 'dispatch.c'], ['handlers']),
    'calls': (['CALLS.md'], []),
}
RENAMED = {'cuda_prototypes.h': 'prototypes_h'}


def emitter(name):
    modules = (sys.modules[__name__], emit_client, emit_server)
    return next(getattr(m, name) for m in modules if hasattr(m, name))


def write(spec, part, directory):
    whole, split = PARTS[part]
    for name in whole:
        save(spec, directory, name, emitter(RENAMED.get(name) or name.lower().replace('.', '_'))(spec))
    for stem in split:
        for section in spec.sections:
            save(spec, directory, f'{stem}_{slug(section)}.c', emitter(f'{stem}_c')(spec, section))


def save(spec, directory, name, text):
    if not name.endswith(('.md', '.map')):
        text = BANNER.format(os.path.basename(spec.path)) + text
    with open(os.path.join(directory, name), 'w', encoding='utf-8') as file:
        file.write(text)


def main(argv):
    if len(argv) < 3 or argv[1] not in ('sections', *PARTS):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    try:
        spec = Spec(argv[2])
    except SpecError as error:
        print(error, file=sys.stderr)
        return 1
    if argv[1] == 'sections':
        print('\n'.join(map(slug, spec.sections)))
    else:
        write(spec, argv[1], argv[3])
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv))
