/*
 * HTML as a reader of the mail sees it: text, hidden text, links, counts.
 *
 * One call renders one part's content:
 *
 *	gp_html_render(arena, &options, utf8, &html);
 *	html.text, html.hidden, html.links.items[i], html.stats …
 *
 * Never fails: there is no malformed HTML, only text with less markup in it.
 * The tokenizer repairs nothing (text after </html> counts, unknown tags are
 * skipped, an unclosed comment is text again), because spam hides in what
 * repairing parsers throw away; the reference is what SpamAssassin sees.
 *
 * Text: white space is folded to one space.  <p>, <hr>, <blockquote>, <pre> and
 * <title> end a paragraph ("\n"), so do two breaks (<br>, <div>, </div>) with
 * nothing between them; a single break, cells, list items and other blocks
 * separate words by a space; inline and unknown elements separate nothing.
 * <title>, <noscript>, <option> and <textarea> are text; <script>, <style> and
 * comments are not.
 * Hidden text is what CSS or attributes keep from the eye: display:none,
 * visibility:hidden, opacity 0, letters below 3 pixels, a colour that is (nearly)
 * that of the background, clipped or off-screen boxes, `hidden`, <iframe>'s and
 * <template>'s content.  SpamAssassin's `body` rules see both kinds.
 *
 * Cost: one pass, linear in the input; memory is bounded by the options and
 * GP_MAX_HTML_DEPTH, whatever the input.
 */
#ifndef GP_MAIL_HTML_H
#define GP_MAIL_HTML_H

#include <stdbool.h>

#include "lib/mail/message.h"

struct gp_html_options {
	size_t text_max;  /* bytes of visible and of hidden text each; 0 = GP_MAX_TEXT_SIZE */
	size_t links_max; /* links kept; 0 = GP_MAX_URIS */
};

/* One reference out of the document, in order of appearance; not normalised. */
struct gp_html_link {
	struct gp_str target; /* entities decoded, made absolute with <base href> */
	struct gp_str written; /* the same as written, where <base href> changed it */
	struct gp_str text;   /* visible text of <a>…</a>, folded, cut; an image's alt text */
	unsigned source;      /* GP_URI_HREF, GP_URI_IMG or GP_URI_FORM; 0: leads nowhere (<base>) */
	bool is_hidden;	      /* the element itself was not visible */
	bool is_anchor;	      /* of an <a> */
	bool is_common;	      /* by an element and attribute that all clients know */
	bool is_doubtful;     /* behind a <script> or <style> without end */
};

struct gp_html {
	struct gp_str text;   /* visible, UTF-8, no "\n" at either end */
	struct gp_str hidden; /* likewise */
	struct gp_str title;
	GP_VEC(struct gp_html_link) links;
	struct gp_html_stats stats; /* of this document; gp_html_stats_add sums */
	bool is_text_cut, is_links_cut;
};

/* Renders `content` (UTF-8; stray bytes become U+FFFD).  Everything in *ret
 * lives in the arena; options may be NULL. */
void gp_html_render(struct gp_arena *arena, const struct gp_html_options *options,
		    struct gp_str content, struct gp_html *ret);

/* Adds b's counts and facts to a, without overflow. */
void gp_html_stats_add(struct gp_html_stats *a, const struct gp_html_stats *b);

#endif
