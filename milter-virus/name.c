/*
 * Names of signatures as they may be shown; see engine.h.
 */
#include "milter-virus/engine.h"

void virus_name_copy(char ret[VIRUS_NAME_MAX], const char *name, size_t len)
{
	size_t n = GP_MIN(len, (size_t)VIRUS_NAME_MAX - 1);

	for (size_t i = 0; i < n; i++)
		ret[i] = name[i] > ' ' && name[i] < 0x7f ? name[i] : '_';
	ret[n] = '\0';
}
