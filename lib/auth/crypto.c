/*
 * Keys and signatures by OpenSSL 3: the only file of lib/auth that knows it.
 *
 * What an operation needs is looked up once a key: a context that is ready to sign or to
 * verify is kept with it and copied for each use, which costs a tenth of making one (OpenSSL 3
 * finds algorithms by name, under locks).
 *
 * OpenSSL's error queue is cleared wherever something failed; nothing is ever asked of a
 * terminal.
 */
#include "lib/auth/crypto.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "lib/base/mem.h"

#define ED25519_SIZE 32
#define RSA_BITS_MIN 1024
#define RSA_EXPONENT_BITS_MAX 64

struct gp_key {
	atomic_uint refs;
	enum gp_key_type type;
	unsigned bits;
	bool is_private;
	EVP_PKEY *pkey;
	/* Prepared, only ever copied; RSA has EVP_PKEY_CTXs, Ed25519 EVP_MD_CTXs. */
	EVP_PKEY_CTX *rsa_sign, *rsa_verify;
	EVP_MD_CTX *ed_sign, *ed_verify;
};

static const struct {
	const char *name, *openssl;
} types[] = {
	[GP_KEY_RSA] = {"rsa", "RSA"},
	[GP_KEY_ED25519] = {"ed25519", "ED25519"},
};

const char *gp_key_type_name(enum gp_key_type type)
{
	return types[type].name;
}

int gp_key_type_parse(struct gp_str name, enum gp_key_type *ret)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(types); i++)
		if (gp_str_ieq(name, gp_str(types[i].name))) {
			*ret = (enum gp_key_type)i;
			return GP_OK;
		}
	return GP_EINVAL;
}

/* For the cleanup attribute. */

static void pkey_freep(EVP_PKEY **p)
{
	EVP_PKEY_free(*p);
}

static void pkey_ctx_freep(EVP_PKEY_CTX **p)
{
	EVP_PKEY_CTX_free(*p);
}

static void md_ctx_freep(EVP_MD_CTX **p)
{
	EVP_MD_CTX_free(*p);
}

static void bio_freep(BIO **p)
{
	BIO_free(*p);
}

/* Making keys. */

struct gp_key *gp_key_ref(struct gp_key *key)
{
	atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
	return key;
}

void gp_key_unref(struct gp_key **key)
{
	struct gp_key *k = *key;

	*key = NULL;
	if (!k || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
		return;
	EVP_PKEY_CTX_free(k->rsa_sign);
	EVP_PKEY_CTX_free(k->rsa_verify);
	EVP_MD_CTX_free(k->ed_sign);
	EVP_MD_CTX_free(k->ed_verify);
	EVP_PKEY_free(k->pkey);
	free(k);
}

/* Its own fetch, so that preparing a key does not depend on what digest.c keeps. */
static EVP_PKEY_CTX *prepare_rsa(EVP_PKEY *pkey, int (*init)(EVP_PKEY_CTX *ctx))
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

	if (ctx && init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) > 0)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

static bool prepare(struct gp_key *k)
{
	if (k->type == GP_KEY_RSA) {
		k->rsa_verify = prepare_rsa(k->pkey, EVP_PKEY_verify_init);
		if (k->is_private)
			k->rsa_sign = prepare_rsa(k->pkey, EVP_PKEY_sign_init);
		return k->rsa_verify && (k->rsa_sign || !k->is_private);
	}
	k->ed_verify = EVP_MD_CTX_new();
	if (!k->ed_verify || EVP_DigestVerifyInit(k->ed_verify, NULL, NULL, NULL, k->pkey) <= 0)
		return false;
	if (!k->is_private)
		return true;
	k->ed_sign = EVP_MD_CTX_new();
	return k->ed_sign && EVP_DigestSignInit(k->ed_sign, NULL, NULL, NULL, k->pkey) > 0;
}

