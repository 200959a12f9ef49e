/*
 * One row a directive.  Names before and after SpamAssassin's renaming of its
 * lists (whitelist → welcomelist, blacklist → blocklist) mean the same.
 */
#include "lib/score/rule_list.h"

#include "lib/base/num.h"
#include "lib/mail/relay.h"


enum operation {
	ADD,	    /* words */
	ADD_NETS,   /* networks, separated by blanks and commas */
	ADD_LINE,   /* the value as one item */
	SET,	    /* the value as the only item */
	REMOVE,	    /* words */
	REMOVE_ALL, /* words; without any: everything */
	REMOVE_KEY, /* items whose first word is one of the words */
	REMOVE_LINE, /* the item of the same words */
	CLEAR,
};

static const struct row {
	const char *directive; /* with welcomelist, blocklist */
	const char *list;
	enum operation operation;
	bool is_named; /* the first word is "(NAME)" */
} rows[] = {
	{"adsp_override", "adsp_override", ADD_LINE, false},
	{"all_spam_to", "all_spam_to", ADD, false},
	{"always_trust_envelope_sender", "always_trust_envelope_sender", SET, false},
	{"authres_ignored_authserv", "authres_ignored_authserv", ADD, false},
	{"authres_networks", "authres_networks", SET, false},
	{"authres_trusted_authserv", "authres_trusted_authserv", ADD, false},
	{"blocklist_from", "blocklist_from", ADD, false},
	{"blocklist_subject", "blocklist_subject", ADD_LINE, false},
	{"blocklist_uri_host", "enlist_uri_host BLOCK", ADD, false},
	{"blocklist_to", "blocklist_to", ADD, false},
	{"clear_dns_query_restriction", "dns_query_restriction", CLEAR, false},
	{"clear_dns_query_restrictions", "dns_query_restriction", CLEAR, false},
	{"clear_internal_networks", "internal_networks", CLEAR, false},
	{"clear_msa_networks", "msa_networks", CLEAR, false},
	{"clear_originating_ip_headers", "originating_ip_headers", CLEAR, false},
	{"clear_trusted_networks", "trusted_networks", CLEAR, false},
	{"clear_uridnsbl_skip_domain", "uridnsbl_skip_domain", REMOVE_ALL, false},
	{"clear_util_rb", "util_rb", CLEAR, false},
	{"def_welcomelist_auth", "def_welcomelist_auth", ADD, false},
	{"def_welcomelist_from_dkim", "def_welcomelist_from_dkim", ADD_LINE, false},
	{"def_welcomelist_from_rcvd", "def_welcomelist_from_rcvd", ADD_LINE, false},
	{"def_welcomelist_from_spf", "def_welcomelist_from_spf", ADD, false},
	{"dns_block_rule", "dns_block_rule", ADD_LINE, false},
	{"dns_block_time", "dns_block_time", SET, false},
	{"dns_query_restriction", "dns_query_restriction", ADD_LINE, false},
	{"delist_uri_host", "enlist_uri_host", REMOVE, true},
	{"enlist_addrlist", "enlist_addrlist", ADD, true},
	{"enlist_uri_host", "enlist_uri_host", ADD, true},
	{"envelope_sender_header", "envelope_sender_header", SET, false},
	{"fns_add_addrlist", "fns_addrlist", ADD, true},
	{"fns_check", "fns_check", SET, false},
	{"fns_extrachars", "fns_extrachars", SET, false},
	{"fns_ignore_dkim", "fns_ignore_dkim", ADD, false},
	{"fns_ignore_headers", "fns_ignore_headers", ADD, false},
	{"fns_remove_addrlist", "fns_addrlist", REMOVE, true},
	{"freemail_add_describe_email", "freemail_add_describe_email", SET, false},
	{"freemail_domains", "freemail_domains", ADD, false},
	{"freemail_import_def_welcomelist_auth", "freemail_import_def", SET, false},
	{"freemail_import_welcomelist_auth", "freemail_import", SET, false},
	{"freemail_max_body_emails", "freemail_max_body_emails", SET, false},
	{"freemail_max_body_freemails", "freemail_max_body_freemails", SET, false},
	{"freemail_skip_when_over_max", "freemail_skip_when_over_max", SET, false},
	{"freemail_skip_bulk_envfrom", "freemail_skip_bulk_envfrom", SET, false},
	{"freemail_welcomelist", "freemail_welcomelist", ADD, false},
	{"hashbl_email_domain_alias", "hashbl_email_domain_alias", ADD_LINE, false},
	{"hashbl_email_regex", "hashbl_email_regex", SET, false},
	{"hashbl_email_welcomelist", "hashbl_email_welcomelist", SET, false},
	{"hashbl_ignore", "hashbl_ignore", ADD, false},
	{"inactive_languages", "inactive_languages", SET, false},
	{"internal_networks", "internal_networks", ADD_NETS, false},
	{"more_spam_to", "more_spam_to", ADD, false},
	{"msa_networks", "msa_networks", ADD_NETS, false},
	{"ok_languages", "ok_languages", SET, false},
	{"ok_locales", "ok_locales", SET, false},
	{"olemacro_download_marker", "olemacro_download_marker", SET, false},
	{"olemacro_extended_scan", "olemacro_extended_scan", SET, false},
	{"olemacro_exts", "olemacro_exts", SET, false},
	{"olemacro_macro_exts", "olemacro_macro_exts", SET, false},
	{"olemacro_max_file", "olemacro_max_file", SET, false},
	{"olemacro_num_mime", "olemacro_num_mime", SET, false},
	{"olemacro_num_zip", "olemacro_num_zip", SET, false},
	{"olemacro_skip_ctypes", "olemacro_skip_ctypes", SET, false},
	{"olemacro_skip_exts", "olemacro_skip_exts", SET, false},
	{"olemacro_zip_depth", "olemacro_zip_depth", SET, false},
	{"olemacro_zips", "olemacro_zips", SET, false},
	{"originating_ip_headers", "originating_ip_headers", ADD, false},
	{"rbl_headers", "rbl_headers", SET, false},
	{"rbl_timeout", "rbl_timeout", SET, false},
	{"shortcircuit_ham_score", "shortcircuit_ham_score", SET, false},
	{"shortcircuit_spam_score", "shortcircuit_spam_score", SET, false},
	{"skip_rbl_checks", "skip_rbl_checks", SET, false},
	{"skip_uribl_checks", "skip_uribl_checks", SET, false},
	{"textcat_acceptable_score", "textcat_acceptable_score", SET, false},
	{"textcat_max_languages", "textcat_max_languages", SET, false},
	{"textcat_max_ngrams", "textcat_max_ngrams", SET, false},
	{"textcat_optimal_ngrams", "textcat_optimal_ngrams", SET, false},
	{"trusted_networks", "trusted_networks", ADD_NETS, false},
	{"unblocklist_from", "blocklist_from", REMOVE, false},
	{"unwelcomelist_auth", "welcomelist_auth", REMOVE, false},
	{"unwelcomelist_from", "welcomelist_from", REMOVE, false},
	{"unwelcomelist_from_dkim", "welcomelist_from_dkim", REMOVE_LINE, false},
	{"unwelcomelist_from_rcvd", "welcomelist_from_rcvd", REMOVE_KEY, false},
	{"unwelcomelist_from_spf", "welcomelist_from_spf", REMOVE, false},
	{"uridnsbl_max_domains", "uridnsbl_max_domains", SET, false},
	{"uridnsbl_skip_domain", "uridnsbl_skip_domain", ADD, false},
	{"uridnsbl_skip_mailto", "uridnsbl_skip_mailto", SET, false},
	{"util_rb_2tld", "util_rb", ADD, false},
	{"util_rb_3tld", "util_rb", ADD, false},
	{"util_rb_tld", "util_rb", ADD, false},
	{"welcomelist_allows_relays", "welcomelist_allows_relays", ADD, false},
	{"welcomelist_auth", "welcomelist_auth", ADD, false},
	{"welcomelist_bounce_relays", "welcomelist_bounce_relays", ADD, false},
	{"welcomelist_from", "welcomelist_from", ADD, false},
	{"welcomelist_from_dkim", "welcomelist_from_dkim", ADD_LINE, false},
	{"welcomelist_from_rcvd", "welcomelist_from_rcvd", ADD_LINE, false},
	{"welcomelist_from_spf", "welcomelist_from_spf", ADD, false},
	{"welcomelist_subject", "welcomelist_subject", ADD_LINE, false},
	{"welcomelist_uri_host", "enlist_uri_host WELCOME", ADD, false},
	{"welcomelist_to", "welcomelist_to", ADD, false},
};

