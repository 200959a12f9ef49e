/*
 * What the directory says of an account, as limits want it.
 */
#ifndef POLICYD_LIMIT_DIRECTORY_H
#define POLICYD_LIMIT_DIRECTORY_H

#include "lib/ldap/ldap.h"

/* The values of a finished look-up, in the arena; none where there is no entry or no answer: then
 * what is configured counts.  NULL is fine. */
const struct gp_str *limit_directory_values(struct gp_ldap_lookup *lookup, struct gp_arena *arena,
					    size_t *ret_n);

#endif
