/*
 * Tag lists, "v=1; a=rsa-sha256; …" (RFC 6376, 3.2): of DKIM and ARC fields, of
 * key records and of DMARC records.
 *
 * Names are case-sensitive, values keep their case and their inner white space; a
 * tag twice, a name that is none, or more than GP_MAX_TAGS is a broken list.
 */
#ifndef GP_AUTH_TAGS_H
#define GP_AUTH_TAGS_H

#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"

struct gp_tag {
	struct gp_str name;
	struct gp_str value; /* without white space at both ends; may be empty */
	size_t begin, end;   /* of the value in the text, untrimmed: what to blank for b= */
};

struct gp_tags {
	struct gp_tag *items;
	size_t len;
};

/* Everything borrows from `text`.  GP_EINVAL with the reason in diag, GP_ELIMIT. */
int gp_tags_parse(struct gp_arena *arena, struct gp_str text, struct gp_tags *ret,
		  struct gp_diag *diag) GP_MUST_USE;
/* NULL if it is not there. */
const struct gp_tag *gp_tags_get(const struct gp_tags *tags, const char *name);
/* The value, or `def` (a C string, may be NULL: the empty span). */
struct gp_str gp_tags_value(const struct gp_tags *tags, const char *name, const char *def);
/* The value without any white space (base64, h=), in the arena where it had some. */
struct gp_str gp_tags_packed(struct gp_arena *arena, const struct gp_tags *tags, const char *name);
/* A decimal number; GP_ENOENT if the tag is not there, GP_EINVAL if it is no number,
 * GP_ELIMIT beyond INT64_MAX. */
int gp_tags_number(const struct gp_tags *tags, const char *name, int64_t *ret) GP_MUST_USE;

#endif
