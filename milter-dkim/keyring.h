/*
 * The keys that mail is signed with, found by the author's address.
 *
 * From a key table (a map file) and from a key directory; loaded with the
 * configuration, anew at each reload, read-only between: any thread may look up.
 *
 * Key table, a line says who, then the keys as SELECTOR=FILE, all of which sign:
 *	example.org       s2026=/etc/gatepost/dkim/example.org.key s2026e=example.org.ed25519
 *	.example.org      d=example.org s2026=…	(subdomains sign as their parent)
 *	*.example.net     s1=/etc/gatepost/dkim/%d/s1.key
 *	joe@example.org   joe=… d=provider.example p1=…	(two signatures, two domains)
 *	test.example.org  none			(not signed, whatever stands below)
 *	*                 s2026=…
 * d= is the signing domain of the keys behind it; without it (or as "d=%d") it is the author's.
 * %d in a file's name stands for the author's domain: the files of such names are looked for at
 * load, like every other.  A name without a leading slash is a credential (systemd's
 * LoadCredential=) in $CREDENTIALS_DIRECTORY.
 *
 * The closest line counts: the address, the domain, the nearest ".parent", then patterns with
 * * and ? in the order of the file (against the address where they have an @, else against the
 * domain).  Where no line fits, or its %d has no file, the key directory is asked (keydir.h):
 * DIR/DOMAIN/SELECTOR.key, those of them that are active.
 */
#ifndef GP_DKIM_KEYRING_H
#define GP_DKIM_KEYRING_H

#include "lib/auth/crypto.h"
#include "lib/base/arena.h"
#include "lib/conf/mapfile.h"
#include "lib/conf/report.h"

/* Keys of one line: each makes a signature, which costs the sender CPU and every receiver a
 * question. */
#define DKIM_SIGNERS_MAX 8

struct dkim_keyring;

struct dkim_signer {
	struct gp_str domain;	/* d= */
	struct gp_str selector; /* s= */
	const struct gp_key *key;
	const char *path; /* of the key file */
};

struct dkim_key_source {
	const struct gp_mapfile *table; /* NULL: none */
	const char *dir;		/* "": none; one that is not there is empty */
	unsigned rsa_bits_min;		/* shorter keys are an error */
};

/* Each key file is read once, whatever the number of lines naming it.  Every error goes to the
 * report with the table's file and line; GP_EINVAL then.  The keyring is freed (keys wiped) with
 * the arena. */
int dkim_keyring_load(const struct dkim_key_source *from, struct gp_arena *arena,
		      struct dkim_keyring **ret, struct gp_conf_report *report) GP_MUST_USE;
/* The signers for an author, in the arena given; 0 if there are none.  local may be empty: only
 * lines for domains count then.  domain: lower case, A-labels.  A line that says "none" gives 0
 * and sets *ret_none. */
size_t dkim_keyring_find(const struct dkim_keyring *k, struct gp_str local, struct gp_str domain,
			 struct gp_arena *arena, const struct dkim_signer **ret, bool *ret_none);
/* The same by the lines of the table alone. */
size_t dkim_keyring_find_line(const struct dkim_keyring *k, struct gp_str local,
			      struct gp_str domain, struct gp_arena *arena,
			      const struct dkim_signer **ret, bool *ret_none);
/* By the words of a directory, out of what was loaded: "d=DOMAIN" names whose keys sign, all of
 * them or those of the "s=SELECTOR" behind it (which without a d= are the author's domain's);
 * "none", also as d=none, gives 0 of them.  GP_EINVAL with the diag: another word, or a key that
 * is not there. */
int dkim_keyring_pick(const struct dkim_keyring *k, struct gp_str words, struct gp_str author,
		      struct gp_arena *arena, const struct dkim_signer **ret, size_t *ret_n,
		      struct gp_diag *diag) GP_MUST_USE;
/* As dkim_keyring_find, of the nearest parent that has keys; a top-level domain signs nothing. */
size_t dkim_keyring_find_parent(const struct dkim_keyring *k, struct gp_str domain,
				struct gp_arena *arena, const struct dkim_signer **ret,
				bool *ret_none);
/* i= of what is signed for an author of that domain: "@domain" if it is below the signer's, else
 * empty. */
struct gp_str dkim_signer_identity(const struct dkim_signer *signer, struct gp_str author,
				   struct gp_arena *arena);
/* Calls fn for every key and the domain it signs for, for checks and lists; the domain is a
 * pattern where the table has one. */
void dkim_keyring_each(const struct dkim_keyring *k,
		       void (*fn)(const struct dkim_signer *signer, void *arg), void *arg);

#endif
