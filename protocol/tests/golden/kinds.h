/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from small.api by generate.py. */
#ifndef KINDS_H
#define KINDS_H

enum kind {
	KIND_NONE,
	KIND_Stream,
	KIND_Event,
	KIND_Graph,
	KIND_Node,
	KIND_COUNT
};

#endif
