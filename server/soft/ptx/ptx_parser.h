/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser's own state: tokens, names in scope, and the function being
 * built. Errors stick: after the first, every token is the end of the text, so
 * that all loops end by themselves; whoever finds the error says it.
 */
#ifndef PTX_PARSER_H
#define PTX_PARSER_H

#include "ptx_code.h"

struct text {
	const char *at;
	size_t size;
};

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_INTEGER, TOKEN_FLOAT, TOKEN_STRING, TOKEN_SIGN };

struct token {
	enum token_kind kind;
	char sign;		/* of TOKEN_SIGN; << and >> are 'l' and 'r', comparisons '?' */
	struct text text;	/* of TOKEN_WORD, and what it looked like of all others */
	uint64_t integer;	/* also the bits of an exact TOKEN_FLOAT */
	double number;
	unsigned exact;		/* 32 or 64: a float given by its bits */
	unsigned line;
};

enum symbol_kind {
	SYMBOL_REGISTER, SYMBOL_VARIABLE, SYMBOL_SHARED, SYMBOL_FRAME, SYMBOL_PARAMETER,
	SYMBOL_LABEL, SYMBOL_FUNCTION, SYMBOL_PROTOTYPE, SYMBOL_TARGETS,
};

struct symbol {
	struct text name;
	enum symbol_kind kind;
	struct symbol *next;	/* in its bucket */
	struct symbol *older;	/* declared before it */
	unsigned depth;
	uint32_t first;		/* register slot, offset, index; label's instruction */
	uint32_t count;		/* of a family of registers, 0 for a single one */
	unsigned bits;		/* of a register; 1 is a predicate */
	uint32_t size;		/* of a variable in a frame or parameter */
	struct branch_table *table;
};

enum term_kind { TERM_NAME, TERM_INTEGER, TERM_FLOAT, TERM_ADDRESS, TERM_VECTOR, TERM_LIST };

/* One operand as it is written. */
struct term {
	enum term_kind kind;
	bool negated;		/* !p */
	bool paired;		/* followed by |, the next item is its second half */
	struct text name;	/* of NAME, and of ADDRESS unless absolute */
	uint64_t integer;	/* of INTEGER; the offset of NAME and ADDRESS */
	double number;
	unsigned exact;
	unsigned first, count;	/* items of VECTOR and LIST, in the statement's items */
	struct text pair;	/* the name after | */
};

#define STATEMENT_WORDS 24
#define STATEMENT_TERMS 12

/* One instruction as it is written. */
struct statement {
	unsigned line;
	struct text name;	/* all of it, for messages */
	struct text words[STATEMENT_WORDS];	/* the name cut at its dots */
	unsigned word_count;
	unsigned word;		/* the next one not understood yet */
	uint32_t guard;
	struct term terms[STATEMENT_TERMS];
	unsigned term_count;
	struct term *items;
	unsigned item_count, item_capacity;
};

enum fixup_kind { FIXUP_TARGET, FIXUP_TABLE_ENTRY, FIXUP_TABLE };

struct fixup {
	enum fixup_kind kind;
	struct text label;
	unsigned line;
	uint32_t insn;
	struct branch_table *table;
	uint32_t entry;
	uint32_t resolved;	/* UINT32_MAX until then */
	struct branch_table *resolved_table;
};

struct literal {
	uint64_t value;
	uint32_t unit;
	bool wide;
	struct literal *next;
};

/* A register in an instruction, for ptx_liveness.c. */
struct occurrence {
	uint32_t insn;
	uint32_t register_id;
	bool write;
};

struct parser;
struct rule;

typedef void builder(struct parser *p, const struct rule *rule, struct insn *i);

/*
 * How one form of an instruction is written and run. @pattern is its name with
 * choices <a|b> and optional words {a}; {rnd}, {cmp} and so on set the fields
 * of the instruction. @operands has a letter for each, see operand_parse().
 * With @build instead, that function does the rest from the matched word on.
 */
