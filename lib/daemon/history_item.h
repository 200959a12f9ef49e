/*
 * The part of a history item (lib/store/history.h) that is the same for every milter:
 * who, when, what was done, and the envelope.
 */
#ifndef GP_DAEMON_HISTORY_ITEM_H
#define GP_DAEMON_HISTORY_ITEM_H

#include "lib/base/jsonline.h"
#include "lib/daemon/session.h"
#include "lib/store/history.h"

/* Begins the item and fills it up to `user`; the caller adds its own, then calls end. */
void gp_history_item_begin(struct gp_jsonline *j, enum gp_history_program program,
			   const struct gp_session *s, const char *action, double score);
/* The time since MAIL, and whether something was left out; the text lives until
 * gp_jsonline_done(). */
struct gp_str gp_history_item_end(struct gp_jsonline *j, const struct gp_session *s,
				  int64_t cpu_us);

#endif
