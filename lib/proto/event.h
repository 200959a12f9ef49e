/*
 * Events: what the policy protocol does not tell, from a follower of Postfix's log (the
 * controller) to who counts it (policyd-ratelimit, on its control socket).
 *
 * Frames as in attrs.h.  Each event is answered, in order; several may be under way:
 *
 *	request=event
 *	kind=bounce
 *	event_id=4fXw2k6c1Zz1q-9a3f00c2b1d4e5f6
 *	sasl_username=u@example.org
 *	client_address=192.0.2.7
 *	sender=u@example.org
 *	recipient=nobody@example.net
 *	queue_id=4fXw2k6c1Zz1q
 *	time=1790000000
 *	(empty line)
 *					action=OK
 *					(empty line)
 *
 * or "action=LATER why" (not counted: send it again), or "action=ERROR why" (never: no such
 * event is known).  An event that was answered OK or ERROR is not sent again, but for a
 * crash right then.  So whoever counts must take one event_id twice for one event (a
 * `member` of lib/store/limit.h does).  What has no value is absent or empty; unknown
 * attributes are passed over.
 *
 * Like attrs.h: no allocation, no I/O, no state.
 */
#ifndef GP_PROTO_EVENT_H
#define GP_PROTO_EVENT_H

#include <stdint.h>

#include "lib/proto/attrs.h"

#define GP_EVENT_TEXT_MAX 1024u /* of one value: an address has 320 bytes at the most */
#define GP_EVENT_SIZE_MAX 8192u /* a frame: eight values, their names */
#define GP_EVENT_ANSWER_MAX 512u /* of an answer's frame */

enum gp_event_kind {
	GP_EVENT_BOUNCE,       /* a message could not be delivered to a recipient, for good */
	GP_EVENT_AUTH_FAILURE, /* a wrong user name or password */
	GP_EVENT_KINDS
};

struct gp_event {
	enum gp_event_kind kind;
	struct gp_attr id;	   /* the same whenever this event is told; never empty */
	struct gp_attr account;	   /* sasl_username; of a failure what was tried, where it is known */
	struct gp_attr client;	   /* client_address */
	struct gp_attr sender, recipient, queue_id; /* of a bounce */
	int64_t time_s;		   /* when it happened, Unix time; ≥ 0 */
};

/* "bounce" …; never NULL. */
const char *gp_event_kind_name(enum gp_event_kind kind);

/* Writes the frame into buf[size]; its length, or 0 when it does not fit (GP_EVENT_SIZE_MAX
 * always does) or a value is longer than GP_EVENT_TEXT_MAX.  Control bytes become "?", as
 * Postfix writes them. */
size_t gp_event_format(const struct gp_event *event, char *buf, size_t size);
/* Reads the frame at the beginning of data[len], which points into it then.  The bytes it
 * takes; 0: more are needed; -1: it is no event, and *ret_why (a literal) says why. */
long gp_event_parse(const char *data, size_t len, struct gp_event *ret, const char **ret_why);

enum gp_event_answer { GP_EVENT_OK, GP_EVENT_LATER, GP_EVENT_ERROR, GP_EVENT_ANSWERS };

/* The answer's frame; `text` ("" for OK) for people.  Its length; 0: it does not fit. */
size_t gp_event_answer_format(enum gp_event_answer answer, const char *text, char *buf, size_t size);
/* As gp_event_parse; the text points into data. */
long gp_event_answer_parse(const char *data, size_t len, enum gp_event_answer *ret,
			   struct gp_attr *ret_text, const char **ret_why);

#endif
