/*
 * Eval functions over the message's HTML (Mail::SpamAssassin::Plugin::HTMLEval): each
 * hits when one of the documents does.
 */
#include "lib/score/rule_eval_html.h"

#include "lib/base/num.h"
#include "lib/base/utf8.h"
#include "lib/score/rule_eval_text.h"
#include "lib/score/rule_locale.h"
#include "lib/score/rule_pcre.h"

const struct gp_rule_html *gp_eval_html(struct gp_eval *e)
{
	struct gp_rule_html **memo = e->memo[GP_EVAL_HTML];

	if (!memo) {
		memo = GP_ARENA_NEW(e->arena, struct gp_rule_html *);
		*memo = gp_rule_html_read(e->arena, e->in->message);
		e->memo[GP_EVAL_HTML] = memo;
	}
	return *memo;
}

bool gp_eval_html_value(const struct gp_rule_html *h, struct gp_str name, double *ret)
{
	const struct {
		const char *name;
		bool is_known;
		double value;
	} values[] = {
		{"backhair_count", h->splits != 0, __builtin_popcountll(h->splits)},
		{"length", true, (double)h->length},
		{"html_length", true, (double)h->rendered},
		{"non_space_len", true, (double)h->non_space},
		{"image_area", true, h->image_area},
		{"max_size", true, h->max_size},
		{"min_size", true, h->min_size},
		{"closed_extra_ratio", h->tags > 0, h->closed_extra / (double)GP_MAX(h->tags, 1u)},
		{"bad_tag_ratio", h->elements > 0,
		 (h->tags - h->elements) / (double)GP_MAX(h->tags, 1u)},
		{"non_element_ratio", h->elements_seen > 0,
		 (h->tags_seen - h->elements_seen) / (double)GP_MAX(h->tags_seen, 1u)},
		{"obfuscation_ratio", h->obfuscations > 0 && h->tags > 0,
		 h->obfuscations / (double)GP_MAX(h->tags, 1u)},
		{"ratio", h->length > 0,
		 ((double)h->length - (double)h->rendered) / (double)GP_MAX(h->length, (size_t)1)},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(values); i++) {
		if (!gp_str_eq(name, gp_str(values[i].name)))
			continue;
		*ret = values[i].value;
		return values[i].is_known;
	}
	return false;
}

/* Above min and not above max, which may be "inf" or not be given. */
static bool is_within(double value, const struct gp_str *args, size_t n_args)
{
	double min, max;

	if (gp_num_parse_double(args[0], &min) || value <= min)
		return false;
	return n_args < 2 || gp_str_eq(args[1], GP_STR("inf")) ||
	       (gp_num_parse_double(args[1], &max) == GP_OK && value <= max);
}

static bool html_range(struct gp_eval *e, const struct gp_rule_eval *row,
		       const struct gp_str *args, size_t n_args)
{
	double value;

	for (const struct gp_rule_html *h = gp_eval_html(e); h; h = h->next)
		if (gp_eval_html_value(h, args[0], &value) && is_within(value, args + 1, n_args - 1))
			return true;
	return false;
}

/* "< 384", "!= 0". */
static bool compares(double value, struct gp_str expression)
{
	static const char *const operators[] = {"<=", ">=", "==", "!=", "<", ">"};
	double other;
	size_t op = 0;

	expression = gp_str_trim(expression);
	while (op < GP_ARRAY_SIZE(operators) && !gp_str_starts(expression, gp_str(operators[op])))
		op++;
	if (op == GP_ARRAY_SIZE(operators) ||
	    gp_num_parse_double(gp_str_trim(gp_str_sub(expression, op < 4 ? 2 : 1, SIZE_MAX)),
				&other))
		return false;
	switch (op) {
	case 0:
		return value <= other;
	case 1:
		return value >= other;
	case 2:
		return value == other;
	case 3:
		return value != other;
	case 4:
		return value < other;
	default:
		return value > other;
	}
}

static bool html_eval(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
		      size_t n_args)
{
	double value;

	for (const struct gp_rule_html *h = gp_eval_html(e); h; h = h->next)
		if (gp_eval_html_value(h, args[0], &value) && compares(value, args[1]))
			return true;
	return false;
}

static bool html_tag_balance(struct gp_eval *e, const struct gp_rule_eval *row,
			     const struct gp_str *args, size_t n_args)
{
	for (const struct gp_rule_html *h = gp_eval_html(e); h; h = h->next) {
		const struct gp_rule_html_tag *tag = gp_rule_html_tag(h, args[0]);

		if (tag && compares(tag->open, args[1]))
			return true;
	}
	return false;
}

static bool html_tag_exists(struct gp_eval *e, const struct gp_rule_eval *row,
			    const struct gp_str *args, size_t n_args)
{
	for (const struct gp_rule_html *h = gp_eval_html(e); h; h = h->next)
		if (gp_rule_html_tag(h, args[0]))
			return true;
	return false;
}

/* A fact by name, or a value that is not 0. */
static bool is_so(const struct gp_rule_html *h, struct gp_str name)
{
	const struct {
		const char *name;
		bool is_so;
	} facts[] = {
		{"html", true},
		{"anchor", true}, /* SpamAssassin's lists: those are there, even empty */
		{"inside", true},
		{"title", true},
		{"uri", true},
		{"uri_detail", true},
		{"comment", h->comments.items.len > 0},
		{"script", h->scripts.items.len > 0},
		{"uri_truncated", h->has_long_link},
		{"font_face_bad", h->has_bad_face},
		{"font_low_contrast", h->has_low_contrast},
		{"font_invalid_color", h->has_invalid_colour},
		{"embeds", h->has_embeds},
		{"form_action_mailto", h->has_mailto_form},
	};
	double value;

	for (size_t i = 0; i < GP_ARRAY_SIZE(facts); i++)
		if (gp_str_eq(name, gp_str(facts[i].name)))
			return facts[i].is_so;
	return gp_eval_html_value(h, name, &value) && value != 0;
}

