/*
 * What the follower of the log must still know after a restart: where it is, and the
 * messages that are on their way.  One small text file, replaced whole.
 */
#ifndef GP_CONTROLLER_MAILLOG_STATE_H
#define GP_CONTROLLER_MAILLOG_STATE_H

#include "controller/maillog_join.h"
#include "controller/maillog_position.h"

/* Durable when it returns GP_OK; ret_size is the file's.  `source`: the log it is of. */
int maillog_state_save(const char *path, const char *source, const struct maillog_position *position,
		       const struct maillog_join *join, uint64_t *ret_size, struct gp_diag *diag)
	GP_MUST_USE;
/* GP_ENOENT: there is none of this source; GP_EINVAL: it is damaged.  Then messages may have been
 * put into the join all the same. */
int maillog_state_load(const char *path, const char *source, struct maillog_position *ret, struct maillog_join *join,
		       struct gp_diag *diag) GP_MUST_USE;

#endif
