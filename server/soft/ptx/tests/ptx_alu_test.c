/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every arithmetic instruction, bit for bit what an H200 makes of the same
 * inputs (kernels/alu.txt, made by gpu_alu). Approximations are not among them.
 */
#include <inttypes.h>

#include "alu.h"
#include "support.h"

static struct alu_line lines[ALU_LINES];

/* Write all results to where PTX_ALU_RESULTS says, for a look at differences. */
static void keep(FILE *f, const uint64_t *results)
{
	if (f)
		fwrite(results, sizeof(*results), ALU_THREADS, f);
}

static void test_instructions(void **state)
{
	const char *results = getenv("PTX_ALU_RESULTS");
	FILE *f = results ? fopen(results, "wb") : NULL;
	char path[512], name[32], *text;
	int count, wrong = 0;
	uint64_t *in, *out;
	struct gpu g;

	snprintf(path, sizeof(path), "%s/alu.txt", getenv("PTX_KERNELS"));
	count = alu_read(path, lines);
	assert_true(count > 500);
	text = alu_text(lines, count);
	assert_non_null(text);
	gpu_open_text(&g, text);
	in = gpu_memory(&g, 4 * ALU_THREADS * sizeof(*in));
	out = gpu_memory(&g, ALU_THREADS * sizeof(*out));
	for (int n = 0; n < count; n++) {
		alu_inputs(&lines[n], in);
		snprintf(name, sizeof(name), "k%d", n);
		assert_int_equal(RUN(&g, name, ALU_THREADS / ALU_BLOCK, ALU_BLOCK, P(in), P(out)),
			0);
		keep(f, out);
		if (alu_hash(out) == lines[n].hash)
			continue;
		print_error("%s\n", lines[n].code);
		wrong++;
	}
	if (f)
		fclose(f);
	assert_int_equal(wrong, 0);
	gpu_close(&g);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_instructions),
	};

	return cmocka_run_group_tests_name("ptx_alu", tests, NULL, NULL);
}
