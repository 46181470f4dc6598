#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the C that follows from a spec of NVML calls.

usage: generate_nvml.py PART SPEC DIRECTORY    PART: client, server or calls (CALLS-NVML.md)

What differs from the driver's calls: every call waits, values travel in the
order of the parameters, a size before what it measures, and functions of both
ends move each one. KINDS names those functions; both ends walk the parameters
with it.
"""
import sys
from dataclasses import dataclass

from emit import header, macro, params, prototype
from generate import main, tables
from spec import Spec


@dataclass
class Kind:
    """How C moves values of one kind. {n} is how many there are, {size} the bytes of one."""
    put: str           # the client, what goes in
    get: str           # the client, what comes out
    take: str          # the server, what goes in
    give: str          # the server, what comes out
    room: str = ''     # the server, where a result comes to be that nothing was taken for
    held: bool = True  # its variable is a pointer


ROOM, CLEAR = '{name} = nvml_room(q, {n}, {size});', 'memset(&{name}, 0, sizeof({name}));'
FLAG, LIST = 'nvml_put_flag(&c, {name} != NULL);', '{name} = nvml_take_list(q, {size});'
KINDS = {
    'value': Kind('nvml_put(&c, {address}, {size});', 'nvml_get(&c, {name}, {size});',
                  'nvml_take(q, &{name}, sizeof({name}));', 'nvml_give(q, &{name}, sizeof({name}));', CLEAR, False),
    'device': Kind('nvml_put_device(&c, {name});', 'nvml_get_device(&c, {name});',
                   '{name} = nvml_take_device(q);', 'nvml_give_device(q, {name});', CLEAR, False),
    'count': Kind('nvml_put_count(&c, {name}, {sizes});', 'nvml_get_count(&c, {name});',
                  '{name} = nvml_take_count(q);', 'nvml_give_count(q, {name});', held=False),
    'text': Kind('nvml_put_text(&c, {name});', '', '{name} = nvml_take_text(q);', ''),
    'versioned': Kind('nvml_put_versioned(&c, {name}, {size});', 'nvml_get_versioned(&c, {name});',
                      '{name} = nvml_take_versioned(q, {size});', 'nvml_give_versioned(q, {name});'),
    'array': Kind('nvml_put_array(&c, {name}, {n}, {size});', 'nvml_get(&c, {name}, (size_t){n} * {size});',
                  '{name} = nvml_take_array(q, {n}, {size});', 'nvml_give(q, {name}, (size_t){n} * {size});', ROOM),
    'string': Kind('', 'nvml_get_string(&c, {name}, {n});', '', 'nvml_give_string(q, {name}, {n});', ROOM),
    'list': Kind(FLAG, 'nvml_get_list(&c, {name}, {size});', LIST, 'nvml_give_list(q, {name}, {size});'),
    'devices': Kind(FLAG, 'nvml_get_devices(&c, {name});', LIST, 'nvml_give_devices(q, {name});'),
}


class NvmlSpec(Spec):
    cached_fixed = False  # the client keeps replies as they came

    def check_call(self, call, names):
        super().check_call(call, names)
        self.refuse(call, ': ', {
            f'only a list that is counted can be optional, {v.name} is none':
                call.opcode and v.optional and str(v.length)[:1] != '*' for v in call.params})
        self.refuse(call, ': ', {'only one count can be kept': len({v.length for v in lists(call)}) > 1})


def lists(call):
    return [v for v in call.params if str(v.length).startswith('*')]


def kind(call, var):
    if var.length == '':
        return 'text'
    if var in lists(call):
        return 'devices' if var.handle else 'list'
    if var.length is not None:
        return 'string' if var.base == 'char' else 'array'
    if var.name in {v.length[1:] for v in lists(call)}:
        return 'count'
    return 'device' if var.handle else 'versioned' if var.type.kind == 'versioned' else 'value'


def size_of(var):
    return f'sizeof({var.base})' if var.base != 'void' else '1'


def move(call, var, template):
    return template.format(name=var.name, address=('' if var.pointer else '&') + var.name, n=var.length,
                           size=size_of(var), sizes=' + '.join(map(size_of, lists(call))))


def moved(call):
    """Each parameter with its kind, whether its value or place goes in, and whether it comes out."""
    for var in call.params:
        how = KINDS[kind(call, var)]
        yield var, how, var.way != 'out' or not how.room, var.way in ('out', 'inout')


def definition(head, lines):
    return head + '{\n' + ''.join(f'\t{line}\n' if line else '\n' for line in lines) + '}\n\n'


def with_count(call, line, otherwise):
    """What is done with the count where there is no answer."""
    counts = [v for v in call.params if kind(call, v) == 'count']
    return [f'}} else {otherwise}{{'] + [f'\t{move(call, counts[0], line)}', '}'] if counts else ['}']


def stub(call):
    if not call.opcode:
        return definition(f'{call.result} {call.name}(void)\n', [f'return nvml_refuse({call.error});'])
    lines = ['struct nvml_call c;', '',
             f'nvml_begin(&c, OP_{call.name}, {"NVML_CACHED" if call.answer == "cached" else 0});']
    lines += [f'nvml_need(&c, {v.name});' for v in call.params if v.pointer and not v.optional]
    gets = []
    for var, how, goes_in, comes_out in moved(call):
        if goes_in:
            lines.append(move(call, var, how.put))
        elif isinstance(var.length, str):
            lines.append(move(call, var, 'nvml_check_room(&c, {n}, {size});'))
        gets += ['\t' + move(call, var, how.get)] if comes_out else []
    lines += ['if (nvml_call(&c)) {'] + gets + with_count(call, 'nvml_get_needed(&c, {name});', '')
    lines.append('return nvml_end(&c);')
    return definition(prototype(f'{call.result} {call.name}', params(call.params), '\n'), lines)


def handler(call):
    declared, takes, rooms, gives, args = [], [], [], [], []
    for var, how, goes_in, comes_out in moved(call):
        declared.append(f'{"const " if how is KINDS["text"] else ""}{var.base} {"*" if how.held else ""}{var.name};')
        (takes if goes_in else rooms).append(move(call, var, how.take if goes_in else how.room))
        gives += ['\t' + move(call, var, how.give)] if comes_out else []
        args.append(var.name if how.held or not var.pointer else '&' + var.name)
    function = f'server_{call.name}(q, ' if call.hand_server else f'nvml_host.{call.name}('
    lines = declared + [''] + takes + rooms + ['if (nvml_ready(q))', f'\tq->result = {function}{", ".join(args)});']
    if gives:
        lines += ['if (nvml_answers(q)) {'] + gives
        lines += with_count(call, 'nvml_give_count(q, {name});', 'if (q->result == NVML_ERROR_INSUFFICIENT_SIZE) ')
    head = f'void serve_{call.name}(struct nvml_request *q)'
    return definition(f'{head};\n{head}\n', lines)


def nvml_calls_h(spec):
    """Lists for C, and the prototypes of all exports; what is refused takes no notice of its parameters."""
    remote = sorted(spec.remote, key=lambda c: c.opcode)
    return header('NVML_CALLS_H', 'nvml_types.h', body=f'#define NVML_SPEC_HASH 0x{spec.hash.hex()}ull\n\n' +
                  macro('NVML_OPCODES', [f'{c.name}, {c.opcode:#06x}' for c in remote]) +
                  '#define OPCODE(name, opcode) OP_##name = (opcode),\n'
                  'enum { NVML_OPCODES(OPCODE) };\n#undef OPCODE\n\n'
                  '#define NVML_EXPORT __attribute__((visibility("default")))\n\n' +
                  ''.join(prototype(f'NVML_EXPORT {c.result} {c.name}', params(c.params), ';\n') for c in spec.calls))


def nvml_stubs_c(spec):
    stubs = ''.join(stub(c) for c in spec.calls if c.answer != 'local')
    return '#include "nvml_calls.h"\n#include "nvml/call.h"\n\n' + stubs


def nvml_custom_h(spec):
    halves = ''.join(prototype(f'{c.result} server_{c.name}', 'struct nvml_request *q, ' + params(c.params), ';\n')
                     for c in spec.remote if c.hand_server)
    return header('NVML_CUSTOM_H', 'nvml_types.h', body='struct nvml_request;\n\n' + halves)


def nvml_handlers_c(spec):
    return '#include <string.h>\n#include "nvml.h"\n#include "nvml_custom.h"\n\n' + ''.join(map(handler, spec.remote))


def calls_md(spec):
    count = lambda answer: sum(c.answer == answer for c in spec.calls)
    return f'''# NVML's functions and how each is answered

Generated from `nvml.api`; a test compares. {len(spec.calls)} exported functions: {count("waits")} waits,
{count("cached")} cached, {count("local")} local, {count("unsupported")} unsupported.

*waits*: one round trip. *cached*: a round trip the first time. *local*: known on the client.
*unsupported*: answers the error in brackets: 3 not supported, 4 not permitted.
''' + tables(spec)


PARTS = {
    'client': ({'nvml_calls.h': nvml_calls_h, 'nvml_stubs.c': nvml_stubs_c}, {}),
    'server': ({'nvml_calls.h': nvml_calls_h, 'nvml_custom.h': nvml_custom_h, 'nvml_handlers.c': nvml_handlers_c}, {}),
    'calls': ({'CALLS-NVML.md': calls_md}, {}),
}

if __name__ == '__main__':
    sys.exit(main(sys.argv, __doc__, NvmlSpec, PARTS))
