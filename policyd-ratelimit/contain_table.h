/*
 * The copy of what is contained, in memory, and what of it the store does not know yet.
 *
 * Requests and events change it at once (any thread); the keeper carries the changes to the
 * store, in their order for each key, and takes over from there what others changed.
 */
#ifndef POLICYD_CONTAIN_TABLE_H
#define POLICYD_CONTAIN_TABLE_H

#include <stdbool.h>

#include "lib/store/store.h"
#include "policyd-ratelimit/contained.h"

/* Keys at a time; in the store as many at the most, beside the keeper's mark.  The last quarter is for accounts and what is
 * blocked by hand.  Beyond it nobody is contained, and the log says so. */
#define CONTAIN_TABLE_MAX (GP_ENTRIES_MAX - 1)

enum contain_change {
	CONTAIN_UNCHANGED,
	CONTAIN_ADD,  /* if no other host did */
	CONTAIN_PUT,  /* in place of what is there */
	CONTAIN_RESTORE, /* as ADD, unless somebody released it meanwhile; nobody is told */
	CONTAIN_DROP,
};

/* Contains the key of `c`, with change ADD or PUT.  GP_EINVAL: it is contained already (and change
 * is ADD), GP_ELIMIT: the table is full. */
int contain_table_set(const struct contained *c, enum contain_change change) GP_MUST_USE;
/* Releases; GP_ENOENT: it was not contained. */
int contain_table_drop(struct gp_str name) GP_MUST_USE;

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
/* The change of this number is there now. */
void contain_table_written(struct gp_str name, uint64_t number);
/* What the store holds, one after the other between begin and end; what it does not hold any more
 * goes, changes that are not there yet stay. */
void contain_table_sync_begin(void);
void contain_table_sync(struct gp_str name, struct gp_str value);
void contain_table_sync_end(void);
/* Instead of the latter, of a store that has lost what it held: what it does not hold any more is a
 * change again (CONTAIN_RESTORE) until its time is over.  How many these are. */
size_t contain_table_sync_restore(int64_t now_s);
/* What began after now_s did so before the clock was put back: it ends no later than if it began
 * now. */
void contain_table_clock(int64_t now_s);
/* Forgets everything: at the end, and between tests. */
void contain_table_clear(void);

#endif
