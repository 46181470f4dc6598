/* SPDX-License-Identifier: Apache-2.0 */
/* What a fuzzer defines: libFuzzer calls it, and so does replay.c with the files of a corpus. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
