/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls in an order that a seed makes up: memory of all kinds, copies of all kinds, sets, kernels, host functions,
 * streams, events, captures and graphs, some of them wrong. What touches the same memory is kept in order by one
 * of the means that CUDA has for it, chosen by chance, so that every byte and every result is determined.
 *
 *     random_calls SEED STEPS [THREADS]
 *
 * Each thread has memory, streams and events of its own; several capture nothing, since a capture forbids to wait
 * for the context that they share. Streams of theirs meet in the legacy one.
 */
#include <pthread.h>
#include <stdbool.h>

#include "program.h"

enum {
	MEMORIES = 12,
	STREAMS = 8, /* the first two are the default ones */
	EVENTS = 6,
	GRAPHS = 3,
	IN_GRAPH = 4,
	KERNEL_WORDS = 2048,
	PAGEABLE_WORDS = 100, /* that graphs copy */
	MAX_WORDS = 300000,
	LEGACY = 0,
	PER_THREAD = 1,
	READY = -1, /* nothing is outstanding */
	GONE = -2,  /* something is, in a stream that was destroyed */
};

enum kind {
	NOTHING,
	DEVICE,
	POOLED,
	PINNED,
	PAGEABLE,
	REGISTERED,
#ifdef __SANITIZE_THREAD__
	/* Both ends have one layout of addresses then, and the server never has those of registered memory
	 * free, which graphs need. */
	KINDS = REGISTERED,
#else
	KINDS,
#endif
};

struct memory {
	enum kind kind;
	CUdeviceptr p;
	unsigned words;
	int last; /* the stream that used it last */
};

struct stream {
	CUstream handle;
	bool exists, blocking;
	bool functions; /* of the host may be outstanding */
};

struct graph {
	CUgraphExec exec;
	struct memory *memory[IN_GRAPH];
	int count;
};

static _Thread_local struct memory memories[MEMORIES];
static _Thread_local struct stream streams[STREAMS];
static _Thread_local struct graph graphs[GRAPHS];
static _Thread_local CUevent events[EVENTS];
static _Thread_local bool recorded[EVENTS];
static CUmodule module;
static CUfunction fill, add, multiply, reverse;
static CUmemoryPool pool;
static _Thread_local unsigned host[MAX_WORDS];
static _Thread_local uint64_t state;
static _Thread_local unsigned step;
static _Thread_local FILE *out;
static unsigned threads;

static unsigned below(unsigned n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 20) % n;
}

static bool chance(unsigned percent)
{
	return below(100) < percent;
}

/* A size that is small, in the middle, or beyond what travels in a frame. */
static unsigned some_words(unsigned most)
{
	static const unsigned limit[] = {4, 64, 5000, MAX_WORDS};
	unsigned n = 1 + below(limit[below(4)]);

	return n < most ? n : most;
}

static void tell(const char *what, CUresult r)
{
	fprintf(out, "%u %s: %s\n", step, what, result_name(r));
}

static bool on_host(const struct memory *m)
{
	return m->kind >= PINNED;
}

/* To CUDA: its address is good wherever a device's is. */
static bool is_known(const struct memory *m)
{
	return m->kind != PAGEABLE;
}

static struct stream *stream_at(int s)
{
	return &streams[s];
}

static int some_stream(void)
{
	int s;

	do {
		s = below(STREAMS);
	} while (!streams[s].exists);
	return s;
}

static int made_stream(void)
{
	int s = some_stream();

	return s > PER_THREAD ? s : -1;
}

static struct memory *some_memory(enum kind kind)
{
	for (int tries = 0; tries < 20; tries++) {
		struct memory *m = &memories[below(MEMORIES)];

		if (m->kind == kind || (kind == DEVICE && m->kind == POOLED))
			return m;
	}
	return NULL;
}

static CUstream handle(int s)
{
	return stream_at(s)->handle;
}

static void forget_outstanding(void)
{
	for (int i = 0; i < MEMORIES; i++)
		memories[i].last = READY;
}

static void wait_all(void)
{
	DO(cuCtxSynchronize());
	forget_outstanding();
	for (int s = 0; s < STREAMS; s++)
		streams[s].functions = false;
}

