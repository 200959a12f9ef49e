/*
 * The keys that mail is signed with, found by domain.
 *
 * From a key table (a map file) and from a key directory; loaded with the
 * configuration, anew at each reload, read-only between: any thread may look up.
 *
 * Key table, one line a domain, pattern as in map files (lib/conf/mapfile.h):
 *	example.org     s2026=/etc/gatepost/dkim/example.org.s2026.key s2026e=…
 *	.example.org    d=example.org s2026=…	(subdomains sign as the parent)
 *	*               d=%d s2026=…	(%d: the domain that was looked up)
 * Key directory: DOMAIN/SELECTOR.key, and DOMAIN/selectors that says which of them
 * sign now (`gatepost dkim rotate` writes it): see keydir.h.
 */
#ifndef GP_DKIM_KEYRING_H
#define GP_DKIM_KEYRING_H

#include "lib/auth/crypto.h"
#include "lib/base/arena.h"
#include "lib/conf/mapfile.h"
#include "lib/conf/report.h"

struct dkim_keyring;

struct dkim_signer {
	struct gp_str domain;	/* d= */
	struct gp_str selector; /* s= */
	const struct gp_key *key;
};

/* table may be NULL, dir may be "".  Each key file is read once, whatever the number of
 * lines naming it.  Every error goes to the report with file and line; GP_EINVAL then.  The
 * keyring is freed (keys wiped) with the arena. */
int dkim_keyring_load(const struct gp_mapfile *table, const char *dir, struct gp_arena *arena,
		      struct dkim_keyring **ret, struct gp_conf_report *report) GP_MUST_USE;
/* The signers of a domain (lower case A-labels): of the table, else of the directory; 0 if
 * there are none.  In the arena given. */
size_t dkim_keyring_find(const struct dkim_keyring *k, struct gp_str domain,
			 struct gp_arena *arena, const struct dkim_signer **ret);
/* Calls fn for every signer, for checks and lists. */
void dkim_keyring_each(const struct dkim_keyring *k,
		       void (*fn)(const struct dkim_signer *signer, void *arg), void *arg);

#endif
