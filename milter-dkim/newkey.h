/*
 * New keys: made, named, written down with the record to publish.
 */
#ifndef GP_DKIM_NEWKEY_H
#define GP_DKIM_NEWKEY_H

#include "lib/auth/crypto.h"
#include "lib/base/arena.h"
#include "milter-dkim/keydir.h"

#define GP_NEWKEY_BITS 2048 /* unless told otherwise */

/* Types that are wanted, as a set. */
enum { GP_NEWKEY_RSA = 1 << GP_KEY_RSA, GP_NEWKEY_ED25519 = 1 << GP_KEY_ED25519 };

/* "rsa", "ed25519", "both"; GP_EINVAL. */
int gp_newkey_types_parse(struct gp_str text, unsigned *ret) GP_MUST_USE;

/* A selector for a key of `type`, of a set of `types` made together (with more than one, "r" or
 * "e" is added).  stem NULL: "s", year and month ("s202611"), and a letter behind ("s202611b") if
 * `taken` has that; only then is `taken` looked at.  NULL: the stem makes no valid selector. */
const char *gp_newkey_selector(struct gp_arena *arena, const char *stem, enum gp_key_type type,
			       unsigned types, const struct dkim_keydir *taken, int64_t now_s);

struct gp_newkey {
	struct gp_str domain, selector;
	struct gp_key *key;
	struct gp_buf pem;  /* secret */
	struct gp_str zone; /* the record, as lines of a zone file */
};

/* bits: of RSA.  Release by gp_newkey_done also after an error. */
int gp_newkey_make(struct gp_arena *arena, struct gp_str domain, struct gp_str selector,
		   enum gp_key_type type, unsigned bits, struct gp_newkey *ret,
		   struct gp_diag *diag) GP_MUST_USE;
/* Wipes the secret. */
void gp_newkey_done(struct gp_newkey *k);

/* Adds it to the key directory, prepared (dkim_keydir_add). */
int gp_newkey_add(const struct gp_newkey *k, const char *dir, int64_t now_s,
		  struct gp_diag *diag) GP_MUST_USE;
/* Writes DIR/DOMAIN.SELECTOR.key (0600) and .txt (0644), which must not be there; *ret_path is
 * the key's, in the arena. */
int gp_newkey_write(const struct gp_newkey *k, const char *dir, struct gp_arena *arena,
		    const char **ret_path, struct gp_diag *diag) GP_MUST_USE;

#endif
