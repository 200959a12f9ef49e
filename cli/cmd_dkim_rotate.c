/*
 * gatepost dkim rotate: a new key for a domain, step by step.
 *
 *	prepare   a new key of each type in use is made; its record is printed to be published
 *	wait      until the DNS has the records (--wait, or run it again)
 *	switch    the new keys sign, the old ones are retired but stay published
 *	clean up  after --keep, says which records to remove; when they are gone, so are the keys
 *
 * Where a domain stands is in the key directory (milter-dkim/keydir.h) and the DNS, nowhere
 * else, so it can be stopped at any point and run again as often as one likes; cron may.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/context.h"
#include "cli/dkim.h"
#include "cli/dns.h"
#include "cli/newkey.h"
#include "cli/published.h"
#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/dns/dnsname.h"

/* Mail servers try for five days (RFC 5321, 4.5.4.1), and some readers verify later. */
#define KEEP_DEFAULT "7d"
#define ASK_MS 30000
/* Between two questions: each "no such name" is kept by the servers on the way for a while. */
#define POLL_DNS_MS 30000
#define POLL_ZONE_MS 200

struct rotate_options {
	const char *selector, *type, *keep, *wait, *min_age, *zone;
	unsigned bits;
};

static const struct gp_opt options[] = {
	{0, "selector", "NAME", "of the new key; if not given s and the month: s202611",
	 GP_OPT_STRING, offsetof(struct rotate_options, selector)},
	{0, "type", "TYPE", "rsa, ed25519 or both; if not given as now", GP_OPT_STRING,
	 offsetof(struct rotate_options, type)},
	{0, "bits", "N", "size of an RSA key; 2048 if not given", GP_OPT_UINT,
	 offsetof(struct rotate_options, bits)},
	{0, "wait", "DURATION", "wait that long for the DNS, as \"2h\"", GP_OPT_STRING,
	 offsetof(struct rotate_options, wait)},
	{0, "keep", "DURATION", "how long old keys stay published; 7d if not given", GP_OPT_STRING,
	 offsetof(struct rotate_options, keep)},
	{0, "min-age", "DURATION", "do not begin before the key in use is that old", GP_OPT_STRING,
	 offsetof(struct rotate_options, min_age)},
	{0, "zone", "FILE", "ask this zone file instead of the DNS", GP_OPT_STRING,
	 offsetof(struct rotate_options, zone)},
	GP_OPT_END,
};

/* A rotation at hand. */
struct rotation {
	struct gp_cli *cli;
	const struct rotate_options *o;
	const struct gp_snapshot *snap;
	const char *dir;
	struct gp_str domain;
	unsigned types; /* asked for, or 0 */
	int64_t keep_s, min_age_s, wait_ms, now_s;
	struct dkim_keydir keys; /* as it stands */
};

static int fail(const struct gp_diag *diag)
{
	return gp_cli_fail(GP_EXIT_DATA, "%s", diag->text);
}

/* Reads the state anew; a domain without any key is an empty one. */
static int look(struct rotation *r)
{
	struct gp_diag diag;
	int err = dkim_keydir_list(r->dir, r->domain, r->cli->arena, &r->keys, &diag);

	return err && err != GP_ENOENT ? fail(&diag) : 0;
}

static size_t count(const struct rotation *r, enum dkim_key_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < r->keys.keys.len; i++)
		n += r->keys.keys.items[i].state == state;
	return n;
}

/* The types of the keys in that state, as a set. */
static int types_of(struct rotation *r, enum dkim_key_state state, unsigned *ret)
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

static int make(struct rotation *r, enum gp_key_type type, unsigned types)
{
	const char *selector = gp_newkey_selector(r->cli->arena, r->o->selector, type, types,
						  &r->keys, r->now_s);
	GP_CLEANUP(gp_newkey_done) struct gp_newkey k = {0};
	struct gp_diag diag;

	if (!selector)
		return gp_cli_fail(GP_EXIT_USAGE, "--selector: \"%s\" is not a selector",
				   r->o->selector);
	if (gp_newkey_make(r->cli->arena, r->domain, gp_str(selector), type,
			   r->o->bits ? r->o->bits : GP_NEWKEY_BITS, &k, &diag) ||
	    gp_newkey_add(&k, r->dir, r->now_s, &diag))
		return fail(&diag);
	printf("; %.*s: prepared %s (%s).  Publish this record:\n%.*s", GP_STR_FMT(r->domain),
	       selector, gp_cli_key_words(r->cli->arena, k.key), GP_STR_FMT(k.zone));
	return 0;
}

