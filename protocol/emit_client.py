# SPDX-License-Identifier: Apache-2.0
"""C of the client: encoders, stubs, exported symbols and the tables of names.

wire_NAME encodes a request, sends it and decodes the reply. stub_NAME checks pointers and handles first.
The exported function calls the stub or its hand-written replacement, client_NAME.
"""
from emit import around, fixed_size, header, params, prototype

CACHED_MAX = 2048  # bytes of a request that is answered from memory


def wire_decl(var):
    """A parameter of wire_NAME: handles are numbers already."""
    return f'uint64_t {var.name}' if var.born or var.handle and not var.pointer else var.decl


def flags_of(call):
    flags = {'nocontext': 'CALL_NO_CONTEXT', 'nowork': 'CALL_NO_WORK'}
    return ' | '.join(f for word, f in flags.items() if word in call.words) or '0'


def count_of(item):
    path = f'{item.var.name}->' if item.field else ''
    return item.number(lambda v: ('*' if v.pointer else '') + path + v.name, item.path('->'))


def value_of(item):
    """The lvalue that a value comes from or goes to."""
    single = item.var.pointer and item.kind == 'value' and not item.field
    return ('*' if single else '') + item.path('->')


def put(item):
    if item.kind == 'flag':
        return f'\tput_u8(&out, {value_of(item)} != NULL);\n'
    if item.kind == 'length':
        return f'\tput_u32(&out, {item.name}_length);\n'
    if item.kind == 'run':
        return f'\tput_bytes(&out, {value_of(item)}, {count_of(item)} * {item.size});\n'
    return f'\tput_bytes(&out, {f"&{value_of(item)}".removeprefix("&*")}, {item.size});\n'


def reply_values(call):
    """Decode first, assign only when all was there: outputs stay untouched on failure."""
    decls, gets, sets = '', '', ''
    for item in call.reply:
        got, value, n = f'{item.name}_got', value_of(item), f'{item.name}_count'
        real = item.leaf.handle and not item.leaf.minted
        learn = f'\t\t\treal_learn(KIND_{item.leaf.base}, {{}}, {{}});\n' if real else ''
        if item.kind == 'value':
            decls += f'\t{item.leaf.base if item.leaf.pointer else item.leaf.ctype} {got};\n'
            gets += f'\t\tget_value(&c.in, &{got}, sizeof({got}));\n'
            # A failed `always` call has results, but made nothing.
            wanted = [item.var.name] if item.leaf.optional and item.var.pointer else []
            wanted += ['r == CUDA_SUCCESS'] if 'always' in call.words and 'new' in item.leaf.words else []
            sets += f'\t\t\tif ({" && ".join(wanted)})\n\t' if wanted else ''
            sets += f'\t\t\t{value} = {got};\n' + learn.format(f'&{got}', 1)
            continue
        count = f'run_min({count_of(item)}, {item.count.name}_got)' if item.counted_back else count_of(item)
        decls += f'\tconst uint8_t *{got};\n\tuint64_t {n};\n'
        gets += f'\t\t{n} = {count};\n\t\t{got} = get_run(&c.in, {n}, {item.size});\n'
        sets += f'\t\t\tif ({n})\n\t\t\t\tmemcpy({value}, {got}, {n} * {item.size});\n' + learn.format(got, n)
    decode = f'\tif (r == CUDA_SUCCESS) {{\n{gets}\t\tif (!c.in.bad) {{\n{sets}\t\t}}\n\t}}\n' if gets else ''
    return decls, decode


