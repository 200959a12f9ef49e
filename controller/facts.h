/*
 * What a worker finds out about a message to be learned, and its form on the wire.
 */
#ifndef GP_CONTROLLER_FACTS_H
#define GP_CONTROLLER_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/digest.h"
#include "lib/base/err.h"
#include "lib/base/str.h"

#define FACTS_MESSAGE_ID_MAX 250 /* cut; it is for the log */

struct facts {
	unsigned char digest[GP_SHA256_SIZE];
	uint32_t words;	    /* different ones that a reader sees */
	bool is_scanned;    /* it bears a header of our verdict */
	bool is_message;    /* it has a header field at all */
	char message_id[FACTS_MESSAGE_ID_MAX + 1];
	const uint64_t *tokens; /* in the bytes decoded */
	uint32_t n_tokens;
};

/* Appends the facts. */
void facts_encode(const struct facts *facts, struct gp_buf *out);
/* Reads what a worker said; GP_EINVAL if it cannot be.  The tokens point into bytes, which
 * must be aligned for them. */
int facts_decode(struct gp_str bytes, struct facts *ret) GP_MUST_USE;

#endif
