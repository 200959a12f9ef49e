/*
 * Style sheets of a document, and the addresses that CSS loads.
 *
 * Only simple selectors count: tag, .class, #id, tag.class, tag#id, and lists of
 * them.  Rules inside @media, @supports and their like are taken as not applying
 * (what they hide they hide on some screens only).
 */
#ifndef GP_MAIL_HTML_SHEET_H
#define GP_MAIL_HTML_SHEET_H

#include "lib/base/map.h"
#include "lib/mail/html_css.h"

/* Selectors kept of one document; real mail has up to 200. */
#define GP_HTML_SELECTORS_MAX 1000

struct gp_html_sheet {
	struct gp_arena *arena;
	struct gp_map rules; /* selector → struct gp_css *, any case */
};

void gp_html_sheet_init(struct gp_html_sheet *sheet, struct gp_arena *arena);
/* Adds the rules of a <style> element; selectors are borrowed from text. */
void gp_html_sheet_add(struct gp_html_sheet *sheet, struct gp_str text);
/* Merges what the sheet says of an element: its tag, then classes, then id. */
void gp_html_sheet_apply(const struct gp_html_sheet *sheet, struct gp_str tag,
			 struct gp_str classes, struct gp_str id, struct gp_css *css);

/* The next address in CSS text (url(…) or the string of an @import), undecoded, off
 * *rest; false when there is none. */
bool gp_html_css_next_url(struct gp_str *rest, struct gp_str *ret);

#endif
