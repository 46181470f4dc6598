/* SPDX-License-Identifier: Apache-2.0 */
/* Occupancy as the driver computes it; the numbers are the GPU's, so only pairs on one GPU compare.
 */
#include "program.h"

static size_t shared_for(int threads)
{
	return (size_t)threads * 4;
}

int main(void)
{
	static const char *const name[] = { "fill", "reverse", "mixed", "by_value" };
	size_t available = 0;
	int value = -1, grid = -1;
	CUfunction f = NULL;
	CUmodule m;

	program_begin();
	m = program_load();
	for (int i = 0; i < 4; i++) {
		f = program_kernel(m, name[i]);
		for (int threads = 32; threads <= 1024; threads *= 2) {
			DO(cuOccupancyMaxActiveBlocksPerMultiprocessor(&value, f, threads, 0));
			printf("%s %d threads: %d", name[i], threads, value);
			DO(cuOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(
				&value, f, threads, 16384, 0));
			printf(", with shared memory %d\n", value);
		}
	}
	DO(cuOccupancyMaxPotentialBlockSize(&grid, &value, f, NULL, 0, 0));
	printf("best grid %d block %d\n", grid, value);
	DO(cuOccupancyMaxPotentialBlockSize(&grid, &value, f, shared_for, 0, 512));
	printf("best with shared memory, up to 512: grid %d block %d\n", grid, value);
	DO(cuOccupancyAvailableDynamicSMemPerBlock(&available, f, 2, 128));
	printf("shared memory for two blocks %zu\n", available);
	SAY(cuOccupancyMaxActiveBlocksPerMultiprocessor(&value, f, 0, 0));
	SAY(cuOccupancyMaxActiveBlocksPerMultiprocessor(NULL, f, 32, 0));
	SAY(cuOccupancyMaxActiveBlocksPerMultiprocessor(&value, NULL, 32, 0));
	SAY(cuOccupancyMaxActiveBlocksPerMultiprocessor(&value, f, 2048, 0));
	return 0;
}
