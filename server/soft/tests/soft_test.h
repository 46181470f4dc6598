/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the software GPU's driver calls share. */
#ifndef SOFT_TEST_H
#define SOFT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "cuda_prototypes.h"

#define ok(call) assert_int_equal(call, CUDA_SUCCESS)
#define fails(call, error) assert_int_equal(call, error)

#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#endif
#endif

/* Every test has the primary context of device 0 current, and gives it back. */
int open_device(void **state);
int close_device(void **state);
CUmodule load(const char *ptx);
CUfunction function(CUmodule module, const char *name);

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_device, close_device)

/* out[i] = a[i] + b[i]; mark: *p = v; spin: waits until *p is v; poke: writes to p. */
extern const char kernels[];

/* A gate that a host function in a stream waits at, to hold the stream. */
struct gate {
	atomic_int open, reached;
};

void gate_wait(void *gate);
void gate_open(struct gate *gate);

#endif
