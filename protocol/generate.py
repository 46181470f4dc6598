#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the C that follows from a spec of driver calls.

usage: generate.py sections SPEC            names of the section files, for the build
       generate.py PART SPEC DIRECTORY      PART: shared, client, server or calls (CALLS.md)

Every emitter walks the layouts that spec.py made: request and reply are written
by one end and read by the other in the same order. README.md has the language.
"""
import os
import re
import sys
from spec import Spec, SpecError

BANNER = '/* SPDX-License-Identifier: Apache-2.0 */\n/* Generated from {} by generate.py. */\n'
CACHED_MAX = 2048


def params(vars_, form=lambda v: v.decl):
    return ', '.join(map(form, vars_)) or 'void'


def prototype(name, inner, tail):
    """A prototype or the head of a definition, wrapped to 100 columns."""
    text, column = f'{name}(', len(name) + 1
    for i, param in enumerate(inner.split(', ')):
        if i and column + len(param) + 2 > 98:
            text, column = text + ',\n\t\t', 16
        elif i:
            text, column = text + ', ', column + 2
        text, column = text + param, column + len(param)
    return text + ')' + tail


def slug(section):
    return re.sub(r'\W+', '_', section.lower())


def wire_decl(spec, var):
    """A parameter of wire_NAME: handles are numbers already."""
    handle = spec.handles.get(var.base)
    if handle and (not var.pointer or handle.minted and 'new' in var.words):
        return f'uint64_t {var.name}'
    return var.decl


def flags_of(call):
    names = [f for word, f in (('nocontext', 'CALL_NO_CONTEXT'), ('nowork', 'CALL_NO_WORK'))
             if word in call.words]
    return ' | '.join(names) or '0'


# Shared: numbers and names.

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


def counted(item, n):
    """The length of a run from the number that says it."""
    if item.sized:
        return f'size_of_{item.count.base}({n})'
    return f'({n} - {item.leaf.less})' if item.leaf.less else n


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


def plain_name(item):
    """What a value is called, as one identifier to derive others from."""
    return f'{item.var.name}_{item.field.name}' if item.field else item.var.name


# Client: encoders.

def client_count(item):
    """How many values of a run there are, on the client, before the call."""
    leaf, path = item.leaf, f'{item.var.name}->' if item.field else ''
    if item.count == 'string':
        return f'{leaf.name}_length'
    if item.count is None:
        return f'({path}{leaf.name} ? 1u : 0u)'
    count = item.count if isinstance(item.count, int) else \
        counted(item, ('*' if item.count.pointer else '') + path + item.count.name)
    return f'({path}{leaf.name} ? {count} : 0)' if leaf.optional else str(count)


def client_value(item):
    """The lvalue on the client that a value comes from or goes to."""
    if item.field:
        return f'{item.var.name}->{item.field.name}'
    pointer = item.var.pointer and item.kind == 'value'
    return ('*' if pointer else '') + item.var.name


def put(item):
    name = item.leaf.name
    if item.kind == 'flag':
        return f'\tput_u8(&out, {client_value(item)} != NULL);\n'
    if item.kind == 'length':
        return f'\tput_u32(&out, {name}_length);\n'
    if item.kind == 'run':
        size = f' * {item.size}' if item.size != 1 else ''
        return f'\tput_bytes(&out, {client_value(item)}, {client_count(item)}{size});\n'
    target = client_value(item)
    address = target[1:] if target.startswith('*') else f'&{target}'
    return f'\tput_bytes(&out, {address}, {item.size});\n'


def fixed_size(items):
    sizes = [1 if i.kind == 'flag' else 4 if i.kind == 'length' else i.size
             for i in items if i.kind != 'run']
    named = sorted({s for s in sizes if isinstance(s, str)})
    number = sum(s for s in sizes if isinstance(s, int))
    parts = [s if sizes.count(s) == 1 else f'{sizes.count(s)} * {s}' for s in named]
    return ' + '.join(([str(number)] if number or not parts else []) + parts)


def wire_request(call):
    """Statements that find the request's size; lengths come from applications."""
    runs = [i for i in call.request if i.kind == 'run']
    text = ''.join(f'\tconst uint32_t {i.leaf.name}_length = string_length({client_value(i)});\n'
                   for i in call.request if i.kind == 'length')
    text += f'\t{"" if runs else "const "}size_t payload = {fixed_size(call.request)};\n'
    checks = ''
    for item in runs:
        count = client_count(item)
        if not isinstance(item.count, int) and item.count is not None:
            checks += f'\tif ({unsigned(count)} > FRAME_MAX)\n\t\treturn CUDA_ERROR_INVALID_VALUE;\n'
        checks += f'\tpayload += (size_t){count}{"" if item.size == 1 else f" * {item.size}"};\n'
    if runs:
        checks += '\tif (payload > FRAME_MAX - sizeof(struct frame))\n\t\treturn CUDA_ERROR_INVALID_VALUE;\n'
    return text, checks


