/*
 * Eval functions over the text as a reader sees it, under SpamAssassin's names
 * (Mail::SpamAssassin::Plugin::BodyEval, and check_for_uppercase of ::MIMEEval).
 */
#include "lib/score/rule_eval_text.h"

#include "lib/base/num.h"

#define UPPERCASE_LEN_MIN 200 /* bytes; less says nothing */

/* Charsets in which letters of other scripts look like capitals. */
static bool is_shouting_charset(struct gp_eval *e, struct gp_str charset)
{
	return charset.len &&
	       gp_eval_matches(e, "^[-_a-z0-9]*(?:koi|jp|jis|euc|gb|big5|isoir|cp1251|windows-1251|"
				  "georgianps|pt154|tis)[-_a-z0-9]*$", GP_REGEX_CASELESS, charset);
}

/* "word word": something else than one word. */
static bool has_words(struct gp_str s)
{
	s = gp_str_trim(s);
	for (size_t i = 0; i < s.len; i++)
		if (gp_is_space(s.ptr[i]))
			return true;
	return false;
}

/* Two lines of encoded data that was not decoded. */
static bool is_encoded(struct gp_str s)
{
	for (unsigned n = 0; n < 2; n++) {
		size_t len = gp_str_find_chr(s, ' ', 0);

		if (len < 60 || len > 76 || len == s.len)
			return false;
		for (size_t i = 0; i < len; i++)
			if (!gp_is_alnum(s.ptr[i]) && !strchr("+/=", s.ptr[i]))
				return false;
		s = gp_str_sub(s, len + 1, s.len);
	}
	return true;
}

/* Of each byte, that can be added up: 1 for a small letter or digit, 1 << 32 for a capital. */
static const uint64_t cases[256] = {
	['0' ... '9'] = 1, ['a' ... 'z'] = 1, ['A' ... 'Z'] = (uint64_t)1 << 32,
};

/* Capitals, percent of the letters and digits. */
static double uppercase_percent(struct gp_eval *e)
{
	const struct gp_rule_subject *s = gp_eval_subject(e, GP_RULE_BODY);
	size_t len = 0, lower = 0, upper = 0;
	double *percent = e->memo[GP_EVAL_UPPERCASE];

	if (percent)
		return *percent;
	percent = e->memo[GP_EVAL_UPPERCASE] = GP_ARENA_NEW(e->arena, double);
	for (size_t i = 0; i < s->segments.len; i++) {
		struct gp_str text = gp_rule_segment_text(s, i);
		uint64_t sum = 0; /* a paragraph has some thousand bytes at most */

		if (!has_words(text) || is_encoded(text))
			continue;
		len += text.len;
		for (size_t k = 0; k < text.len; k++)
			sum += cases[(unsigned char)text.ptr[k]];
		lower += (uint32_t)sum;
		upper += sum >> 32;
	}
	if (len >= UPPERCASE_LEN_MIN && upper)
		*percent = 100.0 * (double)upper / (double)(upper + lower);
	return *percent;
}

/* check_for_uppercase(ABOVE, UP TO) */
static bool check_for_uppercase(struct gp_eval *e, const struct gp_rule_eval *row,
				const struct gp_str *args, size_t n_args)
{
	const struct gp_message *m = e->in->message;
	double percent = uppercase_percent(e), min = 0, max = 0;

	if (gp_num_parse_double(args[0], &min) || gp_num_parse_double(args[1], &max))
		return false;
	if (percent <= min || percent > max)
		return false;
	for (size_t i = 0; i < m->parts.len; i++)
		if (is_shouting_charset(e, m->parts.items[i].charset))
			return false;
	return true;
}

/* tvd_vertical_words(FROM, TO): the most spaces per hundred other bytes in a paragraph; -1 if
 * there is none to look at. */
static bool tvd_vertical_words(struct gp_eval *e, const struct gp_rule_eval *row,
			       const struct gp_str *args, size_t n_args)
{
	const struct gp_rule_subject *s = gp_eval_subject(e, GP_RULE_BODY);
	double most = -1, min = 0, max = 0;

	if (gp_num_parse_double(args[0], &min) || gp_num_parse_double(args[1], &max))
		return false;
	for (size_t i = 0; i < s->segments.len; i++) {
		struct gp_str text = gp_rule_segment_text(s, i);
		size_t spaces, others;

		if (text.len <= 5)
			continue;
		spaces = gp_str_count(text, ' ');
		others = text.len - spaces;
		most = GP_MAX(most, spaces > others || !others ? 100 : (double)(100 * spaces / others));
	}
	return most >= min && (max >= 100 || most < max);
}

