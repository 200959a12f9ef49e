/*
 * What SpamAssassin's HTML rules know of a document: tags counted and balanced, sizes
 * and colours of letters, texts of titles, links and comments.
 *
 * Counted as Mail::SpamAssassin::HTML counts, odd as that is here and there (an
 * element seen for the first time counts anew after none of it is open; `bgcolor` is
 * ignored), because rules were weighed on these numbers.  What a reader of the mail
 * sees is lib/mail/html.h's business.
 */
#ifndef GP_SCORE_RULE_HTML_H
#define GP_SCORE_RULE_HTML_H

#include "lib/base/map.h"
#include "lib/base/vec.h"
#include "lib/mail/html_tag.h"
#include "lib/mail/message.h"

struct gp_rule_html_texts {
	GP_VEC(struct gp_str) items;
};

struct gp_rule_html_tag {
	int open; /* starts less ends, never below 0 */
};

/* One text/html part. */
struct gp_rule_html {
	struct gp_rule_html *next;
	size_t length;	/* characters of the document */
	size_t rendered, non_space; /* characters of its text, hidden text too */
	unsigned tags, elements;	   /* start and end tags; those of HTML 4 */
	unsigned tags_seen, elements_seen; /* distinct ones */
	unsigned closed_extra;		   /* end tags of what was not open */
	unsigned obfuscations;		   /* tags within words */
	uint64_t splits;		   /* bit 8 * m + n: a tag between m and n letters of a word */
	double image_area;
	int max_size, min_size; /* of letters, as <font size> */
	bool has_bad_face, has_low_contrast, has_invalid_colour, has_embeds, has_mailto_form,
		has_iframe_source, has_long_link;
	struct gp_map inside; /* tag's name → struct gp_rule_html_tag; of all that occur */
	struct gp_rule_html_tag *known[GP_TAG_COUNT]; /* the same, by tag */
	struct gp_rule_html_texts comments, titles, scripts;
	struct gp_rule_html_texts charsets; /* of <meta http-equiv=content-type> */
	struct gp_rule_html_texts anchors, targets; /* each <a>'s text, and where it leads, or "" */
};

/* The documents of a finished message, in order; NULL if it has none.  In the arena. */
struct gp_rule_html *gp_rule_html_read(struct gp_arena *a, struct gp_message *m);

/* The tag of that name, or NULL if there was none. */
const struct gp_rule_html_tag *gp_rule_html_tag(const struct gp_rule_html *h, struct gp_str name);

#endif
