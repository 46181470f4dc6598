# SPDX-License-Identifier: Apache-2.0
"""C of the server: handlers, their dispatch and the table of the driver's functions."""
from emit import fixed_size, indent, offset, params, plain_name, prototype, run_count, scaled


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


def named_at(call, handle):
    """Where a request has its first handle of a kind."""
    found = [i for i in call.request if i.handle is handle and i.kind in ('value', 'id')]
    return offset(call.request, found[0]) if found else '-1'


def dispatch_c(spec):
    calls = [c for c in spec.calls if c.opcode]
    protos = ''.join(f'int serve_{c.name}(struct request *q);\n' for c in calls)
    rows = ''
    for call in calls:
        flags = [f for w, f in (('blocks', 'DISPATCH_BLOCKS'), ('nocontext', 'DISPATCH_NO_CONTEXT'))
                 if w in call.words] + (['DISPATCH_WAITS'] if call.answer != 'posted' else [])
        named = ''.join(f', .{h.at} = {named_at(call, h)}' for h in spec.handles.values() if h.at)
        rows += f'\t[OP_{call.name} - FRAME_OP_CALL] = {{ serve_{call.name}, "{call.name}",\n' \
                f'\t\t{" | ".join(flags) or "0"}{named} }},\n'
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
    path = f'{item.var.name}.' if item.field else ''
    return run_count(item, lambda v: f'(uint64_t){path}{v.name}', f'{plain_name(item)}_given')


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
            self.fails += f'\t{set_("NULL", "r")};\n'
            self.adds += '' if self.call.hand_server else f'\tr = {set_(f"(void *)(uintptr_t){name}", "CUDA_SUCCESS")};\n'
            if handle.undo and not self.call.hand_server:
                self.adds += f'\tif (r != CUDA_SUCCESS)\n\t\tdriver.{handle.undo}({name});\n'
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
        self.sizes += f'\tpayload += {scaled(count, item)};\n'
        self.puts += f'\tput_bytes(&out, {where}, {scaled(count, item)});\n'

    def argument(self, var):
        handle, name = self.spec.handles.get(var.base), var.name
        if handle and handle.minted and 'new' in var.words:
            return f'{name}_id' if self.call.hand_server else f'&{name}'
        items = [i for i in self.call.request + self.call.reply if i.var is var]
        if var.pointer and not any(i.kind == 'run' and not i.field for i in items):
            return f'&{name}'
        return name

    def __str__(self):
        call, always = self.call, 'always' in self.call.words
        target, names = call.calls or (call.name, [v.name for v in call.params])
        args = [self.argument(call.param(n)) if call.param(n) else n for n in names]
        invoke = f'server_{target}({", ".join(["q"] + args)})' if call.hand_server else f'driver.{target}({", ".join(args)})'
        reply = bool(call.reply) or always
        failed = '\tif (r != CUDA_SUCCESS)' + (f' {{\n{indent(self.fails)}\t\treturn request_done(q, r);\n\t}}\n'
                                               if self.fails else '\n\t\treturn request_done(q, r);\n')
        text = f'int serve_{call.name}(struct request *q);\nint serve_{call.name}(struct request *q)\n{{\n'
        text += '\tstruct cursor in = q->in;\n\tCUresult r = CUDA_SUCCESS;\n' + self.decls
        if reply:
            size = fixed_size(call.reply) + (' + 4' if always else '')
            text += f'\tsize_t payload = {size};\n\tuint8_t *out;\n\tint err;\n'
        text += f'\n{self.gets}\tif (!get_all(&in))\n\t\treturn -EPROTO;\n{self.finds}'
        text += (failed if always else '\tif (r == CUDA_SUCCESS)\n\t') if self.finds else ''
        text += f'\tr = {invoke};\n'
        text += '\tif (r == (CUresult)REQUEST_PENDING)\n\t\treturn 0;\n' if call.hand_server else ''
        if always:
            done = indent(self.done + self.adds)
            text += f'\tif (r == CUDA_SUCCESS) {{\n{done}\t}}\n' if done else ''
            text += f'\tif (r != CUDA_SUCCESS)\n{indent(self.fails)}' if self.fails else ''
        elif reply or self.done or self.adds or self.fails:
            text += failed + self.done + self.adds
            text += '\tif (r != CUDA_SUCCESS)\n\t\treturn request_done(q, r);\n' if self.adds and reply else ''
        if not reply:
            return text + '\treturn request_done(q, r);\n}\n\n'
        text += self.sizes + '\terr = request_reply(q, CUDA_SUCCESS, payload);\n\tif (err < 0)\n\t\treturn err;\n'
        text += '\tout = q->out;\n' + ('\tput_bytes(&out, &r, 4);\n' if always else '') + self.puts
        return text + '\tq->out = out;\n\treturn request_send(q);\n}\n\n'


def handlers_c(spec, section):
    text = '#include <errno.h>\n#include "driver_calls.h"\n#include "handlers.h"\n#include "server_calls.h"\n#include "sizes.h"\n\n'
    return text + ''.join(str(Handler(spec, c)) for c in spec.calls if c.opcode and c.section == section)
