/*
 * What several eval functions read of a message: headers as SpamAssassin's rules
 * see them, and the sender's and recipients' addresses.
 */
#ifndef GP_SCORE_RULE_EVAL_TEXT_H
#define GP_SCORE_RULE_EVAL_TEXT_H

#include "lib/score/rule_eval.h"
#include "lib/score/rule_subject.h"

struct gp_eval_addrs {
	GP_VEC(struct gp_str) items; /* as written */
};

/* All headers of that name (which is kept: it lives as long as the scan), decoded and unfolded, each
 * with a line end; "" when there is none. */
struct gp_str gp_eval_header(struct gp_eval *e, const char *name);
/* The same undecoded, folds and the space behind the colon as they are. */
struct gp_str gp_eval_raw_header(struct gp_eval *e, const char *name);
/* Adds the addresses of all headers of that name ("EnvelopeFrom" too; what follows a colon is
 * left out). */
void gp_eval_add_addrs(struct gp_eval *e, struct gp_str name, struct gp_eval_addrs *out);
/* The first of them, or "". */
struct gp_str gp_eval_addr(struct gp_eval *e, const char *name);

/* Everyone that the message may be from (From, the envelope …), and for; Resent- headers decide
 * where there are some.  Each once. */
const struct gp_eval_addrs *gp_eval_from_addrs(struct gp_eval *e);
const struct gp_eval_addrs *gp_eval_to_addrs(struct gp_eval *e);

/* What patterns of a target are run over (paragraphs of the body, URIs …). */
const struct gp_rule_subject *gp_eval_subject(struct gp_eval *e, enum gp_rule_type target);

/* The part behind the last @, or all. */
struct gp_str gp_eval_domain(struct gp_str addr);
struct gp_str gp_eval_lower(struct gp_eval *e, struct gp_str s);

/* For whom a signature speaks, as SpamAssassin has it: the domain of i=, which is that of d= unless
 * written, and may lie below it. */
struct gp_str gp_eval_signer(const struct gp_dkim_result *r);

/* Does a pattern match?  A malformed one matches nothing.  It is kept for further messages. */
bool gp_eval_matches(struct gp_eval *e, const char *pattern, unsigned flags, struct gp_str text);
/* The same of a pattern made for this message: it is compiled here and now. */
bool gp_eval_matches_once(struct gp_eval *e, const char *pattern, unsigned flags,
			  struct gp_str text);

/* Does a part declare a charset of a language that ok_locales leaves out? */
bool gp_eval_has_faraway_part(struct gp_eval *e);

/* Are there no Received lines, or did a list remove them? */
bool gp_eval_lacks_received(struct gp_eval *e);

/* "undef" or a number; false when it is neither.  *ret is not changed for "undef". */
bool gp_eval_number(struct gp_str arg, double *ret);
/* Is value at least args[0] and below args[1], as far as they are given and not "undef"? */
bool gp_eval_in_range(double value, const struct gp_str *args, size_t n_args);

#endif
