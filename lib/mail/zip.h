/*
 * ZIP files: the list of members, and what is in them.  Not read: split archives, ZIP64, encrypted
 * members, methods other than stored and deflated.
 */
#ifndef GP_MAIL_ZIP_H
#define GP_MAIL_ZIP_H

#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"

struct gp_zip_member {
	struct gp_str name; /* as it stands there */
	bool is_encrypted;
	unsigned method;
	size_t header; /* where its local header is */
	size_t packed; /* bytes */
};

struct gp_zip {
	struct gp_str data;
	GP_VEC(struct gp_zip_member) members; /* at most GP_MAX_ZIP_MEMBERS */
};

/* Reads the list at the end of the file; borrows data.  GP_EINVAL: it has none, or a damaged one. */
int gp_zip_open(struct gp_arena *a, struct gp_str data, struct gp_zip *ret) GP_MUST_USE;

/* Appends a member's content.  GP_EINVAL: it cannot be read; GP_ELIMIT: out is full. */
int gp_zip_content(const struct gp_zip *zip, const struct gp_zip_member *m,
		   struct gp_buf *out) GP_MUST_USE;

#endif
