# SPDX-License-Identifier: Apache-2.0
"""Read a spec of calls, check it, and lay out each call's values.

README.md has the language. This file knows what a spec can say, never the name of a call or a type.
What emitters need to agree on is decided here: above all the order of values in requests and replies.
"""
import hashlib
import re
from pathlib import Path

from model import Call, Item, Type, Var

C_TYPES = {1: 'char, signed char, unsigned char, int8_t, uint8_t, void', 2: 'short, unsigned short, int16_t, uint16_t',
           4: 'int, unsigned, unsigned int, int32_t, uint32_t, float',
           8: 'long, unsigned long, long long, unsigned long long, int64_t, uint64_t, size_t, double'}
ANSWERS = ('waits', 'posted', 'cached', 'local', 'unsupported')
FLAGS = ('blocks', 'nocontext', 'nowork', 'wire', 'always', 'flushes', 'internal')
FIRST_OPCODE, LAST_OPCODE = 0x0100, 0x1fff
TAKEN = {'c', 'q', 'r', 'in', 'out', 'err', 'payload', 'key', 'answer', 'entered', 'saved', 'result'}
TOKEN = re.compile(r'\s+|#[^\n]*|"[^"\n]*"|0x[0-9a-fA-F]+|\d+|[A-Za-z_]\w*|[-;,(){}*?\[\]]|.')


class SpecError(Exception):
    """What is wrong and where, in the form that editors understand."""


