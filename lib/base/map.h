/*
 * Hash map from a span to a pointer, in an arena.
 *
 * Keys are borrowed unless the map was made with `fold`, which compares and
 * hashes without regard to ASCII case (keys are still borrowed as they are).
 * The hash is seeded per process, so strangers cannot aim at one bucket.
 * Entries keep the order of insertion for iteration.
 */
#ifndef GP_BASE_MAP_H
#define GP_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/arena.h"

struct gp_map_entry {
	struct gp_str key;
	void *value;
	size_t next; /* index + 1 of the next entry in the bucket */
};

struct gp_map {
	struct gp_arena *arena;
	struct gp_map_entry *entries;
	size_t len, cap;
	size_t *buckets; /* index + 1, 0 = empty; as many as cap */
	bool fold;
};

void gp_map_init(struct gp_map *m, struct gp_arena *a, bool fold);
/* The value, or NULL. */
void *gp_map_get(const struct gp_map *m, struct gp_str key);
/* Sets or replaces; returns the previous value or NULL. */
void *gp_map_set(struct gp_map *m, struct gp_str key, void *value);

#define GP_MAP_EACH(m, e)                                                                          \
	for (struct gp_map_entry *e = (m)->entries; e && e < (m)->entries + (m)->len; e++)

#endif
