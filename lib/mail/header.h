/*
 * Header fields: splitting a header section, unfolding, encoded words.
 *
 * RFC 5322 §2.2, RFC 2047, RFC 6532.  Tolerant: what is no encoded word stays
 * as it is, raw 8-bit bytes that are not UTF-8 are read as windows-1252, so
 * that the result always is UTF-8.
 */
#ifndef GP_MAIL_HEADER_H
#define GP_MAIL_HEADER_H

#include <stdbool.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/str.h"

/*
 * Takes the next field off a header section (LF or CRLF) that starts at *pos.
 * ret_raw is what follows the colon, folds as they are, without the last line
 * end.  False at the end of the section; *pos is then behind the empty line,
 * or at the first line that is no header field (the body begins there).
 */
bool gp_header_next(struct gp_str in, size_t *pos, struct gp_str *ret_name, struct gp_str *ret_raw);

/* Unfolds (each fold becomes one space) and takes off leading white space;
 * returns a part of `raw` itself where nothing needs to change. */
struct gp_str gp_header_unfold(struct gp_arena *a, struct gp_str raw);

/* Unfolded, white space at both ends taken off, then encoded words decoded, UTF-8.  May return a
 * part of `raw`. */
struct gp_str gp_header_decode(struct gp_arena *a, struct gp_str raw);

/* The same for text that is unfolded already, such as a parameter's value. */
struct gp_str gp_header_decode_words(struct gp_arena *a, struct gp_str text);

#endif
