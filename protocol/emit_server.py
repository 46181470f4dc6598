# SPDX-License-Identifier: Apache-2.0
"""C of the server: handlers, their dispatch and the table of the driver's functions."""
from emit import around, fixed_size, header, indent, prototype, wire_params


def server_calls_h(spec):
    return header('SERVER_CALLS_H', 'session.h', body='/* What goes before and after functions of the driver. */\n' +
                  around(spec.remote, ('first', 'then'), 'struct request *') +
                  '\n/* Hand-written halves. */\n' + ''.join(
        (f'/* {c.text} */\n' if c.text else '') +
        prototype(f'CUresult server_{c.name}', wire_params(c, 'struct request *q'), ';\n')
        for c in spec.calls if c.hand_server))


def dispatch(spec, call):
    """The rest of a dispatch row, behind name and opcode."""
    flags = {'DISPATCH_BLOCKS': 'blocks' in call.words, 'DISPATCH_NO_CONTEXT': 'nocontext' in call.words,
             'DISPATCH_WAITS': call.answer != 'posted'}
    text = ' | '.join(f for f, on in flags.items() if on) or '0'
    for handle in (h for h in spec.handles if h.at):
        first = [n for n, i in enumerate(call.request) if i.leaf.handle is handle and i.kind in ('value', 'id')][:1]
        text += f', .{handle.at} = {fixed_size(call.request[:first[0]]) if first else -1}'
    return text


def count_of(item):
    path = f'{item.var.name}.' if item.field else ''
    return item.number(lambda v: f'(uint64_t){path}{v.name}', f'{item.name}_given')


def borrowed(leaf):
    """Bytes can stay in the frame, whatever their alignment."""
    return leaf.size == 1 and leaf.base != 'void' and leaf.ctype.startswith('const ')


