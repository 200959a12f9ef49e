/*
 * The HTML elements we know, and what each means for words and markup.
 *
 * The rows are in html_elements.h.  A name that is no element is
 * GP_TAG_UNKNOWN, one of the "o:p" kind that Word writes GP_TAG_NAMESPACED.
 */
#ifndef GP_MAIL_HTML_TAG_H
#define GP_MAIL_HTML_TAG_H

#include <stdint.h>

#include "lib/base/str.h"
#include "lib/mail/html_elements.h"

/* GP_TAG_A, GP_TAG_ABBR, … */
enum gp_html_tag {
	GP_TAG_UNKNOWN,
	GP_TAG_NAMESPACED,
#define GP_HTML_X(id, name, space, raw, flags) GP_TAG_##id,
	GP_HTML_ELEMENTS(GP_HTML_X)
#undef GP_HTML_X
		GP_TAG_COUNT,
};

/* What an element (its start and its end alike) puts between words. */
enum gp_html_space {
	GP_HTML_INLINE,	   /* nothing */
	GP_HTML_SPACE,	   /* a space */
	GP_HTML_NEWLINE,   /* a line break; two in a row end a paragraph */
	GP_HTML_PARAGRAPH, /* the end of the paragraph */
};

enum gp_html_tag_flags {
	GP_HTML_VOID = 1 << 0,	      /* has no content, takes no end tag */
	GP_HTML_RAW_DECODED = 1 << 1, /* raw, but entities count */
	GP_HTML_RAW_TO_END = 1 << 2,  /* raw; unclosed it runs to the end, else it is empty then */
	GP_HTML_NEVER_TEXT = 1 << 3,  /* content is not for reading: script, style */
	GP_HTML_UNSEEN = 1 << 4,      /* content is not shown: iframe, template */
};

struct gp_html_tag_info {
	const char *name;
	enum gp_html_space space;
	uint8_t raw;   /* 1 …: holds no markup; the number is its bit in the tokenizer */
	uint8_t flags; /* enum gp_html_tag_flags */
};

/* Any case.  Never fails: GP_TAG_UNKNOWN. */
enum gp_html_tag gp_html_tag_find(struct gp_str name);
/* Never NULL; the two nameless tags have an empty inline row. */
const struct gp_html_tag_info *gp_html_tag_info(enum gp_html_tag tag);

#endif
