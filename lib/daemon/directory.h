/*
 * The directory that the group `ldap` describes, and queries as settings of a program.
 *
 * In the program's table, for each thing that the directory may know:
 *
 *	struct x_conf { … struct gp_directory_query_conf limits; };
 *	GP_DIRECTORY_ROWS(struct x_conf, limits, "ldap.limits", "limits of an account",
 *			  "(mail=%s)", "gatepostLimit"),
 *
 * In the table's validate hook gp_directory_query_check(), in the configure hook
 * gp_directory_query_new() with the snapshot's arena, in the start hook gp_directory_open(),
 * in the reloaded hook gp_ldap_flush().  Then gp_ldap_begin() and gp_ldap_finish()
 * (lib/ldap/ldap.h), with a deadline of gp_directory_deadline().
 *
 * Nothing is to be named to the sandbox: files in settings are known to it, and the resolver's
 * are the system's.
 */
#ifndef GP_DAEMON_DIRECTORY_H
#define GP_DAEMON_DIRECTORY_H

#include "lib/conf/shared.h"
#include "lib/conf/snapshot.h"
#include "lib/daemon/daemon.h"
#include "lib/ldap/ldap.h"

/* One query, as written; without a base there is none. */
struct gp_directory_query_conf {
	const char *base;
	int scope; /* enum gp_ldap_scope */
	const char *filter;
	struct gp_conf_list result, follow, domains;
};

extern const struct gp_conf_enum gp_directory_scopes[];

/* Its rows: `prefix` such as "ldap.limits", `what` in the plural for people ("limits of
 * accounts"), filter and results by default. */
#define GP_DIRECTORY_ROWS(type, member, prefix, what, filter_, results_)                           \
	{prefix ".base", GP_CONF_STRING, offsetof(type, member.base), "",                          \
	 .help = "Entry of the directory (ldap.servers) below which " what                         \
		 " are looked up. Empty: they are not."},                                          \
	{prefix ".scope", GP_CONF_ENUM, offsetof(type, member.scope), "sub",                       \
	 .values = gp_directory_scopes,                                                            \
	 .help = "All entries below the base and itself, those one step below, or itself alone."}, \
	{prefix ".filter", GP_CONF_STRING, offsetof(type, member.filter), filter_,                 \
	 .help = "Which entries are meant; %s is the key, %u what stands before its @, %d what "   \
		 "stands behind, as in ldap_table(5)."},                                           \
	{prefix ".result", GP_CONF_LIST, offsetof(type, member.result), results_,                  \
	 .help = "Attributes that are read, each \"attribute\" or \"attribute: format\", where %s "  \
		 "is its value."},                                                                 \
	{prefix ".follow", GP_CONF_LIST, offsetof(type, member.follow), "",                        \
	 .help = "Attributes that hold names of entries which are read too, such as \"memberOf\"."}, \
	{prefix ".domains", GP_CONF_LIST, offsetof(type, member.domains), "",                      \
	 .help = "Only keys in these domains are looked up; empty: all keys."}

/* Opens without connecting; NULL in *ret where no servers are set.  GP_E…: what the diag says
 * of the settings. */
int gp_directory_open(const struct gp_conf_ldap *conf, struct gp_ldap **ret,
		      struct gp_diag *diag) GP_MUST_USE;

/* In the arena; NULL in *ret where there is no base.  GP_EINVAL with the diag. */
int gp_directory_query_new(const struct gp_directory_query_conf *conf, struct gp_arena *arena,
			   struct gp_ldap_query **ret, struct gp_diag *diag) GP_MUST_USE;

/* Complains about what is wrong with a query of a table (its `prefix` as in the rows), also
 * that there is no server to ask. */
void gp_directory_query_check(const struct gp_directory_query_conf *conf,
			      const struct gp_snapshot *snap, const struct gp_conf_table *table,
			      const char *prefix, struct gp_conf_report *report);

/* Until when a message that asks now waits: ldap.timeout from now. */
int64_t gp_directory_deadline(const struct gp_conf_ldap *conf);

/* One line when the directory stops answering and one when it is back, whatever number of
 * messages asks.  NULL is fine. */
void gp_directory_report(struct gp_ldap *ldap);

/* Its line of /healthz; false without a directory.  Asks nothing. */
bool gp_directory_health(struct gp_ldap *ldap, struct gp_health *ret);

#endif
