/*
 * The settings of limits.
 */
#include "policyd-ratelimit/limit_options.h"

#include "policyd-ratelimit/options.h"

const struct gp_conf_groups *limits_groups(const struct ratelimit_conf *conf,
					   const struct gp_snapshot *snap)
{
	const char *file;
	unsigned line;

	return gp_snapshot_origin(snap, &ratelimit_table, "limits", &file, &line)
		       ? &conf->limits.rules
		       : &limit_default_groups;
}

void limits_validate(const struct ratelimit_conf *conf, const struct gp_snapshot *snap,
		     struct gp_conf_report *report)
{
	const struct gp_conf_groups *groups = limits_groups(conf, snap);
	struct gp_arena *arena = gp_arena_new(0);
	struct limit_rules rules = {0};

	if (limit_rules_build(&ratelimit_table, groups, arena, &rules, report) == GP_OK)
		for (size_t i = 0; i < rules.len; i++)
			if (limit_by_has(&rules.items[i].by, LIMIT_LDAP_GROUP) &&
			    !*conf->limits.groups.base)
				gp_conf_complain_group(&ratelimit_table, "limits",
						       &groups->items[i], report,
						       "by ldap_group needs ldap.groups.base");
	gp_arena_free(arena);
	gp_directory_query_check(&conf->limits.overrides, snap, &ratelimit_table, "ldap.limits",
				 report);
	gp_directory_query_check(&conf->limits.groups, snap, &ratelimit_table, "ldap.groups",
				 report);
}
