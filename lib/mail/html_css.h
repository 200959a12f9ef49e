/*
 * Just enough CSS to know what a reader does not see.
 *
 * A declaration block is reduced to the few properties that decide about
 * visibility; everything else is skipped.  Lengths are in CSS pixels.
 */
#ifndef GP_MAIL_HTML_CSS_H
#define GP_MAIL_HTML_CSS_H

#include <stdbool.h>

#include "lib/mail/html_colour.h"

enum gp_css_display {
	GP_CSS_UNSET,
	GP_CSS_NO, /* display:none, visibility:hidden */
	GP_CSS_YES,
};

struct gp_css {
	enum gp_css_display display, visibility;
	struct gp_colour colour, background;
	float font_size;     /* below 0: unset */
	float font_scale;    /* relative size ("1.2em", "smaller"); below 0: unset */
	float width, height; /* the smaller of it and max-…; below 0: unset or relative */
	float opacity;	     /* below 0: unset */
	bool is_clipped;     /* overflow:hidden, or a clip rectangle of nothing */
	bool is_off_screen;  /* moved far to the left or above */
};

/* Nothing set. */
void gp_css_init(struct gp_css *css);
/* Applies the declarations of a style attribute (or of a block) on top of *css. */
void gp_css_parse(struct gp_str declarations, struct gp_css *css);
/* Lays what is set in `over` on top of *css. */
void gp_css_merge(struct gp_css *css, const struct gp_css *over);

/* "600", "600px", "10pt", "1.5em" … in pixels; below 0 if relative or malformed. */
float gp_css_length(struct gp_str s);

#endif
