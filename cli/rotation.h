/*
 * A domain's way from one key to the next; the steps of `gatepost dkim rotate`.
 *
 *	prepare   a new key of each type in use is made; its record is printed to be published
 *	wait      until the DNS has the records (in this run, or in a later one)
 *	switch    the new keys sign, the old ones are retired but stay published
 *	clean up  some days later it says which records to remove; when they are gone, so are the keys
 *
 * Where a domain stands is in the key directory (milter-dkim/keydir.h) and the DNS, nowhere
 * else, so it can be stopped at any point and run again as often as one likes; cron may.
 */
#ifndef GP_CLI_ROTATION_H
#define GP_CLI_ROTATION_H

#include "cli/dkim.h"
#include "cli/dns.h"
#include "milter-dkim/published.h"

struct gp_rotation {
	struct gp_cli *cli;
	const struct gp_snapshot *snap;
	const char *dir;      /* the key directory */
	struct gp_str domain; /* folded */
	const char *selector; /* of new keys, or NULL */
	const char *zone;     /* to ask, or NULL */
	unsigned types;	      /* GP_NEWKEY_…: asked for, or 0 */
	unsigned bits;	      /* of a new RSA key, or 0 */
	int64_t keep_s, min_age_s, wait_ms, now_s;
	struct dkim_keydir keys; /* as it stands */
};

/* Does what can be done now and prints it; the result is an exit status: GP_EXIT_TEMPFAIL if
 * the DNS has yet to learn of a key. */
int gp_rotation_run(struct gp_rotation *r);

/* Between the files of the rotation: what the DNS says of one key; in the arena given, because a
 * long wait asks often. */
int gp_rotation_ask(const struct gp_rotation *r, const struct dkim_keydir_key *k,
		    struct gp_resolver *resolver, struct gp_arena *arena, struct gp_published *ret);
/* Waits up to wait_ms until the DNS has every prepared key: 0, or GP_EXIT_TEMPFAIL, which was
 * printed. */
int gp_rotation_wait(const struct gp_rotation *r);

#endif
