/* SPDX-License-Identifier: Apache-2.0 */
/* Asynchronous copies of rows of pinned memory: no call waits, and what comes before is what they see. */
#include <stdatomic.h>
#include <unistd.h>

#include "program.h"

struct shape {
	const char *name;
	size_t width, height, depth, pitch;
};

static const struct shape shapes[] = {
	{"small rows", 100, 37, 1, 130},
	{"a box", 60, 9, 5, 64},
	{"many rows", 3000, 2000, 1, 3333},
	{"long rows", 700000, 3, 1, 700004},
	{"rows in line", 4096, 100, 1, 4096},
	{"one row", 5000, 1, 1, 6000},
};

static const struct shape plain[] = {{"rows", 128, 37, 1, 256}, {"slices", 64, 9, 5, 128}};

enum { ROOM = 8 << 20 };

static atomic_int go;
static unsigned char *in, *out;
static unsigned seed;

static void wait_go(void)
{
	while (!atomic_load(&go))
		usleep(1000);
}

static void write_when_told(void *user)
{
	wait_go();
	pattern(in, ROOM, ++seed);
}

static void wait_until_told(void *user)
{
	wait_go();
}

static CUDA_MEMCPY3D box(const struct shape *s, CUdeviceptr p)
{
	return (CUDA_MEMCPY3D){.srcMemoryType = CU_MEMORYTYPE_HOST,
		.srcHost = in,
		.srcPitch = s->pitch,
		.srcHeight = s->height,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE,
		.dstDevice = p,
		.dstPitch = s->width + 28,
		.dstHeight = s->height,
		.WidthInBytes = s->width,
		.Height = s->height,
		.Depth = s->depth};
}

static CUDA_MEMCPY3D back(const CUDA_MEMCPY3D *there)
{
	CUDA_MEMCPY3D c = *there;

	c.srcMemoryType = CU_MEMORYTYPE_DEVICE;
	c.srcHost = NULL;
	c.srcDevice = there->dstDevice;
	c.srcPitch = there->dstPitch;
	c.dstMemoryType = CU_MEMORYTYPE_HOST;
	c.dstDevice = 0;
	c.dstHost = out;
	c.dstPitch = there->srcPitch;
	return c;
}

static void say_out(const char *how, const struct shape *s)
{
	printf("%s, %s: %016llx\n", s->name, how, checksum(out, ROOM));
}

static void there_and_back(const struct shape *shape, CUdeviceptr p, CUstream s)
{
	CUDA_MEMCPY3D c = box(shape, p), d = back(&c);

	memset(in, 0, ROOM);
	memset(out, 0, ROOM);
	atomic_store(&go, 0);
	DO(cuLaunchHostFunc(s, write_when_told, NULL));
	DO(cuMemcpy3DAsync_v2(&c, s));
	DO(cuMemcpy3DAsync_v2(&d, s));
	atomic_store(&go, 1);
	DO(cuStreamSynchronize(s));
	say_out("written by a function", shape);

	memset(out, 1, ROOM);
	atomic_store(&go, 0);
	DO(cuLaunchHostFunc(s, wait_until_told, NULL));
	DO(cuMemcpy3DAsync_v2(&d, s));
	/* The way back to the device comes after what fills it. */
	d.srcDevice = 0;
	c.srcHost = out;
	c.dstDevice = p + ROOM;
	DO(cuMemcpy3DAsync_v2(&c, s));
	atomic_store(&go, 1);
	DO(cuStreamSynchronize(s));
	d = back(&c);
	memset(out, 2, ROOM);
	DO(cuMemcpy3D_v2(&d));
	say_out("copied out first", shape);
}

static void captured(const struct shape *shape, CUdeviceptr p, CUstream s)
{
	CUDA_MEMCPY3D c = box(shape, p), d = back(&c);
	CUgraphExec exec;
	CUgraph graph;

	DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_GLOBAL));
	DO(cuMemcpy3DAsync_v2(&c, s));
	DO(cuMemcpy3DAsync_v2(&d, s));
	DO(cuStreamEndCapture(s, &graph));
	DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
	for (int i = 0; i < 2; i++) {
		pattern(in, ROOM, ++seed);
		memset(out, 0, ROOM);
		DO(cuGraphLaunch(exec, s));
		DO(cuStreamSynchronize(s));
		say_out("captured", shape);
	}
	DO(cuGraphExecDestroy(exec));
	DO(cuGraphDestroy(graph));
}

/* The same with the pinned memory named as a device's is: in both directions, and from one to the
 * other. */
