/* SPDX-License-Identifier: Apache-2.0 */
/* See nvml.h: tables from the list of calls in nvml_calls.h. */
#include "nvml.h"

#define NAME(name, opcode) {#name, offsetof(struct nvml_host, name)},
#define HANDLER(name, opcode) void serve_##name(struct nvml_request *q);
#define ROW(name, opcode) {opcode, serve_##name, #name},

NVML_OPCODES(HANDLER)

const struct nvml_host_name nvml_host_names[] = {NVML_OPCODES(NAME)};
const size_t nvml_host_name_count = sizeof(nvml_host_names) / sizeof(nvml_host_names[0]);

const struct nvml_dispatch_row nvml_dispatch[] = {NVML_OPCODES(ROW)};
const size_t nvml_dispatch_count = sizeof(nvml_dispatch) / sizeof(nvml_dispatch[0]);

const uint64_t nvml_spec_hash = NVML_SPEC_HASH;