/* check_blank_line_ratio(ABOVE, UP TO, LINES AT LEAST) */
static bool check_blank_line_ratio(struct gp_eval *e, const struct gp_rule_eval *row,
				   const struct gp_str *args, size_t n_args)
{
	double min = 0, max = 0, lines_min = 1, percent;
	const struct gp_message *m = e->in->message;
	size_t lines = 0, blank = 0;

	if (gp_num_parse_double(args[0], &min) || gp_num_parse_double(args[1], &max) ||
	    (n_args > 2 && gp_num_parse_double(args[2], &lines_min)))
		return false;
	for (size_t i = 0; i < m->parts.len; i++) {
		struct gp_str rest = m->parts.items[i].decoded, line;

		while (m->parts.items[i].flags & GP_PART_TEXT && gp_str_next(&rest, '\n', &line)) {
			lines++;
			blank += gp_str_trim(line).len == 0;
		}
	}
	percent = (double)lines < lines_min || !lines ? -1 : 100.0 * (double)blank / (double)lines;
	return (min == 0 || percent > min) && percent <= max;
}

/* check_body_length(UP TO): bytes as they were sent. */
static bool check_body_length(struct gp_eval *e, const struct gp_rule_eval *row,
			      const struct gp_str *args, size_t n_args)
{
	double max = 0;

	return gp_num_parse_double(args[0], &max) == GP_OK && (double)e->in->message->body_size <= max;
}

/* check_stock_info(COUNT): so many different lines "Label: …" of what is written about shares. */
static bool check_stock_info(struct gp_eval *e, const struct gp_rule_eval *row,
			     const struct gp_str *args, size_t n_args)
{
	static const char *const labels[] = {
		"^trad(?:e|ing)date$", "company(?:name)?$",
		"s\\w?(?:t\\w?o\\w?c\\w?k|y\\w?m(?:\\w?b\\w?o\\w?l)?)$", "t(?:arget|icker)$",
		"(?:opening|current)p(?:rice)?$", "p(?:rojected|osition)$", "expectations$",
		"weeks?high$", "marketperformance$",
		"(?:year|week|month|day|price)(?:target|estimates?)$", "sector$",
		"r(?:ecommendation|ating)$",
	};
	const struct gp_message *m = e->in->message;
	struct gp_str rest = {0}, line;
	bool seen[GP_ARRAY_SIZE(labels)] = {false};
	double wanted = 0, n = 0;

	if (gp_num_parse_double(args[0], &wanted))
		return false;
	for (size_t i = 0; i < m->parts.len && !rest.ptr; i++)
		if (gp_str_eq(m->parts.items[i].type, GP_STR("text/plain")))
			rest = m->parts.items[i].decoded;
	while (gp_str_next(&rest, '\n', &line)) {
		size_t colon = gp_str_find_chr(line = gp_str_trim(line), ':', 0), len = 0;
		char label[32];

		if (colon < 3 || colon > 40 || colon + 1 >= line.len)
			continue;
		for (size_t k = 0; k < colon && len < sizeof(label); k++)
			if (gp_is_alpha(line.ptr[k]))
				label[len++] = gp_lower(line.ptr[k]);
		for (size_t k = 0; k < GP_ARRAY_SIZE(labels) && len; k++) {
			if (seen[k] || !gp_eval_matches(e, labels[k], 0, gp_str_n(label, len)))
				continue;
			seen[k] = true;
			n++;
			break;
		}
	}
	return n >= wanted;
}

const struct gp_rule_eval gp_rule_evals_body[] = {
	{"check_for_uppercase", 2, 2, check_for_uppercase, 0, false},
	{"tvd_vertical_words", 2, 2, tvd_vertical_words, 0, false},
	{"check_blank_line_ratio", 2, 3, check_blank_line_ratio, 0, false},
	{"check_body_length", 1, 1, check_body_length, 0, false},
	{"check_stock_info", 1, 1, check_stock_info, 0, false},
	{0},
};
