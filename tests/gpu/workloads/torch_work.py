# SPDX-License-Identifier: Apache-2.0
"""PyTorch at work, timed and summed: torch_work.py basic | resnet | gpt | gpt_exact | gpt_paced N | infer N | train N |
gpus | replicas.

Weights are random and seeds fixed. Prints `figure NAME VALUE UNIT` and `check NAME VALUE` lines.
`infer N` makes N ResNet-50 inferences, so that the difference of two counts is the cost of one.
`train N` prints the loss of each of N training steps of a small network.
`gpus` moves tensors between all GPUs there are, `replicas` trains on all of them by DataParallel (NCCL).
"""
import os
import sys
import time

import torch

DEVICE = 'cuda'


def timed(name, count, step, warm=3):
    """The mean time of a step, as a user's loop would see it, and the last step's result."""
    for _ in range(warm):
        step()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(count):
        result = step()
    torch.cuda.synchronize()
    print(f'figure {name} {(time.perf_counter() - start) / count * 1e3:.3f} ms')
    print(f'check {name} {float(result):.5f}', flush=True)


def basic():
    a = torch.randn(1024, 1024, device=DEVICE)
    print('check matmul', (a @ a).sum().item())
    print('check pinned', torch.arange(1000.).pin_memory().to(DEVICE, non_blocking=True).mean().item())
    print('check sort', torch.sort(a.flatten())[0][::100000].sum().item())
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        doubled = a * 2 + 1
    a.add_(1)
    graph.replay()
    print('check graph', torch.equal(doubled, a * 2 + 1))
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        b = a.sin()
    torch.cuda.current_stream().wait_stream(stream)
    print('check stream', torch.equal(b, a.sin()))
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    a @ a
    end.record()
    end.synchronize()
    print('check event', start.elapsed_time(end) > 0)
    fused = torch.compile(lambda x: torch.sin(x) * torch.cos(x) + x)
    print('check compile', fused(a).sum().item())
    p = torch.cuda.get_device_properties(0)
    print('check device', p.name, p.total_memory, p.multi_processor_count, p.major, p.minor)
    try:
        torch.empty(1 << 45, dtype=torch.uint8, device=DEVICE)
        print('check out_of_memory no')
    except torch.OutOfMemoryError:
        print('check out_of_memory yes')


def resnet_model():
    import torchvision
    return torchvision.models.resnet50(weights=None).to(DEVICE)


def resnet():
    model = resnet_model().eval()
    many, one = torch.randn(32, 3, 224, 224), torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        timed('resnet50_infer_b32', 10, lambda: model(many.to(DEVICE)).cpu().sum())
        timed('resnet50_infer_b1', 50, lambda: model(one.to(DEVICE)).cpu().sum())
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=.01, momentum=.9)
    images, labels = torch.randn(64, 3, 224, 224), torch.randint(0, 1000, (64,))

    def step():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(images.to(DEVICE)), labels.to(DEVICE))
        loss.backward()
        optimizer.step()
        return loss.item()
    timed('resnet50_train_b64', 10, step)


def infer():
    model = resnet_model().eval()
    image = torch.randn(1, 3, 224, 224)
    with torch.no_grad():
        for _ in range(5 + int(sys.argv[2])):
            result = model(image.to(DEVICE)).cpu().sum()
    print(f'check infer {float(result):.5f}')


def gpt():
    from transformers import GPT2Config, GPT2LMHeadModel
    model = GPT2LMHeadModel(GPT2Config()).to(DEVICE).eval()
    prompt = torch.randint(0, 50000, (1, 64), device=DEVICE)
    with torch.no_grad():
        timed('gpt2_generate_64', 3, lambda: model.generate(
            prompt, max_new_tokens=64, min_new_tokens=64, do_sample=False, pad_token_id=0).sum(), warm=1)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    text = torch.randint(0, 50000, (4, 512))

    timed('gpt2_train_bf16', 10, lambda: gpt_step(model, optimizer, text))


