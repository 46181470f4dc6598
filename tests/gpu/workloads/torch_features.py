# SPDX-License-Identifier: Apache-2.0
"""What PyTorch has, one feature after the other: torch_features.py [ALLOC_CONF]

Prints a `check NAME VALUE` line for each; one that fails says with what. ALLOC_CONF goes to
PYTORCH_CUDA_ALLOC_CONF: backend:cudaMallocAsync, or expandable_segments:True.
"""
import copy
import gc
import io
import os
import subprocess
import sys
import tempfile

if len(sys.argv) > 1 and not sys.argv[1].startswith('-'):
    os.environ['PYTORCH_CUDA_ALLOC_CONF'] = sys.argv[1]

import numpy  # noqa: E402 (the setting comes first)
import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

DEVICE = 'cuda'
FEATURES = []


def feature(f):
    FEATURES.append(f)
    return f


def short(*values):
    return ' '.join(f'{float(v):.4g}' for v in values)


def mlp():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 8)).to(DEVICE)


def data(rows=128):
    torch.manual_seed(2)
    return torch.randn(rows, 64).to(DEVICE), torch.randint(0, 8, (rows,)).to(DEVICE)


def trained(model, optimizer, steps=5, x=None, y=None):
    if x is None:
        x, y = data()
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x).float(), y)
        loss.backward()
        optimizer.step()
        losses.append(loss)
    return short(*losses)


@feature
def optimizers():
    kinds = [(torch.optim.Adam, {'fused': True}), (torch.optim.AdamW, {'foreach': True}),
             (torch.optim.SGD, {'momentum': .9, 'fused': True}), (torch.optim.Adam, {'capturable': True})]
    return ' | '.join(trained(m, kind(m.parameters(), lr=1e-2, **more)) for kind, more in kinds for m in [mlp()])


@feature
def mixed_precision():
    model, (x, y) = mlp(), data()
    optimizer, scaler = torch.optim.SGD(model.parameters(), lr=.1), torch.amp.GradScaler(DEVICE)
    for _ in range(5):
        optimizer.zero_grad()
        with torch.autocast(DEVICE, dtype=torch.float16):
            loss = functional.cross_entropy(model(x), y)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
    return short(loss, scaler.get_scale())


@feature
def graphed_training():
    model, (x, y) = mlp(), data()
    model = torch.cuda.make_graphed_callables(model, (torch.randn_like(x),))
    return trained(model, torch.optim.SGD(model.parameters(), lr=.1), x=x, y=y)


@feature
def whole_step_graph():
    gc.collect()  # graphs of before may not end while this one is captured
    model, (x, y) = mlp(), data()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, capturable=True)
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            optimizer.zero_grad(set_to_none=True)
            functional.cross_entropy(model(x), y).backward()
            optimizer.step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    optimizer.zero_grad(set_to_none=True)
    with torch.cuda.graph(graph):
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
    losses = []
    for _ in range(4):
        graph.replay()
        losses.append(loss.item())
    return short(*losses)


@feature
def compiled_with_graphs():
    model, (x, y) = mlp(), data()
    return trained(torch.compile(model, mode='reduce-overhead'), torch.optim.SGD(model.parameters(), lr=.1), x=x, y=y)


@feature
def loader_with_workers():
    torch.manual_seed(3)
    rows = torch.utils.data.TensorDataset(torch.randn(512, 16), torch.arange(512))
    loader = torch.utils.data.DataLoader(rows, batch_size=64, num_workers=2, pin_memory=True)
    total = torch.zeros((), device=DEVICE, dtype=torch.float64)
    for x, i in loader:
        total += (x.to(DEVICE, non_blocking=True).double().sum(1) * i.to(DEVICE, non_blocking=True)).sum()
    return short(total)


@feature
def out_of_memory():
    free, total = torch.cuda.mem_get_info()
    kept = torch.ones(1 << 20, device=DEVICE)
    try:
        torch.empty(1 << 45, dtype=torch.uint8, device=DEVICE)
        return 'none'
    except torch.OutOfMemoryError as e:
        text = str(e).split('.')[0]
    return text, int(kept.sum()), free <= total


@feature
def streams_and_events():
    streams = [torch.cuda.Stream(priority=p) for p in (0, -1, 0)]
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    parts = []
    start.record()
    for i, stream in enumerate(streams):
        stream.wait_event(start)
        with torch.cuda.stream(stream):
            part = torch.full((1000,), float(i), device=DEVICE)
            for _ in range(50):
                part = part * 1.01 + 1
            part.record_stream(torch.cuda.current_stream())
            parts.append(part)
    for stream in streams:
        torch.cuda.current_stream().wait_stream(stream)
    end.record()
    end.synchronize()
    return short(*(p.sum() for p in parts)), start.elapsed_time(end) > 0, [s.query() for s in streams]


