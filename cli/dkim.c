/*
 * Keys as they are configured.
 */
#include "cli/dkim.h"

#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>

#include "cli/context.h"
#include "lib/dns/dnsname.h"
#include "milter-dkim/options.h"

/* Loading under way. */
struct load {
	struct gp_cli *cli;
	const char *dir; /* the key directory */
	struct gp_cli_keys *keys;
};

static void release_key(void *arg)
{
	struct gp_key *key = arg;

	gp_key_unref(&key);
}

int gp_cli_key_load(struct gp_cli *cli, const char *path, const struct gp_key **ret)
{
	struct gp_diag diag;
	struct gp_key *key;

	if (gp_key_load(path, &key, &diag))
		return gp_cli_fail(GP_EXIT_DATA, "%s", diag.text);
	gp_arena_on_end(cli->arena, release_key, key);
	*ret = key;
	return 0;
}

const char *gp_cli_key_directory(const struct gp_snapshot *snap)
{
	const struct dkim_conf *conf = gp_snapshot_get(snap, &dkim_table);

	return conf->sign.key_directory;
}

void gp_cli_check_key_owner(const struct gp_snapshot *snap)
{
	const struct dkim_conf *conf = gp_snapshot_get(snap, &dkim_table);
	const char *dir = conf->sign.key_directory;
	const struct passwd *user = getpwnam(conf->daemon.user);
	struct stat st;

	if (user && stat(dir, &st) == 0 && st.st_uid != user->pw_uid)
		fprintf(stderr, "gatepost: warning: %s does not belong to %s, so milter-dkim cannot read "
				"new keys there: chown -R %s %s\n", dir, user->pw_name, user->pw_name, dir);
}

int gp_cli_keyring(struct gp_cli *cli, const struct gp_snapshot *snap, struct dkim_keyring **ret)
{
	const struct dkim_conf *conf = gp_snapshot_get(snap, &dkim_table);
	struct dkim_key_source from = {.table = conf->sign.keys,
				       .dir = conf->sign.key_directory,
				       .rsa_bits_min = (unsigned)conf->sign.rsa_bits_min};
	GP_CONF_REPORT_AUTO report;

	gp_conf_report_init(&report);
	if (dkim_keyring_load(&from, cli->arena, ret, &report)) {
		gp_cli_print_report(&report);
		return GP_EXIT_CONFIG;
	}
	return 0;
}

void gp_cli_check_key_table(struct gp_cli *cli, const struct gp_snapshot *snap,
			    struct gp_str domain)
{
	const struct dkim_conf *conf = gp_snapshot_get(snap, &dkim_table);
	struct dkim_key_source table = {.table = conf->sign.keys,
					.dir = "",
					.rsa_bits_min = (unsigned)conf->sign.rsa_bits_min};
	const struct dkim_signer *signers;
	struct dkim_keyring *ring;
	bool is_none = false;
	GP_CONF_REPORT_AUTO report;

	gp_conf_report_init(&report);
	if (!conf->sign.keys)
		return;
	if (dkim_keyring_load(&table, cli->arena, &ring, &report))
		gp_cli_print_report(&report);
	else if (dkim_keyring_find(ring, GP_STR(""), domain, cli->arena, &signers, &is_none) || is_none)
		fprintf(stderr, "gatepost: warning: %s has a line for %.*s, and the key directory is "
				"asked only where it has none: remove the line when you reload\n",
			gp_mapfile_path(conf->sign.keys), GP_STR_FMT(domain));
}

static void add(struct load *l, struct gp_str domain, const struct dkim_signer *signer)
{
	*gp_vec_push(l->cli->arena, l->keys) =
		(struct gp_cli_key){.domain = gp_arena_str(l->cli->arena, domain),
				    .selector = gp_arena_str(l->cli->arena, signer->selector),
				    .key = signer->key,
				    .state = DKIM_KEY_ACTIVE};
}

static void add_signer(const struct dkim_signer *signer, void *arg)
{
	struct load *l = arg;

	if (dkim_selector_is_valid(signer->domain))
		add(l, signer->domain, signer);
	else
		fprintf(stderr, "gatepost: \"%.*s\" of the key table is a pattern; name its domains "
				"to see them\n", GP_STR_FMT(signer->domain));
}

