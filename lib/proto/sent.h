/*
 * Spam scores of own mail: what milter-spam tells of messages that accounts sent, and
 * policyd-ratelimit counts (a limit with count = "spam").
 *
 * Items of the ring GP_SENT_TABLE of the store, lines "name=value" as in attrs.h.  Each is
 * written once; a reader tells a message by its id.
 *
 * Like attrs.h: no allocation, no I/O, no state.
 */
#ifndef GP_PROTO_SENT_H
#define GP_PROTO_SENT_H

#include <stdint.h>

#include "lib/proto/attrs.h"

#define GP_SENT_TABLE "spam-sent"
#define GP_SENT_SCORE_MIN 1.0 /* below it nothing is told: most of all mail */
#define GP_SENT_RING 10000  /* items kept: an hour of a large host */
#define GP_SENT_MAX 2048u   /* bytes of an item */
#define GP_SENT_TEXT_MAX 320u /* of one value: an address at its longest; longer ones are cut */

struct gp_sent {
	int64_t time_s;	      /* Unix time */
	int64_t score_milli;  /* the score in thousandths */
	struct gp_attr id;    /* Postfix's queue id */
	struct gp_attr account, client, sender; /* sasl_username, address, envelope sender */
	struct gp_attr action; /* what was done: "accept", "reject" … */
};

/* Writes it into buf[size]; its length, 0 when it does not fit (GP_SENT_MAX always does).  Control
 * bytes become "?". */
size_t gp_sent_format(const struct gp_sent *sent, char *buf, size_t size);
/* Reads one; it points into data then.  False: it is none. */
bool gp_sent_parse(const char *data, size_t len, struct gp_sent *ret);

#endif
