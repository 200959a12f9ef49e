/*
 * From what was found, or not found out, to what is done: settings in, a decision out.
 *
 * No session, no I/O: session.c carries it out.  A category whose action is VIRUS_ACT_OFF is not
 * looked for where the engine lets us choose, and passes where it does not.
 */
#ifndef GP_VIRUS_ACTION_H
#define GP_VIRUS_ACTION_H

#include "milter-virus/category.h"
#include "milter-virus/options.h"
#include "milter-virus/verdict.h"

struct virus_decision {
	enum virus_action action; /* what is done; VIRUS_ACT_OFF: nothing, it passes */
	const char *reason;	  /* of ours, static: "infected", "deadline", "oversize" … or "" */
	bool is_infected;	  /* something of a category that is not off was found */
};

/* What the settings say about this verdict; is_outbound: mail of our users and networks. */
struct virus_decision virus_decide(const struct virus_conf *conf, const struct virus_verdict *verdict,
				   bool is_outbound);

/* "accept", "mark" …: the word for what was done in log lines, history and answers; "pass" for
 * VIRUS_ACT_OFF. */
const char *virus_done_name(enum virus_action action);

#endif
