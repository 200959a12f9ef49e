/*
 * Host names by the registry boundaries that rule files list (util_rb_tld, util_rb_2tld,
 * util_rb_3tld): which are names at all, and which part of one was registered.
 */
#ifndef GP_SCORE_RULE_HOST_H
#define GP_SCORE_RULE_HOST_H

#include "lib/score/rule_int.h"

/* At least two labels of letters, digits, - and _, below a top-level domain of the lists (any,
 * where there are no lists). */
bool gp_rule_host_is_valid(const struct gp_rule_set *set, struct gp_str host);
/* The registered domain: "example.co.uk" of "www.example.co.uk".  Borrows from host, which is a
 * valid one. */
struct gp_str gp_rule_host_trim(const struct gp_rule_set *set, struct gp_str host);

#endif
