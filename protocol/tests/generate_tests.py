#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write a test of every remote call of a spec.

usage: generate_tests.py SPEC DIRECTORY

For each call: `in_NAME` holds what the caller passes, `sent_NAME` what the
served function makes up, `got_NAME` what the caller receives. The served
function is a fake of the driver's, or of the server's hand-written half; it
compares what arrives with what was passed. See roundtrip.h for the rest.
"""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from emit import prototype, slug, wire_params  # noqa: E402
from generate import BANNER  # noqa: E402
from spec import Spec  # noqa: E402

ROOM, LESS = 5, 3  # places of a run, and how many of them a `[*n]` run fills
TEXT = 'a name'


def is_count(call, var, siblings):
    lengths = {v.length for v in siblings if isinstance(v.length, str)}
    return var.name in lengths or f'*{var.name}' in lengths


class Test:
    def __init__(self, spec, call):
        self.spec, self.call = spec, call
        self.state, self.fill, self.compare = '', '', ''
        self.answer, self.check, self.kept = '', '', ''
        self.wire_args, self.driver = [], not call.hand_server
        for var in call.params:
            compared = self.compare
            self.param(var)
            if call.calls and var.name not in call.calls[1]:
                self.compare = compared  # only what goes around the driver's function is given it

    def places(self, leaf, siblings):
        """Elements of a run as the test passes it."""
        if isinstance(leaf.length, int):
            return leaf.length
        if leaf.length is None:
            return 1
        count = next(v for v in siblings if v.name == leaf.length.strip('*'))
        return 8 if count.type.sized else ROOM - leaf.less

    def count_value(self, var):
        return 4 if var.type.sized else ROOM

    def element(self, leaf):
        return 'uint8_t' if leaf.base == 'void' and leaf.length is not None else leaf.base

    def param(self, var):
        name, base = var.name, var.base
        if 'address' in var.words or (not var.pointer and not var.handle):
            self.scalar_in(var)
        elif var.fields:
            self.struct(var)
        elif var.born:
            self.minted_new(var)
        elif var.handle and not var.pointer:
            self.state += f'static uint64_t in_{name};\n'
            self.fill += f'\tin_{name} = test_handle();\n'
            bias = 'TEST_BIAS' if var.minted else '0'
            self.compare += f'\tTEST_SAME((uint64_t)(uintptr_t){name}, in_{name} + {bias});\n'
            self.wire_args.append(f'in_{name}')
        elif var.length == '':
            self.compare += f'\tTEST_BYTES({name}, "{TEXT}", {len(TEXT) + 1});\n'
            self.wire_args.append(f'"{TEXT}"')
        else:
            self.pointer(var)

    def scalar_in(self, var):
        name = var.name
        self.state += f'static {var.ctype} in_{name};\n'
        if is_count(self.call, var, self.call.params):
            self.fill += f'\tin_{name} = {self.count_value(var)};\n'
        else:
            self.fill += f'\ttest_fill(&in_{name}, sizeof(in_{name}));\n'
        self.compare += f'\tTEST_BYTES(&{name}, &in_{name}, sizeof(in_{name}));\n'
        self.wire_args.append(f'in_{name}')

    def minted_new(self, var):
        name = var.name
        self.state += f'static uint64_t in_{name};\n'
        self.fill += f'\tin_{name} = test_handle();\n'
        self.wire_args.append(f'in_{name}')
        if self.driver:
            self.answer += f'\t*{name} = ({var.base})(uintptr_t)(in_{name} + TEST_BIAS);\n'
        else:
            self.compare += f'\tTEST_SAME({name}, in_{name});\n'

    def pointer(self, var):
        name, base, way = var.name, self.element(var), var.way
        places = self.places(var, self.call.params)
        size = f'{places} * sizeof({base})'
        stems = ('in',) if way == 'in' else ('in', 'sent', 'got')
        self.state += ''.join(f'static {base} {stem}_{name}[{places}];\n' for stem in stems)
        given = 'test_optional' if var.optional else '1'
        absent = f'\tTEST_SAME(!{name}, {given} ? 0 : 1);\n' if var.optional and not (way == 'out' and var.length is None) else ''
        counter = is_count(self.call, var, self.call.params)
        if counter:
            self.fill += f'\tin_{name}[0] = {ROOM};\n'
        else:
            self.fill += f'\ttest_fill(in_{name}, {size});\n'
            if var.handle:
                self.fill += ''.join(f'\tin_{name}[{i}] = ({base})(uintptr_t)test_handle();\n' for i in range(places))
        self.compare += absent
        guard = f'\tif ({given})\n\t' if var.optional else ''
        if way in ('in', 'inout'):
            self.compare += f'{guard}\tTEST_BYTES({name}, in_{name}, {size});\n'
        if way == 'in':
            self.wire_args.append(f'({given} ? in_{name} : NULL)' if var.optional else f'in_{name}')
            return
        self.fill += f'\tmemcpy(got_{name}, in_{name}, {size});\n'
        made = f'sent_{name}[0] = {LESS};' if counter else f'test_fill(sent_{name}, {size});'
        self.answer += f'\t{made}\n' + (f'\tif ({name})\n\t' if var.optional else '') + \
            f'\tmemcpy({name}, sent_{name}, {size});\n'
        travels = f'{LESS} * sizeof({base})' if str(var.length).startswith('*') else size
        guard = f'\tif ({given}{NEW_MADE if "new" in var.words else ""})\n' if var.optional or 'new' in var.words else ''
        self.check += guard + ('\t' if guard else '') + f'\tTEST_BYTES(got_{name}, sent_{name}, {travels});\n'
        self.kept += f'\tTEST_BYTES(got_{name}, in_{name}, {size});\n'
        self.wire_args.append(f'({given} ? got_{name} : NULL)' if var.optional else f'got_{name}')

    def struct(self, var):
        name, fields = var.name, var.fields
        stems = ('in',) if var.way == 'in' else ('in', 'sent', 'got')
        self.state += ''.join(f'static {var.base} {stem}_{name};\n' for stem in stems)
        for part in fields:
            way = part.way if part.words & {'in', 'out', 'inout'} else var.way
            self.struct_field(var, part, fields, way)
        if var.way == 'in':
            self.wire_args.append(f'&in_{name}')
        else:
            self.fill += f'\tgot_{name} = in_{name};\n'
            self.wire_args.append(f'&got_{name}')

    def struct_field(self, var, part, fields, way):
        where, here = f'in_{var.name}.{part.name}', f'{var.name}->{part.name}'
        if part.pointer:
            places = self.places(part, fields)
            self.state += f'static {part.base} in_{var.name}_{part.name}[{places}];\n'
            self.fill += f'\ttest_fill(in_{var.name}_{part.name}, sizeof(in_{var.name}_{part.name}));\n'
            self.fill += f'\t{where} = in_{var.name}_{part.name};\n'
            self.compare += f'\tTEST_BYTES({here}, in_{var.name}_{part.name}, sizeof(in_{var.name}_{part.name}));\n'
            return
        if way in ('in', 'inout'):
            if part.handle:
                bias = 'TEST_BIAS' if part.minted else '0'
                self.fill += f'\t{where} = ({part.base})(uintptr_t)test_handle();\n'
                self.compare += f'\tTEST_SAME((uint64_t)(uintptr_t){here}, (uint64_t)(uintptr_t){where} + {bias});\n'
            else:
                counter = is_count(self.call, part, fields)
                self.fill += f'\t{where} = {ROOM};\n' if counter else f'\ttest_fill(&{where}, sizeof({where}));\n'
                self.compare += f'\tTEST_BYTES(&{here}, &{where}, sizeof({where}));\n'
        if way in ('out', 'inout') and not part.minted:
            sent, got = f'sent_{var.name}.{part.name}', f'got_{var.name}.{part.name}'
            self.answer += f'\ttest_fill(&{sent}, sizeof({sent}));\n\t{here} = {sent};\n'
            self.check += f'\tTEST_BYTES(&{got}, &{sent}, sizeof({got}));\n'
            self.kept += f'\tTEST_BYTES(&{got}, &in_{var.name}.{part.name}, sizeof({got}));\n'

    def named(self, handle):
        """The first handle of a kind that the test passes, found without the layout; None: there is none."""
        for var in self.call.params:
            if var.base == handle.name and (not var.pointer or 'new' in var.words):
                return f'in_{var.name}'
            for part in var.fields:
                if part.base == handle.name and 'out' not in part.words:
                    return f'(uint64_t)(uintptr_t)in_{var.name}.{part.name}'
        return None

    def target(self):
        """The driver's function, its parameters by the names of what they are given, and comparisons of the rest."""
        call = self.call
        name, args = call.calls or (call.name, [v.name for v in call.params])
        function = next(c for c in self.spec.calls if c.name == name)
        decls, constants = [], ''
        for i, (var, arg) in enumerate(zip(function.params, args, strict=True)):
            constants += '' if call.param(arg) else f'\tTEST_SAME(given_{i}, {arg});\n'
            decls.append(f'{var.ctype} {arg if call.param(arg) else f"given_{i}"}')
        return name, ', '.join(decls) or 'void', constants

    def __str__(self):
        call, name = self.call, self.call.name
        text = f'/* {name} */\n\n{rename(self.state, name)}\n'
        body = '\n'.join(filter(None, ['\ttest_served++;', '\tif (test_quiet)\n\t\treturn test_result;', rename(self.compare, name).rstrip('\n'),
                                       rename(self.answer, name).rstrip('\n'), '\treturn test_result;']))
        if self.driver:
            target, inner, constants = self.target()
            body = constants + body
            head = prototype(f'static CUresult CUDAAPI fake_{name}', inner, '\n{\n')
            install = f'\tdriver.{target} = fake_{name};\n'
        else:
            head = prototype(f'CUresult server_{name}', wire_params(call, 'struct request *q'), '\n{\n')
            install = ''
        text += f'{head}{body}\n}}\n\n'
        text += f'static CUresult call_{name}(void)\n{{\n\treturn wire_{name}({", ".join(rename(a, name) for a in self.wire_args)});\n}}\n\n'
        text += f'static void fill_{name}(void)\n{{\n{install}{rename(self.fill, name)}}}\n\n'
        text += f'static void kept_{name}(void)\n{{\n{rename(self.kept, name)}}}\n\n'
        named = ''
        for handle in (h for h in self.spec.handles if h.at):
            where, at = self.named(handle), f'row->{handle.at}'
            named += f'\ttest_named({at}, {where});\n' if where else f'\tTEST_SAME({at}, -1);\n'
        text += f'static void named_{name}(const struct dispatch_row *row)\n{{\n{rename(named, name)}}}\n\n'
        text += f'static void check_{name}(void)\n{{\n{rename(self.check, name)}}}\n\n'
        return text


