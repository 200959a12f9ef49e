/*
 * In place of all others here where libldap is missing: settings parse, and there is no
 * directory to open, so nobody gets to ask.
 */
#include <stdlib.h>

#include "lib/ldap/ldap.h"

struct gp_ldap_query {
	char unused;
};

int gp_ldap_open(const struct gp_ldap_options *options, struct gp_ldap **ret, struct gp_diag *diag)
{
	gp_diag_set(diag, "built without LDAP");
	return GP_EINVAL;
}

void gp_ldap_close(struct gp_ldap **ldap)
{
}

bool gp_ldap_is_up(const struct gp_ldap *ldap)
{
	return false;
}

void gp_ldap_last_error(struct gp_ldap *ldap, struct gp_diag *ret)
{
	gp_diag_set(ret, "built without LDAP");
}

bool gp_ldap_take_complaint(struct gp_ldap *ldap, struct gp_diag *ret)
{
	return false;
}

void gp_ldap_flush(struct gp_ldap *ldap)
{
}

int gp_ldap_query_new(const struct gp_ldap_words *words, struct gp_arena *arena,
		      struct gp_ldap_query **ret, const char **ret_part, struct gp_diag *diag)
{
	*ret = GP_ARENA_NEW(arena, struct gp_ldap_query);
	return GP_OK;
}

/* What needs a struct gp_ldap cannot be reached without a bug. */
struct gp_ldap_lookup *gp_ldap_begin(struct gp_ldap *ldap, struct gp_batch *batch,
				     const struct gp_ldap_query *query, struct gp_str key)
{
	abort();
}

int gp_ldap_finish(struct gp_ldap_lookup *lookup, struct gp_arena *arena,
		   struct gp_ldap_answer *ret, struct gp_diag *diag)
{
	abort();
}

int gp_ldap_get(struct gp_ldap *ldap, const struct gp_ldap_query *query, struct gp_str key,
		int64_t deadline_ms, struct gp_arena *arena, struct gp_ldap_answer *ret,
		struct gp_diag *diag)
{
	abort();
}

int gp_ldap_explain(const struct gp_ldap_query *query, struct gp_str key, struct gp_arena *arena,
		    struct gp_str *ret_base, struct gp_str *ret_filter)
{
	return GP_ENOENT;
}
