/*
 * The key table: its lines to rules.  What a line means is in keyring.h.
 *
 * Files whose names hold %d are looked for once, at load, and not when a message comes: a
 * look-up must neither wait for a disk nor find a key that --check has not seen.
 */
#include <glob.h>
#include <stdlib.h>

#include "lib/dns/dnsname.h"
#include "milter-dkim/keydir.h"
#include "milter-dkim/keyring_int.h"

/* The table being read, and the line. */
struct table {
	struct dkim_keyring *k;
	struct gp_conf_report *report;
	const char *file;
	unsigned line;
};

static bool is_glob(struct gp_str s)
{
	return gp_str_find_chr(s, '*', 0) < s.len || gp_str_find_chr(s, '?', 0) < s.len;
}

/* A domain as look-ups have it, in the keyring's arena; empty if it is none. */
static struct gp_str fold(struct table *t, struct gp_str domain)
{
	char folded[GP_DNS_NAME_MAX + 1];

	if (gp_dns_name_fold(domain, folded))
		return (struct gp_str){0};
	return gp_arena_str(t->k->arena, gp_str(folded));
}

/* The key of a line: "local@", "." or nothing before a domain.  Empty if it is neither that nor
 * a pattern. */
static struct gp_str fold_pattern(struct table *t, struct gp_str key)
{
	struct gp_str before, domain;
	size_t at = key.len;

	if (is_glob(key))
		return key;
	while (at > 0 && key.ptr[at - 1] != '@')
		at--;
	if (at == 0 && gp_str_starts(key, GP_STR(".")))
		at = 1;
	before = at == 1 && key.ptr[0] == '@' ? (struct gp_str){0} : gp_str_sub(key, 0, at);
	domain = fold(t, gp_str_sub(key, at, key.len));
	if (domain.len == 0)
		return domain;
	return gp_str(
		gp_arena_printf(t->k->arena, "%.*s%.*s", GP_STR_FMT(before), GP_STR_FMT(domain)));
}

/* A key file's path, or NULL. */
static const char *path_of(struct table *t, struct gp_str name)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");

	if (name.len && name.ptr[0] == '/')
		return gp_arena_cstr(t->k->arena, name);
	if (dir && *dir)
		return gp_arena_printf(t->k->arena, "%s/%.*s", dir, GP_STR_FMT(name));
	gp_conf_report_add(
		t->report, t->file, t->line,
		"\"%.*s\" is a credential's name, but $CREDENTIALS_DIRECTORY is not set; "
		"write a path, or give the key by LoadCredential=",
		GP_STR_FMT(name));
	return NULL;
}

/* Is this one of the domains that the line is for? */
static bool is_meant(struct gp_str pattern, struct gp_str domain)
{
	size_t at = gp_str_find_chr(pattern, '@', 0);

	if (at < pattern.len)
		pattern = gp_str_sub(pattern, at + 1, pattern.len);
	if (gp_str_starts(pattern, GP_STR(".")))
		return gp_str_iends(domain, pattern);
	return gp_str_glob(pattern, domain);
}

/* "/keys/%d/s.key" as glob(3) reads it; NULL if %d is there more than once. */
static const char *glob_of(struct table *t, struct gp_str path, size_t at)
{
	GP_BUF_AUTO out = GP_BUF_INIT(path.len * 2 + 1);

	if (gp_str_find(path, GP_STR("%d"), at + 2) < path.len)
		return NULL;
	for (size_t i = 0; i < path.len; i++) {
		if (i == at) {
			gp_buf_add_chr(&out, '*');
			i++;
			continue;
		}
		if (path.ptr[i] == '*' || path.ptr[i] == '?' || path.ptr[i] == '[' ||
		    path.ptr[i] == '\\')
			gp_buf_add_chr(&out, '\\');
		gp_buf_add_chr(&out, path.ptr[i]);
	}
	return gp_arena_cstr(t->k->arena, gp_buf_str(&out));
}

/* Reads the files that a name with %d has now, by domain. */
static struct gp_map *read_files(struct table *t, struct gp_str pattern, struct gp_str path,
				 size_t at)
{
	struct gp_map *map = GP_ARENA_NEW(t->k->arena, struct gp_map);
	const char *names = glob_of(t, path, at);
	glob_t found = {0};

	gp_map_init(map, t->k->arena, false);
	if (!names) {
		gp_conf_report_add(t->report, t->file, t->line, "%.*s: %%d may stand there once",
				   GP_STR_FMT(path));
		return map;
	}
	if (glob(names, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			struct gp_str one = gp_str(found.gl_pathv[i]);
			struct gp_str part = gp_str_sub(one, at, one.len - (path.len - 2));
			struct gp_str domain = fold(t, part);

			/* A file under another spelling would never be found. */
			if (domain.len && gp_str_eq(part, domain) && is_meant(pattern, domain))
				gp_map_set(map, domain,
					   dkim_keyring_file(t->k, found.gl_pathv[i], t->report,
							     t->file, t->line));
		}
	}
	globfree(&found);
	return map;
}

