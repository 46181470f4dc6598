/* SPDX-License-Identifier: Apache-2.0 */
/* Node parameters as operations; on failure nothing is owned. */
#ifndef SOFT_GRAPHNODE_H
#define SOFT_GRAPHNODE_H

#include "copy.h"
#include "graph.h"
#include "launch.h"

/* A node without an operation. */
CUresult node_add(CUgraphNode *out, CUgraph graph, const CUgraphNode *deps, size_t count,
	CUgraphNodeType type, struct node **node);
CUresult kernel_op(const CUDA_KERNEL_NODE_PARAMS *p, struct context *fallback, struct op *op);
CUresult memcpy_op(const CUDA_MEMCPY3D *p, struct op *op);
CUresult memset_op(const CUDA_MEMSET_NODE_PARAMS *p, struct op *op);
CUresult host_op(const CUDA_HOST_NODE_PARAMS *p, struct op *op);
CUresult event_op(enum op_kind kind, CUevent event, struct op *op);

#endif
