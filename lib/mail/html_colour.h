/*
 * Colours as HTML and CSS write them.
 */
#ifndef GP_MAIL_HTML_COLOUR_H
#define GP_MAIL_HTML_COLOUR_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/str.h"

enum gp_colour_kind {
	GP_COLOUR_UNSET, /* "inherit", or nothing said */
	GP_COLOUR_RGB,
	GP_COLOUR_TRANSPARENT,
	GP_COLOUR_UNKNOWN, /* an image, a gradient, a word we do not know */
};

struct gp_colour {
	enum gp_colour_kind kind;
	uint8_t r, g, b;
};

#define GP_COLOUR(r_, g_, b_) ((struct gp_colour){GP_COLOUR_RGB, r_, g_, b_})

/* "#f00", "#ff0000", "rgb(255, 0, 0)", "rgba(…)", "red"; also "ff0000", which clients
 * take in documents without DOCTYPE.  Never fails: GP_COLOUR_UNKNOWN. */
struct gp_colour gp_colour_parse(struct gp_str s);

/* Whether text of the one colour cannot be read on the other; never when unknown. */
bool gp_colour_is_unreadable(struct gp_colour text, struct gp_colour background);

#endif
