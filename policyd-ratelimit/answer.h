/*
 * What is answered to Postfix: one action of access(5).
 *
 * Checks object in turn; the strictest objection is the answer.  The order of the
 * actions is that of strictness.
 */
#ifndef POLICYD_ANSWER_H
#define POLICYD_ANSWER_H

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/conf/schema.h"

enum answer_action {
	ANSWER_DUNNO,	/* nothing to object */
	ANSWER_WARN,	/* Postfix logs the text */
	ANSWER_PREPEND, /* the text is a header line */
	ANSWER_HOLD,	/* the whole message goes to the hold queue */
	ANSWER_DEFER_IF_PERMIT,
	ANSWER_DEFER,  /* 451 */
	ANSWER_REJECT, /* 550 */
	ANSWER_ACTIONS
};

/* Their names in the configuration and in the log: "dunno" … "reject". */
extern const struct gp_conf_enum answer_names[];

/* From here on nothing that a later check says can matter. */
static inline bool answer_is_final(enum answer_action action)
{
	return action >= ANSWER_DEFER_IF_PERMIT;
}

struct answer {
	enum answer_action action;
	/* For people.  May begin with an enhanced status code (RFC 3463), "4.7.28 Too fast", which
	 * then replaces the action's own (4.7.1, 5.7.1); one of another class is taken as text. */
	struct gp_str text;
	const char *by; /* what objected, for the log: "limit", "sender", "greylist"; NULL: nothing */
	struct gp_str rule; /* … which of them: the name of a limit */
};

/* Appends "action=…\n\n".  An answer is one line of SMTP: control characters of the text become
 * blanks, what is not ASCII "?", and of more than ANSWER_TEXT_MAX bytes the rest is "...". */
#define ANSWER_TEXT_MAX 400
void answer_format(const struct answer *a, struct gp_buf *out);


/* Is a text of the configuration right for this action?  GP_EINVAL if it begins with an enhanced
 * status code of another class than the action's, or is nothing but a code. */
int answer_check_text(enum answer_action action, struct gp_str text, struct gp_diag *diag) GP_MUST_USE;

#endif
