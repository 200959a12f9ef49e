/*
 * Conditions of `if` and `ifplugin`: which SpamAssassin the rules believe
 * they run under.
 */
#ifndef GP_SCORE_RULE_COND_H
#define GP_SCORE_RULE_COND_H

#include <stdbool.h>

#include "lib/base/err.h"
#include "lib/base/str.h"

struct gp_rule_builder;
struct gp_rule_eval;

/* The version whose rule language this is, in the form that `version` compares with. */
#define GP_RULE_LANGUAGE_VERSION 4.000001

/* Evaluates "(version >= 4.000000) && !plugin(Mail::…)".  GP_EINVAL with the reason. */
int gp_rule_cond_eval(const struct gp_rule_builder *b, struct gp_str expression, bool *ret,
		      struct gp_diag *diag) GP_MUST_USE;

/* The i-th capability that can() and has() confirm ("Plugin::SPF::has_…"), and the eval function that
 * it promises, or NULL; false beyond the last. */
bool gp_rule_cond_feature(size_t i, const char **ret_name, const char **ret_function);

/* Whether rules may take the plugin as loaded: that its directives are understood, not that each
 * of its eval functions exists.  Debian's default ones are; others that we have, once loadplugin names
 * them. */
bool gp_rule_plugin_is_loaded(const struct gp_rule_builder *b, struct gp_str name);
/* loadplugin, tryplugin. */
void gp_rule_plugin_load(struct gp_rule_builder *b, struct gp_str value);
/* Whether a file loads the plugin; if not, rules with an eval function of the table are inert. */
bool gp_rule_plugin_wants(struct gp_rule_builder *b, const char *plugin,
			  const struct gp_rule_eval *table);
/* enable_compat NAME: can(Mail::SpamAssassin::Conf::compat_NAME) holds from here on. */
void gp_rule_compat_enable(struct gp_rule_builder *b, struct gp_str value);

/* Why an eval function of SpamAssassin's is not here; NULL: it has none of that name. */
const char *gp_rule_function_reason(struct gp_str name);

/* Why a directive of the language has no effect here; "" when there is nothing to say (it has no
 * effect on hits in SpamAssassin either); NULL: no directive of the language. */
const char *gp_rule_directive_reason(struct gp_str name);
/* The known directive nearest to a misspelt one, or NULL. */
const char *gp_rule_directive_near(struct gp_str name);

#endif
