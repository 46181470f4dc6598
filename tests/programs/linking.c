/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The linker: two texts become one image of more than a megabyte, which is loaded and run; what the linker
 * has to say comes to the application's buffers, with a failure above all.
 */
#include <stdlib.h>

#include "program.h"

enum { BIG = 1200000, COMMENT = 1300000, LOG = 4096 };

#define HEAD ".version 7.5\n.target sm_75\n.address_size 64\n"

/* Calls what only the second text defines. */
static const char first[] = HEAD
	".extern .func (.param .b32 r) twice(.param .b32 x);\n"
	".visible .entry run(.param .u64 out, .param .u32 x)\n"
	"{\n"
	"	.reg .b64 %d<3>;\n"
	"	.reg .b32 %r<3>;\n"
	"	ld.param.u64 %d1, [out];\n"
	"	cvta.to.global.u64 %d2, %d1;\n"
	"	ld.param.u32 %r1, [x];\n"
	"	.param .b32 given;\n"
	"	.param .b32 got;\n"
	"	st.param.b32 [given], %r1;\n"
	"	call.uni (got), twice, (given);\n"
	"	ld.param.b32 %r2, [got];\n"
	"	st.global.u32 [%d2], %r2;\n"
	"	ret;\n"
	"}\n";

/* Is big on a GPU, where the variable takes its place, and as a text. */
static const char second[] = HEAD
	".visible .global .align 4 .b8 big[1200000] = {1, 2, 3};\n"
	".visible .func (.param .b32 r) twice(.param .b32 x)\n"
	"{\n"
	"	.reg .b32 %r<3>;\n"
	"	ld.param.b32 %r1, [x];\n"
	"	add.u32 %r2, %r1, %r1;\n"
	"	st.param.b32 [r], %r2;\n"
	"	ret;\n"
	"}\n";

static char *with_comment(const char *text)
{
	size_t n = strlen(text);
	char *all = malloc(n + COMMENT + 4);

	if (!all)
		exit(2);
	memcpy(all, text, n);
	all[n] = '/';
	all[n + 1] = '/';
	memset(all + n + 2, '=', COMMENT);
	all[n + COMMENT + 2] = '\n';
	all[n + COMMENT + 3] = '\0';
	return all;
}

struct logs {
	char info[LOG], error[LOG];
	CUjit_option option[4];
	void *value[4];
};

static CUlinkState begin(struct logs *l)
{
	CUlinkState state = NULL;

	*l = (struct logs){
		.option = {CU_JIT_INFO_LOG_BUFFER, CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES,
			CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES},
		.value = {l->info, (void *)(uintptr_t)LOG, l->error, (void *)(uintptr_t)LOG},
	};
	DO(cuLinkCreate_v2(4, l->option, l->value, &state));
	return state;
}

static CUresult add(CUlinkState state, const char *text, const char *name)
{
	return cuLinkAddData_v2(
		state, CU_JIT_INPUT_PTX, (void *)text, strlen(text) + 1, name, 0, NULL, NULL);
}

static void run(CUmodule m)
{
	CUfunction f = NULL;
	CUdeviceptr out = 0, big = 0;
	unsigned x = 21, got = 0;
	void *args[] = {&out, &x};
	unsigned char head[4] = {9, 9, 9, 9}, tail = 9;
	size_t bytes = 0;

	DO(cuModuleGetFunction(&f, m, "run"));
	DO(cuMemAlloc_v2(&out, 4));
	DO(cuLaunchKernel(f, 1, 1, 1, 1, 1, 1, 0, NULL, args, NULL));
	DO(cuMemcpyDtoH_v2(&got, out, 4));
	printf("twice 21 is %u\n", got);
	DO(cuModuleGetGlobal_v2(&big, &bytes, m, "big"));
	DO(cuMemcpyDtoH_v2(head, big, 4));
	DO(cuMemcpyDtoH_v2(&tail, big + BIG - 1, 1));
	printf("big has %zu bytes: %u %u %u %u … %u\n", bytes, head[0], head[1], head[2], head[3],
		tail);
	DO(cuMemFree_v2(out));
}

static void link_and_run(void)
{
	char *text = with_comment(second);
	struct logs logs;
	CUlinkState state = begin(&logs);
	void *image = NULL, *again = NULL;
	size_t size = 0, size_again = 0;
	CUmodule m = NULL;

	SAY(add(state, first, "first"));
	SAY(add(state, text, "second"));
	SAY(cuLinkComplete(state, &image, &size));
	printf("more than a megabyte: %d, nothing wrong: %d\n", size > 1 << 20, !logs.error[0]);
	/* Then it is to be used and destroyed, and nothing else. */
	SAY(cuLinkComplete(state, &again, &size_again));
	SAY(cuLinkComplete(state, NULL, &size_again));
	SAY(add(state, first, "third"));
	DO(cuModuleLoadData(&m, image));
	SAY(cuLinkDestroy(state));
	run(m);
	DO(cuModuleUnload(m));
	free(text);
}

/* Wrong input is found when it is added or when all is linked, and then there is something to read. */
static void wrong(const char *text)
{
	struct logs logs;
	CUlinkState state = begin(&logs);
	void *image = NULL;
	size_t size = 0;
	CUresult r = add(state, text, "wrong");

	if (!r)
		r = cuLinkComplete(state, &image, &size);
	printf("failed: %d, told: %d\n", r != CUDA_SUCCESS, logs.error[0] != '\0');
	DO(cuLinkDestroy(state));
}

/* A module without anything in it. */
static void nothing(void)
{
	struct logs logs;
	CUlinkState state = begin(&logs);
	void *image = NULL;
	size_t size = 0;
	CUmodule m;

	SAY(cuLinkComplete(state, &image, &size));
	SAY(cuModuleLoadData(&m, image));
	SAY(add(state, first, "first"));
	SAY(cuLinkDestroy(state));
}

int main(void)
{
	program_begin();
	link_and_run();
	nothing();
	wrong(HEAD ".visible .entry bad()\n{\n\tno.such %r1;\n}\n");
	/* What is declared is nowhere. */
	wrong(first);
	return 0;
}