static void note(const char *what, const struct memory *m, int s)
{
	static const char *const kinds[] = {
		"nothing", "device", "pooled", "pinned", "pageable", "registered"};

	fprintf(out, "%u %s memory %d (%s, %u words) in stream %d, last in %d\n", step, what,
		(int)(m - memories), kinds[m->kind], m->words, s, m->last);
}

/* Nothing of @m is outstanding any more. */
static void settle(struct memory *m)
{
	CUevent e;

	note("settle", m, m->last);
	if (m->last == READY)
		return;
	switch (m->last == GONE ? 0 : below(4)) {
	case 0:
		wait_all();
		break;
	case 1:
		DO(cuEventCreate(&e, CU_EVENT_DISABLE_TIMING));
		DO(cuEventRecord(e, handle(m->last)));
		DO(cuEventSynchronize(e));
		DO(cuEventDestroy_v2(e));
		break;
	case 2:
		DO(cuEventCreate(&e, CU_EVENT_DEFAULT));
		DO(cuEventRecord(e, handle(m->last)));
		while (cuEventQuery(e) == CUDA_ERROR_NOT_READY)
			continue;
		DO(cuEventDestroy_v2(e));
		break;
	default:
		DO(cuStreamSynchronize(handle(m->last)));
		streams[m->last].functions = false;
	}
	m->last = READY;
}

/* The legacy stream and blocking ones wait for each other; natively not for host functions, nor for what
 * comes behind one. */
static bool ordered(int a, int b)
{
	if (threads > 1 || streams[a].functions || streams[b].functions)
		return false;
	return (a == LEGACY && stream_at(b)->blocking) || (b == LEGACY && stream_at(a)->blocking);
}

/* What comes next in stream @s may use @m. */
static void use(struct memory *m, int s)
{
	CUevent e;

	note("use", m, s);
	if (m->last == READY || m->last == s || (m->last >= 0 && ordered(m->last, s) && chance(70))) {
		m->last = s;
		return;
	}
	if (m->last == GONE || chance(30)) {
		settle(m);
	} else {
		DO(cuEventCreate(&e, CU_EVENT_DISABLE_TIMING));
		DO(cuEventRecord(e, handle(m->last)));
		DO(cuStreamWaitEvent(handle(s), e, 0));
		DO(cuEventDestroy_v2(e));
	}
	m->last = s;
}

/* Operations in a stream, which may be captured. */

static void CUDAAPI count_up(void *argument)
{
	struct memory *m = argument;
	unsigned *words = (unsigned *)(uintptr_t)m->p;

	for (unsigned i = 0; i < m->words; i++)
		words[i] = words[i] * 3 + 1;
}

static void kernel(struct memory *m, CUstream s)
{
	unsigned n = m->words < KERNEL_WORDS ? m->words : KERNEL_WORDS, value = below(1000), loops = 50;
	unsigned block = n < 256 ? n : 256;
	void *three[] = {&m->p, &n, &value};
	void *four[] = {&m->p, &n, &value, &loops};
	void *one[] = {&m->p};

	switch (below(4)) {
	case 0:
		tell("fill", launch_over(fill, n, s, three));
		break;
	case 1:
		tell("add", launch_over(add, n, s, three));
		break;
	case 2:
		tell("multiply", launch_over(multiply, n, s, four));
		break;
	default:
		tell("reverse",
			cuLaunchKernel(reverse, 1, 1, 1, block, 1, 1, block * 4, s, one, NULL));
	}
}

static void set(struct memory *m, CUstream s)
{
	unsigned n = some_words(m->words), value = below(1u << 31);
	unsigned width = 1 + below(n), height = n / width;

	switch (below(4)) {
	case 0:
		tell("set 8", cuMemsetD8Async(m->p, value, n * 4 - 1, s));
		break;
	case 1:
		tell("set 16", cuMemsetD16Async(m->p + 2, value, n * 2 - 1, s));
		break;
	case 2:
		tell("set 2D", cuMemsetD2D32Async(m->p, width * 4, value, 1 + below(width), height, s));
		break;
	default:
		tell("set 32", cuMemsetD32Async(m->p, value, n, s));
	}
}

