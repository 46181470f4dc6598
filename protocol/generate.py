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
from pathlib import Path

import emit_client
import emit_server
from emit import header, macro, params, prototype, slug
from spec import Spec, SpecError

BANNER = '/* SPDX-License-Identifier: Apache-2.0 */\n/* Generated from {} by generate.py. */\n'


def proc_rows(spec):
    twins, rows = {c.base for c in spec.calls if c.twin}, []
    for call in (c for c in spec.calls if c.since):
        rows.append((call.base, 1, call.since, call.name))
        if call.twin or call.base not in twins:
            rows.append((call.base, 2, call.twin_since or call.since, call.exported[-1]))
    return [', '.join(map(str, row)) for row in sorted(rows)]


def calls_h(spec):
    opcodes = [f'{c.name}, {c.opcode:#06x}, {emit_server.dispatch(spec, c)}' for c in spec.remote]
    return header('CALLS_H', body=f'#define SPEC_HASH 0x{spec.hash.hex()}ull\n\n' + macro('OPCODES', opcodes) +
                  macro('KINDS', [f'{h.name}, {h.error}' for h in spec.handles]) +
                  macro('FUNCTIONS', [c.name for c in spec.functions]) +
                  macro('DRIVER_CALLS', [c.name for c in spec.functions
                                         if c.answer != 'unsupported' or 'internal' in c.words]) +
                  macro('PROC_ROWS', proc_rows(spec)))


def prototypes_h(spec):
    text = ''
    for call in spec.functions:
        text += f'/* {call.text} */\n' if call.text else ''
        for name in call.exported:
            text += prototype(f'CUresult CUDAAPI {name}', params(call.params), ';\n')
    return header('CUDA_PROTOTYPES_H', 'cuda_types.h', body='#pragma GCC visibility push(default)\n\n' + text +
                  '\n#pragma GCC visibility pop\n')


def calls_md(spec):
    calls = spec.functions
    totals = ', '.join(f'{sum(c.answer == a for c in calls)} {a}' for a in
                       ('posted', 'waits', 'cached', 'local', 'rewritten', 'unsupported'))
    supported = sum(c.answer != 'unsupported' for c in calls)
    client, server = (sum(side in c.words for c in spec.calls) for side in ('client', 'server'))
    return f'''# The driver's functions and how each is answered

Generated from `{os.path.basename(spec.path)}`; a test compares. {sum(len(c.exported) for c in calls)} exports
of {len({c.base for c in calls})} base names. Twins for the per-thread default stream apart, {len(calls)} functions:
{totals}. {supported} are supported.

{len(spec.calls) - len(calls)} operations of our own serve the local ones. {len(spec.remote)} functions and operations
travel: {server} of them have a hand-written half on the server, and {client} on the client.

*posted*: sent without waiting. *waits*: one round trip. *cached*: a round trip the first time. *local*: known on
the client; it may use posted or waiting operations of its own. *rewritten*: expressed by another function.
*unsupported*: answers an error, NOT_SUPPORTED (801) unless stated.
''' + tables(spec)


def tables(spec):
    text = ''
    for section in spec.sections:
        rows = [c for c in spec.functions if c.section == section]
        text += f'\n## {section}\n\n| call | answered | |\n|---|---|---|\n' if rows else ''
        for call in rows:
            twin = f' (`_{call.twin}`)' if call.twin else ''
            error = f' ({call.error})' if call.answer == 'unsupported' and call.error != 801 else ''
            note = ' '.join(filter(None, (call.text, call.reason)))
            text += f'| `{call.name}`{twin} | {call.answer}{error} | {note} |\n'
    return text


# Files by part: those of the whole spec, and the stems of those of a section each.
PARTS = {
    'shared': ({'calls.h': calls_h, 'cuda_prototypes.h': prototypes_h}, {}),
    'client': ({'wire_calls.h': emit_client.wire_calls_h, 'client_calls.h': emit_client.client_calls_h},
               {'wire_calls': emit_client.wire_calls_c, 'stubs': emit_client.stubs_c}),
    'server': ({'server_calls.h': emit_server.server_calls_h}, {'handlers': emit_server.handlers_c}),
    'calls': ({'CALLS.md': calls_md}, {}),
}


def write(spec, directory, whole, split):
    files = {name: emit(spec) for name, emit in whole.items()}
    for stem, emit in split.items():
        files |= {f'{stem}_{slug(section)}.c': emit(spec, section) for section in spec.sections}
    for name, text in files.items():
        if name.endswith(('.c', '.h')):
            text = BANNER.format(os.path.basename(spec.path)) + text
        Path(directory, name).write_text(text, encoding='utf-8')


def main(argv, usage, read, parts):
    if len(argv) < 3 or len(argv) == 3 and argv[1] != 'sections' or argv[1] not in ('sections', *parts):
        print(usage.strip(), file=sys.stderr)
        return 2
    try:
        spec = read(argv[2])
    except SpecError as error:
        sys.exit(str(error))
    if argv[1] == 'sections':
        print('\n'.join(map(slug, spec.sections)))
    else:
        write(spec, argv[3], *parts[argv[1]])
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv, __doc__, Spec, PARTS))
