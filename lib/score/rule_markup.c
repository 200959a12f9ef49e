/*
 * Directives.  Files are read in order and each line changes what stands so far, so
 * that a later clear_headers removes what earlier files added.
 */
#include "lib/score/rule_markup_int.h"

#include "lib/base/num.h"
#include "lib/score/rule_def.h"

#define HEADERS_MAX 100
#define REPORT_LINES_MAX 500

const char *const gp_rewrite_names[GP_REWRITES] = {"Subject", "From", "To"};

static void error(struct gp_rule_builder *b, const char *text)
{
	gp_rule_note(b, GP_RULE_ERROR, "", "%s", text);
}

static struct gp_rule_markup *markup_of(struct gp_rule_builder *b)
{
	if (!b->set->markup) {
		b->set->markup = GP_ARENA_NEW(b->arena, struct gp_rule_markup);
		gp_map_init(&b->set->markup->prefixes, b->arena, false);
	}
	return b->set->markup;
}

static struct gp_str unquoted(struct gp_str s)
{
	return s.len >= 2 && s.ptr[0] == '"' && s.ptr[s.len - 1] == '"' ? gp_str_sub(s, 1, s.len - 2)
									: s;
}

static bool is_header_name(struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (!gp_is_alnum(s.ptr[i]) && s.ptr[i] != '_' && s.ptr[i] != '-')
			return false;
	return s.len > 0 && s.len <= 60;
}

/* "spam NAME", "ham NAME" or "all NAME": which of the two lists. */
static bool take_which(struct gp_str *value, bool which[2], struct gp_str *ret_name)
{
	struct gp_str word;

	if (!gp_str_next_word(value, &word))
		return false;
	which[0] = gp_str_eq(word, GP_STR("ham")) || gp_str_eq(word, GP_STR("all"));
	which[1] = gp_str_eq(word, GP_STR("spam")) || gp_str_eq(word, GP_STR("all"));
	return (which[0] || which[1]) && gp_str_next_word(value, ret_name) &&
	       is_header_name(*ret_name);
}

static void drop_header(struct gp_rule_markup *m, size_t which, struct gp_str name)
{
	size_t n = 0;

	for (size_t i = 0; i < m->headers[which].len; i++)
		if (!gp_str_ieq(gp_str(m->headers[which].items[i].name), name))
			m->headers[which].items[n++] = m->headers[which].items[i];
	m->headers[which].len = n;
}

/* \n and \t are what they say, \\ a backslash; any other escape is nothing. */
static struct gp_str unescape(struct gp_arena *a, struct gp_str s)
{
	char *out = gp_arena_alloc(a, s.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] != '\\') {
			out[n++] = s.ptr[i];
			continue;
		}
		if (++i < s.len && strchr("nt\\", s.ptr[i]))
			out[n++] = s.ptr[i] == 'n' ? '\n' : s.ptr[i] == 't' ? '\t' : '\\';
	}
	return gp_str_n(out, n);
}

static void set_header(struct gp_rule_builder *b, const bool which[2], struct gp_str name,
		       struct gp_str text)
{
	struct gp_rule_markup *m = markup_of(b);
	struct gp_markup_template t = {gp_arena_cstr(b->arena, name),
				       unescape(b->arena, unquoted(gp_str_trim(text)))};

	m->has_headers = true;
	for (size_t i = 0; i < 2; i++) {
		if (!which[i] || m->headers[i].len >= HEADERS_MAX)
			continue;
		drop_header(m, i, name);
		*gp_vec_push(b->arena, &m->headers[i]) = t;
	}
}

static void do_add_header(struct gp_rule_builder *b, struct gp_str value)
{
	struct gp_str name;
	bool which[2];

	if (take_which(&value, which, &name))
		set_header(b, which, name, value);
	else
		error(b, "wants spam, ham or all, a header's name behind X-Spam-, and a text");
}

static void do_remove_header(struct gp_rule_builder *b, struct gp_str value)
{
	struct gp_rule_markup *m = markup_of(b);
	struct gp_str name;
	bool which[2];

	if (!take_which(&value, which, &name)) {
		error(b, "wants spam, ham or all, and a header's name behind X-Spam-");
		return;
	}
	m->has_headers = true;
	for (size_t i = 0; i < 2; i++)
		if (which[i] && !gp_str_ieq(name, GP_STR("Checker-Version")))
			drop_header(m, i, name);
}

static void do_clear_headers(struct gp_rule_builder *b, struct gp_str value)
{
	struct gp_rule_markup *m = markup_of(b);

	m->has_headers = true;
	for (size_t i = 0; i < 2; i++) {
		size_t n = 0;

		for (size_t k = 0; k < m->headers[i].len; k++) /* this one stays */
			if (gp_str_ieq(gp_str(m->headers[i].items[k].name),
				       GP_STR("Checker-Version")))
				m->headers[i].items[n++] = m->headers[i].items[k];
		m->headers[i].len = n;
	}
}