/* Takes pkey. */
static int new_key(EVP_PKEY *pkey, enum gp_key_type type, bool is_private, struct gp_key **ret)
{
	struct gp_key *k = gp_xcalloc(1, sizeof(*k));

	*k = (struct gp_key){.refs = 1, .type = type, .is_private = is_private, .pkey = pkey};
	k->bits = type == GP_KEY_RSA ? (unsigned)EVP_PKEY_get_bits(pkey) : 256;
	if (!prepare(k)) {
		ERR_clear_error();
		gp_key_unref(&k);
		return GP_EINVAL;
	}
	*ret = k;
	return GP_OK;
}

/* A stranger's key may make us work only so much. */
static bool is_dear(EVP_PKEY *rsa)
{
	BIGNUM *e = NULL;
	bool is;

	if (EVP_PKEY_get_bits(rsa) > GP_MAX_RSA_BITS)
		return true;
	is = EVP_PKEY_get_bn_param(rsa, OSSL_PKEY_PARAM_RSA_E, &e) <= 0 ||
	     BN_num_bits(e) > RSA_EXPONENT_BITS_MAX;
	BN_free(e);
	return is;
}

/* What is in the SEQUENCE that `der` begins with; its length is not looked at. */
static struct gp_str enter(struct gp_str der)
{
	size_t more = der.len > 1 && der.ptr[1] & 0x80 ? der.ptr[1] & 0x7f : 0;

	return der.len > 1 && der.ptr[0] == 0x30 ? gp_str_sub(der, 2 + more, der.len) : GP_STR("");
}

/* A SubjectPublicKeyInfo of rsaEncryption (RFC 3279, 2.3.1)?  OpenSSL would read one of any
 * algorithm, with parameters that are the stranger's to choose. */
static bool is_rsa_info(struct gp_str der)
{
	return gp_str_starts(enter(enter(der)),
			     GP_STR("\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01"));
}

static EVP_PKEY *read_rsa_public(struct gp_str bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.ptr, *end = p + bytes.len;
	EVP_PKEY *pkey = is_rsa_info(bytes)
				 ? d2i_PUBKEY(NULL, &p, (long)bytes.len)
				 : d2i_PublicKey(EVP_PKEY_RSA, NULL, &p, (long)bytes.len);

	if (pkey && p == end && EVP_PKEY_is_a(pkey, types[GP_KEY_RSA].openssl))
		return pkey;
	EVP_PKEY_free(pkey);
	return NULL;
}

int gp_key_from_public(enum gp_key_type type, struct gp_str bytes, struct gp_key **ret)
{
	EVP_PKEY *pkey = NULL;

	if (type == GP_KEY_ED25519 && bytes.len == ED25519_SIZE)
		pkey = EVP_PKEY_new_raw_public_key_ex(NULL, types[type].openssl, NULL,
						      (const unsigned char *)bytes.ptr, bytes.len);
	else if (type == GP_KEY_RSA && bytes.len && bytes.len <= GP_MAX_KEY_FILE)
		pkey = read_rsa_public(bytes);
	if (!pkey) {
		ERR_clear_error();
		return GP_EINVAL;
	}
	if (type == GP_KEY_RSA && is_dear(pkey)) {
		ERR_clear_error();
		EVP_PKEY_free(pkey);
		return GP_ELIMIT;
	}
	return new_key(pkey, type, false, ret);
}

/* Private keys. */

static int no_passphrase(char *buf, int size, int rwflag, void *user)
{
	(void)buf, (void)size, (void)rwflag, (void)user;
	return -1;
}

/* What other PEM files say of themselves, the telling line first. */
static const struct {
	const char *mark, *complaint;
} foreign[] = {
	{"BEGIN ENCRYPTED PRIVATE KEY", "is encrypted; decrypt it with `openssl pkey`"},
	{"Proc-Type: 4,ENCRYPTED", "is encrypted; decrypt it with `openssl pkey`"},
	{"BEGIN OPENSSH PRIVATE KEY", "is an OpenSSH key; make one with `gatepost dkim genkey`"},
	{"BEGIN PUBLIC KEY", "is a public key; give the private one"},
	{"BEGIN RSA PUBLIC KEY", "is a public key; give the private one"},
	{"BEGIN CERTIFICATE", "is a certificate; give the private key"},
};

