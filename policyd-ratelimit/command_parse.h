/*
 * Reading the frames of commands (control.h).  Pure.
 */
#ifndef POLICYD_COMMAND_PARSE_H
#define POLICYD_COMMAND_PARSE_H

#include "policyd-ratelimit/contained.h"

#define COMMAND_FRAME_MAX 8192
#define COMMAND_FOR_S_MAX (3650LL * 24 * 3600)

enum command_verb {
	COMMAND_LIST,
	COMMAND_SHOW,
	COMMAND_RESET,
	COMMAND_BLOCK,
	COMMAND_RELEASE,
	COMMAND_VERBS
};

struct command_request {
	enum command_verb verb;
	enum contain_kind kind;	 /* not of list … */
	struct gp_str key, name; /* … comparable, and as an entry's name */
	struct gp_str reason;
	enum answer_action action; /* of block: hold, defer, reject */
	int64_t for_s; /* of block: 1 … COMMAND_FOR_S_MAX */
	int64_t max;   /* of list: 1 … REPORT_LIMITS_MAX */
	bool resets;   /* of release */
};

/* "list" …; never NULL. */
const char *command_verb_name(enum command_verb verb);

/* Reads a whole frame; texts go to the arena.  NULL, or what is wrong with it (a literal). */
const char *command_parse(struct gp_str frame, struct gp_arena *arena, struct command_request *ret);

#endif
