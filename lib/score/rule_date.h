/*
 * Dates as SpamAssassin reads them, for the eval functions that compare them: what it takes
 * for midnight or cannot read is that here, too.  Everything else takes gp_date_parse.
 */
#ifndef GP_SCORE_RULE_DATE_H
#define GP_SCORE_RULE_DATE_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/base/str.h"

/* Seconds since the epoch, in 1970 to 2037: years outside are moved to the nearest of these.
 * GP_EINVAL, *ret_s untouched: there is no date in the text. */
int gp_rule_date_parse(struct gp_str text, int64_t *ret_s) GP_MUST_USE;

#endif