def wire_call(call):
    lengths = ''.join(f'\tconst uint32_t {i.name}_length = string_length({value_of(i)});\n'
                      for i in call.request if i.kind == 'length')
    sizes = ''.join(f'\tpayload = run_add(payload, {count_of(i)}, {i.size});\n'
                    for i in call.request if i.kind == 'run')
    if sizes:  # they come from applications
        sizes += '\tif (payload > FRAME_MAX - sizeof(struct frame))\n\t\treturn CUDA_ERROR_INVALID_VALUE;\n'
    decls, decode = reply_values(call)
    op, flags, end = f'OP_{call.name}', flags_of(call), 'call_end(&c, r)'
    begin = f'\tr = call_begin(&c, {op}, payload, {flags});\n\tif (r != CUDA_SUCCESS)\n\t\treturn r;\n\tout = c.out;\n'
    ask = '\tc.out = out;\n' + ('' if call.answer == 'posted' else '\tr = call_wait(&c);\n')
    if call.answer == 'posted':
        end = 'call_post(&c)'
    elif call.answer == 'cached':
        decls += f'\tuint8_t key[{CACHED_MAX}], answer[{fixed_size(call.reply)}];\n'
        begin = '\tif (payload > sizeof(key))\n\t\treturn CUDA_ERROR_INVALID_VALUE;\n\tkey[0] = 0;\n\tout = key;\n'
        ask = f'\tr = call_cached({op}, key, out - key, answer, sizeof(answer), {flags});\n' \
              '\tc.in = (struct cursor){ answer, answer + sizeof(answer), false };\n'
        end = 'r'
    puts = ''.join(map(put, call.request))
    flush = '\tcall_flush();\n' if 'flushes' in call.words else ''
    return prototype(f'CUresult wire_{call.name}', params(call.params, wire_decl), '\n{\n') + \
        f'{lengths}\tsize_t payload = {fixed_size(call.request)};\n\tstruct call c;\n\tCUresult r;\n\tuint8_t *out;\n' \
        f'{decls}\n{sizes}{begin}{puts}{ask}{flush}{decode}' \
        f'\treturn {end};\n}}\n\n'


def wire_calls_c(spec, section):
    text = '#include "call.h"\n#include "layout.h"\n#include "opcodes.h"\n#include "real.h"\n#include "sizes.h"\n' \
           '#include "wire_calls.h"\n\n'
    if section == spec.sections[0]:
        text += ''.join(f'_Static_assert(sizeof({t.name}) == {t.size}, "size of {t.name}");\n'
                        for t in spec.of_kind('number') + spec.handles) + '\n'
    return text + ''.join(wire_call(c) for c in spec.remote if c.section == section)


def wire_calls_h(spec):
    return header('WIRE_CALLS_H', 'cuda_types.h', body=''.join(
        (f'/* {c.text} */\n' if c.wire and c.text else '') +
        prototype(f'CUresult wire_{c.name}', params(c.params, wire_decl), ';\n') for c in spec.remote))


def client_calls_h(spec):
    halves = lambda prefix, wanted: ''.join(prototype(f'CUresult {prefix}_{c.name}', params(c.params), ';\n')
                                            for c in filter(wanted, spec.functions))
    checks = ''.join(f'CUresult {h.check}({h.name} handle, uint64_t *wire);\n' for h in spec.handles if h.check)
    return header('CLIENT_CALLS_H', 'cuda_types.h', body=f'''/* What a handle is on the wire, or the error for it. */
{checks}
/* What goes before a call is sent, and after it was good. */
{around(spec.functions, ('before', 'after'))}
/* Hand-written halves. */
{halves('client', lambda c: c.hand_client)}
/* Generated halves, for those that call another function of the interface. */
{halves('stub', has_stub)}''')


# Exported functions.

def has_stub(call):
    return not call.hand_client and call.answer != 'unsupported'


def inner_name(call):
    return ('client_' if call.hand_client else 'stub_') + call.name


def translate(var, value, out, refuse):
    """Statements that turn a handle into the number that travels."""
    handle, number = var.handle, f'(uint64_t)(uintptr_t){value}'
    if handle.check:
        check = f'{handle.check}({value}, &{out})'
        check = f'{value} ? {check} : CUDA_SUCCESS' if var.optional else check
        return f'\tr = {check};\n' + refuse('r != CUDA_SUCCESS', 'r')
    known = f'object_get(KIND_{handle.name}, {value})' if handle.minted else f'real_known(KIND_{handle.name}, {number})'
    given = f'{value} && ' if var.optional else ''
    return refuse(f'{given}!{known}', f'(CUresult){handle.error}') + f'\t{out} = {number};\n'


