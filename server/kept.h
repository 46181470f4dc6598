/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long the client's functions that graphs call have to stay, so that the
 * client can forget them when they go. The driver tells by user objects, which
 * graphs, what is made of them and their launches hold. Where nothing can tell,
 * a function stays for good.
 */
#ifndef KEPT_H
#define KEPT_H

#include "state.h"

int kept_create(struct session *s);

/* Function @id (hostfunc_node) is that of a new node of @graph, or of one that @stream's capture made. */
void kept_add(struct session *s, CUgraph graph, uint64_t id);
void kept_captured(struct session *s, CUstream stream, uint64_t id);
/* It took the place of @old in a graph's node. */
void kept_replace(struct session *s, CUgraphNode node, uint64_t old, uint64_t id);
/* It took the place of what @exec called for @node, which @exec's graph still has. */
void kept_replace_exec(struct session *s, CUgraphExec exec, CUgraphNode node, uint64_t id);

/* @exec was launched, or became part of what @stream captures; and was destroyed. */
void kept_launched(struct session *s, CUgraphExec exec, CUstream stream);
void kept_exec_gone(struct session *s, CUgraphExec exec);

#endif
