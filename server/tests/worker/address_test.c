/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses that a client gives for device memory, as frames: what is not the
 * session's never reaches the driver, which would take any memory of this
 * process. The driver here only counts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "context.h"
#include "memory.h"
#include "mirror.h"
#include "opcodes.h"
#include "staging.h"

#define ARENA UINT64_C(0x200000000000)
#define ARENA_SIZE (UINT64_C(1) << 30)
#define POOL UINT64_C(0x300000000)
#define VARIABLE UINT64_C(0x7000000) /* the driver's */

enum { CONTEXT_ID = 16, PAGE = 4096, BYTES = 64 };

static uint8_t secret[BYTES]; /* as any other memory of the worker */
static unsigned reached;

static CUresult answer(void)
{
	return CUDA_SUCCESS;
}

static CUresult reach(void)
{
	reached++;
	return CUDA_SUCCESS;
}

static CUresult pointer_get(void *data, CUpointer_attribute attribute, CUdeviceptr address)
{
	if (address < VARIABLE || address - VARIABLE >= PAGE)
		return CUDA_ERROR_INVALID_VALUE;
	if (attribute == CU_POINTER_ATTRIBUTE_MEMORY_TYPE)
		*(CUmemorytype *)data = CU_MEMORYTYPE_DEVICE;
	return CUDA_SUCCESS;
}

static uint64_t room[512];

static void *reserve(struct connection *c, size_t size)
{
	return size <= sizeof(room) ? room : NULL;
}

static void commit(struct connection *c, size_t size)
{
}

static int sent(struct connection *c, const struct iovec *iov, int count)
{
	return 0;
}

static const struct transport transport = {.reserve = reserve, .commit = commit, .send = sent};
static struct connection connection = {&transport};
static struct serving serving;
static uint8_t *mirrored;
static CUgraph graph = (CUgraph)&reached;

static void driver_begin(void)
{
	void *good = (void *)answer, *counted = (void *)reach;

	for (size_t i = 0; i < driver_names_count; i++)
		memcpy((char *)&driver + driver_names[i].offset, &good, sizeof(good));
	driver.cuPointerGetAttribute = pointer_get;
	memcpy(&driver.cuMemcpyAsync, &counted, sizeof(counted));
	memcpy(&driver.cuMemcpyPeerAsync, &counted, sizeof(counted));
	memcpy(&driver.cuMemcpy2DAsync_v2, &counted, sizeof(counted));
	memcpy(&driver.cuMemcpy3DAsync_v2, &counted, sizeof(counted));
	memcpy(&driver.cuMemcpyHtoDAsync_v2, &counted, sizeof(counted));
	memcpy(&driver.cuMemcpyDtoHAsync_v2, &counted, sizeof(counted));
	memcpy(&driver.cuMemsetD32Async, &counted, sizeof(counted));
	memcpy(&driver.cuMemsetD2D16Async, &counted, sizeof(counted));
	memcpy(&driver.cuStreamWaitValue32_v2, &counted, sizeof(counted));
	memcpy(&driver.cuStreamWriteValue64_v2, &counted, sizeof(counted));
	memcpy(&driver.cuStreamBatchMemOp_v2, &counted, sizeof(counted));
	memcpy(&driver.cuGraphAddMemcpyNode, &counted, sizeof(counted));
	memcpy(&driver.cuGraphMemcpyNodeSetParams, &counted, sizeof(counted));
	memcpy(&driver.cuGraphAddMemsetNode, &counted, sizeof(counted));
	memcpy(&driver.cuGraphMemsetNodeSetParams, &counted, sizeof(counted));
}

static int begin(void **state)
{
	struct session *s = calloc(1, sizeof(*s));

	driver_begin();
	mirrored = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(s && mirrored != MAP_FAILED);
	assert_int_equal(staging_create(&s->staging), 0);
	assert_int_equal(session_init(s), 0);
	assert_int_equal(memory_create(s, ARENA, ARENA_SIZE), 0);
	assert_int_equal(mirror_create(s, (uintptr_t)mirrored, PAGE), 0);
	assert_int_equal(serving_init(&serving, s), 0);
	s->command = &connection;
	s->context_id = handle_make(KIND_CUcontext, 0, CONTEXT_ID);
	assert_int_equal(context_add(s, s->context_id, (CUcontext)&reached, 0, true, NULL), 0);
	assert_int_equal(real_add(s, KIND_CUgraph, graph), 0);
	assert_int_equal(real_add(s, KIND_CUgraphNode, graph), 0);
	*state = s;
	return 0;
}

