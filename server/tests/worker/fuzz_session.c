/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames into a session whose driver does nothing but touch the memory that it
 * is given. An input is a list of records { u16 opcode, u16 flags and size,
 * payload }, framed here so that mutations reach the handlers; with a first
 * byte of 0xff it is the raw stream. What would end the process ends the input.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "bulk.h"
#include "context.h"
#include "copy.h"
#include "handles.h"
#include "helpers.h"
#include "image.h"
#include "log.h"
#include "memory.h"
#include "mirror.h"
#include "opcodes.h"
#include "staging.h"

#define ARENA UINT64_C(0x200000000000)

enum {
	RAW = 0xff,
	RECORD = 4,
	PAYLOAD_MAX = 4096, /* larger sizes in a record mean as much as is left */
	POLLS = 64,
	HOST_SIZE = 1 << 24,
	ARENA_SIZE = 1 << 30,
	CHUNKS_MAX = 64, /* of an input */
	STAGING_INPUTS = 64,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
_Noreturn void __wrap_session_fatal(struct session *s, CUresult r, const char *format, ...);
_Noreturn void __wrap_session_gone(struct session *s, const char *why);
int __wrap_helpers_run(struct session *s, const struct request *q);
struct slot *__wrap_bulk_arrived(struct session *s, uint64_t number, uint32_t bytes);
void __wrap_bulk_release(struct session *s, uint64_t number);
bool __wrap_side_wrote(uint64_t count);
void __wrap_bulk_push(
	struct session *s, struct slot *slot, uint64_t copy, uint64_t offset, uint32_t bytes);

static jmp_buf over;
static struct serving serving, helper;
static struct staging *staging;
static unsigned chunks;
static uint8_t chunk[BULK_CHUNK];
static struct slot chunk_slot = {chunk, BULK_CHUNK, 0, NULL};
static uint64_t room[(2 << 20) / 8];

void __wrap_session_fatal(struct session *s, CUresult r, const char *format, ...)
{
	longjmp(over, 1);
}

void __wrap_session_gone(struct session *s, const char *why)
{
	longjmp(over, 1);
}

int __wrap_helpers_run(struct session *s, const struct request *q)
{
	helper.q = *q;
	return serving_execute(&helper);
}

/* Announced data is always there, but no client sends for ever. */
struct slot *__wrap_bulk_arrived(struct session *s, uint64_t number, uint32_t bytes)
{
	if (++chunks > CHUNKS_MAX)
		longjmp(over, 1);
	return &chunk_slot;
}

void __wrap_bulk_release(struct session *s, uint64_t number)
{
}

bool __wrap_side_wrote(uint64_t count)
{
	return true;
}

void __wrap_bulk_push(
	struct session *s, struct slot *slot, uint64_t copy, uint64_t offset, uint32_t bytes)
{
	staging_give(s->staging, slot);
}

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

static ssize_t nothing(struct connection *c, size_t want, int spin, int timeout, const void **out)
{
	return -EAGAIN;
}

static const struct transport transport = {
	.reserve = reserve, .commit = commit, .send = sent, .peek = nothing};
static struct connection connection = {&transport};

/* For every function of the driver that has no better one below. */
static CUresult answer(void)
{
	return CUDA_SUCCESS;
}

/* The same things for the same input: 0x1010, 0x1020, ... in the order in which they are made. */
static uintptr_t last;

static CUresult make(void **out)
{
	*out = (void *)(last += 16);
	return CUDA_SUCCESS;
}

static CUresult make_context(CUcontext *out, unsigned flags, CUdevice device)
{
	return make((void **)out);
}

static CUresult make_memory(CUmemGenericAllocationHandle *out, size_t size,
	const CUmemAllocationProp *prop, unsigned long long flags)
{
	return make((void **)out);
}

/* What a driver reads must be readable: a sanitizer sees every byte. */
static volatile uint8_t bytes_read;

static CUresult read_bytes(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		bytes_read += p[i];
	return CUDA_SUCCESS;
}

static bool on_device(CUdeviceptr p, size_t n)
{
	return p >= ARENA && p - ARENA < ARENA_SIZE && n <= ARENA_SIZE - (p - ARENA);
}

static CUresult copy_from_host(CUdeviceptr dst, const void *src, size_t n, CUstream stream)
{
	return on_device(dst, n) ? read_bytes(src, n) : CUDA_ERROR_INVALID_VALUE;
}

static CUresult copy_to_host(void *dst, CUdeviceptr src, size_t n, CUstream stream)
{
	if (!on_device(src, n))
		return CUDA_ERROR_INVALID_VALUE;
	memset(dst, 0, n);
	return CUDA_SUCCESS;
}

/* Rows inside of the arena, at a pitch that is one. */
static bool box_fits(const CUDA_MEMCPY3D *c, bool in)
{
	size_t pitch = in ? c->dstPitch : c->srcPitch;
	size_t x = in ? c->dstXInBytes : c->srcXInBytes, y = in ? c->dstY : c->srcY;

	return pitch >= c->WidthInBytes && pitch < ARENA_SIZE && x < ARENA_SIZE && y < ARENA_SIZE &&
	       c->Height < ARENA_SIZE && c->Depth == 1 &&
	       on_device(in ? c->dstDevice : c->srcDevice, x + (y + c->Height) * pitch);
}

static CUresult copy_box_3d(const CUDA_MEMCPY3D *c, CUstream stream)
{
	bool in = c->srcMemoryType == CU_MEMORYTYPE_HOST;
	size_t n = c->WidthInBytes * c->Height;

	if (!box_fits(c, in))
		return CUDA_ERROR_INVALID_VALUE;
	if (in)
		return read_bytes(c->srcHost, n);
	if (c->dstMemoryType == CU_MEMORYTYPE_HOST)
		memset(c->dstHost, 0, n);
	return CUDA_SUCCESS;
}

static struct session *fed;

/* What a driver with unified addresses would take for this process's own memory. */
static CUresult reach(uint64_t p, uint64_t n)
{
	if (n && !on_device(p, n) && !mirror_has(fed, p, n) &&
		(p < ADDRESS_POOLS || p - ADDRESS_POOLS >= ADDRESS_POOLS_SIZE ||
			n > ADDRESS_POOLS_SIZE - (p - ADDRESS_POOLS)))
		abort();
	return CUDA_SUCCESS;
}

static CUresult copy_between(CUdeviceptr dst, CUdeviceptr src, size_t n, CUstream stream)
{
	reach(src, n);
	return reach(dst, n);
}

static CUresult copy_rows(const CUDA_MEMCPY2D *c, CUstream stream)
{
	if (!c->WidthInBytes || !c->Height)
		return CUDA_SUCCESS;
	reach(c->srcDevice, c->WidthInBytes);
	return reach(c->dstDevice, c->WidthInBytes);
}

static CUresult set_bytes(CUdeviceptr dst, unsigned char value, size_t n, CUstream stream)
{
	return reach(dst, n);
}

static CUresult set_rows(
	CUdeviceptr dst, size_t pitch, unsigned value, size_t width, size_t height, CUstream stream)
{
	return width && height ? reach(dst + pitch * (height - 1), 4 * width) : CUDA_SUCCESS;
}

static CUresult write_value(CUstream stream, CUdeviceptr p, cuuint32_t value, unsigned flags)
{
	return reach(p, 4);
}

static CUresult write_values(
	CUstream stream, unsigned count, CUstreamBatchMemOpParams *ops, unsigned flags)
{
	for (unsigned i = 0; i < count; i++) {
		if (ops[i].operation == CU_STREAM_MEM_OP_WRITE_VALUE_32)
			reach(ops[i].writeValue.address, 4);
	}
	return CUDA_SUCCESS;
}

static CUresult copy_node(CUgraphNode *out, CUgraph graph, const CUgraphNode *nodes, size_t count,
	const CUDA_MEMCPY3D *c, CUcontext context)
{
	if (!c->WidthInBytes || !c->Height || !c->Depth)
		return CUDA_SUCCESS;
	if (c->srcMemoryType == CU_MEMORYTYPE_ARRAY || c->dstMemoryType == CU_MEMORYTYPE_ARRAY)
		abort();
	reach(c->srcMemoryType == CU_MEMORYTYPE_HOST ? (uintptr_t)c->srcHost : c->srcDevice, 1);
	reach(c->dstMemoryType == CU_MEMORYTYPE_HOST ? (uintptr_t)c->dstHost : c->dstDevice, 1);
	return make((void **)out);
}

static CUresult set_node(CUgraphNode *out, CUgraph graph, const CUgraphNode *nodes, size_t count,
	const CUDA_MEMSET_NODE_PARAMS *set, CUcontext context)
{
	if (set->width && set->height)
		reach(set->dst, (uint64_t)set->width * set->elementSize);
	return make((void **)out);
}

static CUresult launch_plain(CUfunction f, unsigned gx, unsigned gy, unsigned gz, unsigned bx,
	unsigned by, unsigned bz, unsigned shared, CUstream stream, void **params, void **extra)
{
	return extra ? read_bytes(extra[1], *(size_t *)extra[3]) : CUDA_SUCCESS;
}

static CUresult load(
	CUmodule *out, const void *image, unsigned count, CUjit_option *options, void **values)
{
	return make((void **)out);
}

static CUresult load_library(CUlibrary *out, const void *code, CUjit_option *options, void **values,
	unsigned count, CUlibraryOption *more, void **more_values, unsigned more_count)
{
	return make((void **)out);
}

static CUresult parameter(CUfunction f, size_t i, size_t *offset, size_t *size)
{
	*offset = 8 * i;
	*size = 8;
	return i < 3 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static CUresult parameter_of_kernel(CUkernel f, size_t i, size_t *offset, size_t *size)
{
	return parameter((CUfunction)f, i, offset, size);
}

static CUresult link_new(unsigned count, CUjit_option *options, void **values, CUlinkState *out)
{
	return make((void **)out);
}

static CUresult link_end(CUlinkState state, void **image, size_t *size)
{
	*image = chunk;
	*size = sizeof(chunk);
	return CUDA_SUCCESS;
}

static void driver_begin(void)
{
	void *function = (void *)answer;

	for (size_t i = 0; i < driver_names_count; i++)
		memcpy((char *)&driver + driver_names[i].offset, &function, sizeof(function));
	driver.cuDevicePrimaryCtxRetain = (void *)make;
	driver.cuCtxCreate_v2 = make_context;
	driver.cuStreamCreateWithPriority = (void *)make;
	driver.cuEventCreate = (void *)make;
	driver.cuMemCreate = make_memory;
	driver.cuMemcpyHtoDAsync_v2 = copy_from_host;
	driver.cuMemcpyDtoHAsync_v2 = copy_to_host;
	driver.cuMemcpy3DAsync_v2 = copy_box_3d;
	driver.cuMemcpyAsync = copy_between;
	driver.cuMemcpy2DAsync_v2 = copy_rows;
	driver.cuMemsetD8Async = set_bytes;
	driver.cuMemsetD2D32Async = set_rows;
	driver.cuStreamWriteValue32_v2 = write_value;
	driver.cuStreamBatchMemOp_v2 = write_values;
	driver.cuGraphAddMemcpyNode = copy_node;
	driver.cuGraphAddMemsetNode = set_node;
	driver.cuLaunchKernel = launch_plain;
	driver.cuModuleLoadDataEx = load;
	driver.cuLibraryLoadData = load_library;
	driver.cuModuleGetFunction = (void *)make;
	driver.cuLibraryGetKernel = (void *)make;
	driver.cuLibraryGetModule = (void *)make;
	driver.cuKernelGetFunction = (void *)make;
	driver.cuFuncGetParamInfo = parameter;
	driver.cuKernelGetParamInfo = parameter_of_kernel;
	driver.cuLinkCreate_v2 = link_new;
	driver.cuLinkComplete = link_end;
	driver.cuGraphCreate = (void *)make;
	driver.cuUserObjectCreate = (void *)make;
	driver.cuGraphClone = (void *)make;
	driver.cuGraphAddEmptyNode = (void *)make;
	driver.cuGraphAddChildGraphNode = (void *)make;
	driver.cuGraphAddEventRecordNode = (void *)make;
	driver.cuGraphAddEventWaitNode = (void *)make;
	driver.cuGraphAddMemsetNode = (void *)make;
	driver.cuGraphAddMemAllocNode = (void *)make;
	driver.cuGraphAddMemFreeNode = (void *)make;
	driver.cuGraphAddMemcpyNode = (void *)make;
	driver.cuGraphAddHostNode = (void *)make;
	driver.cuGraphAddKernelNode_v2 = (void *)make;
	driver.cuGraphInstantiateWithFlags = (void *)make;
	driver.cuMemPoolCreate = (void *)make;
}

/* Sessions that are left by longjmp keep their slots: without new ones from time to time the staging
 * memory grows to its limit, and then a copy waits for ever. */
static void staging_begin(void)
{
	static unsigned inputs;

	if (inputs++ % STAGING_INPUTS)
		return;
	staging_destroy(staging);
	if (staging_create(&staging))
		abort();
}

static struct session *session_begin(void)
{
	struct session *s = calloc(1, sizeof(*s));

	chunks = 0;
	last = 0x1000;
	if (!staging) {
		log_set_level(LOG_ERROR);
		driver_begin();
	}
	staging_begin();
	if (!s)
		abort();
	s->staging = staging;
	if (session_init(s) || memory_create(s, ARENA, ARENA_SIZE) || bulk_create(s, 2) ||
		mirror_create(s, 0, 0))
		abort();
	s->command = &connection;
	fed = s;
	if (serving_init(&serving, s) || serving_init(&helper, s))
		abort();
	return s;
}

/* As much as comes back easily; a session's process ends with it. */
static void session_finish(struct session *s)
{
	for (int i = 0; i < POLLS && session_poll(s); i++)
		;
	serving_fini(&serving);
	serving_fini(&helper);
	serving.scratch = helper.scratch = NULL;
	handles_fini(&s->handles);
	arena_fini(&s->memory->arena);
	free(s->memory->bucket);
	free(s->memory->pools);
	free(s->memory->vmm);
	free(s->memory);
	images_destroy(s);
	free(s->helpers);
	free(s->hostfuncs);
	free(s->kept);
	free(s->user_objects);
	free(s->mirror);
	free(s->bulk);
	copies_destroy(s);
	free(s);
}

static void feed_raw(struct session *s, const uint8_t *data, size_t size)
{
	const char *why;
	ssize_t used;

	while ((used = session_feed(s, &serving, data, size, &why)) > 0) {
		data += used;
		size -= used;
		session_poll(s);
	}
}

/* One record as a frame; what it takes of the input. */
static size_t feed_record(struct session *s, const uint8_t *data, size_t size)
{
	static uint8_t frame[sizeof(struct frame) + PAYLOAD_MAX + 8];
	uint16_t opcode, rest;
	struct frame f;
	const char *why;
	size_t n;

	memcpy(&opcode, data, 2);
	memcpy(&rest, data + 2, 2);
	n = rest & (PAYLOAD_MAX - 1);
	if (n > size - RECORD)
		n = size - RECORD;
	f = (struct frame){wire_pad(sizeof(f) + n), opcode, rest >> 15, s->received + 1};
	memset(frame, 0, sizeof(frame));
	memcpy(frame, &f, sizeof(f));
	memcpy(frame + sizeof(f), data + RECORD, n);
	if (session_feed(s, &serving, frame, f.size, &why) < 0)
		longjmp(over, 1);
	session_poll(s);
	return RECORD + n;
}

/* A session that ends for good ends its process; here it is left by longjmp, with what it held. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
	return 1;
}

static void feed_input(struct session *s, const uint8_t *data, size_t size)
{
	if (size && data[0] == RAW) {
		feed_raw(s, data + 1, size - 1);
		return;
	}
	while (size >= RECORD && data[0] != RAW) {
		size_t n = feed_record(s, data, size);

		data += n;
		size -= n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct session *volatile s = session_begin();

	if (!setjmp(over))
		feed_input(s, data, size);
	if (!setjmp(over))
		session_finish(s);
	return 0;
}
