/*
 * KeyTable and SigningTable, or Domain with Selector and KeyFile, read; opendkim_table.c writes
 * our key table from them.
 */
#include <stdlib.h>

#include "cli/opendkim_table.h"
#include "lib/dns/dnsname.h"
#include "milter-dkim/keydir.h"

#define TABLE_MAX (64 << 20)

bool odk_is_literal(struct gp_str s)
{
	return gp_str_find_chr(s, '*', 0) == s.len;
}

/* "domain:selector:path" */
static bool parse_key(struct odk *o, const struct odk_entry *e, struct odk_key *ret)
{
	struct gp_str rest = e->value;

	*ret = (struct odk_key){.file = e->file, .line = e->line};
	gp_str_next(&rest, ':', &ret->domain);
	gp_str_next(&rest, ':', &ret->selector);
	gp_str_next(&rest, ':', &ret->path);
	ret->domain = gp_str_trim(ret->domain);
	ret->selector = gp_str_trim(ret->selector);
	ret->path = gp_str_trim(ret->path);
	if (!dkim_selector_is_valid(ret->selector) || gp_str_ieq(ret->selector, GP_STR("d")) ||
	    ret->domain.len == 0) {
		odk_note(o, GP_IMPORT_LOST, e->file, e->line,
			 "key \"%.*s\": expected DOMAIN:SELECTOR:PATH", GP_STR_FMT(e->key));
		return false;
	}
	if (ret->path.len == 0 || (ret->path.ptr[0] != '/' && ret->path.ptr[0] != '.')) {
		odk_note(o, GP_IMPORT_LOST, e->file, e->line,
			 "key \"%.*s\": the table holds the key itself; write it to a file of its "
			 "own",
			 GP_STR_FMT(e->key));
		return false;
	}
	ret->path = gp_str(odk_path(o, ret->path));
	for (size_t i = 0; i < ret->path.len; i++)
		if (gp_is_space(ret->path.ptr[i])) {
			odk_note(o, GP_IMPORT_LOST, e->file, e->line,
				 "key \"%.*s\": white space in the file's name; rename it",
				 GP_STR_FMT(e->key));
			return false;
		}
	return true;
}

static bool read_keys(struct odk_tables *t, const struct odk_param *p)
{
	struct odk_set set;

	if (!odk_read_set(t->o, p, &set))
		return false;
	for (size_t i = 0; i < set.entries.len; i++) {
		const struct odk_entry *e = &set.entries.items[i];
		struct odk_key *key = GP_ARENA_NEW(t->o->arena, struct odk_key);

		if (parse_key(t->o, e, key) && !gp_map_get(&t->names, e->key))
			gp_map_set(&t->names, e->key, key);
	}
	return true;
}

static void add_rule(struct odk_tables *t, const struct odk_entry *e, int rank,
		     struct gp_str pattern, const struct odk_key *key)
{
	struct odk_rule *r = gp_vec_push(t->o->arena, &t->rules);

	*r = (struct odk_rule){.pattern = pattern,
			       .rank = rank,
			       .index = t->rules.len,
			       .file = e->file,
			       .line = e->line};
	*gp_vec_push(t->o->arena, &r->keys) = key;
}

/* A key named "%" is that of the author's domain: one rule for each key that is named after a
 * domain which the pattern takes. */
static void add_by_domain(struct odk_tables *t, const struct odk_entry *e, int rank,
			  struct gp_str pattern)
{
	size_t at = gp_str_find_chr(pattern, '@', 0);
	struct gp_str local = at < pattern.len ? gp_str_sub(pattern, 0, at) : GP_STR("*");
	struct gp_str domain =
		at < pattern.len ? gp_str_sub(pattern, at + 1, pattern.len) : pattern;

	GP_MAP_EACH(&t->names, n)
	if (gp_str_find_chr(n->key, '.', 0) < n->key.len && odk_is_literal(n->key) &&
	    gp_str_glob(domain, n->key))
		add_rule(t, e, rank,
			 gp_str(gp_arena_printf(t->o->arena, "%.*s@%.*s", GP_STR_FMT(local),
						GP_STR_FMT(n->key))),
			 n->value);
}

static void add_signing(struct odk_tables *t, const struct odk_entry *e, int rank,
			struct gp_str pattern)
{
	struct gp_str rest = e->value, name = {0};
	const struct odk_key *key;

	gp_str_next(&rest, ':', &name);
	name = gp_str_trim(name);
	if (gp_str_trim(rest).len)
		odk_note(t->o, GP_IMPORT_CHANGED, e->file, e->line,
			 "\"%.*s\": the signer %.*s is not put into i=", GP_STR_FMT(e->key),
			 GP_STR_FMT(gp_str_trim(rest)));
	if (gp_str_eq(name, GP_STR("%"))) {
		add_by_domain(t, e, rank, pattern);
		return;
	}
	key = gp_map_get(&t->names, name);
	if (key)
		add_rule(t, e, rank, pattern, key);
	else
		odk_note(t->o, GP_IMPORT_LOST, e->file, e->line,
			 "\"%.*s\": there is no key \"%.*s\" in the KeyTable", GP_STR_FMT(e->key),
			 GP_STR_FMT(name));
}

