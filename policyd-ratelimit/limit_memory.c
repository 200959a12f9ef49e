/*
 * Messages under way; see the header.
 *
 * Two hash tables with chains: of messages, and of entries by message and what was counted.
 * Messages also stand in the order of their last request.
 */
#include "policyd-ratelimit/limit_memory.h"

#include <stdlib.h>

#include "lib/base/hash.h"
#include "lib/base/mem.h"

#define BUCKETS 65536

struct entry {
	uint64_t key; /* message and what */
	int64_t amount;
	struct entry *next;   /* of the bucket */
	struct entry *behind; /* of the message */
};

struct message {
	uint64_t id;
	int64_t until_ms;
	struct entry *entries;
	struct message *next; /* of the bucket */
	struct message *older, *newer;
};

static struct message *messages[BUCKETS], *oldest, *newest;
static struct entry *entries[BUCKETS];
static size_t n_messages, n_entries;

uint64_t limit_memory_message(struct gp_str instance, struct gp_str client)
{
	uint64_t id;

	if (instance.len == 0)
		return 0;
	id = gp_hash64(gp_hash_table(client.ptr, client.len), instance.ptr, instance.len);
	return id ? id : 1;
}

static uint64_t key_of(uint64_t message, uint64_t what)
{
	return message ^ what * 0x9e3779b97f4a7c15u;
}

static struct message **message_slot(uint64_t id)
{
	struct message **at = &messages[id % BUCKETS];

	while (*at && (*at)->id != id)
		at = &(*at)->next;
	return at;
}

static struct entry **entry_slot(uint64_t key)
{
	struct entry **at = &entries[key % BUCKETS];

	while (*at && (*at)->key != key)
		at = &(*at)->next;
	return at;
}

static void unlink_age(struct message *m)
{
	*(m->older ? &m->older->newer : &oldest) = m->newer;
	*(m->newer ? &m->newer->older : &newest) = m->older;
}

static void link_newest(struct message *m)
{
	m->older = newest;
	m->newer = NULL;
	*(newest ? &newest->newer : &oldest) = m;
	newest = m;
}

static void forget(struct message *m)
{
	unlink_age(m);
	*message_slot(m->id) = m->next;
	while (m->entries) {
		struct entry *e = m->entries;

		m->entries = e->behind;
		*entry_slot(e->key) = e->next;
		free(e);
		n_entries--;
	}
	free(m);
	n_messages--;
}

static void forget_old(int64_t mono_ms)
{
	while (oldest && oldest->until_ms <= mono_ms)
		forget(oldest);
}

int64_t limit_memory_counted(uint64_t message, uint64_t what, int64_t mono_ms)
{
	const struct entry *e;

	if (message == 0)
		return 0;
	forget_old(mono_ms);
	e = *entry_slot(key_of(message, what));
	return e ? e->amount : 0;
}

static struct message *touch(uint64_t id, int64_t mono_ms)
{
	struct message **slot = message_slot(id), *m = *slot;

	if (m) {
		unlink_age(m);
	} else {
		m = gp_xcalloc(1, sizeof(*m));
		m->id = id;
		*slot = m;
		n_messages++;
	}
	m->until_ms = mono_ms + LIMIT_MEMORY_MS;
	link_newest(m);
	return m;
}

void limit_memory_add(uint64_t message, uint64_t what, int64_t amount, int64_t mono_ms)
{
	uint64_t key = key_of(message, what);
	struct message *m;
	struct entry **slot;

	if (message == 0)
		return;
	m = touch(message, mono_ms);
	/* The newest is this one: it stays, however large it is. */
	while ((n_messages > LIMIT_MEMORY_MESSAGES || n_entries >= LIMIT_MEMORY_ENTRIES) &&
	       oldest != m)
		forget(oldest);
	slot = entry_slot(key);
	if (!*slot) {
		if (n_entries >= LIMIT_MEMORY_ENTRIES)
			return;
		*slot = gp_xcalloc(1, sizeof(**slot));
		(*slot)->key = key;
		(*slot)->behind = m->entries;
		m->entries = *slot;
		n_entries++;
	}
	(*slot)->amount += amount;
}

size_t limit_memory_messages(void)
{
	return n_messages;
}

size_t limit_memory_entries(void)
{
	return n_entries;
}

void limit_memory_done(void)
{
	while (oldest)
		forget(oldest);
}
