/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linking PTX: the inputs one after the other make one text, in which a
 * declaration finds its definition; that text is this device's binary. What
 * cuLinkComplete gives lives as long as the link. A link is one thread's: with
 * another's help the real linker crashes in the link after it.
 */
#include "soft.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct link {
	struct object base;
	char *text;
	size_t size;
	bool complete;
	pthread_t thread;
	struct log log;
};

/* What links of nothing give. */
static const char nothing[] = ".version 7.5\n.target sm_75\n.address_size 64\n";

static void link_release(struct object *o)
{
	struct link *l = (struct link *)o;

	free(l->text);
	free(l);
}

CUresult cuLinkCreate_v2(unsigned int n, CUjit_option *options, void **values, CUlinkState *out)
{
	struct link *l;
	struct context *c;
	CUresult result = enter(&c);

	if (result)
		return result;
	if (!out || (n && (!options || !values)))
		return leave(CUDA_ERROR_INVALID_VALUE);
	l = calloc(1, sizeof(*l));
	if (!l)
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	object_init(&l->base, KIND_LINK, link_release);
	l->thread = pthread_self();
	log_find(n, options, values, &l->log);
	if (object_publish(&l->base) < 0) {
		object_put(l);
		return leave(CUDA_ERROR_OUT_OF_MEMORY);
	}
	*out = (CUlinkState)l->base.handle;
	return leave(CUDA_SUCCESS);
}

static CUresult enter_link(CUlinkState handle, struct link **out)
{
	CUresult result = enter_device();

	if (result)
		return result;
	*out = object_find(KIND_LINK, handle);
	if (!*out || !pthread_equal((*out)->thread, pthread_self()))
		return leave(CUDA_ERROR_INVALID_HANDLE);
	return CUDA_SUCCESS;
}

/* What may stand only once: in pieces after the first it becomes blanks. */
static void blank_heading(char *text)
{
	static const char *const words[] = {".version", ".target", ".address_size"};
	char *at;
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		at = strstr(text, words[i]);
		if (at)
			memset(at, ' ', strcspn(at, "\n"));
	}
}

/* Takes over @text; NULL: there was no memory for it. */
static CUresult append(struct link *l, char *text, size_t length)
{
	char *grown = text ? realloc(l->text, l->size + length + 2) : NULL;

	if (!grown) {
		free(text);
		return CUDA_ERROR_OUT_OF_MEMORY;
	}
	if (l->size)
		blank_heading(text);
	memcpy(grown + l->size, text, length);
	free(text);
	l->text = grown;
	l->size += length;
	grown[l->size++] = '\n';
	grown[l->size] = 0;
	return CUDA_SUCCESS;
}

/* A PTX text given with its size need not end in a NUL. */
static CUresult input_text(
	CUjitInputType type, const void *data, size_t size, char **text, size_t *length)
{
	if (type == CU_JIT_INPUT_FATBINARY)
		return image_text(data, text, length);
	if (type == CU_JIT_INPUT_CUBIN && (size < 4 || memcmp(data, "\177ELF", 4)))
		return CUDA_ERROR_INVALID_IMAGE;
	if (type == CU_JIT_INPUT_CUBIN || type == CU_JIT_INPUT_OBJECT ||
		type == CU_JIT_INPUT_LIBRARY)
		return CUDA_ERROR_NO_BINARY_FOR_GPU;
	if (type != CU_JIT_INPUT_PTX)
		return CUDA_ERROR_INVALID_VALUE;
	*text = strndup(data, size);
	if (!*text)
		return CUDA_ERROR_OUT_OF_MEMORY;
	if (!strstr(*text, ".version")) {
		free(*text);
		return CUDA_ERROR_INVALID_IMAGE;
	}
	*length = strlen(*text);
	return CUDA_SUCCESS;
}

CUresult cuLinkAddData_v2(CUlinkState state, CUjitInputType type, void *data, size_t size,
	const char *name, unsigned int n, CUjit_option *options, void **values)
{
	struct link *l;
	size_t length;
	char *text;
	CUresult result = enter_link(state, &l);

	if (result)
		return result;
	if (!data || !size || l->complete)
		return leave(CUDA_ERROR_INVALID_VALUE);
	result = input_text(type, data, size, &text, &length);
	return leave(result ? result : append(l, text, length));
}

CUresult cuLinkAddFile_v2(CUlinkState state, CUjitInputType type, const char *path, unsigned int n,
	CUjit_option *options, void **values)
{
	char *bytes;
	CUresult result = file_read(path, &bytes);

	if (result)
		return result;
	result = cuLinkAddData_v2(state, type, bytes, strlen(bytes) + 1, path, n, options, values);
	free(bytes);
	return result;
}

CUresult cuLinkComplete(CUlinkState state, void **image, size_t *size)
{
	struct code *code;
	struct link *l;
	CUresult result = enter_link(state, &l);

	if (result)
		return result;
	if (!image)
		return leave(CUDA_ERROR_INVALID_VALUE);
	if (l->complete)
		return leave(CUDA_ERROR_INVALID_HANDLE);
	if (!l->text)
		result = append(l, strdup(nothing), sizeof(nothing) - 1);
	if (!result)
		result = code_load(l->text, &l->log, &code);
	if (result)
		return leave(result);
	code_put(code);
	l->complete = true;
	*image = l->text;
	if (size)
		*size = l->size + 1;
	return leave(CUDA_SUCCESS);
}

CUresult cuLinkDestroy(CUlinkState state)
{
	struct link *l;
	CUresult result = enter_link(state, &l);

	if (result)
		return result;
	object_withdraw(&l->base);
	object_put(l);
	return leave(CUDA_SUCCESS);
}
