/*
 * Letters' size and colour along a document, as SpamAssassin reckons them.
 */
#ifndef GP_SCORE_RULE_HTML_STYLE_H
#define GP_SCORE_RULE_HTML_STYLE_H

#include "lib/mail/html_token.h"
#include "lib/score/rule_html.h"

/* 0xRRGGBB, or one of these. */
enum { GP_HTML_COLOUR_INVALID = -1, GP_HTML_COLOUR_TRANSPARENT = -2 };

struct gp_rule_html_style {
	enum gp_html_tag tag;
	int size;
	int text, background;
};

struct gp_rule_html_styles {
	struct gp_arena *arena;
	struct gp_rule_html *html;
	GP_VEC(struct gp_rule_html_style) stack; /* [0] is the document's */
	unsigned open[GP_TAG_COUNT]; /* of each tag in the stack */
	int base_size;
};

void gp_rule_html_styles_init(struct gp_rule_html_styles *s, struct gp_arena *a,
			      struct gp_rule_html *html);
/* Tags that bear no style are passed over. */
void gp_rule_html_styles_open(struct gp_rule_html_styles *s, const struct gp_html_token *token);
void gp_rule_html_styles_close(struct gp_rule_html_styles *s, enum gp_html_tag tag);
/* Text that is not blank stands here: notes in html what is wrong with its colours. */
void gp_rule_html_styles_text(const struct gp_rule_html_styles *s);

/* Whether text that stands here is too small or not to be told from what is behind it. */
bool gp_rule_html_styles_is_invisible(const struct gp_rule_html_styles *s);

/* "red", "#f00", "rgb(1, 2, 3)". */
int gp_rule_html_colour(struct gp_str s);

#endif
