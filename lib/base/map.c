/*
 * Chained hash map over one entries array; buckets are indices, so growth is
 * a copy and a re-link.  The capacity is a power of 2.
 */
#include "lib/base/map.h"

#include "lib/base/hash.h"

static size_t bucket_of(const struct gp_map *m, struct gp_str key)
{
	GP_UNZEROED char folded[256];

	if (!m->fold)
		return gp_hash_table(key.ptr, key.len) & (m->cap - 1);
	/* Long keys hash by their first bytes; equality decides anyway. */
	key.len = GP_MIN(key.len, sizeof(folded));
	for (size_t i = 0; i < key.len; i++)
		folded[i] = gp_lower(key.ptr[i]);
	return gp_hash_table(folded, key.len) & (m->cap - 1);
}

static struct gp_map_entry *find(const struct gp_map *m, struct gp_str key)
{
	if (m->len == 0)
		return NULL;
	for (size_t i = m->buckets[bucket_of(m, key)]; i; i = m->entries[i - 1].next) {
		struct gp_map_entry *e = &m->entries[i - 1];

		if (m->fold ? gp_str_ieq(e->key, key) : gp_str_eq(e->key, key))
			return e;
	}
	return NULL;
}

static void link_entry(struct gp_map *m, size_t i)
{
	size_t *b = &m->buckets[bucket_of(m, m->entries[i].key)];

	m->entries[i].next = *b;
	*b = i + 1;
}

static void grow(struct gp_map *m)
{
	size_t cap = m->cap ? m->cap * 2 : 16;

	m->entries = gp_arena_grow(m->arena, m->entries, m->cap * sizeof(*m->entries),
				   cap * sizeof(*m->entries));
	m->buckets = GP_ARENA_NEW_N(m->arena, cap, size_t);
	m->cap = cap;
	for (size_t i = 0; i < m->len; i++)
		link_entry(m, i);
}

void gp_map_init(struct gp_map *m, struct gp_arena *a, bool fold)
{
	*m = (struct gp_map){.arena = a, .fold = fold};
}

void *gp_map_get(const struct gp_map *m, struct gp_str key)
{
	struct gp_map_entry *e = find(m, key);

	return e ? e->value : NULL;
}

void *gp_map_set(struct gp_map *m, struct gp_str key, void *value)
{
	struct gp_map_entry *e = find(m, key);
	void *old = e ? e->value : NULL;

	if (e) {
		e->value = value;
		return old;
	}
	if (m->len == m->cap)
		grow(m);
	m->entries[m->len] = (struct gp_map_entry){.key = key, .value = value};
	link_entry(m, m->len++);
	return NULL;
}
