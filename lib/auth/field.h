/*
 * The header of a message as signatures see it: every field, in order, byte by
 * byte, with no decoding and no cap but the whole's (GP_MAX_AUTH_HEADER).
 */
#ifndef GP_AUTH_FIELD_H
#define GP_AUTH_FIELD_H

#include "lib/base/arena.h"
#include "lib/base/map.h"
#include "lib/base/str.h"
#include "lib/base/vec.h"

struct gp_field {
	struct gp_str name;  /* as written, without the colon */
	struct gp_str value; /* all that follows the colon, leading space and folds included; line
			      * ends LF (a CR before them is not kept), no final one */
	size_t above;	     /* 1 + index of the next one of that name above it, or 0 */
};

/* Top of the message first. */
struct gp_fields {
	GP_VEC(struct gp_field) list;
	struct gp_map by_name; /* 1 + index of the lowest of that name, as a pointer */
	size_t size;
	bool is_cut; /* beyond GP_MAX_AUTH_HEADER or GP_MAX_AUTH_FIELDS nothing more was kept but
		      * From (GP_MAX_AUTH_FROM): no signature can be judged */
	size_t n_behind, size_behind; /* From fields behind the cut */
};

/* Copies both into the arena, always the same one.  A name of more than GP_MAX_FIELD_NAME
 * bytes is kept, but is never found by name. */
void gp_fields_add(struct gp_arena *arena, struct gp_fields *f, struct gp_str name,
		   struct gp_str value);
/* Splits a whole message (CRLF or LF, an mbox "From " line is skipped); ret_body is what
 * follows the empty line. */
void gp_fields_parse(struct gp_arena *arena, struct gp_str message, struct gp_fields *ret,
		     struct gp_str *ret_body);

/* How many fields have that name (case ignored). */
size_t gp_fields_count(const struct gp_fields *f, struct gp_str name);
/* 1 + index of the lowest field of that name; 0 if there is none.  From there `above` leads
 * to the others. */
size_t gp_fields_lowest(const struct gp_fields *f, struct gp_str name);
/* The n-th of that name from the top, from 0; NULL if there is none. */
const struct gp_field *gp_fields_get(const struct gp_fields *f, struct gp_str name, size_t n);

#endif
