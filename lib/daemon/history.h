/*
 * Writing the history of verdicts (lib/store/history.h) without making mail wait.
 *
 *	gp_history_open(store, conf, GP_HISTORY_SPAM, timeout_ms, &history, &diag);
 *	gp_history_count(history, GP_HISTORY_ACTION, "reject", 1, score);	any thread
 *	gp_history_put(history, item);						any thread
 *	gp_history_close(&history);	writes what is left, before the store is closed
 *
 * Both only note down; a thread of the writer's own brings it to the store, many items at a
 * time.  While the store is slow or down, items wait up to GP_MAX_HISTORY_WAITING bytes; then
 * new ones are dropped and counted (gatepost_history_dropped_total, and a line in the log).
 * Counts wait for as long as it takes.  NULL for the history: there is none, all is ignored.
 */
#ifndef GP_DAEMON_HISTORY_H
#define GP_DAEMON_HISTORY_H

#include "lib/conf/shared.h"
#include "lib/store/history.h"

struct gp_history;

/* *ret is NULL, and GP_OK, where history.size is 0.  The store must stay open until close. */
int gp_history_open(struct gp_store *store, const struct gp_conf_history *conf,
		    enum gp_history_program program, int64_t timeout_ms, struct gp_history **ret,
		    struct gp_diag *diag) GP_MUST_USE;
/* A writer of another ring of the store, which keeps `size` items; `table` is a literal.  Nothing is
 * counted there. */
int gp_history_open_ring(struct gp_store *store, struct gp_str table, size_t size,
			 int64_t timeout_ms, struct gp_history **ret, struct gp_diag *diag)
	GP_MUST_USE;
/* Waits no longer than the timeout.  No other call may be running. */
void gp_history_close(struct gp_history **history);

/* Copies the item. */
void gp_history_put(struct gp_history *history, struct gp_str item);
void gp_history_count(struct gp_history *history, enum gp_history_kind kind, const char *name,
		      double score);

#endif
