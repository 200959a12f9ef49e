/*
 * The steps of a rotation.
 */
#include "cli/rotation.h"

#include <stdio.h>
#include <time.h>

#include "milter-dkim/newkey.h"
#include "lib/base/clock.h"

static int fail(const struct gp_diag *diag)
{
	return gp_cli_fail(GP_EXIT_DATA, "%s", diag->text);
}

/* Reads the state anew; a domain without any key is an empty one. */
static int look(struct gp_rotation *r)
{
	struct gp_diag diag;
	int err = dkim_keydir_list(r->dir, r->domain, r->cli->arena, &r->keys, &diag);

	return err && err != GP_ENOENT ? fail(&diag) : 0;
}

static size_t count(const struct gp_rotation *r, enum dkim_key_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < r->keys.keys.len; i++)
		n += r->keys.keys.items[i].state == state;
	return n;
}

/* The types of the keys in that state, as a set. */
static int types_of(struct gp_rotation *r, enum dkim_key_state state, unsigned *ret)
{
	*ret = 0;
	for (size_t i = 0; i < r->keys.keys.len; i++) {
		const struct dkim_keydir_key *k = &r->keys.keys.items[i];
		const struct gp_key *key;
		int status;

		if (k->state != state)
			continue;
		status = gp_cli_key_load(r->cli, k->path, &key);
		if (status)
			return status;
		*ret |= 1u << gp_key_type(key);
	}
	return 0;
}

