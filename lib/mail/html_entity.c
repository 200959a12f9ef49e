/*
 * HTML character references.
 *
 * Numeric ones follow HTML 5: 128 … 159 mean Windows-1252, zero, surrogates and
 * what is beyond Unicode become U+FFFD, any number of digits is taken.
 */
#include "lib/mail/html_entity.h"

#include "lib/base/utf8.h"

#define NAME_MAX_LEN 16

struct entity {
	const char *name;
	uint16_t cp;
	bool is_legacy; /* clients take it without ';', even before further letters */
};

/* clang-format off */
/* Sorted by name, byte order. */
static const struct entity ENTITIES[] = {
	{"AElig", 0xc6, true}, {"AMP", 0x26, true}, {"Aacute", 0xc1, true}, {"Acirc", 0xc2, true},
	{"Agrave", 0xc0, true}, {"Alpha", 0x391}, {"Aring", 0xc5, true}, {"Atilde", 0xc3, true},
	{"Auml", 0xc4, true}, {"Beta", 0x392}, {"COPY", 0xa9, true}, {"Ccedil", 0xc7, true},
	{"Chi", 0x3a7}, {"Dagger", 0x2021}, {"Delta", 0x394}, {"ETH", 0xd0, true},
	{"Eacute", 0xc9, true}, {"Ecirc", 0xca, true}, {"Egrave", 0xc8, true}, {"Epsilon", 0x395},
	{"Eta", 0x397}, {"Euml", 0xcb, true}, {"GT", 0x3e, true}, {"Gamma", 0x393}, {"Hat", 0x5e},
	{"Iacute", 0xcd, true}, {"Icirc", 0xce, true}, {"Igrave", 0xcc, true}, {"Iota", 0x399},
	{"Iuml", 0xcf, true}, {"Kappa", 0x39a}, {"LT", 0x3c, true}, {"Lambda", 0x39b},
	{"MediumSpace", 0x205f}, {"Mu", 0x39c}, {"NewLine", 0xa}, {"NoBreak", 0x2060},
	{"NonBreakingSpace", 0xa0}, {"Ntilde", 0xd1, true}, {"Nu", 0x39d}, {"OElig", 0x152},
	{"Oacute", 0xd3, true}, {"Ocirc", 0xd4, true}, {"Ograve", 0xd2, true}, {"Omega", 0x3a9},
	{"Omicron", 0x39f}, {"Oslash", 0xd8, true}, {"Otilde", 0xd5, true}, {"Ouml", 0xd6, true},
	{"Phi", 0x3a6}, {"Pi", 0x3a0}, {"Prime", 0x2033}, {"Psi", 0x3a8}, {"QUOT", 0x22, true},
	{"REG", 0xae, true}, {"Rho", 0x3a1}, {"Scaron", 0x160}, {"Sigma", 0x3a3},
	{"THORN", 0xde, true}, {"TRADE", 0x2122}, {"Tab", 0x9}, {"Tau", 0x3a4}, {"Theta", 0x398},
	{"ThinSpace", 0x2009}, {"Uacute", 0xda, true}, {"Ucirc", 0xdb, true},
	{"Ugrave", 0xd9, true}, {"Upsilon", 0x3a5}, {"Uuml", 0xdc, true},
	{"VeryThinSpace", 0x200a}, {"Xi", 0x39e}, {"Yacute", 0xdd, true}, {"Yuml", 0x178},
	{"ZeroWidthSpace", 0x200b}, {"Zeta", 0x396}, {"aacute", 0xe1, true}, {"acirc", 0xe2, true},
	{"acute", 0xb4, true}, {"aelig", 0xe6, true}, {"agrave", 0xe0, true}, {"alefsym", 0x2135},
	{"alpha", 0x3b1}, {"amp", 0x26, true}, {"and", 0x2227}, {"ang", 0x2220}, {"apos", 0x27},
	{"aring", 0xe5, true}, {"ast", 0x2a}, {"asymp", 0x2248}, {"atilde", 0xe3, true},
	{"auml", 0xe4, true}, {"bdquo", 0x201e}, {"beta", 0x3b2}, {"brvbar", 0xa6, true},
	{"bsol", 0x5c}, {"bull", 0x2022}, {"cap", 0x2229}, {"ccedil", 0xe7, true},
	{"cedil", 0xb8, true}, {"cent", 0xa2, true}, {"check", 0x2713}, {"chi", 0x3c7},
	{"circ", 0x2c6}, {"clubs", 0x2663}, {"colon", 0x3a}, {"comma", 0x2c}, {"commat", 0x40},
	{"cong", 0x2245}, {"copy", 0xa9, true}, {"crarr", 0x21b5}, {"cross", 0x2717},
	{"cup", 0x222a}, {"curren", 0xa4, true}, {"dArr", 0x21d3}, {"dagger", 0x2020},
	{"darr", 0x2193}, {"dash", 0x2010}, {"deg", 0xb0, true}, {"delta", 0x3b4},
	{"diams", 0x2666}, {"divide", 0xf7, true}, {"dollar", 0x24}, {"eacute", 0xe9, true},
	{"ecirc", 0xea, true}, {"egrave", 0xe8, true}, {"empty", 0x2205}, {"emsp", 0x2003},
	{"emsp13", 0x2004}, {"emsp14", 0x2005}, {"ensp", 0x2002}, {"epsilon", 0x3b5},
	{"equals", 0x3d}, {"equiv", 0x2261}, {"eta", 0x3b7}, {"eth", 0xf0, true},
	{"euml", 0xeb, true}, {"euro", 0x20ac}, {"excl", 0x21}, {"exist", 0x2203},
	{"ffilig", 0xfb03}, {"fflig", 0xfb00}, {"ffllig", 0xfb04}, {"filig", 0xfb01},
	{"fllig", 0xfb02}, {"fnof", 0x192}, {"forall", 0x2200}, {"frac12", 0xbd, true},
	{"frac14", 0xbc, true}, {"frac34", 0xbe, true}, {"frasl", 0x2044}, {"gamma", 0x3b3},
	{"ge", 0x2265}, {"grave", 0x60}, {"gt", 0x3e, true}, {"hArr", 0x21d4}, {"hairsp", 0x200a},
	{"harr", 0x2194}, {"hearts", 0x2665}, {"hellip", 0x2026}, {"hyphen", 0x2010},
	{"iacute", 0xed, true}, {"icirc", 0xee, true}, {"iexcl", 0xa1, true},
	{"igrave", 0xec, true}, {"image", 0x2111}, {"infin", 0x221e}, {"inodot", 0x131},
	{"int", 0x222b}, {"iota", 0x3b9}, {"iquest", 0xbf, true}, {"isin", 0x2208},
	{"iuml", 0xef, true}, {"kappa", 0x3ba}, {"lArr", 0x21d0}, {"lambda", 0x3bb},
	{"lang", 0x2329}, {"laquo", 0xab, true}, {"larr", 0x2190}, {"lbrace", 0x7b},
	{"lbrack", 0x5b}, {"lceil", 0x2308}, {"lcub", 0x7b}, {"ldquo", 0x201c}, {"le", 0x2264},
	{"lfloor", 0x230a}, {"lowast", 0x2217}, {"lowbar", 0x5f}, {"loz", 0x25ca}, {"lpar", 0x28},
	{"lrm", 0x200e}, {"lsaquo", 0x2039}, {"lsqb", 0x5b}, {"lsquo", 0x2018}, {"lt", 0x3c, true},
	{"macr", 0xaf, true}, {"mdash", 0x2014}, {"micro", 0xb5, true}, {"middot", 0xb7, true},
	{"minus", 0x2212}, {"mu", 0x3bc}, {"nabla", 0x2207}, {"nbsp", 0xa0, true},
	{"ndash", 0x2013}, {"ne", 0x2260}, {"ni", 0x220b}, {"not", 0xac, true}, {"notin", 0x2209},
	{"nsub", 0x2284}, {"ntilde", 0xf1, true}, {"nu", 0x3bd}, {"num", 0x23}, {"numsp", 0x2007},
	{"oacute", 0xf3, true}, {"ocirc", 0xf4, true}, {"oelig", 0x153}, {"ograve", 0xf2, true},
	{"oline", 0x203e}, {"omega", 0x3c9}, {"omicron", 0x3bf}, {"oplus", 0x2295}, {"or", 0x2228},
	{"ordf", 0xaa, true}, {"ordm", 0xba, true}, {"oslash", 0xf8, true}, {"otilde", 0xf5, true},
	{"otimes", 0x2297}, {"ouml", 0xf6, true}, {"para", 0xb6, true}, {"part", 0x2202},
	{"percnt", 0x25}, {"period", 0x2e}, {"permil", 0x2030}, {"perp", 0x22a5}, {"phi", 0x3c6},
	{"phone", 0x260e}, {"pi", 0x3c0}, {"piv", 0x3d6}, {"plus", 0x2b}, {"plusmn", 0xb1, true},
	{"pound", 0xa3, true}, {"prime", 0x2032}, {"prod", 0x220f}, {"prop", 0x221d},
	{"psi", 0x3c8}, {"puncsp", 0x2008}, {"quest", 0x3f}, {"quot", 0x22, true},
	{"rArr", 0x21d2}, {"radic", 0x221a}, {"rang", 0x232a}, {"raquo", 0xbb, true},
	{"rarr", 0x2192}, {"rbrace", 0x7d}, {"rbrack", 0x5d}, {"rceil", 0x2309}, {"rcub", 0x7d},
	{"rdquo", 0x201d}, {"real", 0x211c}, {"reg", 0xae, true}, {"rfloor", 0x230b},
	{"rho", 0x3c1}, {"rlm", 0x200f}, {"rpar", 0x29}, {"rsaquo", 0x203a}, {"rsqb", 0x5d},
	{"rsquo", 0x2019}, {"sbquo", 0x201a}, {"scaron", 0x161}, {"sdot", 0x22c5},
	{"sect", 0xa7, true}, {"semi", 0x3b}, {"shy", 0xad, true}, {"sigma", 0x3c3},
	{"sigmaf", 0x3c2}, {"sim", 0x223c}, {"sol", 0x2f}, {"spades", 0x2660}, {"star", 0x2606},
	{"starf", 0x2605}, {"sub", 0x2282}, {"sube", 0x2286}, {"sum", 0x2211}, {"sup", 0x2283},
	{"sup1", 0xb9, true}, {"sup2", 0xb2, true}, {"sup3", 0xb3, true}, {"supe", 0x2287},
	{"szlig", 0xdf, true}, {"tau", 0x3c4}, {"there4", 0x2234}, {"theta", 0x3b8},
	{"thetasym", 0x3d1}, {"thinsp", 0x2009}, {"thorn", 0xfe, true}, {"tilde", 0x2dc},
	{"times", 0xd7, true}, {"trade", 0x2122}, {"uArr", 0x21d1}, {"uacute", 0xfa, true},
	{"uarr", 0x2191}, {"ucirc", 0xfb, true}, {"ugrave", 0xf9, true}, {"uml", 0xa8, true},
	{"upsih", 0x3d2}, {"upsilon", 0x3c5}, {"uuml", 0xfc, true}, {"verbar", 0x7c},
	{"vert", 0x7c}, {"weierp", 0x2118}, {"xi", 0x3be}, {"yacute", 0xfd, true},
	{"yen", 0xa5, true}, {"yuml", 0xff, true}, {"zeta", 0x3b6}, {"zwj", 0x200d},
	{"zwnj", 0x200c},
};