static const struct row *row_of(struct gp_str name)
{
	static const struct {
		struct gp_str old, new;
	} renamed[] = {
		{GP_STR("whitelist"), GP_STR("welcomelist")},
		{GP_STR("blacklist"), GP_STR("blocklist")},
	};
	char text[64];

	for (size_t i = 0; i < GP_ARRAY_SIZE(renamed); i++) {
		size_t at = gp_str_find(name, renamed[i].old, 0);
		struct gp_str tail = gp_str_sub(name, at + renamed[i].old.len, name.len);

		if (at >= name.len || name.len + 2 >= sizeof(text))
			continue;
		memcpy(text, name.ptr, at);
		memcpy(text + at, renamed[i].new.ptr, renamed[i].new.len);
		memcpy(text + at + renamed[i].new.len, tail.ptr, tail.len);
		name = gp_str_n(text, at + renamed[i].new.len + tail.len);
		break;
	}
	for (size_t i = 0; i < GP_ARRAY_SIZE(rows); i++)
		if (gp_str_eq(name, gp_str(rows[i].directive)))
			return &rows[i];
	return NULL;
}

static struct gp_rule_list *list_of(struct gp_rule_builder *b, struct gp_str name)
{
	struct gp_rule_list *list = gp_map_get(&b->set->lists, name);

