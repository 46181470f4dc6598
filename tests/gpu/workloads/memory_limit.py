# SPDX-License-Identifier: Apache-2.0
"""PyTorch under a memory limit of 20 GiB: what it is told, what it may allocate, and that it goes on.

Remote only, against a server started with --memory-limit 20G.
"""
import subprocess

import torch

LIMIT = 20 << 30


def show(name, value):
    print('check', name, value, flush=True)


def step(model, optimizer):
    x = torch.randn(256, 512, device='cuda')
    loss = (model(x) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def main():
    torch.manual_seed(0)
    available, total = torch.cuda.mem_get_info()
    show('total_is_limit', total == LIMIT)
    show('free_within_limit', 0 < available <= LIMIT)
    show('properties', torch.cuda.get_device_properties(0).total_memory == LIMIT)
    told = subprocess.run(['nvidia-smi', '--query-gpu=memory.total', '--format=csv,noheader,nounits'],
                          capture_output=True, text=True, timeout=60)
    show('nvidia_smi', told.stdout.strip())
    model = torch.nn.Linear(512, 512).cuda()
    optimizer = torch.optim.SGD(model.parameters(), lr=.01)
    show('trains', step(model, optimizer) > 0)
    try:
        torch.empty(21 << 30, dtype=torch.uint8, device='cuda')
        show('out_of_memory', 'no')
    except torch.OutOfMemoryError:
        show('out_of_memory', 'yes')
    show('trains_after', step(model, optimizer) > 0)
    kept = torch.empty(19 << 30, dtype=torch.uint8, device='cuda')
    show('19_GiB', kept.numel() == 19 << 30)
    del kept
    torch.cuda.empty_cache()
    show('trains_at_the_end', step(model, optimizer) > 0)


if __name__ == '__main__':
    main()
