/*
 * UTF-8 (RFC 3629): decoding that rejects overlong forms and surrogates.
 */
#ifndef GP_BASE_UTF8_H
#define GP_BASE_UTF8_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"

/* Length (1–4) of the valid sequence at the start of s, its code point in *ret;
 * 0 if there is none (ret untouched). */
unsigned gp_utf8_decode(struct gp_str s, uint32_t *ret);
/* Appends a code point; invalid ones become U+FFFD. */
void gp_utf8_add(struct gp_buf *out, uint32_t cp);
bool gp_utf8_is_valid(struct gp_str s);
/* Characters in it; bytes that are no UTF-8 count as one each, but for stray continuations. */
size_t gp_utf8_length(struct gp_str s);
/* Appends s with every invalid byte replaced by U+FFFD. */
void gp_utf8_sanitize(struct gp_str s, struct gp_buf *out);

#endif
