/*
 * What rule files say about marking messages: add_header, rewrite_header, report, required_score
 * and their kin, and what comes of it for one message.
 *
 * Whether that is used is the program's choice (milter-spam: headers.from_rules).  The message
 * itself is never wrapped into a report (report_safe).
 */
#ifndef GP_SCORE_RULE_MARKUP_H
#define GP_SCORE_RULE_MARKUP_H

#include "lib/base/buf.h"
#include "lib/score/rule_scan.h"
#include "lib/score/rule_set.h"
#include "lib/score/symbol.h"

struct gp_rule_builder;

/* A directive of these; false when it is none. */
bool gp_markup_directive(struct gp_rule_builder *b, struct gp_str name, struct gp_str value);

/* required_score of the files; false where they have none. */
bool gp_markup_required(const struct gp_rule_set *set, double *ret);

/* Do the files say anything about headers? */
bool gp_markup_is_there(const struct gp_rule_set *set);

/* One message after its scan; everything is borrowed. */
struct gp_markup {
	const struct gp_rule_set *set;
	const struct gp_rule_scan *scan;    /* finished */
	const struct gp_symbols *symbols;
	double score, required;		    /* required may be HUGE_VAL: never */
	double bayes;			    /* negative: no say */
	const char *version;		    /* of the program, for _VERSION_ */
	bool is_spam;
};

/* The i-th header that the files add to such a message: its name ("X-Spam-Status") and its value,
 * folded with "\n\t" and encoded.  False beyond the last. */
bool gp_markup_header(const struct gp_markup *m, size_t i, struct gp_buf *ret_name,
		      struct gp_buf *ret_value);

enum gp_rewrite { GP_REWRITE_SUBJECT, GP_REWRITE_FROM, GP_REWRITE_TO, GP_REWRITES };
extern const char *const gp_rewrite_names[GP_REWRITES]; /* "Subject", … */

/* The new value of a header that rewrite_header changes (`old`: as it stands in the message; ptr
 * NULL: it is missing).  False if it stays as it is. */
bool gp_markup_rewrite(const struct gp_markup *m, enum gp_rewrite which, struct gp_str old,
		       struct gp_buf *ret);

/* A template with its tags replaced, as it is: neither folded nor encoded. */
void gp_markup_expand(const struct gp_markup *m, struct gp_str template, struct gp_buf *out);

#endif
