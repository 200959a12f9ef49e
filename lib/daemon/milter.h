/*
 * Serving the milter protocol: a program's callbacks behind libmilter.
 *
 * The adapter (milter.c, the only file that knows libmilter) asks the MTA not to
 * wait for answers of any step but end of message, so an answer other than
 * GP_CONTINUE given earlier is remembered: no further callbacks come for this
 * message, and it is given at end of message.  A program that must answer
 * earlier (reject a recipient) names the step in `replies`.
 */
#ifndef GP_DAEMON_MILTER_H
#define GP_DAEMON_MILTER_H

#include "lib/base/err.h"
#include "lib/daemon/service.h"
#include "lib/daemon/session.h"

enum gp_milter_actions {
	GP_MILTER_ADD_HEADERS = 1 << 0, /* add and insert */
	GP_MILTER_CHANGE_HEADERS = 1 << 1,
	GP_MILTER_QUARANTINE = 1 << 2,
};

enum gp_milter_step {
	GP_STEP_CONNECT = 1 << 0,
	GP_STEP_HELO = 1 << 1,
	GP_STEP_MAIL = 1 << 2,
	GP_STEP_RCPT = 1 << 3,
	GP_STEP_HEADER = 1 << 4,
	GP_STEP_EOH = 1 << 5,
	GP_STEP_BODY = 1 << 6,
};

/* A program's callbacks, all but on_eom may be NULL.  A NULL one is negotiated
 * away where session.h does not need the step itself. */
struct gp_milter {
	const char *name;
	unsigned actions; /* enum gp_milter_actions */
	unsigned replies; /* enum gp_milter_step: steps whose answer the MTA waits for */
	/* Macros wanted besides those of session.h, per step, "{tls_version} _" or NULL. */
	const char *macros_connect, *macros_mail, *macros_rcpt, *macros_eom;

	enum gp_answer (*on_connect)(struct gp_session *s);
	enum gp_answer (*on_helo)(struct gp_session *s);
	/* s->msg is set up; allocate in s->msg.arena, keep one pointer in s->msg.data. */
	enum gp_answer (*on_mail)(struct gp_session *s);
	enum gp_answer (*on_rcpt)(struct gp_session *s, const struct gp_rcpt *rcpt);
	/* The value as sent, after the colon: leading space and folds are kept, line ends
	 * are LF.  Borrowed for the call. */
	enum gp_answer (*on_header)(struct gp_session *s, struct gp_str name, struct gp_str value);
	enum gp_answer (*on_eoh)(struct gp_session *s);
	/* A chunk as sent, line ends CRLF.  Borrowed for the call. */
	enum gp_answer (*on_body)(struct gp_session *s, struct gp_str chunk);
	enum gp_answer (*on_eom)(struct gp_session *s);
	/* The message ended without on_eom (RSET, lost connection, refused elsewhere).
	 * Not called after on_eom. */
	void (*on_abort)(struct gp_session *s);
	/* The session ends; the adapter frees everything afterwards. */
	void (*on_close)(struct gp_session *s);
};

/* Serves the milter that the program names, for struct gp_daemon.service.  bind removes a
 * stale unix socket (a live one is an error) and sets mode and group; stop makes the unix
 * socket disappear, and messages that begin then are answered 4.3.2; drain waits until no
 * message is in flight and the answers are written. */
extern const struct gp_service gp_milter_service;

#endif
