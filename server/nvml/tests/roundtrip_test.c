/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every call from the exported function through frames and handlers to a made
 * up host library and back, in one process. The same requests cut short or
 * with other bytes in them must end the session or be answered, and replies
 * cut short must give an error; neither may touch memory that it should not
 * (run under sanitizers). The connection is a buffer in memory.
 */
#include "cases.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "nvml/session.h"

static struct nvml_session server;
static struct {
	uint8_t request[FRAME_MAX], reply[FRAME_MAX];
	size_t request_size, taken, reply_size;
	bool ready;	    /* nvmlInit was called */
	size_t cut_reply;   /* bytes to leave of the next reply's values, SIZE_MAX: all */
	unsigned cut_tests; /* requests that were refused because they are too short */
	bool hostile;	    /* try what no client sends before each request */
} wire = {.cut_reply = SIZE_MAX};

/* ---- the server's connection ---- */

static ssize_t wire_peek(struct connection *c, size_t want, int spin, int timeout, const void **out)
{
	if (wire.request_size - wire.taken < want)
		return -EPIPE;
	*out = wire.request + wire.taken;
	return wire.request_size - wire.taken;
}

static void wire_consume(struct connection *c, size_t size)
{
	wire.taken += size;
}

static int wire_send(struct connection *c, const struct iovec *iov, int count)
{
	assert_int_equal(count, 1);
	assert_true(iov->iov_len <= sizeof(wire.reply));
	memcpy(wire.reply, iov->iov_base, iov->iov_len);
	wire.reply_size = iov->iov_len;
	return 0;
}

static const struct transport wire_transport = {
	.peek = wire_peek,
	.consume = wire_consume,
	.send = wire_send,
};

static int serve(uint16_t opcode, const void *request, size_t size)
{
	struct frame frame = {
		.size = wire_pad(sizeof(frame) + size),
		.opcode = opcode,
		.flags = FRAME_WAITS,
		.seq = server.received + 1,
	};

	memset(wire.request, 0, frame.size);
	memcpy(wire.request, &frame, sizeof(frame));
	if (size)
		memcpy(wire.request + sizeof(frame), request, size);
	wire.request_size = frame.size;
	wire.taken = wire.reply_size = 0;
	return nvml_session_serve(&server);
}

/* ---- the client's session, in place of the one that connects ---- */

void session_lock(void)
{
}

void session_unlock(void)
{
}

nvmlReturn_t session_check(void)
{
	return wire.ready ? NVML_SUCCESS : NVML_ERROR_UNINITIALIZED;
}

nvmlReturn_t session_open(void)
{
	wire.ready = true;
	return NVML_SUCCESS;
}

nvmlReturn_t session_close(void)
{
	nvmlReturn_t r = session_check();

	wire.ready = false;
	cache_clear();
	return r;
}

/* Values that change what the host's functions are given would fail their checks. */
static void be_hostile(uint16_t opcode, const uint8_t *request, size_t size)
{
	uint8_t copy[32 << 10];

	for (size_t n = 0; n + 8 <= size; n += n < 128 ? 1 : 997) {
		int err = serve(opcode, request, n);

		assert_true(err == -EPROTO || (err == 0 && wire.reply_size));
		wire.cut_tests += err == -EPROTO;
	}
	assert_true(size < sizeof(copy));
	for (size_t n = 0; n < size && n < 64; n++) {
		memcpy(copy, request, size);
		memset(copy + n, 0xff, size - n < 4 ? size - n : 4);
		serve(opcode, copy, size);
	}
	memset(copy, 0, sizeof(copy));
	assert_int_equal(serve(opcode, copy, sizeof(copy)), -EPROTO);
}

nvmlReturn_t session_exchange(
	uint16_t opcode, const void *request, size_t size, struct cursor *reply)
{
	struct cursor c;
	nvmlReturn_t result;

	if (wire.hostile) {
		be_hostile(opcode, request, size);
		return NVML_ERROR_UNKNOWN;
	}
	assert_int_equal(serve(opcode, request, size), 0);
	c = (struct cursor){wire.reply + sizeof(struct frame), wire.reply + wire.reply_size, false};
	assert_int_equal(get_u64(&c), server.received);
	result = get_u32(&c);
	get_u32(&c);
	if ((size_t)(c.end - c.pos) > wire.cut_reply)
		c.end = c.pos + wire.cut_reply;
	*reply = c;
	return result;
}

/* ---- values ---- */

static bool lenient; /* the host is given nonsense on purpose */

void case_fill(void *to, size_t size, unsigned seed)
{
	for (size_t i = 0; to && i < size; i++)
		((uint8_t *)to)[i] = seed + i * 7;
}

