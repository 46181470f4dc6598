# SPDX-License-Identifier: Apache-2.0
"""What a spec consists of: types, variables, calls, and the items of their layouts."""
from dataclasses import dataclass, field


@dataclass
class Type:
    name: str
    kind: str = 'number'  # or plain, versioned, struct, handle
    size: object = 0      # bytes on the wire: a number or 'sizeof(T)'
    fields: tuple = ()    # of a struct
    sized: bool = False   # a value of it has a size
    minted: bool = False  # of handles, here and below: see README.md
    error: int = 400
    check: str = ''
    twin: bool = False
    at: str = ''
    undo: str = ''


@dataclass
class Var:
    """A parameter of a call or a field of a struct."""
    words: set
    const: bool
    base: str
    stars: int
    name: str
    optional: bool = False
    length: object = None  # None, int, '' (a string), 'n' or '*n'
    less: int = 0          # what is to be taken off the length

    @property
    def ctype(self):
        implied = self.length is not None and not self.stars
        const = self.const or implied and self.way == 'in'
        stars = self.stars or int(implied)
        return ('const ' if const else '') + self.base + (' ' + '*' * stars if stars else '')

    @property
    def decl(self):
        return self.ctype + ('' if self.ctype.endswith('*') else ' ') + self.name

    @property
    def pointer(self):
        return 'address' not in self.words and (self.stars > 0 or self.length is not None)

    @property
    def way(self):
        said = self.words & {'in', 'out', 'inout'}
        return max(said, default='in' if self.const or not self.pointer else '')

    def resolve(self, types):
        """What follows from declarations, which may come later in a spec."""
        self.type = types.get(self.base) or Type(self.base, 'unknown')
        self.size = 8 if 'address' in self.words else self.type.size
        self.handle = self.type if self.type.kind == 'handle' else None
        self.minted = bool(self.handle and self.handle.minted)
        self.born = self.minted and 'new' in self.words  # the client makes the number, the call what it stands for
        self.fields = self.type.fields if self.stars == 1 and self.length is None else ()


@dataclass
class Item:
    """One value, or one run of equal values, in a request or a reply."""
    kind: str          # value, id (of a handle that the call creates), flag, length, run
    var: Var
    field: Var = None  # of the struct that var points to
    count: object = 1  # of a run: a number, the Var that says it, or 'string'

    def __post_init__(self):
        self.leaf = self.field or self.var
        self.size = {'flag': 1, 'length': 4}.get(self.kind, self.leaf.size)
        self.name = self.path('_')  # an identifier to derive others from
        self.counted_back = isinstance(self.count, Var) and self.count.pointer  # the number is a result, too

    def path(self, separator):
        return f'{self.var.name}{separator}{self.field.name}' if self.field else self.var.name

    def number(self, place, given):
        """How many values of a run there are, in C; `place` gives where a parameter or a field is."""
        if self.count == 'string':
            return f'{self.name}_length'
        count = place(self.count) if isinstance(self.count, Var) else str(self.count)
        if isinstance(self.count, Var) and self.count.type.sized:
            count = f'size_of_{self.count.base}({count})'
        elif self.leaf.less:
            count = f'({count} - {self.leaf.less})'
        return f'({given} ? {count} : 0)' if self.leaf.optional else count


@dataclass
class Call:
    name: str
    opcode: int
    params: list
    line: int
    section: str
    text: str
    result: str
    answer: str = ''
    words: set = field(default_factory=set)
    base: str = ''
    since: int = 0
    twin: str = ''
    twin_since: int = 0
    via: tuple = None     # the function that answers in its place, and its arguments
    calls: tuple = None   # of a wire operation: the driver's function that serves it, and its arguments
    before: tuple = None  # functions of the client around the sending, and their arguments
    after: tuple = None
    first: tuple = None   # functions of the server around the driver's, and their arguments
    then: tuple = None
    reason: str = ''
    error: int = 801
    request: list = field(default_factory=list)
    reply: list = field(default_factory=list)
    index: int = -1

    def param(self, name):
        return next((p for p in self.params if p.name == name), None)

    @property
    def wire(self):
        return 'wire' in self.words

    @property
    def exported(self):
        return [] if self.wire else [self.name] + ([f'{self.name}_{self.twin}'] if self.twin else [])

    @property
    def hand_client(self):
        return self.answer == 'local' or 'client' in self.words

    @property
    def hand_server(self):
        return 'server' in self.words
