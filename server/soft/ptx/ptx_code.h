/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parser makes of a PTX text and the interpreter runs: functions of
 * decoded instructions whose operands are places, not names. A module owns all
 * of it through one arena and never changes once it is parsed.
 *
 * A register is a column: one value for each of the 32 lanes of a warp, so
 * that an instruction is decoded once for all of them. Registers of up to 32
 * bits are columns of 32-bit words, those of 64 bits columns of longs, and
 * predicates single words with a bit for each lane.
 */
#ifndef PTX_CODE_H
#define PTX_CODE_H

#include "ptx.h"

#define WARP_LANES 32
#define ALL_LANES 0xffffffffu

struct warp;
struct insn;

/* Run @i for @lanes (never none); the next instruction, or NULL when the
 * running group of lanes has stopped for now. */
typedef const struct insn *handler(struct warp *w, const struct insn *i, uint32_t lanes);

/*
 * An operand is a file in its upper 4 bits and an offset in columns of words
 * (128 bytes) below; a long takes two.
 */
enum operand_file {
	FILE_WORDS,		/* registers of the frame */
	FILE_LONGS,
	FILE_LITERALS,		/* constants of the module */
	FILE_SYMBOLS,		/* addresses, known at launch */
	FILE_THREADS,		/* %tid and %warpid, of the warp */
	FILE_SPECIALS,		/* %ctaid and the like, of the block */
	FILE_COUNT,
};

#define OPERAND_SHIFT 28
#define OPERAND_MASK ((1u << OPERAND_SHIFT) - 1)
#define OPERAND(file, unit) ((uint32_t)(file) << OPERAND_SHIFT | (uint32_t)(unit))
#define UNIT_BYTES 128

/* A predicate operand: twice its index, plus one to negate. */
#define PREDICATE_FALSE 0xfffffffeu
#define PREDICATE_TRUE 0xffffffffu
#define GUARD_NONE PREDICATE_TRUE

enum rounding { ROUND_NEAREST, ROUND_ZERO, ROUND_DOWN, ROUND_UP, ROUND_AWAY };

enum insn_flag {
	FLAG_FTZ = 1,		/* flush subnormal inputs and results to zero */
	FLAG_SAT = 2,		/* clamp to [0, 1], or to the integer's range */
	FLAG_NAN = 4,		/* min and max give NaN if an input is */
	FLAG_ABS = 8,
	FLAG_RELU = 16,
	FLAG_WIDE = 32,		/* an address of 64 bits */
	FLAG_ACQUIRE = 64,
	FLAG_RELEASE = 128,
};

enum comparison {
	COMPARE_EQ, COMPARE_NE, COMPARE_LT, COMPARE_LE, COMPARE_GT, COMPARE_GE,
	COMPARE_LO, COMPARE_LS, COMPARE_HI, COMPARE_HS,
	COMPARE_EQU, COMPARE_NEU, COMPARE_LTU, COMPARE_LEU, COMPARE_GTU, COMPARE_GEU,
	COMPARE_NUM, COMPARE_NAN,
};

enum combination { COMBINE_NONE, COMBINE_AND, COMBINE_OR, COMBINE_XOR };

enum space {
	SPACE_GENERIC, SPACE_GLOBAL, SPACE_SHARED, SPACE_LOCAL, SPACE_CONST,
	SPACE_PARAM,		/* of the kernel */
	SPACE_FRAME,		/* a variable of the function's frame, by its offset */
};

/* Windows of generic addresses that are no host pointers: bits 63..56. */
#define WINDOW_SHIFT 56
#define WINDOW_SHARED (1ull << WINDOW_SHIFT)
#define WINDOW_LOCAL (2ull << WINDOW_SHIFT)
#define WINDOW_PARAM (3ull << WINDOW_SHIFT)
#define WINDOW_CODE (4ull << WINDOW_SHIFT)	/* functions, 16 apart */
#define WINDOW_MASK (0xffull << WINDOW_SHIFT)

