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

#include "ptx/ptx.h"
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
	LAUNCHES_MAX = 1021, /* in one stream, before a launch waits; as measured natively */
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
	int64_t refs;
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
	RANGE_GLOBAL, /* a module's variables */
	RANGE_HOST,   /* host memory that we allocated */
	RANGE_REGISTERED,
	RANGE_MANAGED,
	RANGE_MAPPED, /* a piece of a reservation */
	RANGE_HEAP,   /* of malloc() in kernels */
	RANGE_GRAPH,  /* of a graph's allocation node */
};

struct range {
	uintptr_t addr;
	size_t size;  /* what may be touched, rounded up */
	size_t bytes; /* what was asked for */
	enum range_kind kind;
	unsigned flags;
	struct device *dev;
	struct context *ctx;	    /* borrowed; its end ends the range */
	struct pool *pool;	    /* RANGE_POOL, counted */
	struct memory *memory;	    /* RANGE_MAPPED, counted */
	struct graph_memory *graph; /* RANGE_GRAPH: whose range it is */
	uint64_t id;
	uint32_t readers, writers; /* devices that may */
	bool freeing; /* a free in stream order is under way; RANGE_GRAPH: it is not there now */
	bool sync_memops;
	LIST_ENTRY(range) link; /* of ctx */
};
LIST_HEAD(ranges, range);

/* Both take gpu.lock as held, and the tree's own lock for writing. */
int range_insert(struct range *r);
void range_remove(struct range *r);
struct range *range_find(uint64_t addr);
struct range *range_overlaps(uint64_t addr, size_t size);
/* May device @dev with peers @peers touch all of it? Needs no lock. */
bool range_access(unsigned dev, uint32_t peers, uint64_t addr, size_t size, bool write,
	struct ptx_range *out);
void range_set_access(struct range *r, uint32_t readers, uint32_t writers);
void ranges_set_pool_access(struct pool *p, uint32_t access);
/* All of it is inside ranges that somebody may touch. */
bool range_covered(uint64_t addr, size_t size);
/* For copies in a context of @dev: a mapping is only for those that were given access. */
bool range_reachable(uint64_t addr, unsigned dev);
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
/* The same on @d, another device than the context's with a pool of it. */
CUresult memory_new_on(struct device *d, struct context *c, enum range_kind kind, size_t bytes,
	struct range **out);
void memory_delete(struct range *r);
/* Of what is in no list or tree any more. */
void memory_delete_bare(struct range *r);
size_t round_up(size_t n, size_t align);
/* Is @addr, or any of it, an address that only devices use? */
bool address_is_device(uint64_t addr);
bool reservation_has(uint64_t addr);

/* Forget pages once nothing that started before can still touch them. */
void zombie_add(uintptr_t addr, size_t size);
/* The addresses too. */
void zombie_add_reserved(uintptr_t addr, size_t size);
void zombie_cancel(uintptr_t addr, size_t size);
void zombie_reap(void);

struct pool *pool_default(struct device *d);
void pool_free(struct range *r);
/* A free in stream order has come to its turn. */
void pool_free_due(uint64_t addr);
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
	bool peer;     /* from one context to another, whatever access they have */
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
		struct plan *plan;   /* counted */
		struct event *event; /* counted */
	};
};

CUresult op_run(struct op *op, struct context *c);
CUresult launch_run(const struct launch *launch, struct context *c);
void op_fini(struct op *op);
int op_clone(struct op *out, const struct op *op);
/* Everything it touches is there; the caller holds the lock. */
bool op_valid(const struct op *op);
CUresult copy_check(struct copy *copy);
CUresult set_check(const struct set *set);
/* Checks and copies; on failure nothing is owned. */
CUresult values_op(const CUstreamBatchMemOpParams *ops, unsigned count, struct op *op);

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
	unsigned launches;  /* in the queue */
	bool worker, closing, listed;
	pthread_cond_t wake;
	struct capture *capture;    /* counted while capturing */
	struct nodes *capture_deps; /* the next captured node's dependencies */
	int sync_policy;
	CUaccessPolicyWindow window;
};

