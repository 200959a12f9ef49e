/*
 * What the files about marking messages share.
 */
#ifndef GP_SCORE_RULE_MARKUP_INT_H
#define GP_SCORE_RULE_MARKUP_INT_H

#include "lib/score/rule_int.h"
#include "lib/score/rule_markup.h"

struct gp_markup_template {
	const char *name; /* without "X-Spam-" */
	struct gp_str text;
};

/* Of a set. */
struct gp_rule_markup {
	GP_VEC(struct gp_markup_template) headers[2]; /* of ham, of spam */
	bool has_headers;	/* the files say which; else SpamAssassin's own */
	struct gp_str rewrite[GP_REWRITES]; /* ptr NULL: not rewritten */
	GP_VEC(struct gp_str) report; /* lines of the template */
	struct gp_str contact, hostname;
	bool has_required, is_unfolded;
	double required;
	unsigned wrap; /* columns of descriptions in reports; 0: 75 */
	struct gp_map prefixes; /* subjprefix: rule's name → struct gp_str */
};

/* Breaks text at white space (`at_commas`: and behind commas) into lines of `width`, where a tab
 * counts eight; lines but the first begin with `prefix`. */
void gp_markup_wrap(struct gp_str text, const char *prefix, size_t first_width, size_t width,
		    bool at_commas, struct gp_buf *out);
/* A line of a report's details of a rule, in brackets, broken at white space into pieces of 30 to 48 bytes;
 * is_first: the rule's first one. */
void gp_markup_brackets(struct gp_str text, bool is_summary, bool is_first, struct gp_buf *out);
/* RFC 2047, line by line, where there is anything but printable ASCII. */
void gp_markup_encode(struct gp_str text, struct gp_buf *out);

#endif
