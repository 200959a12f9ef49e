/*
 * Canonicalisation (RFC 6376, 3.4) and the hashes over it.
 *
 * Headers field by field into a buffer or a digest.  Bodies in chunks: one
 * gp_body_hasher serves all signatures of a message; each distinct pair of
 * canonicalisation and length is hashed once, and the body is never held.
 */
#ifndef GP_AUTH_CANON_H
#define GP_AUTH_CANON_H

#include <stdint.h>

#include "lib/auth/field.h"
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/digest.h"
#include "lib/base/err.h"

enum gp_canon { GP_CANON_SIMPLE, GP_CANON_RELAXED };

const char *gp_canon_name(enum gp_canon c);
/* "relaxed/simple", "simple" (body simple, 3.5); GP_EINVAL.  `text` may be empty:
 * simple/simple. */
int gp_canon_parse(struct gp_str text, enum gp_canon *ret_header, enum gp_canon *ret_body)
	GP_MUST_USE;

/* Appends the canonical field, without CRLF at its end. */
void gp_canon_header(enum gp_canon c, struct gp_str name, struct gp_str value, struct gp_buf *out);

#define GP_BODY_WHOLE (-1)

struct gp_body_hasher;

struct gp_body_digest {
	unsigned char digest[GP_SHA256_SIZE];
	uint64_t hashed; /* canonical bytes that went in */
	uint64_t size;	 /* canonical bytes of the whole body */
};

struct gp_body_hasher *gp_body_hasher_new(struct gp_arena *arena);
/* Asks for a digest over the first `length` canonical bytes (or GP_BODY_WHOLE); gives
 * its number, the same one for the same question.  Before the first chunk only. */
unsigned gp_body_hasher_want(struct gp_body_hasher *h, enum gp_canon c, int64_t length);
/* Line ends CRLF or LF (each counts as CRLF; a bare CR is data); chunks may be cut
 * anywhere. */
void gp_body_hasher_add(struct gp_body_hasher *h, struct gp_str chunk);
/* Ends the body (again: does nothing). */
void gp_body_hasher_finish(struct gp_body_hasher *h);
/* After finish; NULL if `length` is more than the canonical body has. */
const struct gp_body_digest *gp_body_hasher_get(const struct gp_body_hasher *h, unsigned number);

#endif
