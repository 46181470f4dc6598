/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The software GPU's own picture: what each file of this folder may use of the
 * others. One lock (gpu.lock) guards everything declared here except where a
 * comment says otherwise; work (copies, kernels, host functions) is executed
 * without it. Objects are counted; an application's handle is a number that is
 * looked up, never a pointer, so that a wrong or stale one is an error code.
 */
#ifndef SOFT_H
#define SOFT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "soft_types.h"

enum {
	DEVICES_MAX = 16,
	WARP_SIZE = 32,
	BLOCK_THREADS_MAX = 1024,
	SM_COUNT = 4,
	SM_THREADS = 1024,
	SM_BLOCKS = 16,
	SM_REGISTERS = 65536,
	SM_SHARED = 64 << 10,
	SHARED_DEFAULT = 48 << 10,
	SHARED_OPTIN = 64 << 10,
	CONSTANT_TOTAL = 64 << 10,
	PARAMS_MAX = 32764,
	ALLOC_ALIGN = 512,
	VMM_GRANULARITY = 2 << 20,
	DRIVER_VERSION = 13000,
};

enum kind {
	KIND_CONTEXT = 1,
	KIND_STREAM,
	KIND_EVENT,
	KIND_MODULE,
	KIND_LIBRARY,
	KIND_FUNCTION,
	KIND_KERNEL,
	KIND_GRAPH,
	KIND_NODE,
	KIND_EXEC,
	KIND_POOL,
	KIND_MEMORY,
	KIND_LINK,
	KIND_USER,
};

/* The head of every object that has a handle. */
struct object {
	enum kind kind;
	int refs;
	uintptr_t handle; /* 0 once destroyed */
	void (*release)(struct object *o);
};

void object_init(struct object *o, enum kind kind, void (*release)(struct object *o));
int object_publish(struct object *o);
void object_withdraw(struct object *o);
void *object_get(void *o);
void object_put(void *o);
/* NULL if @handle is not a live object of @kind. */
void *object_find(enum kind kind, const void *handle);
void *object_find_id(enum kind kind, uint64_t handle);

/* When something submitted has been executed; waited for with gpu.progress. */
struct fence {
	int refs;
	bool done;
	int64_t time; /* ns, when done */
};

struct fence *fence_get(struct fence *f);
void fence_put(struct fence *f);
/* Drops and takes the lock while waiting. */
void fence_wait(struct fence *f);

/* ---- memory ---- */

enum range_kind {
	RANGE_ALLOC = 1, /* cuMemAlloc and its like */
	RANGE_POOL,
	RANGE_GLOBAL,	 /* a module's variables */
	RANGE_HOST,	 /* host memory that we allocated */
	RANGE_REGISTERED,
	RANGE_MANAGED,
	RANGE_MAPPED, /* a piece of a reservation */
};

struct range {
	uintptr_t addr;
	size_t size;  /* what may be touched, rounded up */
	size_t bytes; /* what was asked for */
	enum range_kind kind;
	unsigned flags;
	struct device *dev;
	struct context *ctx;   /* borrowed; its end ends the range */
	struct pool *pool;     /* RANGE_POOL, counted */
	struct memory *memory; /* RANGE_MAPPED, counted */
	uint64_t id;
	uint32_t readers, writers; /* devices that may */
	bool freeing;		   /* a free in stream order is under way */
	bool sync_memops;
	LIST_ENTRY(range) link; /* of ctx */
};
LIST_HEAD(ranges, range);

/* Both take gpu.lock as held, and the tree's own lock for writing. */
int range_insert(struct range *r);
void range_remove(struct range *r);
struct range *range_find(uint64_t addr);
/* The first range at or above @addr. */
struct range *range_next(uint64_t addr);
bool range_overlaps(uint64_t addr, size_t size);
void ranges_changed(void);
/* May device @dev with peers @peers touch all of it? Needs no lock. */
bool range_access(unsigned dev, uint32_t peers, uint64_t addr, size_t size, bool write);
/* All of it is inside ranges that somebody may touch. */
bool range_covered(uint64_t addr, size_t size);
void ranges_init(void);

/* Carves addresses and charges the device; -ENOMEM beyond its memory. */
struct arena;
int arena_create(struct arena **out, size_t size);
int arena_alloc(struct arena *a, size_t size, size_t align, uintptr_t *out);
void arena_free(struct arena *a, uintptr_t addr, size_t size);
bool arena_owns(struct arena *a, uintptr_t addr);

