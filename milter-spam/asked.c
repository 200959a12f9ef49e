/*
 * Settings of recipients and accounts: the file first, then the directory.
 */
#include "milter-spam/asked.h"

#include "lib/base/map.h"
#include "lib/daemon/lookups.h"
#include "milter-spam/lists.h"

struct spam_asked {
	const struct spam_directory *directory; /* NULL: the files alone */
	const struct spam_conf *conf;
	struct gp_arena *arena;
	struct gp_lookups *lookups;
	struct gp_map told; /* what was not asked here: 'a' or 'r' and the key, to its words */
	const char *failure;
};

int spam_directory_setup(struct gp_snapshot *snap, struct spam_directory *ret,
			 struct gp_conf_report *report)
{
	const struct spam_conf *c = gp_snapshot_get(snap, &spam_table);
	const struct gp_conf_ldap *ldap = gp_snapshot_get(snap, &gp_conf_ldap_table);
	const struct {
		const struct gp_directory_query_conf *conf;
		const struct gp_ldap_query **query;
		const char *path;
	} uses[] = {
		{&c->ldap_recipients, &ret->recipients, "ldap.recipients.base"},
		{&c->ldap_domains, &ret->domains, "ldap.domains.base"},
		{&c->ldap_accounts, &ret->accounts, "ldap.accounts.base"},
	};
	int r = GP_OK;

	*ret = (struct spam_directory){.timeout_ms = ldap->timeout_ms};
	for (size_t i = 0; i < GP_ARRAY_SIZE(uses); i++) {
		struct gp_ldap_query *query = NULL;
		struct gp_diag diag;

		if (gp_directory_query_new(uses[i].conf, gp_snapshot_arena(snap), &query, &diag)) {
			gp_conf_complain(snap, &spam_table, uses[i].path, report, "%s", diag.text);
			r = GP_EINVAL;
		}
		*uses[i].query = query;
	}
	return r;
}

struct spam_asked *spam_asked_new(const struct spam_directory *directory,
				  const struct spam_conf *conf, struct gp_arena *arena)
{
	struct spam_asked *a = GP_ARENA_NEW(arena, struct spam_asked);

	a->directory = directory && directory->ldap ? directory : NULL;
	a->conf = conf;
	a->arena = arena;
	gp_map_init(&a->told, arena, true);
	if (a->directory)
		a->lookups = gp_lookups_new(directory->ldap, directory->timeout_ms, arena);
	return a;
}

static struct gp_str name_of(const struct spam_asked *a, struct gp_str key, bool is_account)
{
	return gp_str(gp_arena_printf(a->arena, "%c%.*s", is_account ? 'a' : 'r', GP_STR_FMT(key)));
}

void spam_asked_tell(struct spam_asked *a, struct gp_str key, bool is_account, struct gp_str words)
{
	if (words.len)
		gp_map_set(&a->told, name_of(a, key, is_account),
			   gp_arena_dup(a->arena, &words, sizeof(words)));
}

void spam_asked_fail(struct spam_asked *a, struct gp_str why)
{
	if (why.len)
		a->failure = gp_arena_cstr(a->arena, why);
}

/* "joe+lists@example.org" as "joe@example.org"; false: there is no extension. */
static bool without_extension(const struct spam_asked *a, struct gp_str address, struct gp_str *ret)
{
	size_t at = gp_str_find_last(address, '@');
	size_t plus = gp_str_find_chr(gp_str_sub(address, 0, at), '+', 0);

	if (plus == 0 || plus >= at)
		return false;
	*ret = gp_str(gp_arena_printf(a->arena, "%.*s%.*s",
				      GP_STR_FMT(gp_str_sub(address, 0, plus)),
				      GP_STR_FMT(gp_str_sub(address, at, address.len))));
	return true;
}

static struct gp_str domain_of(struct gp_str address)
{
	size_t at = gp_str_find_last(address, '@');

	return gp_str_sub(address, at + 1, address.len);
}

void spam_asked_recipient(struct spam_asked *a, struct gp_str address)
{
	struct gp_str words, plain;

	if (!a->directory || spam_settings_words(a->conf->recipients, address, false, &words))
		return;
	gp_lookups_ask(a->lookups, a->directory->recipients, address);
	if (without_extension(a, address, &plain))
		gp_lookups_ask(a->lookups, a->directory->recipients, plain);
	gp_lookups_ask(a->lookups, a->directory->domains, domain_of(address));
}

void spam_asked_account(struct spam_asked *a, struct gp_str account)
{
	struct gp_str words;

	if (a->directory && !spam_settings_words(a->conf->accounts, account, true, &words))
		gp_lookups_ask(a->lookups, a->directory->accounts, account);
}

/* What is not known of the nearer one must not be answered by the farther one. */
static bool read_recipient(struct spam_asked *a, struct gp_str address, struct gp_str *ret_words)
{
	const struct spam_directory *d = a->directory;
	int r = gp_lookups_words(a->lookups, d->recipients, address, ret_words);
	struct gp_str plain;

	if (r == GP_ENOENT && without_extension(a, address, &plain))
		r = gp_lookups_words(a->lookups, d->recipients, plain, ret_words);
	if (r == GP_ENOENT)
		r = gp_lookups_words(a->lookups, d->domains, domain_of(address), ret_words);
	return r == GP_OK;
}

bool spam_asked_find(struct spam_asked *a, struct gp_str key, bool is_account,
		     struct gp_str *ret_words)
{
	if (spam_settings_words(is_account ? a->conf->accounts : a->conf->recipients, key,
				is_account, ret_words))
		return true;
	if (!a->directory) {
		const struct gp_str *told =
			a->told.len ? gp_map_get(&a->told, name_of(a, key, is_account)) : NULL;

		if (told)
			*ret_words = *told;
		return told != NULL;
	}
	if (!is_account)
		return read_recipient(a, key, ret_words);
	return gp_lookups_words(a->lookups, a->directory->accounts, key, ret_words) == GP_OK;
}

const char *spam_asked_failure(const struct spam_asked *a)
{
	return a->lookups ? gp_lookups_failure(a->lookups) : a->failure;
}
