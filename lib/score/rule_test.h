/*
 * `test NAME ok|fail TEXT`: what a rule must hit, or must not, written beside it in the rule files.
 *
 * Such a text becomes a message of which the rule reads it: the header of a header rule, else the
 * body.  The message is then scanned like any other (cli/cmd_rules_test.c).
 */
#ifndef GP_SCORE_RULE_TEST_H
#define GP_SCORE_RULE_TEST_H

#include "lib/mail/message.h"
#include "lib/score/rule_int.h"

/* The directive's value. */
void gp_rule_test_directive(struct gp_rule_builder *b, struct gp_str value);

/* The message of a test, in the arena; NULL when nothing defines the rule, or it cannot run. */
struct gp_message *gp_rule_test_message(const struct gp_rule_set *set, const struct gp_rule_test *t,
					struct gp_arena *arena);

#endif
