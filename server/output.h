/* SPDX-License-Identifier: Apache-2.0 */
/* What kernels print: the driver writes it to the worker's stdout, which is a pipe to ourselves. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "state.h"

/* Make stdout that pipe; before the driver is loaded. */
int output_capture(void);
int output_create(struct session *s);
/* Send the client everything that was printed up to now. Any thread. */
void output_forward(struct session *s);

#endif