static bool has_key(const struct dkim_key_rule *rule, struct gp_str domain, struct gp_str selector)
{
	for (size_t i = 0; i < rule->n_choices; i++)
		if (gp_str_eq(rule->choices[i].domain, domain) &&
		    gp_str_ieq(rule->choices[i].selector, selector))
			return true;
	return false;
}

/* What is wrong with the selector of one more key, or NULL. */
static const char *refuse_key(const struct dkim_key_rule *rule, struct gp_str domain,
			      struct gp_str selector)
{
	if (!dkim_selector_is_valid(selector))
		return "is no selector; expected SELECTOR=FILE";
	if (has_key(rule, domain, selector))
		return "stands in this line already";
	return rule->n_choices == DKIM_SIGNERS_MAX ? "is one key too many" : NULL;
}

static void add_key(struct table *t, struct dkim_key_rule *rule, struct gp_str domain,
		    struct gp_str selector, struct gp_str file)
{
	struct dkim_key_choice c = {.domain = domain, .selector = selector};
	const char *problem = refuse_key(rule, domain, selector), *path;
	size_t at;

	if (problem) {
		gp_conf_report_add(t->report, t->file, t->line, "\"%.*s\" %s", GP_STR_FMT(selector),
				   problem);
		return;
	}
	path = path_of(t, file);
	if (!path)
		return;
	at = gp_str_find(gp_str(path), GP_STR("%d"), 0);
	if (path[at])
		c.by_domain = read_files(t, rule->pattern, gp_str(path), at);
	else
		c.file = dkim_keyring_file(t->k, path, t->report, t->file, t->line);
	rule->choices[rule->n_choices++] = c;
}

/* What the keys behind "d=VALUE" sign as; empty: the author's domain. */
static struct gp_str signing_domain(struct table *t, struct gp_str value)
{
	struct gp_str domain;

	if (gp_str_eq(value, GP_STR("%d")))
		return (struct gp_str){0};
	domain = fold(t, value);
	if (domain.len == 0)
		gp_conf_report_add(t->report, t->file, t->line,
				   "d=%.*s: expected a domain, or %%d for the author's",
				   GP_STR_FMT(value));
	return domain;
}

static void read_words(struct table *t, struct dkim_key_rule *rule, struct gp_str words)
{
	struct gp_str word, domain = {0};

	while (gp_str_next_word(&words, &word)) {
		size_t eq = gp_str_find_chr(word, '=', 0);
		struct gp_str name = gp_str_sub(word, 0, eq);
		struct gp_str value = gp_str_sub(word, eq + 1, word.len);

		if (eq == word.len || value.len == 0)
			gp_conf_report_add(t->report, t->file, t->line,
					   "\"%.*s\": expected d=DOMAIN or SELECTOR=FILE",
					   GP_STR_FMT(word));
		else if (gp_str_eq(name, GP_STR("d")))
			domain = signing_domain(t, value);
		else
			add_key(t, rule, domain, name, value);
	}
}

static void read_line(const struct gp_map_hit *entry, void *arg)
{
	struct table *t = arg;
	struct dkim_key_rule *rule = GP_ARENA_NEW(t->k->arena, struct dkim_key_rule);
	size_t before = t->report->errors.len;

	t->line = entry->line;
	rule->pattern = fold_pattern(t, entry->key);
	if (rule->pattern.len == 0) {
		gp_conf_report_add(t->report, t->file, t->line,
				   "\"%.*s\" is no domain, address or pattern",
				   GP_STR_FMT(entry->key));
		return;
	}
	rule->is_none = gp_str_eq(entry->value, GP_STR("none"));
	if (!rule->is_none)
		read_words(t, rule, entry->value);
	if (!rule->is_none && rule->n_choices == 0 && t->report->errors.len == before)
		gp_conf_report_add(t->report, t->file, t->line,
				   "no key: expected SELECTOR=FILE, or \"none\"");
	if (is_glob(rule->pattern))
		*gp_vec_push(t->k->arena, &t->k->globs) = rule;
	else
		gp_map_set(&t->k->exact, rule->pattern, rule);
}

void dkim_keytable_read(struct dkim_keyring *k, const struct gp_mapfile *table,
			struct gp_conf_report *report)
{
	struct table t = {k, report, gp_mapfile_path(table), 0};

	gp_mapfile_each(table, read_line, &t);
}