def unsigned(count):
    return f'(uint64_t){count}' if not count.startswith('(') else f'(uint64_t){count}'


def reply_locals(call):
    """Decode first, assign only when all was there: outputs stay untouched on failure."""
    decls, gets, sets = '', '', ''
    for item in call.reply:
        stem = plain_name(item)
        name = f'{stem}_got'
        if item.kind == 'value':
            decls += f'\t{item.type} {name};\n'
            gets += f'\t\tget_value(in, &{name}, sizeof({name}));\n'
            # A failed `always` call has results, but made nothing.
            wanted = [item.var.name] if item.leaf.optional and item.var.pointer else []
            wanted += ['result == CUDA_SUCCESS'] if 'always' in call.words and 'new' in item.leaf.words else []
            sets += f'\t\t\tif ({" && ".join(wanted)})\n\t' if wanted else ''
            sets += f'\t\t\t{client_value(item)} = {name};\n'
            sets += f'\t\t\treal_learn(KIND_{item.handle.name}, &{name}, 1);\n' if item.handle else ''
            continue
        count = client_count(item)
        if not isinstance(item.count, (int, str, type(None))) and item.count.pointer:
            count = f'run_min({count}, {item.count.name}_got)'
        decls += f'\tconst uint8_t *{name};\n\tuint64_t {stem}_count;\n'
        gets += f'\t\t{stem}_count = {count};\n'
        gets += f'\t\t{name} = get_run(in, {stem}_count, {item.size});\n'
        sets += f'\t\t\tif ({stem}_count)\n\t\t\t\tmemcpy({client_value(item)}, {name}, ' \
                f'{stem}_count * {item.size});\n'
        sets += f'\t\t\treal_learn(KIND_{item.handle.name}, {name}, {stem}_count);\n' if item.handle else ''
    return decls, gets, sets


def wire_call(spec, call):
    sizes, checks = wire_request(call)
    decls, gets, sets = reply_locals(call)
    puts = ''.join(map(put, call.request))
    flush = '\tcall_flush();\n' if 'flushes' in call.words else ''
    head = prototype(f'CUresult wire_{call.name}', params(call.params, lambda v: wire_decl(spec, v)), '\n{\n')
    if call.answer == 'cached':
        return head + cached_body(call, sizes, checks, puts, decls, gets, sets)
    text = head + sizes + '\tstruct call c;\n\tCUresult r;\n' + ('\tuint8_t *out;\n' if puts else '')
    if gets:
        text += '\tstruct cursor *in = &c.in;\n' + decls
    if 'always' in call.words:
        text += '\tCUresult result = CUDA_SUCCESS;\n'
    text += f'\n{checks}\tr = call_begin(&c, OP_{call.name}, payload, {flags_of(call)});\n'
    text += '\tif (r != CUDA_SUCCESS)\n\t\treturn r;\n'
    text += f'\tout = c.out;\n{puts}\tc.out = out;\n' if puts else ''
    if call.answer == 'posted':
        return text + flush + '\treturn call_post(&c);\n}\n\n'
    text += '\tr = call_wait(&c);\n' + flush
    if 'always' in call.words:
        gets = '\t\tget_value(in, &result, sizeof(result));\n' + gets
    if gets:
        text += f'\tif (r == CUDA_SUCCESS) {{\n{gets}\t\tif (!in->bad) {{\n{sets}\t\t}}\n\t}}\n'
    if 'always' in call.words:
        return text + '\tr = call_end(&c, r);\n\treturn r != CUDA_SUCCESS ? r : result;\n}\n\n'
    return text + '\treturn call_end(&c, r);\n}\n\n'


