/*
 * The key directory: keys that the suite itself makes, rotates and removes.
 *
 *	DIR/example.org/s2026.key	the private key, PEM, mode 0600
 *	DIR/example.org/s2026.txt	the TXT record to publish, as a line of a zone file
 *	DIR/example.org/selectors	which key is what: "s2026 active 1795262400"
 *
 * A key is prepared (made, not used: its record has yet to appear in the DNS), active
 * (signs), or retired (does not sign any more; its record stays until the mail that it
 * signed is delivered).  A domain without a `selectors` file signs with every key that is
 * there, so that a directory can be filled by hand; one that has the file uses what it says.
 *
 * Every change holds a lock on the domain's directory, and replaces `selectors` atomically:
 * whoever reads sees the state before or after.  Done by root, it is done as the owner of
 * DIR (the whole process, while it lasts), so that the filter may read what the administrator's
 * command made.
 *
 * Used by milter-dkim, which reads, and by `gatepost dkim`.  Domains are given in any case, with
 * U-labels or A-labels; directories have the names in lower case and A-labels.
 */
#ifndef GP_DKIM_KEYDIR_H
#define GP_DKIM_KEYDIR_H

#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"

/* Of one domain: two types, each prepared, active and a few retired ones. */
#define DKIM_KEYDIR_KEYS_MAX 64

enum dkim_key_state { DKIM_KEY_PREPARED, DKIM_KEY_ACTIVE, DKIM_KEY_RETIRED };

/* "prepared", "active", "retired". */
const char *dkim_key_state_name(enum dkim_key_state state);

struct dkim_keydir_key {
	struct gp_str selector;
	enum dkim_key_state state;
	int64_t since_s;  /* of the state; without a `selectors` file when the key was written */
	const char *path; /* of the private key */
	const char *txt_path;
};

struct dkim_keydir {
	struct gp_str domain; /* folded */
	const char *path;     /* of the state file */
	bool has_state;	      /* it is there */
	GP_VEC(struct dkim_keydir_key) keys; /* as they stand in it; without it by name */
};

/* Everything in the arena.  GP_ENOENT: the directory is not there.  Names that are no domains
 * are passed over (lost+found). */
int dkim_keydir_domains(const char *dir, struct gp_arena *arena, struct gp_str **ret,
			size_t *ret_n, struct gp_diag *diag) GP_MUST_USE;
/* The keys of a domain, in the arena.  GP_ENOENT: there is no such domain; GP_EINVAL: the name is
 * none, or the state file is broken (the diag has file and line). */
int dkim_keydir_list(const char *dir, struct gp_str domain, struct gp_arena *arena,
		     struct dkim_keydir *ret, struct gp_diag *diag) GP_MUST_USE;

/* Writes the key (PEM) and its record (a line for a zone file, see txtrecord.h) and notes it as
 * prepared.  Makes the directories that are missing (0750).  Never overwrites: GP_EINVAL if the
 * selector has a file or a line. */
int dkim_keydir_add(const char *dir, struct gp_str domain, struct gp_str selector,
		    struct gp_str pem, struct gp_str record, int64_t now_s, struct gp_diag *diag)
	GP_MUST_USE;
/* In one step: what is prepared becomes active, what was active becomes retired.  GP_ENOENT if
 * nothing is prepared. */
int dkim_keydir_switch(const char *dir, struct gp_str domain, int64_t now_s, struct gp_diag *diag)
	GP_MUST_USE;
/* Sets one key's state.  GP_ENOENT: no such selector. */
int dkim_keydir_set(const char *dir, struct gp_str domain, struct gp_str selector,
		    enum dkim_key_state state, int64_t now_s, struct gp_diag *diag) GP_MUST_USE;
/* Forgets a key and removes its files.  GP_EINVAL if it is active. */
int dkim_keydir_remove(const char *dir, struct gp_str domain, struct gp_str selector,
		       struct gp_diag *diag) GP_MUST_USE;

/* Labels of letters, digits, "-" and "_", at most 63 bytes each: what may stand in s= and be a
 * file's name. */
bool dkim_selector_is_valid(struct gp_str selector);

#endif
