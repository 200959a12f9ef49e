/*
 * Deflated data (RFC 1951), as members of ZIP files are; the only door to zlib.
 */
#ifndef GP_BASE_INFLATE_H
#define GP_BASE_INFLATE_H

#include "lib/base/buf.h"
#include "lib/base/err.h"

/* Appends what `in` inflates to.  GP_EINVAL: it is damaged or ends too early; GP_ELIMIT: out is full.
 * What was got until then has been appended. */
int gp_inflate(struct gp_str in, struct gp_buf *out) GP_MUST_USE;

#endif