def cached_body(call, sizes, checks, puts, decls, gets, sets):
    fill = f'\tout = key;\n{puts}' if puts else '\tkey[0] = 0;\n'
    sizes += '\tuint8_t *out;\n' if puts else ''
    return f'''{sizes}	uint8_t key[{CACHED_MAX}], answer[{fixed_size(call.reply)}];
	struct cursor cursor = {{ answer, answer + sizeof(answer), false }}, *in = &cursor;
{decls}	CUresult r;

{checks}	if (payload > sizeof(key))
		return CUDA_ERROR_INVALID_VALUE;
{fill}	r = call_cached(OP_{call.name}, key, payload, answer, sizeof(answer), {flags_of(call)});
	if (r == CUDA_SUCCESS) {{
{gets}		if (!in->bad) {{
{sets}		}}
	}}
	return r;
}}

'''


def wire_calls_c(spec, section):
    calls = [c for c in spec.calls if c.opcode and c.section == section]
    text = '#include "call.h"\n#include "layout.h"\n#include "opcodes.h"\n#include "real.h"\n#include "sizes.h"\n' \
           '#include "wire_calls.h"\n\n'
    types = [(n, s) for n, s in spec.numbers.items()] + [(h, 8) for h in spec.handles]
    if section == spec.sections[0]:
        text += ''.join(f'_Static_assert(sizeof({n}) == {s}, "size of {n}");\n' for n, s in types) + '\n'
    return text + ''.join(wire_call(spec, c) for c in calls)


def wire_calls_h(spec):
    text = '#ifndef WIRE_CALLS_H\n#define WIRE_CALLS_H\n\n#include "cuda_types.h"\n\n'
    for call in (c for c in spec.calls if c.opcode):
        text += f'/* {call.text} */\n' if call.wire and call.text else ''
        inner = params(call.params, lambda v: wire_decl(spec, v))
        text += prototype(f'CUresult wire_{call.name}', inner, ';\n')
    return text + '\n#endif\n'


def client_calls_h(spec):
    text = '#ifndef CLIENT_CALLS_H\n#define CLIENT_CALLS_H\n\n#include "cuda_types.h"\n\n'
    text += '/* What a handle is on the wire, or the error for it. */\n'
    text += ''.join(f'CUresult {h.check}({h.name} handle, uint64_t *wire);\n'
                    for h in spec.handles.values() if h.check)
    text += '\n/* Hand-written halves. */\n'
    for call in (c for c in spec.calls if not c.wire and c.hand_client):
        text += prototype(f'CUresult client_{call.name}', params(call.params), ';\n')
    text += '\n/* Generated halves, for those that call another function of the interface. */\n'
    for call in (c for c in spec.calls if has_stub(c)):
        text += prototype(f'CUresult stub_{call.name}', params(call.params), ';\n')
    return text + '\n#endif\n'


# Client: exported functions.

def has_stub(call):
    return not call.wire and not call.hand_client and call.answer != 'unsupported'


def inner_name(call):
    return ('client_' if call.hand_client else 'stub_') + call.name