/* The types of keys to prepare, when those in `have` are prepared already. */
static int types_wanted(struct rotation *r, unsigned have, unsigned *ret)
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
static int prepare(struct rotation *r)
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

/* What the DNS says of one key. */
static int ask(struct rotation *r, const struct dkim_keydir_key *k, struct gp_resolver *resolver,
	       struct gp_published *ret)
{
	struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + ASK_MS);
	const struct gp_key *key;
	struct gp_asker asker;
	int status = gp_cli_key_load(r->cli, k->path, &key);

	if (!status) {
		gp_asker_init(&asker, resolver, batch, r->cli->arena);
		gp_published_finish(gp_signature_ask(&asker, r->domain, k->selector),
				    r->cli->arena, key, ret);
	}
	gp_batch_free(&batch);
	return status;
}

/* Does the DNS have every prepared key?  *ret_why: what is wrong with the first it has not, else
 * NULL.  With a resolver of its own, because a cache would repeat its first answer. */
static int look_up_prepared(struct rotation *r, const char **ret_why)
{
	GP_CLI_DNS_AUTO dns = {0};
	int status = gp_cli_dns_open(r->snap, r->o->zone, &dns);

	*ret_why = NULL;
	for (size_t i = 0; i < r->keys.keys.len && !status && !*ret_why; i++) {
		const struct dkim_keydir_key *k = &r->keys.keys.items[i];
		struct gp_published p;

		if (k->state != DKIM_KEY_PREPARED)
			continue;
		status = ask(r, k, dns.resolver, &p);
		if (!status && !gp_published_is_good(&p))
			*ret_why = gp_arena_printf(
				r->cli->arena, "%.*s._domainkey.%.*s: %s", GP_STR_FMT(k->selector),
				GP_STR_FMT(r->domain), gp_published_error(&p));
	}
	return status;
}

