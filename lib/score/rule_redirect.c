/*
 * Patterns of redirectors, in the order of the files.
 */
#include "lib/score/rule_redirect.h"

#include "lib/base/limits.h"
#include "lib/score/rule_regex.h"

bool gp_rule_redirect_directive(struct gp_rule_builder *b, struct gp_str name, struct gp_str value)
{
	struct gp_regex *re;
	struct gp_diag diag;

	if (!gp_str_eq(name, GP_STR("redirector_pattern")))
		return false;
	if (b->set->redirectors.len >= GP_MAX_REDIRECTORS) {
		gp_rule_note(b, GP_RULE_ERROR, "", "more than %u redirector_patterns", GP_MAX_REDIRECTORS);
		return true;
	}
	re = GP_ARENA_NEW(b->arena, struct gp_regex);
	if (gp_regex_parse(b->arena, value, re, &diag) || gp_pcre_compile(b->arena, re, &diag))
		gp_rule_note(b, GP_RULE_ERROR, "", "redirector_pattern: %s", diag.text);
	else
		*gp_vec_push(b->arena, &b->set->redirectors) = re;
	return true;
}

static void take_first(void *arg, unsigned group, struct gp_str name, struct gp_str value)
{
	struct gp_str *ret = arg;

	if (group == 1)
		*ret = value;
}

struct gp_str gp_rule_redirect_target(const struct gp_rule_set *set, struct gp_pcre *pcre,
				      struct gp_str uri)
{
	if (set->redirectors.len == 0 || gp_pcre_is_late(pcre))
		return GP_STR("");
	for (size_t i = 0; i < set->redirectors.len; i++) {
		const struct gp_regex *re = set->redirectors.items[i];
		struct gp_str target = {0};
		bool limited = false;

		if (gp_pcre_count(pcre, re, uri, 1, NULL, &limited) == 0)
			continue;
		gp_pcre_groups(pcre, re, uri, 1, take_first, &target);
		if (gp_str_find_chr(target, '.', 0) < target.len)
			return target;
	}
	return GP_STR("");
}