/* Rows between two memories, wherever they are; the pitches differ. */
static CUDA_MEMCPY2D rows_of(const struct memory *to, const struct memory *from)
{
	unsigned least = to->words < from->words ? to->words : from->words;
	unsigned width = 1 + below(least < 600 ? least : 600), height = 1 + below(least / width);
	CUDA_MEMCPY2D c = {.WidthInBytes = width * 4, .Height = height, .srcPitch = width * 4,
		.dstPitch = to->words / height * 4};

	if (on_host(from) && (!is_known(from) || chance(60))) {
		c.srcMemoryType = CU_MEMORYTYPE_HOST;
		c.srcHost = (void *)(uintptr_t)from->p;
	} else {
		c.srcMemoryType = CU_MEMORYTYPE_DEVICE;
		c.srcDevice = from->p;
	}
	if (on_host(to) && (!is_known(to) || chance(60))) {
		c.dstMemoryType = CU_MEMORYTYPE_HOST;
		c.dstHost = (void *)(uintptr_t)to->p;
	} else {
		c.dstMemoryType = CU_MEMORYTYPE_DEVICE;
		c.dstDevice = to->p;
	}
	return c;
}

/* Addresses say where memory is, the call's name nothing. */
static void copy_misnamed(
	const struct memory *to, const struct memory *from, size_t bytes, CUstream s)
{
	void *t = (void *)(uintptr_t)to->p, *f = (void *)(uintptr_t)from->p;

	switch (below(3)) {
	case 0:
		tell("copy as in", cuMemcpyHtoDAsync_v2(to->p, f, bytes, s));
		break;
	case 1:
		tell("copy as out", cuMemcpyDtoHAsync_v2(t, from->p, bytes, s));
		break;
	default:
		tell("copy as between devices", cuMemcpyDtoDAsync_v2(to->p, from->p, bytes, s));
	}
}

static void copy(const struct memory *to, const struct memory *from, CUstream s, bool captured)
{
	unsigned least = to->words < from->words ? to->words : from->words, n = some_words(least);
	bool pageable = to->kind == PAGEABLE || from->kind == PAGEABLE, rows = chance(40);
	void *t = (void *)(uintptr_t)to->p, *f = (void *)(uintptr_t)from->p;
	CUDA_MEMCPY2D c;

	/* Two copies of one graph use all of the same pageable memory or none of it. */
	if (captured && pageable) {
		n = PAGEABLE_WORDS;
		rows = false;
	}
	if (rows) {
		c = rows_of(to, from);
		tell("copy rows", cuMemcpy2DAsync_v2(&c, s));
	} else if (chance(30)) {
		tell("copy by addresses", cuMemcpyAsync(to->p, from->p, n * 4, s));
	} else if (!pageable && chance(30)) {
		copy_misnamed(to, from, n * 4, s);
	} else if (on_host(to) && !on_host(from)) {
		tell("copy out", cuMemcpyDtoHAsync_v2(t, from->p, n * 4, s));
	} else if (on_host(from) && !on_host(to)) {
		tell("copy in", cuMemcpyHtoDAsync_v2(to->p, f, n * 4, s));
	} else {
		tell("copy", cuMemcpyAsync(to->p, from->p, n * 4, s));
	}
}

static void call_host(struct memory *m, int s)
{
	streams[s].functions = true;
	tell("host function", cuLaunchHostFunc(handle(s), count_up, m));
}

/* One operation on memory that is in order in @s. */
static void operate(struct memory *m, struct memory *other, int in, bool captured)
{
	CUstream s = handle(in);
	unsigned what = below(6); /* the first three copy */

	if (captured && (m->kind == PAGEABLE || other->kind == PAGEABLE) &&
		(m->words < PAGEABLE_WORDS || other->words < PAGEABLE_WORDS))
		what += 3;
	if (what < 3 && m != other &&
		(!on_host(m) || !on_host(other) || (is_known(m) && is_known(other))))
		copy(m, other, s, captured);
	else if (captured && m->kind == PAGEABLE)
		tell("nothing", CUDA_SUCCESS); /* natively a graph reads it when it likes */
	else if (m->kind > PINNED || (m->kind == PINNED && chance(60)))
		call_host(m, in);
	else if (what < 5)
		kernel(m, s);
	else
		set(m, s); /* pinned memory, too: its address is the device's as well */
}

