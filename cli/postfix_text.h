/*
 * The lexical rules that Postfix's files and values share: logical lines, words, braces.
 *
 * Pure; what is taken off borrows from the text.
 */
#ifndef GP_CLI_POSTFIX_TEXT_H
#define GP_CLI_POSTFIX_TEXT_H

#include <stdbool.h>

#include "lib/base/buf.h"
#include "lib/base/str.h"

struct gp_postfix_lines {
	struct gp_str rest;
	unsigned at; /* lines that were taken off */
};

/* The next logical line into the buffer, and the number of its first line: continuation lines
 * (white space at their beginning) joined, comments and empty lines out.  False: no more. */
bool gp_postfix_next_line(struct gp_postfix_lines *lines, struct gp_buf *line, unsigned *ret_number);

/* The next word between blanks; what stands between braces holds it together ("a={b c}").
 * With `commas` those separate too.  False: no more. */
bool gp_postfix_next_word(struct gp_str *rest, bool commas, struct gp_str *ret);
/* "{ text }" without the braces and the blanks within; anything else as it is. */
struct gp_str gp_postfix_unbrace(struct gp_str s);

/* The length of what begins with `open`, up to and with the `close` that belongs to it, others
 * within counted; 0: it is not closed. */
size_t gp_postfix_balanced(struct gp_str s, char open, char close);
/* Without what stands in front of the first character that is not white space. */
struct gp_str gp_postfix_skip_space(struct gp_str s);

#endif