/* Keys of the directory that sign nothing yet or no longer. */
static int add_idle(struct load *l, struct gp_str domain)
{
	struct dkim_keydir list;
	struct gp_diag diag;
	int status = 0, r;

	r = *l->dir ? dkim_keydir_list(l->dir, domain, l->cli->arena, &list, &diag) : GP_ENOENT;
	if (r)
		return r == GP_ENOENT ? 0 : gp_cli_fail(GP_EXIT_CONFIG, "%s", diag.text);
	for (size_t i = 0; i < list.keys.len && !status; i++) {
		const struct dkim_keydir_key *k = &list.keys.items[i];
		struct gp_cli_key key = {
			.domain = list.domain, .selector = k->selector, .state = k->state};

		if (k->state == DKIM_KEY_ACTIVE)
			continue;
		status = gp_cli_key_load(l->cli, k->path, &key.key);
		if (!status)
			*gp_vec_push(l->cli->arena, l->keys) = key;
	}
	return status;
}

static int add_all_idle(struct load *l)
{
	struct gp_str *domains = NULL;
	struct gp_diag diag;
	size_t n = 0;
	int status = 0, r;

	r = *l->dir ? dkim_keydir_domains(l->dir, l->cli->arena, &domains, &n, &diag) : GP_ENOENT;
	if (r && r != GP_ENOENT)
		return gp_cli_fail(GP_EXIT_CONFIG, "%s", diag.text);
	for (size_t i = 0; i < n && !status; i++)
		status = add_idle(l, domains[i]);
	return status;
}

static int add_domain(struct load *l, const struct dkim_keyring *ring, const char *domain)
{
	char folded[GP_DNS_NAME_MAX + 1];
	const struct dkim_signer *signers = NULL;
	size_t before = l->keys->len, n;
	bool is_none = false;
	int status;

	if (gp_dns_name_fold(gp_str(domain), folded))
		return gp_cli_fail(GP_EXIT_USAGE, "\"%s\" is not a domain name", domain);
	n = dkim_keyring_find(ring, GP_STR(""), gp_str(folded), l->cli->arena, &signers, &is_none);
	for (size_t i = 0; i < n; i++)
		add(l, signers[i].domain, &signers[i]);
	status = add_idle(l, gp_str(folded));
	if (!status && l->keys->len == before)
		return gp_cli_fail(GP_EXIT_DATA, "%s: no key is configured; make one: gatepost dkim "
						 "genkey %s", folded, folded);
	return status;
}

int gp_cli_keys_load(struct gp_cli *cli, const struct gp_snapshot *snap,
		     const struct gp_opt_list *domains, struct gp_cli_keys *ret)
{
	struct load l = {.cli = cli, .dir = gp_cli_key_directory(snap), .keys = ret};
	struct dkim_keyring *ring;
	int status = gp_cli_keyring(cli, snap, &ring);

	for (size_t i = 0; i < domains->len && !status; i++)
		status = add_domain(&l, ring, domains->items[i]);
	if (domains->len || status)
		return status;
	dkim_keyring_each(ring, add_signer, &l);
	return add_all_idle(&l);
}

struct gp_str gp_cli_key_name(struct gp_arena *arena, struct gp_str domain, struct gp_str selector)
{
	return gp_str(gp_arena_printf(arena, "%.*s._domainkey.%.*s", GP_STR_FMT(selector),
				      GP_STR_FMT(domain)));
}

const char *gp_cli_key_words(struct gp_arena *arena, const struct gp_key *key)
{
	enum gp_key_type type = gp_key_type(key);

	if (type == GP_KEY_ED25519)
		return gp_key_type_name(type);
	return gp_arena_printf(arena, "%s, %u bits", gp_key_type_name(type), gp_key_bits(key));
}

struct gp_addr gp_cli_author(struct gp_arena *arena, const struct gp_fields *fields)
{
	const struct gp_field *from = gp_fields_get(fields, GP_STR("From"), 0);
	struct gp_addr author = {0};
	char name[GP_DNS_NAME_MAX + 1];

	if (!from || !gp_addr_first(arena, from->value, &author) ||
	    gp_dns_name_fold(author.domain, name))
		author.domain = (struct gp_str){0};
	else
		author.domain = gp_str(gp_arena_strdup(arena, name));
	return author;
}

struct gp_dkim_options gp_cli_dkim_options(const struct gp_snapshot *snap, struct gp_arena *arena)
{
	return dkim_auth_options(gp_snapshot_get(snap, &dkim_table), GP_STR(""), arena).signatures;
}
