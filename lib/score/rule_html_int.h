/*
 * What rule_html.c goes by when it counts.
 */
#ifndef GP_SCORE_RULE_HTML_INT_H
#define GP_SCORE_RULE_HTML_INT_H

#include "lib/score/rule_html.h"

/* Without width or height an image counts as this wide and high; percents are of this screen. */
#define IMAGE_SIDE 200
#define SCREEN_WIDTH 800
#define SCREEN_HEIGHT 600

/* HTML 4's and XHTML's elements. */
bool gp_rule_html_is_element(enum gp_html_tag tag);
/* Characters of white space that an element puts into the text. */
unsigned gp_rule_html_space(enum gp_html_tag tag);
/* "o:p", "st1:City": Word's, which count as elements. */
bool gp_rule_html_is_of_word(struct gp_str name);

/* The first character of text that is not empty; whether one is Unicode's white space, but for
 * ASCII's. */
struct gp_str gp_rule_html_first(struct gp_str s);
bool gp_rule_html_is_wide_space(struct gp_str c);
/* Letters and digits (of any script) with which text that is not empty begins, or ends; no more
 * than GP_RULE_HTML_WORD_MAX + 1 are counted. */
#define GP_RULE_HTML_WORD_MAX 7
unsigned gp_rule_html_first_word(struct gp_str s);
unsigned gp_rule_html_last_word(struct gp_str s);
/* White space and no-break spaces only. */
bool gp_rule_html_is_blank(struct gp_str s);

/* width or height of an image in pixels: "120", "50%" of a screen's side; else an average one. */
double gp_rule_html_side(struct gp_str s, int screen);
/* Names of letters, blanks and hyphens, perhaps quoted, separated by commas: <font face>. */
bool gp_rule_html_is_face_usual(struct gp_str s);

#endif