def stub_checks(spec, call):
    """NULL pointers, then handles, in the order of the parameters."""
    decls, text, args, after = '', '', [], ''
    refuse = lambda r: f'\t\treturn call_refuse({flags_of(call)}, {r});\n'
    for var in call.params:
        handle = spec.handles.get(var.base)
        if var.pointer and not var.optional:
            counted = isinstance(var.length, str) and var.length.strip('*')
            count = f'{counted} && *{counted}' if counted and var.length[0] == '*' else counted
            text += f'\tif (!{var.name}{f" && {count}" if counted else ""})\n' + \
                refuse('CUDA_ERROR_INVALID_VALUE')
        if handle and 'new' in var.words and handle.minted:
            args.append(f'{var.name}_wire')
        elif handle and not var.pointer:
            decls += f'\tuint64_t {var.name}_wire = 0;\n'
            text += translate(handle, var, var.name, f'&{var.name}_wire', refuse)
            args.append(f'{var.name}_wire')
        elif var.base in spec.structs:
            copy = f'{var.name}_wire'
            inside = [(spec.handles[f.base], f) for f in spec.structs[var.base]
                      if f.base in spec.handles and not f.pointer and 'out' not in (var.way, f.way)]
            for field in spec.structs[var.base]:
                if field.length and 'out' not in (var.way, field.way):
                    text += f'\tif (!{var.name}->{field.name} && {var.name}->{field.length})\n' + \
                        refuse('CUDA_ERROR_INVALID_VALUE')
            if not inside:
                args.append(var.name)
                continue
            decls += f'\t{var.base} {copy};\n\tuint64_t {var.name}_handle = 0;\n'
            text += f'\t{copy} = *{var.name};\n'
            for handle, field in inside:
                text += translate(handle, field, f'{var.name}->{field.name}', f'&{var.name}_handle', refuse)
                text += f'\t{copy}.{field.name} = ({field.base})(uintptr_t){var.name}_handle;\n'
                if var.way == 'inout' and handle.minted:
                    after += f'\t\t{copy}.{field.name} = {var.name}->{field.name};\n'
            after += f'\t\t*{var.name} = {copy};\n' if var.way == 'inout' else ''
            args.append(f'&{copy}')
        else:
            args.append(var.name)
    return decls, text, args, after


def translate(handle, var, value, out, refuse):
    """Statements that turn a handle into the number that travels."""
    if handle.check:
        null = f'{value} ? {handle.check}({value}, {out}) : CUDA_SUCCESS' if var.optional else \
            f'{handle.check}({value}, {out})'
        return f'\tr = {null};\n\tif (r != CUDA_SUCCESS)\n' + refuse('r')
    number = f'(uint64_t)(uintptr_t){value}'
    known = f'object_get(KIND_{handle.name}, {value})' if handle.minted else f'real_known(KIND_{handle.name}, {number})'
    test = f'{value} && !{known}' if var.optional else f'!{known}'
    return f'\tif ({test})\n' + refuse(f'(CUresult){handle.error}') + f'\t{out[1:]} = {number};\n'


def stub(spec, call):
    head = prototype(f'CUresult stub_{call.name}', params(call.params), '\n{\n')
    if call.via:
        target = next(c for c in spec.calls if c.name == call.via[0])
        return head + f'\treturn {inner_name(target)}({", ".join(call.via[1])});\n}}\n\n'
    decls, text, args, after = stub_checks(spec, call)
    uses = 'r = ' in text
    made = next((v for v in call.params if 'new' in v.words and spec.handles[v.base].minted), None)
    gone = next((v for v in call.params if 'free' in v.words and spec.handles[v.base].minted), None)
    if made:
        decls += f'\tstruct object *made;\n\tuint64_t {made.name}_wire;\n'
        text += f'''	made = object_create(KIND_{made.base});
	if (!made)
		return call_refuse({flags_of(call)}, CUDA_ERROR_OUT_OF_MEMORY);
	{made.name}_wire = made->handle;
'''
        after = f'\t\t*{made.name} = ({made.base})(uintptr_t){made.name}_wire;\n' + after
    if gone:
        after += f'\t\tobject_destroy(KIND_{gone.base}, object_get(KIND_{gone.base}, {gone.name}));\n'
    result = f'wire_{call.name}({", ".join(args)})'
    ended = next((v for v in call.params if 'free' in v.words and not spec.handles[v.base].minted), None)
    if ended:
        return head + decls + '\tCUresult r;\n\n' + text + f'''	real_forget(KIND_{ended.base}, {ended.name}_wire);
	r = {result};
	if (r != CUDA_SUCCESS)
		real_learn(KIND_{ended.base}, &{ended.name}_wire, 1);
	return r;
}}

'''
    if not after:
        decls += '\tCUresult r;\n' if uses else ''
        return head + decls + ('\n' if decls else '') + text + f'\treturn {result};\n}}\n\n'
    other = f'\telse\n\t\tobject_destroy(KIND_{made.base}, made);\n' if made else ''
    if 'always' in call.words:
        after = re.sub(r'(?m)^\t\t', '\t', after)
        return head + decls + '\tCUresult r;\n\n' + text + f'\tr = {result};\n{after}\treturn r;\n}}\n\n'
    brace = (' {', '\t}' + other.replace('\telse', ' else', 1).rstrip('\n') + '\n') if after.count('\n') > 1 else ('', other)
    return head + decls + '\tCUresult r;\n\n' + text + f'\tr = {result};\n' + \
        f'\tif (r == CUDA_SUCCESS){brace[0]}\n{after}{brace[1]}\treturn r;\n}}\n\n'


