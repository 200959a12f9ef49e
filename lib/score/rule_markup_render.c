/*
 * Templates for one message.  A tag that nobody knows stays as it is written; one that is known
 * and has no value becomes nothing.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/mail/date.h"
#include "lib/score/rule_asn.h"
#include "lib/score/rule_circuit.h"
#include "lib/score/rule_eval.h"
#include "lib/score/rule_markup_int.h"
#include "lib/score/rule_query.h"
#include "lib/score/rule_tag.h"

#define STARS_MAX 50
#define VALUE_MAX 16384
#define REPORT_WIDTH 75
#define PREVIEW_MAX 200
#define PREVIEW_LINES 3

/* What the templates of the language's manual are without a word of the files. */
static const struct gp_markup_template default_headers[2][4] = {
	{{"Checker-Version", GP_STR("_VERSION_ (_SUBVERSION_) on _HOSTNAME_")},
	 {"Level", GP_STR("_STARS(*)_")},
	 {"Status", GP_STR("_YESNO_, score=_SCORE_ required=_REQD_ tests=_TESTS_ "
			   "autolearn=_AUTOLEARN_ version=_VERSION_")},
	 {NULL, GP_STR("")}},
	{{"Checker-Version", GP_STR("_VERSION_ (_SUBVERSION_) on _HOSTNAME_")},
	 {"Flag", GP_STR("_YESNOCAPS_")},
	 {"Level", GP_STR("_STARS(*)_")},
	 {"Status", GP_STR("_YESNO_, score=_SCORE_ required=_REQD_ tests=_TESTS_ "
			   "autolearn=_AUTOLEARN_ version=_VERSION_")}},
};

/* Known by name; what would fill them is not done here. */
static const char *const empty_tags[] = {
	"AUTOLEARNSCORE", "AWL", "AWLCOUNT", "AWLMEAN", "AWLPRESCORE", "BAYESTC",
	"BAYESTCHAMMY", "BAYESTCLEARNED", "BAYESTCSPAMMY", "DCCB", "DCCR", "DCCREP", "DKIMDOMAIN",
	"DKIMIDENTITY", "DKIMSELECTOR", "EXTRACTTEXTCHARS", "EXTRACTTEXTEXTENSIONS",
	"EXTRACTTEXTFLAGS", "EXTRACTTEXTTOOLS", "EXTRACTTEXTTYPES", "EXTRACTTEXTURIS",
	"EXTRACTTEXTWORDS", "FIRSTTRUSTEDIP", "FIRSTTRUSTEDREVIP", "HAMMYTOKENS", "HEADER",
	"LANGUAGES", "LASTEXTERNALHELO", "LASTEXTERNALIP", "LASTEXTERNALRDNS", "LASTEXTERNALREVIP", "PYZOR", "RBL",
	"RULESVERSION", "SPAMMYTOKENS", "TIMING", "TOKENSUMMARY",
};

static const struct gp_rule_markup *markup_of(const struct gp_markup *m)
{
	static const struct gp_rule_markup none = {0};

	return m->set->markup ? m->set->markup : &none;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp((*(const struct gp_symbol *const *)a)->name,
		      (*(const struct gp_symbol *const *)b)->name);
}

static void add_required(const struct gp_markup *m, struct gp_buf *out)
{
	if (isfinite(m->required))
		gp_buf_printf(out, "%2.1f", m->required);
	else
		gp_buf_add_cstr(out, "never");
}

static void tag_required(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	add_required(m, out);
}

/* Mail that is none is never shown with the points that spam has. */
static void tag_score(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	double score = m->score;
	char text[40];
	int len;

	if (!m->is_spam && isfinite(m->required) && score >= m->required)
		score = m->required - 0.1;
	len = snprintf(text, sizeof(text), "%2.1f", score);
	for (size_t i = 0; i < arg.len && i + (size_t)len < arg.len + 3; i++) /* "_SCORE(00)_" */
		if (arg.ptr[i] == '0' || arg.ptr[i] == ' ')
			gp_buf_add_chr(out, arg.ptr[i]);
	gp_buf_add_cstr(out, text);
}

static void tag_yesno(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	size_t comma = gp_str_find_chr(arg, ',', 0);

	if (m->is_spam)
		gp_buf_add_str(out, arg.ptr ? gp_str_sub(arg, 0, comma) : GP_STR("Yes"));
	else
		gp_buf_add_str(out, arg.ptr && comma < arg.len ? gp_str_sub(arg, comma + 1, SIZE_MAX)
							       : GP_STR("No"));
}

