# SPDX-License-Identifier: Apache-2.0
"""Emit what both ends of NVML need from its spec.

The language is that of spec.py with two statements more: `versioned`, for
structs that begin with a version whose low 24 bits are their size, and
`refused`, a list of calls that are answered alike without a look at their
parameters. Values travel in the order of the parameters, a size before what it
measures; both ends are emitted from the same walk over them.

    generate_nvml.py SPEC client|server|tests|calls FOLDER|FILE
"""
import sys
from pathlib import Path

from spec import Call, Spec, SpecError

HEAD = '/* SPDX-License-Identifier: Apache-2.0 */\n/* Generated from {}. */\n'
RESULT = 'nvmlReturn_t'


class Api(Spec):
    """A spec of calls that all wait, and that may be asked for counts alone."""

    def __init__(self, path):
        self.versioned, self.results = {}, {}
        super().__init__(path)

    def statement(self):
        token, line = self.tokens[self.pos]
        if token == 'versioned':
            self.next()
            for name in self.listed(self.identifier):
                self.declare(self.versioned, name, f'sizeof({name})', line)
            self.next(';')
        elif token == 'refused':
            self.next()
            self.read_refused()
            self.next(';')
        else:
            super().statement()

    def read_refused(self):
        answer, reason = self.number(), self.next().strip('"')
        while self.peek() != ';':
            line = self.tokens[self.pos][1]
            call = self.new_call(self.identifier(), line)
            call.answer, call.error, call.reason = 'unsupported', answer, reason

    def new_call(self, name, line):
        self.calls.append(Call(name, 0, [], line, self.sections[-1], ''))
        return self.calls[-1]

    def read_call(self, line):
        result = self.tokens[self.pos + 1][0]
        super().read_call(line)
        self.results[self.calls[-1].name] = result

    def size_of(self, type_):
        return super().size_of(type_) or self.versioned.get(type_)

    def check_call(self, call, names):
        if self.remote(call) != bool(call.opcode):
            self.fail(f'{call.name}: an opcode is for calls that the server answers', call.line)
        if not self.remote(call):
            return
        for var in call.params:
            if not self.size_of(var.base):
                self.fail(f'{call.name}: type of {var.name} is not declared', call.line)
            if var.pointer and not var.way:
                self.fail(f'{call.name}: say whether {var.name} is in, out or inout', call.line)
            if var.optional and str(var.length)[:1] != '*':
                self.fail(f'{call.name}: only a list that is counted can be optional', call.line)
            if var.stars > 1 or (var.base == 'void' and var.length is None):
                self.fail(f'{call.name}: {var.name} cannot travel', call.line)
            if isinstance(var.length, str) and var.length:
                self.count_of(call, var, call.params)

    def remote(self, call):
        return call.answer in ('waits', 'cached')

    def kind(self, var):
        """What travels for a parameter: the suffix of the functions that move it."""
        if var.length == '':
            return 'text'
        if isinstance(var.length, str) and var.length.startswith('*'):
            return 'list'
        if var.length is not None:
            return 'string' if var.base == 'char' else 'array'
        if var.base in self.handles:
            return 'device'
        return 'versioned' if var.base in self.versioned else 'value'

    def counted(self, call):
        """The parameter that holds a capacity and gets a number, and the lists that it counts."""
        lists = [v for v in call.params if self.kind(v) == 'list']
        names = {v.length[1:] for v in lists}
        if len(names) > 1:
            self.fail(f'{call.name}: only one count can be kept', call.line)
        return (call.param(names.pop()) if names else None), lists


def prototype(api, call, name=None):
    params = ', '.join(v.decl for v in call.params) or 'void'
    return f'{api.results.get(call.name, RESULT)} {name or call.name}({params})'


# Both ends walk the parameters with the same names for how a value moves.

def size_expr(var):
    return f'sizeof({var.base})' if var.base != 'void' else '1'


def length_expr(var):
    return str(var.length)


def client_needs(api, call):
    return [f'nvml_need(&c, {v.name});' for v in call.params if v.pointer and not v.optional]