struct call;

struct insn {
	handler *run;
	uint32_t guard;		/* a predicate operand */
	uint32_t d, a, b, c, e;	/* operands as the handler's rule says */
	union {
		int64_t offset;
		uint64_t value;
		const struct insn *target;
		const struct call *call;
		const struct branch_table *table;
	};
	const uint32_t *list;	/* operands of a vector or a pack, in memory's order */
	uint32_t line;
	uint8_t round;
	uint8_t flags;
	uint8_t compare;
	uint8_t combine;
	uint8_t space;
	uint8_t size;		/* of one element in memory */
	uint8_t count;		/* of elements */
	uint8_t extra;		/* what else the rule tells its handler */
};

struct branch_table {
	unsigned count;
	const struct insn **targets;
};

/* Where an argument, parameter or result lives. */
struct slot {
	enum slot_kind { SLOT_FRAME, SLOT_WORD, SLOT_LONG } kind;
	uint32_t place;		/* offset in the frame's memory, or an operand */
	uint32_t size;
};

struct builtin;

struct call {
	const struct function *callee;	/* NULL: indirect, or built in */
	const struct builtin *builtin;
	uint32_t pointer;		/* of an indirect call, an operand */
	unsigned argument_count;
	unsigned result_count;
	const struct slot *arguments;
	const struct slot *results;
};

/* The address of something, to be put in a column when a launch starts. */
struct reference {
	enum reference_kind { REFER_VARIABLE, REFER_SHARED, REFER_FUNCTION } kind;
	uint32_t index;
	uint32_t unit;		/* in FILE_SYMBOLS */
	bool wide;
	int64_t addend;
};

struct shared_place {
	uint32_t variable;
	uint32_t offset;
};

struct function {
	char *name;
	unsigned index;
	bool is_kernel;
	bool is_defined;
	bool address_taken;
	bool calls_indirectly;
	const struct function *alias;	/* what an undefined one stands for */
	struct insn *code;
	size_t code_count;
	uint32_t slots;		/* registers of the frame, of the largest file */
	uint32_t frame_bytes;	/* memory of the frame: .local and .param variables */
	struct slot *parameters;
	unsigned parameter_count;
	struct slot *results;
	unsigned result_count;
	struct reference *references;
	unsigned reference_count;
	const struct function **callees;
	unsigned callee_count;
	/* Of a kernel only. */
	struct ptx_kernel kernel;
	const struct function **reachable;
	unsigned reachable_count;
	struct shared_place *shared;
	unsigned shared_count;
	uint32_t dynamic_offset;	/* where dynamic shared memory starts */
};

struct relocation {
	uint32_t offset;
	uint32_t size;
	uint32_t shift;		/* which byte of the address, in bits */
	enum reference_kind kind;
	uint32_t index;
	int64_t addend;
};

struct variable {
	struct ptx_variable public;
	unsigned char *image;	/* its first image_size bytes; zeros follow */
	size_t image_size;
	struct relocation *relocations;
	size_t relocation_count;
};

struct shared_variable {
	uint32_t size;
	uint32_t alignment;
	bool is_dynamic;
};

struct arena_chunk;

struct ptx_module {
	struct arena_chunk *arena;
	unsigned version;
	unsigned target;
	struct function **functions;
	unsigned function_count;
	struct function **kernels;
	unsigned kernel_count;
	struct variable **variables;
	unsigned variable_count;
	struct shared_variable *shared;
	unsigned shared_count;
	unsigned char *literals;
	uint32_t literal_units;
	uint32_t symbol_units;
};

/* Zeroed memory that lives as long as the module, or NULL. */
void *arena_get(struct ptx_module *m, size_t size);

/* What a call of an undefined .extern function means, or NULL. */
const struct builtin *builtin_find(const char *name);

bool builtin_accepts(const struct builtin *b, const struct call *c);

/* Do the arguments and results of @c fit @f? */
bool call_matches(const struct call *c, const struct function *f);


#endif
