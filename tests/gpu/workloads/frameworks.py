# SPDX-License-Identifier: Apache-2.0
"""Small computations in other frameworks: frameworks.py cupy | jax | triton | numba. Prints check lines."""
import os
import sys


def check(name, value):
    print('check', name, value, flush=True)


def cupy():
    import cupy as cp
    a = cp.random.RandomState(0).rand(512, 512)
    square = cp.ElementwiseKernel('float64 x', 'float64 y', 'y = x * x + 1', 'square')
    raw = cp.RawKernel('extern "C" __global__ void twice(double *x) {'
                       ' x[blockIdx.x * blockDim.x + threadIdx.x] *= 2; }', 'twice')
    check('random', float(a.sum()))
    check('matmul', float((a @ a).sum()))
    check('fft', float(cp.abs(cp.fft.fft(a)).sum()))
    check('elementwise', float(square(a).sum()))
    check('svd', float(cp.linalg.svd(a)[1].sum()))
    check('solve', float(cp.linalg.solve(a, a[0]).sum()))
    check('sort', cp.sort(a.ravel())[:3].tolist())
    b = a.copy()
    raw((512,), (512,), (b,))
    check('raw', bool((b == 2 * a).all()))


def jax():
    os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'] = 'false'
    import jax
    import jax.numpy as jnp
    x = jnp.ones((512, 512))
    check('matmul', jax.jit(lambda x: (jnp.sin(x) @ x.T).sum())(x))
    check('grad', jax.grad(lambda x: (jnp.tanh(x) ** 2).sum())(x).sum())
    key = jax.random.PRNGKey(0)
    check('random', jax.random.normal(key, (1000, 1000)).sum())
    check('scan', jax.lax.scan(lambda c, v: (c * 0.5 + v, c), 0., jnp.arange(100.))[0])
    check('svd', jnp.linalg.svd(jax.random.normal(key, (64, 64)))[1].sum())
    check('platform', jax.devices()[0].platform)


def triton():
    import torch
    import triton as t
    import triton.language as tl

    @t.jit
    def softmax(x, y, columns, BLOCK: tl.constexpr):
        row = tl.program_id(0)
        at = tl.arange(0, BLOCK)
        v = tl.load(x + row * columns + at, mask=at < columns, other=-float('inf'))
        v = tl.exp(v - tl.max(v, 0))
        tl.store(y + row * columns + at, v / tl.sum(v, 0), mask=at < columns)

    @t.jit
    def double(x, y, n, BLOCK: tl.constexpr):
        at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
        tl.store(y + at, tl.load(x + at, mask=at < n) * 2, mask=at < n)

    torch.manual_seed(0)
    x = torch.randn(1000, 777, device='cuda')
    y = torch.empty_like(x)
    softmax[(1000,)](x, y, 777, 1024)
    check('softmax', torch.allclose(y, torch.softmax(x, 1)))
    double[(760,)](x, y, x.numel(), 1024)
    check('double', y.sum().item())


def numba():
    import numpy as np
    from numba import cuda, float32

    @cuda.jit
    def add(x, y, out):
        i = cuda.grid(1)
        if i < out.size:
            out[i] = x[i] + y[i]

    @cuda.jit
    def block_sums(x, out):
        shared = cuda.shared.array(256, float32)
        t = cuda.threadIdx.x
        shared[t] = x[cuda.grid(1)]
        cuda.syncthreads()
        step = 128
        while step:
            if t < step:
                shared[t] += shared[t + step]
            cuda.syncthreads()
            step //= 2
        if t == 0:
            out[cuda.blockIdx.x] = shared[0]

    x = np.arange(10240, dtype=np.float32)
    out = np.zeros_like(x)
    add[40, 256](x, x, out)
    check('add', out.sum())
    sums = np.zeros(40, dtype=np.float32)
    block_sums[40, 256](x, sums)
    check('block_sums', sums.sum())
    on_device = cuda.to_device(x)
    check('copy', on_device.copy_to_host().sum())


if __name__ == '__main__':
    {f.__name__: f for f in (cupy, jax, triton, numba)}[sys.argv[1]]()