static void named_devices(const struct shape *shape, CUdeviceptr p, CUstream s, int capture)
{
	CUDA_MEMCPY3D c = box(shape, p), d = back(&c), e;
	CUgraphExec exec = NULL;
	CUgraph graph;

	c.srcMemoryType = d.dstMemoryType = CU_MEMORYTYPE_DEVICE;
	c.srcDevice = (CUdeviceptr)(size_t)in;
	d.dstDevice = (CUdeviceptr)(size_t)out;
	c.srcHost = d.dstHost = NULL;
	e = d;
	e.srcDevice = d.dstDevice;
	e.srcPitch = d.dstPitch;
	e.dstDevice = d.dstDevice + ROOM / 2;
	pattern(in, ROOM, ++seed);
	memset(out, 0, ROOM);
	if (capture)
		DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_GLOBAL));
	SAY(cuMemcpy3DAsync_v2(&c, s));
	SAY(cuMemcpy3DAsync_v2(&d, s));
	SAY(cuMemcpy3DAsync_v2(&e, s));
	if (capture) {
		DO(cuStreamEndCapture(s, &graph));
		DO(cuGraphInstantiateWithFlags(&exec, graph, 0));
		DO(cuGraphLaunch(exec, s));
	}
	DO(cuStreamSynchronize(s));
	say_out(capture ? "named as a device's, captured" : "named as a device's", shape);
	if (!capture)
		return;
	DO(cuGraphExecDestroy(exec));
	DO(cuGraphDestroy(graph));
}

static void named_devices_2d(CUdeviceptr p)
{
	CUDA_MEMCPY2D c = {.srcMemoryType = CU_MEMORYTYPE_DEVICE,
		.srcDevice = (CUdeviceptr)(size_t)in,
		.srcPitch = 1024,
		.srcY = 1,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE,
		.dstDevice = p,
		.dstPitch = 512,
		.dstXInBytes = 16,
		.WidthInBytes = 300,
		.Height = 40};

	pattern(in, ROOM, ++seed);
	memset(out, 0, ROOM);
	SAY(cuMemcpy2D_v2(&c));
	c.srcDevice = p;
	c.srcPitch = 512;
	c.srcY = 0;
	c.srcXInBytes = 16;
	c.dstDevice = (CUdeviceptr)(size_t)out;
	c.dstPitch = 1024;
	SAY(cuMemcpy2D_v2(&c));
	printf("2D, named as a device's: %016llx\n", checksum(out, ROOM));
	c.dstDevice = (CUdeviceptr)(size_t)in;
	SAY(cuMemcpy2DUnaligned_v2(&c));
	printf("2D, unaligned, named as a device's: %016llx\n", checksum(in, ROOM));
}

/* What is beyond the memory is refused at the call. */
static void beyond(CUdeviceptr p, CUstream s)
{
	CUDA_MEMCPY2D c = {.srcMemoryType = CU_MEMORYTYPE_DEVICE,
		.srcDevice = p,
		.srcPitch = 64,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE,
		.dstDevice = 0x100,
		.dstPitch = 64,
		.WidthInBytes = 32,
		.Height = 4};
	CUgraph graph;

	SAY(cuMemcpy2D_v2(&c));
	SAY(cuMemcpy2DAsync_v2(&c, s));
	DO(cuStreamBeginCapture_v2(s, CU_STREAM_CAPTURE_MODE_GLOBAL));
	SAY(cuMemcpy2DAsync_v2(&c, s));
	SAY(cuStreamEndCapture(s, &graph));
	c.dstDevice = p;
	c.srcDevice = 0x1000;
	SAY(cuMemcpy2DAsync_v2(&c, s));
	c.srcDevice = p + ROOM;
	c.dstDevice = p + 2 * ROOM - 128;
	SAY(cuMemcpy2DAsync_v2(&c, s));
	SAY(cuCtxSynchronize());
}

int main(void)
{
	CUdeviceptr p;
	CUstream s;

	program_begin();
	DO(cuMemAlloc_v2(&p, 2 * ROOM));
	DO(cuMemHostAlloc((void **)&in, ROOM, 0));
	DO(cuMemHostAlloc((void **)&out, ROOM, 0));
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		there_and_back(&shapes[i], p, s);
	captured(&shapes[0], p, s);
	captured(&shapes[1], p, s);
	beyond(p, s);
	for (int i = 0; i < 4; i++)
		named_devices(&plain[i / 2], p, s, i % 2);
	named_devices_2d(p);
	return 0;
}
