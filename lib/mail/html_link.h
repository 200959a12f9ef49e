/*
 * References out of a document: what it links to, loads, and sends forms to.
 */
#ifndef GP_MAIL_HTML_LINK_H
#define GP_MAIL_HTML_LINK_H

#include "lib/mail/html.h"
#include "lib/mail/html_out.h"
#include "lib/mail/html_token.h"

/* Bytes kept of a link's visible text, and of a data: URI. */
#define GP_HTML_LINK_TEXT_MAX 512
#define GP_HTML_DATA_URI_MAX 128
/* Bytes of <base href> that are joined to references. */
#define GP_HTML_BASE_MAX 256

struct gp_html_links {
	struct gp_arena *arena;
	struct gp_html *html; /* links and stats go here */
	size_t max;
	struct gp_str base; /* of <base href>, absolute; or empty */
	struct gp_buf scratch;
	size_t anchor;	    /* index + 1 of the open <a>'s link, 0 = none */
	size_t anchor_from; /* where its text begins in the visible text */
};

void gp_html_links_init(struct gp_html_links *l, struct gp_arena *arena, struct gp_html *html,
			size_t max);
void gp_html_links_done(struct gp_html_links *l);

/* All references of a start tag. */
void gp_html_links_tag(struct gp_html_links *l, const struct gp_html_token *token,
		       const struct gp_html_out *visible, bool is_hidden);
/* url(…) and @import of a style sheet. */
void gp_html_links_css(struct gp_html_links *l, struct gp_str css);
/* </a>, another <a>, or the end of the document: the open link gets its text. */
void gp_html_links_close(struct gp_html_links *l, const struct gp_html_out *visible);

#endif
