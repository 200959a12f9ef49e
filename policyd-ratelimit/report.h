/*
 * What there is to see of limits and contained keys: rows for `gatepost ratelimit`, made by the
 * daemon, or by the command itself when there is no daemon.
 *
 * A row is a frame "row={…}" and an empty line; the object's "type" says what it is:
 *
 *	contained	kind, key, action, since, until, rule, account, host, reason, used, max, window
 *	limit		limit, window, key, used, max, free_in (seconds until one more fits; 0: now)
 *	held		time, kind, key, host, queue_id, sender
 *	change, event	time, what, kind, key, host, and what else the note has
 *
 * Reads the store, and waits for it.
 */
#ifndef POLICYD_REPORT_H
#define POLICYD_REPORT_H

#include "lib/store/store.h"
#include "policyd-ratelimit/contained.h"
#include "policyd-ratelimit/note.h"

#define REPORT_MAX ((size_t)8 << 20) /* bytes of all rows */
#define REPORT_LIMITS_MAX 1000	     /* limits of one answer */
#define REPORT_NOTES_MAX 1000	     /* notes of each kind */

void report_contained(const struct contained *c, struct gp_buf *out);
/* Those that the store knows.  name: only this one; empty: all. */
int report_contained_stored(struct gp_store *store, struct gp_str name, int64_t deadline_ms,
			    struct gp_buf *out) GP_MUST_USE;
/* Is the key an address or network that holds this one?  Never, if net has family 0. */
bool report_is_within(struct gp_str key, const struct gp_cidr *net);

/* The limits of which most is used, n (≤ REPORT_LIMITS_MAX) at the most; with a key only those
 * that count by it, alone or together with others. */
int report_limits(struct gp_store *store, struct gp_str key, size_t n, int64_t deadline_ms,
		  struct gp_buf *out) GP_MUST_USE;
/* Notes about a name, newest first; of what was held each queue id once. */
int report_notes(struct gp_store *store, enum note_ring ring, struct gp_str name, size_t n,
		 int64_t deadline_ms, struct gp_buf *out) GP_MUST_USE;
/* Forgets what was counted by this key; *ret_n limits. */
int report_reset(struct gp_store *store, struct gp_str key, int64_t deadline_ms, size_t *ret_n)
	GP_MUST_USE;

#endif
