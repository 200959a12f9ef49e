/*
 * Deflated data (RFC 1951), as members of ZIP files are, and gzip files of it (RFC 1952); the only
 * door to zlib.
 */
#ifndef GP_BASE_INFLATE_H
#define GP_BASE_INFLATE_H

#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

/* Appends what `in` inflates to.  GP_EINVAL: it is damaged or ends too early; GP_ELIMIT: out is full.
 * What was got until then has been appended. */
int gp_inflate(struct gp_str in, struct gp_buf *out) GP_MUST_USE;

/* Is a gzip file whole, all its members?  It is unpacked to nowhere; *room is how many bytes that may
 * be, and is lowered by what they were.  What follows the last member and is none is passed over.
 * GP_EINVAL: damaged, or ends too early; GP_ELIMIT: not known, it is larger than that. */
int gp_gzip_check(struct gp_str file, uint64_t *room) GP_MUST_USE;

/* The checksum of gzip, ZIP, XZ, 7z, RAR … */
uint32_t gp_crc32(struct gp_str s);

#endif