NEW_MADE = ' && !test_result'


def rename(text, call):
    """State of the calls of one file must not collide."""
    return re.sub(r'\b(in|sent|got)_(?=\w)', rf'\1_{call}__', text)


def section_c(spec, section):
    calls = [c for c in spec.remote if c.section == section]
    text = '#include "roundtrip.h"\n#include "driver_calls.h"\n#include "opcodes.h"\n' \
           '#include "server_calls.h"\n#include "wire_calls.h"\n\n'
    text += ''.join(str(Test(spec, c)) for c in calls)
    rows = ''
    for call in calls:
        flags = [f for f, on in (('TEST_POSTED', call.answer == 'posted'), ('TEST_ALWAYS', 'always' in call.words),
                                 ('TEST_FIRST', call.first), ('TEST_THEN', call.then)) if on]
        rows += f'\t{{ "{call.name}", OP_{call.name}, {" | ".join(flags) or "0"}, fill_{call.name}, ' \
                f'call_{call.name}, check_{call.name}, kept_{call.name}, named_{call.name} }},\n'
    return text + f'const struct test_row rows_{slug(section)}[] = {{\n{rows}\t{{ NULL, 0, 0, NULL, NULL, NULL, NULL, NULL }},\n}};\n'


def fakes_around(spec):
    """What comes before and after functions of the driver, counted."""
    types = lambda call, args: [v.ctype if (v := call.param(a)) else 'size_t' for a in args]
    heads = {prototype(f'CUresult {name}', ', '.join(['struct request *q'] + [f'{t} arg_{i}' for i, t in enumerate(types(call, args))]), '\n')
             for call in spec.remote for name, args in filter(None, (call.first, call.then))}
    return ''.join(f'{head}{{\n\ttest_around++;\n\treturn CUDA_SUCCESS;\n}}\n\n' for head in sorted(heads))


def main(argv):
    spec = Spec(argv[1])
    for section in spec.sections:
        with open(os.path.join(argv[2], f'roundtrip_{slug(section)}.c'), 'w', encoding='utf-8') as file:
            file.write(BANNER.format(os.path.basename(argv[1])) + section_c(spec, section))
    names = [f'rows_{slug(s)}' for s in spec.sections]
    with open(os.path.join(argv[2], 'roundtrip_all.c'), 'w', encoding='utf-8') as file:
        file.write(BANNER.format(os.path.basename(argv[1])) + '#include "roundtrip.h"\n#include "server_calls.h"\n\n' +
                   fakes_around(spec))
        file.write(''.join(f'extern const struct test_row {n}[];\n' for n in names))
        file.write('\nconst struct test_row *const test_rows[] = {\n' + ''.join(f'\t{n},\n' for n in names) + '\tNULL,\n};\n')


if __name__ == '__main__':
    main(sys.argv)
