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

/* Patterns are compared with folded keys. */
static void check_patterns(const struct gp_conf_list *list, const char *name,
			   const struct gp_snapshot *snap, struct gp_conf_report *report)
{
	char form[GP_DNS_NAME_MAX + 1];

	for (size_t i = 0; i < list->len; i++)
		if (limit_key_is_foreign(gp_str(list->items[i]), false, form))
			gp_conf_complain(snap, &ratelimit_table, name, report,
					 "%s: domains are compared in their ASCII form%s%s",
					 list->items[i], *form ? ", " : "", form);
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
	check_patterns(&conf->limits.exempt_accounts, "exempt_accounts", snap, report);
	check_patterns(&conf->limits.exempt_senders, "exempt_senders", snap, report);
	check_patterns(&conf->limits.exempt_recipients, "exempt_recipients", snap, report);
	gp_directory_query_check(&conf->limits.overrides, snap, &ratelimit_table, "ldap.limits",
				 report);
	gp_directory_query_check(&conf->limits.groups, snap, &ratelimit_table, "ldap.groups",
				 report);
}
