/*
 * HTML flattened: all its text in order, seen or not, for rules.
 *
 * html.h tells what a reader sees; spam rules want what is there, with the white
 * space between elements as SpamAssassin puts it: two line ends around paragraphs,
 * one at <br> and <div>, a space at cells, list items and headings, nothing at
 * the others.  White space within text is one space.
 */
#ifndef GP_MAIL_HTML_FLAT_H
#define GP_MAIL_HTML_FLAT_H

#include <stdbool.h>

#include "lib/base/buf.h"

/* Appends the text of `content` (UTF-8), up to out's ceiling.  Linear.  *is_wide becomes true when
 * a reference gives a character beyond U+00FF. */
void gp_html_flatten(struct gp_str content, struct gp_buf *out, bool *is_wide);

#endif