int device_charge(struct device *d, size_t bytes);
void device_refund(struct device *d, size_t bytes);
CUresult memory_new(struct context *c, enum range_kind kind, size_t bytes, struct range **out);
void memory_delete(struct range *r);
size_t round_up(size_t n, size_t align);
/* Is @addr, or any of it, an address that only devices use? */
bool address_is_device(uint64_t addr);

/* Forget pages once nothing that started before can still touch them. */
void zombie_add(uintptr_t addr, size_t size);
void zombie_cancel(uintptr_t addr, size_t size);
void zombie_reap(void);

struct pool *pool_default(struct device *d);
CUresult pool_alloc(struct pool *p, struct context *c, size_t bytes, struct range **out);
void pool_free(struct range *r);
bool pool_reclaim(struct device *d);
void pools_trim(struct device *d);
void memory_release_all(struct context *c);

/* ---- work ---- */

enum op_kind {
	OP_NONE, /* only its place in the order matters */
	OP_COPY,
	OP_SET,
	OP_KERNEL,
	OP_HOST,
	OP_CALLBACK,
	OP_VALUES,
	OP_ALLOC, /* a graph's; in a stream it is done at the call */
	OP_FREE,
	OP_GRAPH,
	OP_RECORD, /* in graphs only, as the next */
	OP_WAIT,
};

struct copy {
	uint64_t dst, src;
	size_t dst_pitch, dst_slice, src_pitch, src_slice;
	size_t width, height, depth;
	bool dst_device, src_device;
	void *staging; /* owned; src points into it */
};

struct set {
	uint64_t dst;
	size_t pitch, width, height; /* width in elements */
	uint32_t value;
	unsigned element;
};

struct launch {
	struct function *function; /* counted */
	unsigned grid[3], block[3], shared;
	bool cooperative;
	void *params; /* owned */
	size_t params_size;
};

struct host_call {
	CUhostFn fn;
	CUstreamCallback callback;
	CUstream stream;
	void *data;
};

struct values {
	CUstreamBatchMemOpParams *ops; /* owned */
	unsigned count;
};

struct op {
	enum op_kind kind;
	union {
		struct copy copy;
		struct set set;
		struct launch launch;
		struct host_call host;
		struct values values;
		uint64_t free_addr;
		struct exec *exec;   /* counted */
		struct event *event; /* counted */
		struct {
			CUDA_MEM_ALLOC_NODE_PARAMS params;
			CUmemAccessDesc *access; /* owned */
		} alloc;
	};
};

CUresult op_run(struct op *op, struct context *c);
void op_fini(struct op *op);
int op_clone(struct op *out, const struct op *op);
/* Everything it touches is there; the caller holds the lock. */
bool op_valid(const struct op *op);
CUresult copy_check(struct copy *copy);
CUresult set_check(struct context *c, struct set *set);

struct work {
	STAILQ_ENTRY(work) link;
	struct op op;
	struct fence *fence;
	struct fence **deps;
	size_t deps_count;
};

struct stream {
	struct object base;
	struct context *ctx; /* counted */
	LIST_ENTRY(stream) link;
	unsigned flags;
	int priority;
	uint64_t id;
	uint64_t thread_id; /* whose per-thread stream, or 0 */
	STAILQ_HEAD(, work) queue;
	struct fence *last; /* of the newest work */
	bool worker, closing;
	pthread_cond_t wake;
	struct capture *capture;    /* counted while capturing */
	struct nodes *capture_deps; /* the next captured node's dependencies */
	int sync_policy;
	CUaccessPolicyWindow window;
};

CUresult stream_new(struct context *c, unsigned flags, int priority, struct stream **out);
void stream_close(struct stream *s);
/* 0, the legacy and per-thread handles, or a stream of any live context. */
CUresult stream_find(struct context *c, CUstream handle, struct stream **out);
/* The same, of context @c: work may be put into it. */
CUresult stream_find_own(struct context *c, CUstream handle, struct stream **out);
/* Takes over @op in any case. @out may be NULL; else a counted fence, or NULL if captured. */
CUresult stream_submit(struct stream *s, struct op *op, struct fence **out);
CUresult stream_submit_after(struct stream *s, struct op *op, struct fence *dep,
	struct fence **out);
