/*
 * Content-Transfer-Encoding (RFC 2045 §6): decoding as far as possible.
 */
#ifndef GP_MAIL_DECODE_H
#define GP_MAIL_DECODE_H

#include <stdbool.h>

#include "lib/base/buf.h"

enum gp_encoding {
	GP_ENCODING_IDENTITY, /* 7bit, 8bit, binary, and what nobody knows */
	GP_ENCODING_BASE64,
	GP_ENCODING_QP,
	GP_ENCODING_UU,
};

/* `name` is lower case; false if it is neither empty nor known (identity then). */
bool gp_encoding_parse(struct gp_str name, enum gp_encoding *ret);

/* Appends the decoded bytes, as many as fit, and as far as the input can be
 * read: foreign characters are skipped.  False if there were any, or if the
 * input ends in the middle.  *ret_is_cut tells whether something did not fit. */
bool gp_decode(enum gp_encoding encoding, struct gp_str in, struct gp_buf *out, bool *ret_is_cut);

/* Decoded size computed from the encoded one: `lines` is its number of LFs. */
size_t gp_decoded_size(enum gp_encoding encoding, struct gp_str in, size_t lines);

#endif
