/* SPDX-License-Identifier: Apache-2.0 */
/* A client that does not wait where every other one would: neither the server's memory nor its log
 * grows with what it sends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "context.h"
#include "opcodes.h"

enum { CONTEXT_ID = 16, PART = 512 << 10, SURVIVED = 3 };

static uint64_t room[512];
static unsigned refused; /* replies that say OUT_OF_MEMORY */
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static CUresult good(void)
{
	return CUDA_SUCCESS;
}

static CUresult bad(void)
{
	return CUDA_ERROR_INVALID_VALUE;
}

static CUresult not_ready(void)
{
	return CUDA_ERROR_NOT_READY;
}

static CUresult find_variable(
	CUdeviceptr *address, size_t *bytes, CUmodule module, const char *name)
{
	pthread_mutex_lock(&held);
	pthread_mutex_unlock(&held);
	return CUDA_SUCCESS;
}

static void *reserve(struct connection *c, size_t size)
{
	return size <= sizeof(room) ? room : NULL;
}

static void commit(struct connection *c, size_t size)
{
	const struct frame *f = (const struct frame *)room;
	uint32_t result;

	memcpy(&result, (const uint8_t *)(f + 1) + 8, sizeof(result));
	if (f->opcode == FRAME_REPLY && result == CUDA_ERROR_OUT_OF_MEMORY)
		refused++;
}

static int sent(struct connection *c, const struct iovec *iov, int count)
{
	return 0;
}

static const struct transport transport = {.reserve = reserve, .commit = commit, .send = sent};
static struct connection connection = {&transport};
static struct serving serving;
static uint64_t module;

static void answer_with(void *function, CUresult (*answer)(void))
{
	memcpy(function, &answer, sizeof(answer));
}

static int begin(void **state)
{
	struct session *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	for (size_t i = 0; i < driver_names_count; i++)
		answer_with((char *)&driver + driver_names[i].offset, good);
	driver.cuModuleGetGlobal_v2 = find_variable;
	answer_with((void *)&driver.cuEventRecordWithFlags, bad);
	answer_with((void *)&driver.cuStreamQuery, not_ready);
	answer_with((void *)&driver.cuEventQuery, not_ready);
	assert_int_equal(session_init(s), 0);
	assert_int_equal(serving_init(&serving, s), 0);
	s->command = &connection;
	s->context_id = handle_make(KIND_CUcontext, 0, CONTEXT_ID);
	assert_int_equal(context_add(s, s->context_id, (CUcontext)&refused, 0, true, NULL), 0);
	module = handle_make(KIND_CUmodule, 0, 1);
	assert_int_equal(handle_set(s, KIND_CUmodule, module, &module, CUDA_SUCCESS), 0);
	*state = s;
	return 0;
}

static uint8_t frame[1 << 20], *put;

static void start(void)
{
	put = frame + sizeof(struct frame);
}

static void feed(struct session *s, uint16_t opcode, uint16_t flags)
{
	struct frame f = {wire_pad(put - frame), opcode, flags, s->received + 1};
	const char *why = NULL;

	memset(put, 0, 8);
	memcpy(frame, &f, sizeof(f));
	assert_int_equal(session_feed(s, &serving, frame, f.size, &why), f.size);
}

static void failures(void **state)
{
	char name[] = "/tmp/flood-test-XXXXXX", text[1 << 16];
	int file = mkstemp(name), before = dup(STDERR_FILENO);
	unsigned lines = 0;
	ssize_t n;

	assert_true(file >= 0 && before >= 0);
	unlink(name);
	dup2(file, STDERR_FILENO);
	for (unsigned i = 0; i < 1000; i++) {
		start();
		put_u64(&put, 0);
		put_u64(&put, 0);
		put_u32(&put, 0);
		feed(*state, OP_event_record, 0);
	}
	dup2(before, STDERR_FILENO);
	close(before);
	lseek(file, 0, SEEK_SET);
	while ((n = read(file, text, sizeof(text))) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += text[i] == '\n';
	close(file);
	assert_in_range(lines, 1, SESSION_FAILURES_LOGGED + 1);
}

/* Frames for a helper that the driver holds. */
static void held_calls(void **state)
{
	unsigned frames = 2 * (SESSION_REQUEST_BYTES / PART);

	pthread_mutex_lock(&held);
	refused = 0;
	for (unsigned i = 0; i < frames; i++) {
		start();
		put_u64(&put, module);
		put_u32(&put, PART);
		memset(put, 'x', PART - 1);
		put += PART;
		put[-1] = 0;
		feed(*state, OP_module_global, FRAME_WAITS);
	}
	pthread_mutex_unlock(&held);
	assert_in_range(refused, frames / 2, frames - 1);
}

static void waits(void **state)
{
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child) {
		close(STDERR_FILENO);
		for (unsigned i = 0; i < 2 * SESSION_WAITS_MAX; i++) {
			start();
			put_u64(&put, 0);
			put_u32(&put, 0);
			feed(*state, OP_stream_synchronize, FRAME_WAITS);
		}
		_exit(SURVIVED);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(failures),
		cmocka_unit_test(waits),
		cmocka_unit_test(held_calls),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