/* Steps. */

static void show(const char *what, const void *words, unsigned n)
{
	fprintf(out, "%u %s: %016llx\n", step, what, checksum(words, n * 4));
}

static void check(void)
{
	struct memory *m = some_memory(chance(40) ? PINNED + below(KINDS - PINNED) : DEVICE);
	int s = some_stream();

	if (!m)
		return;
	memset(host, 1, m->words * 4);
	if (on_host(m)) {
		settle(m);
		show("host memory", (void *)(uintptr_t)m->p, m->words);
	} else if (chance(50)) {
		use(m, LEGACY);
		DO(cuMemcpyDtoH_v2(host, m->p, m->words * 4));
		show("memory", host, m->words);
	} else {
		/* Pageable memory has the bytes when the call is over. */
		use(m, s);
		DO(cuMemcpyDtoHAsync_v2(host, m->p, m->words * 4, handle(s)));
		show("memory, asynchronously", host, m->words);
	}
}

static void make_memory(void)
{
	struct memory *m = &memories[below(MEMORIES)];
	int s = some_stream();
	void *p = NULL;

	if (m->kind != NOTHING)
		return;
	*m = (struct memory){.kind = 1 + below(KINDS - 1), .words = some_words(MAX_WORDS), .last = READY};
	if (on_host(m)) {
		if (m->kind == PINNED)
			DO(cuMemHostAlloc(&p, m->words * 4, below(2) ? CU_MEMHOSTALLOC_PORTABLE : 0));
		else
			p = aligned_alloc(4096, (m->words * 4 + 4095) & ~4095ul);
		if (m->kind == REGISTERED)
			DO(cuMemHostRegister_v2(p, m->words * 4, CU_MEMHOSTREGISTER_PORTABLE));
		m->p = (uintptr_t)p;
		for (unsigned i = 0; i < m->words; i++)
			((unsigned *)p)[i] = below(1u << 31);
		return;
	}
	if (m->kind == DEVICE) {
		DO(cuMemAlloc_v2(&m->p, m->words * 4));
	} else {
		m->last = s;
		if (chance(50))
			DO(cuMemAllocAsync(&m->p, m->words * 4, handle(s)));
		else
			DO(cuMemAllocFromPoolAsync(&m->p, m->words * 4, pool, handle(s)));
	}
	use(m, s);
	DO(cuMemsetD32Async(m->p, step, m->words, handle(s)));
}

static void graph_end(struct graph *g)
{
	if (g->exec)
		tell("destroy graph", cuGraphExecDestroy(g->exec));
	*g = (struct graph){0};
}

static void end_memory(void)
{
	struct memory *m = &memories[below(MEMORIES)];
	int s = some_stream();

	if (m->kind == NOTHING)
		return;
	for (int i = 0; i < GRAPHS; i++) {
		for (int k = 0; k < graphs[i].count; k++) {
			if (graphs[i].memory[k] == m) {
				/* It may be running: freeing what a graph uses is our affair. */
				wait_all();
				graph_end(&graphs[i]);
				break;
			}
		}
	}
	if (m->kind == PINNED) {
		tell("free host", cuMemFreeHost((void *)(uintptr_t)m->p));
		forget_outstanding();
	} else if (m->kind == PAGEABLE) {
		settle(m);
		free((void *)(uintptr_t)m->p);
	} else if (m->kind == REGISTERED) {
		tell("unregister", cuMemHostUnregister((void *)(uintptr_t)m->p));
		forget_outstanding();
		free((void *)(uintptr_t)m->p);
	} else if (m->kind == POOLED && chance(80)) {
		use(m, s);
		tell("free in stream", cuMemFreeAsync(m->p, handle(s)));
	} else if (m->kind == POOLED) {
		settle(m); /* what came of a pool is freed without a wait */
		tell("free", cuMemFree_v2(m->p));
	} else {
		tell("free", cuMemFree_v2(m->p));
		forget_outstanding();
	}
	*m = (struct memory){.last = READY};
}