	if (list)
		return list;
	list = GP_ARENA_NEW(b->arena, struct gp_rule_list);
	gp_map_init(&list->index, b->arena, true);
	gp_map_set(&b->set->lists, gp_arena_str(b->arena, name), list);
	return list;
}

static bool is_glob(struct gp_str s)
{
	return gp_str_find_chr(s, '*', 0) < s.len || gp_str_find_chr(s, '?', 0) < s.len;
}

static void add(struct gp_rule_builder *b, struct gp_rule_list *list, struct gp_str item)
{
	if (gp_map_get(&list->index, item))
		return;
	item = gp_arena_str(b->arena, item);
	*gp_vec_push(b->arena, &list->items) = item;
	gp_map_set(&list->index, item, list);
	if (is_glob(item))
		*gp_vec_push(b->arena, &list->globs) = item;
}

static void clear(struct gp_rule_builder *b, struct gp_rule_list *list)
{
	list->items.len = list->globs.len = 0;
	gp_map_init(&list->index, b->arena, true);
}

static bool has_same_words(struct gp_str a, struct gp_str b)
{
	struct gp_str word, other;

	while (gp_str_next_word(&a, &word))
		if (!gp_str_next_word(&b, &other) || !gp_str_ieq(word, other))
			return false;
	return !gp_str_next_word(&b, &other);
}

/* Drops items of the same words as text, or (is_key) whose first word it is. */
static void drop(struct gp_rule_builder *b, struct gp_rule_list *list, struct gp_str text,
		 bool is_key)
{
	size_t n = 0;

	list->globs.len = 0;
	gp_map_init(&list->index, b->arena, true);
	for (size_t i = 0; i < list->items.len; i++) {
		struct gp_str item = list->items.items[i], rest = item, first = item;

		if (is_key)
			gp_str_next_word(&rest, &first);
		if (has_same_words(first, text))
			continue;
		list->items.items[n++] = item;
		gp_map_set(&list->index, item, list);
		if (is_glob(item))
			*gp_vec_push(b->arena, &list->globs) = item;
	}
	list->items.len = n;
}

/* What is no network is reported here, where its line is known, and left out. */
static void add_networks(struct gp_rule_builder *b, const char *directive,
			 struct gp_rule_list *list, struct gp_str words)
{
	struct gp_str text;

	while (gp_str_next(&words, ',', &text)) {
		struct gp_relay_nets unused = {0};

		if (text.len == 0)
			continue;
		if (gp_relay_nets_add(b->arena, &unused, text) == GP_OK)
			add(b, list, text);
		else
			gp_rule_note(b, GP_RULE_ERROR, "", "%s: \"%.*s\" is no network", directive,
				     GP_STR_FMT(gp_str_sub(text, 0, 60)));
	}
}