def gpt_step(model, optimizer, text):
    with torch.autocast(DEVICE, dtype=torch.bfloat16):
        loss = model(text.to(DEVICE), labels=text.to(DEVICE)).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def gpt_exact():
    """GPT-2's training with deterministic algorithms only: every run must give the same losses, to the last digit."""
    from transformers import GPT2Config, GPT2LMHeadModel
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config()).to(DEVICE).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    text = torch.randint(0, 50000, (4, 512))
    for i in range(20):
        print(f'check loss_{i} {gpt_step(model, optimizer, text)!r}', flush=True)


def gpt_paced():
    """How far the loss of `gpt`'s training depends on when kernels start: the loss after 13 steps from the same weights,
    N times as launches come, and N times with each step behind a long kernel, so that its kernels follow without a gap."""
    from transformers import GPT2Config, GPT2LMHeadModel
    model = GPT2LMHeadModel(GPT2Config()).to(DEVICE).train()
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    text = torch.randint(0, 50000, (4, 512))
    for i, cycles in enumerate([0, 120_000_000] * int(sys.argv[2])):
        model.load_state_dict(weights)
        torch.manual_seed(1)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
        for _ in range(13):
            if cycles:
                torch.cuda.synchronize()
                torch.cuda._sleep(cycles)
            loss = gpt_step(model, optimizer, text)
        print(f'check {"queued" if cycles else "plain"}_{i // 2} {loss:.5f}', flush=True)


def train():
    layers = [torch.nn.Linear(256, 1024), torch.nn.GELU(), torch.nn.Linear(1024, 10)]
    model = torch.nn.Sequential(*layers).to(DEVICE)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    for i in range(int(sys.argv[2])):
        x = torch.randn(512, 256).to(DEVICE)
        loss = torch.nn.functional.cross_entropy(model(x), (x.sum(1) > 0).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f'check loss_{i} {loss.item():.6f}', flush=True)


def gpus():
    count = torch.cuda.device_count()
    print('check gpus', count)
    home = torch.randn(512, 512, device='cuda:0')
    for i in range(count):
        there = torch.device('cuda', i)
        print(f'check copied_{i}', torch.equal(home.to(there).cpu(), home.cpu()))
        print(f'check transposed_{i}', torch.equal(home.t().to(there).cpu(), home.t().cpu()))
        print(f'check peer_{i}', i == 0 or torch.cuda.can_device_access_peer(0, i))
        with torch.cuda.device(i):
            product = home.to(there, non_blocking=True) @ torch.eye(512, device=there)
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                doubled = product * 2
        torch.cuda.current_stream(0).wait_stream(stream)
        back = doubled.to('cuda:0', non_blocking=True)
        print(f'check back_{i}', torch.equal(back, home * 2))
        # A kernel of one GPU writes to memory of another: copies that are not contiguous.
        wide = torch.zeros(512, 1024, device=there)
        wide[:, ::2] = home
        print(f'check strided_{i}', torch.equal(wide[:, ::2].cpu(), home.cpu()), wide[:, 1::2].abs().sum().item())


def replicas():
    model = torch.nn.Sequential(torch.nn.Linear(256, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10)).to('cuda:0')
    many = torch.nn.DataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=.1)
    for i in range(5):
        x = torch.randn(256, 256).to('cuda:0')
        loss = torch.nn.functional.cross_entropy(many(x), (x.sum(1) > 0).long())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f'check loss_{i} {loss.item():.5f}', flush=True)


def main():
    if sys.argv[1] == 'gpt_exact':
        os.environ['CUBLAS_WORKSPACE_CONFIG'] = ':4096:8'  # cuBLAS is deterministic with this only
    torch.manual_seed(0)
    start = time.perf_counter()
    torch.zeros(1, device=DEVICE)
    torch.cuda.synchronize()
    print(f'figure torch_context {(time.perf_counter() - start) * 1e3:.1f} ms', flush=True)
    {'basic': basic, 'resnet': resnet, 'gpt': gpt, 'gpt_exact': gpt_exact, 'gpt_paced': gpt_paced,
     'infer': infer, 'train': train, 'gpus': gpus, 'replicas': replicas}[sys.argv[1]]()


if __name__ == '__main__':
    main()
