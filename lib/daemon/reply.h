/*
 * From a failure and a setting to what SMTP is told.  The only place with reply
 * codes, besides the programs' texts for verdicts.
 */
#ifndef GP_DAEMON_REPLY_H
#define GP_DAEMON_REPLY_H

#include "lib/conf/schema.h"
#include "lib/daemon/session.h"

/* The setting `on_error` of a dependency. */
enum gp_on_error { GP_ON_ERROR_ACCEPT, GP_ON_ERROR_TEMPFAIL, GP_ON_ERROR_MARK };

/* Names "accept", "tempfail", "accept-and-mark" for rows; the short list lacks the last. */
extern const struct gp_conf_enum gp_on_error_names[];
extern const struct gp_conf_enum gp_on_error_names_nomark[];

/* What was decided: answer with GP_ACCEPT or GP_TEMPFAIL (GP_REJECT for what can
 * never succeed), and whether the message shall be marked. */
struct gp_failure_reply {
	enum gp_answer answer;
	bool is_marked;
	const char *code, *xcode; /* NULL when accepted */
};

/* err is a GP_E… word; GP_OK gives GP_CONTINUE. */
struct gp_failure_reply gp_reply_for(int err, enum gp_on_error setting);
/* As gp_reply_for, and sets the session's reply text ("450 4.7.1 WHAT unavailable …"). */
struct gp_failure_reply gp_reply_set(struct gp_session *s, int err, enum gp_on_error setting,
				     const char *what);
/* 550 5.7.1 / 451 4.7.1 with a text; for verdicts. */
enum gp_answer gp_reply_reject(struct gp_session *s, const char *text);
enum gp_answer gp_reply_greylist(struct gp_session *s, const char *text);
/* 552 5.3.4: the message is larger than the settings allow. */
enum gp_answer gp_reply_too_big(struct gp_session *s);
/* For the adapter: a plain text where the program set none that fits the answer … */
void gp_reply_complete(struct gp_session *s, enum gp_answer answer);
/* … and what a message gets that begins while the program stops. */
enum gp_answer gp_reply_shutdown(struct gp_session *s);

#endif