static void tag_yesnocaps(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	size_t start = out->len;

	tag_yesno(m, arg, out);
	for (size_t i = start; i < out->len; i++)
		if (out->data[i] >= 'a' && out->data[i] <= 'z')
			out->data[i] = (char)(out->data[i] - 'a' + 'A');
}

static void tag_version(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	gp_buf_add_cstr(out, m->version ? m->version : "");
}

static void tag_subversion(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	gp_buf_add_cstr(out, "rule language 4.0.1");
}

static void tag_hostname(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	struct gp_str name = markup_of(m)->hostname;
	char host[256] = "";

	if (name.len == 0 && gethostname(host, sizeof(host) - 1) == 0)
		name = gp_str(host);
	gp_buf_add_str(out, name.len ? name : GP_STR("localhost"));
}

static void tag_contact(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	struct gp_str text = markup_of(m)->contact;

	gp_buf_add_str(out, text.len ? text : GP_STR("the administrator of that system"));
}

static void tag_local_name(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	gp_buf_add_cstr(out, "localhost");
}

static void tag_local_address(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	gp_buf_add_cstr(out, "127.0.0.1");
}

static void tag_bayes(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	if (m->bayes < 0)
		gp_buf_add_cstr(out, "0.5");
	else
		gp_buf_printf(out, "%3.4f", m->bayes);
}

static void tag_date(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	char text[GP_DATE_TEXT];

	gp_buf_add_cstr(out, gp_date_format(gp_clock_real_s(), text));
}

static void tag_stars(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	for (int i = 1; i <= STARS_MAX && i <= m->score; i++)
		gp_buf_add_str(out, arg.len ? arg : GP_STR("*"));
}

static void tag_autolearn(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	gp_buf_add_cstr(out, "no");
}

/* The symbols, sorted by name. */
static const struct gp_symbol **sorted(const struct gp_markup *m)
{
	const struct gp_symbols *s = m->symbols;
	const struct gp_symbol **list =
		GP_ARENA_NEW_N(s->arena, s->list.len + 1, const struct gp_symbol *);

	for (size_t i = 0; i < s->list.len; i++)
		list[i] = &s->list.items[i];
	qsort(list, s->list.len, sizeof(*list), compare_names);
	return list;
}

/* Is its score worked out for each message? */
static bool has_own_score(const struct gp_rule *r)
{
	return r && r->eval && r->eval->is_last;
}

static void add_tests(const struct gp_markup *m, struct gp_str separator, bool with_scores,
		      struct gp_buf *out)
{
	const struct gp_symbol **list = sorted(m);

	if (separator.len == 0)
		separator = GP_STR(",");
	for (size_t i = 0; i < m->symbols->list.len; i++) {
		if (i)
			gp_buf_add_str(out, separator);
		gp_buf_add_cstr(out, list[i]->name);
		if (with_scores && has_own_score(gp_map_get(&m->set->by_name, gp_str(list[i]->name))))
			gp_buf_printf(out, "=%.3f", list[i]->score);
		else if (with_scores)
			gp_buf_printf(out, "=%.10g", list[i]->score);
	}
	if (m->symbols->list.len == 0)
		gp_buf_add_cstr(out, "none");
}

static void tag_sc(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	const struct gp_rule_cut *cut = gp_rule_scan_cut(m->scan);

	if (cut->rule)
		gp_buf_printf(out, "%s (%s)", cut->rule->name, cut->type);
	else
		gp_buf_add_cstr(out, "no");
}

static void tag_sc_rule(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	const struct gp_rule_cut *cut = gp_rule_scan_cut(m->scan);

	gp_buf_add_cstr(out, cut->rule ? cut->rule->name : "none");
}

static void tag_sc_type(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	const struct gp_rule_cut *cut = gp_rule_scan_cut(m->scan);

	gp_buf_add_cstr(out, cut->rule ? cut->type : "no");
}

static void tag_tests(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	add_tests(m, arg, false, out);
}

static void tag_tests_scores(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	add_tests(m, arg, true, out);
}

/* Sub-rules that hit, "__NAME"; is_collapsed: several hits of one as "__NAME(3)". */
static void add_subtests(const struct gp_markup *m, struct gp_str separator, bool is_collapsed,
			 struct gp_buf *out)
{
	GP_VEC(struct gp_symbol) hits = {0};
	const struct gp_symbol **list;
	struct gp_symbol hit;
	bool is_first = true;

