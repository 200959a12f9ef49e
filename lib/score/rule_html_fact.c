/*
 * Facts about elements, attributes and characters that the counting goes by.
 */
#include "lib/score/rule_html_int.h"

/* HTML 4's and XHTML's elements. */
bool gp_rule_html_is_element(enum gp_html_tag tag)
{
#define E(name) [GP_TAG_##name] = true
	static const bool elements[GP_TAG_COUNT] = {
		E(A),	     E(ABBR),	E(ACRONYM),  E(ADDRESS), E(APPLET),   E(AREA),
		E(B),	     E(BASE),	E(BASEFONT), E(BDO),	 E(BIG),      E(BLOCKQUOTE),
		E(BODY),     E(BR),	E(BUTTON),   E(CAPTION), E(CENTER),   E(CITE),
		E(CODE),     E(COL),	E(COLGROUP), E(DD),	 E(DEL),      E(DFN),
		E(DIR),	     E(DIV),	E(DL),	     E(DT),	 E(EM),	      E(FIELDSET),
		E(FONT),     E(FORM),	E(FRAME),    E(FRAMESET), E(H1),      E(H2),
		E(H3),	     E(H4),	E(H5),	     E(H6),	 E(HEAD),     E(HR),
		E(HTML),     E(I),	E(IFRAME),   E(IMG),	 E(INPUT),    E(INS),
		E(ISINDEX),  E(KBD),	E(LABEL),    E(LEGEND),	 E(LI),	      E(LINK),
		E(MAP),	     E(MENU),	E(META),     E(NOBR),	 E(NOFRAMES), E(NOSCRIPT),
		E(OBJECT),   E(OL),	E(OPTGROUP), E(OPTION),	 E(P),	      E(PARAM),
		E(PRE),	     E(Q),	E(S),	     E(SAMP),	 E(SCRIPT),   E(SELECT),
		E(SMALL),    E(SPAN),	E(STRIKE),   E(STRONG),	 E(STYLE),    E(SUB),
		E(SUP),	     E(TABLE),	E(TBODY),    E(TD),	 E(TEXTAREA), E(TFOOT),
		E(TH),	     E(THEAD),	E(TITLE),    E(TR),	 E(TT),	      E(U),
		E(UL),	     E(VAR),
	};
#undef E

	return elements[tag];
}

/* Characters of white space that an element puts into the text. */
unsigned gp_rule_html_space(enum gp_html_tag tag)
{
	static const unsigned char spaces[GP_TAG_COUNT] = {
		[GP_TAG_BR] = 1,	 [GP_TAG_DIV] = 1,     [GP_TAG_LI] = 1,
		[GP_TAG_TD] = 1,	 [GP_TAG_TH] = 1,      [GP_TAG_DT] = 1,
		[GP_TAG_DD] = 1,	 [GP_TAG_EMBED] = 1,   [GP_TAG_H1] = 1,
		[GP_TAG_H2] = 1,	 [GP_TAG_H3] = 1,      [GP_TAG_H4] = 1,
		[GP_TAG_H5] = 1,	 [GP_TAG_H6] = 1,      [GP_TAG_P] = 2,
		[GP_TAG_HR] = 2,	 [GP_TAG_BLOCKQUOTE] = 2, [GP_TAG_PRE] = 2,
		[GP_TAG_LISTING] = 2,	 [GP_TAG_PLAINTEXT] = 2, [GP_TAG_XMP] = 2,
		[GP_TAG_TITLE] = 2,
	};

	return spaces[tag];
}

/* "o:p", "st1:City": Word's, which count as elements. */
bool gp_rule_html_is_of_word(struct gp_str name)
{
	size_t colon = gp_str_find_chr(name, ':', 0);

	if (colon + 1 >= name.len)
		return false;
	return gp_str_ieq(gp_str_sub(name, 0, colon), GP_STR("o")) ||
	       (colon == 3 && gp_str_istarts(name, GP_STR("st")) && gp_is_digit(name.ptr[2]));
}

/* Unicode's white space but for ASCII's. */
bool gp_rule_html_is_wide_space(struct gp_str s)
{
	static const struct gp_str spaces[] = {
		GP_STR("\xc2\x85"),	  GP_STR("\xc2\xa0"),	  GP_STR("\xe1\x9a\x80"),
		GP_STR("\xe2\x80\xa8"), GP_STR("\xe2\x80\xa9"), GP_STR("\xe2\x80\xaf"),
		GP_STR("\xe2\x81\x9f"), GP_STR("\xe3\x80\x80")};

	for (size_t i = 0; i < GP_ARRAY_SIZE(spaces); i++)
		if (gp_str_eq(s, spaces[i]))
			return true;
	return s.len == 3 && gp_str_starts(s, GP_STR("\xe2\x80")) &&
	       (unsigned char)s.ptr[2] <= 0x8a; /* U+2000 … U+200A */
}

