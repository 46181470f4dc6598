/* SPDX-License-Identifier: Apache-2.0 */
/* What the generated cases and the test that runs them share. */
#ifndef CASES_H
#define CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nvml.h"
#include "nvml_calls.h"

enum { CASE_LENGTH = 64 }; /* elements of every buffer whose length a parameter says */

/* Calls the client's function with made up values and checks what it gives, if it succeeds. */
struct nvml_case {
	const char *name;
	nvmlReturn_t (*call)(void);
};

struct nvml_refused {
	const char *name;
	nvmlReturn_t (*call)(void);
	nvmlReturn_t result;
};

extern const struct nvml_case nvml_cases[];
extern const size_t nvml_case_count;
extern const struct nvml_refused nvml_refused[];
extern const size_t nvml_refused_count;

/* Put the cases' functions in the place of the host's. */
void nvml_cases_host(void);

void case_fill(void *to, size_t size, unsigned seed);
void case_check(const void *from, size_t size, unsigned seed);
const char *case_text(unsigned seed);
void case_check_text(const char *text, unsigned seed);
void case_fill_text(char *text, size_t room, unsigned seed);
void case_check_length(long long length);
/* How many elements the host has for a list with this capacity. */
unsigned case_count(unsigned capacity);

/* The host's device, and the handle that clients have for it. */
nvmlDevice_t case_device(void);
nvmlDevice_t case_handle(void);
void case_fill_devices(nvmlDevice_t *list, unsigned count);
void case_check_devices(const nvmlDevice_t *list, unsigned count);

#endif
