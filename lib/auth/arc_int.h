/*
 * The ARC sets of a message, as validating, believing and sealing see them.
 */
#ifndef GP_AUTH_ARC_INT_H
#define GP_AUTH_ARC_INT_H

#include "lib/auth/arc.h"
#include "lib/base/limits.h"

#define GP_ARC_RESULTS GP_STR("ARC-Authentication-Results")
#define GP_ARC_SIGNATURE GP_STR("ARC-Message-Signature")
#define GP_ARC_SEAL GP_STR("ARC-Seal")

/* The three fields of one instance; NULL where one is missing. */
struct gp_arc_fields {
	const struct gp_field *results, *signature, *seal;
	struct gp_str authres; /* of `results`, behind "i=N;" */
	struct gp_str cv;      /* of the seal */
};

struct gp_arc_chain {
	struct gp_arc_fields *sets; /* [0] is i=1 */
	size_t n_sets;		    /* the highest instance seen */
	bool has_fields;	    /* any field of ARC, even if no instance can be read */
	bool is_too_long;	    /* more than GP_MAX_ARC_SETS fields of a kind: none was read */
	struct gp_str breach;	    /* of the structure (RFC 8617, 5.2); empty: it is sound */
};

void gp_arc_read(struct gp_arena *arena, const struct gp_fields *fields, struct gp_arc_chain *ret);
/* Has the chain been sealed as failed (cv=fail in the newest seal)? */
bool gp_arc_is_closed(const struct gp_arc_chain *chain);

/* What seals cover (5.1.1): the fields of all sets in relaxed form, and where each set's own
 * seal begins; a seal's digest is over what stands before that, and itself. */
struct gp_arc_text {
	struct gp_buf text;
	size_t own[GP_MAX_ARC_SETS + 1];
	size_t n;
};
void gp_arc_text_init(struct gp_arc_text *t);
void gp_arc_text_done(struct gp_arc_text *t);
/* Set number t->n, complete. */
void gp_arc_text_add(struct gp_arc_text *t, const struct gp_arc_fields *set);
/* The digest of the seal of set `i` (from 0), whose field with an empty b= is `self`. */
void gp_arc_text_digest(const struct gp_arc_text *t, size_t i, const struct gp_signature *self,
			unsigned char ret[GP_SHA256_SIZE]);

/* Fills is_override and override_set: see gp_arc_verify_finish. */
void gp_arc_find_override(struct gp_arena *arena, const struct gp_fields *fields,
			  const struct gp_str *trusted, size_t n_trusted, struct gp_arc_result *ret);

#endif
