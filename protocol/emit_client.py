# SPDX-License-Identifier: Apache-2.0
"""C of the client: encoders, stubs, exported symbols and the tables of names.

wire_NAME encodes a request, sends it and decodes the reply. stub_NAME checks
pointers and handles first. The exported function calls the stub or its
hand-written replacement, client_NAME.
"""
from emit import fixed_size, indent, params, plain_name, prototype, run_count, scaled

CACHED_MAX = 2048  # bytes of a request that is answered from memory


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


def client_count(item):
    path = f'{item.var.name}->' if item.field else ''
    return run_count(item, lambda v: ('*' if v.pointer else '') + path + v.name, path + item.leaf.name)


def client_value(item):
    """The lvalue on the client that a value comes from or goes to."""
    if item.field:
        return f'{item.var.name}->{item.field.name}'
    pointer = item.var.pointer and item.kind == 'value'
    return ('*' if pointer else '') + item.var.name


def put(item):
    if item.kind == 'flag':
        return f'\tput_u8(&out, {client_value(item)} != NULL);\n'
    if item.kind == 'length':
        return f'\tput_u32(&out, {plain_name(item)}_length);\n'
    if item.kind == 'run':
        return f'\tput_bytes(&out, {client_value(item)}, {scaled(client_count(item), item)});\n'
    target = client_value(item)
    address = target[1:] if target.startswith('*') else f'&{target}'
    return f'\tput_bytes(&out, {address}, {item.size});\n'


def wire_request(call):
    """Statements that find the request's size; lengths come from applications."""
    runs = [i for i in call.request if i.kind == 'run']
    text = ''.join(f'\tconst uint32_t {plain_name(i)}_length = string_length({client_value(i)});\n'
                   for i in call.request if i.kind == 'length')
    text += f'\t{"" if runs else "const "}size_t payload = {fixed_size(call.request)};\n'
    checks = ''
    for item in runs:
        count = client_count(item)
        if not isinstance(item.count, int) and item.count is not None:
            checks += f'\tif ((uint64_t){count} > FRAME_MAX)\n\t\treturn CUDA_ERROR_INVALID_VALUE;\n'
        checks += f'\tpayload += {scaled(f"(size_t){count}", item)};\n'
    if runs:
        checks += '\tif (payload > FRAME_MAX - sizeof(struct frame))\n\t\treturn CUDA_ERROR_INVALID_VALUE;\n'
    return text, checks


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


# Exported functions.

def has_stub(call):
    return not call.wire and not call.hand_client and call.answer != 'unsupported'


def inner_name(call):
    return ('client_' if call.hand_client else 'stub_') + call.name


def stub_checks(spec, call):
    """NULL pointers, then handles, in the order of the parameters."""
    decls, text, args, after = '', '', [], ''
    if any(v.base in spec.handles and not spec.handles[v.base].minted and not v.pointer for v in call.params):
        # Looking such a handle up takes a lock, which a forked child must not.
        text = f'\tr = call_check({flags_of(call)});\n\tif (r != CUDA_SUCCESS)\n\t\treturn r;\n'
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
                    after += f'\t{copy}.{field.name} = {var.name}->{field.name};\n'
            after += f'\t*{var.name} = {copy};\n' if var.way == 'inout' else ''
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


def ended(spec, call, minted):
    """The handle of a kind that a call destroys, or makes when it is minted."""
    return next((v for v in call.params if v.words & {'free', 'new'} and v.base in spec.handles and
                 spec.handles[v.base].minted == minted and ('free' in v.words or minted)), None)


def stub(spec, call):
    head = prototype(f'CUresult stub_{call.name}', params(call.params), '\n{\n')
    if call.via:
        target = next(c for c in spec.calls if c.name == call.via[0])
        return head + f'\treturn {inner_name(target)}({", ".join(call.via[1])});\n}}\n\n'
    decls, text, args, good = stub_checks(spec, call)
    bad, result = '', f'wire_{call.name}({", ".join(args)})'
    minted, real = ended(spec, call, True), ended(spec, call, False)
    if minted and 'new' in minted.words:
        decls += f'\tstruct object *made;\n\tuint64_t {minted.name}_wire;\n'
        text += f'''	made = object_create(KIND_{minted.base});
	if (!made)
		return call_refuse({flags_of(call)}, CUDA_ERROR_OUT_OF_MEMORY);
	{minted.name}_wire = made->handle;
'''
        good = f'\t*{minted.name} = ({minted.base})(uintptr_t){minted.name}_wire;\n' + good
        bad = f'\tobject_destroy(KIND_{minted.base}, made);\n'
    elif minted:
        good += f'\tobject_destroy(KIND_{minted.base}, object_get(KIND_{minted.base}, {minted.name}));\n'
    if real:
        text += f'\treal_forget(KIND_{real.base}, {real.name}_wire);\n'
        bad = f'\treal_learn(KIND_{real.base}, &{real.name}_wire, 1);\n'
    decls += '\tCUresult r;\n' if good or bad or 'r = ' in text else ''
    text = head + decls + ('\n' if decls else '') + text
    if not good and not bad:
        return text + f'\treturn {result};\n}}\n\n'
    if good and 'always' not in call.words:
        good = f'\tif (r == CUDA_SUCCESS) {{\n{indent(good)}\t}}\n'
    bad = f'\tif (r != CUDA_SUCCESS)\n{indent(bad)}' if bad else ''
    return text + f'\tr = {result};\n{good}{bad}\treturn r;\n}}\n\n'


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
