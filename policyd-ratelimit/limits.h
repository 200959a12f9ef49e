/*
 * The check "limits": who has used up what he may, in the store that hosts share.
 *
 * What a request adds to each limit that applies is taken from the store in one call, from
 * all or none: a message that one limit refuses counts in none.  Requests of one message
 * (`instance`) are remembered for a while, here and by name in the store, so that only what a later
 * stage adds is taken there; see limit_stage.h for what can be counted where.
 *
 * Rounds of one request, each left out where nobody needs it:
 *	1. the groups of the account from the directory, and its overrides
 *	2. a look at limits on bounce ratios
 *	3. a take from all limits that refuse
 *	4. the others: those that only hold or warn count whatever there is; those in a dry run
 *	   take among themselves, as if they refused
 *
 * Limits on events (bounces, failed logins, spam) are counted by limits_event() and looked at
 * in round 3.
 */
#ifndef POLICYD_LIMITS_H
#define POLICYD_LIMITS_H

#include "policyd-ratelimit/ask.h"
#include "policyd-ratelimit/limit_rule.h"
#include "policyd-ratelimit/limit_watch.h"

/* What is made of the settings: of a snapshot, in its arena. */
struct limits {
	struct limit_rules rules;
	struct limit_watch **watches; /* of each rule */
	const struct gp_conf_networks *networks;
	struct gp_ldap_query *overrides, *groups; /* NULL: nobody is asked */
	bool has_accounts, has_groups;		  /* some rule is by them */
};

/* In the snapshot's arena.  The settings were found right already (limits_validate). */
void limits_configure(struct gp_snapshot *snap, struct gp_conf_report *report, struct limits **ret);

/* A row of judge.c. */
check_fn limits_check;

/* Something that happened and counts in limits with this `count`. */
struct limits_event {
	enum limit_count count; /* LIMIT_BOUNCES, LIMIT_AUTH_FAILURES or LIMIT_SPAM */
	struct gp_str id; /* the same whenever it is told: counts once within a window; not empty */
	struct gp_str account, sender, recipient; /* what is not known is empty */
	struct gp_str client;			  /* an address */
	double score;				  /* of spam */
	int64_t time_s; /* when it happened, Unix time; it counts in windows that reach back so
			 * far, from then on; 0: now */
};

/* GP_OK: counted, or nothing to count; GP_ETEMP: the store did not answer, tell it again. */
typedef void limits_counted_fn(void *arg, int result);
/* Counts it; copies it.  `done` is called once, perhaps before this returns, on the loop's
 * thread, which is where this is called.  Events that are begun together travel together. */
void limits_event(const struct limits_event *event, limits_counted_fn *done, void *arg);

/* At start, on the loop's thread: takes over what the last process could not tell the store. */
void limits_start(const struct ratelimit_conf *conf);
/* At stop, on the loop's thread: frees what is remembered of messages. */
void limits_done(void);
void limits_register_metrics(void);

#endif
