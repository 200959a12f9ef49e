/*
 * Values of the directory.
 */
#include "policyd-ratelimit/limit_directory.h"

const struct gp_str *limit_directory_values(struct gp_ldap_lookup *lookup, struct gp_arena *arena,
					    size_t *ret_n)
{
	struct gp_ldap_answer answer;
	struct gp_str *values;

	*ret_n = 0;
	if (!lookup || gp_ldap_finish(lookup, arena, &answer, NULL) != GP_OK)
		return NULL;
	values = GP_ARENA_NEW_N(arena, answer.n_values + 1, struct gp_str);
	for (size_t i = 0; i < answer.n_values; i++)
		values[i] = answer.values[i].text;
	*ret_n = answer.n_values;
	return values;
}