static const char *complaint_about(struct gp_str pem)
{
	if (gp_str_trim(pem).len == 0)
		return "is empty; make a key with `gatepost dkim genkey`";
	for (size_t i = 0; i < GP_ARRAY_SIZE(foreign); i++)
		if (gp_str_find(pem, gp_str(foreign[i].mark), 0) < pem.len)
			return foreign[i].complaint;
	return "holds no PEM private key; make one with `gatepost dkim genkey`";
}

static EVP_PKEY *read_private(struct gp_str pem)
{
	GP_CLEANUP(bio_freep) BIO *bio = NULL;

	if (pem.len == 0 || pem.len > GP_MAX_KEY_FILE)
		return NULL;
	bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
	return bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
}

/* Does what the key signs fit its public half? */
static bool is_consistent(const struct gp_key *key)
{
	static const unsigned char digest[GP_SHA256_SIZE] = "a damaged key signs nothing";
	GP_BUF_AUTO signature = GP_BUF_INIT(GP_SIGNATURE_MAX);

	return gp_key_sign(key, digest, &signature) == GP_OK &&
	       gp_key_verify(key, digest, gp_buf_str(&signature));
}

/* Takes pkey. */
static int accept_private(EVP_PKEY *pkey, struct gp_key **ret, struct gp_diag *diag)
{
	GP_CLEANUP(pkey_freep) EVP_PKEY *mine = pkey;
	enum gp_key_type type = EVP_PKEY_is_a(pkey, "RSA") ? GP_KEY_RSA : GP_KEY_ED25519;
	const char *name = EVP_PKEY_get0_type_name(pkey);
	struct gp_key *key;

	if (!EVP_PKEY_is_a(pkey, types[type].openssl)) {
		gp_diag_set(diag, "is a key for %s; DKIM knows RSA and Ed25519",
			    name ? name : "another algorithm");
		return GP_EINVAL;
	}
	if (type == GP_KEY_RSA && EVP_PKEY_get_bits(pkey) < RSA_BITS_MIN) {
		gp_diag_set(diag, "has %d bits; use 2048 (RFC 8301)", EVP_PKEY_get_bits(pkey));
		return GP_EINVAL;
	}
	if (type == GP_KEY_RSA && is_dear(pkey)) {
		gp_diag_set(diag, "has more than %d bits or a huge exponent; use 2048 bits",
			    GP_MAX_RSA_BITS);
		return GP_EINVAL;
	}
	mine = NULL;
	if (new_key(pkey, type, true, &key)) {
		gp_diag_set(diag, "is refused by OpenSSL");
		return GP_EINVAL;
	}
	if (!is_consistent(key)) {
		gp_key_unref(&key);
		gp_diag_set(diag, "is damaged: its halves do not fit");
		return GP_EINVAL;
	}
	*ret = key;
	return GP_OK;
}

int gp_key_from_pem(struct gp_str pem, struct gp_key **ret, struct gp_diag *diag)
{
	EVP_PKEY *pkey = read_private(pem);
	int r = GP_EINVAL;

	if (pkey)
		r = accept_private(pkey, ret, diag);
	else
		gp_diag_set(diag, "%s", complaint_about(pem));
	ERR_clear_error();
	return r;
}

int gp_key_generate(enum gp_key_type type, unsigned bits, struct gp_key **ret, struct gp_diag *diag)
{
	EVP_PKEY *pkey;

	if (type == GP_KEY_RSA && (bits < RSA_BITS_MIN || bits > GP_MAX_RSA_BITS)) {
		gp_diag_set(diag, "RSA keys have %d to %d bits, not %u", RSA_BITS_MIN,
			    GP_MAX_RSA_BITS, bits);
		return GP_EINVAL;
	}
	if (type == GP_KEY_RSA)
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)bits);
	else
		pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (!pkey || new_key(pkey, type, true, ret)) {
		ERR_clear_error();
		gp_diag_set(diag, "OpenSSL made no key");
		return GP_ESYS;
	}
	return GP_OK;
}