CUresult stream_submit_sync(struct stream *s, struct op *op);
bool stream_busy(struct stream *s);
void stream_forget_thread(uint64_t thread_id);

struct event {
	struct object base;
	struct context *ctx; /* counted */
	unsigned flags;
	struct fence *fence; /* NULL: never recorded */
	struct capture *capture;
	struct nodes *capture_deps;
};

/* ---- contexts and devices ---- */

struct context {
	struct object base;
	struct device *dev;
	uint64_t id;
	unsigned flags;
	unsigned api_version;
	bool primary, active, dying;
	int retains;
	CUresult error; /* sticky */
	struct stream *legacy;
	LIST_HEAD(, stream) streams; /* legacy and per-thread ones too */
	struct ranges ranges;
	LIST_HEAD(, module) modules;
	size_t limits[16];
	CUfunc_cache cache;
	CUsharedconfig shared_config;
	uint32_t peers; /* devices whose memory kernels here may touch */
	unsigned captures;
	char *printed; /* guarded by gpu.print */
	size_t printed_size, printed_room;
	LIST_ENTRY(context) link;
};

struct device {
	unsigned index;
	size_t total, used;
	CUuuid uuid;
	struct context *primary;
	struct arena *arena;
	struct pool *default_pool, *current_pool;
	int memfd;
	uint64_t memfd_end;
	size_t graph_used, graph_high;
};

struct gpu {
	pthread_mutex_t lock;
	pthread_cond_t progress;
	pthread_mutex_t print;
	bool ready;
	bool forked;
	unsigned devices_count;
	struct device devices[DEVICES_MAX];
	LIST_HEAD(, context) contexts;
	uint64_t next_id; /* ids of contexts, streams, buffers: never reused */
	unsigned running; /* work items being executed */
};

extern struct gpu gpu;

struct thread {
	struct context **stack; /* counted */
	size_t depth, room;
	uint64_t id;
	bool in_callback;
	CUstreamCaptureMode capture_mode;
};

struct thread *thread_self(void);
int64_t now_ns(void);

/* Takes the lock; on an error it is not held. */
CUresult enter_device(void);
CUresult enter(struct context **out);
CUresult leave(CUresult result);
CUresult device_find(CUdevice dev, struct device **out);
CUresult context_create(struct device *d, unsigned flags, struct context **out);
void context_open(struct context *c);
void context_destroy(struct context *c);
CUresult context_wait(struct context *c);
CUresult device_wait(struct device *d);
void context_fail(struct context *c, CUresult error);
CUresult context_find(CUcontext handle, struct context **out);
void printed_add(struct context *c, const char *text, size_t size);
void printed_flush(struct context *c);

/* ---- code ---- */

struct ptx_module;
struct ptx_function;

struct function {
	struct object base;   /* CUfunction: its module holds it */
	struct object kernel; /* CUkernel of a library */
	struct module *module;
	const struct ptx_function *ptx;
	int max_shared, carveout, cache;
	LIST_ENTRY(function) link;
};

struct module {
	struct object base;
	struct object library; /* when loaded as one */
	struct context *ctx;   /* borrowed; NULL for a library not loaded into one yet */
	struct ptx_module *ptx;
	struct range *globals;
	LIST_HEAD(, function) functions;
	LIST_ENTRY(module) link;
};

CUresult function_find(struct context *c, CUfunction handle, struct function **out);
void module_close(struct module *m);
void libraries_context_closed(struct context *c);
CUresult image_text(const void *image, size_t limit, char **text);

/* ---- graphs ---- */

struct nodes {
	struct node **at; /* counted */
	size_t count, room;
};

void nodes_fini(struct nodes *n);
int nodes_add(struct nodes *n, struct node *node);
bool nodes_have(const struct nodes *n, const struct node *node);
int nodes_merge(struct nodes *to, const struct nodes *from);

CUresult capture_add(struct stream *s, struct op *op);
CUresult capture_record(struct stream *s, struct event *e);
CUresult capture_wait(struct stream *s, struct event *e);
void capture_leave(struct stream *s);
/* A call that would disturb a capture: 900 and the captures that forbid it are invalid. */
CUresult capture_unsafe(void);
/* A use of the legacy stream while a blocking stream captures. */
CUresult capture_implicit(struct stream *s);
CUresult graph_run(struct exec *x, struct context *c);

#endif
