/*
 * Limits as they are configured: `limits = { NAME = { … }; … }`.
 *
 * The settings of one are rows of limit_table; limit_rules_build() makes of them what is
 * counted with, or says everything that is wrong.  For the daemon and for the command.
 */
#ifndef POLICYD_LIMIT_RULE_H
#define POLICYD_LIMIT_RULE_H

#include "lib/base/arena.h"
#include "lib/base/ip.h"
#include "lib/conf/mapfile.h"
#include "lib/conf/schema.h"
#include "policyd-ratelimit/answer.h"
#include "policyd-ratelimit/limit_key.h"
#include "policyd-ratelimit/limit_text.h"
#include "policyd-ratelimit/limit_window.h"

/* Where what is counted lies in the store, under limit_state_key(). */
#define LIMIT_TABLE GP_STR("limit-use")

/* Bytes of a limit's name: it stands in keys, labels and log lines. */
#define LIMIT_NAME_MAX 64

/* What is counted. */
enum limit_count {
	LIMIT_MESSAGES,
	LIMIT_RECIPIENTS,
	LIMIT_DISTINCT_RECIPIENTS,
	LIMIT_BYTES,
	/* Not told by Postfix's requests: events (limits.h).  Requests look at them. */
	LIMIT_BOUNCES,
	LIMIT_AUTH_FAILURES,
	LIMIT_SPAM,
	LIMIT_COUNTS
};
extern const struct gp_conf_enum limit_count_names[];

static inline bool limit_count_is_event(enum limit_count count)
{
	return count >= LIMIT_BOUNCES;
}

enum limit_when { LIMIT_ANY, LIMIT_AUTHENTICATED, LIMIT_UNAUTHENTICATED };

/* The settings of one. */
struct limit_conf {
	int count; /* enum limit_count */
	struct gp_conf_list by, windows;
	int algorithm; /* enum gp_limit_kind */
	int64_t burst;
	int action; /* enum answer_action */
	const char *text;
	bool dry_run;
	int when;		     /* enum limit_when */
	struct gp_netset networks;   /* of clients; empty: all */
	struct gp_conf_list context; /* policy_context; empty: all */
	struct gp_mapfile *overrides;
	double ratio;	    /* bounces: percent of the recipients; 0: the number alone counts */
	int64_t ratio_min;  /* … when so many recipients were sent to */
	double score;	    /* spam: from which a message counts */
	int64_t contain_ms; /* 0: no */
	int contain_action; /* enum answer_action */
};

/* The rows of one limit: `item` of the setting "limits". */
extern const struct gp_conf_table limit_table;

struct limit_rule {
	struct gp_str name;
	size_t index;
	enum limit_count count;
	struct limit_by by;
	struct limit_window_form form;
	struct limit_windows windows;
	struct limit_text text;
	const struct limit_conf *conf;
	/* For a ratio: the recipients that bounces are compared with are counted under the name
	 * "NAME/sent", in the same windows. */
	struct gp_str sent_name;
};

struct limit_rules {
	const struct limit_rule *items;
	size_t len;
};

/* Of the groups (`limits`), in the arena.  Errors go to the report, all of them, at the place of
 * their group in `table`; GP_EINVAL then. */
int limit_rules_build(const struct gp_conf_table *table, const struct gp_conf_groups *groups,
		      struct gp_arena *arena, struct limit_rules *ret,
		      struct gp_conf_report *report) GP_MUST_USE;
/* The limit that is there when none is configured: recipients by account. */
extern const struct gp_conf_groups limit_default_groups;

/* By name; NULL: there is none. */
const struct limit_rule *limit_rules_find(const struct limit_rules *rules, struct gp_str name);

#endif