	for (size_t i = 0; gp_rule_scan_next_hit(m->scan, &i, &hit);)
		if (gp_str_starts(gp_str(hit.name), GP_STR("__")))
			*gp_vec_push(m->symbols->arena, &hits) = hit;
	list = GP_ARENA_NEW_N(m->symbols->arena, hits.len + 1, const struct gp_symbol *);
	for (size_t i = 0; i < hits.len; i++)
		list[i] = &hits.items[i];
	qsort(list, hits.len, sizeof(*list), compare_names);
	for (size_t i = 0; i < hits.len; i++) {
		const struct gp_rule *r = gp_map_get(&m->set->by_name, gp_str(list[i]->name));
		unsigned n = r && r->tflags & GP_TFLAG_MULTIPLE ? (unsigned)list[i]->hits : 1;

		for (unsigned k = 0; k < (is_collapsed ? 1 : n); k++, is_first = false)
			gp_buf_printf(out, "%.*s%s", GP_STR_FMT(is_first ? GP_STR("") : separator),
				      list[i]->name);
		if (is_collapsed && n > 1)
			gp_buf_printf(out, "(%u)", n);
	}
	if (hits.len == 0)
		gp_buf_add_cstr(out, "none");
}

static void tag_subtests(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	add_subtests(m, arg.len ? arg : GP_STR(","), false, out);
}

static void tag_subtests_collapsed(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	add_subtests(m, GP_STR(","), true, out); /* whatever stands in the parentheses */
}

/* What kind of text the rule reads. */
static const char *area_of(struct gp_arena *a, const struct gp_rule *r)
{
	static const char *const areas[] = {
		[GP_RULE_HEADER] = "", [GP_RULE_BODY] = "BODY: ", [GP_RULE_RAWBODY] = "RAW: ",
		[GP_RULE_FULL] = "FULL: ", [GP_RULE_URI] = "URI: ", [GP_RULE_MIMEHEADER] = "",
		[GP_RULE_META] = "", [GP_RULE_EVAL] = "", [GP_RULE_FACT] = "",
	};

	if (!r)
		return "";
	if (has_own_score(r))
		return gp_arena_printf(a, "%s: ", r->name);
	if (r->query)
		return r->query->kind <= GP_QUERY_SENDER ? "RBL: "
		       : r->query->kind == GP_QUERY_ASKDNS ? "ASKDNS: " : "";
	return areas[r->type == GP_RULE_EVAL ? r->written : r->type];
}

/* "1.2", "-0.1", "  12" */
static const char *points(struct gp_arena *a, double score)
{
	return gp_arena_printf(a, fabs(score) >= 10 ? "%4.0f" : "%4.1f", score);
}

/* What stands in brackets below a rule: nothing of it where tflags say nolog. */
static void add_detail(const struct gp_markup *m, const struct gp_symbol *s, bool is_summary,
		       struct gp_buf *out)
{
	const struct gp_rule *r = gp_map_get(&m->set->by_name, gp_str(s->name));
	struct gp_str flags = r && r->flags_text ? gp_str(r->flags_text) : GP_STR(""), flag;
	struct gp_str rest = s->detail, text;
	bool is_first = true;

	while (gp_str_next_word(&flags, &flag))
		if (gp_str_eq(flag, GP_STR("nolog")))
			rest = GP_STR("*REDACTED*");
	for (; gp_str_next(&rest, '\n', &text); is_first = false)
		gp_markup_brackets(text, is_summary, is_first, out);
}

static void add_symbols(const struct gp_markup *m, bool is_summary, struct gp_buf *out)
{
	unsigned width = markup_of(m)->wrap ? markup_of(m)->wrap : REPORT_WIDTH;
	const char *prefix = is_summary ? "                            " : "*      ";

	for (size_t i = 0; i < m->symbols->list.len; i++) {
		const struct gp_symbol *s = &m->symbols->list.items[i];
		const char *area = area_of(m->symbols->arena, gp_map_get(&m->set->by_name, gp_str(s->name)));
		const char *score = points(m->symbols->arena, s->score);
		struct gp_str text =
			*s->description ? gp_str(s->description) : GP_STR("No description available.");
		size_t head = strlen(s->name) + strlen(score) + strlen(area) + (is_summary ? 3 : 4);

		gp_buf_printf(out, is_summary ? "%s %-22s %s" : "* %s %s %s", score, s->name, area);
		gp_markup_wrap(text, prefix, head, width, false, out);
		gp_buf_add_chr(out, '\n');
		if (s->detail.len)
			add_detail(m, s, is_summary, out);
	}
}

static void tag_report(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	gp_buf_add_chr(out, '\n');
	add_symbols(m, false, out);
}

static void tag_summary(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	add_symbols(m, true, out);
}

