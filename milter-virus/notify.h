/*
 * Mail to the postmaster about what was found: at most so many an hour, sent by a thread of its
 * own, so that no message waits for it.
 */
#ifndef GP_VIRUS_NOTIFY_H
#define GP_VIRUS_NOTIFY_H

#include "milter-virus/virus.h"

/* Starts the thread; the settings of each message hold for its mail. */
int virus_notify_start(struct gp_diag *diag) GP_MUST_USE;
/* Queues a mail, if the settings want one for this; never waits. */
void virus_notify(const struct gp_session *s, const struct virus_message *m);
/* What is queued is tried once more, within the time; then the thread ends. */
void virus_notify_stop(int64_t deadline_ms);
void virus_notify_register_metrics(void);

/* The mail's header and body, in ASCII.  left_out: mails that were not sent since the last. */
void virus_notify_format(const struct gp_session *s, const struct virus_message *m, int64_t left_out,
			 struct gp_buf *out);

#endif
