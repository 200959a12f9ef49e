/*
 * The few heap calls of the tree; everything else lives in arenas.
 */
#include "lib/base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void gp_mem_exhausted(size_t size)
{
	fprintf(stderr, "out of memory (%zu bytes asked for)\n", size);
	abort();
}

void *gp_xmalloc(size_t size)
{
	void *p = malloc(size ? size : 1);

	if (!p)
		gp_mem_exhausted(size);
	return p;
}

void *gp_xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		gp_mem_exhausted(n * size);
	return p;
}

void *gp_xrealloc(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);

	if (!p)
		gp_mem_exhausted(size);
	return p;
}

void *gp_xreallocarray(void *old, size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total))
		gp_mem_exhausted(SIZE_MAX);
	return gp_xrealloc(old, total);
}

char *gp_xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(gp_xmalloc(n), s, n);
}

void gp_wipe_free(void *p, size_t size)
{
	if (p)
		explicit_bzero(p, size);
	free(p);
}

void gp_freep(void *p)
{
	void **slot = p;

	free(*slot);
	*slot = NULL;
}