def is_default(spec, var):
    handle = spec.handles.get(var.base)
    return handle and handle.twin and not var.pointer


def exported(spec, call):
    text = ''
    for name in call.exported:
        twin = name != call.name
        stream = [v.name for v in call.params if twin and is_default(spec, v)]
        args = [f'{v.name} ? {v.name} : ({v.base})PER_THREAD' if v.name in stream else v.name for v in call.params]
        text += prototype(f'CUresult CUDAAPI {name}', params(call.params), '\n{\n')
        if call.answer == 'unsupported':
            text += f'\treturn call_unsupported({call.index}, (CUresult){call.error});\n}}\n\n'
            continue
        invoke = f'{inner_name(call)}({", ".join(args)})'
        macro = 'CALL_TWIN' if twin and not stream else 'CALL_COUNTED'
        text += f'\t{macro}({call.index}, {invoke});\n}}\n\n'
    return text


def stubs_c(spec, section):
    text = '#include "client_calls.h"\n#include "cuda_prototypes.h"\n#include "stubs.h"\n' \
           '#include "wire_calls.h"\n\n'
    for call in (c for c in spec.calls if not c.wire and c.section == section):
        text += stub(spec, call) if has_stub(call) else ''
        text += exported(spec, call)
    if section == spec.sections[-1]:
        text += ''.join(f'__attribute__((visibility("default"))) extern {data_decl(v)};\n{data_decl(v)};\n'
                        for v in spec.data)
    return text


def data_decl(var):
    return f'{var.base} {var.name}' + (f'[{var.length}]' if var.length else '')


def libcuda_map(spec):
    names = sorted(n for c in spec.calls for n in c.exported) + sorted(v.name for v in spec.data)
    return '{\nglobal:\n' + ''.join(f'\t{n};\n' for n in names) + 'local:\n\t*;\n};\n'


def proc_address_c(spec):
    twins = {c.base for c in spec.calls if c.twin}
    rows = []
    for call in (c for c in spec.calls if c.since):
        rows.append((call.base, 1, call.since, call.name))
        if call.base not in twins:
            rows.append((call.base, 2, call.since, call.name))
        elif call.twin:
            rows.append((call.base, 2, call.twin_since or call.since, call.exported[1]))
    text = ''.join(f'\t{{ "{b}", {f}, {v}, (void *){s}, "{s}" }},\n' for b, f, v, s in sorted(rows))
    return f'''#include "proc_address.h"
#include "cuda_prototypes.h"

static const struct proc_row rows[] = {{
{text}}};

const struct proc_row *proc_rows(size_t *count)
{{
	*count = sizeof(rows) / sizeof(rows[0]);
	return rows;
}}
'''


# Server.

def driver_calls(spec):
    extra = {c.name for c in spec.driver}
    return [c for c in spec.calls if not c.wire and c.answer != 'unsupported' and c.name not in extra] + spec.driver


def driver_calls_h(spec):
    text = '''#ifndef DRIVER_CALLS_H
#define DRIVER_CALLS_H

#include <stddef.h>
#include "cuda_types.h"

/* The driver's functions by their exported names; server/driver.c fills it. A function that the
 * driver lacks answers NOT_SUPPORTED. */
struct driver {
'''
    for call in driver_calls(spec):
        text += '\t' + prototype(f'CUresult (CUDAAPI *{call.name})', params(call.params), ';\n')
    return text + '''};

extern struct driver driver;

struct driver_row {
	const char *name;
	size_t offset; /* of the function's pointer in struct driver */
};

extern const struct driver_row driver_names[];
extern const size_t driver_names_count;

#endif
'''


def driver_calls_c(spec):
    calls = driver_calls(spec)
    missing = ''.join(f'\t.{c.name} = (void *)driver_missing,\n' for c in calls)
    rows = ''.join(f'\t{{ "{c.name}", offsetof(struct driver, {c.name}) }},\n' for c in calls)
    return f'''#include "driver_calls.h"

static CUresult driver_missing(void)
{{
	return CUDA_ERROR_NOT_SUPPORTED;
}}

struct driver driver = {{
{missing}}};

const struct driver_row driver_names[] = {{
{rows}}};

const size_t driver_names_count = sizeof(driver_names) / sizeof(driver_names[0]);
'''