def client_puts(api, call):
    count, lists = api.counted(call)
    for var in call.params:
        kind = api.kind(var)
        if var is count:
            sizes = ' + '.join(size_expr(v) for v in lists)
            yield f'nvml_put_count(&c, {var.name}, {sizes});'
        elif kind == 'list':
            yield f'nvml_put_flag(&c, {var.name} != NULL);'
        elif var.way == 'out':
            if kind in ('string', 'array') and not isinstance(var.length, int):
                yield f'nvml_check_room(&c, {var.length}, {size_expr(var)});'
        elif kind == 'text':
            yield f'nvml_put_text(&c, {var.name});'
        elif kind == 'device':
            yield f'nvml_put_device(&c, {var.name});'
        elif kind == 'versioned':
            yield f'nvml_put_versioned(&c, {var.name}, {size_expr(var)});'
        elif kind == 'array':
            yield f'nvml_put_array(&c, {var.name}, {length_expr(var)}, {size_expr(var)});'
        else:
            at = '' if var.pointer else '&'
            yield f'nvml_put(&c, {at}{var.name}, {size_expr(var)});'


def client_gets(api, call):
    count, lists = api.counted(call)
    for var in call.params:
        kind = api.kind(var)
        if var.way not in ('out', 'inout'):
            continue
        if var is count:
            yield f'nvml_get_count(&c, {var.name});'
        elif kind == 'string':
            yield f'nvml_get_string(&c, {var.name}, {length_expr(var)});'
        elif kind == 'list':
            one = 'nvml_get_devices' if var.base in api.handles else 'nvml_get_list'
            size = '' if var.base in api.handles else f', {size_expr(var)}'
            yield f'{one}(&c, {var.name}{size});'
        elif kind == 'device':
            yield f'nvml_get_device(&c, {var.name});'
        elif kind == 'versioned':
            yield f'nvml_get_versioned(&c, {var.name});'
        elif kind == 'array':
            yield f'nvml_get(&c, {var.name}, (size_t){length_expr(var)} * {size_expr(var)});'
        else:
            yield f'nvml_get(&c, {var.name}, {size_expr(var)});'


def stub(api, call):
    flags = 'NVML_CACHED' if call.answer == 'cached' else '0'
    count, _ = api.counted(call)
    gets = list(client_gets(api, call))
    lines = ['struct nvml_call c;', '', f'nvml_begin(&c, OP_{call.name}, {flags});']
    lines += client_needs(api, call) + list(client_puts(api, call))
    if len(gets) > 1:
        lines += ['if (nvml_call(&c)) {'] + ['\t' + g for g in gets] + ['}']
    elif gets:
        lines += ['if (nvml_call(&c))', '\t' + gets[0]]
    else:
        lines += ['nvml_call(&c);']
    if count:
        lines[-1] = '} else {' if lines[-1] == '}' else lines[-1]
        lines += [f'\tnvml_get_needed(&c, {count.name});', '}']
    lines += ['return nvml_end(&c);']
    body = ''.join(f'\t{line}\n' if line else '\n' for line in lines)
    return f'{prototype(api, call)}\n{{\n{body}}}\n'


def refusal(call):
    return f'{RESULT} {call.name}(void)\n{{\n\treturn nvml_refuse({call.error});\n}}\n'


def opcodes(api):
    rows = ''.join(f'\tOP_{c.name} = {c.opcode:#06x},\n' for c in api.calls if c.opcode)
    return '#ifndef NVML_OPCODES_H\n#define NVML_OPCODES_H\n\nenum {\n' + rows + '};\n\n' \
        f'#define NVML_SPEC_HASH 0x{api.hash.hex()}ull\n\n#endif\n'


def prototypes(api):
    """Of everything that is exported; what is refused takes no notice of its parameters."""
    rows = ''.join(f'NVML_EXPORT {prototype(api, c)};\n' for c in api.calls)
    return '#ifndef NVML_CALLS_H\n#define NVML_CALLS_H\n\n#include "nvml_types.h"\n\n' \
        '#define NVML_EXPORT __attribute__((visibility("default")))\n\n' + rows + '\n#endif\n'


def emit_client(api):
    stubs = '#include "nvml_calls.h"\n#include "nvml_opcodes.h"\n#include "nvml/call.h"\n'
    for call in api.calls:
        if call.answer != 'local':
            stubs += '\n' + (stub(api, call) if call.opcode else refusal(call))
    names = ''.join(f'\t\t{c.name};\n' for c in api.calls)
    return {'nvml_opcodes.h': opcodes(api), 'nvml_calls.h': prototypes(api),
            'nvml_stubs.c': stubs,
            'libnvidia-ml.map': '{\n\tglobal:\n' + names + '\tlocal: *;\n};\n'}


