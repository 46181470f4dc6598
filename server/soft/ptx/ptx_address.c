/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an address in a kernel to memory of this process. Shared and local
 * memory and parameters are windows of the generic address space that can be
 * no host pointers; everything else is one, and used only if the owner of
 * memory says so. What it said is remembered for each place in the code.
 */
#include "ptx_address.h"

static void *fault(struct warp *w, const struct insn *i, unsigned lane, uint64_t address)
{
	warp_fault(w, i, lane, PTX_FAULT_ADDRESS, address);
	return NULL;
}

/* The owner of memory is asked, and its answer kept. */
static void *ask(struct warp *w, const struct insn *i, unsigned lane, uint64_t address,
	uint32_t size, bool write)
{
	const struct ptx_memory *m = w->block->grid->launch->memory;
	struct ptx_range range = {0};
	struct span *s = span_of(w, i, write);

	if (!m || address + size < address || !m->valid(m->user, address, size, write, &range))
		return fault(w, i, lane, address);
	if (range.base <= address && range.end >= address + size && (!write || range.writable)) {
		s->base = range.base;
		s->size = range.end - range.base;
	}
	return (void *)(uintptr_t)address;
}

static bool is_workspace(const struct grid *g, uint64_t address, uint32_t size)
{
	uint64_t base = (uint64_t)(uintptr_t)g->workspace;

	return g->launch->cooperative && address >= base && address - base <= 64 - (uint64_t)size;
}

static void *memory_global(struct warp *w, const struct insn *i, unsigned lane, uint64_t address,
	uint32_t size, bool write)
{
	struct span *s = span_of(w, i, write);

	if (span_holds(s, address, size))
		return (void *)(uintptr_t)address;
	if (is_workspace(w->block->grid, address, size))
		return (void *)(uintptr_t)address;
	return ask(w, i, lane, address, size, write);
}

static void *memory_local(struct warp *w, const struct insn *i, unsigned lane, uint64_t address,
	uint32_t size)
{
	if (address >= w->stack_bytes || size > w->stack_bytes - address)
		return fault(w, i, lane, address | WINDOW_LOCAL);
	return w->stack + (size_t)lane * w->stack_bytes + address;
}

static void *memory_param(struct warp *w, const struct insn *i, unsigned lane, uint64_t address,
	uint32_t size, bool write)
{
	uint64_t bytes = w->block->grid->kernel->kernel.parameter_bytes;

	address &= ~WINDOW_MASK;
	if (write || address >= bytes || size > bytes - address)
		return fault(w, i, lane, address | WINDOW_PARAM);
	return w->block->grid->params + address;
}

static void *memory_window(struct warp *w, const struct insn *i, unsigned lane, uint64_t address,
	uint32_t size, bool write)
{
	uint64_t offset = address & ~WINDOW_MASK;
	void *place;

	switch (address & WINDOW_MASK) {
	case WINDOW_SHARED:
		place = shared_at(w, offset, size);
		return place ? place : fault(w, i, lane, address);
	case WINDOW_LOCAL:
		return memory_local(w, i, lane, offset, size);
	case WINDOW_PARAM:
		return memory_param(w, i, lane, offset, size, write);
	default:
		return memory_global(w, i, lane, address, size, write);
	}
}

void *memory_at(struct warp *w, const struct insn *i, unsigned lane, enum space space,
	uint64_t address, uint32_t size, bool write)
{
	void *place;

	if (unlikely(address & (size - 1))) {
		warp_fault(w, i, lane, PTX_FAULT_MISALIGNED, address);
		return NULL;
	}
	switch (space) {
	case SPACE_SHARED:
		place = shared_at(w, address, size);
		return place ? place : fault(w, i, lane, address | WINDOW_SHARED);
	case SPACE_LOCAL:
		return memory_local(w, i, lane, address, size);
	case SPACE_FRAME:
		return memory_local(w, i, lane, address + w->local[lane], size);
	case SPACE_PARAM:
		return memory_param(w, i, lane, address, size, write);
	case SPACE_GLOBAL:
	case SPACE_CONST:
		return memory_global(w, i, lane, address, size, write);
	case SPACE_GENERIC:
		break;
	}
	return memory_window(w, i, lane, address, size, write);
}

void *memory_bytes(struct warp *w, const struct insn *i, unsigned lane, uint64_t address,
	uint32_t size, bool write)
{
	return memory_window(w, i, lane, address, size, write);
}
