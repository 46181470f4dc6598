/* SPDX-License-Identifier: Apache-2.0 */
/* The driver library that a worker serves with. */
#ifndef DRIVER_H
#define DRIVER_H

#include <stdbool.h>
#include <stddef.h>

#include "driver_calls.h"

enum { DRIVER_WHY = 512 };

/*
 * Load the library that @choice names: "auto" (NVIDIA's where it works, else the software one
 * beside this program), "soft", or a path; and initialise it. 0, or -errno with a sentence for
 * the log in @why.
 */
int driver_open(const char *choice, char why[DRIVER_WHY]);
bool driver_is_software(void);
/* What was loaded, in words for the log. */
const char *driver_name(void);

#endif