static void make_stream(void)
{
	int s = PER_THREAD + 1 + below(STREAMS - 2), least, greatest;
	struct stream *st = stream_at(s);

	if (st->exists)
		return;
	st->blocking = chance(50);
	DO(cuCtxGetStreamPriorityRange(&least, &greatest));
	DO(cuStreamCreateWithPriority(
		&st->handle, st->blocking ? CU_STREAM_DEFAULT : CU_STREAM_NON_BLOCKING, least));
	st->exists = true;
	st->functions = false;
}

static void end_stream(void)
{
	int s = made_stream();

	if (s < 0)
		return;
	tell("destroy stream", cuStreamDestroy_v2(handle(s)));
	stream_at(s)->exists = false;
	for (int i = 0; i < MEMORIES; i++) {
		if (memories[i].last == s)
			memories[i].last = GONE;
	}
}

static void work(void)
{
	struct memory *m = some_memory(1 + below(KINDS - 1)), *other = some_memory(1 + below(KINDS - 1));
	int s = some_stream();

	if (!m || !other)
		return;
	if (on_host(other) && on_host(m))
		return;
	/* Copies use it during the call. */
	if (m->kind == PAGEABLE)
		settle(m);
	if (other->kind == PAGEABLE)
		settle(other);
	use(m, s);
	use(other, s);
	m->last = other->last = s; /* whatever the second waited for */
	operate(m, other, s, false);
}

/* The processor writes; a copy in takes what is there at the call. */
static void copy_from_host(void)
{
	struct memory *m = some_memory(DEVICE), *pinned = some_memory(PINNED);
	int s = some_stream();
	unsigned n;

	if (!m)
		return;
	n = some_words(m->words);
	for (unsigned i = 0; i < n; i++)
		host[i] = i * step;
	if (chance(50)) {
		use(m, s);
		tell("copy in pageable", cuMemcpyHtoDAsync_v2(m->p, host, n * 4, handle(s)));
	} else if (pinned && pinned->words >= n && chance(50)) {
		settle(pinned);
		memcpy((void *)(uintptr_t)pinned->p, host, n * 4);
		use(m, LEGACY);
		tell("copy in pinned, waiting",
			cuMemcpyHtoD_v2(m->p, (void *)(uintptr_t)pinned->p, n * 4));
	} else {
		use(m, LEGACY);
		tell("copy in, waiting", cuMemcpyHtoD_v2(m->p, host, n * 4));
	}
	memset(host, 0xee, n * 4);
}

static void event_step(void)
{
	int e = below(EVENTS), s = some_stream();
	float ms = -1;

	switch (below(6)) {
	case 0:
		if (events[e]) {
			tell("destroy event", cuEventDestroy_v2(events[e]));
			events[e] = NULL;
		} else {
			tell("make event", cuEventCreate(&events[e],
						   chance(50) ? CU_EVENT_DEFAULT
							      : CU_EVENT_DISABLE_TIMING));
		}
		recorded[e] = false;
		break;
	case 1:
		tell("record", cuEventRecord(events[e], handle(s)));
		recorded[e] = events[e] != NULL;
		break;
	case 2:
		tell("wait for event", cuStreamWaitEvent(handle(s), events[e], 0));
		break;
	case 3:
		tell("synchronize event", cuEventSynchronize(events[e]));
		break;
	case 4:
		wait_all();
		tell("query", cuEventQuery(events[e]));
		break;
	default:
		wait_all();
		tell("elapsed", cuEventElapsedTime(&ms, events[e], events[below(EVENTS)]));
	}
}

