/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PTX on the CPU: parses the text once into an immutable module and runs its
 * kernels by interpretation. Knows nothing of the driver API: the caller owns
 * memory, says which addresses are good, and gets faults as data.
 *
 * Device memory is memory of this process: a global address is a host pointer.
 * A parsed module may be used by many threads at once. Nothing here logs,
 * exits or keeps global state.
 */
#ifndef PTX_H
#define PTX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ptx_module;

struct ptx_parameter {
	uint32_t offset;
	uint32_t size;
	uint32_t alignment;
};

/* A kernel as its declaration tells; owned by the module. */
struct ptx_kernel {
	const char *name;
	unsigned parameter_count;
	const struct ptx_parameter *parameters;
	size_t parameter_bytes;
	size_t shared_bytes;		/* static shared memory, callees' included */
	size_t local_bytes;		/* of one thread, direct callees' not included */
	size_t const_bytes;		/* user .const variables of the module */
	unsigned max_block[3];		/* .maxntid, zeros without */
	unsigned required_block[3];	/* .reqntid, zeros without */
	unsigned min_blocks;		/* .minnctapersm, 0 without */
	unsigned registers;		/* an estimate of 32-bit registers of a thread */
};

/* A module-scope .global or .const variable; owned by the module. */
struct ptx_variable {
	const char *name;
	size_t size;
	size_t alignment;
	bool is_const;
	bool is_extern;			/* declared only: the caller may still place it */
	bool is_managed;		/* .attribute(.managed) */
};

/*
 * Parse @length bytes of @text, which need not be terminated (a NUL ends it
 * early). 0 with *out set; -EINVAL with a message in @log such as "line 12:
 * instruction 'foo.bar' is not supported"; -ENOMEM. @log may be NULL.
 */
int ptx_module_parse(const char *text, size_t length, struct ptx_module **out,
		     char *log, size_t log_size);

/* NULL is fine. No launch of the module may be running. */
void ptx_module_destroy(struct ptx_module *module);

unsigned ptx_module_version(const struct ptx_module *module);	/* 90 for .version 9.0 */
unsigned ptx_module_target(const struct ptx_module *module);	/* 75 for sm_75 */

/* Kernels in order of their definition; NULL beyond the last or if unknown. */
const struct ptx_kernel *ptx_module_kernel(const struct ptx_module *module, unsigned index);
const struct ptx_kernel *ptx_module_find_kernel(const struct ptx_module *module,
						const char *name);

/* Variables in order of their declaration; NULL beyond the last or if unknown. */
const struct ptx_variable *ptx_module_variable(const struct ptx_module *module, unsigned index);
const struct ptx_variable *ptx_module_find_variable(const struct ptx_module *module,
						    const char *name);
/* Index of a variable from the two calls above. */
unsigned ptx_module_variable_index(const struct ptx_module *module,
				   const struct ptx_variable *variable);

/*
 * Write every variable's initial image: zeros, or its initialiser with the
 * addresses of other variables filled in. @variables[i] is where the caller
 * placed variable i (of its size and alignment); NULL leaves it out (an
 * extern one), and -ENOENT results if an initialiser needs its address.
 */
int ptx_module_initialise(const struct ptx_module *module, void *const *variables);

/* A stretch [base, end) of memory all of which may be accessed alike. */
struct ptx_range {
	uint64_t base;
	uint64_t end;
	bool writable;
};

/* What the interpreter asks of the owner of memory, from any of its threads. */
struct ptx_memory {
	/*
	 * May [address, address + size) be read, or written if @write? On true
	 * *range is the stretch around it that stays good until the launch is
	 * over; the interpreter asks again only outside of the stretches it knows.
	 */
	bool (*valid)(void *user, uint64_t address, size_t size, bool write,
		      struct ptx_range *range);
	/* The device heap of malloc() and free() in kernels; both may be NULL.
	 * allocate: 16-byte aligned, 0 when exhausted. release gets only what is
	 * not 0, and answers false for what is no allocation, which is a fault. */
	uint64_t (*allocate)(void *user, size_t size);
	bool (*release)(void *user, uint64_t address);
	void *user;
};

enum ptx_fault_kind {
	PTX_FAULT_NONE,
	PTX_FAULT_ADDRESS,		/* illegal address */
	PTX_FAULT_MISALIGNED,
	PTX_FAULT_INSTRUCTION,		/* illegal instruction, bad function pointer */
	PTX_FAULT_TRAP,			/* trap, brkpt */
	PTX_FAULT_ASSERT,		/* __assertfail, its text already printed */
	PTX_FAULT_STACK,		/* stack overflow */
	PTX_FAULT_DEADLOCK,		/* no thread of a block can go on */
	PTX_FAULT_CANCELLED,
	PTX_FAULT_MEMORY,		/* this process has no memory left to go on */
};

struct ptx_fault {
	enum ptx_fault_kind kind;
	uint64_t address;		/* of ADDRESS and MISALIGNED */
	const char *kernel;		/* owned by the module */
	unsigned block[3];
	unsigned thread[3];
	unsigned line;			/* in the PTX text, 0 if unknown */
};

struct ptx_launch {
	const struct ptx_module *module;
	const struct ptx_kernel *kernel;	/* one of the module's */
	unsigned grid[3];
	unsigned block[3];		/* at most 1024 threads */
	size_t dynamic_shared;
	const void *params;		/* laid out as kernel->parameters says */
	size_t params_size;		/* at least kernel->parameter_bytes */
	void *const *variables;		/* where each variable lies, as above */
	const struct ptx_memory *memory;
	/* Device printf and, where @failed, assertions: whole lines or pieces in order
	 * of each thread's calls, never two calls at once. May be NULL. */
	void (*print)(void *user, bool failed, const char *text, size_t size);
	void *print_user;
	const atomic_int *cancel;	/* non-zero ends the launch soon; may be NULL */
	unsigned threads;		/* host threads to spread blocks over, 0 means 1 */
	unsigned multiprocessors;	/* what %nsmid says, 0 means 1 */
	uint64_t grid_id;		/* what %gridid says */
	size_t stack_limit;		/* bytes of local memory of a thread, 0: a default */
	bool cooperative;		/* grid-wide synchronisation: all blocks run at once */
};

/*
 * Run the whole grid; returns when it is over. 0; -EFAULT, -ECANCELED or
 * -ENOMEM with *fault filled; -EINVAL for a launch that contradicts itself
 * (dimensions, sizes). @fault may be NULL. What blocks other than the faulty
 * one did until then stays done.
 */
int ptx_run(const struct ptx_launch *launch, struct ptx_fault *fault);

/* "illegal address" and so on; never NULL. */
const char *ptx_fault_name(enum ptx_fault_kind kind);

#endif
