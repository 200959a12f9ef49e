/*
 * What one request takes from which limits: the questions to the store, before they are asked.
 *
 * Pure but for what is remembered of messages (limit_memory.h) and said of misplaced limits
 * (limit_watch.h).
 */
#ifndef POLICYD_LIMIT_PLAN_H
#define POLICYD_LIMIT_PLAN_H

#include "lib/base/vec.h"
#include "lib/store/store.h"
#include "policyd-ratelimit/limits.h"

/* Questions of one kind travel in one call. */
enum limit_part_kind {
	LIMIT_PART_LOOK, /* bounces and the recipients that they are compared with */
	LIMIT_PART_TAKE, /* limits that refuse: all or none */
	LIMIT_PART_DRY,	 /* those in a dry run: all or none among themselves */
	LIMIT_PART_PASS, /* those that let pass whatever there is: counted anyway */
	LIMIT_PARTS
};

enum gp_limit_mode limit_part_mode(enum limit_part_kind kind);

/* Whose question it is. */
struct limit_item {
	const struct limit_rule *rule;
	struct gp_str window, key;
	bool is_sent; /* of the recipients that bounces are compared with: nothing is said of it */
};

/* What is remembered when it was counted. */
struct limit_mark {
	uint64_t what;
	int64_t amount;
	bool is_recipient; /* that this recipient was seen */
};

struct limit_part {
	size_t len, cap, items_cap;
	struct gp_limit_take *takes;
	struct limit_item *items; /* as many */
	GP_VEC(struct limit_mark) marks;
};

struct limit_plan {
	struct limit_part parts[LIMIT_PARTS];
	struct limit_part barred; /* who may send nothing: answered, not asked */
	bool is_cut; /* more than GP_LIMIT_TAKES_MAX: the last were left out */
};

/* What the directory says of the account. */
struct limit_directory {
	const struct gp_str *overrides; /* limit_override.h */
	size_t n_overrides;
};

/* In the subject's arena.  message: limit_memory_message(). */
void limit_plan_make(const struct limits *limits, const struct policy_request *request,
		     struct limit_subject *subject, const struct limit_directory *directory,
		     uint64_t message, int64_t mono_ms, struct limit_plan *ret);

/* Is the rule for this request at all, whatever it counts? */
bool limit_rule_applies(const struct limit_rule *rule, const struct policy_request *request);
/* The windows that hold for a key. */
void limit_windows_for(const struct limit_rule *rule, struct limit_subject *subject,
		       struct gp_str key, const struct limit_directory *directory,
		       struct limit_windows *ret);
/* Adds one question. */
void limit_part_add(struct limit_part *part, struct gp_arena *arena, const struct limit_item *item,
		    const struct gp_limit *limit, int64_t amount, struct gp_str member);

#endif