static void apply(struct gp_rule_builder *b, enum operation op, struct gp_rule_list *list,
		  const char *directive, struct gp_str value)
{
	struct gp_str word;
	bool has_words = false;

	if (op == CLEAR || op == SET)
		clear(b, list);
	if (op == ADD_LINE || op == SET) {
		if (value.len)
			add(b, list, value);
		return;
	}
	if (op == REMOVE_LINE) {
		drop(b, list, value, false);
		return;
	}
	while (op != CLEAR && gp_str_next_word(&value, &word)) {
		has_words = true;
		if (op == ADD)
			add(b, list, word);
		else if (op == ADD_NETS)
			add_networks(b, directive, list, word);
		else
			drop(b, list, word, op == REMOVE_KEY);
	}
	if (!has_words && op == REMOVE_ALL)
		clear(b, list);
}

/* delist_uri_host without a list's name: from all there are.  "!" before a name means nothing. */
static void delist_everywhere(struct gp_rule_builder *b, struct gp_str value)
{
	static const struct gp_str prefix = GP_STR("enlist_uri_host ");
	struct gp_str word;

	while (gp_str_next_word(&value, &word)) {
		word = gp_str_sub(word, gp_str_starts(word, GP_STR("!")), SIZE_MAX);
		GP_MAP_EACH(&b->set->lists, e) {
			if (!gp_str_starts(e->key, prefix))
				continue;
			drop(b, e->value, word, false);
			drop(b, e->value, gp_str(gp_arena_printf(b->arena, "!%.*s", GP_STR_FMT(word))),
			     false);
		}
	}
}

bool gp_rule_list_directive(struct gp_rule_builder *b, struct gp_str name, struct gp_str value)
{
	const struct row *row = row_of(name);
	struct gp_str list, word;

	if (gp_str_starts(name, GP_STR("hashbl_acl_"))) {
		apply(b, ADD, list_of(b, name), "hashbl_acl", gp_str_trim(value));
		return true;
	}
	if (!row)
		return false;
	list = gp_str(row->list);
	if (row->is_named && row->operation == REMOVE && !gp_str_starts(value, GP_STR("(")) &&
	    gp_str_eq(list, GP_STR("enlist_uri_host"))) {
		delist_everywhere(b, value);
		return true;
	}
	if (row->is_named) {
		if (!gp_str_next_word(&value, &word) || word.len < 3 || word.ptr[0] != '(' ||
		    word.ptr[word.len - 1] != ')') {
			gp_rule_note(b, GP_RULE_ERROR, "", "%s wants (NAME) and then its members",
				     row->directive);
			return true;
		}
		list = gp_str(gp_arena_printf(b->arena, "%s %.*s", row->list,
					      GP_STR_FMT(gp_str_sub(word, 1, word.len - 2))));
	}
	value = gp_str_trim(value);
	apply(b, row->operation, list_of(b, list), row->directive, value);
	if (gp_str_starts(gp_str(row->directive), GP_STR("unwelcomelist_"))) /* what came with the rules, too */
		apply(b, row->operation, list_of(b, gp_str(gp_arena_printf(b->arena, "def_%s", row->list))),
		      row->directive, value);
	return true;
}

const struct gp_rule_list *gp_rule_list_get(const struct gp_rule_set *set, struct gp_str name)
{
	static const struct gp_rule_list empty = {0};
	const struct gp_rule_list *list = gp_map_get(&set->lists, name);

	return list ? list : &empty;
}

const struct gp_rule_list *gp_rule_list_named(const struct gp_rule_set *set, struct gp_arena *a,
					      struct gp_str kind, struct gp_str name)
{
	char *full = gp_arena_alloc(a, kind.len + 1 + name.len);

	memcpy(full, kind.ptr, kind.len);
	full[kind.len] = ' ';
	if (name.len)
		memcpy(full + kind.len + 1, name.ptr, name.len);
	return gp_rule_list_get(set, gp_str_n(full, kind.len + 1 + name.len));
}

bool gp_rule_list_has(const struct gp_rule_list *list, struct gp_str s)
{
	return list->items.len && gp_map_get(&list->index, s);
}

bool gp_rule_list_matches(const struct gp_rule_list *list, struct gp_str s)
{
	if (gp_rule_list_has(list, s))
		return true;
	for (size_t i = 0; i < list->globs.len; i++)
		if (gp_str_glob(list->globs.items[i], s))
			return true;
	return false;
}

double gp_rule_list_number(const struct gp_rule_set *set, const char *name, double otherwise)
{
	const struct gp_rule_list *list = gp_rule_list_get(set, gp_str(name));
	double n = otherwise;

	if (list->items.len && gp_num_parse_double(list->items.items[0], &n))
		return otherwise;
	return n;
}