/* Values of a frame's payload. */
static uint8_t frame[2048], *put;

static void start(void)
{
	put = frame + sizeof(struct frame);
	memset(frame, 0, sizeof(frame));
}

/* How many calls of the driver a frame led to. */
static unsigned feed(struct session *s, uint16_t opcode)
{
	struct frame f = {wire_pad(put - frame), opcode, FRAME_WAITS, s->received + 1};
	const char *why = NULL;

	memcpy(frame, &f, sizeof(f));
	reached = 0;
	assert_int_equal(session_feed(s, &serving, frame, f.size, &why), f.size);
	while (session_poll(s))
		;
	return reached;
}

static unsigned copy_between(struct session *s, uint64_t dst, uint64_t src, uint64_t bytes)
{
	start();
	put_u64(&put, dst);
	put_u64(&put, src);
	put_u64(&put, bytes);
	put_u64(&put, 0);
	return feed(s, OP_copy_device);
}

static unsigned copy_to_peer(struct session *s, uint64_t dst, uint64_t src)
{
	start();
	put_u64(&put, dst);
	put_u64(&put, s->context_id);
	put_u64(&put, src);
	put_u64(&put, s->context_id);
	put_u64(&put, BYTES);
	put_u64(&put, 0);
	return feed(s, OP_copy_peer);
}

static unsigned copy_rows(struct session *s, uint64_t dst, uint64_t src, uint64_t pitch)
{
	CUDA_MEMCPY2D c = {.srcMemoryType = CU_MEMORYTYPE_DEVICE,
		.srcDevice = src,
		.srcPitch = pitch,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE,
		.dstDevice = dst,
		.dstPitch = pitch,
		.WidthInBytes = 16,
		.Height = 4};

	start();
	put_bytes(&put, &c, sizeof(c));
	put_u64(&put, 0);
	return feed(s, OP_copy_device_2d);
}

static unsigned copy_node(
	struct session *s, uint16_t opcode, CUmemorytype type, uint64_t address, uint64_t rows)
{
	CUDA_MEMCPY3D c = {.srcMemoryType = type,
		.srcHost = type == CU_MEMORYTYPE_HOST ? (void *)(uintptr_t)address : NULL,
		.srcDevice = type == CU_MEMORYTYPE_HOST ? 0 : address,
		.dstMemoryType = CU_MEMORYTYPE_DEVICE,
		.dstDevice = ARENA,
		.WidthInBytes = 16,
		.Height = rows,
		.Depth = 1};

	start();
	put_u64(&put, (uintptr_t)graph);
	if (opcode == OP_graph_add_copy)
		put_u64(&put, 0);
	put_bytes(&put, &c, sizeof(c));
	if (opcode == OP_graph_add_copy)
		put_u64(&put, s->context_id);
	return feed(s, opcode);
}

static unsigned set_node(struct session *s, uint16_t opcode, uint64_t dst)
{
	CUDA_MEMSET_NODE_PARAMS set = {
		.dst = dst, .pitch = 64, .elementSize = 4, .width = 4, .height = 2};

	start();
	put_u64(&put, (uintptr_t)graph);
	if (opcode == OP_cuGraphAddMemsetNode) {
		put_u64(&put, 0);
		put_bytes(&put, &set, sizeof(set));
		put_u64(&put, 0);
	} else {
		put_bytes(&put, &set, sizeof(set));
	}
	return feed(s, opcode);
}

static unsigned batch(struct session *s, uint64_t address)
{
	CUstreamBatchMemOpParams op[2] = {{.operation = CU_STREAM_MEM_OP_BARRIER},
		{.operation = CU_STREAM_MEM_OP_WRITE_VALUE_32}};

	op[1].writeValue.address = address;
	start();
	put_u64(&put, 0);
	put_u32(&put, 2);
	put_u32(&put, 0);
	put_bytes(&put, op, sizeof(op));
	return feed(s, OP_cuStreamBatchMemOp_v2);
}

static unsigned value(struct session *s, uint16_t opcode, uint64_t address)
{
	start();
	put_u64(&put, 0);
	put_u64(&put, address);
	put_u64(&put, 1); /* and, where the value has 4 bytes, the flags */
	if (opcode == OP_cuStreamWriteValue64_v2)
		put_u32(&put, 0);
	return feed(s, opcode);
}

static unsigned set(struct session *s, uint64_t dst, uint64_t n)
{
	start();
	put_u64(&put, dst);
	put_u32(&put, 7);
	put_u64(&put, n);
	put_u64(&put, 0);
	return feed(s, OP_cuMemsetD32Async);
}

