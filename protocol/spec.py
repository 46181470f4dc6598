# SPDX-License-Identifier: Apache-2.0
"""Read a spec of driver calls, check it, and lay out each call's values.

The language is described in README.md. This file knows the kinds of things a
spec can say, never the name of a call or a type. Everything that emitters need
to agree on is decided here once: in particular the order of values in requests
and replies, as lists of Item.
"""
import hashlib
import re
from pathlib import Path

from model import Call, Handle, Item, Var

SIZES = {'char': 1, 'signed char': 1, 'unsigned char': 1, 'int8_t': 1, 'uint8_t': 1,
         'short': 2, 'unsigned short': 2, 'int16_t': 2, 'uint16_t': 2,
         'int': 4, 'unsigned': 4, 'unsigned int': 4, 'int32_t': 4, 'uint32_t': 4, 'float': 4,
         'long': 8, 'unsigned long': 8, 'long long': 8, 'unsigned long long': 8,
         'int64_t': 8, 'uint64_t': 8, 'size_t': 8, 'double': 8, 'void': 1}
ANSWERS = ('waits', 'posted', 'cached', 'local', 'unsupported')
FIRST_OPCODE, LAST_OPCODE = 0x0100, 0x1fff
TAKEN = {'c', 'q', 'r', 'in', 'out', 'err', 'payload', 'key', 'answer', 'entered', 'saved', 'made'}
TOKEN = re.compile(r'\s+|#[^\n]*|"[^"\n]*"|0x[0-9a-fA-F]+|\d+|[A-Za-z_]\w*|[-;,(){}*?\[\]]|.')


class SpecError(Exception):
    """What is wrong and where, in the form that editors understand."""


