/*
 * Growing array in an arena: struct { T *items; size_t len, cap; }.
 *
 *	GP_VEC(struct gp_uri) uris = {0};
 *	*gp_vec_push(arena, &uris) = uri;
 *
 * Growth copies within the arena and leaves the old items behind, so the total
 * is at most twice what was needed.  Caps are the caller's: check len first.
 */
#ifndef GP_BASE_VEC_H
#define GP_BASE_VEC_H

#include "lib/base/arena.h"

#define GP_VEC(type)                                                                               \
	struct {                                                                                   \
		type *items;                                                                       \
		size_t len, cap;                                                                   \
	}

/* Makes room for one more item; returns the new capacity's memory. */
void *gp_vec_room(struct gp_arena *a, void *items, size_t len, size_t *cap, size_t size)
	__attribute__((returns_nonnull));

/* Appends an uninitialised item and gives its address. */
#define gp_vec_push(a, v)                                                                          \
	((v)->items = gp_vec_room((a), (v)->items, (v)->len, &(v)->cap, sizeof(*(v)->items)),      \
	 &(v)->items[(v)->len++])

#endif
