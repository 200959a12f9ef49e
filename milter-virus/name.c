/*
 * Names of signatures as they may be shown; see engine.h.
 */
#include "milter-virus/engine.h"

static void copy(char ret[VIRUS_NAME_MAX], const char *text, size_t len, char least)
{
	size_t n = GP_MIN(len, (size_t)VIRUS_NAME_MAX - 1);

	for (size_t i = 0; i < n; i++)
		ret[i] = text[i] >= least && text[i] < 0x7f ? text[i] : '_';
	ret[n] = '\0';
}

void virus_name_copy(char ret[VIRUS_NAME_MAX], const char *name, size_t len)
{
	copy(ret, name, len, ' ' + 1);
}

void virus_words_copy(char ret[VIRUS_NAME_MAX], const char *words, size_t len)
{
	copy(ret, words, len, ' ');
}