struct rule {
	const char *pattern;
	const char *operands;
	handler *run;
	unsigned extra;
	builder *build;
};

/* An address in an initialiser, to be resolved once all names are known. */
struct pending {
	struct pending *next;
	struct variable *variable;
	struct relocation relocation;
	struct text name;
	unsigned line;
};

#define RULES_END { NULL, NULL, NULL, 0, NULL }

#define SYMBOL_BUCKETS 8192
#define LITERAL_BUCKETS 1024
#define RULE_BUCKETS 256
#define RULE_LIMIT 2048

struct parser {
	const char *at, *end;
	unsigned line;
	struct token token;
	int err;
	char *log;
	size_t log_size;

	struct ptx_module *m;
	struct symbol *buckets[SYMBOL_BUCKETS];
	struct symbol *newest;
	unsigned depth;
	struct literal *literals[LITERAL_BUCKETS];
	uint32_t literal_capacity;
	const struct rule *rules[RULE_LIMIT];
	uint16_t rule_next[RULE_LIMIT], rule_heads[RULE_BUCKETS];
	unsigned rule_count;

	struct function *f;	/* being parsed, or NULL */
	struct insn *code;
	uint32_t code_count, code_capacity;
	struct fixup *fixups;
	uint32_t fixup_count, fixup_capacity;
	uint32_t words, longs, predicates;	/* registers declared so far */
	struct reference *references;
	uint32_t reference_count, reference_capacity;
	const struct function **callees;
	uint32_t callee_count, callee_capacity;
	struct occurrence *occurrences;
	uint32_t occurrence_count, occurrence_capacity;
	struct statement s;
	unsigned nesting;	/* of expressions */
	struct pending *pending;
	uint32_t function_capacity, variable_capacity, shared_capacity;
};

/* ptx_lex.c */
void lex_next(struct parser *p);
void lex_skip_line(struct parser *p);	/* the rest of it, and on to the next token */
__attribute__((format(printf, 2, 3))) void parse_error(struct parser *p, const char *format, ...);
__attribute__((format(printf, 3, 4))) void parse_error_at(struct parser *p, unsigned line,
							  const char *format, ...);
bool text_is(struct text t, const char *s);
bool text_equal(struct text a, struct text b);
bool token_is(const struct parser *p, char sign);
bool token_is_word(const struct parser *p, const char *word);
bool accept_sign(struct parser *p, char sign);
bool accept_word(struct parser *p, const char *word);
void expect_sign(struct parser *p, char sign);
struct text expect_word(struct parser *p);
/* The size of a PTX type such as ".b32" or "b32" in bits (1 for pred), 0 if none. */
unsigned type_bits(struct text t);

/* ptx_expression.c: constants */
struct constant {
	bool is_float;
	uint64_t integer;
	double number;
	unsigned exact;
};

struct constant parse_constant(struct parser *p);
uint64_t parse_integer(struct parser *p);
uint64_t constant_bits(struct constant c, unsigned bits, bool as_float);

/* ptx_symbol.c */
struct symbol *symbol_find(struct parser *p, struct text name);
struct symbol *symbol_add(struct parser *p, struct text name, enum symbol_kind kind);
/* A register by name; @number is its index in its family. NULL if unknown. */
struct symbol *symbol_find_register(struct parser *p, struct text name, uint32_t *number);
void scope_open(struct parser *p);
void scope_close(struct parser *p);
int parser_grow(struct parser *p, void **array, uint32_t *capacity, uint32_t count, size_t size);
char *parser_copy(struct parser *p, struct text t);
void *parser_get(struct parser *p, size_t size);
void fixup_add(struct parser *p, struct fixup f);
void fixups_close(struct parser *p, uint32_t first);
void fixups_finish(struct parser *p);

/* ptx_declare.c: declarations inside and outside of functions */
#define DIMENSIONS_LIMIT 8