/* Some of what goes wrong natively, too, without an effect. */
static void wrong(void)
{
	struct memory *m = some_memory(DEVICE);
	int s = some_stream();
	CUdeviceptr p = 0;
	CUstream st;
	CUevent e;
	unsigned n = 1, value = 0;
	void *args[] = {&p, &n, &value};

	switch (below(9)) {
	case 0:
		tell("no bytes", cuMemAlloc_v2(&p, 0));
		break;
	case 1:
		tell("nowhere", cuMemcpyHtoDAsync_v2(0, host, 4, handle(s)));
		break;
	case 2:
		tell("odd address", cuMemsetD32Async(m ? m->p + 1 : 1, 0, 1, handle(s)));
		break;
	case 3:
		tell("stream flags", cuStreamCreate(&st, 77));
		break;
	case 4:
		tell("event flags", cuEventCreate(&e, 0x100));
		break;
	case 5:
		tell("no grid", cuLaunchKernel(fill, 0, 1, 1, 1, 1, 1, 0, handle(s), args, NULL));
		break;
	case 6:
		tell("large block", cuLaunchKernel(fill, 1, 1, 1, 1025, 1, 1, 0, handle(s), args, NULL));
		break;
	case 7:
		tell("no room", cuMemAlloc_v2(&p, (size_t)1 << 52));
		break;
	default:
		tell("free half", m && m->words > 1 ? cuMemFree_v2(m->p + 4) : CUDA_SUCCESS);
	}
}

/* Record operations of stream @s, some of them in another that joins. */
static CUresult capture(struct graph *g, int s, CUgraph *made)
{
	int side = made_stream();
	bool forks = side >= 0 && side != s && chance(50), breaks = chance(8);
	CUevent e = NULL;
	CUresult r;

	tell("begin", cuStreamBeginCapture_v2(handle(s), below(3)));
	if (forks) {
		DO(cuEventCreate(&e, CU_EVENT_DISABLE_TIMING));
		tell("fork", cuEventRecord(e, handle(s)));
		tell("into", cuStreamWaitEvent(handle(side), e, 0));
	}
	for (int i = 0; i < 6; i++) {
		/* The second stream has the last memory for itself. */
		int here = forks && g->count > 1 ? g->count - 1 : g->count;
		struct memory *m = g->memory[below(here)], *other = g->memory[below(here)];

		if (forks && g->count > 1 && chance(30))
			kernel(g->memory[g->count - 1], handle(side));
		else
			operate(m, other, s, true);
		if (breaks && i == 3)
			tell("break", cuStreamSynchronize(handle(s)));
	}
	if (forks) {
		tell("join", cuEventRecord(e, handle(side)));
		tell("joined", cuStreamWaitEvent(handle(s), e, 0));
		DO(cuEventDestroy_v2(e));
	}
	r = cuStreamEndCapture(handle(s), made);
	tell("end", r);
	return r;
}

/* Another capture with the same memory takes the place of the first, or not, if too much differs. */
static void update_graph(void)
{
	struct graph *g = &graphs[below(GRAPHS)];
	CUgraphExecUpdateResultInfo info = {0};
	int s = made_stream();
	CUgraph graph = NULL;
	CUresult r;

	if (s < 0 || !g->exec)
		return;
	wait_all();
	if (capture(g, s, &graph))
		return;
	r = cuGraphExecUpdate_v2(g->exec, graph, &info);
	tell("update", r);
	fprintf(out, "%u says %d\n", step, info.result);
	DO(cuGraphDestroy(graph));
}

static void make_graph(void)
{
	struct graph *g = &graphs[below(GRAPHS)];
	int s = made_stream();
	CUgraph graph = NULL, clone;
	size_t nodes = 0;

	if (s < 0 || threads > 1)
		return;
	if (g->exec)
		wait_all();
	graph_end(g);
	for (int i = 0; i < IN_GRAPH; i++) {
		/* Kernels of the second stream use the last one. */
		struct memory *m = some_memory(i < IN_GRAPH - 1 ? 1 + below(KINDS - 1) : DEVICE);

		if (m) {
			for (int k = 0; k < g->count; k++)
				m = g->memory[k] == m ? NULL : m;
		}
		if (m)
			g->memory[g->count++] = m;
	}
	if (!g->count || on_host(g->memory[g->count - 1])) {
		g->count = 0;
		return;
	}
	/* Nothing in the capture waits for what was before it. */
	wait_all();
	if (capture(g, s, &graph)) {
		g->count = 0;
		return;
	}
	DO(cuGraphGetNodes(graph, NULL, &nodes));
	fprintf(out, "%u nodes: %zu\n", step, nodes);
	if (chance(30)) {
		DO(cuGraphClone(&clone, graph));
		DO(cuGraphDestroy(graph));
		graph = clone;
	}
	DO(cuGraphInstantiateWithFlags(&g->exec, graph, 0));
	DO(cuGraphDestroy(graph));
}