def stub(spec, call):
    head = prototype(f'CUresult stub_{call.name}', params(call.params), '\n{\n')
    if call.via:
        target = next(c for c in spec.calls if c.name == call.via[0])
        return head + f'\treturn {inner_name(target)}({", ".join(call.via[1])});\n}}\n\n'
    refuse = lambda wrong, error: f'\tif ({wrong})\n\t\treturn call_refuse({flags_of(call)}, {error});\n'
    decls, text, args, after = '', '', [], ''
    ours = lambda what: f'\tr = {what[0]}({", ".join(what[1])});\n'
    if call.before:
        text = ours(call.before) + '\tif (r != CUDA_SUCCESS)\n' \
            '\t\treturn r == (CUresult)CALL_NOTHING ? CUDA_SUCCESS : r;\n'
    elif any(v.handle and not v.minted and not v.pointer for v in call.params):
        # Looking such a handle up takes a lock, which a forked child must not.
        text = f'\tr = call_check({flags_of(call)});\n\tif (r != CUDA_SUCCESS)\n\t\treturn r;\n'
    for var in call.params:  # NULL pointers, then handles
        args.append(var.name)
        if var.pointer and not var.optional:
            length = var.length if isinstance(var.length, str) else ''
            count = f'{length[1:]} && {length}' if length[:1] == '*' else length
            text += refuse(f'!{var.name}{f" && {count}" if count else ""}', 'CUDA_ERROR_INVALID_VALUE')
        if var.handle and not var.pointer:
            args[-1] = f'{var.name}_wire'
            decls += f'\tuint64_t {var.name}_wire = 0;\n'
            text += translate(var, var.name, args[-1], refuse)
            if 'free' in var.words:
                text += f'\treal_forget(KIND_{var.base}, {args[-1]});\n'
                after += f'\tif (r != CUDA_SUCCESS)\n\t\treal_learn(KIND_{var.base}, &{args[-1]}, 1);\n'
        elif var.fields and var.way != 'out':
            copy, args[-1] = f'{var.name}_wire', f'&{var.name}_wire'
            decls += f'\t{var.base} {copy};\n'
            text += f'\t{copy} = *{var.name};\n'
            for field in (f for f in var.fields if f.way != 'out'):
                inside, number = f'{var.name}->{field.name}', f'{var.name}_{field.name}'
                if field.length:
                    text += refuse(f'!{inside} && {var.name}->{field.length}', 'CUDA_ERROR_INVALID_VALUE')
                elif field.handle:
                    decls += f'\tuint64_t {number} = 0;\n'
                    text += translate(field, inside, number, refuse)
                    text += f'\t{copy}.{field.name} = ({field.base})(uintptr_t){number};\n'
                    after += f'\t{copy}.{field.name} = {inside};\n' if var.way == 'inout' else ''
            after += f'\t*{var.name} = {copy};\n' if var.way == 'inout' else ''
    after += '\tif (r == CUDA_SUCCESS)\n\t' + ours(call.after) if call.after else ''
    return f'{head}{decls}\tCUresult r;\n\n{text}\tr = wire_{call.name}({", ".join(args)});\n{after}\treturn r;\n}}\n\n'


def exported(call):
    text = ''
    for name in call.exported:
        text += prototype(f'CUresult CUDAAPI {name}', params(call.params), '\n{\n')
        if call.answer == 'unsupported':
            text += f'\treturn call_unsupported({call.index}, (CUresult){call.error});\n}}\n\n'
            continue
        twin = name != call.name
        streams = [v for v in call.params if twin and v.handle and v.handle.twin and not v.pointer]
        args = [f'{v.name} ? {v.name} : ({v.base})PER_THREAD' if v in streams else v.name for v in call.params]
        macro = 'CALL_TWIN' if twin and not streams else 'CALL_COUNTED'
        text += f'\t{macro}({call.index}, {inner_name(call)}({", ".join(args)}));\n}}\n\n'
    return text


def stubs_c(spec, section):
    text = '#include "client_calls.h"\n#include "cuda_prototypes.h"\n#include "stubs.h"\n#include "wire_calls.h"\n\n'
    for call in (c for c in spec.functions if c.section == section):
        text += (stub(spec, call) if has_stub(call) else '') + exported(call)
    for var in spec.data if section == spec.sections[-1] else ():
        decl = f'{var.base} {var.name}' + (f'[{var.length}]' if var.length else '')
        text += f'__attribute__((visibility("default"))) extern {decl};\n{decl};\n'
    return text
