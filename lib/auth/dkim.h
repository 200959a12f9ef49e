/*
 * DKIM: signatures verified and made (RFC 6376, 8301, 8463, 8616).
 *
 * Verifying, in the order in which a message comes:
 *	v = gp_dkim_verify_begin(asker, keys, &options, fields, …, hasher, now_s);  asks for keys
 *	gp_body_hasher_add(hasher, chunk) …; gp_body_hasher_finish(hasher);
 *	gp_dkim_verify_finish(v, &result);
 * Signing:
 *	gp_sign_begin(&s, arena, &options, hasher);
 *	… the body …
 *	r = gp_sign_finish(&s, fields, hasher, &as, now_s, &value, &diag);  once a key
 */
#ifndef GP_AUTH_DKIM_H
#define GP_AUTH_DKIM_H

#include "lib/auth/canon.h"
#include "lib/auth/crypto.h"
#include "lib/auth/fold.h"
#include "lib/auth/lookup.h"
#include "lib/auth/tags.h"

/* Public keys, parsed once: from the text of a key record to the key.  Bounded; how
 * long a record is good for is the resolver's cache to say.  Any thread. */
struct gp_dkim_keys;
struct gp_dkim_keys *gp_dkim_keys_new(size_t entries_max);
void gp_dkim_keys_free(struct gp_dkim_keys **keys);

/* A key record (RFC 6376, 3.6.1) read; also for `gatepost dkim check`. */
struct gp_dkim_record {
	struct gp_key *key; /* a reference; NULL if revoked (empty p=) */
	enum gp_key_type type;
	bool is_testing;    /* t=y */
	bool is_strict;	    /* t=s: i= must have the domain of d= itself */
	bool is_revoked;
	bool allows_email;  /* s= */
	bool allows_sha256; /* h= */
	unsigned bits;
};
/* keys may be NULL.  GP_EINVAL with the reason. */
int gp_dkim_record_parse(struct gp_arena *arena, struct gp_dkim_keys *keys, struct gp_str text,
			 struct gp_dkim_record *ret, struct gp_diag *diag) GP_MUST_USE;
void gp_dkim_record_done(struct gp_dkim_record *r);

/* Verifying. */

struct gp_dkim_options {
	unsigned signatures_max; /* checked; if there are more, those of the author's domain first */
	unsigned rsa_bits_min;	 /* never below 1024 */
	int64_t unsigned_max;	 /* body bytes behind l= that are tolerated; beyond: "policy";
				  * negative: any number */
	int64_t clock_skew_s;	 /* t= may be that far in the future, x= that far past */
};
extern const struct gp_dkim_options gp_dkim_defaults; /* 10, 1024, 0, 300 */

struct gp_dkim_verify;

/* Reads the signatures, wants body hashes, asks for keys.  Everything given lives
 * until finish.  from_domain: of the first From address, A-labels, or empty. */
struct gp_dkim_verify *gp_dkim_verify_begin(struct gp_asker *asker, struct gp_dkim_keys *keys,
					    const struct gp_dkim_options *options,
					    const struct gp_fields *fields, struct gp_str from_domain,
					    struct gp_body_hasher *hasher, int64_t now_s);
/* After the hasher has finished: fills dkim, n_dkim and n_dkim_seen. */
void gp_dkim_verify_finish(struct gp_dkim_verify *v, struct gp_auth_result *ret);

/* Shared with ARC: one signature over header fields and a body. */

struct gp_signature {
	const struct gp_field *field; /* that carries it */
	struct gp_tags tags;
	struct gp_str domain, selector, algorithm;
	enum gp_key_type type;
	enum gp_canon header_canon, body_canon;
	struct gp_str headers; /* h= */
	struct gp_str b, bh;   /* decoded */
	int64_t length;	       /* l=, or GP_BODY_WHOLE */
	int64_t signed_s, expires_s;
	unsigned body;	       /* number at the hasher */
};
/* What DKIM-Signature and ARC-Message-Signature have in common: a, b, bh, c, d, h, l, q, s,
 * t, x.  Statuses other than PASS end it with the reason; *ret then holds what was read until
 * there, domain and selector above all.  (v=, i= and what h= must name are the caller's.)
 * `field` is one of those that gp_signature_digest is given. */
