/*
 * The canary of `gatepost learn --self-test`: a message of which everything follows from its
 * Message-ID, so that whoever finds that (in a folder, in the controller's log) has the bytes too.
 */
#ifndef GP_CLI_CANARY_H
#define GP_CLI_CANARY_H

#include <stdint.h>

#include "lib/base/buf.h"

/* It is kept with this IMAP keyword, by which a server finds it fast. */
#define CANARY_KEYWORD "$GatepostCanary"
#define CANARY_ID_SIZE 96

struct canary {
	int64_t time_s; /* when it was made */
	uint64_t seed;	/* random: no two are alike */
};

struct canary canary_new(int64_t now_s);
/* "<…>", with a NUL. */
void canary_message_id(const struct canary *c, char ret[CANARY_ID_SIZE]);
/* Is this one's Message-ID?  With or without the brackets, blanks around it. */
bool canary_parse(struct gp_str message_id, struct canary *ret);
/* The message, lines ending in CRLF. */
void canary_write(const struct canary *c, struct gp_buf *out);

#endif
