/*
 * Whom a rule set believes: trusted_networks, internal_networks, msa_networks
 * and originating_ip_headers of its files, and what the program's own
 * configuration says.
 */
#ifndef GP_SCORE_RULE_RELAYS_H
#define GP_SCORE_RULE_RELAYS_H

#include "lib/score/rule_int.h"

/* Fills set->trust from lists and options; networks that are none are reported. */
void gp_rule_relays_prepare(struct gp_rule_builder *b);

#endif
