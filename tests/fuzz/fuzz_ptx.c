/* SPDX-License-Identifier: Apache-2.0 */
/* The software GPU's parser: text of any kind is a module or an error that says where. */
#include <assert.h>
#include <string.h>

#include "fuzz.h"
#include "ptx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ptx_module *module;
	char log[256] = "";
	int err = ptx_module_parse((const char *)data, size, &module, log, sizeof(log));

	if (err) {
		assert(memchr(log, '\0', sizeof(log)));
		return 0;
	}
	for (unsigned i = 0; ptx_module_kernel(module, i); i++)
		assert(ptx_module_find_kernel(module, ptx_module_kernel(module, i)->name));
	for (unsigned i = 0; ptx_module_variable(module, i); i++)
		assert(ptx_module_find_variable(module, ptx_module_variable(module, i)->name));
	ptx_module_destroy(module);
	return 0;
}