void case_check(const void *from, size_t size, unsigned seed)
{
	for (size_t i = 0; !lenient && i < size; i++)
		assert_int_equal(((const uint8_t *)from)[i], (uint8_t)(seed + i * 7));
}

const char *case_text(unsigned seed)
{
	static char text[32];

	memset(text, 'a' + seed % 26, sizeof(text) - 1);
	return text;
}

void case_check_text(const char *text, unsigned seed)
{
	if (!lenient)
		assert_string_equal(text, case_text(seed));
}

void case_fill_text(char *text, size_t room, unsigned seed)
{
	if (room)
		snprintf(text, room, "%s", case_text(seed));
}

void case_check_length(long long length)
{
	if (!lenient)
		assert_int_equal(length, CASE_LENGTH);
}

unsigned case_count(unsigned capacity)
{
	if (!lenient)
		assert_int_equal(capacity, 5);
	return capacity < 3 ? capacity : 3;
}

nvmlDevice_t case_device(void)
{
	return (nvmlDevice_t)&server;
}

nvmlDevice_t case_handle(void)
{
	return (nvmlDevice_t)(uintptr_t)0x6e766d6c00000000;
}

void case_fill_devices(nvmlDevice_t *list, unsigned count)
{
	for (unsigned i = 0; list && i < count; i++)
		list[i] = case_device();
}

void case_check_devices(const nvmlDevice_t *list, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		assert_ptr_equal(list[i], case_handle());
}

/* ---- tests ---- */

static nvmlReturn_t one_device(unsigned *count)
{
	*count = 1;
	return NVML_SUCCESS;
}

static nvmlReturn_t first_device(unsigned index, nvmlDevice_t *device)
{
	*device = case_device();
	return NVML_SUCCESS;
}

static int begin(void **state)
{
	nvml_host.nvmlDeviceGetCount_v2 = one_device;
	nvml_host.nvmlDeviceGetHandleByIndex_v2 = first_device;
	nvml_devices_init();
	nvml_cases_host();
	return nvml_session_init(&server, &wire_transport, NULL, 0);
}

static int end(void **state)
{
	nvml_session_fini(&server);
	return 0;
}

static void test_before_init(void **state)
{
	for (size_t i = 0; i < nvml_case_count; i++)
		assert_int_equal(nvml_cases[i].call(), NVML_ERROR_UNINITIALIZED);
	for (size_t i = 0; i < nvml_refused_count; i++)
		assert_int_equal(nvml_refused[i].call(), NVML_ERROR_UNINITIALIZED);
	assert_int_equal(nvmlShutdown(), NVML_ERROR_UNINITIALIZED);
}

static void test_round_trip(void **state)
{
	nvmlInit_v2();
	for (size_t i = 0; i < nvml_case_count; i++) {
		nvmlReturn_t r = nvml_cases[i].call();

		if (r != NVML_SUCCESS)
			print_error("%s: %u\n", nvml_cases[i].name, r);
		assert_int_equal(r, NVML_SUCCESS);
		assert_int_equal(nvml_cases[i].call(), NVML_SUCCESS);
	}
	nvmlShutdown();
}

static void test_short_replies(void **state)
{
	nvmlInit_v2();
	for (size_t i = 0; i < nvml_case_count; i++) {
		for (wire.cut_reply = 0; wire.cut_reply < 4; wire.cut_reply++) {
			nvmlReturn_t r = nvml_cases[i].call();

			cache_clear();
			if (r == NVML_SUCCESS)
				assert_string_equal(
					nvml_cases[i].name, "nvmlDeviceValidateInforom");
			else
				assert_int_equal(r, NVML_ERROR_UNKNOWN);
		}
	}
	wire.cut_reply = SIZE_MAX;
	nvmlShutdown();
}

static void test_hostile_requests(void **state)
{
	nvmlInit_v2();
	wire.hostile = lenient = true;
	for (size_t i = 0; i < nvml_case_count; i++)
		nvml_cases[i].call();
	wire.hostile = lenient = false;
	assert_true(wire.cut_tests > nvml_case_count / 4);
	assert_int_equal(serve(0x0fff, NULL, 0), -EPROTO);
	nvmlShutdown();
}

static void test_refused(void **state)
{
	nvmlInit_v2();
	for (size_t i = 0; i < nvml_refused_count; i++)
		assert_int_equal(nvml_refused[i].call(), nvml_refused[i].result);
	nvmlShutdown();
}

