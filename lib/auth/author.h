/*
 * Whose domains From shows: what DMARC has to judge.
 *
 * Where a reader could take one of several addresses for the author's, all of them are
 * authors, so that no way of writing From lets a policy be passed by.
 */
#ifndef GP_AUTH_AUTHOR_H
#define GP_AUTH_AUTHOR_H

#include "lib/auth/field.h"
#include "lib/base/limits.h"

struct gp_authors {
	struct gp_str domains[GP_MAX_DMARC_AUTHORS]; /* distinct, A-labels, lower case */
	size_t n;
	size_t n_fields;       /* From fields; 1 in a message that is one */
	struct gp_str problem; /* why there may be authors that are not in the list, or empty */
};

/* Everything in *ret lives in the arena. */
void gp_authors_read(struct gp_arena *arena, const struct gp_fields *fields,
		     struct gp_authors *ret);

#endif