static unsigned bytes_in(struct session *s, uint64_t dst)
{
	start();
	put_u64(&put, dst);
	put_u64(&put, 0);
	put_u64(&put, BYTES);
	put_u64(&put, 1);
	put_u64(&put, 0);
	put_u64(&put, BYTES);
	put += BYTES;
	return feed(s, OP_copy_in);
}

static unsigned bytes_out(struct session *s, uint16_t opcode, uint64_t src)
{
	start();
	put_u64(&put, src);
	put_u64(&put, 0);
	put_u64(&put, BYTES);
	put_u64(&put, 1);
	put_u64(&put, 0);
	put_u64(&put, 1);
	return feed(s, opcode);
}

/* All ways there are to name one address. */
static unsigned name_everywhere(struct session *s, uint64_t address)
{
	return copy_between(s, ARENA, address, BYTES) + copy_between(s, address, ARENA, BYTES) +
	       copy_to_peer(s, ARENA, address) + copy_to_peer(s, address, ARENA) +
	       copy_rows(s, ARENA, address, 16) + copy_rows(s, address, ARENA, 16) +
	       copy_node(s, OP_graph_add_copy, CU_MEMORYTYPE_HOST, address, 4) +
	       copy_node(s, OP_graph_add_copy, CU_MEMORYTYPE_UNIFIED, address, 4) +
	       copy_node(s, OP_graph_set_copy, CU_MEMORYTYPE_HOST, address, 4) +
	       set_node(s, OP_cuGraphAddMemsetNode, address) +
	       set_node(s, OP_cuGraphMemsetNodeSetParams, address) + batch(s, address) +
	       value(s, OP_cuStreamWaitValue32_v2, address) +
	       value(s, OP_cuStreamWriteValue64_v2, address) + set(s, address, BYTES / 4) +
	       bytes_in(s, address) + bytes_out(s, OP_copy_out, address) +
	       bytes_out(s, OP_copy_out_async, address);
}

enum { WAYS = 18 };

static void own_memory(void **state)
{
	assert_int_equal(name_everywhere(*state, (uintptr_t)secret), 0);
	assert_int_equal(name_everywhere(*state, (uintptr_t)*state), 0);
}

static void session_memory(void **state)
{
	assert_int_equal(name_everywhere(*state, ARENA + PAGE), WAYS);
	assert_int_equal(name_everywhere(*state, POOL), WAYS);
	assert_int_equal(name_everywhere(*state, VARIABLE), WAYS);
}

static void mirrored_memory(void **state)
{
	struct session *s = *state;

	assert_int_equal(name_everywhere(s, (uintptr_t)mirrored), 0);
	start();
	put_u64(&put, (uintptr_t)mirrored);
	put_u64(&put, PAGE);
	feed(s, OP_mirror_map);
	assert_int_equal(name_everywhere(s, (uintptr_t)mirrored), WAYS);
	assert_int_equal(copy_between(s, ARENA, (uintptr_t)mirrored, PAGE + 1), 0);
}

/* What begins in the session's memory and leaves it. */
static void beyond(void **state)
{
	struct session *s = *state;

	assert_int_equal(copy_between(s, ARENA, ARENA + ARENA_SIZE - 4, 4), 1);
	assert_int_equal(copy_between(s, ARENA, ARENA + ARENA_SIZE - 4, 5), 0);
	assert_int_equal(copy_between(s, ARENA, ARENA, UINT64_MAX), 0);
	assert_int_equal(copy_rows(s, ARENA, ARENA, ARENA_SIZE), 0);
	assert_int_equal(copy_rows(s, ARENA, ARENA, UINT64_MAX / 2), 0);
	assert_int_equal(copy_rows(s, ARENA + ARENA_SIZE - 63, ARENA, 0), 0);
	assert_int_equal(set(s, ARENA, UINT64_C(1) << 62), 0);
	assert_int_equal(
		copy_node(s, OP_graph_add_copy, CU_MEMORYTYPE_DEVICE, ARENA, ARENA_SIZE), 0);
	assert_int_equal(copy_node(s, OP_graph_add_copy, CU_MEMORYTYPE_ARRAY, ARENA, 4), 0);
	assert_int_equal(copy_node(s, OP_graph_add_copy, 77, ARENA, 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_memory),
		cmocka_unit_test(session_memory),
		cmocka_unit_test(mirrored_memory),
		cmocka_unit_test(beyond),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