enum gp_auth_status gp_signature_parse(struct gp_arena *arena, const struct gp_field *field,
				       struct gp_signature *ret, struct gp_diag *reason);
/* The same of an ARC-Seal, which has neither a body nor a list of fields: a, b, d, s, t. */
enum gp_auth_status gp_signature_parse_seal(struct gp_arena *arena, const struct gp_field *field,
					    struct gp_signature *ret, struct gp_diag *reason);
/* Is that field named in h=? */
bool gp_signature_covers(const struct gp_signature *s, struct gp_str name);
/* The digest of the fields named in h=, bottom up (5.4.2), and of the carrying field with
 * b= emptied, without CRLF. */
void gp_signature_digest(const struct gp_signature *s, const struct gp_fields *fields,
			 unsigned char ret[GP_SHA256_SIZE]);
/* Appends the carrying field with b= emptied in canonical form, without CRLF. */
void gp_signature_add_self(const struct gp_signature *s, struct gp_buf *out);
/* Asks for SELECTOR._domainkey.DOMAIN. */
struct gp_ask *gp_signature_ask(struct gp_asker *asker, struct gp_str domain,
				struct gp_str selector);
/* From the answer to a usable key: PASS, else TEMPERROR, PERMERROR (none, revoked,
 * malformed, weak) or so with the reason.  ret_text: the record; *ret to be released by
 * gp_dkim_record_done also when it is not PASS. */
enum gp_auth_status gp_signature_key(struct gp_ask *ask, struct gp_arena *arena,
				     struct gp_dkim_keys *keys, enum gp_key_type type,
				     unsigned rsa_bits_min, struct gp_dkim_record *ret,
				     struct gp_str *ret_text, struct gp_diag *reason);

/* Signing. */

struct gp_sign_options {
	enum gp_canon header_canon, body_canon; /* relaxed/relaxed */
	const struct gp_str *headers;	/* names that are signed where present */
	size_t n_headers;
	const struct gp_str *oversign;	/* names listed once more than they occur */
	size_t n_oversign;
	int64_t ttl_s;			/* x= is t= plus this; 0: no x= */
	bool has_length;		/* l=: never by default */
};
extern const struct gp_sign_options gp_sign_defaults; /* RFC 6376, 5.4.1's list; oversigns From */

struct gp_sign {
	unsigned body; /* number at the hasher */
	const struct gp_sign_options *options;
	struct gp_arena *arena;
};
/* Before the body: wants its hash. */
void gp_sign_begin(struct gp_sign *s, struct gp_arena *arena, const struct gp_sign_options *options,
		   struct gp_body_hasher *hasher);

struct gp_sign_as {
	struct gp_str domain, selector;
	struct gp_str identity; /* i=, or empty */
	const struct gp_key *key;
};
/* One signature; call once a key.  *ret is the value of a DKIM-Signature field, folded with
 * "\n\t" below 78 columns, without leading space; it is signed as " VALUE".  GP_EINVAL: no
 * From field, or domain or selector is no name; GP_ELIMIT: the header was cut, or more than
 * GP_MAX_SIGNED_NAMES fields to sign; GP_ESYS: OpenSSL refused. */
int gp_sign_finish(struct gp_sign *s, const struct gp_fields *fields,
		   const struct gp_body_hasher *hasher, const struct gp_sign_as *as, int64_t now_s,
		   struct gp_str *ret, struct gp_diag *diag) GP_MUST_USE;
/* Writes "h=NAME:…;" as the options say for these fields.  GP_ELIMIT as gp_sign_finish. */
int gp_sign_names(struct gp_fold *w, const struct gp_sign_options *options,
		  const struct gp_fields *fields, struct gp_diag *diag) GP_MUST_USE;
/* The digest over the fields of h= and a field whose `value` has an empty b=. */
void gp_sign_digest(const struct gp_sign *s, const struct gp_fields *fields, struct gp_str name,
		    struct gp_str value, unsigned char ret[GP_SHA256_SIZE]);

#endif