CUresult stream_new(struct context *c, unsigned flags, int priority, struct stream **out);
void stream_close(struct stream *s);
void streams_close(struct context *c);
/* 0, the legacy and per-thread handles, or a stream of any live context. */
CUresult stream_find(struct context *c, CUstream handle, struct stream **out);
/* The same, of context @c: work may be put into it. */
CUresult stream_find_own(struct context *c, CUstream handle, struct stream **out);
/* Enters with one; a stream that was made needs no current context. */
CUresult enter_stream_anywhere(CUstream handle, struct stream **out);
/* Takes over @op in any case. @out may be NULL; else a counted fence, or NULL if captured. */
CUresult stream_submit(struct stream *s, struct op *op, struct fence **out);
CUresult stream_submit_after(
	struct stream *s, struct op *op, struct fence *dep, struct fence **out);
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

CUresult event_find(CUevent handle, struct event **out);
void event_set_fence(struct event *e, struct fence *f);

/* ---- contexts and devices ---- */

/* What kernels printed, for stdout, and what their assertions said, for stderr. */
enum printed_stream { PRINTED_OUT, PRINTED_ERR, PRINTED_STREAMS };

struct printed {
	char *text;
	size_t size, room;
};

struct context {
	struct object base;
	uintptr_t name; /* its handle, also when that is not valid any more */
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
	size_t limits[CU_LIMIT_MAX];
	CUfunc_cache cache;
	CUsharedconfig shared_config;
	uint32_t peers;	   /* devices whose memory kernels here may touch */
	atomic_int cancel; /* kernels look at it */
	size_t heap_used;  /* by malloc in kernels */
	unsigned captures;
	struct printed printed[PRINTED_STREAMS]; /* guarded by gpu.print */
	LIST_ENTRY(context) link;
};

struct device {
	unsigned index;
	unsigned number; /* among all that there would be without CUDA_VISIBLE_DEVICES */
	size_t total, used;
	CUuuid uuid;
	struct context *primary;
	struct arena *arena;
	struct pool *default_pool, *current_pool;
	LIST_HEAD(, pool) pools;
	uint64_t frees_pending, frees_done; /* in stream order */
	int memfd;
	uint64_t memfd_end;
	size_t graph_used, graph_high;
	unsigned alone; /* threads in device_wait_alone */
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
	unsigned running; /* work items being executed that touch memory */
};

extern struct gpu gpu;

struct thread {
	struct context **stack; /* counted */
	size_t depth, room;
	uint64_t id;
	bool in_callback;
	bool per_thread; /* stream 0 is the thread's own: inside calls of that kind */
	CUstreamCaptureMode capture_mode;
};

struct thread *thread_self(void);

/* For the twins of calls in which stream 0 is the thread's own. */
#define PER_THREAD(call)                                                                           \
	({                                                                                         \
		struct thread *self_ = thread_self();                                              \
		CUresult result_;                                                                  \
		self_->per_thread = true;                                                          \
		result_ = (call);                                                                  \
		self_->per_thread = false;                                                         \
		result_;                                                                           \
	})

/* Takes the lock; on an error it is not held. */
CUresult enter_device(void);
CUresult enter(struct context **out);
static inline CUresult leave(CUresult result)
{
	pthread_mutex_unlock(&gpu.lock);
	return result;
}

/* Of a call that cannot do without @pointer: what entering gave, or INVALID_VALUE without the lock.
 */
static inline CUresult need(const void *pointer, CUresult entered)
{
	return entered || pointer ? entered : leave(CUDA_ERROR_INVALID_VALUE);
}

CUresult device_find(CUdevice dev, struct device **out);
bool context_flags_valid(unsigned flags);
CUresult context_create(struct device *d, unsigned flags, struct context **out);
CUresult context_open(struct context *c);
void context_close(struct context *c);
CUresult context_wait(struct context *c);
CUresult device_wait(struct device *d);
/* While it waits no other thread enqueues work, as with an H200's driver. */
void device_wait_alone(struct device *d);
void context_fail(struct context *c, CUresult error);
/* Values that runtimes attached to it: with their destructors, so without the lock. */
void storage_context_gone(CUcontext context);
CUresult context_find(CUcontext handle, struct context **out);
void printed_add(struct context *c, enum printed_stream stream, const char *text, size_t size);
void printed_flush(struct context *c);

/* ---- code ---- */

/* Parsed text, shared by all modules and libraries made from it. */
struct code {
	int refs;
	struct ptx_module *ptx;
	unsigned kernels, variables;
};

struct function_limits {
	int max_shared; /* opted into; dynamic shared memory may be up to it */
	int carveout;
	CUfunc_cache cache;
};

