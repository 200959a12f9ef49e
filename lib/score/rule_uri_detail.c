/*
 * One entry a URI as it is written, with all its forms; worked out once a message.  A key
 * with several values fulfils its test when one of them does, also where that
 * is "does not match".
 */
#include "lib/score/rule_uri_detail.h"

#include "lib/score/rule_eval_html.h"
#include "lib/score/rule_eval_text.h"
#include "lib/score/rule_host.h"
#include "lib/score/rule_pcre.h"
#include "lib/score/rule_regex.h"
#include "lib/score/rule_uri.h"

static const char *const keys[GP_URI_KEYS] = {"raw", "type", "cleaned", "text", "domain", "host"};

/* While they are gathered. */
struct gathering {
	struct gp_eval *e;
	struct gp_uri_entries *found;
	const struct gp_reference *reference; /* that is being added; NULL: found in text */
};

/* The pattern at the start of s with its delimiters and flags: its length, 0: none. */
static size_t pattern_length(struct gp_str s)
{
	size_t i = s.len && s.ptr[0] == 'm' ? 2 : 1;
	char close;

	if (s.len < i + 1)
		return 0;
	close = s.ptr[i - 1];
	close = close == '{' ? '}' : close == '(' ? ')' : close == '<' ? '>' : close;
	while (i < s.len && s.ptr[i] != close)
		i += s.ptr[i] == '\\' ? 2 : 1;
	if (i++ >= s.len)
		return 0;
	while (i < s.len && gp_is_alpha(s.ptr[i]))
		i++;
	return i;
}

static struct gp_uri_test *test_of(struct gp_uri_test *tests, struct gp_str key)
{
	for (size_t i = 0; i < GP_URI_KEYS; i++)
		if (gp_str_eq(key, gp_str(keys[i])))
			return &tests[i];
	return NULL;
}

int gp_uri_detail_parse(struct gp_arena *a, struct gp_str text, struct gp_uri_test **ret,
			struct gp_diag *diag)
{
	struct gp_uri_test *tests = GP_ARENA_NEW_N(a, GP_URI_KEYS, struct gp_uri_test), *t;
	int r;

	gp_diag_set(diag, "wants KEY =~ /pattern/ …; KEY is raw, type, cleaned, text, domain or host");
	for (text = gp_str_trim(text); text.len; text = gp_str_trim(text)) {
		size_t n = 0, length;

		while (n < text.len && gp_is_alpha(text.ptr[n]))
			n++;
		t = test_of(tests, gp_str_sub(text, 0, n));
		text = gp_str_trim(gp_str_sub(text, n, SIZE_MAX));
		if (!t || text.len < 2 || text.ptr[1] != '~' || !strchr("=!", text.ptr[0]))
			return GP_EINVAL;
		*t = (struct gp_uri_test){.is_there = true, .is_negated = text.ptr[0] == '!'};
		text = gp_str_trim(gp_str_sub(text, 2, SIZE_MAX));
		length = pattern_length(text);
		if (length == 0)
			return GP_EINVAL;
		r = gp_regex_parse(a, gp_str_sub(text, 0, length), &t->re, diag);
		if (r == GP_OK)
			r = gp_pcre_compile(a, &t->re, diag);
		if (r)
			return r;
		text = gp_str_sub(text, length, SIZE_MAX);
	}
	*ret = tests;
	return GP_OK;
}

static void add_value(struct gp_eval *e, struct gp_uri_entry *entry, enum gp_uri_key key, struct gp_str s)
{
	for (size_t i = 0; i < entry->values[key].len; i++)
		if (gp_str_eq(entry->values[key].items[i], s))
			return;
	if (s.len)
		*gp_vec_push(e->arena, &entry->values[key]) = s;
}

static void add_hosts(struct gp_eval *e, struct gp_uri_entry *entry, struct gp_str uri)
{
	static const struct gp_str mark = GP_STR("://");
	size_t at = gp_str_find(uri, mark, 0);
	struct gp_str host;
	struct gp_ip ip;

	if (gp_str_istarts(uri, GP_STR("mailto:")))
		host = gp_rule_uri_cut(gp_str_after_last(uri, '@'), "?&>");
	else if (at < uri.len)
		host = gp_rule_uri_cut(
			gp_eval_domain(gp_rule_uri_cut(gp_str_sub(uri, at + mark.len, SIZE_MAX), "/?#")),
			":");
	else
		return;
	host = gp_eval_lower(e, host);
	if (gp_rule_host_is_valid(e->set, host)) {
		add_value(e, entry, GP_URI_KEY_HOST, host);
		add_value(e, entry, GP_URI_KEY_DOMAIN, gp_rule_host_trim(e->set, host));
	} else if (gp_ip_parse(host, &ip) == GP_OK) {
		add_value(e, entry, GP_URI_KEY_HOST, host);
		add_value(e, entry, GP_URI_KEY_DOMAIN, host);
	}
}

static struct gp_uri_entry *entry_of(struct gathering *g, struct gp_str raw)
{
	struct gp_uri_entry *entry = gp_map_get(&g->found->by_raw, raw);