static bool html_test(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
		      size_t n_args)
{
	for (const struct gp_rule_html *h = gp_eval_html(e); h; h = h->next)
		if (is_so(h, args[0]))
			return true;
	return false;
}

static bool html_image_only(struct gp_eval *e, const struct gp_rule_eval *row,
			    const struct gp_str *args, size_t n_args)
{
	for (const struct gp_rule_html *h = gp_eval_html(e); h; h = h->next)
		if (h->known[GP_TAG_IMG] && is_within((double)h->length, args, n_args))
			return true;
	return false;
}

static bool html_image_ratio(struct gp_eval *e, const struct gp_rule_eval *row,
			     const struct gp_str *args, size_t n_args)
{
	for (const struct gp_rule_html *h = gp_eval_html(e); h; h = h->next)
		if (h->image_area > 0 &&
		    is_within((double)h->non_space / h->image_area, args, n_args))
			return true;
	return false;
}

static const struct gp_rule_html_texts *texts_of(const struct gp_rule_html *h, struct gp_str name)
{
	if (gp_str_eq(name, GP_STR("comment")))
		return &h->comments;
	if (gp_str_eq(name, GP_STR("title")))
		return &h->titles;
	if (gp_str_eq(name, GP_STR("anchor")))
		return &h->anchors;
	return gp_str_eq(name, GP_STR("script")) ? &h->scripts : NULL;
}

/* flag: one that does not match is looked for. */
static bool html_text_match(struct gp_eval *e, const struct gp_rule_eval *row,
			    const struct gp_str *args, size_t n_args)
{
	bool limited = false;

	for (const struct gp_rule_html *h = gp_eval_html(e); h; h = h->next) {
		const struct gp_rule_html_texts *texts = texts_of(h, args[0]);

		for (size_t i = 0; texts && i < texts->items.len; i++) {
			struct gp_str s = texts->items.items[i];
			bool found;

			if (!gp_utf8_is_valid(s)) /* what the pattern's mode relies on */
				continue;
			found = gp_pcre_count(e->pcre, e->rule->pattern, s, 1, NULL, &limited) > 0;
			if (found == row->flag)
				continue;
			e->evidence = s;
			return true;
		}
	}
	return false;
}

static bool html_title_subject_ratio(struct gp_eval *e, const struct gp_rule_eval *row,
				     const struct gp_str *args, size_t n_args)
{
	size_t subject = gp_utf8_length(gp_eval_header(e, "Subject")); /* with its line end */
	double ratio;

	if (subject == 0 || gp_num_parse_double(args[0], &ratio))
		return false;
	for (const struct gp_rule_html *h = gp_eval_html(e); h; h = h->next)
		for (size_t i = 0; i < h->titles.items.len; i++)
			if ((double)gp_utf8_length(h->titles.items.items[i]) / (double)subject > ratio)
				return true;
	return false;
}

/* Half or more of the character sets that a document names are foreign. */
static bool html_charset_faraway(struct gp_eval *e, const struct gp_rule_eval *row,
				 const struct gp_str *args, size_t n_args)
{
	if (gp_rule_locale_takes_all(e->set))
		return false;
	for (const struct gp_rule_html *h = gp_eval_html(e); h; h = h->next) {
		unsigned foreign = 0, welcome = 0;

		for (size_t i = 0; i < h->charsets.items.len; i++) {
			struct gp_str rest = h->charsets.items.items[i], charset;

			while (gp_str_next_word(&rest, &charset)) {
				bool is_welcome = gp_rule_locale_has(e->set, charset);

				welcome += is_welcome;
				foreign += !is_welcome;
			}
		}
		if (foreign && foreign >= welcome)
			return true;
	}
	return false;
}

static bool check_iframe_src(struct gp_eval *e, const struct gp_rule_eval *row,
			     const struct gp_str *args, size_t n_args)
{
	for (const struct gp_rule_html *h = gp_eval_html(e); h; h = h->next)
		if (h->has_iframe_source)
			return true;
	return false;
}

const struct gp_rule_eval gp_rule_evals_html[] = {
	{"html_range", 2, 3, html_range, 0, false},
	{"html_eval", 2, 2, html_eval, 0, false},
	{"html_tag_balance", 2, 2, html_tag_balance, 0, false},
	{"html_tag_exists", 1, 1, html_tag_exists, 0, false},
	{"html_test", 1, 1, html_test, 0, false},
	{"html_image_only", 2, 2, html_image_only, 0, false},
	{"html_image_ratio", 2, 2, html_image_ratio, 0, false},
	{"html_text_match", 2, 2, html_text_match, 0, false, .pattern = 2},
	{"html_text_not_match", 2, 2, html_text_match, 0, true, .pattern = 2},
	{"html_title_subject_ratio", 1, 1, html_title_subject_ratio, 0, false},
	{"html_charset_faraway", 0, 0, html_charset_faraway, 0, false},
	{"check_iframe_src", 0, 0, check_iframe_src, 0, false},
	{0},
};
