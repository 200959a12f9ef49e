/*
 * HTML character references: "&amp;", "&#8364;", "&#x20ac", "&copy2026".
 *
 * Names are HTML 4's and those of HTML 5 that stand for ASCII or for spaces.  The
 * semicolon may be missing where clients let it be missing.
 */
#ifndef GP_MAIL_HTML_ENTITY_H
#define GP_MAIL_HTML_ENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"

/* The reference at the start of s, which begins with '&': bytes taken and its code
 * point in *ret; 0 if it is none (the '&' is text then).  In attributes a name
 * without semicolon must not run on into "=" or letters. */
size_t gp_html_entity(struct gp_str s, bool is_attribute, uint32_t *ret);

/* Appends an attribute's value with its references decoded, up to out's ceiling. */
void gp_html_decode(struct gp_str value, struct gp_buf *out);

#endif
