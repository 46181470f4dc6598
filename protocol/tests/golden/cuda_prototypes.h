/* SPDX-License-Identifier: Apache-2.0 */
/* Generated from small.api by generate.py. */
#ifndef CUDA_PROTOTYPES_H
#define CUDA_PROTOTYPES_H

#include "cuda_types.h"

#pragma GCC visibility push(default)

/* A posted call. */
CUresult CUDAAPI setAsync(Address at, unsigned char value, size_t n, Stream stream);
CUresult CUDAAPI setAsync_ptsz(Address at, unsigned char value, size_t n, Stream stream);
/* The same without a stream. */
CUresult CUDAAPI set_v2(Address at, unsigned char value, size_t n);
CUresult CUDAAPI set_v2_ptds(Address at, unsigned char value, size_t n);
/* A call that is answered from memory. */
CUresult CUDAAPI limit(size_t *value, Mode mode);
/* A call that changes such an answer. */
CUresult CUDAAPI setLimit(Mode mode, size_t value);
/* A minted handle is born. */
CUresult CUDAAPI eventCreate(Event *event, unsigned int flags);
/* It dies. */
CUresult CUDAAPI eventDestroy(Event event);
/* A minted handle in a call, and a graph that dies. */
CUresult CUDAAPI eventTime(float *time, Event start, Event end);
/* A minted handle comes out. */
CUresult CUDAAPI eventOf(Node node, Event *event);
/* A real handle dies. */
CUresult CUDAAPI graphDestroy(Graph graph);
/* A list whose length comes back. */
CUresult CUDAAPI nodes(Graph graph, Node *nodes, size_t *count);
/* Structs, strings and logs that come with a failure too. */
CUresult CUDAAPI make(Graph *graph, const Config *config, Result *outcome, const char *name, char
		*log, size_t size);
/* A value whose size another value says. */
CUresult CUDAAPI attribute(Attribute which, void *value);
/* Numbers that look like pointers, lists that are shorter. */
CUresult CUDAAPI encode(Box *box, unsigned int rank, void *base, const int *corner);
/* Answered on the client. */
CUresult CUDAAPI version(int *version);
/* Hand-written on both ends. */
CUresult CUDAAPI allocate(Address *at, size_t n);
/* Not to be had. */
CUresult CUDAAPI draw(int window);

#pragma GCC visibility pop

#endif
