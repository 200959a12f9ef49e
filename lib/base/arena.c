/*
 * Bump allocation in a chain of blocks.  An object larger than a quarter of a
 * block gets a block of its own, so that a big body does not waste the tail of
 * the current one.
 */
#include "lib/base/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/mem.h"

#define BLOCK_DEFAULT (16u << 10)
#define ALIGNMENT alignof(max_align_t)

struct block {
	struct block *next;
	size_t used;
	size_t size;
	alignas(max_align_t) unsigned char data[];
};

struct cleanup {
	struct cleanup *next;
	void (*fn)(void *arg);
	void *arg;
};

struct gp_arena {
	struct block *head;  /* the one being filled; the first one is last in the chain */
	struct block *large; /* blocks with one object each */
	struct cleanup *cleanups;
	size_t block_size;
	size_t held;
};

static struct block *block_new(struct gp_arena *a, size_t size)
{
	struct block *b = gp_xmalloc(sizeof(*b) + size);

	b->next = NULL;
	b->used = 0;
	b->size = size;
	a->held += sizeof(*b) + size;
	return b;
}

struct gp_arena *gp_arena_new(size_t block_size)
{
	struct gp_arena *a = gp_xcalloc(1, sizeof(*a));

	a->block_size = block_size ? block_size : BLOCK_DEFAULT;
	a->head = block_new(a, a->block_size);
	return a;
}

static void run_cleanups(struct gp_arena *a)
{
	while (a->cleanups) {
		struct cleanup *c = a->cleanups;

		a->cleanups = c->next;
		c->fn(c->arg);
	}
}

static void blocks_free(struct gp_arena *a, struct block *b, const struct block *keep)
{
	while (b && b != keep) {
		struct block *next = b->next;

		a->held -= sizeof(*b) + b->size;
		free(b);
		b = next;
	}
}

void gp_arena_reset(struct gp_arena *a)
{
	struct block *first = a->head;

	run_cleanups(a);
	while (first->next)
		first = first->next;
	blocks_free(a, a->head, first);
	blocks_free(a, a->large, NULL);
	a->large = NULL;
	a->head = first;
	first->used = 0;
}

void gp_arena_free(struct gp_arena *a)
{
	if (!a)
		return;
	run_cleanups(a);
	blocks_free(a, a->head, NULL);
	blocks_free(a, a->large, NULL);
	free(a);
}

void gp_arena_freep(struct gp_arena **a)
{
	gp_arena_free(*a);
	*a = NULL;
}

static size_t align_up(size_t n)
{
	assert(n <= SIZE_MAX - ALIGNMENT);
	return (n + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

void *gp_arena_alloc(struct gp_arena *a, size_t size)
{
	struct block *b = a->head;
	void *p;

	size = align_up(size ? size : 1);
	if (size > b->size - b->used) {
		if (size > a->block_size / 4) {
			b = block_new(a, size);
			b->next = a->large;
			a->large = b;
		} else {
			b = block_new(a, a->block_size);
			b->next = a->head;
			a->head = b;
		}
	}
	p = b->data + b->used;
	b->used += size;
	return p;
}

void *gp_arena_zalloc(struct gp_arena *a, size_t size)
{
	return memset(gp_arena_alloc(a, size), 0, size);
}

void *gp_arena_zalloc_n(struct gp_arena *a, size_t n, size_t size)
{
	size_t total;
	bool overflow = __builtin_mul_overflow(n, size, &total);

	assert(!overflow);
	return gp_arena_zalloc(a, overflow ? SIZE_MAX : total);
}

void *gp_arena_grow(struct gp_arena *a, void *old, size_t old_size, size_t new_size)
{
	struct block *b = a->head;
	size_t was = align_up(old_size ? old_size : 1);
	void *p;

	assert(new_size >= old_size);
	if (old && b->used >= was && (unsigned char *)old == b->data + b->used - was) {
		size_t want = align_up(new_size ? new_size : 1);

		if (want - was <= b->size - b->used) {
			b->used += want - was;
			return old;
		}
	}
	p = gp_arena_alloc(a, new_size);
	if (old_size)
		memcpy(p, old, old_size);
	return p;
}

void *gp_arena_dup(struct gp_arena *a, const void *data, size_t size)
{
	void *p = gp_arena_alloc(a, size);

	if (size)
		memcpy(p, data, size);
	return p;
}

char *gp_arena_cstr(struct gp_arena *a, struct gp_str s)
{
	char *p = gp_arena_alloc(a, s.len + 1);

	if (s.len)
		memcpy(p, s.ptr, s.len);
	p[s.len] = '\0';
	return p;
}

char *gp_arena_strdup(struct gp_arena *a, const char *s)
{
	return gp_arena_dup(a, s, strlen(s) + 1);
}

struct gp_str gp_arena_str(struct gp_arena *a, struct gp_str s)
{
	return (struct gp_str){gp_arena_cstr(a, s), s.len};
}

struct gp_str gp_arena_lower(struct gp_arena *a, struct gp_str s)
{
	char *out = gp_arena_cstr(a, s);

	for (size_t i = 0; i < s.len; i++)
		out[i] = gp_lower(out[i]);
	return gp_str_n(out, s.len);
}

char *gp_arena_printf(struct gp_arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	assert(n >= 0);
	p = gp_arena_alloc(a, (size_t)n + 1);
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

void gp_arena_on_end(struct gp_arena *a, void (*fn)(void *arg), void *arg)
{
	struct cleanup *c = gp_arena_alloc(a, sizeof(*c));

	*c = (struct cleanup){a->cleanups, fn, arg};
	a->cleanups = c;
}

size_t gp_arena_size(const struct gp_arena *a)
{
	return a->held;
}
