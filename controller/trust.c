/*
 * Who may teach; see the header.
 */
#include "controller/trust.h"

#include <grp.h>
#include <pwd.h>

#include "lib/base/num.h"
#include "lib/base/vec.h"

struct trust {
	GP_VEC(uid_t) uids;
	int untrusted; /* enum gp_conf_untrusted */
};

/* A number, or the name of a user of this host. */
static bool find_uid(const char *name, uid_t *ret)
{
	uint64_t number;
	const struct passwd *entry;

	if (gp_num_parse_uint(gp_str(name), 10, &number) == GP_OK && number < UINT32_MAX) {
		*ret = (uid_t)number;
		return true;
	}
	entry = getpwnam(name);
	if (entry)
		*ret = entry->pw_uid;
	return entry != NULL;
}

struct trust *trust_new(const struct gp_conf_learn *conf, struct gp_arena *arena)
{
	struct trust *t = GP_ARENA_NEW(arena, struct trust);
	uid_t uid;

	t->untrusted = conf->untrusted;
	for (size_t i = 0; i < conf->trusted_uids.len; i++)
		if (find_uid(conf->trusted_uids.items[i], &uid))
			*gp_vec_push(arena, &t->uids) = uid;
	return t;
}

bool trust_is_trusted(const struct trust *t, const struct gp_peer *peer)
{
	for (size_t i = 0; peer->is_known && i < t->uids.len; i++)
		if (t->uids.items[i] == peer->uid)
			return true;
	return false;
}

bool trust_name_of(uid_t uid, char ret[GP_LEARN_USER_MAX + 1])
{
	struct passwd entry, *found = NULL;
	char buf[4096];

	return getpwuid_r(uid, &entry, buf, sizeof(buf), &found) == 0 && found &&
	       gp_str_copy(ret, GP_LEARN_USER_MAX + 1, gp_str(found->pw_name));
}

/* Nothing that would forge a line, or could not be a name in the store. */
bool trust_is_name(struct gp_str name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((unsigned char)name.ptr[i] <= ' ' || name.ptr[i] == 0x7f)
			return false;
	return name.len <= GP_LEARN_USER_MAX;
}

static bool has_own_scope(const struct gp_conf_bayes *bayes)
{
	return bayes->scope == GP_CONF_BAYES_USER || bayes->scope == GP_CONF_BAYES_GLOBAL_USER;
}

int trust_grant(const struct trust *t, const struct gp_conf_bayes *bayes, const struct gp_peer *peer,
		const char *own, struct gp_str wanted, struct trust_grant *ret, const char **ret_why)
{
	struct trust_grant grant = {.is_trusted = trust_is_trusted(t, peer)};

	*ret_why = "";
	if (!trust_is_name(wanted)) {
		*ret_why = "no name of a user";
		return GP_EINVAL;
	}
	if (grant.is_trusted) {
		(void)gp_str_copy(grant.user, sizeof(grant.user), wanted);
		*ret = grant;
		return GP_OK;
	}
	if (!peer->is_known || !own || t->untrusted == GP_CONF_UNTRUSTED_DENY)
		*ret_why = "this peer may not teach";
	else if (wanted.len > 0 && !gp_str_eq(wanted, gp_str(own)))
		*ret_why = "this peer may not teach for another user";
	else if (t->untrusted == GP_CONF_UNTRUSTED_OWN && !has_own_scope(bayes))
		*ret_why = "users have no memory of their own here (bayes.scope)";
	if (**ret_why)
		return GP_EACCES;
	grant.is_own_only = t->untrusted == GP_CONF_UNTRUSTED_OWN;
	(void)gp_str_copy(grant.user, sizeof(grant.user), gp_str(own));
	*ret = grant;
	return GP_OK;
}