@feature
def linear_algebra():
    torch.manual_seed(4)
    a = torch.randn(96, 96, dtype=torch.float64, device=DEVICE)
    b = a @ a.T + 96 * torch.eye(96, dtype=torch.float64, device=DEVICE)
    return short(torch.linalg.svdvals(a)[0], torch.linalg.eigvalsh(b)[-1], torch.linalg.solve(b, a).sum(),
                 torch.linalg.cholesky(b).sum(), torch.linalg.qr(a)[1].abs().sum(), torch.linalg.det(a / 10),
                 torch.linalg.lstsq(a, b).solution.abs().mean(), torch.linalg.inv(b).sum(), torch.linalg.matrix_exp(a / 99).sum(),
                 torch.linalg.eigvals(a).abs().max())


@feature
def fourier():
    torch.manual_seed(5)
    a = torch.randn(64, 128, device=DEVICE, dtype=torch.float64)
    return short(torch.fft.fft2(a).abs().sum(), torch.fft.irfft(torch.fft.rfft(a)).sum(), torch.stft(
        a.flatten(), 64, return_complex=True, window=torch.ones(64, device=DEVICE, dtype=torch.float64)).abs().sum())


@feature
def sparse():
    torch.manual_seed(6)
    dense = torch.randn(200, 200, device=DEVICE) * (torch.rand(200, 200, device=DEVICE) < .05)
    x = torch.randn(200, 16, device=DEVICE)
    csr, coo = dense.to_sparse_csr(), dense.to_sparse()
    return short((csr @ x - dense @ x).abs().max() < 1e-4, (coo @ x - dense @ x).abs().max() < 1e-4), coo._nnz(), short(
        torch.sparse.sum(coo))


@feature
def recurrent():
    torch.manual_seed(7)
    net = nn.LSTM(32, 64, num_layers=2, batch_first=True, bidirectional=True).to(DEVICE)
    out, _ = net(torch.randn(8, 20, 32, device=DEVICE))
    out.square().mean().backward()
    return short(out.sum(), net.weight_hh_l0.grad.abs().sum())


@feature
def convolutions():
    torch.manual_seed(8)
    torch.backends.cudnn.deterministic = True
    x = torch.randn(4, 16, 24, 24, device=DEVICE)
    conv = nn.Conv2d(16, 32, 3, padding=1).to(DEVICE).to(memory_format=torch.channels_last)
    half = copy.deepcopy(conv).half()
    y = conv(x.to(memory_format=torch.channels_last))
    y.sum().backward()
    deep = nn.ConvTranspose3d(4, 8, 3).to(DEVICE)(torch.randn(2, 4, 6, 6, 6, device=DEVICE))
    return short(y.sum(), half(x.half()).float().abs().mean(), conv.weight.grad.abs().sum(), deep.sum(),
                 functional.max_pool2d(y, 2).sum(), functional.interpolate(y, scale_factor=2, mode='bilinear').sum(),
                 functional.grid_sample(y, torch.zeros(4, 5, 5, 2, device=DEVICE), align_corners=False).sum())


@feature
def attention():
    from torch.nn.attention import SDPBackend, sdpa_kernel
    torch.manual_seed(9)
    q, k, v = (torch.randn(2, 8, 256, 64, device=DEVICE, dtype=torch.bfloat16) for _ in range(3))
    said = []
    for kind in ('MATH', 'FLASH_ATTENTION', 'EFFICIENT_ATTENTION', 'CUDNN_ATTENTION'):
        with sdpa_kernel(getattr(SDPBackend, kind)):
            said.append(functional.scaled_dot_product_attention(q, k, v, is_causal=True).float().abs().mean())
    return ' '.join(f'{float(v):.3g}' for v in said)


@feature
def order_and_counts():
    torch.manual_seed(10)
    a = torch.randint(0, 1000, (100000,), device=DEVICE)
    values, counts = torch.unique(a, return_counts=True)
    return (values.numel(), int(counts.max()), int(torch.bincount(a)[7]), int(a.topk(5).values.sum()), int(a.cumsum(0)[-1]),
            int(torch.histc(a.float(), 10)[3]), int(a.sort(descending=True).values[500]), int(a.kthvalue(777).values),
            int(torch.searchsorted(values, torch.tensor(500, device=DEVICE))), int((a > 990).nonzero().numel()),
            int(torch.zeros(1000, dtype=torch.long, device=DEVICE).index_add_(0, a, torch.ones_like(a)).max()))


@feature
def random_numbers():
    torch.manual_seed(11)
    return short(torch.randn(1000, device=DEVICE).sum(), torch.rand(1000, device=DEVICE, dtype=torch.float64).sum(),
                 torch.randperm(1000, device=DEVICE)[:10].sum(), torch.multinomial(torch.ones(50, device=DEVICE), 5).sum(),
                 torch.empty(1000, device=DEVICE).exponential_().sum(), torch.bernoulli(torch.full((1000,), .3, device=DEVICE)).sum(),
                 functional.dropout(torch.ones(1000, device=DEVICE), .5).sum())