/* A kernel in a context: CUfunction. */
struct function {
	struct object base; /* part of its module, which is what is counted */
	struct module *module;
	const struct ptx_kernel *ptx;
	struct kernel *kernel; /* borrowed; NULL unless of a library */
	struct function_limits own, *limits;
};

struct module {
	struct object base;
	struct context *ctx;	 /* borrowed; NULL once closed */
	struct library *library; /* borrowed; NULL unless a library's part in a context */
	struct code *code;
	void **variables; /* where each of the code's lies */
	struct range *storage, *managed;
	struct function *functions;
	LIST_ENTRY(module) link, library_link;
};

/* A kernel of a library, in no context yet: CUkernel. */
struct kernel {
	struct object base; /* part of its library */
	struct library *library;
	const struct ptx_kernel *ptx;
	unsigned index;
	struct function_limits limits[DEVICES_MAX];
};

struct library {
	struct object base;
	struct code *code;
	struct kernel *kernels;
	LIST_HEAD(, module) modules; /* one for each context that uses it */
};

struct log {
	char *buffer;
	size_t size;
};

/* Where the options want messages about errors, if they do. */
void log_find(unsigned n, const CUjit_option *options, void *const *values, struct log *log);
struct code *code_get(struct code *code);
void code_put(struct code *code);
CUresult code_load(const void *image, struct log *log, struct code **out);
/* The whole file with a NUL behind it; the caller frees it. */
CUresult file_read(const char *name, char **out);
CUresult module_create(
	struct context *c, struct code *code, struct library *l, struct module **out);
void module_close(struct module *m);
CUresult module_find(CUmodule handle, struct module **out);
CUresult module_global(
	struct module *m, const char *name, bool managed, CUdeviceptr *ptr, size_t *bytes);
CUfunction function_handle(struct function *f);
/* CUfunction or CUkernel, as all calls that take a function do. */
CUresult function_find(struct context *c, CUfunction handle, struct function **out);
/* Enters with the function of a handle that the current context may use. */
CUresult enter_function(CUfunction handle, struct function **out);
CUresult kernel_in(struct kernel *k, struct context *c, struct function **out);
CUresult limits_get(const struct ptx_kernel *ptx, const struct function_limits *l,
	CUfunction_attribute attribute, int *value);
CUresult limits_set(const struct ptx_kernel *ptx, struct function_limits *l,
	CUfunction_attribute attribute, int value);
unsigned active_blocks(const struct function *f, unsigned threads, size_t shared);

/* The PTX in @image: text, a fat binary or a wrapper of one. @out is malloc'ed. */
CUresult image_text(const void *image, char **out, size_t *length);

/* ---- graphs ---- */

struct nodes {
	struct node **at; /* counted */
	size_t count, room;
	CUgraphNode *handles; /* lent to the application until the next change */
};

void nodes_fini(struct nodes *n);
void nodes_free(struct nodes *n);
int nodes_add(struct nodes *n, struct node *node);
bool nodes_have(const struct nodes *n, const struct node *node);

/* Takes over @op. */
CUresult capture_add(struct stream *s, struct op *op);
CUresult capture_record(struct stream *s, struct event *e, unsigned flags);
CUresult capture_wait(struct stream *s, struct event *e, unsigned flags);
/* A call that may not be made on an event recorded by a capture. */
CUresult capture_event_touched(struct event *e);
CUresult capture_alloc(struct stream *s, struct device *d, size_t bytes, CUdeviceptr *out);
CUresult capture_free(struct stream *s, CUdeviceptr ptr);
/* The stream goes away. */
void capture_leave(struct stream *s);
void capture_break(struct capture *c);
/* A call that would disturb a capture: 900 and the captures that forbid it are invalid. */
CUresult capture_unsafe(void);
/* A call that no capture in @c allows. */
CUresult capture_forbid(struct context *c);
/* A use of the legacy stream while a blocking stream captures; a question about it does no harm. */
CUresult capture_implicit(struct stream *s);
CUresult capture_asked(struct stream *s);

/* Objects of the application that a graph keeps, and how many times each. */
struct user_count {
	struct object *user; /* counted so often */
	unsigned times;
};

struct users {
	struct user_count *at;
	size_t count;
};

/* An executable graph's operations in an order that works; never changes. */
struct plan {
	int refs;
	struct op *ops;
	size_t count, room;
	struct users users; /* until the launches of it are over */
};

void plan_put(struct plan *p);
CUresult plan_run(struct plan *p, struct context *c);

#endif