def server_decl(spec, var):
    handle = spec.handles.get(var.base)
    if handle and handle.minted and 'new' in var.words:
        return f'uint64_t {var.name}'
    return var.decl


def server_calls_h(spec):
    text = '#ifndef SERVER_CALLS_H\n#define SERVER_CALLS_H\n\n#include "session.h"\n\n'
    for call in (c for c in spec.calls if c.hand_server):
        text += f'/* {call.text} */\n' if call.text else ''
        inner = params(call.params, lambda v: server_decl(spec, v))
        text += prototype(f'CUresult server_{call.name}', f'struct request *q{", " + inner if call.params else ""}', ';\n')
    return text + '\n#endif\n'


def dispatch_c(spec):
    calls = [c for c in spec.calls if c.opcode]
    protos = ''.join(f'int serve_{c.name}(struct request *q);\n' for c in calls)
    rows = ''
    for call in calls:
        flags = [f for w, f in (('blocks', 'DISPATCH_BLOCKS'), ('nocontext', 'DISPATCH_NO_CONTEXT'))
                 if w in call.words] + (['DISPATCH_WAITS'] if call.answer != 'posted' else [])
        rows += f'\t[OP_{call.name} - FRAME_OP_CALL] = {{ serve_{call.name}, "{call.name}",\n' \
                f'\t\t{" | ".join(flags) or "0"} }},\n'
    return f'''#include "dispatch.h"
#include "opcodes.h"

{protos}
static const struct dispatch_row rows[] = {{
{rows}}};

const struct dispatch_row *dispatch_find(uint16_t opcode)
{{
	size_t i = (size_t)opcode - FRAME_OP_CALL;

	if (opcode < FRAME_OP_CALL || i >= sizeof(rows) / sizeof(rows[0]) || !rows[i].handler)
		return NULL;
	return &rows[i];
}}
'''


def at(item):
    """The handler's variable for a value."""
    return f'{item.var.name}.{item.field.name}' if item.field else item.var.name


def server_count(item):
    leaf = item.leaf
    if item.count == 'string':
        return f'{plain_name(item)}_length'
    given = f'{plain_name(item)}_given'
    if item.count is None:
        return given
    count = str(item.count) if isinstance(item.count, int) else \
        counted(item, f'{item.var.name}.{item.count.name}' if item.field else item.count.name)
    if not isinstance(item.count, int):
        count = f'(uint64_t){count}'
    return f'({given} ? {count} : 0)' if leaf.optional else count