@feature
def small_types():
    torch.manual_seed(12)
    a, b = (torch.randint(-9, 9, (32, 64), dtype=torch.int8, device=DEVICE) for _ in range(2))
    x, w = (torch.randn(32, 64, device=DEVICE).to(torch.float8_e4m3fn) for _ in range(2))
    one = torch.ones((), device=DEVICE)
    return int(torch._int_mm(a, b.t().contiguous()).sum()), short(torch._scaled_mm(
        x, w.t(), scale_a=one, scale_b=one, out_dtype=torch.bfloat16).float().abs().sum())


@feature
def transforms():
    model, (x, _) = mlp(), data(16)
    gradients = torch.func.vmap(torch.func.grad(lambda row: model(row).square().sum()))(x)
    nested = torch.nested.nested_tensor([x[:3], x[:5]], layout=torch.jagged)
    return short(gradients.abs().sum(), nested.values().sum(), torch.func.hessian(lambda v: (v ** 3).sum())(x[0]).diagonal().sum())


@feature
def scripted():
    @torch.jit.script
    def f(x):
        for _ in range(3):
            x = torch.tanh(x) * 1.5 + x
        return x
    x, _ = data(16)
    return short(*(f(x).sum() for _ in range(3)))


@feature
def pinned_both_ways():
    host = torch.arange(1 << 20, dtype=torch.float32).pin_memory()
    back = torch.empty(1 << 20, pin_memory=True)
    there = host.to(DEVICE, non_blocking=True)
    back.copy_(there * 2, non_blocking=True)
    torch.cuda.current_stream().synchronize()
    return torch.equal(back, host * 2), back.is_pinned()


@feature
def large_and_odd_copies():
    host = torch.arange(60_000_000, dtype=torch.int32)
    there = host.to(DEVICE)
    odd = host[:1_000_000].reshape(1000, 1000)[::3, 1::2]
    return (torch.equal(there.cpu(), host), torch.equal(odd.to(DEVICE).cpu(), odd),
            torch.equal(there[5:1000:7].double().cpu(), host[5:1000:7].double()))


@feature
def registered_memory():
    words = numpy.arange(1 << 18, dtype=numpy.int64)
    runtime = torch.cuda.cudart()
    first = int(runtime.cudaHostRegister(words.ctypes.data, words.nbytes, 0))
    there = torch.from_numpy(words).to(DEVICE, non_blocking=True)
    total = int(there.sum())
    return first, total, int(runtime.cudaHostUnregister(words.ctypes.data))


@feature
def saved_and_loaded():
    model = mlp()
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    buffer.seek(0)
    other = mlp()
    other.load_state_dict(torch.load(buffer, map_location=DEVICE))
    return all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters()))


@feature
def exchanged_with_cupy():
    import cupy
    a = torch.arange(1000, device=DEVICE, dtype=torch.float32)
    b = cupy.from_dlpack(a) * 2
    return float(torch.from_dlpack(b).sum()), float(cupy.asarray(a).sum())


@feature
def collective_of_one():
    import torch.distributed as dist
    with tempfile.TemporaryDirectory() as folder:
        dist.init_process_group('nccl', init_method=f'file://{folder}/meet', rank=0, world_size=1)
        a = torch.arange(1000., device=DEVICE)
        dist.all_reduce(a)
        parts = [torch.empty_like(a)]
        dist.all_gather(parts, a)
        model, (x, y) = nn.parallel.DistributedDataParallel(mlp()), data()
        said = short(a.sum(), parts[0].sum()), trained(model, torch.optim.SGD(model.parameters(), lr=.1), x=x, y=y)
        dist.destroy_process_group()
    return said


@feature
def allocator():
    before = torch.cuda.memory_allocated()
    a = [torch.empty(1 << 22, dtype=torch.uint8, device=DEVICE) for _ in range(20)]
    held = torch.cuda.memory_allocated() - before
    del a
    torch.cuda.empty_cache()
    return held, torch.cuda.memory_allocated() - before, torch.cuda.memory_reserved() >= torch.cuda.memory_allocated()


@feature
def failed_assertion():
    code = 'import torch; a = torch.zeros(4).cuda(); i = torch.tensor([9]).cuda(); print(a[i].sum().item())'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    return (done.returncode, [line for line in lines if 'CUDA error' in line or 'AcceleratorError' in line][:1],
            sum('Assertion' in line for line in lines))


@feature
def profile():
    from torch.profiler import ProfilerActivity
    from torch.profiler import profile as record
    with record(activities=[ProfilerActivity.CPU]) as p:
        torch.ones(100, device=DEVICE).sum().item()
    return any(e.key == 'aten::sum' for e in p.key_averages())


def main():
    torch.backends.cuda.matmul.allow_tf32 = False
    for f in FEATURES:
        try:
            said = f()
            torch.cuda.synchronize()
        except Exception as e:  # whatever it is, natively it may be the same
            said = f'{type(e).__name__}: {e}'
        print('check', f.__name__, ' '.join(str(said).split())[:300], flush=True)


if __name__ == '__main__':
    main()
