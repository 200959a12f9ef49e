/*
 * Keys by the directory; see the header.
 */
#include "cli/dkim_directory.h"

#include "cli/context.h"
#include "lib/daemon/lookups.h"
#include "milter-dkim/options.h"

static int pick(struct gp_cli *cli, const struct dkim_keyring *ring, struct gp_str words,
		struct gp_cli_signers *s)
{
	struct gp_diag diag = {""};

	if (dkim_keyring_pick(ring, words, s->domain, cli->arena, &s->items, &s->len, &diag))
		return gp_cli_fail(GP_EXIT_DATA, "ldap: %.*s@%.*s: %s", GP_STR_FMT(s->local),
				   GP_STR_FMT(s->domain), diag.text);
	s->is_none = s->len == 0;
	return 0;
}

static int ask(struct gp_cli *cli, const struct gp_conf_ldap *conf, struct gp_ldap *ldap,
	       const struct gp_ldap_query *query, const struct dkim_keyring *ring,
	       struct gp_cli_signers *s, bool *ret_is_found)
{
	struct gp_lookups *lookups = gp_lookups_new(ldap, conf->timeout_ms, cli->arena);
	const char *address = gp_arena_printf(cli->arena, "%.*s@%.*s", GP_STR_FMT(s->local),
					      GP_STR_FMT(s->domain));
	const char *why;
	struct gp_str words;
	int r;

	gp_lookups_ask(lookups, query, gp_str(address));
	r = gp_lookups_words(lookups, query, gp_str(address), &words);
	if (r == GP_ENOENT)
		return 0;
	why = gp_lookups_failure(lookups);
	if (r < 0)
		return gp_cli_fail(GP_EXIT_TEMPFAIL, "ldap: %s: %s", address, why ? why : "no answer");
	*ret_is_found = true;
	return pick(cli, ring, words, s);
}

int gp_cli_directory_signers(struct gp_cli *cli, const struct gp_snapshot *snap,
			     const struct dkim_keyring *ring, struct gp_cli_signers *s,
			     bool *ret_is_found)
{
	const struct gp_conf_ldap *conf = gp_snapshot_get(snap, &gp_conf_ldap_table);
	const struct dkim_conf *dkim = gp_snapshot_get(snap, &dkim_table);
	struct gp_ldap_query *query = NULL;
	struct gp_ldap *ldap = NULL;
	struct gp_diag diag;
	int status;

	*ret_is_found = false;
	if (gp_directory_query_new(&dkim->sign.ldap_keys, cli->arena, &query, &diag) ||
	    (query && gp_directory_open(conf, &ldap, &diag)))
		return gp_cli_fail(GP_EXIT_CONFIG, "%s", diag.text);
	if (!ldap)
		return 0;
	status = ask(cli, conf, ldap, query, ring, s, ret_is_found);
	gp_ldap_close(&ldap);
	return status;
}
