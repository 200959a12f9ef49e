/*
 * The queries of a configuration; see the header.
 */
#include "cli/ldap_uses.h"

#include "cli/context.h"
#include "cli/dkim.h"
#include "lib/auth/senders.h"
#include "lib/base/vec.h"
#include "lib/dns/dnsname.h"
#include "milter-dkim/options.h"
#include "milter-spam/options.h"
#include "milter-spam/lists.h"
#include "policyd-ratelimit/limit_override.h"
#include "policyd-ratelimit/options.h"

/* A meaning is being made of words. */
struct explaining {
	struct gp_cli *cli;
	const struct gp_snapshot *snap;
	struct gp_str user;
	const struct gp_ldap_answer *answer;
	struct gp_str words; /* all values, joined */
	GP_VEC(struct gp_ldap_meaning) meanings;
};

struct gp_ldap_use_info {
	const char *path;
	bool is_domain;	 /* the key is the domain of the address */
	bool is_account; /* in the map a name as it is, too */
	size_t map;	 /* offset of the map file that goes before; NO_MAP */
	void (*explain)(struct explaining *e);
};

#define NO_MAP ((size_t)-1)

static void add(struct explaining *e, struct gp_str word, bool is_good, const char *text)
{
	*gp_vec_push(e->cli->arena, &e->meanings) = (struct gp_ldap_meaning){word, text, is_good};
}

static void explain_spam(struct explaining *e)
{
	struct gp_str rest = e->words, name, value;
	struct gp_arena *arena = e->cli->arena;
	struct gp_diag diag;
	int r;

	while ((r = spam_settings_next(&rest, &name, &value, &diag)) != GP_ENOENT) {
		struct gp_str word = gp_str(
			gp_arena_printf(arena, "%.*s=%.*s", GP_STR_FMT(name), GP_STR_FMT(value)));

		if (r)
			add(e, word, false, gp_arena_strdup(arena, diag.text));
		else if (gp_str_eq(name, GP_STR("welcome")) || gp_str_eq(name, GP_STR("block")))
			add(e, word, true,
			    gp_arena_printf(arena, "mail from %.*s counts %+g points", GP_STR_FMT(value),
					    gp_str_eq(name, GP_STR("block")) ? SPAM_BLOCK_SCORE
									     : SPAM_WELCOME_SCORE));
		else
			add(e, word, true,
			    gp_arena_printf(arena, "thresholds.%.*s is %.*s here%s", GP_STR_FMT(name),
					    GP_STR_FMT(value),
					    gp_str_eq(value, GP_STR("0")) ? ", which is never" : ""));
	}
}

static void explain_keys(struct explaining *e)
{
	struct gp_arena *arena = e->cli->arena;
	const struct dkim_signer *signers = NULL;
	struct dkim_keyring *ring;
	char author[GP_DNS_NAME_MAX + 1] = "";
	struct gp_diag diag;
	size_t n = 0;

	if (gp_cli_keyring(e->cli, e->snap, &ring)) {
		add(e, e->words, false, "the keys themselves could not be read");
		return;
	}
	if (gp_dns_name_fold(gp_str_after_last(e->user, '@'), author)) {
		add(e, e->words, false, "an address is wanted here");
		return;
	}
	if (dkim_keyring_pick(ring, e->words, gp_str(author), arena, &signers, &n, &diag)) {
		add(e, e->words, false, gp_arena_strdup(arena, diag.text));
		return;
	}
	for (size_t i = 0; i < n; i++)
		add(e, e->words, true,
		    gp_arena_printf(arena, "signed with d=%.*s s=%.*s (%s)",
				    GP_STR_FMT(signers[i].domain), GP_STR_FMT(signers[i].selector),
				    signers[i].path));
	if (n == 0)
		add(e, e->words, true, "not signed");
}

static void explain_senders(struct explaining *e)
{
	struct gp_arena *arena = e->cli->arena;
	struct gp_str rest = e->words, word;

	while (gp_str_next_word(&rest, &word)) {
		bool has_local = gp_str_find_chr(word, '@', 0) > 0 &&
				 gp_str_find_chr(word, '@', 0) < word.len;
		const char *what = "every address of";

		if (gp_str_eq(word, GP_STR("%a")))
			what = "its own name as address,";
		else if (has_local)
			what = "the address";
		add(e, word, true, gp_arena_printf(arena, "may send as %s %.*s", what, GP_STR_FMT(word)));
	}
}

/* Each value for each limit by account, as they are looked at for a message. */
static void explain_limits(struct explaining *e)
{
	const struct ratelimit_conf *conf = gp_snapshot_get(e->snap, &ratelimit_table);
	struct gp_arena *arena = e->cli->arena;
	struct limit_rules rules = {0};
	GP_CONF_REPORT_AUTO report;

	gp_conf_report_init(&report);
	if (limit_rules_build(&ratelimit_table, limits_groups(conf, e->snap), arena, &rules, &report))
		rules.len = 0;
	for (size_t i = 0; i < e->answer->n_values; i++) {
		struct gp_str value = e->answer->values[i].text;
		size_t before = e->meanings.len;

		for (size_t k = 0; k < rules.len; k++) {
			struct limit_windows windows;
			struct gp_diag diag = {""};
			int r = limit_override_of_account(value, &rules.items[k], &windows, &diag);

			if (r == GP_OK)
				add(e, value, true,
				    gp_arena_printf(arena, "instead of what the limit \"%.*s\" has",
						    GP_STR_FMT(rules.items[k].name)));
			else if (r != GP_ENOENT)
				add(e, value, false, gp_arena_strdup(arena, diag.text));
		}
		if (e->meanings.len == before)
			add(e, value, false, "there is no limit by account that it is for");
	}
}