class Spec:
    """A parsed spec. The parser is by recursive descent over (token, line) pairs."""

    cached_fixed = True  # results that are kept have a fixed size

    def __init__(self, path):
        text = Path(path).read_text(encoding='utf-8')
        self.path, self.sections, self.calls, self.data, self.reserved = path, [], [], [], {}
        self.types = {n: Type(n, 'builtin', size) for size, names in C_TYPES.items() for n in names.split(', ')}
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

    def of_kind(self, *kinds):
        return [t for t in self.types.values() if t.kind in kinds]

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

    def accept(self, *wanted):
        return self.next() if self.peek() in wanted else ''

    def identifier(self):
        if not re.match(r'[A-Za-z_]\w*$', self.peek()):
            self.fail(f'expected a name, found {self.peek()!r}')
        return self.next()

    def number(self):
        if not re.match(r'\d', self.peek()):
            self.fail(f'expected a number, found {self.peek()!r}')
        return int(self.next(), 0)

    def text(self):
        return self.next().strip('"')

    def listed(self, read):
        items = [read()]
        while self.accept(','):
            items.append(read())
        return items

    # Statements.

    def statement(self):
        token, line = self.tokens[self.pos]
        if self.accept('section'):
            self.sections.append(self.identifier())
            while self.tokens[self.pos][1] == line:
                self.sections[-1] += ' ' + self.next()
            return
        if token == '-' or token.startswith('0x'):
            self.read_call(line)
        elif token in ('number', 'plain', 'versioned'):
            self.read_types(line, self.next())
        elif token in ('handle', 'struct', 'data', 'reserved', 'refused'):
            getattr(self, 'read_' + self.next())(line)
        else:
            self.fail(f'a statement cannot start with {token!r}')
        self.next(';')

    def declare(self, line, name, kind, size=0, **more):
        if name in self.types:
            self.fail(f'{name} is declared twice', line)
        self.types[name] = Type(name, kind, size, **more)
        return self.types[name]

    def read_handle(self, line):
        handle = self.declare(line, self.identifier(), 'handle', 8, minted=self.next('minted', 'real') == 'minted')
        while self.peek() != ';':
            word = self.next('error', 'check', 'twin', 'at', 'undo')
            setattr(handle, word, word == 'twin' or (self.number() if word == 'error' else self.identifier()))

    def read_types(self, line, kind):
        size = self.number() if kind == 'number' else 0
        if kind == 'number' and size not in C_TYPES:
            self.fail(f'no number has {size} bytes', line)
        for name, sized in self.listed(lambda: (self.identifier(), bool(self.accept('sized')))):
            self.declare(line, name, kind, size or f'sizeof({name})', sized=sized)

    def read_struct(self, line):
        name, fields = self.identifier(), []
        self.next('{')
        while not self.accept('}'):
            fields.append(self.read_var())
            self.next(';')
        self.declare(line, name, 'struct', fields=fields)

    def read_data(self, line):
        self.data.append(self.read_var())

    def read_reserved(self, line):
        opcode = self.number()
        self.reserved[opcode] = self.identifier()

    def read_refused(self, line):
        result, answer, reason = self.identifier(), self.number(), self.text()
        for name in self.listed(self.identifier):
            self.calls.append(Call(name, 0, [], line, self.sections[-1], '', result, 'unsupported', error=answer,
                                   reason=reason))

    def read_var(self):
        words, ids, stars, const, length, less = set(), [], 0, False, None, 0
        while self.peek() in ('in', 'out', 'inout', 'new', 'free', 'address') and \
                re.match(r'\w', self.tokens[self.pos + 1][0]):
            words.add(self.next())
        while re.fullmatch(r'[A-Za-z_]\w*|\*', self.peek()):
            token = self.next()
            const |= token == 'const'
            stars += token == '*'
            ids += [token] if token not in ('const', '*') else []
        if len(ids) < 2:
            self.fail('expected a type and a name')
        if self.accept('['):
            length = self.accept('*')
            length = length if self.peek() == ']' else length + self.next()
            length = int(length, 0) if length[:1].isdigit() else length
            less = self.number() if self.accept('-') else 0
            self.next(']')
        return Var(words, const, ' '.join(ids[:-1]), stars, ids[-1], bool(self.accept('?')), length, less)

    def arguments(self, read):
        self.next('(')
        items = [] if self.peek() == ')' else self.listed(read)
        self.next(')')
        return items

    def read_call(self, line):
        opcode = 0 if self.accept('-') else self.number()
        result, name = self.identifier(), self.identifier()
        call = Call(name, opcode, self.arguments(self.read_var), line, self.sections[-1] if self.sections else '',
                    self.comments.get(line - 1, ''), result)
        while self.peek() != ';':
            self.read_word(call)
        call.answer = call.answer or 'waits'
        self.calls.append(call)

    def read_word(self, call):
        word = self.next()
        values = {'as': ('base', self.identifier), 'since': ('since', self.number), 'answers': ('error', self.number),
                  'reason': ('reason', self.text)}
        if word in ANSWERS:
            if call.answer:
                self.fail(f'{call.name} is already {call.answer}', call.line)
            call.answer = word
        elif word == 'custom':
            side = self.accept('client', 'server')
            call.words |= {side} if side else {'client', 'server'}
        elif word in FLAGS:
            call.words.add(word)
        elif word in values:
            setattr(call, values[word][0], values[word][1]())
        elif word in ('ptsz', 'ptds'):
            call.twin, call.twin_since = word, self.number() if self.accept('since') else 0
        elif word == 'via':
            call.via, call.answer = self.read_target(call), 'rewritten'
        elif word in ('calls', 'before', 'after', 'first', 'then'):
            setattr(call, word, self.read_target(call))
        else:
            self.fail(f'unknown word {word!r}', call.line)

    def read_target(self, call):
        """Another function and what it is given: parameters, numbers and constants; by default the same parameters."""
        name, args = self.identifier(), [v.name for v in call.params]
        if self.peek() == '(':
            args = self.arguments(self.next)
        known = lambda arg: call.param(arg) or arg[0].isdigit() or arg.isupper()
        self.refuse(call, ' ', {f'has no {arg} to give to {name}': not known(arg) for arg in args})
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
        self.handles = self.of_kind('handle')
        self.remote = [c for c in self.calls if c.opcode]
        self.functions = [c for c in self.calls if not c.wire]  # of the interface, without operations of our own
        for index, call in enumerate(self.functions):
            call.index = index
            call.base = call.base or re.sub(r'_v\d+$', '', call.name)
        for var in [v for c in self.calls for v in c.params] + [f for s in self.of_kind('struct') for f in s.fields]:
            var.resolve(self.types)
        for call in self.calls:
            self.check_call(call, names)

    def check_call(self, call, names):
        remote, always = call.answer in ('waits', 'posted', 'cached'), 'always' in call.words
        self.refuse(call, ' ', {
            f'needs an opcode from {FIRST_OPCODE:#06x} to {LAST_OPCODE:#06x}':
                remote and not FIRST_OPCODE <= call.opcode <= LAST_OPCODE,
            f'is {call.answer} and cannot have an opcode': not remote and call.opcode,
            f'is {call.answer} and cannot be {min(call.words, default="")}':
                not remote and call.words - {'wire', 'internal'},
            'makes or ends a minted handle, as only a wire operation can':
                remote and not call.wire and any(v.minted and v.words & {'new', 'free'} for v in call.params),
            'has no stub for anything before or after it':
                (call.before or call.after) and (not remote or call.wire or call.hand_client),
            'has no driver call to go around': (call.first or call.then) and (not remote or call.hand_server),
            'is a wire operation: lower case, custom or calls another':
                call.wire and (call.name != call.name.lower() or call.hand_server == bool(call.calls))})
        for target, _ in filter(None, (call.via, call.calls)):
            self.refuse(call, ' ', {f'is answered by {target}, which does not exist': target not in names})
        given = [arg for _, args in filter(None, (call.calls, call.first, call.then)) for arg in args]
        unused = [v.name for v in call.params if call.calls and v.name not in given]
        self.refuse(call, ' ', {f'does not use {"".join(unused[:1])}': unused})
        if remote:
            self.lay_out(call)
            runs = self.cached_fixed and any(i.kind == 'run' for i in call.reply)
            self.refuse(call, ' ', {
                'has results and cannot be posted': call.answer == 'posted' and (call.reply or always),
                'is posted and cannot block': call.answer == 'posted' and 'blocks' in call.words,
                'is cached and its results must have a fixed size': call.answer == 'cached' and (runs or always)})

    def refuse(self, call, separator, wrong):
        for text in (t for t, is_so in wrong.items() if is_so):
            self.fail(call.name + separator + text, call.line)

    def lay_out(self, call):
        """Fixed values first, then flags of optional pointers, then runs; both ways."""
        for var in call.params:
            self.refuse(call, ': ', {
                f'generated code has its own {var.name}': var.name in TAKEN,
                f'say whether {var.name} is in, out or inout': var.pointer and not var.way,
                f'struct {var.name} cannot be optional': var.fields and var.optional})
            for part in var.fields or [None]:
                self.lay_out_var(call, var, part)
        if 'always' in call.words:
            result = Var(set(), False, call.result, 0, 'r')
            result.resolve(self.types)
            call.reply.insert(0, Item('value', result))
        for items in (call.request, call.reply):
            items.sort(key=lambda item: {'flag': 1, 'run': 2}.get(item.kind, 0))

    def lay_out_var(self, call, var, part):
        leaf, name = part or var, (part or var).name
        way = part.way if part and part.words & {'in', 'out', 'inout'} else var.way or 'in'
        single, string = leaf.length is None, leaf.length == ''
        item = lambda kind, count=1: Item(kind, var, part, count)
        self.refuse(call, ': ', {
            f'type of {name} is not declared':
                not leaf.size or leaf.pointer and (leaf.stars > 1 or leaf.base == 'void' and single),
            f'{name} cannot be a list of minted handles': leaf.minted and not single,
            f'{name} is a minted handle and cannot go both ways': leaf.minted and way == 'inout' and not part,
            'only strings of char that go in have no length': string and (way != 'in' or leaf.base != 'char'),
            f'{name} is no list, no handle and no single result and cannot be optional': leaf.optional and not (
                leaf.pointer and not string and (way == 'out' or not single) or not leaf.pointer and leaf.handle)})
        if leaf.born:
            call.request.append(item('id'))
        elif string:
            call.request += [item('length'), item('run', 'string')]
        else:
            call.request += [item('flag')] if leaf.optional and not single else []
            one = item('value') if single else item('run', self.count_of(call, leaf, var.fields or call.params))
            call.request += [one] if way in ('in', 'inout') else []
            call.reply += [one] if way in ('out', 'inout') and not (part and leaf.minted) else []

    def count_of(self, call, leaf, siblings):
        if isinstance(leaf.length, int):
            return leaf.length
        name = leaf.length.lstrip('*')
        count = next((v for v in siblings if v.name == name), None)
        self.refuse(call, ': ', {f'{leaf.name} has the length {name}, which does not exist': not count})
        wrong = (leaf.length[0] == '*') != count.pointer or count.optional or count.handle or \
            not isinstance(count.size, int) or not count.size
        self.refuse(call, ': ', {f'{name} cannot be the length of {leaf.name}': wrong})
        return count
