/*
 * Who may teach: what a peer of the learn socket may do, by its user (DESIGN 4.8).
 *
 * Part of the snapshot, so a reload changes it for what comes next.
 */
#ifndef GP_CONTROLLER_TRUST_H
#define GP_CONTROLLER_TRUST_H

#include "lib/conf/shared.h"
#include "lib/conf/snapshot.h"
#include "lib/io/listener.h"
#include "lib/proto/learn.h"

struct trust;

/* Looks up the names of learn.trusted_uids; in the arena. */
struct trust *trust_new(const struct gp_conf_learn *conf, struct gp_arena *arena)
	__attribute__((returns_nonnull));
bool trust_is_trusted(const struct trust *t, const struct gp_peer *peer);

/* In whose name a peer teaches or asks. */
struct trust_grant {
	char user[GP_LEARN_USER_MAX + 1]; /* "" : nobody's in particular, of a trusted peer */
	bool is_trusted;
	bool is_own_only; /* teaches the user's own scope and no other */
};

/* `own`: the name of the peer's user, NULL if it has none.  GP_EACCES with a reason (a literal)
 * when it may not; GP_EINVAL when the name can be no user's. */
int trust_grant(const struct trust *t, const struct gp_conf_bayes *bayes, const struct gp_peer *peer,
		const char *own, struct gp_str wanted, struct trust_grant *ret,
		const char **ret_why) GP_MUST_USE;
/* Can this be a user's name?  "" can: nobody's in particular. */
bool trust_is_name(struct gp_str name);
/* The name of a user; false if the host knows none.  May ask a directory, and so wait. */
bool trust_name_of(uid_t uid, char ret[GP_LEARN_USER_MAX + 1]);

#endif