/* Asking keys. */

enum gp_key_type gp_key_type(const struct gp_key *key)
{
	return key->type;
}

unsigned gp_key_bits(const struct gp_key *key)
{
	return key->bits;
}

void gp_key_public(const struct gp_key *key, struct gp_buf *out)
{
	unsigned char raw[ED25519_SIZE], *der = NULL;
	size_t n = sizeof(raw);
	int len;

	if (key->type == GP_KEY_ED25519) {
		int ok = EVP_PKEY_get_raw_public_key(key->pkey, raw, &n);

		assert(ok > 0 && n == sizeof(raw));
		gp_buf_add(out, raw, n);
		return;
	}
	len = i2d_PUBKEY(key->pkey, &der);
	assert(len > 0);
	gp_buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
}

bool gp_key_same_public(const struct gp_key *a, const struct gp_key *b)
{
	return a->type == b->type && EVP_PKEY_eq(a->pkey, b->pkey) == 1;
}

int gp_key_pem(const struct gp_key *key, struct gp_buf *out)
{
	GP_CLEANUP(bio_freep) BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	long n;

	if (!key->is_private || !bio ||
	    !PEM_write_bio_PKCS8PrivateKey(bio, key->pkey, NULL, NULL, 0, NULL, NULL)) {
		ERR_clear_error();
		return GP_EINVAL;
	}
	n = BIO_get_mem_data(bio, &text);
	gp_buf_add(out, text, (size_t)n);
	OPENSSL_cleanse(text, (size_t)n);
	return gp_buf_error(out);
}

/* Using keys. */

static bool sign_rsa(const struct gp_key *key, const unsigned char *digest, unsigned char *to,
		     size_t *n)
{
	GP_CLEANUP(pkey_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(key->rsa_sign);

	return ctx && EVP_PKEY_sign(ctx, to, n, digest, GP_SHA256_SIZE) > 0;
}

static bool sign_ed25519(const struct gp_key *key, const unsigned char *digest, unsigned char *to,
			 size_t *n)
{
	GP_CLEANUP(md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	return ctx && EVP_MD_CTX_copy_ex(ctx, key->ed_sign) > 0 &&
	       EVP_DigestSign(ctx, to, n, digest, GP_SHA256_SIZE) > 0;
}

int gp_key_sign(const struct gp_key *key, const unsigned char digest[GP_SHA256_SIZE],
		struct gp_buf *out)
{
	unsigned char signature[GP_SIGNATURE_MAX];
	size_t n = sizeof(signature);
	bool ok;

	if (!key->is_private)
		return GP_EINVAL;
	ok = key->type == GP_KEY_RSA ? sign_rsa(key, digest, signature, &n)
				     : sign_ed25519(key, digest, signature, &n);
	if (!ok) {
		ERR_clear_error();
		return GP_ESYS;
	}
	gp_buf_add(out, signature, n);
	return gp_buf_error(out);
}

static bool verify_rsa(const struct gp_key *key, const unsigned char *digest,
		       struct gp_str signature)
{
	GP_CLEANUP(pkey_ctx_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_dup(key->rsa_verify);

	return ctx && EVP_PKEY_verify(ctx, (const unsigned char *)signature.ptr, signature.len,
				      digest, GP_SHA256_SIZE) == 1;
}

static bool verify_ed25519(const struct gp_key *key, const unsigned char *digest,
			   struct gp_str signature)
{
	GP_CLEANUP(md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	return ctx && EVP_MD_CTX_copy_ex(ctx, key->ed_verify) > 0 &&
	       EVP_DigestVerify(ctx, (const unsigned char *)signature.ptr, signature.len, digest,
				GP_SHA256_SIZE) == 1;
}

bool gp_key_verify(const struct gp_key *key, const unsigned char digest[GP_SHA256_SIZE],
		   struct gp_str signature)
{
	bool ok =
		signature.len && (key->type == GP_KEY_RSA ? verify_rsa(key, digest, signature)
							  : verify_ed25519(key, digest, signature));

	if (!ok)
		ERR_clear_error();
	return ok;
}
