#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what a fuzzer begins with, where an input has a form of its own: seeds.py

Into corpus/session one session for each call of the spec, made from its layout; into the others what
is here. What was made otherwise, or found by fuzzing, lies there beside under other names. The inputs'
forms are in the fuzzers.
"""
import os
import re
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, 'protocol'))
from model import Var  # noqa: E402 (found by the line above)
from spec import Spec  # noqa: E402


def write(fuzzer, name, data):
    folder = os.path.join(HERE, 'corpus', fuzzer)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), 'wb') as f:
        f.write(data)


def u64(*values):
    return struct.pack(f'<{len(values)}Q', *values)


# What comes first on each connection: fuzz_control.c.

COMMAND, SIDE, BULK = range(3)


def wire_version():
    with open(os.path.join(ROOT, 'protocol', 'wire.h'), encoding='utf-8') as f:
        return int(re.search(r'WIRE_VERSION = (\d+)', f.read())[1])


def control_seeds():
    prelude = lambda role, lane=0, version=wire_version(): \
        struct.pack('<4sHHII16s', b'RGPU', version, role, lane, 0, bytes(16))
    yield 'prelude', prelude(COMMAND)
    yield 'prelude_side', prelude(SIDE)
    yield 'prelude_bulk', prelude(BULK, 3)
    yield 'prelude_role', prelude(7)
    yield 'prelude_version', prelude(COMMAND, version=999)


# What a client sends beside its command connection: server/tests/worker/fuzz_side.c.

HOST_DONE, HEARTBEAT, HOST_BYTES, MIRROR_WRITE = 3, 4, 5, 6
MIRRORED = 8192
DONE_WITH, AS_SENT = 1, 2
SIDE_RECORDS = 6


def side_frame(opcode, payload):
    return bytes([0, opcode]) + struct.pack('<H', len(payload)) + payload


def side_bytes(data):
    return b'\1' + struct.pack('<H', len(data)) + data


def chunk(lane, size):
    return bytes([2 + SIDE_RECORDS * lane]) + struct.pack('<I', size)


def header(lane, number, size, zero=0):
    return bytes([3 + SIDE_RECORDS * lane]) + struct.pack('<QII', number, size, zero)


def take(size=0, how=AS_SENT | DONE_WITH):
    return b'\4' + struct.pack('<IB', size, how)


def job(number, size):
    return b'\5' + struct.pack('<BH', number, size)


def host_bytes(number, data, size=None):
    return side_frame(HOST_BYTES, u64(number, len(data) if size is None else size) + data)


def host_done(number):
    return side_frame(HOST_DONE, u64(number))


def side_seeds():
    lanes = lambda count, *records: bytes([count - 1]) + b''.join(records)
    yield 'heartbeats', lanes(1, side_frame(HEARTBEAT, u64(0)), side_frame(HEARTBEAT, u64(0)))
    yield 'job', lanes(1, job(7, 100), host_bytes(7, bytes(60)), host_bytes(7, bytes(40)), host_done(7))
    yield 'job_of_nothing', lanes(1, job(7, 0), host_bytes(7, b''), host_done(7), job(7, 1), host_done(7))
    yield 'job_short', lanes(1, job(7, 100), host_bytes(7, bytes(10)), host_done(7), host_bytes(7, bytes(90)))
    yield 'job_long', lanes(1, job(7, 100), host_bytes(7, bytes(300)), host_bytes(7, bytes(8)), host_done(7))
    yield 'jobs', lanes(1, job(1, 50), job(2, 60), host_bytes(2, bytes(60)), host_bytes(1, bytes(50)),
                        host_done(1), host_done(2))
    yield 'job_twice', lanes(1, job(7, 50), job(7, 50), host_done(7), host_done(7), host_done(8), host_done(0))
    yield 'bytes_of_nobody', lanes(1, host_bytes(9, bytes(16)), host_bytes(0, b''))
    yield 'bytes_missing', lanes(1, job(7, 100), host_bytes(7, bytes(10), 100))
    yield 'bytes_huge', lanes(1, job(7, 100), host_bytes(7, bytes(10), 1 << 63))
    wrote = lambda at, size, given=None: \
        side_frame(MIRROR_WRITE, u64(at, size) + b'w' * (size if given is None else given))
    yield 'mirrored', lanes(1, wrote(0, 4), wrote(100, 4000), wrote(MIRRORED - 8, 8), wrote(0, 0))
    yield 'mirrored_outside', lanes(1, wrote(MIRRORED - 4, 8), wrote(MIRRORED, 4), wrote(1 << 63, 4))
    yield 'mirrored_cut', lanes(1, wrote(0, 100, 4))
    yield 'frame_unknown', lanes(1, side_frame(0x77, u64(0)))
    yield 'frame_short', lanes(1, side_frame(HOST_DONE, b'1234'))
    for name, size in (('small', 8), ('odd', 17), ('huge', 0x7ffffff8), ('long', 0x20000)):
        yield 'size_' + name, lanes(1, side_bytes(struct.pack('<IHHQQ', size, HEARTBEAT, 0, 1, 0)))
    yield 'cut', lanes(1, side_bytes(struct.pack('<IHHQ', 24, HEARTBEAT, 0, 1)[:12]))
    yield 'chunks', lanes(4, *(chunk(i % 4, 65536 + i) for i in range(8)), *(take() for _ in range(8)))
    yield 'chunks_held', lanes(2, *(chunk(i % 2, 9) for i in range(4)),
                               take(how=AS_SENT), take(), take(how=AS_SENT), take())
    yield 'chunks_ahead', lanes(1, *(chunk(0, 1 << 20) for _ in range(40)), *(take() for _ in range(40)))
    yield 'chunk_of_other_size', lanes(1, chunk(0, 1000), take(999, 0))
    yield 'chunk_missing', lanes(2, chunk(1, 1000), take(1000, 0), chunk(0, 1000), take(), take())
    for name, values in (('number', (5, 10)), ('empty', (0, 0)), ('large', (0, (1 << 20) + 1)), ('zero', (0, 10, 1))):
        yield 'header_' + name, lanes(1, header(0, *values), take(10, 0))
    yield 'header_right', lanes(2, header(1, 1, 1 << 20), header(0, 0, 1), header(1, 3, 5), take(), take())


# What a server sends: client/tests/fuzz_client.c.

REPLY, HOST_CALL, DATA, OUTPUT, MIRROR, EXECUTED, FATAL, HOST_GONE, FAILED, FAULT = range(0x10, 0x1a)
COPIES = (1000, 300000, 200, 96)
FUNCTION, REPEATED, FETCH, END, CONTEXT = 4, 5, 6, 7, 8
CLIENT_RECORDS = 4


def frame(opcode, payload):
    return bytes([0, opcode]) + struct.pack('<H', len(payload)) + payload


def placed(place):
    return b'\xff' * 7 + bytes([place])


def data(place, offset, size, given=None):
    return frame(DATA, placed(place) + struct.pack('<QII', offset, size, 0) + bytes(size if given is None else given))


def lane_chunk(lane, place, offset, size):
    return bytes([2 + CLIENT_RECORDS * lane]) + struct.pack('<BII', place, offset, size)


def client_seeds():
    lanes = lambda count, *records: bytes([count - 1]) + b''.join(records)
    reply = lambda seq, result=0, pushes=0, payload=b'': \
        frame(REPLY, struct.pack('<QII', seq, result, pushes) + payload)
    call = lambda place, pushes=0: frame(HOST_CALL, placed(place) + struct.pack('<II', pushes, 0))
    yield 'replies', lanes(1, reply(2, payload=bytes(40)), reply(1), reply(4, 700, 3), reply(3, payload=bytes(1000)))
    yield 'reply_to_nobody', lanes(1, reply(99))
    yield 'reply_short', lanes(1, frame(REPLY, u64(1)))
    yield 'calls', lanes(1, call(FUNCTION), call(REPEATED), call(REPEATED), call(FETCH))
    yield 'call_of_nothing', lanes(1, frame(HOST_CALL, u64(12345, 0)))
    yield 'ends', lanes(1, call(END), call(END), call(FUNCTION), frame(HOST_GONE, placed(END)))
    yield 'gone', lanes(1, frame(HOST_GONE, placed(REPEATED)), frame(HOST_GONE, placed(FUNCTION)),
                        frame(HOST_GONE, u64(0)))
    yield 'copies', lanes(1, *(data(i, 0, min(size, 4000)) for i, size in enumerate(COPIES)))
    yield 'copy_in_parts', lanes(1, data(2, 100, 100), data(2, 0, 100), data(2, 0, 1))
    yield 'copy_beyond', lanes(1, data(3, 90, 10))
    yield 'copy_cut', lanes(1, data(0, 0, 100, given=50))
    yield 'copy_failed', lanes(1, frame(DATA, placed(1) + struct.pack('<QII', (1 << 64) - 1, 0, 0)), data(0, 0, 1000))
    yield 'output', lanes(1, frame(OUTPUT, struct.pack('<II', 5, 1) + b'hello'),
                          frame(OUTPUT, struct.pack('<II', 5, 2) + b'hello'), frame(OUTPUT, struct.pack('<II', 50, 1)))
    yield 'output_elsewhere', lanes(1, frame(OUTPUT, struct.pack('<II', 5, 0) + b'hello'))
    yield 'mirror', lanes(1, frame(MIRROR, struct.pack('<QII', 0x280000000000, 4, 0) + bytes(4)))
    yield 'executed', lanes(1, frame(EXECUTED, u64(7)), frame(EXECUTED, b''))
    yield 'failed', lanes(1, frame(FAILED, struct.pack('<II', 0x0290, 1)), frame(FAILED, b'123'))
    fault = lambda id, result: frame(FAULT, id + struct.pack('<II', result, 0))
    yield 'fault', lanes(1, fault(placed(CONTEXT), 1), fault(placed(CONTEXT), 710), fault(placed(CONTEXT), 700))
    yield 'fault_of_nothing', lanes(1, fault(u64(12345), 710), fault(placed(FUNCTION), 710))
    yield 'fault_short', lanes(1, frame(FAULT, placed(CONTEXT)))
    yield 'fatal', lanes(1, frame(FATAL, struct.pack('<II', 719, 0) + b'it broke'))
    yield 'fatal_long', lanes(1, frame(FATAL, struct.pack('<II', 0, 0) + b'x' * 1000))
    yield 'fatal_short', lanes(1, frame(FATAL, b'123'))
    yield 'unknown', lanes(1, frame(0x55, b''))
    for name, size in (('small', 8), ('odd', 17), ('huge', 0x7ffffff8)):
        raw = struct.pack('<IHHQQ', size, EXECUTED, 0, 1, 7)
        yield 'size_' + name, lanes(1, b'\1' + struct.pack('<H', len(raw)) + raw)
    yield 'chunks', lanes(4, *(lane_chunk(i % 4, 1, i * 65536, min(65536, COPIES[1] - i * 65536)) for i in range(5)))
    yield 'chunks_of_rows', lanes(2, lane_chunk(0, 2, 0, 150), lane_chunk(1, 2, 150, 50), lane_chunk(0, 3, 0, 96))
    yield 'chunk_beyond', lanes(1, lane_chunk(0, 0, 999, 2))
    yield 'chunk_twice', lanes(1, lane_chunk(0, 0, 0, 1000), lane_chunk(0, 0, 0, 1000))
    yield 'chunk_of_nothing', lanes(1, b'\3' + struct.pack('<QQII', 77, 0, 4, 0))


# Each call of the spec, in a session that has what it may name: server/tests/worker/fuzz_session.c.

THREAD = 1
LIST = 2  # values in a list
IMAGE_PTX = 3
ARENA = 0x200000000000
TEXT = b'abc\0'
# What makes those things that have the driver's own numbers: the next after the context's.
MAKERS = {'CUgraph': 'cuGraphCreate', 'CUgraphNode': 'cuGraphAddEmptyNode',
          'CUgraphExec': 'cuGraphInstantiateWithFlags', 'CUmemoryPool': 'cuMemPoolCreate',
          'CUmemGenericAllocationHandle': 'cuMemCreate', 'CUlinkState': 'link_create',
          'CUuserObject': 'user_object_create'}
FIRST_MADE, NEXT_MADE = 0x1020, 16


class Sessions:
    def __init__(self):
        self.spec = Spec(os.path.join(ROOT, 'protocol', 'cuda.api'))
        self.kinds = {h.name: i + 1 for i, h in enumerate(self.spec.handles)}
        self.calls = {c.name: c for c in self.spec.remote}
        self.made = {name: FIRST_MADE + i * NEXT_MADE for i, name in enumerate(MAKERS)}
        # What travels as a number.
        self.named = {'id': 7, 'kind': IMAGE_PTX, 'bytes': 64, 'inline_bytes': 64, 'context': self.handle('CUcontext'),
                      'container': self.handle('CUmodule'), 'kernel': self.handle('CUkernel'),
                      'function': self.handle('CUfunction')}
        self.sizes = self.measure()

    def measure(self):
        """Bytes of the types whose size only C knows."""
        items = [i for c in self.spec.remote for i in c.request]
        names = sorted({i.size for i in items if isinstance(i.size, str)})
        names += sorted({f'sizeof({i.leaf.base})' for i in items} - set(names))
        names = [n for n in names if n != 'sizeof(void)']
        with tempfile.TemporaryDirectory() as folder:
            source, program = os.path.join(folder, 'sizes.c'), os.path.join(folder, 'sizes')
            with open(source, 'w') as f:
                f.write('#include <stdio.h>\n#include "cuda_types.h"\nint main(void)\n{\n')
                f.write(''.join(f'\tprintf("%zu\\n", {n});\n' for n in names) + '\treturn 0;\n}\n')
            subprocess.run(['cc', '-w', '-I', os.path.join(ROOT, 'protocol'), source, '-o', program], check=True)
            sizes = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()
        return dict(zip(names, map(int, sizes)))

    def handle(self, name, index=0):
        """The client's number for the thing, of its first life."""
        return self.kinds[name] << 40 | 1 << 26 | index << 4

    def record(self, opcode, payload, waits=True):
        assert len(payload) < 4096
        return struct.pack('<HH', opcode, len(payload) | (0x8000 if waits else 0)) + payload

    def value(self, item, call, given):
        leaf = item.leaf
        known = {**self.named, **given}
        if leaf.name in known and not leaf.born:
            return known[leaf.name]
        if leaf.name in given:
            return given[leaf.name]
        if leaf.minted:
            return self.handle(leaf.base, 1 if leaf.born else 0)
        if leaf.handle:
            return self.made[leaf.base]
        if leaf.base == 'CUdeviceptr' or 'address' in leaf.words:
            return ARENA
        if any(isinstance(i.count, Var) and i.count is leaf for i in call.request + call.reply):
            return LIST
        return 64 if leaf.base == 'size_t' else 0

    def number(self, item, call, given):
        if item.count == 'string':
            return len(TEXT)
        if isinstance(item.count, int):
            return item.count
        if item.count.type.sized:
            return 0
        return max(0, {**self.named, **given}.get(item.count.name, LIST) - item.leaf.less)

    def request(self, name, **given):
        call, out = self.calls[name], b''
        for item in call.request:
            size = item.size if isinstance(item.size, int) else self.sizes[item.size]
            if item.kind == 'flag':
                out += b'\1'
            elif item.kind == 'length':
                out += struct.pack('<I', len(TEXT))
            elif item.count == 'string':
                out += TEXT
            elif item.kind == 'run':
                out += bytes(size * self.number(item, call, given))
            else:
                out += struct.pack('<Q', self.value(item, call, given) & (1 << 64) - 1).ljust(size, b'\0')[:size]
        return self.record(call.opcode, out, call.answer != 'posted')

    def begin(self):
        context = self.handle('CUcontext')
        thread = lambda c: self.record(THREAD, struct.pack('<IIQ', 1, 1, c), False)
        return thread(0) + self.request('context_make', context=context, primary=1) + thread(context) + \
            b''.join(self.request(maker, id=8) for maker in MAKERS.values()) + \
            self.request('stream_create', stream=self.handle('CUstream')) + \
            self.request('event_create', event=self.handle('CUevent')) + \
            self.request('memory_alloc', bytes=1 << 16) + \
            self.request('image_begin') + \
            self.request('image_load', is_library=0) + \
            self.request('image_begin') + \
            self.request('image_load', is_library=1, container=self.handle('CUlibrary')) + \
            self.request('function_get') + \
            self.request('function_get', container=self.handle('CUlibrary'), is_library=1,
                         function=self.handle('CUkernel'))

    def seeds(self):
        for name in self.calls:
            yield re.sub(r'\W', '_', name), self.begin() + self.request(name)


def main():
    for fuzzer, seeds in (('control', control_seeds()), ('side', side_seeds()), ('client', client_seeds()),
                          ('session', Sessions().seeds())):
        for name, entry in seeds:
            write(fuzzer, name, entry)


if __name__ == '__main__':
    main()
