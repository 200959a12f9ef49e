/*
 * Which character sets belong to which languages, for ok_locales.
 */
#ifndef GP_SCORE_RULE_LOCALE_H
#define GP_SCORE_RULE_LOCALE_H

#include "lib/score/rule_int.h"

/* No ok_locales, or "all" in it: every character set is welcome. */
bool gp_rule_locale_takes_all(const struct gp_rule_set *set);
/* Western, Unicode's and Windows' character sets are anybody's; others must belong to one of
 * ok_locales ("ja ko").  Spelling of the name hardly matters. */
bool gp_rule_locale_has(const struct gp_rule_set *set, struct gp_str charset);

#endif
