/*
 * What a milter program sees: one SMTP session, its messages, and the verbs it
 * may use at end of message.
 *
 * A session lives from the MTA's connect to its close, a message from MAIL to
 * the answer (or abort); each has an arena.  Callbacks of one session never
 * overlap, though they may come from different threads in turn, so nothing here
 * is locked and nothing may be kept in thread-local data.
 *
 * The verbs go through a table, so that tests drive a program's callbacks
 * without any milter library (tests/fakes).
 */
#ifndef GP_DAEMON_SESSION_H
#define GP_DAEMON_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/ip.h"
#include "lib/base/vec.h"
#include "lib/conf/snapshot.h"

/* What a callback answers. */
enum gp_answer {
	GP_CONTINUE, /* go on; at end of message the same as accept */
	GP_ACCEPT,   /* no further callbacks for this message (at connect: session) */
	GP_REJECT,   /* 5xx; the text by gp_session_set_reply(), else a plain one */
	GP_TEMPFAIL, /* 4xx, likewise */
	GP_DISCARD,  /* accepted and thrown away */
	GP_SKIP,     /* on_body only: no more of the body, go to on_eom */
};

struct gp_rcpt {
	struct gp_str address; /* without angle brackets */
	struct gp_str args;    /* ESMTP arguments, space-separated, or empty */
};

/* One message; reset between two of a session. */
struct gp_envelope {
	struct gp_arena *arena;	 /* of the message */
	struct gp_str queue_id;	 /* {i}; empty before the first recipient was accepted */
	struct gp_str from;	 /* without angle brackets; empty for bounces */
	struct gp_str from_args; /* "SIZE=1234 BODY=8BITMIME SMTPUTF8" */
	int64_t size;		 /* of SIZE=, -1 when not declared */
	bool is_smtputf8, is_8bit;
	struct gp_str auth_user; /* {auth_authen}, empty when not authenticated */
	struct gp_str auth_type; /* {auth_type} */
	GP_VEC(struct gp_rcpt) rcpts; /* at most GP_MAX_RECIPIENTS are kept */
	size_t n_rcpts_seen;
	int64_t began_ms; /* gp_clock_mono_ms() at MAIL */
	void *data;	  /* the program's */
};

struct gp_session;

struct gp_session_verbs {
	int (*add_header)(struct gp_session *s, const char *name, const char *value);
	int (*insert_header)(struct gp_session *s, int index, const char *name, const char *value);
	int (*change_header)(struct gp_session *s, const char *name, int nth, const char *value);
	int (*quarantine)(struct gp_session *s, const char *reason);
	int (*progress)(struct gp_session *s);
	const char *(*macro)(struct gp_session *s, const char *name);
};

struct gp_session {
	struct gp_arena *arena; /* of the session */
	struct gp_snapshot *snap; /* of the session; a reload does not change it */
	const struct gp_session_verbs *verbs;
	void *handle; /* of the verbs' implementation */

	struct gp_str client_name; /* as the MTA resolved it; "[192.0.2.1]" or "unknown" when not */
	struct gp_ip client;	   /* family 0: local or not known */
	uint16_t client_port;
	struct gp_str helo;
	struct gp_str tls_version; /* {tls_version}, empty without TLS; known from MAIL on */
	struct gp_str daemon_name; /* {daemon_name} */
	struct gp_str mta_host;	   /* {j} */

	struct gp_envelope msg;
	/* The answer's text, for GP_REJECT and GP_TEMPFAIL; empty: a plain one. */
	char reply_code[4], reply_xcode[16], reply_text[512];
	void *data; /* the program's, for the session */
};

/* A macro's value or NULL; valid during the callback.  Names without braces
 * where they are longer than one letter: "auth_authen", "i". */
const char *gp_session_macro(struct gp_session *s, const char *name);

/* The verbs below are for on_eom only.  Errors mean the MTA did not allow it or
 * is gone (GP_ESYS).  Values are folded with "\n\t"; a leading space is added
 * where the MTA wants it from us.  CR, NUL and bare LF never pass. */
int gp_session_add_header(struct gp_session *s, const char *name, const char *value) GP_MUST_USE;
/* index 0 is before all others. */
int gp_session_insert_header(struct gp_session *s, int index, const char *name,
			     const char *value) GP_MUST_USE;
/* nth counts fields of this name from 1. */
int gp_session_change_header(struct gp_session *s, const char *name, int nth,
			     const char *value) GP_MUST_USE;
/* Deletes the nth field of this name; later namesakes move up. */
int gp_session_delete_header(struct gp_session *s, const char *name, int nth) GP_MUST_USE;
/* Deletes the fields 1 … count of this name, the highest first (deleting shifts
 * the indices of namesakes). */
int gp_session_delete_headers(struct gp_session *s, const char *name, int count) GP_MUST_USE;
int gp_session_quarantine(struct gp_session *s, const char *reason) GP_MUST_USE;
/* Tells the MTA that we are still at it; call every few seconds while waiting. */
int gp_session_progress(struct gp_session *s);

/* The reply for GP_REJECT or GP_TEMPFAIL: "550", "5.7.1", text.  Text is cut and
 * cleaned: one line of printable ASCII. */
void gp_session_set_reply(struct gp_session *s, const char *code, const char *xcode,
			  const char *fmt, ...) GP_PRINTF(4, 5);

/* Set-up by adapters (lib/daemon/milter.c, tests/fakes). */
struct gp_session *gp_session_new(struct gp_snapshot *snap, const struct gp_session_verbs *verbs,
				  void *handle);
void gp_session_free(struct gp_session *s);
void gp_session_begin_message(struct gp_session *s, struct gp_str from, struct gp_str args);
void gp_session_add_rcpt(struct gp_session *s, struct gp_str address, struct gp_str args);
/* Ends the message: resets its arena and the reply. */
void gp_session_end_message(struct gp_session *s);

#endif