/* The first lines of the body, as one paragraph. */
static void tag_preview(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	static const struct gp_str label = GP_STR("Content preview:  ");
	struct gp_str text = gp_message_flat_text(gp_rule_scan_tags(m->scan)->in->message), line;
	GP_BUF_AUTO all = GP_BUF_INIT(VALUE_MAX);

	for (unsigned n = 0; n < PREVIEW_LINES && all.len < PREVIEW_MAX &&
			     gp_str_next(&text, '\n', &line); n++) {
		gp_buf_add_str(&all, gp_str_sub(line, 0, PREVIEW_MAX));
		gp_buf_add_cstr(&all, line.len > PREVIEW_MAX ? " [...] " : " ");
	}
	gp_markup_wrap(gp_str_trim(gp_buf_str(&all)), "  ", label.len, REPORT_WIDTH, false, out);
	gp_buf_add_chr(out, ' ');
}

static void tag_prefix(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out)
{
	const struct gp_rule_markup *markup = markup_of(m);
	size_t start = out->len;

	if (!markup->rewrite[GP_REWRITE_SUBJECT].ptr)
		return;
	for (size_t i = 0; i < m->symbols->list.len && markup->prefixes.len; i++) {
		const struct gp_str *text =
			gp_map_get(&markup->prefixes, gp_str(m->symbols->list.items[i].name));
		struct gp_str so_far = gp_str_n(out->data + start, out->len - start);

		if (text && gp_str_find(so_far, *text, 0) >= so_far.len) {
			gp_buf_add_str(out, *text);
			gp_buf_add_chr(out, ' ');
		}
	}
}

static const struct {
	const char *name;
	void (*fn)(const struct gp_markup *m, struct gp_str arg, struct gp_buf *out);
} tags[] = {
	{"AUTOLEARN", tag_autolearn},
	{"BAYES", tag_bayes},
	{"CONTACTADDRESS", tag_contact},
	{"DATE", tag_date},
	{"HITS", tag_score},
	{"HOSTNAME", tag_hostname},
	{"PREVIEW", tag_preview},
	{"REMOTEHOSTADDR", tag_local_address},
	{"REMOTEHOSTNAME", tag_local_name},
	{"REPORT", tag_report},
	{"REQD", tag_required},
	{"SC", tag_sc},
	{"SCORE", tag_score},
	{"SCRULE", tag_sc_rule},
	{"SCTYPE", tag_sc_type},
	{"STARS", tag_stars},
	{"SUBJPREFIX", tag_prefix},
	{"SUBTESTS", tag_subtests},
	{"SUBTESTSCOLLAPSED", tag_subtests_collapsed},
	{"SUBVERSION", tag_subversion},
	{"SUMMARY", tag_summary},
	{"TESTS", tag_tests},
	{"TESTSSCORES", tag_tests_scores},
	{"VERSION", tag_version},
	{"YESNO", tag_yesno},
	{"YESNOCAPS", tag_yesnocaps},
};

/* False if nobody knows the tag. */
static bool add_tag(const struct gp_markup *m, struct gp_str tag, struct gp_buf *out)
{
	size_t open = gp_str_find_chr(tag, '(', 0);
	struct gp_str name = gp_str_sub(tag, 0, open), arg = {0};
	struct gp_tag_values values;

	if (open < tag.len)
		arg = gp_str_sub(tag, open + 1, tag.len - open - 2);
	for (size_t i = 0; i < GP_ARRAY_SIZE(tags); i++) {
		if (!gp_str_eq(name, gp_str(tags[i].name)))
			continue;
		tags[i].fn(m, arg, out);
		return true;
	}
	if (gp_tag_values(gp_rule_scan_tags(m->scan), tag, &values)) {
		for (size_t i = 0; i < values.len; i++)
			gp_buf_printf(out, "%s%.*s", i ? " " : "", GP_STR_FMT(values.items[i]));
		return true;
	}
	for (size_t i = 0; i < GP_ARRAY_SIZE(empty_tags); i++)
		if (gp_str_eq(name, gp_str(empty_tags[i])))
			return true;
	return gp_asn_has_tag(m->set, name);
}

void gp_markup_expand(const struct gp_markup *m, struct gp_str template, struct gp_buf *out)
{
	size_t done = 0, at, len;

	for (; gp_tag_find(template, done, &at, &len); done = at + len) {
		gp_buf_add_str(out, gp_str_sub(template, done, at - done));
		if (!add_tag(m, gp_str_sub(template, at + 1, len - 2), out))
			gp_buf_add_str(out, gp_str_sub(template, at, len));
	}
	gp_buf_add_str(out, gp_str_sub(template, done, SIZE_MAX));
}

