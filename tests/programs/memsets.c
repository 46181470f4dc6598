/* SPDX-License-Identifier: Apache-2.0 */
/* Memsets of all widths, in order with other work, and rectangles. */
#include "program.h"

enum { N = 10000 };

int main(void)
{
	CUstream s;
	CUdeviceptr p;

	program_begin();
	DO(cuStreamCreate(&s, CU_STREAM_NON_BLOCKING));
	p = device_words(N);
	DO(cuMemsetD8_v2(p, 0xab, N * 4));
	say_words("8 bits", p, N);
	DO(cuMemsetD16_v2(p + 2, 0x1234, N));
	say_words("16 bits", p, N);
	DO(cuMemsetD32_v2(p + 4, 0xdeadbeef, N - 1));
	say_words("32 bits", p, N);
	DO(cuMemsetD2D8_v2(p, 64, 0x11, 10, 20));
	DO(cuMemsetD2D16_v2(p + 2, 128, 0x2222, 10, 20));
	DO(cuMemsetD2D32_v2(p + 4, 256, 0x33333333, 10, 20));
	say_words("rectangles", p, N);
	for (unsigned i = 0; i < 50; i++) {
		DO(cuMemsetD32Async(p, i, N, s));
		DO(cuMemsetD8Async(p + 40 * i, i, 13, s));
		DO(cuMemsetD16Async(p + 100 + 2 * i, 7, 3, s));
	}
	DO(cuStreamSynchronize(s));
	say_words("many in a stream", p, N);
	SAY(cuMemsetD8_v2(0, 1, 16));
	SAY(cuMemsetD8_v2(p, 1, 0));
	SAY(cuMemsetD16_v2(p + 1, 1, 4));
	SAY(cuMemsetD32_v2(p + 2, 1, 4));
	SAY(cuMemsetD2D32_v2(p, 8, 1, 10, 2));
	return 0;
}
