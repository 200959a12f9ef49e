/*
 * The seal that milter-dkim puts beside its Authentication-Results, and that
 * milter-spam asks for before it believes one: HMAC-SHA-256 over the queue id and
 * the field's value, with a key that only the suite reads.
 *
 * The value is taken without white space, because MTAs fold and unfold.
 */
#ifndef GP_AUTH_SEAL_H
#define GP_AUTH_SEAL_H

#include "lib/base/arena.h"
#include "lib/base/err.h"

#define GP_SEAL_HEADER "X-Gatepost-Seal"

struct gp_seal_key;

/* Reads the key file (32 bytes or more, any text).  GP_EACCES if others may read it;
 * the diag names file and remedy. */
int gp_seal_key_load(const char *path, struct gp_seal_key **ret, struct gp_diag *diag) GP_MUST_USE;
/* Makes the file with a new key, mode 0640, unless it is there (GP_OK then too). */
int gp_seal_key_create(const char *path, struct gp_diag *diag) GP_MUST_USE;
void gp_seal_key_free(struct gp_seal_key **key);

/* The value of the seal header, "v=1; HEX", in the arena. */
struct gp_str gp_seal_make(struct gp_arena *arena, const struct gp_seal_key *key,
			   struct gp_str queue_id, struct gp_str authres);
/* Is `seal` (a header's value) that of this queue id and this field?  Takes the same time
 * whatever is wrong; false for an empty queue id. */
bool gp_seal_is_valid(const struct gp_seal_key *key, struct gp_str queue_id, struct gp_str authres,
		      struct gp_str seal);

#endif