def server_takes(api, call):
    """Declarations with what fills them, in the order in which the client puts."""
    count, lists = api.counted(call)
    declare, take, later = [], [], []
    for var in call.params:
        kind, name, base = api.kind(var), var.name, var.base
        if kind == 'text':
            declare.append(f'const char *{name};')
            take.append(f'{name} = nvml_take_text(q);')
        elif kind == 'list':
            declare.append(f'{base} *{name};')
            take.append(f'{name} = nvml_take_list(q, {size_expr(var)});')
        elif kind in ('string', 'array'):
            declare.append(f'{base} *{name};')
            room = f'nvml_room(q, {length_expr(var)}, {size_expr(var)});'
            if var.way == 'out':
                later.append(f'{name} = {room}')
            else:
                take.append(f'{name} = nvml_take_array(q, {length_expr(var)}, {size_expr(var)});')
        elif kind == 'versioned':
            declare.append(f'{base} *{name};')
            take.append(f'{name} = nvml_take_versioned(q, {size_expr(var)});')
        elif var is count:
            declare.append(f'{base} {name};')
            take.append(f'{name} = nvml_take_count(q);')
        elif kind == 'device' and var.way != 'out':
            declare.append(f'{base} {name};')
            take.append(f'{name} = nvml_take_device(q);')
        elif var.way == 'out':
            declare.append(f'{base} {name};')
            later.append(f'memset(&{name}, 0, sizeof({name}));')
        else:
            declare.append(f'{base} {name};')
            take.append(f'nvml_take(q, &{name}, sizeof({name}));')
    return declare, take + later


def argument(api, var):
    held = api.kind(var) in ('text', 'list', 'string', 'array', 'versioned')
    return var.name if held or not var.pointer else '&' + var.name


def server_gives(api, call):
    count, _ = api.counted(call)
    for var in call.params:
        kind = api.kind(var)
        if var.way not in ('out', 'inout'):
            continue
        if var is count:
            yield f'nvml_give_count(q, {var.name});'
        elif kind == 'list':
            one = 'nvml_give_devices' if var.base in api.handles else 'nvml_give_list'
            size = '' if var.base in api.handles else f', {size_expr(var)}'
            yield f'{one}(q, {var.name}{size});'
        elif kind == 'string':
            yield f'nvml_give_string(q, {var.name}, {length_expr(var)});'
        elif kind == 'array':
            yield f'nvml_give(q, {var.name}, (size_t){length_expr(var)} * {size_expr(var)});'
        elif kind == 'device':
            yield f'nvml_give_device(q, {var.name});'
        elif kind == 'versioned':
            yield f'nvml_give_versioned(q, {var.name});'
        else:
            yield f'nvml_give(q, &{var.name}, sizeof({var.name}));'


def handler(api, call):
    declare, takes = server_takes(api, call)
    gives, (count, _) = list(server_gives(api, call)), api.counted(call)
    function = f'server_{call.name}(q, ' if call.hand_server else f'nvml_host.{call.name}('
    args = ', '.join(argument(api, v) for v in call.params)
    lines = declare + [''] * bool(declare) + takes
    lines += ['if (nvml_ready(q))', f'\tq->result = {function}{args});']
    if gives:
        lines += ['if (nvml_answers(q)) {'] + ['\t' + g for g in gives] + ['}']
    if count:
        lines[-1] = '} else if (q->result == NVML_ERROR_INSUFFICIENT_SIZE) {'
        lines += [f'\tnvml_give_count(q, {count.name});', '}']
    body = ''.join(f'\t{line}\n' if line else '\n' for line in lines)
    return f'static void serve_{call.name}(struct nvml_request *q)\n{{\n{body}}}\n'