/* One character: a letter or digit, in any script?  Typographic double quotes count as plain
 * ones. */
static bool is_word(struct gp_str c)
{
	if (gp_str_eq(c, GP_STR("\xe2\x80\x9c")) || gp_str_eq(c, GP_STR("\xe2\x80\x9d")))
		return false;
	return c.len == 1 ? gp_is_alnum(c.ptr[0]) || (unsigned char)c.ptr[0] >= 0x80
			  : c.len > 1 && !gp_rule_html_is_wide_space(c);
}

struct gp_str gp_rule_html_first(struct gp_str s)
{
	size_t n = 1;

	while (n < s.len && ((unsigned char)s.ptr[n] & 0xc0) == 0x80)
		n++;
	return gp_str_sub(s, 0, n);
}

static struct gp_str last(struct gp_str s)
{
	size_t at = s.len - 1;

	while (at > 0 && ((unsigned char)s.ptr[at] & 0xc0) == 0x80)
		at--;
	return gp_str_sub(s, at, SIZE_MAX);
}

unsigned gp_rule_html_first_word(struct gp_str s)
{
	unsigned n = 0;

	for (struct gp_str c; n <= GP_RULE_HTML_WORD_MAX && s.len; n++) {
		c = gp_rule_html_first(s);
		if (!is_word(c))
			break;
		s = gp_str_sub(s, c.len, SIZE_MAX);
	}
	return n;
}

unsigned gp_rule_html_last_word(struct gp_str s)
{
	unsigned n = 0;

	for (struct gp_str c; n <= GP_RULE_HTML_WORD_MAX && s.len; n++) {
		c = last(s);
		if (!is_word(c))
			break;
		s.len -= c.len;
	}
	return n;
}

bool gp_rule_html_is_blank(struct gp_str s)
{
	while (s.len) {
		size_t n = gp_is_space(s.ptr[0]) ? 1 : gp_str_starts(s, GP_STR("\xc2\xa0")) ? 2 : 0;

		if (!n)
			return false;
		s = gp_str_sub(s, n, SIZE_MAX);
	}
	return true;
}

/* "120" or "50%" of a screen's side; else, and of 0, an average image's. */
double gp_rule_html_side(struct gp_str s, int screen)
{
	double n = 0;
	size_t i = 0;

	for (; i < s.len && gp_is_digit(s.ptr[i]); i++)
		n = n * 10 + (s.ptr[i] - '0');
	if (i == 0 || i + 1 < s.len || (i < s.len && s.ptr[i] != '%'))
		n = 0;
	else if (i < s.len)
		n *= screen / 100;
	return n > 0 ? n : IMAGE_SIDE;
}

/* Names of letters, blanks and hyphens, perhaps quoted, perhaps with a digit at the end,
 * separated by commas. */
bool gp_rule_html_is_face_usual(struct gp_str s)
{
	bool is_first = true;

	for (;;) {
		size_t from, to;

		s = gp_str_trim(s);
		if (s.len && (s.ptr[0] == '"' || s.ptr[0] == '\'' || (is_first && s.ptr[0] == '.')))
			s = gp_str_sub(s, 1, SIZE_MAX);
		for (from = 0; is_first && from < s.len && s.ptr[from] == ' '; from++)
			;
		for (to = from;
		     to < s.len && (gp_is_alpha(s.ptr[to]) || s.ptr[to] == ' ' || s.ptr[to] == '-');
		     to++)
			;
		if (to < from + 2 || !gp_is_alpha(s.ptr[from]) || !gp_is_alpha(s.ptr[to - 1]))
			return false;
		to += to < s.len && gp_is_digit(s.ptr[to]);
		to += to < s.len && (s.ptr[to] == '"' || s.ptr[to] == '\'');
		s = gp_str_sub(s, to, SIZE_MAX);
		is_first = false;
		if (s.len == 0 || gp_str_eq(s, GP_STR(";")))
			return true;
		if (s.ptr[0] != ',')
			return false;
		s = gp_str_sub(s, 1, SIZE_MAX);
	}
}