	if (entry)
		return entry;
	entry = GP_ARENA_NEW(g->e->arena, struct gp_uri_entry);
	raw = gp_arena_str(g->e->arena, raw);
	gp_map_set(&g->found->by_raw, raw, entry);
	*gp_vec_push(g->e->arena, &g->found->items) = entry;
	*gp_vec_push(g->e->arena, &entry->values[GP_URI_KEY_RAW]) = raw;
	return entry;
}

static void add_types(struct gp_eval *e, struct gp_uri_entry *entry, const struct gp_reference *r)
{
	static const struct {
		unsigned source;
		struct gp_str type;
	} types[] = {{GP_URI_IMG, GP_STR("img")}, {GP_URI_FORM, GP_STR("form")}, {GP_URI_HREF, GP_STR("link")}};

	unsigned sources = !r ? 0 : r->is_anchor || r->sources ? r->sources : GP_URI_HREF;

	if (!r || r->is_anchor)
		add_value(e, entry, GP_URI_KEY_TYPE, r ? GP_STR("a") : GP_STR("parsed"));
	for (size_t i = 0; i < GP_ARRAY_SIZE(types); i++)
		if (sources & types[i].source)
			add_value(e, entry, GP_URI_KEY_TYPE, types[i].type);
}

/* gp_rule_uris' word for a URI and its forms. */
static void on_uri(void *arg, struct gp_str written, const struct gp_str *forms, size_t n)
{
	struct gathering *g = arg;
	struct gp_uri_entry *entry = entry_of(g, written);

	add_types(g->e, entry, g->reference);
	for (size_t i = 0; i < n; i++) {
		struct gp_str form = gp_arena_str(g->e->arena, forms[i]);

		add_value(g->e, entry, GP_URI_KEY_CLEANED, form);
		add_hosts(g->e, entry, form);
	}
}

static void add_html(struct gathering *g)
{
	struct gp_eval *e = g->e;
	const struct gp_message *m = e->in->message;

	for (size_t i = 0; i < m->references.len; i++) {
		struct gp_rule_uris uris; /* each by itself: forms may be those of another one too */

		gp_rule_uris_init(&uris, e->set, e->pcre, e->arena);
		uris.on_uri = on_uri;
		uris.arg = g;
		g->reference = &m->references.items[i];
		gp_rule_uris_add_reference(&uris, g->reference);
	}
	for (const struct gp_rule_html *h = gp_eval_html(e); h; h = h->next)
		for (size_t i = 0; i < h->anchors.items.len; i++) {
			struct gp_uri_entry *entry = gp_map_get(&g->found->by_raw, h->targets.items.items[i]);

			if (entry)
				add_value(e, entry, GP_URI_KEY_TEXT, h->anchors.items.items[i]);
		}
}

static void add_text(struct gathering *g)
{
	const struct gp_rule_subject *body = gp_eval_subject(g->e, GP_RULE_BODY);
	struct gp_rule_uris uris;

	gp_rule_uris_init(&uris, g->e->set, g->e->pcre, g->e->arena);
	uris.on_uri = on_uri;
	uris.arg = g;
	g->reference = NULL;
	for (size_t i = 0; i < body->segments.len; i++)
		gp_rule_uris_scan(&uris, gp_rule_segment_text(body, i));
}

const struct gp_uri_entries *gp_uri_entries(struct gp_eval *e)
{
	struct gp_uri_entries *all = e->memo[GP_EVAL_URI_DETAIL];
	struct gathering g = {.e = e};

	if (all)
		return all;
	all = g.found = e->memo[GP_EVAL_URI_DETAIL] = GP_ARENA_NEW(e->arena, struct gp_uri_entries);
	gp_map_init(&all->by_raw, e->arena, false);
	add_html(&g);
	add_text(&g);
	return all;
}

static bool fulfils(struct gp_eval *e, const struct gp_uri_test *t, const struct gp_uri_entry *entry,
		    enum gp_uri_key key)
{
	bool limited = false;

	for (size_t i = 0; i < entry->values[key].len; i++)
		if ((gp_pcre_count(e->pcre, &t->re, entry->values[key].items[i], 1, NULL, &limited) > 0) !=
		    t->is_negated)
			return true;
	return false;
}

static bool check_uri_detail(struct gp_eval *e, const struct gp_rule_eval *row,
			     const struct gp_str *args, size_t n_args)
{
	const struct gp_uri_entries *all = gp_uri_entries(e);

	for (size_t i = 0; i < all->items.len; i++) {
		size_t key = 0;

		while (key < GP_URI_KEYS &&
		       (!e->rule->uri_tests[key].is_there ||
			fulfils(e, &e->rule->uri_tests[key], all->items.items[i], (enum gp_uri_key)key)))
			key++;
		if (key == GP_URI_KEYS) {
			e->evidence = all->items.items[i]->values[GP_URI_KEY_RAW].items[0];
			return true;
		}
	}
	return false;
}

const struct gp_rule_eval gp_rule_eval_uri_detail = {"uri_detail", 0, 0, check_uri_detail, 0, false};
