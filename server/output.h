/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kernels print, and what their failed assertions say: the driver writes it
 * to the worker's stdout and stderr, which are pipes to ourselves. It is the
 * client's and not the log's, whose lines nobody but us may write.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "state.h"

/* Make them these pipes, and the log's what stderr was; before the driver is loaded. */
int output_capture(void);
int output_create(struct session *s);
/* Send the client everything that was printed up to now. Any thread. */
void output_forward(struct session *s);

#endif
