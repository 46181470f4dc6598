/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libFuzzer target of the parser, and of initialising variables:
 * clang -fsanitize=fuzzer,address,undefined; kernels/ is a good corpus.
 */
#include <stdlib.h>

#include "ptx.h"

#define VARIABLES_LIMIT 64
#define SIZE_LIMIT (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void initialise(const struct ptx_module *m)
{
	void *places[VARIABLES_LIMIT] = {NULL};
	const struct ptx_variable *v;
	unsigned count = 0;

	while ((v = ptx_module_variable(m, count)) && count < VARIABLES_LIMIT) {
		places[count++] = v->size < SIZE_LIMIT ? malloc(v->size + 1) : NULL;
		if (!places[count - 1])
			break;
	}
	if (!ptx_module_variable(m, count))
		ptx_module_initialise(m, places);
	for (unsigned i = 0; i < count; i++)
		free(places[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ptx_module *m;
	char log[128];

	if (ptx_module_parse((const char *)data, size, &m, log, sizeof(log)))
		return 0;
	initialise(m);
	ptx_module_destroy(m);
	return 0;
}
