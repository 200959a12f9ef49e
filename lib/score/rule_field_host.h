/*
 * The header modifiers :host, :domain, :ip and :revip: of each line of a value the host, or the
 * address, that it names.
 */
#ifndef GP_SCORE_RULE_FIELD_HOST_H
#define GP_SCORE_RULE_FIELD_HOST_H

#include "lib/base/buf.h"
#include "lib/score/rule_field.h"

/* Appends what the field's modifiers want of `value`, one a line, without a last line end.
 * False when no line has any. */
bool gp_field_hosts(const struct gp_rule_field *f, const struct gp_rule_set *set,
		    struct gp_str value, struct gp_buf *out);

#endif
