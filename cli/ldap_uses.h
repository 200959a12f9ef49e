/*
 * The queries of a configuration: which there are, what key each is asked by, what the values
 * mean, and whether the map file that goes before has the key already.
 */
#ifndef GP_CLI_LDAP_USES_H
#define GP_CLI_LDAP_USES_H

#include "cli/cmd.h"
#include "lib/conf/mapfile.h"
#include "lib/daemon/directory.h"

/* One query that is configured. */
struct gp_ldap_use {
	const char *path; /* of its settings, "milter-spam.ldap.recipients" */
	const struct gp_directory_query_conf *conf;
	const struct gp_ldap_use_info *info; /* what is known about it; never NULL */
	const void *values;		     /* of its table */
};

/* What a value, or a word of it, makes a program do. */
struct gp_ldap_meaning {
	struct gp_str word;
	const char *text;
	bool is_good; /* false: it cannot be used, and text says why */
};

/* All queries with a base, in the order of the tables, in the arena. */
size_t gp_ldap_uses_find(struct gp_cli *cli, const struct gp_snapshot *snap,
			 struct gp_ldap_use **ret);
/* The key that the programs make of an address or account. */
struct gp_str gp_ldap_use_key(const struct gp_ldap_use *use, struct gp_str user);
/* The line of the map file that counts instead; false: none, or there is no file. */
bool gp_ldap_use_in_file(const struct gp_ldap_use *use, struct gp_str user,
			 const struct gp_mapfile **ret_map, struct gp_map_hit *ret);
/* The meanings of an answer's values, in the arena; 0 where nothing is known about the use. */
size_t gp_ldap_use_explain(struct gp_cli *cli, const struct gp_snapshot *snap,
			   const struct gp_ldap_use *use, struct gp_str user,
			   const struct gp_ldap_answer *answer, struct gp_ldap_meaning **ret);

#endif
