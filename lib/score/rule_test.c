/*
 * A rule that hits in a message made of a text: the way through the whole engine, not the
 * pattern alone, so that what surrounds it (the rendered body, links found in text) is tested too.
 */
#include "lib/score/rule_test.h"

void gp_rule_test_directive(struct gp_rule_builder *b, struct gp_str value)
{
	struct gp_str name = {0}, how = {0}, text;
	bool is_ok;

	gp_str_next_word(&value, &name);
	gp_str_next_word(&value, &how);
	text = gp_str_trim(value);
	is_ok = gp_str_ieq(how, GP_STR("ok"));
	if (!gp_rule_name_is_valid(name) || text.len == 0 ||
	    (!is_ok && !gp_str_ieq(how, GP_STR("fail")))) {
		gp_rule_note(b, GP_RULE_ERROR, "", "wants a rule's name, ok or fail, and a text");
		return;
	}
	*gp_vec_push(b->arena, &b->set->tests) =
		(struct gp_rule_test){.rule = gp_arena_cstr(b->arena, name),
				      .must_hit = is_ok,
				      .text = gp_arena_str(b->arena, text),
				      .file = b->set->files.items[b->file].path,
				      .line = b->line};
}

bool gp_rule_set_test(const struct gp_rule_set *set, size_t i, struct gp_rule_test *ret)
{
	if (i >= set->tests.len)
		return false;
	*ret = set->tests.items[i];
	return true;
}

/* The header that the rule reads; of a pseudo-header one that is part of it. */
static struct gp_str header_of(const struct gp_rule *r)
{
	if (r->type == GP_RULE_EVAL) /* they read many: of most the path is asked */
		return GP_STR("Received");
	if (gp_str_ieq(r->field->name, GP_STR("ToCc")))
		return GP_STR("To");
	if (gp_str_eq(r->field->name, GP_STR("MESSAGEID")))
		return GP_STR("Message-Id");
	return r->field->name;
}

struct gp_message *gp_rule_test_message(const struct gp_rule_set *set, const struct gp_rule_test *t,
					struct gp_arena *arena)
{
	const struct gp_rule *r = gp_map_get(&set->by_name, gp_str(t->rule));
	const char *text;

	if (!r || r->type == GP_RULE_FACT || r->inert)
		return NULL;
	if (r->type == GP_RULE_HEADER || 
	    (r->type == GP_RULE_EVAL && r->written == GP_RULE_HEADER))
		text = gp_arena_printf(arena, "%.*s: %.*s\n\n", GP_STR_FMT(header_of(r)),
				       GP_STR_FMT(t->text));
	else if (r->type == GP_RULE_MIMEHEADER)
		text = gp_arena_printf(arena, "Mime-Version: 1.0\n%.*s: %.*s\n\ntext\n",
				       GP_STR_FMT(r->field->name), GP_STR_FMT(t->text));
	else
		text = gp_arena_printf(arena, "Content-Type: text/plain\n\n%.*s\n",
				       GP_STR_FMT(t->text));
	return gp_message_parse(arena, NULL, gp_str(text));
}
