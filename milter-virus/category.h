/*
 * What kind of thing a signature's name stands for.
 */
#ifndef GP_VIRUS_CATEGORY_H
#define GP_VIRUS_CATEGORY_H

#include "lib/base/str.h"

enum virus_category {
	VIRUS_CAT_VIRUS,      /* a signature of the database */
	VIRUS_CAT_HEURISTICS, /* Heuristics.… that is none of the following */
	VIRUS_CAT_PUA,	      /* PUA.…: potentially unwanted */
	VIRUS_CAT_ENCRYPTED,  /* an archive or document with a password */
	VIRUS_CAT_MACRO,      /* an office document with macros */
	VIRUS_CAT_LIMITS,     /* a limit was met: not all of it was looked at */
	VIRUS_CAT_PHISHING,   /* links that are not what they seem */
	VIRUS_CAT_BROKEN,     /* a file that is broken so that it cannot be read */
	VIRUS_CATEGORIES,
};

enum virus_category virus_category_of(struct gp_str name);
/* "virus", "heuristics" …: in settings, log lines, labels of metrics. */
const char *virus_category_name(enum virus_category category);

#endif
