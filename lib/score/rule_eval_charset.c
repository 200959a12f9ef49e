/*
 * Eval functions for charsets of languages that nobody here reads, under
 * SpamAssassin's names (HeaderEval, MIMEEval, HTMLEval): `ok_locales en ja`.
 * Without the directive, or with "all", nothing is far away.
 */
#include "lib/score/rule_eval_text.h"

#define EIGHT_BIT_MIN 3 /* letters, before a body is taken for one of another script */

/* Charsets beyond the Latin and universal ones, and whose they are. */
static const struct {
	const char *locale;
	const char *charsets; /* capitals and digits only */
} locales[] = {
	{"ja", "EUCJP JISX020119760 JISX020819830 JISX020819900 JISX020819970 JISX021219900 "
	       "JISX021320001 JISX021320002 SHIFTJIS ISO2022JP SJIS JIS7 JISX0201 JISX0208 JISX0212"},
	{"ko", "EUCKR KSC56011987"},
	{"th", "TIS620"},
	{"zh", "GB1988 GB2312 GB231219800 GB18030 GBK BIG5HKSCS BIG5 EUCTW ISO2022CN"},
	{"ru", "KOI8R KOI8U KOI8T ISOIR111 CP1251 GEORGIANPS PT154 CP866"},
};

static const char *const like_russian[] = {"ka", "tg", "be", "uk", "bg"};

/* Fit for any reader: the first four whole, the others as beginnings. */
static const char *const common_names[] = {"USASCII", "ASCII", "IBM852", "XUNKNOWN", "ISO"};
static const char *const common_prefixes[] = {"ISO8859", "ISO10646", "UTF", "UCS", "CP125", "WINDOWS",
					      "UNICODE11UTF7", "UNICODE11UTF8"};

static struct gp_str ok_locales(const struct gp_eval *e)
{
	const struct gp_rule_list *list = gp_rule_list_get(e->set, GP_STR("ok_locales"));

	return list->items.len ? list->items.items[0] : GP_STR("all");
}

static bool are_all_ok(const struct gp_eval *e)
{
	struct gp_str rest = ok_locales(e), word;

	while (gp_str_next_word(&rest, &word))
		if (gp_str_eq(word, GP_STR("all")))
			return true;
	return false;
}

static bool is_word_of(struct gp_str word, const char *words)
{
	struct gp_str rest = gp_str(words), w;

	while (gp_str_next_word(&rest, &w))
		if (gp_str_eq(w, word))
			return true;
	return false;
}

static bool is_of_locale(struct gp_str charset, struct gp_str locale)
{
	locale = gp_str_sub(locale, 0, 2); /* zh_TW … */
	for (size_t i = 0; i < GP_ARRAY_SIZE(like_russian); i++)
		if (gp_str_eq(locale, gp_str(like_russian[i])))
			locale = GP_STR("ru");
	for (size_t i = 0; i < GP_ARRAY_SIZE(locales); i++)
		if (gp_str_eq(locale, gp_str(locales[i].locale)))
			return is_word_of(charset, locales[i].charsets);
	return false;
}

static bool is_ok(const struct gp_eval *e, struct gp_str charset)
{
	struct gp_str rest = ok_locales(e), locale, name;
	char text[40];
	size_t n = 0;

	charset = gp_str_sub(charset, 0, gp_str_find_chr(charset, ':', 0));
	for (size_t i = 0; i < charset.len && n < sizeof(text); i++) {
		char c = gp_lower(charset.ptr[i]);

		if (gp_is_alnum(c))
			text[n++] = c >= 'a' ? (char)(c - 'a' + 'A') : c;
	}
	name = gp_str_n(text, n);
	for (size_t i = 0; i < GP_ARRAY_SIZE(common_names); i++)
		if (gp_str_eq(name, gp_str(common_names[i])))
			return true;
	for (size_t i = 0; i < GP_ARRAY_SIZE(common_prefixes); i++)
		if (gp_str_starts(name, gp_str(common_prefixes[i])))
			return true;
	while (gp_str_next_word(&rest, &locale))
		if (is_of_locale(name, locale))
			return true;
	return false;
}

bool gp_eval_has_faraway_part(struct gp_eval *e)
{
	const struct gp_message *m = e->in->message;

	for (size_t i = 0; i < m->parts.len && !are_all_ok(e); i++)
		if (m->parts.items[i].charset.len && !is_ok(e, m->parts.items[i].charset))
			return true;
	return false;
}

/* Is a foreign charset declared for the message, and is its text mostly beyond ASCII? */
static bool check_for_faraway_charset(struct gp_eval *e, const struct gp_rule_eval *row,
				      const struct gp_str *args, size_t n_args)
{
	const struct gp_message *m = e->in->message;
	size_t high = 0;

	if (are_all_ok(e) || !m->parts.len || !m->parts.items[0].charset.len ||
	    is_ok(e, m->parts.items[0].charset))
		return false;
	for (size_t i = 0; i < m->text.len; i++)
		high += (unsigned char)m->text.ptr[i] > 0x7f;
	return high > EIGHT_BIT_MIN && high >= m->text.len - high;
}

/* Of the HTML parts' charsets, are at least as many foreign as not? */
static bool html_charset_faraway(struct gp_eval *e, const struct gp_rule_eval *row,
				 const struct gp_str *args, size_t n_args)
{
	const struct gp_message *m = e->in->message;
	unsigned bad = 0, good = 0;

	for (size_t i = 0; i < m->parts.len && !are_all_ok(e); i++) {
		const struct gp_part *p = &m->parts.items[i];

		if (!(p->flags & GP_PART_HTML) || !p->charset.len)
			continue;
		bad += !is_ok(e, p->charset);
		good += is_ok(e, p->charset);
	}
	return bad && bad >= good;
}

/* The charset of an encoded word in From or Subject. */
static bool check_faraway_in_headers(struct gp_eval *e, const struct gp_rule_eval *row,
				     const struct gp_str *args, size_t n_args)
{
	static const char *const names[] = {"From", "Subject"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(names) && !are_all_ok(e); i++) {
		struct gp_str s = gp_eval_raw_header(e, names[i]);
		size_t at = 0;

		while ((at = gp_str_find(s, GP_STR("=?"), at)) < s.len) {
			size_t end = gp_str_find_chr(s, '?', at + 2);

			if (end + 2 < s.len && s.ptr[end + 2] == '?' && end > at + 2 &&
			    !is_ok(e, gp_str_sub(s, at + 2, end - at - 2)))
				return true;
			at += 2;
		}
	}
	return false;
}

const struct gp_rule_eval gp_rule_evals_charset[] = {
	{"check_for_faraway_charset", 0, 0, check_for_faraway_charset, 0, false},
	{"check_for_faraway_charset_in_headers", 0, 0, check_faraway_in_headers, 0, false},
	{"html_charset_faraway", 0, 0, html_charset_faraway, 0, false},
	{0},
};