class Spec:
    """A parsed spec. The parser is by recursive descent over (token, line) pairs."""

    def __init__(self, path):
        text = Path(path).read_text(encoding='utf-8')
        self.path, self.sections, self.calls = path, [], []
        self.handles, self.plain, self.structs, self.numbers = {}, {}, {}, {}
        self.sizes, self.driver, self.data, self.reserved = {}, [], [], {}
        self.hash = hashlib.sha256(text.encode()).digest()[:8]
        self.comments, self.tokens, self.pos, line = {}, [], 0, 1
        for match in TOKEN.finditer(text):
            token = match[0]
            if token.startswith('#'):
                self.comments[line] = token[1:].strip()
            elif not token.isspace():
                self.tokens.append((token, line))
            line += token.count('\n')
        self.tokens.append(('end of file', line))
        while self.pos < len(self.tokens) - 1:
            self.statement()
        self.check()

    # Tokens.

    def fail(self, message, line=None):
        raise SpecError(f'{self.path}:{line or self.tokens[self.pos][1]}: {message}')

    def peek(self):
        return self.tokens[self.pos][0]

    def next(self, *wanted):
        token = self.peek()
        if wanted and token not in wanted:
            self.fail(f"expected {' or '.join(map(repr, wanted))}, found {token!r}")
        self.pos += 1
        return token

    def identifier(self):
        if not re.match(r'[A-Za-z_]\w*$', self.peek()):
            self.fail(f'expected a name, found {self.peek()!r}')
        return self.next()

    def number(self):
        if not re.match(r'\d', self.peek()):
            self.fail(f'expected a number, found {self.peek()!r}')
        return int(self.next(), 0)

    def listed(self, read):
        items = [read()]
        while self.peek() == ',':
            self.next()
            items.append(read())
        return items

    # Statements.

    def statement(self):
        token, line = self.tokens[self.pos]
        if token == 'section':
            self.next()
            self.sections.append(self.identifier())
            while self.tokens[self.pos][1] == line:
                self.sections[-1] += ' ' + self.next()
            return
        reader = {'handle': self.read_handle, 'plain': self.read_plain, 'number': self.read_number,
                  'struct': self.read_struct, 'driver': self.read_driver, 'data': self.read_data,
                  'reserved': self.read_reserved, 'sizes': self.read_sizes}.get(token)
        if reader:
            self.next()
            reader(line)
        elif token == '-' or token.startswith('0x'):
            self.read_call(line)
        else:
            self.fail(f'a statement cannot start with {token!r}')
        self.next(';')

    def declare(self, table, name, what, line):
        for other in (self.handles, self.plain, self.structs, self.numbers):
            if name in other:
                self.fail(f'{name} is declared twice', line)
        table[name] = what

    def read_handle(self, line):
        handle = Handle(self.identifier(), self.next('minted', 'real') == 'minted', 400)
        while self.peek() != ';':
            word = self.next('error', 'check', 'twin', 'at', 'undo')
            if word == 'error':
                handle.error = self.number()
            elif word == 'check':
                handle.check = self.identifier()
            elif word == 'undo':
                handle.undo = self.identifier()
            elif word == 'at':
                handle.at = self.identifier()
            else:
                handle.twin = True
        self.declare(self.handles, handle.name, handle, line)

    def read_plain(self, line):
        for name in self.listed(self.identifier):
            self.declare(self.plain, name, f'sizeof({name})', line)

    def read_number(self, line):
        size = self.number()
        if size not in (1, 2, 4, 8):
            self.fail(f'no number has {size} bytes', line)
        for name in self.listed(self.identifier):
            self.declare(self.numbers, name, size, line)

    def read_sizes(self, line):
        name, usual = self.identifier(), self.number()
        self.next(',')
        size, values = self.number(), []
        self.next('for')
        while self.peek() != ';':
            values.append(self.number())
        self.sizes[name] = (usual, size, values)

    def read_struct(self, line):
        name, fields = self.identifier(), []
        self.next('{')
        while self.peek() != '}':
            fields.append(self.read_var())
            self.next(';')
        self.next('}')
        self.declare(self.structs, name, fields, line)

    def read_driver(self, line):
        self.next('CUresult') if self.peek() == 'CUresult' else self.identifier()
        self.driver.append(Call(self.identifier(), 0, self.read_params(), line, '', ''))

    def read_data(self, line):
        self.data.append(self.read_var())

    def read_reserved(self, line):
        opcode = self.number()
        self.reserved[opcode] = self.identifier()

    def read_var(self):
        words, ids, stars, const, optional, length, less = set(), [], 0, False, False, None, 0
        while self.peek() in ('in', 'out', 'inout', 'new', 'free', 'address') and \
                re.match(r'\w', self.tokens[self.pos + 1][0]):
            words.add(self.next())
        while re.fullmatch(r'[A-Za-z_]\w*|\*', self.peek()):
            token = self.next()
            if token == 'const':
                const = True
            elif token == '*':
                stars += 1
            else:
                ids.append(token)
        if len(ids) < 2:
            self.fail('expected a type and a name')
        if self.peek() == '[':
            self.next()
            star = '*' if self.peek() == '*' and self.next() else ''
            length = '' if self.peek() == ']' else star + self.next()
            length = int(length, 0) if length[:1].isdigit() else length
            if self.peek() == '-' and self.next():
                less = self.number()
            self.next(']')
        if self.peek() == '?':
            optional = bool(self.next())
        return Var(words, const, ' '.join(ids[:-1]), stars, ids[-1], optional, length, less)

    def read_params(self):
        self.next('(')
        params = [] if self.peek() == ')' else self.listed(self.read_var)
        self.next(')')
        return params

    def read_call(self, line):
        token = self.next()
        opcode = 0 if token == '-' else int(token, 0)
        self.identifier()  # the result type, always the driver's
        name = self.identifier()
        call = Call(name, opcode, self.read_params(), line, self.sections[-1] if self.sections else '',
                    self.comments.get(line - 1, ''))
        while self.peek() != ';':
            self.read_word(call)
        call.answer = call.answer or 'waits'
        self.calls.append(call)

    def read_word(self, call):
        word = self.next()
        if word in ANSWERS:
            if call.answer:
                self.fail(f'{call.name} is already {call.answer}', call.line)
            call.answer = word
        elif word == 'custom':
            sides = {self.next()} if self.peek() in ('client', 'server') else {'client', 'server'}
            call.words |= sides
        elif word in ('blocks', 'nocontext', 'nowork', 'wire', 'always', 'flushes'):
            call.words.add(word)
        elif word in ('ptsz', 'ptds'):
            call.twin = word
            if self.peek() == 'since':
                self.next()
                call.twin_since = self.number()
        elif word == 'as':
            call.base = self.identifier()
        elif word == 'since':
            call.since = self.number()
        elif word == 'calls':
            call.calls = self.read_target(call)
            unused = [v.name for v in call.params if v.name not in call.calls[1]]
            if unused:
                self.fail(f'{call.name} does not give {unused[0]} to {call.calls[0]}', call.line)
        elif word == 'answers':
            call.error = self.number()
        elif word == 'reason':
            call.reason = self.next().strip('"')
        elif word == 'via':
            call.via, call.answer = self.read_target(call), 'via'
        else:
            self.fail(f'unknown word {word!r}', call.line)

    def read_target(self, call):
        """Another function and what it is given: parameters, numbers and constants; all parameters where none is said."""
        name, args = self.identifier(), [v.name for v in call.params]
        if self.peek() == '(':
            self.next()
            args = self.listed(self.next) if self.peek() != ')' else []
            self.next(')')
        for arg in args:
            if not (call.param(arg) or arg[0].isdigit() or arg.isupper()):
                self.fail(f'{call.name} has no {arg} to give to {name}', call.line)
        return name, args

    # Checks and layouts.

    def check(self):
        names, opcodes = {}, dict(self.reserved)
        for call in self.calls:
            if call.name in names:
                self.fail(f'{call.name} is declared twice', call.line)
            names[call.name] = call
            if call.opcode and call.opcode in opcodes:
                self.fail(f'opcode {call.opcode:#06x} is taken by {opcodes[call.opcode]}', call.line)
            opcodes[call.opcode] = call.name
        for index, call in enumerate(c for c in self.calls if not c.wire):
            call.index = index
            call.base = call.base or re.sub(r'_v\d+$', '', call.name)
        for call in self.calls:
            self.check_call(call, names)

    def check_call(self, call, names):
        remote = call.answer in ('waits', 'posted', 'cached')
        if remote and not FIRST_OPCODE <= call.opcode <= LAST_OPCODE:
            self.fail(f'{call.name} needs an opcode from {FIRST_OPCODE:#06x} to {LAST_OPCODE:#06x}',
                      call.line)
        if not remote and call.opcode:
            self.fail(f'{call.name} is {call.answer} and cannot have an opcode', call.line)
        if not remote and call.words - {'wire'}:
            self.fail(f"{call.name} is {call.answer} and cannot be {sorted(call.words)[0]}", call.line)
        if call.wire and (call.name != call.name.lower() or call.hand_server == bool(call.calls)):
            self.fail(f'{call.name} is a wire operation: lower case, custom or calls another', call.line)
        for other in filter(None, (call.via, call.calls)):
            if other[0] not in names:
                self.fail(f'{call.name} is answered by {other[0]}, which does not exist', call.line)
        if remote:
            self.lay_out(call)
            variable = [i for i in call.reply if i.kind == 'run']
            if call.answer == 'posted' and (call.reply or 'always' in call.words):
                self.fail(f'{call.name} has results and cannot be posted', call.line)
            if call.answer == 'cached' and (variable or 'always' in call.words):
                self.fail(f'{call.name} is cached and its results must have a fixed size', call.line)

    def size_of(self, type_):
        return SIZES.get(type_) or self.numbers.get(type_) or self.plain.get(type_) or \
            (8 if type_ in self.handles else 0)

    def lay_out(self, call):
        """Fixed values first, then flags of optional pointers, then runs; both ways."""
        request, reply, flags = [], [], []
        for var in call.params:
            if var.name in TAKEN:
                self.fail(f'{call.name}: generated code has its own {var.name}', call.line)
            if var.pointer and not var.way:
                self.fail(f'{call.name}: say whether {var.name} is in, out or inout', call.line)
            if var.base in self.structs and var.stars == 1 and var.length is None:
                if var.optional:
                    self.fail(f'{call.name}: struct {var.name} cannot be optional', call.line)
                for part in self.structs[var.base]:
                    self.lay_out_var(call, var, part, self.structs[var.base], request, reply, flags)
            else:
                self.lay_out_var(call, var, None, call.params, request, reply, flags)
        fixed = lambda items: [i for i in items if i.kind != 'run']
        call.request = fixed(request) + flags + [i for i in request if i.kind == 'run']
        call.reply = fixed(reply) + [i for i in reply if i.kind == 'run']

    def lay_out_var(self, call, var, part, siblings, request, reply, flags):
        leaf, name = part or var, (part or var).name
        way = part.way if part and part.words & {'in', 'out', 'inout'} else var.way or 'in'
        handle, size = self.handles.get(leaf.base), self.size_of(leaf.base)
        if 'address' in leaf.words:
            request.append(Item('value', var, part, leaf.ctype, 8))
            return
        if not size or leaf.stars > 1 or (leaf.base == 'void' and leaf.length is None):
            self.fail(f'{call.name}: type of {name} is not declared', call.line)
        if handle and handle.minted and 'new' in leaf.words:
            request.append(Item('id', var, part, leaf.base, 8, handle))
            return
        if handle and handle.minted and leaf.length is not None:
            self.fail(f'{call.name}: {name} cannot be a list of minted handles', call.line)
        if handle and handle.minted and way != 'in' and not part:
            self.fail(f'{call.name}: {name} is a minted handle and cannot come from the server', call.line)
        item = lambda kind, count=1: Item(kind, var, part, leaf.base, size, handle, count,
                                          getattr(count, 'base', '') in self.sizes)
        single = leaf.length is None
        if leaf.length == '':
            if way != 'in' or leaf.base != 'char':
                self.fail(f'{call.name}: only strings of char that go in have no length', call.line)
            request.append(item('length'))
            request.append(item('run', 'string'))
            return
        if leaf.optional and not handle and not leaf.pointer:
            self.fail(f'{call.name}: {name} is no pointer and no handle and cannot be optional', call.line)
        flagged = leaf.optional and leaf.pointer and not (single and way == 'out')
        if flagged:
            flags.append(item('flag'))
        if single and not flagged:
            one, count = 'value', 1
        else:
            one, count = 'run', None if single else self.count_of(call, leaf, siblings)
        if way in ('in', 'inout'):
            request.append(item(one, count))
        if way in ('out', 'inout') and not (handle and handle.minted):
            reply.append(item(one, count))

    def count_of(self, call, leaf, siblings):
        if isinstance(leaf.length, int):
            return leaf.length
        name = leaf.length.lstrip('*')
        count = next((v for v in siblings if v.name == name), None)
        if not count:
            self.fail(f'{call.name}: {leaf.name} has the length {name}, which does not exist', call.line)
        if (leaf.length[0] == '*') != count.pointer or count.optional or \
                not isinstance(self.size_of(count.base), int) or count.base in self.handles:
            self.fail(f'{call.name}: {name} cannot be the length of {leaf.name}', call.line)
        return count
