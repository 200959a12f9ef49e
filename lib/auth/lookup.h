/*
 * Asking the DNS on behalf of one message: bounded, and written down.
 *
 * All methods ask through one gp_asker, so that a message cannot cause more than
 * GP_MAX_AUTH_LOOKUPS questions whatever its signatures and records say, and so
 * that every answer is there for "why".  Everything lives in the message's arena.
 */
#ifndef GP_AUTH_LOOKUP_H
#define GP_AUTH_LOOKUP_H

#include "lib/auth/result.h"
#include "lib/base/vec.h"
#include "lib/dns/dns.h"

struct gp_asker {
	struct gp_resolver *resolver;
	struct gp_batch *batch; /* its deadline holds for every question */
	struct gp_arena *arena;
	unsigned left;		/* questions that may still be asked */
	GP_VEC(struct gp_auth_lookup) seen;
};

/* One question in flight. */
struct gp_ask;

/* The batch is the caller's; it may be exchanged between two questions (another
 * deadline) while none is in flight. */
void gp_asker_init(struct gp_asker *a, struct gp_resolver *resolver, struct gp_batch *batch,
		   struct gp_arena *arena);

/* Ask early, collect late.  A name that is none and a spent budget are said by
 * gp_ask_finish. */
struct gp_ask *gp_ask_begin(struct gp_asker *a, struct gp_str name, enum gp_dns_type type)
	__attribute__((returns_nonnull));
/* As gp_dns_finish, the same again when called again; GP_ELIMIT also when the budget was spent. */
int gp_ask_finish(struct gp_ask *ask, struct gp_dns_answer *ret) GP_MUST_USE;
/* Both at once. */
int gp_ask(struct gp_asker *a, struct gp_str name, enum gp_dns_type type,
	   struct gp_dns_answer *ret) GP_MUST_USE;

#endif
