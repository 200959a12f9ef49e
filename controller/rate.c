/*
 * Messages by user and hour; see the header.
 */
#include "controller/rate.h"

#include <stdlib.h>

#include "lib/base/hash.h"
#include "lib/base/mem.h"

#define SLOTS 16384 /* 400 KB; more users than that in an hour share */
#define REACH 8	    /* slots in which a user may be */
#define HOUR_S 3600

struct slot {
	uint64_t user; /* hash of the name */
	int64_t hour;
	uint64_t n;
};

struct rate {
	struct slot slots[SLOTS];
};

struct rate *rate_new(void)
{
	return gp_xcalloc(1, sizeof(struct rate));
}

void rate_free(struct rate **r)
{
	gp_freep(r);
}

/* The user's slot of this hour, or the one that is missed least. */
static struct slot *find(struct rate *r, struct gp_str user, int64_t hour)
{
	uint64_t hash = gp_hash_table(user.ptr, user.len);
	struct slot *best = &r->slots[hash % SLOTS];

	for (size_t i = 0; i < REACH; i++) {
		struct slot *s = &r->slots[(hash + i) % SLOTS];

		if (s->user == hash && s->hour == hour)
			return s;
		if (best->hour == hour && (s->hour != hour || s->n < best->n))
			best = s;
	}
	*best = (struct slot){.user = hash, .hour = hour};
	return best;
}

bool rate_take(struct rate *r, struct gp_str user, uint64_t max, int64_t now_s)
{
	struct slot *s = find(r, user, now_s / HOUR_S);

	if (max && s->n >= max)
		return false;
	s->n++;
	return true;
}

void rate_give_back(struct rate *r, struct gp_str user, int64_t now_s)
{
	struct slot *s = find(r, user, now_s / HOUR_S);

	s->n -= s->n > 0;
}