static void pause_ms(int64_t ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

static void show_progress(const char *why, int64_t waited_ms, int64_t all_ms)
{
	char all[GP_NUM_TEXT];

	if (isatty(STDERR_FILENO) != 1)
		return;
	fprintf(stderr, "\r\033[K%" PRId64 ":%02" PRId64 " of %s: %s", waited_ms / 60000,
		waited_ms / 1000 % 60, gp_num_format_duration(all_ms, all), why);
	fflush(stderr);
}

static void end_progress(void)
{
	if (isatty(STDERR_FILENO) == 1)
		fputs("\r\033[K", stderr);
}

/* 0: the DNS has them all; GP_EXIT_TEMPFAIL: not in time. */
static int wait_for_dns(struct rotation *r)
{
	int64_t began = gp_clock_mono_ms();
	int64_t poll = r->o->zone ? POLL_ZONE_MS : POLL_DNS_MS;

	for (;;) {
		const char *why;
		int64_t waited;
		int status = look_up_prepared(r, &why);

		waited = gp_clock_mono_ms() - began;
		if (status || !why || waited >= r->wait_ms) {
			if (r->wait_ms)
				end_progress();
			if (status || !why)
				return status;
			return gp_cli_fail(GP_EXIT_TEMPFAIL, "%s\n  Not switched.  Run this again when "
							     "it is published%s", why,
					   r->wait_ms ? "" : ", or with --wait");
		}
		show_progress(why, waited, r->wait_ms);
		pause_ms(GP_MIN(poll, r->wait_ms - waited));
	}
}

static void print_states(const struct rotation *r)
{
	for (size_t i = 0; i < r->keys.keys.len; i++) {
		const struct dkim_keydir_key *k = &r->keys.keys.items[i];

		printf("; %.*s is %s since %s\n", GP_STR_FMT(k->selector),
		       dkim_key_state_name(k->state), day(r->cli->arena, k->since_s));
	}
}

static int switch_over(struct rotation *r)
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
static int clean_up_one(struct rotation *r, const struct dkim_keydir_key *k,
			struct gp_resolver *resolver)
{
	struct gp_published p;
	struct gp_diag diag;
	int status = ask(r, k, resolver, &p);

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

static int clean_up(struct rotation *r)
{
	GP_CLI_DNS_AUTO dns = {0};
	int status = gp_cli_dns_open(r->snap, r->o->zone, &dns);

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
static bool is_too_young(const struct rotation *r)
{
	for (size_t i = 0; i < r->keys.keys.len; i++) {
		const struct dkim_keydir_key *k = &r->keys.keys.items[i];

		if (k->state == DKIM_KEY_ACTIVE && r->now_s < k->since_s + r->min_age_s)
			return true;
	}
	return false;
}

static int rotate(struct rotation *r)
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
	/* What was printed a moment ago cannot be there, and asking would have that remembered. */
	if (!status && !is_under_way && !r->wait_ms) {
		puts("; Then run this again, or with --wait: it switches once the DNS has it.");
		return GP_EXIT_TEMPFAIL;
	}
	if (!status)
		status = wait_for_dns(r);
	return status ? status : switch_over(r);
}

static int read_duration(const char *option, const char *text, int64_t *ret_ms)
{
	if (text && (gp_num_parse_duration(gp_str(text), ret_ms) || *ret_ms < 0))
		return gp_cli_fail(GP_EXIT_USAGE, "--%s: \"%s\" is not a duration, as \"2h\" or \"7d\"",
				   option, text);
	return 0;
}

static int read_options(struct rotation *r, const char *domain)
{
	const struct rotate_options *o = r->o;
	int64_t keep_ms = 0, age_ms = 0;
	char name[GP_DNS_NAME_MAX + 1];
	int status = read_duration("keep", o->keep ? o->keep : KEEP_DEFAULT, &keep_ms);

	if (!status)
		status = read_duration("min-age", o->min_age, &age_ms);
	if (!status)
		status = read_duration("wait", o->wait, &r->wait_ms);
	if (status)
		return status;
	if (o->type && gp_newkey_types_parse(gp_str(o->type), &r->types))
		return gp_cli_fail(GP_EXIT_USAGE, "--type: \"%s\" is not rsa, ed25519 or both",
				   o->type);
	if (o->bits && (o->bits < 1024 || o->bits > 8192))
		return gp_cli_fail(GP_EXIT_USAGE, "--bits: 1024 to 8192; 2048 is usual");
	if (gp_dns_name_fold(gp_str(domain), name))
		return gp_cli_fail(GP_EXIT_USAGE, "\"%s\" is not a domain name", domain);
	r->domain = gp_str(gp_arena_strdup(r->cli->arena, name));
	r->keep_s = keep_ms / 1000;
	r->min_age_s = age_ms / 1000;
	return 0;
}

static int run_rotate(struct gp_cli *cli, int argc, char **argv)
{
	struct rotate_options o = {0};
	struct gp_opt_list operands = {0};
	GP_CLEANUP(gp_snapshot_unrefp) struct gp_snapshot *snap = NULL;
	struct rotation r = {.cli = cli, .o = &o, .now_s = gp_clock_real_s()};
	int status = gp_cli_options(&gp_cmd_dkim_rotate, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	if (operands.len != 1)
		return gp_cli_fail(GP_EXIT_USAGE, "dkim rotate: name one domain");
	status = read_options(&r, operands.items[0]);
	if (!status)
		status = gp_cli_load(cli, &snap);
	if (status)
		return status;
	r.snap = snap;
	r.dir = gp_cli_key_directory(snap);
	if (!*r.dir)
		return gp_cli_fail(GP_EXIT_CONFIG, "milter-dkim.sign.key_directory is empty: keys that "
						   "stand in a key table are yours to rotate");
	return rotate(&r);
}

const struct gp_command gp_cmd_dkim_rotate = {
	.name = "dkim rotate",
	.operands = "DOMAIN",
	.summary = "give a domain a new key, step by step; run it again to go on",
	.details = "Prepares a key and prints its record, waits until the DNS has it, switches, and "
		   "says when\nwhich old record can go.  Each run does what can be done now.\n"
		   "Exit status: 0 nothing is left to do now, 75 the DNS does not have the record yet.",
	.options = options,
	.run = run_rotate,
};