static const char *day(struct gp_arena *arena, int64_t seconds)
{
	time_t t = (time_t)seconds;
	char text[64] = "?";
	struct tm tm;

	if (localtime_r(&t, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm);
	return gp_arena_strdup(arena, text);
}

static int make(struct gp_rotation *r, enum gp_key_type type, unsigned types)
{
	const char *selector = gp_newkey_selector(r->cli->arena, r->selector, type, types,
						  &r->keys, r->now_s);
	GP_CLEANUP(gp_newkey_done) struct gp_newkey k = {0};
	struct gp_diag diag;

	if (!selector)
		return gp_cli_fail(GP_EXIT_USAGE, "--selector: \"%s\" is not a selector",
				   r->selector);
	if (gp_newkey_make(r->cli->arena, r->domain, gp_str(selector), type,
			   r->bits ? r->bits : GP_NEWKEY_BITS, &k, &diag) ||
	    gp_newkey_add(&k, r->dir, r->now_s, &diag))
		return fail(&diag);
	printf("; %.*s: prepared %s (%s).  Publish this record:\n%.*s", GP_STR_FMT(r->domain),
	       selector, gp_cli_key_words(r->cli->arena, k.key), GP_STR_FMT(k.zone));
	return 0;
}

/* The types of keys to prepare, when those in `have` are prepared already. */
static int types_wanted(struct gp_rotation *r, unsigned have, unsigned *ret)
{
	unsigned active;
	int status = types_of(r, DKIM_KEY_ACTIVE, &active);

	if (status)
		return status;
	/* RSA is made first: alone it may be what an interruption left of two.  Anything else was
	 * asked for in an earlier run. */
	if (r->types)
		*ret = r->types;
	else if (have && (have & ~active || have != GP_NEWKEY_RSA))
		*ret = have;
	else
		*ret = active ? active : GP_NEWKEY_RSA;
	return 0;
}

/* Makes the keys that are not prepared yet: all, or those that an interruption left out. */
static int prepare(struct gp_rotation *r)
{
	static const enum gp_key_type order[] = {GP_KEY_RSA, GP_KEY_ED25519};
	unsigned have, want = 0;
	int status = types_of(r, DKIM_KEY_PREPARED, &have);

	if (!status)
		status = types_wanted(r, have, &want);
	for (size_t i = 0; i < GP_ARRAY_SIZE(order) && !status; i++)
		if (want & ~have & 1u << order[i])
			status = make(r, order[i], want);
	fflush(stdout);
	return status ? status : look(r);
}

static void print_states(const struct gp_rotation *r)
{
	for (size_t i = 0; i < r->keys.keys.len; i++) {
		const struct dkim_keydir_key *k = &r->keys.keys.items[i];

		printf("; %.*s is %s since %s\n", GP_STR_FMT(k->selector),
		       dkim_key_state_name(k->state), day(r->cli->arena, k->since_s));
	}
}

static int switch_over(struct gp_rotation *r)
{
	struct gp_diag diag;
	int status;

	r->now_s = gp_clock_real_s();
	if (dkim_keydir_switch(r->dir, r->domain, r->now_s, &diag))
		return fail(&diag);
	status = look(r);
	printf("; %.*s: the DNS has the new key; switched.\n", GP_STR_FMT(r->domain));
	print_states(r);
	puts("; Let milter-dkim read it now: systemctl reload milter-dkim (or send it SIGUSR1)");
	if (count(r, DKIM_KEY_RETIRED))
		printf("; Leave the records of retired keys in the DNS until %s, then run this "
		       "again.\n", day(r->cli->arena, r->now_s + r->keep_s));
	return status;
}

/* One retired key whose time is over: first its record goes, then the key. */
static int clean_up_one(struct gp_rotation *r, const struct dkim_keydir_key *k,
			struct gp_resolver *resolver)
{
	struct gp_published p;
	struct gp_diag diag;
	int status = gp_rotation_ask(r, k, resolver, r->cli->arena, &p);

	if (status)
		return status;
	if (!p.found[GP_PUBLISHED_NO_NAME] && !p.found[GP_PUBLISHED_NO_RECORD] &&
	    !p.found[GP_PUBLISHED_REVOKED]) {
		printf("; Remove this from the DNS, then run this again:\n"
		       ";   %.*s._domainkey.%.*s. TXT\n",
		       GP_STR_FMT(k->selector), GP_STR_FMT(r->domain));
		return 0;
	}
	if (dkim_keydir_remove(r->dir, r->domain, k->selector, &diag))
		return fail(&diag);
	printf("; %.*s: %.*s is gone from the DNS; its key is removed\n", GP_STR_FMT(r->domain),
	       GP_STR_FMT(k->selector));
	return 0;
}

static int clean_up(struct gp_rotation *r)
{
	GP_CLI_DNS_AUTO dns = {0};
	int status = gp_cli_dns_open(r->snap, r->zone, &dns);

	for (size_t i = 0; i < r->keys.keys.len && !status; i++) {
		const struct dkim_keydir_key *k = &r->keys.keys.items[i];

		if (k->state != DKIM_KEY_RETIRED)
			continue;
		if (r->now_s < k->since_s + r->keep_s)
			printf("; %.*s: the record of %.*s has to stay until %s\n",
			       GP_STR_FMT(r->domain), GP_STR_FMT(k->selector),
			       day(r->cli->arena, k->since_s + r->keep_s));
		else
			status = clean_up_one(r, k, dns.resolver);
	}
	return status;
}

/* The newest active key is younger than --min-age. */
static bool is_too_young(const struct gp_rotation *r)
{
	for (size_t i = 0; i < r->keys.keys.len; i++) {
		const struct dkim_keydir_key *k = &r->keys.keys.items[i];

		if (k->state == DKIM_KEY_ACTIVE && r->now_s < k->since_s + r->min_age_s)
			return true;
	}
	return false;
}

int gp_rotation_run(struct gp_rotation *r)
{
	bool is_under_way;
	int status = look(r);

	if (status)
		return status;
	is_under_way = count(r, DKIM_KEY_PREPARED) > 0;
	if (!is_under_way && count(r, DKIM_KEY_RETIRED))
		return clean_up(r);
	if (!is_under_way && is_too_young(r)) {
		printf("; %.*s: nothing to do yet\n", GP_STR_FMT(r->domain));
		print_states(r);
		return 0;
	}
	status = prepare(r);
	if (status)
		return status;
	gp_cli_check_key_owner(r->snap);
	gp_cli_check_key_table(r->cli, r->snap, r->domain);
	/* What was printed a moment ago cannot be there, and asking would have that remembered. */
	if (!is_under_way && !r->wait_ms) {
		puts("; Then run this again, or with --wait: it switches once the DNS has it.");
		return GP_EXIT_TEMPFAIL;
	}
	status = gp_rotation_wait(r);
	return status ? status : switch_over(r);
}
