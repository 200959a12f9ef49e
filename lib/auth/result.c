/*
 * The names of results.
 */
#include "lib/auth/result.h"

static const char *const statuses[GP_AUTH_STATUSES] = {
	[GP_AUTH_NONE] = "none",	   [GP_AUTH_PASS] = "pass",
	[GP_AUTH_FAIL] = "fail",	   [GP_AUTH_SOFTFAIL] = "softfail",
	[GP_AUTH_NEUTRAL] = "neutral",	   [GP_AUTH_POLICY] = "policy",
	[GP_AUTH_TEMPERROR] = "temperror", [GP_AUTH_PERMERROR] = "permerror",
};

const char *gp_auth_status_name(enum gp_auth_status status)
{
	return statuses[status];
}

bool gp_auth_status_parse(struct gp_str word, enum gp_auth_status *ret)
{
	for (int i = 0; i < GP_AUTH_STATUSES; i++)
		if (gp_str_ieq(word, gp_str(statuses[i]))) {
			*ret = (enum gp_auth_status)i;
			return true;
		}
	return false;
}

const char *gp_dmarc_policy_name(enum gp_dmarc_policy policy)
{
	static const char *const names[] = {"none", "quarantine", "reject"};

	return names[policy];
}
