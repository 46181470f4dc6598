# SPDX-License-Identifier: Apache-2.0
"""What CuPy and JAX have, one feature after the other: array_features.py cupy | jax

Prints a `check NAME VALUE` line for each; one that fails says with what.
"""
import os
import sys

import numpy as np

FEATURES = {'cupy': [], 'jax': []}


def feature(library):
    def note(f):
        FEATURES[library].append(f)
        return f
    return note


def short(*values):
    return ' '.join(f'{float(v):.4g}' for v in values)


def cupy_array():
    import cupy as cp
    return cp, cp.random.RandomState(1).rand(300, 200)


@feature('cupy')
def kernels():
    cp, a = cupy_array()
    ratio = cp.ElementwiseKernel('T x, T y', 'T z', 'z = x / (y + 1)', 'ratio')
    norm = cp.ReductionKernel('T x', 'T y', 'x * x', 'a + b', 'y = sqrt(a)', '0', 'norm')
    code = r'''
    template<typename T> __global__ void scale(T *x, T by, int n) {
        for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) x[i] *= by; }
    __constant__ double factors[2];
    extern "C" __global__ void by_constant(double *x, int n) {
        int i = blockIdx.x * blockDim.x + threadIdx.x; if (i < n) x[i] *= factors[i % 2]; }'''
    module = cp.RawModule(code=code, name_expressions=('scale<double>', 'scale<float>'))
    b = a.copy()
    module.get_function('scale<double>')((8,), (128,), (b, 3.0, b.size))
    held = cp.ndarray(2, cp.float64, module.get_global('factors'))
    held[:] = cp.array([2., .5])
    module.get_function('by_constant')(((b.size + 127) // 128,), (128,), (b, b.size))

    @cp.fuse()
    def fused(x, y):
        return cp.sin(x) * y + x
    return short(ratio(a, a).sum(), norm(a), b.sum(), fused(a, a).sum())


@feature('cupy')
def compiled_by_nvcc():
    cp, a = cupy_array()
    module = cp.RawModule(code='extern "C" __global__ void twice(double *x) { x[threadIdx.x] *= 2; }', backend='nvcc')
    module.get_function('twice')((1,), (64,), (a,))
    return short(a.sum())


@feature('cupy')
def linear_algebra():
    cp, a = cupy_array()
    b = a[:200] @ a[:200].T + 200 * cp.eye(200)
    return short(cp.linalg.svd(a)[1].sum(), cp.linalg.eigh(b)[0][-1], cp.linalg.cholesky(b).sum(), cp.linalg.inv(b).sum(),
                 cp.linalg.norm(a), cp.linalg.qr(a)[1].__abs__().sum(), cp.linalg.slogdet(b)[1], cp.linalg.pinv(a).sum(),
                 cp.einsum('ij,kj->ik', a, a).sum(), cp.tensordot(a, a).sum())


@feature('cupy')
def fourier_and_signals():
    cp, a = cupy_array()
    from cupyx.scipy import ndimage, signal
    return short(abs(cp.fft.fftn(a)).sum(), cp.fft.irfft(cp.fft.rfft(a)).sum(), ndimage.gaussian_filter(a, 2).sum(),
                 ndimage.rotate(a, 30, reshape=False, order=1).sum(), signal.fftconvolve(a, a[:5, :5]).sum())


@feature('cupy')
def sparse():
    cp, a = cupy_array()
    from cupyx.scipy import sparse as s
    from cupyx.scipy.sparse import linalg
    m = s.csr_matrix(a * (a > .9))
    square = s.csr_matrix(m.T @ m + 10 * s.identity(200))
    return short((m @ a.T).sum(), m.nnz, linalg.spsolve(square, a[0]).sum(), linalg.cg(square, a[0])[0].sum(),
                 s.csc_matrix(m).sum(), linalg.eigsh(square, k=2)[0].max())


@feature('cupy')
def order_and_counts():
    cp, a = cupy_array()
    n = (a * 1000).astype(cp.int32)
    return (int(cp.unique(n).size), int(cp.bincount(n.ravel())[7]), cp.histogram(a, 5)[0].tolist(), int(cp.argsort(n, axis=None)[0]),
            int(cp.partition(n.ravel(), 50)[50]), int(cp.cumsum(n)[-1]), short(cp.median(a), cp.percentile(a, 30)),
            int(cp.searchsorted(cp.arange(1000), n).sum()), int(cp.nonzero(n > 990)[0].size), cp.lexsort(cp.stack([n[0], n[1]])).sum().item())


@feature('cupy')
def random_numbers():
    cp, _ = cupy_array()
    cp.random.seed(3)
    g = cp.random.default_rng(4)
    return short(cp.random.normal(size=1000).sum(), cp.random.poisson(4, 1000).sum(), cp.random.permutation(1000)[:5].sum(),
                 g.random(1000).sum(), g.standard_gamma(2., size=1000).sum(), cp.random.choice(100, 10).sum())


@feature('cupy')
def streams_graphs_pools():
    cp, a = cupy_array()
    stream = cp.cuda.Stream(non_blocking=True)
    start, end = cp.cuda.Event(), cp.cuda.Event()
    with stream:
        start.record()
        b = a * 2
        stream.begin_capture()
        b += 1
        b *= 2
        graph = stream.end_capture()
        graph.launch()
        graph.launch()
        end.record()
    stream.synchronize()
    said = short(b.sum()), cp.cuda.get_elapsed_time(start, end) > 0
    cp.cuda.set_allocator(cp.cuda.MemoryAsyncPool().malloc)
    c = [cp.full(1 << 20, i, cp.float32) for i in range(8)]
    said += (short(*(x.sum() for x in c[::3])),)
    cp.cuda.set_allocator(cp.get_default_memory_pool().malloc)
    return said


@feature('cupy')
def host_memory():
    cp, a = cupy_array()
    import cupyx
    pinned = cupyx.empty_pinned(a.shape, a.dtype)
    a.get(out=pinned, blocking=True)
    there = cp.asarray(pinned)
    mapped = cupyx.zeros_like_pinned(np.zeros(1000))
    seen = []
    stream = cp.cuda.Stream()
    stream.launch_host_func(seen.append, 'called')
    stream.synchronize()
    return short(pinned.sum(), there.sum(), mapped.sum()), seen, cp.cuda.runtime.memGetInfo()[0] > 0


def jax_array():
    import jax
    import jax.numpy as jnp
    jax.config.update('jax_enable_x64', True)
    return jax, jnp, jnp.asarray(np.random.RandomState(1).rand(300, 200))


@feature('jax')
def transforms():
    jax, jnp, a = jax_array()

    def f(w, x):
        return jnp.tanh(x @ w).sum()
    w = a[:200, :50]
    return short(jax.jit(jax.grad(f))(w, a).sum(), jax.vmap(lambda r: f(w, r[None]))(a).sum(), jax.hessian(lambda v: (v ** 3).sum())(a[0]).sum(),
                 jax.jvp(lambda v: jnp.sin(v).sum(), (a,), (a,))[1], jax.jit(jax.checkpoint(f))(w, a))


@feature('jax')
def control_flow():
    jax, jnp, a = jax_array()
    loop = jax.lax.while_loop(lambda c: c[0] < 20, lambda c: (c[0] + 1, c[1] * 1.1 + 1), (0, a[0]))
    return short(loop[1].sum(), jax.lax.fori_loop(0, 10, lambda i, v: v + i, a).sum(), jax.lax.cond(a[0, 0] > 9, jnp.sin, jnp.cos, a).sum(),
                 jax.lax.scan(lambda c, r: (c + r, c.sum()), jnp.zeros(200), a)[1].sum(), jax.lax.map(lambda r: r.max(), a).sum(),
                 jax.lax.associative_scan(jnp.add, a)[-1].sum())


@feature('jax')
def algebra():
    jax, jnp, a = jax_array()
    b = a.T @ a + 200 * jnp.eye(200)
    return short(jnp.linalg.svd(a)[1].sum(), jnp.linalg.eigh(b)[0][-1], jnp.linalg.cholesky(b).sum(), jnp.linalg.inv(b).sum(),
                 jnp.abs(jnp.linalg.qr(a)[1]).sum(), jnp.linalg.solve(b, a[0]).sum(), jnp.linalg.det(b / 200), jax.scipy.linalg.expm(b / 9999).sum())


@feature('jax')
def fourier_and_convolutions():
    jax, jnp, a = jax_array()
    image = jnp.reshape(a[:256, :192], (1, 3, 128, 128)).astype(jnp.float32)
    weights = jnp.ones((8, 3, 3, 3), jnp.float32) / 27
    return short(jnp.abs(jnp.fft.fft2(a)).sum(), jnp.fft.irfft(jnp.fft.rfft(a)).sum(),
                 jax.lax.conv_general_dilated(image, weights, (1, 1), 'SAME').sum(), jax.image.resize(image, (1, 3, 64, 64), 'bilinear').sum())


@feature('jax')
def order_and_counts():
    jax, jnp, a = jax_array()
    n = (a * 1000).astype(jnp.int32)
    return (int(jnp.unique(n).size), int(jnp.bincount(n.ravel())[7]), int(jnp.argsort(n.ravel())[0]), int(jnp.cumsum(n)[-1]),
            [int(v) for v in jax.lax.top_k(n.ravel(), 3)[0]], int(n.at[n[:, 0] % 300].add(1).sum()), short(jnp.median(a), jnp.percentile(a, 30)),
            int(jax.ops.segment_sum(n[:, 0], n[:, 1] % 7).max()))


@feature('jax')
def random_numbers():
    jax, _, _ = jax_array()
    key = jax.random.key(5)
    return short(jax.random.uniform(key, (1000,)).sum(), jax.random.normal(key, (1000,)).sum(), jax.random.permutation(key, 1000)[:5].sum(),
                 jax.random.categorical(key, jax.numpy.zeros(50)), jax.random.gamma(key, 2., (1000,)).sum())


@feature('jax')
def small_types():
    _, jnp, a = jax_array()
    half, short_float = a.astype(jnp.float16), a.astype(jnp.bfloat16)
    bytes_ = (a * 100).astype(jnp.int8)
    return (f'{float((half @ half.T).astype(jnp.float32).mean()):.3g}', f'{float((short_float @ short_float.T).astype(jnp.float32).mean()):.3g}',
            int(jnp.matmul(bytes_, bytes_.T, preferred_element_type=jnp.int32).sum()), int(a.astype(jnp.float8_e4m3fn).astype(jnp.float32).sum()))


@feature('jax')
def calls_to_the_host():
    jax, jnp, a = jax_array()
    seen = []
    shape = jax.ShapeDtypeStruct((), a.dtype)
    f = jax.jit(lambda x: jax.pure_callback(lambda v: np.asarray(np.sum(v) * 2), shape, x) + 1)
    g = jax.jit(lambda x: (jax.debug.callback(lambda v: seen.append(round(float(v), 3)), x.sum()), x * 2)[1])
    value = short(f(a), g(a).sum())
    jax.effects_barrier()
    return value, len(seen)


@feature('jax')
def donated_and_sharded():
    jax, jnp, a = jax_array()
    from jax.sharding import Mesh, NamedSharding, PartitionSpec
    step = jax.jit(lambda s, x: s * .9 + x, donate_argnums=0)
    state = jnp.zeros_like(a)
    for _ in range(10):
        state = step(state, a)
    mesh = Mesh(np.array(jax.devices()[:1]), ('x',))
    spread = jax.device_put(a, NamedSharding(mesh, PartitionSpec('x')))
    return short(state.sum(), jax.jit(jnp.sum)(spread), jax.pmap(lambda v: jax.lax.psum(v, 'i'), axis_name='i')(a[None]).sum())


@feature('jax')
def pallas():
    jax, jnp, a = jax_array()
    from jax.experimental import pallas as pl

    def double(x, y):
        y[...] = x[...] * 2
    x = a[:256, :128].astype(jnp.float32)
    return short(pl.pallas_call(double, out_shape=jax.ShapeDtypeStruct(x.shape, x.dtype))(x).sum())


def main():
    os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'] = 'false'
    for f in FEATURES[sys.argv[1]]:
        try:
            said = f()
        except Exception as e:  # whatever it is, natively it may be the same
            said = f'{type(e).__name__}: {e}'
        print('check', f.__name__, ' '.join(str(said).split())[:300], flush=True)


if __name__ == '__main__':
    main()
