/*
 * Categories by name; see the header.  libclamav's heuristics have fixed names, of which the
 * longest prefix that is listed here decides.
 */
#include "milter-virus/category.h"

static const struct {
	struct gp_str prefix;
	enum virus_category category;
} prefixes[] = {
	{{"Heuristics.Limits.", 18}, VIRUS_CAT_LIMITS},
	{{"Heuristics.Encrypted.", 21}, VIRUS_CAT_ENCRYPTED},
	{{"Heuristics.OLE2.ContainsMacros", 30}, VIRUS_CAT_MACRO},
	{{"Heuristics.Phishing.", 20}, VIRUS_CAT_PHISHING},
	{{"Phishing.", 9}, VIRUS_CAT_PHISHING},
	{{"Heuristics.Broken.", 18}, VIRUS_CAT_BROKEN},
	{{"Heuristics.", 11}, VIRUS_CAT_HEURISTICS},
	{{"PUA.", 4}, VIRUS_CAT_PUA},
};

static const char *const names[VIRUS_CATEGORIES] = {
	[VIRUS_CAT_VIRUS] = "virus",	     [VIRUS_CAT_HEURISTICS] = "heuristics",
	[VIRUS_CAT_PUA] = "pua",	     [VIRUS_CAT_ENCRYPTED] = "encrypted",
	[VIRUS_CAT_MACRO] = "macro",	     [VIRUS_CAT_LIMITS] = "limits",
	[VIRUS_CAT_PHISHING] = "phishing", [VIRUS_CAT_BROKEN] = "broken",
};

enum virus_category virus_category_of(struct gp_str name)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(prefixes); i++)
		if (gp_str_starts(name, prefixes[i].prefix))
			return prefixes[i].category;
	return VIRUS_CAT_VIRUS;
}

const char *virus_category_name(enum virus_category category)
{
	return names[category];
}
