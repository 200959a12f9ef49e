/*
 * What the `gatepost dkim` commands share: the keys that are configured, how signatures are
 * verified, names.
 */
#ifndef GP_CLI_DKIM_H
#define GP_CLI_DKIM_H

#include "cli/cmd.h"
#include "lib/auth/dkim.h"
#include "lib/conf/snapshot.h"
#include "lib/mail/addr.h"
#include "milter-dkim/keydir.h"
#include "milter-dkim/keyring.h"

/* A key of ours and where it stands. */
struct gp_cli_key {
	struct gp_str domain, selector;
	const struct gp_key *key; /* lives as long as the program */
	enum dkim_key_state state;
};

struct gp_cli_keys {
	struct gp_cli_key *items;
	size_t len, cap;
};

/* What milter-dkim would sign with.  Errors are printed; the result is an exit status, 0 if all
 * is well; so of all below. */
int gp_cli_keyring(struct gp_cli *cli, const struct gp_snapshot *snap, struct dkim_keyring **ret);
/* The keys that sign for the domains named, or all that do, and those of the key directory that
 * are prepared or retired.  A domain without keys is an error; a pattern of the key table is no
 * domain and is passed over with a note. */
int gp_cli_keys_load(struct gp_cli *cli, const struct gp_snapshot *snap,
		     const struct gp_opt_list *domains, struct gp_cli_keys *ret);
/* A private key file that stays loaded. */
int gp_cli_key_load(struct gp_cli *cli, const char *path, const struct gp_key **ret);
/* The configured key directory; "" if there is none. */
const char *gp_cli_key_directory(const struct gp_snapshot *snap);

/* Warns if the directory, whose owner new keys get, does not belong to milter-dkim's user. */
void gp_cli_check_key_owner(const struct gp_snapshot *snap);

/* Warns if the key table has keys for the domain: then those of the directory are not asked. */
void gp_cli_check_key_table(struct gp_cli *cli, const struct gp_snapshot *snap,
			    struct gp_str domain);

/* "SELECTOR._domainkey.DOMAIN" in the arena. */
struct gp_str gp_cli_key_name(struct gp_arena *arena, struct gp_str domain, struct gp_str selector);
/* "rsa, 2048 bits" or "ed25519". */
const char *gp_cli_key_words(struct gp_arena *arena, const struct gp_key *key);

/* The first From address, its domain folded, in the arena; the domain is empty if there is
 * none. */
struct gp_addr gp_cli_author(struct gp_arena *arena, const struct gp_fields *fields);
/* How milter-dkim verifies signatures. */
struct gp_dkim_options gp_cli_dkim_options(const struct gp_snapshot *snap, struct gp_arena *arena);

#endif