static void explain_groups(struct explaining *e)
{
	struct gp_str rest = e->words, word;

	while (gp_str_next_word(&rest, &word))
		add(e, word, true, "a group by which limits may count");
}

/* Queries that are not here are shown without a meaning. */
static const struct gp_ldap_use_info infos[] = {
	{"milter-spam.ldap.recipients", .map = offsetof(struct spam_conf, recipients),
	 .explain = explain_spam},
	{"milter-spam.ldap.domains", .is_domain = true,
	 .map = offsetof(struct spam_conf, recipients), .explain = explain_spam},
	{"milter-spam.ldap.accounts", .is_account = true,
	 .map = offsetof(struct spam_conf, accounts), .explain = explain_spam},
	{"milter-dkim.sign.ldap.keys", .map = offsetof(struct dkim_conf, sign.keys),
	 .explain = explain_keys},
	{"milter-dkim.sign.ldap.senders", .map = offsetof(struct dkim_conf, sign.senders),
	 .explain = explain_senders},
	{"policyd-ratelimit.sender.ldap", .map = offsetof(struct ratelimit_conf, sender.map),
	 .explain = explain_senders},
	{"policyd-ratelimit.ldap.limits", .map = NO_MAP, .explain = explain_limits},
	{"policyd-ratelimit.ldap.groups", .map = NO_MAP, .explain = explain_groups},
};
static const struct gp_ldap_use_info unknown = {.map = NO_MAP};

static const struct gp_ldap_use_info *info_of(const char *path)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(infos); i++)
		if (gp_str_eq(gp_str(infos[i].path), gp_str(path)))
			return &infos[i];
	return &unknown;
}

/* "GROUP." and the row's path without ".scope". */
static const char *path_of(struct gp_arena *arena, const struct gp_conf_table *t,
			   const struct gp_conf_row *row)
{
	struct gp_str path = gp_str(row->path);

	return gp_arena_printf(arena, "%s.%.*s", t->group,
			       GP_STR_FMT(gp_str_sub(path, 0, gp_str_find_last(path, '.'))));
}

size_t gp_ldap_uses_find(struct gp_cli *cli, const struct gp_snapshot *snap,
			 struct gp_ldap_use **ret)
{
	GP_VEC(struct gp_ldap_use) uses = {0};
	const struct gp_conf_table *const *tables;
	size_t n = gp_cli_tables(&tables);

	for (size_t i = 0; i < n; i++) {
		const struct gp_conf_table *t = tables[i];
		const char *values = gp_snapshot_get(snap, t);

		for (size_t k = 0; k < t->n_rows; k++) {
			const struct gp_conf_row *row = &t->rows[k];
			const struct gp_directory_query_conf *conf;

			if (row->values != gp_directory_scopes)
				continue;
			conf = (const void *)(values + row->offset -
					      offsetof(struct gp_directory_query_conf, scope));
			if (!*conf->base)
				continue;
			*gp_vec_push(cli->arena, &uses) = (struct gp_ldap_use){
				.path = path_of(cli->arena, t, row), .conf = conf, .values = values};
			uses.items[uses.len - 1].info = info_of(uses.items[uses.len - 1].path);
		}
	}
	*ret = uses.items;
	return uses.len;
}

struct gp_str gp_ldap_use_key(const struct gp_ldap_use *use, struct gp_str user)
{
	return use->info->is_domain ? gp_str_after_last(user, '@') : user;
}

bool gp_ldap_use_in_file(const struct gp_ldap_use *use, struct gp_str user,
			 const struct gp_mapfile **ret_map, struct gp_map_hit *ret)
{
	const struct gp_mapfile *map;

	if (use->info->map == NO_MAP)
		return false;
	map = *(struct gp_mapfile *const *)(const void *)((const char *)use->values + use->info->map);
	*ret_map = map;
	return map && ((use->info->is_account && gp_mapfile_find(map, user, ret)) ||
		       gp_mapfile_find_address(map, user, ret));
}

static struct gp_str join(struct gp_arena *arena, const struct gp_ldap_answer *a)
{
	GP_BUF_AUTO words = GP_BUF_INIT(1 << 20);

	for (size_t i = 0; i < a->n_values; i++)
		gp_buf_printf(&words, "%.*s ", GP_STR_FMT(a->values[i].text));
	return gp_arena_str(arena, gp_str_trim(gp_buf_str(&words)));
}

size_t gp_ldap_use_explain(struct gp_cli *cli, const struct gp_snapshot *snap,
			   const struct gp_ldap_use *use, struct gp_str user,
			   const struct gp_ldap_answer *answer, struct gp_ldap_meaning **ret)
{
	struct explaining e = {.cli = cli, .snap = snap, .user = user, .answer = answer};

	e.words = join(cli->arena, answer);
	if (use->info->explain && e.words.len)
		use->info->explain(&e);
	*ret = e.meanings.items;
	return e.meanings.len;
}
