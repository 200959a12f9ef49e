/*
 * What cli/postfix.h makes of a configuration: gp-postfix-probe DIRECTORY {-|NAME/TYPE} PARAMETER…
 * prints "parameter = value", or "fault: …", as one service or none of them sees it.
 */
#include <stdio.h>

#include "cli/postfix.h"

static const struct gp_postfix_service *find(const struct gp_postfix *p, const char *name)
{
	for (size_t i = 0; i < p->services.len; i++) {
		const struct gp_postfix_service *s = &p->services.items[i];
		const char *full = gp_arena_printf(p->arena, "%.*s/%.*s", GP_STR_FMT(s->name),
						   GP_STR_FMT(s->type));

		if (strcmp(full, name) == 0)
			return s;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_postfix postfix;
	struct gp_diag diag;

	if (argc < 3 || gp_postfix_read(arena, argv[1], &postfix, &diag)) {
		fprintf(stderr, "%s\n", argc < 3 ? "usage" : diag.text);
		return 1;
	}
	for (int i = 3; i < argc; i++) {
		struct gp_str value = gp_postfix_value(&postfix, find(&postfix, argv[2]), argv[i], "");

		printf("%s = %.*s\n", argv[i], GP_STR_FMT(value));
	}
	GP_MAP_EACH(postfix.faults, entry)
		printf("fault: %.*s\n", GP_STR_FMT(entry->key));
	gp_arena_free(arena);
	return 0;
}
