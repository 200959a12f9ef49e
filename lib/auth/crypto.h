/*
 * Keys and signatures: RSA (PKCS #1 v1.5 with SHA-256) and Ed25519, by OpenSSL.
 *
 * What is signed always is a SHA-256 digest: RSA as RFC 6376, 3.3.2 says, Ed25519
 * over the digest's 32 bytes as RFC 8463, 3 says.  SHA-1 is not offered (RFC 8301).
 *
 * A key is read-only once made and may be used by many threads at once.
 */
#ifndef GP_AUTH_CRYPTO_H
#define GP_AUTH_CRYPTO_H

#include "lib/base/buf.h"
#include "lib/base/digest.h"
#include "lib/base/err.h"
#include "lib/base/limits.h"

enum gp_key_type { GP_KEY_RSA, GP_KEY_ED25519 };

struct gp_key;

/* "rsa", "ed25519"; and back (GP_EINVAL). */
const char *gp_key_type_name(enum gp_key_type type);
int gp_key_type_parse(struct gp_str name, enum gp_key_type *ret) GP_MUST_USE;

/* A private key in a PEM file.  GP_ENOENT, GP_ESYS: cannot be read; GP_EACCES: others
 * than owner and group may read it or others than the owner may write it; GP_EINVAL:
 * empty, encrypted, not a private key, another algorithm, RSA under 1024 bits.  The diag
 * names file and remedy. */
int gp_key_load(const char *path, struct gp_key **ret, struct gp_diag *diag) GP_MUST_USE;
/* The same from PEM text. */
int gp_key_from_pem(struct gp_str pem, struct gp_key **ret, struct gp_diag *diag) GP_MUST_USE;
/* The public half as a key record has it in p= (decoded): SubjectPublicKeyInfo (or bare
 * RSAPublicKey) of RSA, 32 bytes of Ed25519.  GP_EINVAL if it is none, GP_ELIMIT if it is
 * dear to use: more than GP_MAX_RSA_BITS, an exponent of more than 64 bits. */
int gp_key_from_public(enum gp_key_type type, struct gp_str bytes, struct gp_key **ret) GP_MUST_USE;
/* bits: of RSA, 1024 … 8192. */
int gp_key_generate(enum gp_key_type type, unsigned bits, struct gp_key **ret,
		    struct gp_diag *diag) GP_MUST_USE;
/* References, atomic; unref clears *key, NULL is fine, the last one wipes it. */
struct gp_key *gp_key_ref(struct gp_key *key);
void gp_key_unref(struct gp_key **key);

enum gp_key_type gp_key_type(const struct gp_key *key);
/* 2048 …; 256 for Ed25519. */
unsigned gp_key_bits(const struct gp_key *key);
/* Appends what p= of the record is, decoded. */
void gp_key_public(const struct gp_key *key, struct gp_buf *out);
/* Same public half? */
bool gp_key_same_public(const struct gp_key *a, const struct gp_key *b);
/* Appends the PEM text of a private key (PKCS #8); the caller wipes it (gp_wipe_free). */
int gp_key_pem(const struct gp_key *key, struct gp_buf *out) GP_MUST_USE;

/* The most bytes a signature has: RSA of GP_MAX_RSA_BITS. */
#define GP_SIGNATURE_MAX (GP_MAX_RSA_BITS / 8)

/* Appends the signature.  GP_EINVAL: not a private key, GP_ESYS: OpenSSL refused. */
int gp_key_sign(const struct gp_key *key, const unsigned char digest[GP_SHA256_SIZE],
		struct gp_buf *out) GP_MUST_USE;
bool gp_key_verify(const struct gp_key *key, const unsigned char digest[GP_SHA256_SIZE],
		   struct gp_str signature);

#endif