/* The forms of a file, in the order in which OpenDKIM looks them up, as patterns. */
static int form_of(struct gp_arena *arena, struct gp_str key, struct gp_str *ret)
{
	size_t at = gp_str_find_chr(key, '@', 0);
	struct gp_str local = gp_str_sub(key, 0, at), domain = gp_str_sub(key, at + 1, key.len);

	if (gp_str_eq(key, GP_STR("*"))) {
		*ret = key;
		return 5;
	}
	if (at == key.len) {
		bool is_parent = key.ptr[0] == '.';

		*ret = gp_str(
			gp_arena_printf(arena, "*@%s%.*s", is_parent ? "*" : "", GP_STR_FMT(key)));
		return odk_is_literal(key) ? (is_parent ? 3 : 1) : -1;
	}
	*ret = key;
	if (local.len == 0 || domain.len == 0 || !odk_is_literal(local))
		return -1;
	if (gp_str_eq(domain, GP_STR("*")))
		return 4;
	if (domain.ptr[0] == '.')
		*ret = gp_str(gp_arena_printf(arena, "%.*s@*%.*s", GP_STR_FMT(local),
					      GP_STR_FMT(domain)));
	return !odk_is_literal(domain) ? -1 : domain.ptr[0] == '.' ? 2 : 0;
}

static int by_rank(const void *va, const void *vb)
{
	const struct odk_rule *a = va, *b = vb;

	if (a->rank != b->rank)
		return a->rank - b->rank;
	if (a->rank && a->pattern.len != b->pattern.len) /* the longer parent is nearer */
		return a->pattern.len > b->pattern.len ? -1 : 1;
	return a->index < b->index ? -1 : 1;
}

static void read_signing_entry(struct odk_tables *t, const struct odk_set *set,
			       const struct odk_entry *e)
{
	struct gp_str pattern = e->key;
	int rank = set->kind == ODK_SET_PATTERNS ? 0 : form_of(t->o->arena, e->key, &pattern);

	if (rank < 0)
		odk_note(t->o, GP_IMPORT_NEEDLESS, e->file, e->line,
			 "\"%.*s\" matches nothing: patterns need \"refile:\"", GP_STR_FMT(e->key));
	else if (gp_str_find_chr(pattern, '"', 0) < pattern.len ||
		 gp_str_find_chr(pattern, '?', 0) < pattern.len)
		odk_note(t->o, GP_IMPORT_LOST, e->file, e->line,
			 "\"%.*s\": quotes and question marks mean something else in our table",
			 GP_STR_FMT(e->key));
	else
		add_signing(t, e, rank, pattern);
}

static bool read_signing(struct odk_tables *t, const struct odk_param *p)
{
	struct odk_set set;

	if (!odk_read_set(t->o, p, &set))
		return false;
	for (size_t i = 0; i < set.entries.len; i++)
		read_signing_entry(t, &set, &set.entries.items[i]);
	if (set.kind != ODK_SET_PATTERNS && t->rules.len)
		qsort(t->rules.items, t->rules.len, sizeof(*t->rules.items), by_rank);
	return true;
}

/* Domain, Selector and KeyFile. */
static void convert_single(struct odk_tables *t)
{
	const struct odk_param *domains = odk_get(t->o, "Domain"),
			       *selector = odk_get(t->o, "Selector"),
			       *file = odk_get(t->o, "KeyFile");
	struct odk_set set;

	if (!domains || !selector || !file) {
		if (domains || selector || file)
			odk_note(t->o, GP_IMPORT_LOST, NULL, 0,
				 "signing needs Domain, Selector and KeyFile; one is missing");
		return;
	}
	if (!odk_read_set(t->o, domains, &set))
		return;
	for (size_t i = 0; i < set.entries.len; i++) {
		const struct odk_entry *e = &set.entries.items[i];
		struct odk_entry value = *e;
		struct odk_key *key = GP_ARENA_NEW(t->o->arena, struct odk_key);
		char folded[GP_DNS_NAME_MAX + 1];

		value.value = gp_str(
			gp_arena_printf(t->o->arena, "%.*s:%.*s:%s", GP_STR_FMT(e->key),
					GP_STR_FMT(selector->value), odk_path(t->o, file->value)));
		if (gp_dns_name_fold(e->key, folded) || !odk_is_literal(e->key))
			odk_note(t->o, GP_IMPORT_LOST, e->file, e->line,
				 "Domain: \"%.*s\" is no domain", GP_STR_FMT(e->key));
		else if (parse_key(t->o, &value, key))
			add_rule(t, e, 0,
				 gp_str(gp_arena_printf(t->o->arena, "*@%.*s", GP_STR_FMT(e->key))),
				 key);
	}
	odk_write_rules(t, false);
	odk_set(t->o, "milter-dkim.sign.subdomains", "%s",
		odk_is_true(odk_get(t->o, "SubDomains")) ? "true" : "false");
}

static void convert_tables(struct odk_tables *t, const struct odk_param *keys,
			   const struct odk_param *signing)
{
	if (!read_keys(t, keys) || !read_signing(t, signing))
		return;
	odk_write_rules(t, odk_is_true(odk_get(t->o, "MultipleSignatures")));
	odk_set(t->o, "milter-dkim.sign.subdomains", "false");
}

void odk_convert_keys(struct odk *o)
{
	struct odk_tables t = {.o = o, .lines = GP_BUF_INIT(TABLE_MAX)};
	const struct odk_param *keys = odk_get(o, "KeyTable"),
			       *signing = odk_get(o, "SigningTable");

	gp_map_init(&t.names, o->arena, true);
	if (keys && signing)
		convert_tables(&t, keys, signing);
	else if (keys || signing)
		odk_note(o, GP_IMPORT_LOST, NULL, 0,
			 "KeyTable and SigningTable need each other: nothing is signed");
	else
		convert_single(&t);
	if (t.lines.len) {
		odk_set_text(o, "milter-dkim.sign.keys", gp_str(o->table_path));
		o->result->keys = gp_arena_strdup(o->arena, gp_buf_cstr(&t.lines));
	}
	gp_buf_done(&t.lines);
}