class Handler:
    """The pieces of one handler, collected by walking the layouts once."""

    def __init__(self, spec, call):
        self.spec, self.call = spec, call
        self.decls, self.gets, self.finds, self.done = '', '', '', ''
        self.sizes, self.puts, self.adds, self.fails = '', '', '', ''
        for var in call.params:
            self.declare(var)
        for item in call.request:
            self.read(item)
        for item in call.reply:
            self.write(item)

    def declare(self, var):
        handle = self.spec.handles.get(var.base)
        name, items = var.name, [i for i in self.call.request + self.call.reply if i.var is var]
        if handle and handle.minted and 'new' in var.words:
            self.decls += f'\tuint64_t {name}_id;\n'
            if not self.call.hand_server:
                self.decls += f'\t{var.base} {name} = {{0}};\n'
            set_ = lambda value, error: f'handle_set(q->session, KIND_{var.base}, {name}_id, {value}, {error})'
            self.fails += f'\t\t{set_("NULL", "r")};\n'
            self.adds += '' if self.call.hand_server else f'\tr = {set_(f"(void *)(uintptr_t){name}", "CUDA_SUCCESS")};\n'
        elif var.length == '':
            self.decls += f'\tconst char *{name};\n\tuint32_t {var.name}_length;\n'
        elif any(i.kind == 'run' and not i.field for i in items):
            base = 'uint8_t' if var.base == 'void' else var.base
            self.decls += f'\t{"const " if self.borrowed(var) else ""}{base} *{name} = NULL;\n'
        else:
            base = var.ctype if not var.pointer else var.base
            self.decls += f'\t{base} {name} = {{0}};\n'
        if handle and handle.minted and 'free' in var.words:
            self.decls += f'\tuint64_t {name}_id;\n'
            self.done += f'\thandle_drop(q->session, KIND_{var.base}, {name}_id);\n'
        elif handle and 'free' in var.words:
            self.done += f'\treal_drop(q->session, KIND_{var.base}, (void *)(uintptr_t){name});\n'

    def borrowed(self, leaf):
        """Bytes can stay in the frame, whatever their alignment."""
        return self.spec.size_of(leaf.base) == 1 and leaf.base != 'void' and leaf.ctype.startswith('const ')

    def read(self, item):
        name, where, kind = plain_name(item), at(item), f'KIND_{item.handle.name}' if item.handle else ''
        find = lambda call: f'\tif (r == CUDA_SUCCESS)\n\t\tr = {call};\n'
        if item.kind == 'id':
            self.gets += f'\t{where}_id = get_u64(&in);\n'
        elif item.kind == 'flag':
            self.decls += f'\tuint8_t {name}_given;\n'
            self.gets += f'\t{name}_given = get_u8(&in) != 0;\n'
        elif item.kind == 'length':
            self.gets += f'\t{name}_length = get_u32(&in);\n'
        elif item.count == 'string':
            optional = '' if item.leaf.optional else f'\tif (!{where})\n\t\treturn -EPROTO;\n'
            self.gets += f'\t{where} = get_string(&in, {name}_length);\n{optional}'
        elif item.kind == 'value':
            self.gets += f'\tget_value(&in, &{where}, {item.size});\n'
            if item.handle and 'free' in item.leaf.words and item.handle.minted:
                self.gets += f'\t{where}_id = (uint64_t)(uintptr_t){where};\n'
            if item.handle and item.leaf.way != 'out':
                self.finds += find(f'find_minted(q, {kind}, &{where})' if item.handle.minted else
                                   f'find_real(q, {kind}, &{where}, 1)')
        else:
            self.decls += f'\tconst uint8_t *{name}_raw;\n'
            self.gets += f'\t{name}_raw = get_run(&in, {server_count(item)}, {item.size});\n'
            given = f'if ({name}_given)\n\t\t' if item.leaf.optional else ''
            if self.borrowed(item.leaf):
                self.finds += f'\t{given}{where} = (const {item.type} *){name}_raw;\n'
                return
            self.finds += f'\t{given}{where} = run_copy(q, {name}_raw, {server_count(item)}, {item.size}, &r);\n'
            if item.handle:
                self.finds += find(f'find_real(q, {kind}, {where}, {server_count(item)})')

    def write(self, item):
        name, where, kind = plain_name(item), at(item), f'KIND_{item.handle.name}' if item.handle else ''
        if item.kind == 'value':
            self.puts += f'\tput_bytes(&out, &{where}, {item.size});\n'
            if item.handle:
                self.adds += f'\tif (r == CUDA_SUCCESS)\n\t\tr = add_real(q, {kind}, &{where}, 1);\n'
            return
        if item.leaf.way == 'out':
            given = f'if ({name}_given)\n\t\t' if item.leaf.optional else ''
            self.finds += f'\t{given}{where} = run_room(q, {name}_room, {item.size}, &r);\n'
        star = not isinstance(item.count, (int, type(None))) and item.count.pointer
        self.decls += f'\tuint64_t {name}_room;\n'
        self.gets += f'\t{name}_room = {server_count(item)};\n'
        count = f'run_min({name}_room, {server_count(item)})' if star else f'{name}_room'
        if item.handle:
            self.adds += f'\tif (r == CUDA_SUCCESS)\n\t\tr = add_real(q, {kind}, {where}, {count});\n'
        self.sizes += f'\tpayload += {count}{"" if item.size == 1 else f" * {item.size}"};\n'
        self.puts += f'\tput_bytes(&out, {where}, {count}{"" if item.size == 1 else f" * {item.size}"});\n'

    def argument(self, var):
        handle, name = self.spec.handles.get(var.base), var.name
        if handle and handle.minted and 'new' in var.words:
            return f'{name}_id' if self.call.hand_server else f'&{name}'
        items = [i for i in self.call.request + self.call.reply if i.var is var]
        if var.pointer and not any(i.kind == 'run' and not i.field for i in items):
            return f'&{name}'
        return name

    def __str__(self):
        call = self.call
        always = 'always' in call.words
        args = ([] if not call.hand_server else ['q']) + [self.argument(v) for v in call.params]
        invoke = ('server_' if call.hand_server else 'driver.') + f'{call.calls or call.name}({", ".join(args)})'
        reply = bool(call.reply) or always
        text = f'int serve_{call.name}(struct request *q);\nint serve_{call.name}(struct request *q)\n{{\n'
        text += '\tstruct cursor in = q->in;\n\tCUresult r = CUDA_SUCCESS;\n' + self.decls
        if reply:
            size = fixed_size(call.reply)
            size = size if not always else '4' if size == '0' else f'4 + {size}'
            text += f'\tsize_t payload = {size};\n\tuint8_t *out;\n\tint err;\n'
        text += f'\n{self.gets}\tif (!get_all(&in))\n\t\treturn -EPROTO;\n{self.finds}'
        failed = '\tif (r != CUDA_SUCCESS)' + (f' {{\n{self.fails}\t\treturn request_done(q, r);\n\t}}\n'
                                               if self.fails else '\n\t\treturn request_done(q, r);\n')
        if always:
            text += failed + f'\tr = {invoke};\n'
        else:
            text += f'\tif (r == CUDA_SUCCESS)\n\t\tr = {invoke};\n' if self.finds else f'\tr = {invoke};\n'
        text += '\tif (r == (CUresult)REQUEST_PENDING)\n\t\treturn 0;\n' if call.hand_server else ''
        if not always:
            text += failed + self.done + self.adds
            text += '\tif (r != CUDA_SUCCESS)\n\t\treturn request_done(q, r);\n' if self.adds and reply else ''
        if not reply:
            return text + '\treturn request_done(q, r);\n}\n\n'
        if always and (self.done or self.adds):
            text += '\tif (r == CUDA_SUCCESS) {\n' + re.sub(r'(?m)^', '\t', (self.done + self.adds).rstrip('\n')) + '\n\t}\n'
        if always and self.fails:
            text += f'\tif (r != CUDA_SUCCESS)\n{self.fails}'
        text += self.sizes + '\terr = request_reply(q, CUDA_SUCCESS, payload);\n\tif (err < 0)\n\t\treturn err;\n'
        text += '\tout = q->out;\n' + ('\tput_bytes(&out, &r, 4);\n' if always else '') + self.puts
        return text + '\tq->out = out;\n\treturn request_send(q);\n}\n\n'