static void launch_graph(void)
{
	struct graph *g = &graphs[below(GRAPHS)];
	int s = some_stream();

	if (!g->exec)
		return;
	for (int k = 0; k < g->count; k++) {
		if (g->memory[k]->kind == PAGEABLE)
			settle(g->memory[k]);
		use(g->memory[k], s);
	}
	for (int k = 0; k < g->count; k++)
		g->memory[k]->last = s;
	streams[s].functions = true;
	tell("launch graph", cuGraphLaunch(g->exec, handle(s)));
}

static void one_step(void)
{
	unsigned what = below(100);

	if (what < 8)
		make_memory();
	else if (what < 11)
		end_memory();
	else if (what < 15)
		make_stream();
	else if (what < 17)
		end_stream();
	else if (what < 60)
		work();
	else if (what < 70)
		copy_from_host();
	else if (what < 76)
		event_step();
	else if (what < 79)
		wrong();
	else if (what < 83)
		make_graph();
	else if (what < 84)
		update_graph();
	else if (what < 91)
		launch_graph();
	else
		check();
}

struct thread {
	pthread_t thread;
	CUcontext context;
	uint64_t seed;
	unsigned long steps;
	FILE *out;
	char *text;
	size_t size;
};

static struct thread *all;

/* Also when a call failed that must not: what came before it is what to look at. */
static void print_all(void)
{
	for (unsigned i = 0; i < threads; i++) {
		if (all[i].out && !fflush(all[i].out))
			fwrite(all[i].text, 1, all[i].size, stdout);
	}
}

static void *run(void *argument)
{
	struct thread *t = argument;

	out = t->out = open_memstream(&t->text, &t->size);
	if (!out)
		exit(2);
	state = t->seed * 0x9e3779b97f4a7c15u + 1;
	DO(cuCtxSetCurrent(t->context));
	streams[LEGACY] = (struct stream){CU_STREAM_LEGACY, true, false};
	streams[PER_THREAD] = (struct stream){CU_STREAM_PER_THREAD, true, true};
	forget_outstanding();
	for (int i = 0; i < 5; i++)
		make_memory();
	for (step = 1; step <= t->steps; step++)
		one_step();
	wait_all();
	for (step = 1; step <= 3 * MEMORIES; step++)
		check();
	for (int i = 0; i < MEMORIES; i++) {
		if (memories[i].kind == REGISTERED)
			DO(cuMemHostUnregister((void *)(uintptr_t)memories[i].p));
		if (memories[i].kind > PINNED)
			free((void *)(uintptr_t)memories[i].p);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	CUmemPoolProps props = {.allocType = CU_MEM_ALLOCATION_TYPE_PINNED,
		.location = {.type = CU_MEM_LOCATION_TYPE_DEVICE, .id = 0}};
	CUcontext context = program_begin();

	threads = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;
	all = calloc(threads, sizeof(*all));
	if (!all || atexit(print_all))
		return 2;
	module = program_load();
	fill = program_kernel(module, "fill");
	add = program_kernel(module, "add");
	multiply = program_kernel(module, "slow_multiply");
	reverse = program_kernel(module, "reverse");
	DO(cuMemPoolCreate(&pool, &props));
	for (unsigned i = 0; i < threads; i++) {
		all[i] = (struct thread){.context = context,
			.seed = (argc > 1 ? strtoul(argv[1], NULL, 10) : 1) + 1000000 * i,
			.steps = argc > 2 ? strtoul(argv[2], NULL, 10) : 300};
		if (pthread_create(&all[i].thread, NULL, run, &all[i]))
			return 2;
	}
	for (unsigned i = 0; i < threads; i++)
		pthread_join(all[i].thread, NULL);
	return 0;
}