static void test_arguments(void **state)
{
	nvmlMemory_v2_t memory = {.version = 40 | 2 << 24};
	nvmlDevice_t bad = (nvmlDevice_t)0x1234, none = (nvmlDevice_t)0x6e766d6c00000007;
	unsigned n = 7;
	char name[64];

	nvmlInit_v2();
	assert_int_equal(nvmlDeviceGetName(NULL, name, 64), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetName(bad, name, 64), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetName(none, name, 64), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetName(case_handle(), NULL, 64), NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(nvmlDeviceGetFieldValues(case_handle(), -1, (void *)name),
		NVML_ERROR_INVALID_ARGUMENT);
	memory.version = 0;
	assert_int_equal(nvmlDeviceGetMemoryInfo_v2(case_handle(), &memory),
		NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	memory.version = 0xffffff | 2 << 24;
	assert_int_equal(nvmlDeviceGetMemoryInfo_v2(case_handle(), &memory),
		NVML_ERROR_ARGUMENT_VERSION_MISMATCH);
	assert_int_equal(nvmlDeviceGetComputeRunningProcesses_v3(none, &n, NULL),
		NVML_ERROR_INVALID_ARGUMENT);
	assert_int_equal(
		nvmlDeviceGetComputeRunningProcesses_v3(case_handle(), &n, NULL), NVML_SUCCESS);
	assert_int_equal(n, 0);
	nvmlShutdown();
}

static nvmlReturn_t clocks_want_nine(nvmlDevice_t device, unsigned *count, unsigned *clocks)
{
	*count = 9;
	return NVML_ERROR_INSUFFICIENT_SIZE;
}

static nvmlReturn_t memory_of_64g(nvmlDevice_t device, nvmlMemory_t *memory)
{
	*memory = (nvmlMemory_t){.total = 64ull << 30, .used = 5ull << 30, .free = 59ull << 30};
	return NVML_SUCCESS;
}

static nvmlReturn_t fill_pci(nvmlDevice_t device, nvmlPciInfo_t *pci)
{
	case_fill(pci, sizeof(*pci), 5);
	return NVML_SUCCESS;
}

static nvmlReturn_t fill_branch(nvmlSystemDriverBranchInfo_t *info, unsigned length)
{
	memset(info->branch, 'r', length - 1);
	return NVML_SUCCESS;
}

static void test_older_forms(void **state)
{
	nvmlSystemDriverBranchInfo_t info = {.version = sizeof(info) | 1 << 24};
	nvmlPciInfo_v1_t v1;
	nvmlPciInfo_v2_t v2;

	nvmlInit_v2();
	nvml_host.nvmlDeviceGetPciInfo_v3 = fill_pci;
	nvml_host.nvmlSystemGetDriverBranch = fill_branch;
	assert_int_equal(nvmlDeviceGetPciInfo(case_handle(), &v1), NVML_SUCCESS);
	case_check(&v1, sizeof(v1), 5);
	assert_int_equal(nvmlDeviceGetPciInfo_v2(case_handle(), &v2), NVML_SUCCESS);
	case_check(&v2, sizeof(v1) + 4, 5);
	assert_int_equal(v2.reserved[0], 0);
	assert_int_equal(nvmlSystemGetDriverBranch(&info, 1000000), NVML_SUCCESS);
	assert_int_equal(strlen(info.branch), sizeof(info.branch) - 1);
	nvmlShutdown();
}

static void test_counts_and_limits(void **state)
{
	nvmlMemory_t memory;
	unsigned n = 2, clocks[2];

	nvmlInit_v2();
	nvml_host.nvmlDeviceGetSupportedMemoryClocks = clocks_want_nine;
	assert_int_equal(nvmlDeviceGetSupportedMemoryClocks(case_handle(), &n, clocks),
		NVML_ERROR_INSUFFICIENT_SIZE);
	assert_int_equal(n, 9);

	nvml_host.nvmlDeviceGetMemoryInfo = memory_of_64g;
	assert_int_equal(nvmlDeviceGetMemoryInfo(case_handle(), &memory), NVML_SUCCESS);
	assert_int_equal(memory.total, 64ull << 30);
	server.memory_limit = 4ull << 30;
	assert_int_equal(nvmlDeviceGetMemoryInfo(case_handle(), &memory), NVML_SUCCESS);
	assert_int_equal(memory.total, 4ull << 30);
	assert_int_equal(memory.used + memory.free, memory.total);
	server.memory_limit = 0;
	nvmlShutdown();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_init),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_short_replies),
		cmocka_unit_test(test_hostile_requests),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_older_forms),
		cmocka_unit_test(test_counts_and_limits),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
