/*
 * A verdict as /checkv2 gives it: the fields that rspamc and Rspamd's other clients read.
 */
#ifndef GP_CONTROLLER_SCAN_JSON_H
#define GP_CONTROLLER_SCAN_JSON_H

#include <jansson.h>

#include "controller/scan_wire.h"
#include "milter-spam/whole.h"

/* The action's name in this protocol: "no action" for accept; never NULL. */
const char *scan_action_name(enum gp_action action);
/* {"reject": 15, …}; what is never done is left out. */
json_t *scan_thresholds_json(const struct gp_thresholds *t);
/* What /symbols gives: rules with a score by the file that they are from.  set: of the scores. */
json_t *scan_rules_json(const struct gp_rule_set *rules, unsigned set);
/* What /actions gives. */
json_t *scan_actions_json(const struct gp_thresholds *t);
/* time_s: what judging took. */
json_t *scan_json(const struct spam_verdict *v, const struct scan_order *order, double time_s);

#endif
