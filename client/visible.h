/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CUDA_VISIBLE_DEVICES (CUDA C++ programming guide, environment variables). A
 * list that names the server's first devices in order only limits their count;
 * any other selection is the server's driver's business and goes with the hello.
 */
#ifndef VISIBLE_H
#define VISIBLE_H

#include <stdbool.h>

bool visible_needs_server(void);

/* How many of the server's @count devices this process sees. */
int visible_count(int count);

#endif
