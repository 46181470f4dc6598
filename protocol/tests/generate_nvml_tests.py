#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write a test of every call of an NVML spec that reaches the server.

usage: generate_nvml_tests.py SPEC DIRECTORY

For each call: a host function that checks what it gets and makes up results,
and a caller that checks what it is given. Values are runs of bytes that follow
from a number.
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from emit import params, prototype  # noqa: E402
from generate import write  # noqa: E402
from generate_nvml import NvmlSpec, definition, kind, size_of  # noqa: E402


def count_of(call):
    return next((v for v in call.params if kind(call, v) == 'count'), None)


def fake(call, first):
    count = count_of(call)
    lines = []
    for i, var in enumerate(call.params, first):
        how, name, seed = kind(call, var), var.name, i % 250 + 1
        size = size_of(var)
        if how == 'text':
            lines.append(f'case_check_text({name}, {seed});')
        elif how in ('list', 'devices'):
            if var.handle:
                lines.append(f'case_fill_devices({name}, *{count.name});')
            else:
                lines.append(f'case_fill({name}, *{count.name} * {size}, {seed});')
        elif how == 'device':
            lines.append(f'*{name} = case_device();' if var.way == 'out' else
                         f'assert_ptr_equal({name}, case_device());')
        elif how == 'string':
            lines.append(f'case_fill_text({name}, {var.length}, {seed});')
        elif var is count:
            lines += [f'*{name} = case_count(*{name});']
        else:
            at, rest, skip = ('' if var.pointer else '&') + name, size, 0
            if how == 'array':
                rest = f'{var.length} * {size}'
            elif how == 'versioned':
                at, rest = f'(char *){at} + 4', f'{size} - 4'
            if var.name in {v.length for v in call.params}:
                lines.append(f'case_check_length({name});')
                continue
            if var.way != 'out':
                lines.append(f'case_check({at}, {rest}, {seed});')
            if var.way in ('out', 'inout'):
                lines.append(f'case_fill({at}, {rest}, {seed + 1});')
    lines.append('return NVML_SUCCESS;')
    return definition(prototype(f'static {call.result} fake_{call.name}', params(call.params), '\n'), lines)


def caller(call, first):
    count = count_of(call)
    lengths = {v.length for v in call.params}
    declare, before, after, args = [], [], [], []
    for i, var in enumerate(call.params, first):
        how, name, base, seed = kind(call, var), var.name, var.base, i % 250 + 1
        base, size = 'char' if base == 'void' else base, size_of(var)
        args.append(name)
        if how == 'text':
            args[-1] = f'case_text({seed})'
        elif how in ('list', 'devices'):
            declare.append(f'{base} {name}[5];')
            after.append(f'case_check_devices({name}, 3);' if var.handle else
                         f'case_check({name}, 3 * {size}, {seed});')
        elif how == 'device':
            declare.append(f'{base} {name} = case_handle();')
            if var.way == 'out':
                args[-1] = '&' + name
                after.append(f'assert_ptr_equal({name}, case_handle());')
        elif how == 'string':
            declare.append(f'char {name}[CASE_LENGTH];')
            after.append(f'assert_string_equal({name}, case_text({seed}));')
        elif var is count:
            declare.append(f'{base} {name} = 5;')
            args[-1] = '&' + name
            after.append(f'assert_int_equal({name}, 3);')
        elif var.name in lengths:
            args[-1] = 'CASE_LENGTH'
        elif how == 'array':
            declare.append(f'{base} {name}[CASE_LENGTH];')
            before.append(f'case_fill({name}, sizeof({name}), {seed});')
            after.append(f'case_check({name}, sizeof({name}), {seed + 1});')
        else:
            declare.append(f'{base} {name};')
            at, rest = '&' + name, f'sizeof({name})'
            if how == 'versioned':
                before.append(f'{name}.version = sizeof({name}) | 1 << 24;')
                at, rest = f'(char *)&{name} + 4', f'{rest} - 4'
            before.append(f'case_fill({at}, {rest}, {seed});')
            if var.pointer:
                args[-1] = '&' + name
                if var.way != 'in':
                    after.append(f'case_check({at}, {rest}, {seed + 1});')
    lines = declare + [f'{call.result} r;', ''] + before
    lines += [f'r = {call.name}({", ".join(args)});', 'if (r != NVML_SUCCESS)', '\treturn r;']
    lines += after + ['return r;']
    return definition(f'static {call.result} call_{call.name}(void)\n', lines)


def cases_c(spec):
    remote = [c for c in spec.remote if not c.hand_server]
    text = '#include "cases.h"\n\n'
    for i, call in enumerate(remote):
        text += fake(call, 11 * i) + caller(call, 11 * i)
    text += 'const struct nvml_case nvml_cases[] = {\n'
    text += ''.join(f'\t{{"{c.name}", call_{c.name}}},\n' for c in remote)
    text += '};\nconst size_t nvml_case_count = sizeof(nvml_cases) / sizeof(nvml_cases[0]);\n\n'
    text += 'void nvml_cases_host(void)\n{\n'
    text += ''.join(f'\tnvml_host.{c.name} = fake_{c.name};\n' for c in remote) + '}\n\n'
    text += 'const struct nvml_refused nvml_refused[] = {\n'
    text += ''.join(f'\t{{"{c.name}", {c.name}, {c.error}}},\n'
                    for c in spec.calls if c.answer == 'unsupported')
    text += '};\nconst size_t nvml_refused_count = ' \
        'sizeof(nvml_refused) / sizeof(nvml_refused[0]);\n'
    return text


if __name__ == '__main__':
    write(NvmlSpec(sys.argv[1]), sys.argv[2], {'nvml_cases.c': cases_c}, {})