def emit_server(api):
    remote = [c for c in api.calls if c.opcode]
    members = ''.join(
        '\t' + prototype(api, c, f'(*{c.name})') + ';\n' for c in remote)
    custom = ''.join(
        prototype(api, c, f'server_{c.name}').replace('(', '(struct nvml_request *q, ', 1) + ';\n'
        for c in remote if c.hand_server)
    names = ''.join(f'\t{{"{c.name}", offsetof(struct nvml_host, {c.name})}},\n' for c in remote)
    rows = ''.join(f'\t{{{c.opcode:#06x}, serve_{c.name}, "{c.name}"}},\n'
                   for c in sorted(remote, key=lambda c: c.opcode))
    host = '#ifndef NVML_HOST_H\n#define NVML_HOST_H\n\n#include "nvml_types.h"\n\n' \
        'struct nvml_host {\n' + members + '};\n\n#endif\n'
    handlers = '#include <stddef.h>\n#include <string.h>\n\n#include "nvml.h"\n' \
        '#include "nvml_custom.h"\n\n' + \
        '\n'.join(handler(api, c) for c in remote) + \
        '\nconst struct nvml_host_name nvml_host_names[] = {\n' + names + '};\n' \
        'const size_t nvml_host_name_count = ' \
        'sizeof(nvml_host_names) / sizeof(nvml_host_names[0]);\n' \
        '\nconst struct nvml_dispatch_row nvml_dispatch[] = {\n' + rows + '};\n' \
        'const size_t nvml_dispatch_count = sizeof(nvml_dispatch) / sizeof(nvml_dispatch[0]);\n' \
        f'const uint64_t nvml_spec_hash = 0x{api.hash.hex()}ull;\n'
    custom = '#ifndef NVML_CUSTOM_H\n#define NVML_CUSTOM_H\n\n#include "nvml_types.h"\n\n' \
        'struct nvml_request;\n\n' + custom + '\n#endif\n'
    return {'nvml_host.h': host, 'nvml_custom.h': custom,
            'nvml_handlers.c': handlers}


# Tests: for each call, a host function that checks what it gets and makes up results, and a caller
# that checks what it is given. Values are runs of bytes that follow from a number.

def fake(api, call, first):
    count, _ = api.counted(call)
    lines = []
    for i, var in enumerate(call.params, first):
        kind, name, seed = api.kind(var), var.name, i % 250 + 1
        size = size_expr(var)
        if kind == 'text':
            lines.append(f'case_check_text({name}, {seed});')
        elif kind == 'list':
            if var.base in api.handles:
                lines.append(f'case_fill_devices({name}, *{count.name});')
            else:
                lines.append(f'case_fill({name}, *{count.name} * {size}, {seed});')
        elif kind == 'device':
            lines.append(f'*{name} = case_device();' if var.way == 'out' else
                         f'assert_ptr_equal({name}, case_device());')
        elif kind == 'string':
            lines.append(f'case_fill_text({name}, {length_expr(var)}, {seed});')
        elif var is count:
            lines += [f'*{name} = case_count(*{name});']
        else:
            at, rest, skip = ('' if var.pointer else '&') + name, size, 0
            if kind == 'array':
                rest = f'{var.length} * {size}'
            elif kind == 'versioned':
                at, rest = f'(char *){at} + 4', f'{size} - 4'
            if var.name in {v.length for v in call.params}:
                lines.append(f'case_check_length({name});')
                continue
            if var.way != 'out':
                lines.append(f'case_check({at}, {rest}, {seed});')
            if var.way in ('out', 'inout'):
                lines.append(f'case_fill({at}, {rest}, {seed + 1});')
    lines.append('return NVML_SUCCESS;')
    body = ''.join(f'\t{line}\n' for line in lines)
    return f'static {prototype(api, call, "fake_" + call.name)}\n{{\n{body}}}\n'


