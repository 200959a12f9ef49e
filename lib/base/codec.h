/*
 * Base64 (RFC 4648) and hexadecimal.
 */
#ifndef GP_BASE_CODEC_H
#define GP_BASE_CODEC_H

#include "lib/base/buf.h"

void gp_hex_encode(const void *data, size_t len, struct gp_buf *out);
/* GP_EINVAL on an odd length or a foreign character; nothing is appended then. */
int gp_hex_decode(struct gp_str text, struct gp_buf *out) GP_MUST_USE;

/* RFC 4648, lower case, without padding. */
void gp_base32_encode(const void *data, size_t len, struct gp_buf *out);
void gp_base64_encode(const void *data, size_t len, struct gp_buf *out);
/* White space is skipped, padding may be missing; anything else is GP_EINVAL. */
int gp_base64_decode(struct gp_str text, struct gp_buf *out) GP_MUST_USE;

#endif