static void do_rewrite_header(struct gp_rule_builder *b, struct gp_str value)
{
	struct gp_rule_markup *m = markup_of(b);
	struct gp_str name = {0};
	char *text;

	gp_str_next_word(&value, &name);
	value = gp_str_trim(value);
	for (enum gp_rewrite i = 0; i < GP_REWRITES; i++) {
		if (!gp_str_ieq(name, gp_str(gp_rewrite_names[i])))
			continue;
		text = gp_arena_cstr(b->arena, value);
		for (char *p = text; *p && i != GP_REWRITE_SUBJECT; p++) /* it becomes a comment */
			*p = *p == '(' ? '[' : *p == ')' ? ']' : *p;
		m->rewrite[i] = value.len ? gp_str_n(text, value.len) : (struct gp_str){0};
		return;
	}
	error(b, "wants Subject, From or To, and a text");
}

static void do_report(struct gp_rule_builder *b, struct gp_str value)
{
	struct gp_rule_markup *m = markup_of(b);

	if (m->report.len < REPORT_LINES_MAX)
		*gp_vec_push(b->arena, &m->report) = gp_arena_str(b->arena, unquoted(value));
}

static void do_clear_report(struct gp_rule_builder *b, struct gp_str value)
{
	markup_of(b)->report.len = 0;
}

static void do_contact(struct gp_rule_builder *b, struct gp_str value)
{
	markup_of(b)->contact = gp_arena_str(b->arena, value);
}

static void do_hostname(struct gp_rule_builder *b, struct gp_str value)
{
	markup_of(b)->hostname = gp_arena_str(b->arena, value);
}

static void do_fold(struct gp_rule_builder *b, struct gp_str value)
{
	markup_of(b)->is_unfolded = gp_str_eq(value, GP_STR("0"));
}

static void do_wrap(struct gp_rule_builder *b, struct gp_str value)
{
	uint64_t n;

	if (gp_num_parse_uint(value, 10, &n) || n < 20 || n > 998)
		error(b, "wants a number of columns from 20 to 998");
	else
		markup_of(b)->wrap = (unsigned)n;
}

/* The message is never wrapped into a report: 0 is what is done whatever stands here.  As in
 * SpamAssassin it brings the report in a header. */
static void do_report_safe(struct gp_rule_builder *b, struct gp_str value)
{
	static const bool of_spam[2] = {false, true};
	struct gp_rule_markup *m = markup_of(b);

	if (!gp_str_eq(value, GP_STR("0"))) {
		gp_rule_note_unused(b, GP_STR("report_safe"),
				    "messages are never wrapped into a report; as report_safe 0");
		return;
	}
	for (size_t i = 0; i < m->headers[1].len; i++)
		if (gp_str_ieq(gp_str(m->headers[1].items[i].name), GP_STR("Report")))
			return;
	set_header(b, of_spam, GP_STR("Report"), GP_STR("_REPORT_"));
}

static void do_required(struct gp_rule_builder *b, struct gp_str value)
{
	struct gp_rule_markup *m = markup_of(b);

	if (gp_num_parse_double(value, &m->required))
		error(b, "wants a number of points");
	else
		m->has_required = true;
}

static void do_prefix(struct gp_rule_builder *b, struct gp_str value)
{
	struct gp_str name = {0}, *text;

	gp_str_next_word(&value, &name);
	value = gp_str_trim(value);
	if (!gp_rule_name_is_valid(name) || value.len == 0) {
		error(b, "wants a rule's name and a text");
		return;
	}
	text = GP_ARENA_NEW(b->arena, struct gp_str);
	*text = gp_arena_str(b->arena, value);
	gp_map_set(&markup_of(b)->prefixes, gp_arena_str(b->arena, name), text);
}

bool gp_markup_directive(struct gp_rule_builder *b, struct gp_str name, struct gp_str value)
{
	static const struct gp_rule_directive_row table[] = {
		{"add_header", do_add_header},
		{"remove_header", do_remove_header},
		{"clear_headers", do_clear_headers},
		{"rewrite_header", do_rewrite_header},
		{"report", do_report},
		{"clear_report_template", do_clear_report},
		{"report_contact", do_contact},
		{"report_hostname", do_hostname},
		{"report_safe", do_report_safe},
		{"report_wrap_width", do_wrap},
		{"fold_headers", do_fold},
		{"required_score", do_required},
		{"required_hits", do_required},
		{"subjprefix", do_prefix},
	};

	return gp_rule_directive_in(table, GP_ARRAY_SIZE(table), b, name, value);
}

bool gp_markup_required(const struct gp_rule_set *set, double *ret)
{
	if (!set->markup || !set->markup->has_required)
		return false;
	*ret = set->markup->required;
	return true;
}

bool gp_markup_is_there(const struct gp_rule_set *set)
{
	const struct gp_rule_markup *m = set->markup;

	return m && (m->has_headers || m->rewrite[0].ptr || m->rewrite[1].ptr || m->rewrite[2].ptr ||
		     m->has_required || m->prefixes.len);
}
