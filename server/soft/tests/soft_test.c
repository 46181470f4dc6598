/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels and helpers that the software GPU's tests share. */
#include "soft_test.h"

const char kernels[] =
	".version 7.0\n.target sm_75\n.address_size 64\n"
	".visible .global .align 4 .u32 counter = 7;\n"
	".visible .const .align 4 .b8 table[16] = {1, 2, 3, 4};\n"
	".visible .entry add(.param .u64 a, .param .u64 b, .param .u64 out, .param .u32 n)\n"
	"{\n"
	"	.reg .pred %p;\n	.reg .b32 %r<8>;\n	.reg .b64 %rd<10>;\n"
	"	ld.param.u64 %rd1, [a];\n	ld.param.u64 %rd2, [b];\n"
	"	ld.param.u64 %rd3, [out];\n	ld.param.u32 %r1, [n];\n"
	"	mov.u32 %r2, %ctaid.x;\n	mov.u32 %r3, %ntid.x;\n	mov.u32 %r4, %tid.x;\n"
	"	mad.lo.s32 %r5, %r2, %r3, %r4;\n"
	"	setp.ge.s32 %p, %r5, %r1;\n	@%p bra DONE;\n"
	"	mul.wide.s32 %rd4, %r5, 4;\n"
	"	add.s64 %rd5, %rd1, %rd4;\n	add.s64 %rd6, %rd2, %rd4;\n"
	"	add.s64 %rd7, %rd3, %rd4;\n"
	"	ld.global.u32 %r6, [%rd5];\n	ld.global.u32 %r7, [%rd6];\n"
	"	add.s32 %r6, %r6, %r7;\n	st.global.u32 [%rd7], %r6;\n"
	"DONE:\n	ret;\n}\n"
	".visible .entry mark(.param .u64 p, .param .u32 v)\n"
	"{\n"
	"	.reg .b32 %r<2>;\n	.reg .b64 %rd<2>;\n"
	"	ld.param.u64 %rd1, [p];\n	ld.param.u32 %r1, [v];\n"
	"	st.global.u32 [%rd1], %r1;\n	ret;\n}\n"
	".visible .entry twice(.param .u64 p)\n"
	"{\n"
	"	.reg .b32 %r<2>;\n	.reg .b64 %rd<2>;\n"
	"	ld.param.u64 %rd1, [p];\n	ld.global.u32 %r1, [%rd1];\n"
	"	add.u32 %r1, %r1, %r1;\n	st.global.u32 [%rd1], %r1;\n	ret;\n}\n"
	".visible .entry count()\n"
	"{\n"
	"	.reg .b32 %r<2>;\n	.reg .b64 %rd<2>;\n"
	"	mov.u64 %rd1, counter;\n"
	"	ld.global.u32 %r1, [%rd1];\n	add.u32 %r1, %r1, 1;\n"
	"	st.global.u32 [%rd1], %r1;\n	ret;\n}\n"
	".visible .entry spin(.param .u64 p, .param .u64 q)\n"
	"{\n"
	"	.reg .pred %p;\n	.reg .b32 %r<4>;\n	.reg .b64 %rd<3>;\n"
	"	ld.param.u64 %rd1, [p];\n	ld.param.u64 %rd2, [q];\n"
	"	ld.global.u32 %r3, [%rd2];\n"
	"LOOP:\n"
	"	ld.volatile.global.u32 %r1, [%rd1];\n"
	"	ld.volatile.global.u32 %r2, [%rd2];\n"
	"	setp.eq.u32 %p, %r1, 0;\n	@%p bra LOOP;\n	ret;\n}\n"
	".visible .global .align 1 .b8 format[8] = {37, 117, 33, 10, 0};\n"
	".extern .func (.param .b32 r) vprintf(.param .b64 f, .param .b64 a);\n"
	".visible .entry say(.param .u32 n)\n"
	"{\n"
	"	.local .align 8 .b8 box[8];\n"
	"	.reg .b32 %r<3>;\n	.reg .b64 %rd<5>;\n"
	"	ld.param.u32 %r1, [n];\n	mov.u64 %rd1, box;\n	st.local.u32 [%rd1], %r1;\n"
	"	cvta.local.u64 %rd2, %rd1;\n	mov.u64 %rd3, format;\n"
	"	cvta.global.u64 %rd4, %rd3;\n"
	"	{\n	.param .b64 f;\n	.param .b64 a;\n	.param .b32 r;\n"
	"	st.param.b64 [f], %rd4;\n	st.param.b64 [a], %rd2;\n"
	"	call.uni (r), vprintf, (f, a);\n	ld.param.b32 %r2, [r];\n	}\n	"
	"ret;\n}\n"
	".visible .entry bounded()\n"
	".maxntid 64, 1, 1\n"
	"{\n	ret;\n}\n";

int open_device(void **state)
{
	CUcontext context;

	setenv("RGPU_SOFT_MEMORY", "256M", 1);
	setenv("RGPU_SOFT_DEVICES", "2", 1);
	ok(cuInit(0));
	ok(cuDevicePrimaryCtxRetain(&context, 0));
	ok(cuCtxSetCurrent(context));
	*state = context;
	return 0;
}

int close_device(void **state)
{
	ok(cuDevicePrimaryCtxRelease_v2(0));
	ok(cuCtxSetCurrent(NULL));
	return 0;
}

CUmodule load(const char *ptx)
{
	CUmodule module = NULL;

	ok(cuModuleLoadData(&module, ptx));
	return module;
}

CUfunction function(CUmodule module, const char *name)
{
	CUfunction f = NULL;

	ok(cuModuleGetFunction(&f, module, name));
	return f;
}

void gate_wait(void *arg)
{
	struct gate *gate = arg;

	atomic_store(&gate->reached, 1);
	while (!atomic_load(&gate->open))
		usleep(100);
}

void gate_open(struct gate *gate)
{
	atomic_store(&gate->open, 1);
}
