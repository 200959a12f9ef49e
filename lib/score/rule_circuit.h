/*
 * Short circuits (Mail::SpamAssassin::Plugin::Shortcircuit): a rule that, when it hits, ends the
 * checks: what would have run later does not count.
 *
 * Here everything runs, since that costs less than finding out; what SpamAssassin would not have run
 * is taken back at the end.
 */
#ifndef GP_SCORE_RULE_CIRCUIT_H
#define GP_SCORE_RULE_CIRCUIT_H

#include "lib/score/rule_int.h"

enum gp_rule_circuit {
	GP_CIRCUIT_OFF,
	GP_CIRCUIT_ON,
	GP_CIRCUIT_HAM,
	GP_CIRCUIT_SPAM,
};

/* "shortcircuit NAME on|off|ham|spam", once loadplugin has asked for it: true when it is that. */
bool gp_rule_circuit_directive(struct gp_rule_builder *b, struct gp_str name, struct gp_str value);

/* Before the rules are put in their places, and after metas have been ordered. */
void gp_rule_circuit_begin(struct gp_rule_builder *b);
void gp_rule_circuit_prepare(struct gp_rule_builder *b);

/* Of a message: */
struct gp_rule_cut {
	const struct gp_rule *rule; /* that ended the checks; NULL: none did */
	const char *type;	    /* "ham", "spam" */
	double score;		    /* of SHORTCIRCUIT */
};

/* Takes back what came later than the first such rule, and hits SHORTCIRCUIT.  score_set: which of
 * the four. */
void gp_rule_circuit_cut(const struct gp_rule_set *set, double *hits, unsigned score_set,
			 struct gp_rule_cut *ret);

#endif