/* Line ends as spaces. */
static void flatten(struct gp_str s, struct gp_buf *out)
{
	for (size_t i = 0; i < s.len; i++)
		gp_buf_add_chr(out, s.ptr[i] == '\n' ? ' ' : s.ptr[i]);
}

/* Line ends as continued lines: white space around each becomes one fold. */
static void fold_lines(struct gp_str s, struct gp_buf *out)
{
	struct gp_str line;
	bool is_first = true;

	while (gp_str_next(&s, '\n', &line)) {
		line = is_first ? line : gp_str_trim(line);
		while (line.len && gp_is_space(line.ptr[line.len - 1]))
			line.len--;
		if (!is_first && line.len == 0)
			continue;
		if (!is_first)
			gp_buf_add_cstr(out, "\n\t");
		gp_buf_add_str(out, line);
		is_first = false;
	}
}

/* What would end the header early, or is none of our templates' text. */
static void defuse(struct gp_buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (b->data[i] == '\r' || b->data[i] == '\0')
			b->data[i] = ' ';
}

static void add_value(const struct gp_markup *m, const struct gp_markup_template *t,
		      struct gp_buf *out)
{
	const struct gp_rule_markup *markup = markup_of(m);
	GP_BUF_AUTO plain = GP_BUF_INIT(VALUE_MAX);
	GP_BUF_AUTO folded = GP_BUF_INIT(2 * VALUE_MAX);
	struct gp_str s;

	gp_markup_expand(m, t->text, &plain);
	defuse(&plain);
	s = gp_buf_str(&plain);
	while (s.len && (s.ptr[s.len - 1] == '\n'))
		s.len--;
	if (markup->is_unfolded)
		flatten(s, &folded);
	else if (gp_str_find_chr(s, '\n', 0) < s.len)
		fold_lines(s, &folded);
	else
		gp_markup_wrap(s, "\t", strlen("X-Spam-!!") + strlen(t->name), 79, true, &folded);
	gp_markup_encode(gp_buf_str(&folded), out);
}

bool gp_markup_header(const struct gp_markup *m, size_t i, struct gp_buf *ret_name,
		      struct gp_buf *ret_value)
{
	const struct gp_rule_markup *markup = markup_of(m);
	const struct gp_markup_template *t = NULL;

	if (!markup->has_headers && i < GP_ARRAY_SIZE(default_headers[0]))
		t = &default_headers[m->is_spam][i];
	else if (markup->has_headers && i < markup->headers[m->is_spam].len)
		t = &markup->headers[m->is_spam].items[i];
	if (!t || !t->name)
		return false;
	gp_buf_printf(ret_name, "X-Spam-%s", t->name);
	add_value(m, t, ret_value);
	return true;
}

/* Puts text in front, unless it stands there already. */
static struct gp_str without(struct gp_str s, struct gp_str text)
{
	while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
		s = gp_str_sub(s, 1, SIZE_MAX);
	if (text.len && gp_str_istarts(s, text) && text.len < s.len && s.ptr[text.len] == ' ')
		s = gp_str_sub(s, text.len + 1, SIZE_MAX);
	return s;
}

bool gp_markup_rewrite(const struct gp_markup *m, enum gp_rewrite which, struct gp_str old,
		       struct gp_buf *ret)
{
	const struct gp_rule_markup *markup = markup_of(m);
	bool is_subject = which == GP_REWRITE_SUBJECT;
	GP_BUF_AUTO tag = GP_BUF_INIT(VALUE_MAX);
	GP_BUF_AUTO prefix = GP_BUF_INIT(VALUE_MAX);

	if (!markup->rewrite[which].ptr || (!m->is_spam && !is_subject) || (!old.ptr && !is_subject))
		return false;
	if (m->is_spam) {
		gp_buf_add_cstr(&prefix, is_subject ? "" : "(");
		gp_markup_expand(m, markup->rewrite[which], &prefix);
		gp_buf_add_cstr(&prefix, is_subject ? "" : ")");
		flatten(gp_buf_str(&prefix), &tag);
		gp_buf_reset(&prefix);
	}
	if (is_subject)
		tag_prefix(m, GP_STR(""), &prefix);
	if (tag.len == 0 && prefix.len == 0)
		return false;
	old = without(without(old, gp_buf_str(&tag)), gp_str_trim(gp_buf_str(&prefix)));
	if (tag.len) {
		defuse(&tag);
		gp_markup_encode(gp_buf_str(&tag), ret);
		gp_buf_add_chr(ret, ' ');
	}
	gp_markup_encode(gp_str_trim(gp_buf_str(&prefix)), ret);
	if (prefix.len)
		gp_buf_add_chr(ret, ' ');
	gp_buf_add_str(ret, old);
	return true;
}
