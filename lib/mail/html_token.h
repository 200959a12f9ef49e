/*
 * HTML cut into tokens: text, start tags with attributes, end tags, comments.
 *
 *	struct gp_html_tokenizer t = GP_HTML_TOKENIZER(content);
 *	while (gp_html_next(&t, &token))
 *		switch (token.kind) …
 *
 * All spans borrow from the content; entities are not decoded.  Nothing is
 * rejected: what cannot be markup is text.  Linear in the content, whatever is
 * left open, because a search that met the end once is not made again.
 */
#ifndef GP_MAIL_HTML_TOKEN_H
#define GP_MAIL_HTML_TOKEN_H

#include <stdbool.h>

#include "lib/base/str.h"
#include "lib/mail/html_tag.h"

/* Attributes kept of one tag; real ones have up to 20.  Further ones are skipped. */
#define GP_HTML_ATTRS_MAX 48

enum gp_html_token_kind {
	GP_HTML_TEXT,	 /* text: entities count */
	GP_HTML_RAW,	 /* content of an element that holds no markup (script, style, xmp, …) */
	GP_HTML_START,	 /* <name attribute …> */
	GP_HTML_END,	 /* </name> */
	GP_HTML_COMMENT, /* comments, declarations, processing instructions */
};

struct gp_html_attr {
	struct gp_str name; /* as written */
	struct gp_str value;
	bool has_value; /* it may be empty all the same */
};

struct gp_html_token {
	enum gp_html_token_kind kind;
	struct gp_str text;   /* text, raw content, or what is inside the comment */
	struct gp_str name;   /* tag name as written */
	enum gp_html_tag tag; /* of START and END; of RAW and raw TEXT the element around it */
	struct gp_html_attr attrs[GP_HTML_ATTRS_MAX];
	unsigned n_attrs;
	bool is_unclosed; /* the content or a quote ended too soon */
};

/* What was searched for and is not there any more. */
enum gp_html_missing {
	GP_HTML_NO_DQUOTE = 1 << 0,
	GP_HTML_NO_SQUOTE = 1 << 1,
	GP_HTML_NO_COMMENT_END = 1 << 2,
};

struct gp_html_tokenizer {
	struct gp_str in;
	size_t pos;
	unsigned missing;     /* enum gp_html_missing */
	unsigned missing_end; /* bit per raw element whose end tag is not ahead */
	enum gp_html_tag raw; /* raw element just opened, or GP_TAG_UNKNOWN */
	bool met_unclosed;    /* a <script> or <style> without end: what came since is markup to some
			       * clients, script or style to others */
};

#define GP_HTML_TOKENIZER(content) ((struct gp_html_tokenizer){.in = (content)})

/* The next token; false at the end. */
bool gp_html_next(struct gp_html_tokenizer *t, struct gp_html_token *ret);

/* The first attribute of that name (lower case), its value undecoded; false if absent. */
bool gp_html_attr(const struct gp_html_token *token, const char *name, struct gp_str *ret);

#endif
