// SPDX-License-Identifier: Apache-2.0
// The kernel of asserts.c; its PTX is in claim.ptx.h (examples/embed_ptx.sh made it). It has a module of
// its own, since assertions may change how the driver loads and launches the other kernels of theirs.
#include <cassert>

extern "C" __global__ void claim(unsigned least)
{
	assert(threadIdx.x >= least && "threads are numbered from 0");
}