/* Windows-1252 from 0x80 on; 0 where it has no character. */
static const uint16_t CP1252[32] = {
	0x20ac, 0, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0,
	0x17d, 0, 0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a,
	0x153, 0, 0x17e, 0x178,
};
/* clang-format on */

static const struct entity *find(struct gp_str name)
{
	size_t from = 0, to = GP_ARRAY_SIZE(ENTITIES);

	while (from < to) {
		size_t mid = (from + to) / 2;
		int cmp = gp_str_cmp(name, gp_str(ENTITIES[mid].name));

		if (cmp == 0)
			return &ENTITIES[mid];
		if (cmp < 0)
			to = mid;
		else
			from = mid + 1;
	}
	return NULL;
}

static int digit_value(char c, unsigned base)
{
	char l = gp_lower(c);

	if (gp_is_digit(c))
		return c - '0';
	return base == 16 && l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/* "&#…" */
static size_t numeric(struct gp_str s, uint32_t *ret)
{
	bool is_hex = s.len > 2 && gp_lower(s.ptr[2]) == 'x';
	unsigned base = is_hex ? 16 : 10;
	size_t from = is_hex ? 3 : 2, p = from;
	uint32_t cp = 0;

	for (; p < s.len && digit_value(s.ptr[p], base) >= 0; p++) {
		if (cp <= 0x10ffff)
			cp = cp * base + (uint32_t)digit_value(s.ptr[p], base);
	}
	if (p == from)
		return 0;
	if (cp >= 0x80 && cp < 0xa0 && CP1252[cp - 0x80])
		cp = CP1252[cp - 0x80];
	else if (cp == 0 || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		cp = 0xfffd;
	*ret = cp;
	return p + (p < s.len && s.ptr[p] == ';');
}

size_t gp_html_entity(struct gp_str s, bool is_attribute, uint32_t *ret)
{
	const struct entity *e;
	size_t end = 1;

	if (s.len > 1 && s.ptr[1] == '#')
		return numeric(s, ret);
	while (end < s.len && end <= NAME_MAX_LEN && gp_is_alnum(s.ptr[end]))
		end++;
	e = find(gp_str_n(s.ptr + 1, end - 1));
	if (e && end < s.len && s.ptr[end] == ';') {
		*ret = e->cp;
		return end + 1;
	}
	if (e && !e->is_legacy)
		e = NULL;
	if (is_attribute && end < s.len && (s.ptr[end] == '=' || gp_is_alnum(s.ptr[end])))
		e = NULL;
	while (!e && !is_attribute && --end > 2) {
		e = find(gp_str_n(s.ptr + 1, end - 1));
		if (e && !e->is_legacy)
			e = NULL;
	}
	if (!e)
		return 0;
	*ret = e->cp;
	return end;
}

void gp_html_decode(struct gp_str value, struct gp_buf *out)
{
	uint32_t cp = 0;

	while (value.len) {
		size_t amp = gp_str_find_chr(value, '&', 0), n;

		gp_buf_add(out, value.ptr, GP_MIN(amp, out->max - out->len));
		value = gp_str_sub(value, amp, value.len);
		if (!value.len || out->len == out->max)
			return;
		n = gp_html_entity(value, true, &cp);
		if (n)
			gp_utf8_add(out, cp);
		else
			gp_buf_add_chr(out, '&');
		value = gp_str_sub(value, n ? n : 1, value.len);
	}
}
