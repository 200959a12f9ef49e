/*
 * The one function behind gp_vec_push.
 */
#include "lib/base/vec.h"

void *gp_vec_room(struct gp_arena *a, void *items, size_t len, size_t *cap, size_t size)
{
	size_t want;

	if (len < *cap)
		return items;
	want = *cap ? *cap * 2 : 8;
	items = gp_arena_grow(a, items, *cap * size, want * size);
	*cap = want;
	return items;
}