struct declaration {
	struct text name;
	unsigned bits;		/* of an element */
	unsigned lanes;		/* of a vector type, 1 without */
	uint64_t count;		/* of elements, 1 without brackets */
	bool is_array;
	bool is_unsized;
	unsigned alignment;
	bool is_float;
	uint32_t family;	/* %r<n>, 0 without */
	uint64_t dimensions[DIMENSIONS_LIMIT];
	unsigned dimension_count;
};

uint64_t declaration_bytes(struct parser *p, const struct declaration *d);
void parse_declarator(struct parser *p, struct declaration *d);
void parse_type_words(struct parser *p, struct declaration *d);
void parse_registers(struct parser *p);
void parse_frame_variable(struct parser *p);
void parse_variable(struct parser *p, struct text space, bool is_extern);
void parse_initialiser(struct parser *p, struct variable *v, const struct declaration *d);
void initialisers_finish(struct parser *p);
uint32_t frame_place(struct parser *p, uint64_t size, unsigned alignment);

/* ptx_function.c */
void parse_function(struct parser *p, bool is_kernel);

/* ptx_body.c */
void parse_body(struct parser *p);

/* ptx_link.c: once the whole text is known */
void functions_finish(struct parser *p);

/* ptx_statement.c */
void parse_statement(struct parser *p, uint32_t guard, struct text name, unsigned line);
uint32_t parse_guard(struct parser *p);

/* ptx_operand.c */
uint32_t literal_word(struct parser *p, uint32_t value);
uint32_t literal_long(struct parser *p, uint64_t value);
/* An operand of @bits; errors stick. A destination may be _. */
uint32_t operand_read(struct parser *p, const struct term *t, unsigned bits, bool is_float);
uint32_t operand_write(struct parser *p, const struct term *t, unsigned bits);
uint32_t operand_predicate(struct parser *p, struct text name, bool negated);
uint32_t predicate_read(struct parser *p, const struct term *t);
uint32_t predicate_write(struct parser *p, struct text name);
/* The width of a register or special register, 0 if @t is neither. */
unsigned operand_bits(struct parser *p, const struct term *t);
uint32_t special_find(struct text name, unsigned *bits);
bool is_sink(struct text name);
const struct term *item_at(const struct parser *p, const struct term *t, unsigned index);
/* Put the operands that @letters name into @i. */
void operands_parse(struct parser *p, const char *letters, struct insn *i);

/* ptx_liveness.c */
void occurrence_add(struct parser *p, uint32_t register_id, bool write);
/* 32-bit registers of a thread in the function that has just been parsed. */
unsigned registers_estimate(struct parser *p);

/* ptx_branch.c: where an instruction may go on. */
struct flow {
	const struct insn *const *targets;
	unsigned count;
	bool falls_through;
};

struct flow flow_of(const struct insn *i);

/* ptx_build.c */
void rules_load(struct parser *p);
bool rule_known(const struct parser *p, struct text opcode);
void build_statement(struct parser *p);
struct insn *insn_add(struct parser *p);
void unsupported(struct parser *p);
/* Take the next word of the statement's name if it is @word. */
bool word_take(struct parser *p, const char *word);
struct text word_peek(const struct parser *p);
/* The statement must have no word left, and @count operands. */
void statement_expect(struct parser *p, unsigned low, unsigned high);
bool word_take_rounding(struct parser *p, struct insn *i);
bool word_take_comparison(struct parser *p, struct insn *i);

/* ptx_memory.c */
bool build_frame_address(struct parser *p, const struct term *t, struct insn *i, unsigned bits,
	uint64_t window);

/* Tables of rules, one of each family; RULES_END ends them. */
extern const struct rule rules_integer[], rules_wide[], rules_bits[], rules_float[],
	rules_double[], rules_half[], rules_convert[], rules_compare[], rules_move[],
	rules_memory[], rules_atomic[], rules_warp[], rules_barrier[], rules_branch[],
	rules_math[], rules_select[], rules_dot[], rules_video[], rules_stack[], rules_copy[];

#endif
