/*
 * Frames of commands; see the header.
 */
#include "policyd-ratelimit/command_parse.h"

#include "lib/base/num.h"
#include "lib/proto/attrs.h"
#include "policyd-ratelimit/report.h"

#define FOR_S_DEFAULT ((int64_t)24 * 3600)
#define LIST_DEFAULT 20

static const char *const verbs[COMMAND_VERBS] = {
	[COMMAND_LIST] = "list",   [COMMAND_SHOW] = "show",	  [COMMAND_RESET] = "reset",
	[COMMAND_BLOCK] = "block", [COMMAND_RELEASE] = "release",
};

enum { REQUEST, KEY, FOR, MAX, REASON, ACTION, RESET, ATTRIBUTES };

static const struct gp_attr names[ATTRIBUTES] = {
	[REQUEST] = {"request", 7}, [KEY] = {"key", 3},	      [FOR] = {"for", 3},
	[MAX] = {"max", 3},	    [REASON] = {"reason", 6}, [ACTION] = {"action", 6},
	[RESET] = {"reset", 5},
};

const char *command_verb_name(enum command_verb verb)
{
	return verb < COMMAND_VERBS ? verbs[verb] : "?";
}

static struct gp_str span(struct gp_attr value)
{
	return gp_str_n(value.data, value.len);
}

static bool take_verb(struct gp_attr word, enum command_verb *ret)
{
	for (size_t i = 0; i < COMMAND_VERBS; i++) {
		if (gp_attr_is(word, verbs[i])) {
			*ret = (enum command_verb)i;
			return true;
		}
	}
	return false;
}

/* Absent: as it is. */
static bool take_number(struct gp_attr value, int64_t max, int64_t *ret)
{
	return value.len == 0 ||
	       (gp_num_parse_int(span(value), ret) == GP_OK && *ret >= 1 && *ret <= max);
}

static bool take_action(struct gp_attr word, enum answer_action *ret)
{
	static const enum answer_action actions[] = {ANSWER_HOLD, ANSWER_DEFER, ANSWER_REJECT};

	*ret = ANSWER_HOLD;
	for (size_t i = 0; i < GP_ARRAY_SIZE(actions); i++) {
		if (gp_attr_is(word, gp_conf_enum_name(answer_names, (int)actions[i]))) {
			*ret = actions[i];
			return true;
		}
	}
	return word.len == 0;
}

const char *command_parse(struct gp_str frame, struct gp_arena *arena, struct command_request *ret)
{
	struct command_request c = {.for_s = FOR_S_DEFAULT, .max = LIST_DEFAULT};
	struct gp_attr values[ATTRIBUTES];
	const char *why = "an incomplete command";

	if (gp_attrs_parse(frame.ptr, frame.len, COMMAND_FRAME_MAX, names, ATTRIBUTES, values,
			   &why) <= 0)
		return why;
	if (!take_verb(values[REQUEST], &c.verb))
		return "an unknown request";
	if (!take_number(values[FOR], COMMAND_FOR_S_MAX, &c.for_s))
		return "a time that is none";
	if (!take_number(values[MAX], REPORT_LIMITS_MAX, &c.max))
		return "a number that is none";
	if (!take_action(values[ACTION], &c.action))
		return "an action that is none";
	c.reason = gp_arena_str(arena, span(values[REASON]));
	c.resets = gp_attr_is(values[RESET], "1");
	if (c.verb != COMMAND_LIST) {
		if (contained_parse_key(span(values[KEY]), arena, &c.kind, &c.key) < 0)
			return contained_is_bad_client(span(values[KEY]))
				       ? "this looks like an address or network and is none (of a "
					 "network the bits behind its length are 0); an account of "
					 "this name is account:NAME"
				       : "no key, or none that there could be";
		c.name = contained_name(arena, c.kind, c.key);
	}
	*ret = c;
	return NULL;
}