def caller(api, call, first):
    count, _ = api.counted(call)
    lengths = {v.length for v in call.params}
    declare, before, after, args = [], [], [], []
    for i, var in enumerate(call.params, first):
        kind, name, base, seed = api.kind(var), var.name, var.base, i % 250 + 1
        base, size = 'char' if base == 'void' else base, size_expr(var)
        args.append(name)
        if kind == 'text':
            args[-1] = f'case_text({seed})'
        elif kind == 'list':
            declare.append(f'{base} {name}[5];')
            after.append(f'case_check_devices({name}, 3);' if var.base in api.handles else
                         f'case_check({name}, 3 * {size}, {seed});')
        elif kind == 'device':
            declare.append(f'{base} {name} = case_handle();')
            if var.way == 'out':
                args[-1] = '&' + name
                after.append(f'assert_ptr_equal({name}, case_handle());')
        elif kind == 'string':
            declare.append(f'char {name}[CASE_LENGTH];')
            after.append(f'assert_string_equal({name}, case_text({seed}));')
        elif var is count:
            declare.append(f'{base} {name} = 5;')
            args[-1] = '&' + name
            after.append(f'assert_int_equal({name}, 3);')
        elif var.name in lengths:
            args[-1] = 'CASE_LENGTH'
        elif kind == 'array':
            declare.append(f'{base} {name}[CASE_LENGTH];')
            before.append(f'case_fill({name}, sizeof({name}), {seed});')
            after.append(f'case_check({name}, sizeof({name}), {seed + 1});')
        else:
            declare.append(f'{base} {name};')
            at, rest = '&' + name, f'sizeof({name})'
            if kind == 'versioned':
                before.append(f'{name}.version = sizeof({name}) | 1 << 24;')
                at, rest = f'(char *)&{name} + 4', f'{rest} - 4'
            before.append(f'case_fill({at}, {rest}, {seed});')
            if var.pointer:
                args[-1] = '&' + name
                if var.way != 'in':
                    after.append(f'case_check({at}, {rest}, {seed + 1});')
    lines = declare + ['nvmlReturn_t r;', ''] + before
    lines += [f'r = {call.name}({", ".join(args)});', 'if (r != NVML_SUCCESS)', '\treturn r;']
    lines += after + ['return r;']
    body = ''.join(f'\t{line}\n' if line else '\n' for line in lines)
    return f'static nvmlReturn_t call_{call.name}(void)\n{{\n{body}}}\n'


def emit_tests(api):
    remote = [c for c in api.calls if c.opcode and not c.hand_server]
    text = '#include "cases.h"\n\n'
    for i, call in enumerate(remote):
        text += fake(api, call, 11 * i) + '\n' + caller(api, call, 11 * i) + '\n'
    text += 'const struct nvml_case nvml_cases[] = {\n'
    text += ''.join(f'\t{{"{c.name}", call_{c.name}}},\n' for c in remote)
    text += '};\nconst size_t nvml_case_count = sizeof(nvml_cases) / sizeof(nvml_cases[0]);\n\n'
    text += 'void nvml_cases_host(void)\n{\n'
    text += ''.join(f'\tnvml_host.{c.name} = fake_{c.name};\n' for c in remote) + '}\n\n'
    text += 'const struct nvml_refused nvml_refused[] = {\n'
    text += ''.join(f'\t{{"{c.name}", {c.name}, {c.error}}},\n'
                    for c in api.calls if c.answer == 'unsupported')
    text += '};\nconst size_t nvml_refused_count = ' \
        'sizeof(nvml_refused) / sizeof(nvml_refused[0]);\n'
    return {'nvml_cases.c': text}


def calls_page(api):
    count = lambda *answers: sum(c.answer in answers for c in api.calls)
    refused = sum(c.error == 4 for c in api.calls if c.answer == 'unsupported')
    text = '# NVML calls\n\nWhat libnvidia-ml.so.1 exports and how it is answered. ' \
        f'Generated from nvml.api.\n\n{len(api.calls)} calls: {count("waits")} ask the server, ' \
        f'{count("cached")} ask it once, {count("local")} are answered on the client, ' \
        f'{count("unsupported") - refused} are not supported, {refused} are not permitted.\n'
    answered = {'waits': 'server', 'cached': 'server, once', 'local': 'client'}
    for section in api.sections:
        text += f'\n## {section}\n\n| call | answered | |\n|---|---|---|\n'
        for call in (c for c in api.calls if c.section == section):
            how = answered.get(call.answer) or \
                ('not permitted' if call.error == 4 else 'not supported')
            text += f'| {call.name} | {how} | {call.text or call.reason} |\n'
    return text


def main():
    path, what, where = sys.argv[1:]
    try:
        api = Api(path)
    except SpecError as error:
        sys.exit(str(error))
    if what == 'calls':
        Path(where).write_text(calls_page(api), encoding='utf-8')
        return
    head = HEAD.format(Path(path).name)
    for name, text in {'client': emit_client, 'server': emit_server,
                       'tests': emit_tests}[what](api).items():
        Path(where, name).write_text((head if name.endswith(('.c', '.h')) else '') + text,
                                     encoding='utf-8')


if __name__ == '__main__':
    main()
