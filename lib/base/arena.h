/*
 * Arena: memory with one lifetime, released all at once.
 *
 * Three lifetimes exist (configuration snapshot, session, message), each with
 * an arena of its own.  Objects are allocated in the arena of their lifetime
 * and never freed one by one; a pointer may point into a longer lifetime,
 * never into a shorter one.  Allocation does not fail (see lib/base/mem.h).
 *
 * Not thread-safe: an arena belongs to whoever owns the lifetime.
 */
#ifndef GP_BASE_ARENA_H
#define GP_BASE_ARENA_H

#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/str.h"

struct gp_arena;

/* A new arena; block_size is how much it asks of malloc at a time (0: 16 KiB). */
struct gp_arena *gp_arena_new(size_t block_size);
/* Runs the cleanups in reverse order, then releases everything.  NULL is fine. */
void gp_arena_free(struct gp_arena *a);
/* As gp_arena_free, but keeps the first block for the next round. */
void gp_arena_reset(struct gp_arena *a);
void gp_arena_freep(struct gp_arena **a);

/* Aligned for any type, uninitialised / zeroed. */
void *gp_arena_alloc(struct gp_arena *a, size_t size)
	__attribute__((malloc, returns_nonnull));
void *gp_arena_zalloc(struct gp_arena *a, size_t size)
	__attribute__((malloc, returns_nonnull));
/* n objects of `size` bytes; overflow aborts. */
void *gp_arena_zalloc_n(struct gp_arena *a, size_t n, size_t size)
	__attribute__((malloc, returns_nonnull));
/* Grows the newest allocation in place where possible, else copies. */
void *gp_arena_grow(struct gp_arena *a, void *old, size_t old_size, size_t new_size)
	__attribute__((returns_nonnull));

/* Copies; the _cstr forms end in NUL (embedded NULs are copied as they are). */
void *gp_arena_dup(struct gp_arena *a, const void *data, size_t size);
char *gp_arena_cstr(struct gp_arena *a, struct gp_str s);
char *gp_arena_strdup(struct gp_arena *a, const char *s);
struct gp_str gp_arena_str(struct gp_arena *a, struct gp_str s);
/* The same in lower case (ASCII). */
struct gp_str gp_arena_lower(struct gp_arena *a, struct gp_str s);
char *gp_arena_printf(struct gp_arena *a, const char *fmt, ...) GP_PRINTF(2, 3);

/* Calls fn(arg) when the arena is reset or freed: ties outside resources to it. */
void gp_arena_on_end(struct gp_arena *a, void (*fn)(void *arg), void *arg);

/* Bytes held from malloc, for bounds and metrics. */
size_t gp_arena_size(const struct gp_arena *a);

#define GP_ARENA_NEW(a, type) ((type *)gp_arena_zalloc((a), sizeof(type)))
#define GP_ARENA_NEW_N(a, n, type) ((type *)gp_arena_zalloc_n((a), (n), sizeof(type)))

#endif