def handlers_c(spec, section):
    text = '#include <errno.h>\n#include "driver_calls.h"\n#include "handlers.h"\n#include "server_calls.h"\n#include "sizes.h"\n\n'
    return text + ''.join(str(Handler(spec, c)) for c in spec.calls if c.opcode and c.section == section)


# Readers' table.

def calls_md(spec):
    calls = [c for c in spec.calls if not c.wire]
    how = lambda c: 'rewritten' if c.via else c.answer
    totals = ', '.join(f'{sum(how(c) == a for c in calls)} {a}' for a in
                       ('posted', 'waits', 'cached', 'local', 'rewritten', 'unsupported'))
    supported = [c for c in calls if c.answer != 'unsupported']
    custom = sum(bool(c.words & {'client', 'server'}) for c in calls)
    text = f'''# The driver's functions and how each is answered

Generated from `{os.path.basename(spec.path)}`; a test compares. {sum(len(c.exported) for c in calls)} exported functions
of {len({c.base for c in calls})} base names. Twins for the per-thread default stream apart, {len(calls)} functions:
{totals}. {len(supported)} are supported, {custom} of the remote ones have a hand-written half.

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


def write(spec, part, directory):
    whole, split = PARTS[part]
    for name in whole:
        emitter = globals()[RENAMED.get(name) or name.lower().replace('.', '_')]
        save(spec, directory, name, emitter(spec))
    for stem in split:
        for section in spec.sections:
            save(spec, directory, f'{stem}_{slug(section)}.c', globals()[f'{stem}_c'](spec, section))


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