class Handler:
    """The pieces of one handler, collected by walking the layouts once."""

    def __init__(self, call):
        self.call = call
        self.runs = {i.var.name for i in call.request + call.reply if i.kind == 'run' and not i.field}
        self.decls = self.gets = self.finds = self.done = self.sizes = self.puts = self.adds = self.fails = ''
        for var in call.params:
            self.declare(var)
        for item in call.request:
            self.read(item)
        for item in call.reply:
            self.write(item)

    def declare(self, var):
        name = var.name
        if var.born:
            self.decls += f'\tuint64_t {name}_id;\n'
            keep = lambda value, error: f'handle_set(q->session, KIND_{var.base}, {name}_id, {value}, {error});\n'
            # Who does not wait may name it already; who waits gives the number up.
            self.fails += '\t' + keep('NULL', 'r') if self.call.answer == 'posted' else ''
            if not self.call.hand_server:
                self.decls += f'\t{var.base} {name} = {{0}};\n'
                self.adds += '\tr = ' + keep(f'(void *)(uintptr_t){name}', 'CUDA_SUCCESS')
                undo = var.handle.undo
                self.adds += f'\tif (r != CUDA_SUCCESS)\n\t\tdriver.{undo}({name});\n' if undo else ''
        elif var.length == '':
            self.decls += f'\tconst char *{name};\n\tuint32_t {name}_length;\n'
        elif name in self.runs:
            base = 'uint8_t' if var.base == 'void' else var.base
            self.decls += f'\t{"const " if borrowed(var) else ""}{base} *{name} = NULL;\n'
        else:
            self.decls += f'\t{var.base if var.pointer else var.ctype} {name} = {{0}};\n'

    def read(self, item):
        name, where, leaf = item.name, item.path('.'), item.leaf
        if item.kind == 'id':
            self.gets += f'\t{where}_id = get_u64(&in);\n'
        elif item.kind == 'flag':
            self.decls += f'\tuint8_t {name}_given;\n'
            self.gets += f'\t{name}_given = get_u8(&in) != 0;\n'
        elif item.kind == 'length':
            self.gets += f'\t{name}_length = get_u32(&in);\n'
        elif item.count == 'string':
            self.gets += f'\t{where} = get_string(&in, {name}_length);\n\tif (!{where})\n\t\treturn -EPROTO;\n'
        elif item.kind == 'value':
            self.gets += f'\tget_value(&in, &{where}, {item.size});\n'
            if leaf.minted and 'free' in leaf.words:
                self.decls += f'\tuint64_t {name}_id;\n'
                self.gets += f'\t{name}_id = (uint64_t)(uintptr_t){where};\n'
                self.done += f'\thandle_drop(q->session, KIND_{leaf.base}, {name}_id);\n'
            elif 'free' in leaf.words:
                self.done += f'\treal_drop(q->session, KIND_{leaf.base}, (void *)(uintptr_t){where});\n'
            if leaf.minted and leaf.way != 'out':
                self.finds += f'\tfind_minted(q, KIND_{leaf.base}, &{where}, &r);\n'
            elif leaf.handle and leaf.way != 'out':
                self.finds += f'\tfind_real(q, KIND_{leaf.base}, &{where}, 1, &r);\n'
        else:
            count, given = count_of(item), f'if ({name}_given)\n\t\t' if leaf.optional else ''
            self.decls += f'\tconst uint8_t *{name}_raw;\n'
            self.gets += f'\t{name}_raw = get_run(&in, {count}, {item.size});\n'
            if borrowed(leaf):
                self.finds += f'\t{given}{where} = (const {leaf.base} *){name}_raw;\n'
                return
            self.finds += f'\t{given}{where} = run_copy(q, {name}_raw, {count}, {item.size}, &r);\n'
            self.finds += f'\tfind_real(q, KIND_{leaf.base}, {where}, {count}, &r);\n' if leaf.handle else ''

    def write(self, item):
        name, where, leaf = item.name, item.path('.'), item.leaf
        add = lambda at, n: f'\tname_minted(q, KIND_{leaf.base}, {at}, &r);\n' if leaf.minted else \
            f'\tadd_real(q, KIND_{leaf.base}, {at}, {n}, &r);\n' if leaf.handle else ''
        if item.kind == 'value':
            self.puts += f'\tput_bytes(&out, &{where}, {item.size});\n'
            self.adds += add(f'&{where}', 1)
            return
        if leaf.way == 'out':
            given = f'if ({name}_given)\n\t\t' if leaf.optional else ''
            self.finds += f'\t{given}{where} = run_room(q, {name}_room, {item.size}, &r);\n'
        self.decls += f'\tuint64_t {name}_room;\n'
        self.gets += f'\t{name}_room = {count_of(item)};\n'
        count = f'run_min({name}_room, {count_of(item)})' if item.counted_back else f'{name}_room'
        self.adds += add(where, count)
        self.sizes += f'\tpayload += {count} * {item.size};\n'
        self.puts += f'\tput_bytes(&out, {where}, {count} * {item.size});\n'

    def argument(self, name):
        var = self.call.param(name)
        if var and var.born:
            return f'{name}_id' if self.call.hand_server else f'&{name}'
        return f'&{name}' if var and var.pointer and name not in self.runs else name

    def invoke(self):
        call, args = self.call, lambda names, *more: ', '.join([*more, *map(self.argument, names)])
        target, names = call.calls or (call.name, [v.name for v in call.params])
        own = f'server_{target}({args(names, "q")})' if call.hand_server else f'driver.{target}({args(names)})'
        ours = lambda what: f'{what[0]}({args(what[1], "q")})' if what else None
        return ';\n\tif (r == CUDA_SUCCESS)\n\t\tr = '.join(filter(None, (ours(call.first), own, ours(call.then))))

    def __str__(self):
        call, always = self.call, 'always' in self.call.words
        text = f'int serve_{call.name}(struct request *q);\nint serve_{call.name}(struct request *q)\n{{\n'
        text += '\tstruct cursor in = q->in;\n\tCUresult r = CUDA_SUCCESS;\n' + self.decls
        if call.reply:
            text += f'\tsize_t payload = {fixed_size(call.reply)};\n\tuint8_t *out;\n\tint err;\n'
        text += f'\n{self.gets}\tif (!get_all(&in))\n\t\treturn -EPROTO;\n{self.finds}'
        failed = '\tif (r != CUDA_SUCCESS)\n\t\treturn request_done(q, r);\n'
        text += (failed + '\t' if always else '\tif (r == CUDA_SUCCESS)\n\t\t') + f'r = {self.invoke()};\n'
        text += '\tif (r == (CUresult)REQUEST_PENDING)\n\t\treturn 0;\n' if call.hand_server else ''
        after = self.done + self.adds
        text += f'\tif (r == CUDA_SUCCESS) {{\n{indent(after)}\t}}\n' if after else ''
        text += f'\tif (r != CUDA_SUCCESS)\n{indent(self.fails)}' if self.fails else ''
        if not call.reply:
            return text + '\treturn request_done(q, r);\n}\n\n'
        text += ('' if always else failed) + self.sizes
        text += '\terr = request_reply(q, CUDA_SUCCESS, payload);\n\tif (err < 0)\n\t\treturn err;\n\tout = q->out;\n'
        return text + self.puts + '\tq->out = out;\n\treturn request_send(q);\n}\n\n'


def handlers_c(spec, section):
    includes = ''.join(f'#include "{h}"\n' for h in ('driver_calls.h', 'handlers.h', 'server_calls.h', 'sizes.h'))
    return f'#include <errno.h>\n{includes}\n' + ''.join(str(Handler(c)) for c in spec.remote if c.section == section)
