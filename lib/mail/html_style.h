/*
 * Which text of a document can be seen: a stack of open elements and their styles.
 *
 *	gp_html_style_init(&styles, arena);
 *	gp_html_style_open(&styles, &token);	at each start tag
 *	gp_html_style_close(&styles, &token);	at each end tag
 *	gp_html_style_is_hidden(&styles)	about the text in between
 *
 * No tree: an end tag closes down to the nearest element of its name, as far as
 * the table cell around it; <p>, <li>, <td> … close their unclosed forerunners.
 */
#ifndef GP_MAIL_HTML_STYLE_H
#define GP_MAIL_HTML_STYLE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/limits.h"
#include "lib/mail/html_sheet.h"
#include "lib/mail/html_token.h"

/* Bytes of one style attribute that are looked at. */
#define GP_HTML_STYLE_MAX 4096

struct gp_html_look {
	struct gp_colour text, background;
	float font_size, opacity;
	bool is_gone;	   /* not to be undone by what is inside: display, boxes */
	bool is_invisible; /* visibility:hidden, which an inner element may undo */
};

struct gp_html_open {
	enum gp_html_tag tag;
	struct gp_html_look look;
};

struct gp_html_style {
	struct gp_html_sheet sheet;
	struct gp_html_open open[GP_MAX_HTML_DEPTH]; /* [0] is the document */
	unsigned depth;				     /* elements in open, at least 1 */
	unsigned beyond;			     /* opened above the limit, not yet closed */
	unsigned n_open[GP_TAG_COUNT];		     /* of each tag in open */
	struct gp_colour link;			     /* of <a href> */
	struct gp_buf scratch;
	bool is_hidden;
	bool is_gone; /* takes no room either */
};

void gp_html_style_init(struct gp_html_style *s, struct gp_arena *arena);
void gp_html_style_done(struct gp_html_style *s);

/* A start tag: *ret_css says what was set on the element itself. */
void gp_html_style_open(struct gp_html_style *s, const struct gp_html_token *token,
			struct gp_css *ret_css);
void gp_html_style_close(struct gp_html_style *s, enum gp_html_tag tag);

/* Whether text at this point is kept from the reader. */
static inline bool gp_html_style_is_hidden(const struct gp_html_style *s)
{
	return s->is_hidden;
}

/* Whether it also takes no room, so that the words around it touch. */
static inline bool gp_html_style_is_gone(const struct gp_html_style *s)
{
	return s->is_gone;
}

#endif
