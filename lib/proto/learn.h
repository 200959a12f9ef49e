/*
 * The learn protocol: frames on the stream socket by which messages are taught.
 *
 * Spoken by those who notice that a user moved a message (the Dovecot plugin, the
 * command `gatepost learn`) to the controller, which learns.  This module makes and
 * reads frames in buffers of the caller: it allocates nothing, does no I/O, keeps no
 * state, and needs nothing but the C library, because it also lives inside Dovecot.
 *
 * A frame is a length (4 bytes: what follows), a type (1 byte), a payload.  Numbers
 * are big-endian; texts are bytes with a length of 2 bytes before them.
 *
 *	client				controller
 *	HELLO version, name
 *					HELLO version, message_max, window
 *	LEARN id, class, flags, user, origin
 *	DATA bytes …
 *	END
 *					ANSWER id, status, reason
 *					RESULT id, outcome	(where flags asked for it)
 *	QUERY id, verb, user, since, max
 *					ROW id, JSON …
 *					ANSWER id, status, reason
 *
 * A message travels as the DATA frames between its LEARN and END, one message at a
 * time; CANCEL instead of END takes it back (its source vanished half-way).  Line ends
 * are as they are, CRLF or LF.  Up to `window` messages may await their ANSWER; a
 * client that sends more is not read from until it is answered.  ANSWERs come in the
 * order of the questions, RESULTs in any.  QUEUED is said when the message would
 * survive a crash of the controller, and then the client forgets it.
 *
 * Either side closes the connection when it reads what is no such frame, or one that
 * has no place there; a controller says why in an ANSWER with id 0 before.
 */
#ifndef GP_PROTO_LEARN_H
#define GP_PROTO_LEARN_H

#include <stddef.h>
#include <stdint.h>

#define GP_LEARN_VERSION 1
/* Most bytes of a frame's payload; a longer length is malformed.  64 KiB of message at a
 * time keeps both sides' buffers small; the rest is for the fields of other frames. */
#define GP_LEARN_DATA_MAX 65536u
#define GP_LEARN_PAYLOAD_MAX (GP_LEARN_DATA_MAX + 1024u)
#define GP_LEARN_HEAD_SIZE 5u	/* length and type */
#define GP_LEARN_NAME_MAX 64u	/* of a client */
#define GP_LEARN_USER_MAX 255u	/* as in lib/store: a scope's name */
#define GP_LEARN_ORIGIN_MAX 512u /* where the message was: for people, in the log */
#define GP_LEARN_TEXT_MAX 512u	/* of a reason */

enum gp_learn_type {
	GP_LEARN_HELLO = 'H',
	GP_LEARN_WELCOME = 'W', /* the controller's hello */
	GP_LEARN_LEARN = 'L',
	GP_LEARN_DATA = 'D',
	GP_LEARN_END = 'E',
	GP_LEARN_CANCEL = 'C',
	GP_LEARN_ANSWER = 'A',
	GP_LEARN_RESULT = 'R',
	GP_LEARN_QUERY = 'Q',
	GP_LEARN_ROW = 'O',
};

enum gp_learn_class {
	GP_LEARN_SPAM = 's',
	GP_LEARN_HAM = 'h',
	GP_LEARN_UNLEARN = 'u', /* as if it never had been taught */
};

enum gp_learn_flags {
	GP_LEARN_WANT_RESULT = 1,
	/* Learn only what is not known as this class yet (Trash to Junk); the same happens
	 * without it, but a rate cap is not charged for what is known. */
	GP_LEARN_IF_NEW = 2,
};

enum gp_learn_status {
	GP_LEARN_QUEUED = 'q',	/* kept; or, to a query: done */
	GP_LEARN_LATER = 'l',	/* not now (disk full, too busy, rate cap): keep it and try again */
	GP_LEARN_REFUSED = 'r', /* never: too large, too short, not for this controller */
	GP_LEARN_DENIED = 'd',	/* this peer may not teach that user */
};

enum gp_learn_outcome {
	GP_LEARN_NEW = 'n',
	GP_LEARN_SAME = 's',
	GP_LEARN_MOVED = 'm',
	GP_LEARN_REMOVED = 'x',
	GP_LEARN_UNKNOWN = 'k', /* to be unlearned, but never was learned */
	GP_LEARN_FAILED = 'f',	/* could not be read as a message, or is refused after a look */
};

enum gp_learn_verb {
	GP_LEARN_SYNC = 'y',   /* answered when all that was queued before is learned */
	GP_LEARN_LOG = 'l',    /* rows: who taught what, newest first */
	GP_LEARN_UNDO = 'u',   /* takes back what the user taught since then */
	GP_LEARN_STATUS = 's', /* one row: queue, totals, balance */
};

/* A span of a frame or of the caller; never owned. */
struct gp_learn_text {
	const char *data;
	size_t len;
};

/* Any frame; the fields that its type has. */
struct gp_learn_frame {
	enum gp_learn_type type;
	uint32_t id;		   /* LEARN, ANSWER, RESULT, QUERY, ROW */
	uint16_t version;	   /* HELLO, WELCOME */
	uint32_t message_max;	   /* WELCOME: bytes of a message at the most */
	uint32_t window;	   /* WELCOME: messages unanswered at the most */
	uint8_t code;		   /* LEARN class, ANSWER status, RESULT outcome, QUERY verb */
	uint8_t flags;		   /* LEARN */
	int64_t since;		   /* QUERY: Unix time in seconds; 0: from the beginning */
	uint32_t max;		   /* QUERY LOG: rows at the most; 0: all */
	struct gp_learn_text user; /* LEARN, QUERY: "" is the peer's own, or everybody's for one
				    * who may teach all */
	struct gp_learn_text text; /* HELLO name, LEARN origin, ANSWER reason, ROW JSON, DATA bytes */
};

/*
 * Writes a frame into buf[size].  Returns its length; 0 when it does not fit or a text is
 * longer than its maximum (GP_LEARN_…_MAX).  DATA's bytes are copied too: a sender of
 * large data makes only the head with gp_learn_data_head and sends the bytes after it.
 */
size_t gp_learn_format(const struct gp_learn_frame *frame, void *buf, size_t size);
/* The GP_LEARN_HEAD_SIZE bytes before `len` bytes of message, 1 … GP_LEARN_DATA_MAX. */
void gp_learn_data_head(size_t len, unsigned char ret_head[GP_LEARN_HEAD_SIZE]);

/*
 * Reads the frame at the beginning of data[len].  Returns the bytes it takes; 0 if more
 * are needed; -1 if this is no frame of the protocol, with *ret_why (a literal) if not
 * NULL.  The texts point into data.  Codes are checked: an unknown class, status,
 * outcome or verb is malformed; unknown flags are ignored.
 */
long gp_learn_parse(const void *data, size_t len, struct gp_learn_frame *ret,
		    const char **ret_why);

#endif
