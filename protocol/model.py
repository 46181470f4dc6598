# SPDX-License-Identifier: Apache-2.0
"""What a spec consists of: handles, variables, calls, and the items of their layouts."""
from dataclasses import dataclass, field


@dataclass
class Handle:
    name: str
    minted: bool
    error: int
    check: str = ''
    twin: bool = False  # NULL means another one in the twins of functions
    undo: str = ''      # the driver's function that ends one which could not be kept
    at: str = ''        # member of a dispatch row that says where a request has one


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
    less: int = 0           # what is to be taken off the length

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
        for way in ('inout', 'out', 'in'):
            if way in self.words:
                return way
        return 'in' if self.const or not self.pointer else ''


@dataclass
class Item:
    """One value, or one run of equal values, in a request or a reply."""
    kind: str           # value, id (of a handle that the call creates), flag, length, run
    var: Var
    field: Var = None   # of the struct that var points to
    type: str = ''      # C type of the value or of one element
    size: object = 0    # of it on the wire: a number, or 'sizeof(T)'
    handle: Handle = None
    count: object = 1   # of a run: a number, the Var that says it, or None where a flag does
    sized: bool = False  # count is of a type whose values have sizes

    @property
    def leaf(self):
        return self.field or self.var


@dataclass
class Call:
    name: str
    opcode: int
    params: list
    line: int
    section: str
    text: str
    answer: str = ''
    words: set = field(default_factory=set)
    base: str = ''
    since: int = 0
    twin: str = ''
    twin_since: int = 0
    via: tuple = None
    calls: tuple = None  # of a wire operation: the driver's function behind it, and its arguments
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
