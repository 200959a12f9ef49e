/*
 * The copy of what is contained, in memory, and what of it the store does not know yet.
 *
 * Requests and events change it at once (any thread); the keeper carries the changes to the
 * store, in their order for each key, and takes over from there what others changed.
 *
 * Nothing goes from the store before its time: what is released is replaced by a note of that.  So
 * what is not there any more, or is older than what was there, is lost (the store was emptied, or came
 * back from an older copy), and goes there again from each host that knows it.  Which of two is older
 * their version says (contained.h), so that nobody's loss undoes a release or is undone by it.
 */
#ifndef POLICYD_CONTAIN_TABLE_H
#define POLICYD_CONTAIN_TABLE_H

#include <stdbool.h>

#include "lib/store/store.h"
#include "policyd-ratelimit/contained.h"

/* Keys at a time, with those that were released; in the store as many at the most.  The last quarter is
 * for accounts and what is blocked by hand.  Beyond it nobody is contained, and the log says so. */
#define CONTAIN_TABLE_MAX GP_ENTRIES_MAX

/* A release is remembered for as long as it would have lasted, but no longer than this: so old a copy
 * the store may come back from. */
#define CONTAIN_RELEASE_S 86400

enum contain_change {
	CONTAIN_UNCHANGED,
	CONTAIN_ADD, /* if no other host did */
	CONTAIN_PUT, /* in place of what is there */
};

/* Contains the key of `c`, with change ADD or PUT.  GP_EINVAL: it is contained already (and change
 * is ADD), GP_ELIMIT: the table is full. */
int contain_table_set(const struct contained *c, enum contain_change change) GP_MUST_USE;
/* Releases; GP_ENOENT: it was not contained. */
int contain_table_drop(struct gp_str name, int64_t now_s) GP_MUST_USE;

/* Is this name contained at now_s?  In the arena then. */
bool contain_table_find(struct gp_str name, int64_t now_s, struct gp_arena *arena,
			struct contained *ret);
/* The same for an address, whose networks may be. */
bool contain_table_find_client(const struct gp_ip *ip, int64_t now_s, struct gp_arena *arena,
			       struct contained *ret);
/* Any at all?  Costs nothing. */
bool contain_table_is_empty(void);
/* Calls fn for each that is in force, until it returns false; fn must not call this module. */
typedef bool contain_table_fn(void *arg, const struct contained *c);
void contain_table_each(int64_t now_s, contain_table_fn *fn, void *arg);

/* For the keeper. */

/* The oldest change that is not in the store yet: its name, and what to write, in the arena.
 * CONTAIN_UNCHANGED: there is none. */
enum contain_change contain_table_next(struct gp_arena *arena, struct gp_str *ret_name,
				       struct contained *ret, uint64_t *ret_number);
/* True the first time if a limit was exceeded: this change is to be told about.  Whoever blocks by
 * command knows that already. */
bool contain_table_tell(struct gp_str name, uint64_t number);
/* One that has not been told for want of the store, and is in force since before_s; it is told
 * then.  In the arena. */
bool contain_table_take_untold(int64_t before_s, struct gp_arena *arena, struct contained *ret);
/* The change of this number is done.  Not is_there: the store has something else, or does not take it;
 * the latter is known here only, until its time is over. */
void contain_table_written(struct gp_str name, uint64_t number, bool is_there);
/* The store did not answer: it may have taken the change of this number, so that what it has there
 * later can be that. */
void contain_table_unanswered(struct gp_str name, uint64_t number);

struct contain_loss {
	size_t contained, released;
};

/* What the store holds, one after the other between begin and end, for left_s yet; what it held
 * until its time was over goes, changes that are not there yet stay.  What it has lost is a change
 * again, of which nobody is told: *ret counts these. */
void contain_table_sync_begin(void);
void contain_table_sync(struct gp_str name, struct gp_str value, int64_t left_s);
void contain_table_sync_end(int64_t now_s, struct contain_loss *ret);
/* What began after now_s did so before the clock was put back: it ends no later than if it began
 * now. */
void contain_table_clock(int64_t now_s);
/* Forgets everything: at the end, and between tests. */
void contain_table_clear(void);

#endif
