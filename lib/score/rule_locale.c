/*
 * Names are compared without anything that is no letter or digit.
 */
#include "lib/score/rule_locale.h"

#include "lib/score/rule_list.h"

#define CHARSET_MAX 40

static const char cyrillic[] = "koi8r koi8u koi8t isoir111 cp1251 georgianps pt154 cp866";

static const struct {
	const char *locale, *charsets;
} locales[] = {
	{"ja", "eucjp jisx020119760 jisx020819830 jisx020819900 jisx020819970 jisx021219900 "
	       "jisx021320001 jisx021320002 shiftjis iso2022jp sjis jis7 jisx0201 jisx0208 jisx0212"},
	{"ko", "euckr ksc56011987"},
	{"ru", cyrillic},
	{"ka", cyrillic},
	{"tg", cyrillic},
	{"be", cyrillic},
	{"uk", cyrillic},
	{"bg", cyrillic},
	{"th", "tis620"},
	{"zh", "gb1988 gb2312 gb231219800 gb18030 gbk big5hkscs big5 euctw iso2022cn"},
};

static bool takes_all(struct gp_str wanted)
{
	struct gp_str word;

	while (gp_str_next_word(&wanted, &word))
		if (gp_str_eq(word, GP_STR("all")))
			return true;
	return false;
}

static struct gp_str wanted_of(const struct gp_rule_set *set)
{
	const struct gp_rule_list *list = gp_rule_list_get(set, GP_STR("ok_locales"));

	return list->items.len ? list->items.items[0] : GP_STR("all");
}

bool gp_rule_locale_takes_all(const struct gp_rule_set *set)
{
	return takes_all(wanted_of(set));
}

static bool is_anybodys(struct gp_str name)
{
	static const char *const prefixes[] = {"iso8859", "iso10646", "utf",	   "ucs",
					       "cp125",	  "windows",  "unicode11utf"};
	static const char *const names[] = {"usascii", "ascii", "ibm852", "xunknown", "iso"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(prefixes); i++)
		if (gp_str_starts(name, gp_str(prefixes[i])))
			return true;
	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
		if (gp_str_eq(name, gp_str(names[i])))
			return true;
	return false;
}

static bool has_word(const char *words, struct gp_str s)
{
	struct gp_str rest = gp_str(words), word;

	while (gp_str_next_word(&rest, &word))
		if (gp_str_eq(word, s))
			return true;
	return false;
}

bool gp_rule_locale_has(const struct gp_rule_set *set, struct gp_str charset)
{
	struct gp_str wanted = wanted_of(set), word, name;
	char text[CHARSET_MAX];
	size_t n = 0;

	charset = gp_str_sub(charset, 0, gp_str_find_chr(charset, ':', 0));
	for (size_t i = 0; i < charset.len && n < sizeof(text); i++)
		if (gp_is_alnum(charset.ptr[i]))
			text[n++] = gp_lower(charset.ptr[i]);
	name = gp_str_n(text, n);
	if (gp_str_starts(name, GP_STR("3d"))) /* "charset=3Dutf-8": quoted-printable gone wrong */
		name = gp_str_sub(name, 2, SIZE_MAX);
	if (takes_all(wanted) || is_anybodys(name))
		return true;
	while (gp_str_next_word(&wanted, &word))
		for (size_t i = 0; i < GP_ARRAY_SIZE(locales); i++)
			if (gp_str_starts(word, gp_str(locales[i].locale)) &&
			    has_word(locales[i].charsets, name))
				return true;
	return false;
}
