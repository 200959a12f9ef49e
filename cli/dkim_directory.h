/*
 * What the directory says about an author's keys, as milter-dkim asks it.
 */
#ifndef GP_CLI_DKIM_DIRECTORY_H
#define GP_CLI_DKIM_DIRECTORY_H

#include "cli/dkim.h"

/* Whose keys, and what was found. */
struct gp_cli_signers {
	struct gp_str local, domain;
	const struct dkim_signer *items;
	size_t len;
	bool is_none; /* with len 0: not to be signed */
};

/* Asks milter-dkim.sign.ldap.keys, if it is set.  *ret_is_found: it has an entry, and that holds.
 * Errors are printed; the result is an exit status. */
int gp_cli_directory_signers(struct gp_cli *cli, const struct gp_snapshot *snap,
			     const struct dkim_keyring *ring, struct gp_cli_signers *s,
			     bool *ret_is_found);

#endif
