/*
 * Digests, by OpenSSL's EVP.  A failure in here is a broken installation, not
 * a condition of the input, so it aborts.
 */
#include "lib/base/digest.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

static EVP_MD_CTX *ctx_of(struct gp_sha256 *h)
{
	return (EVP_MD_CTX *)h;
}

struct gp_sha256 *gp_sha256_begin(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);

	assert(ok);
	return (struct gp_sha256 *)ctx;
}

void gp_sha256_add(struct gp_sha256 *h, const void *data, size_t len)
{
	int ok = EVP_DigestUpdate(ctx_of(h), data, len);

	assert(ok);
}

void gp_sha256_finish(struct gp_sha256 *h, unsigned char ret_digest[GP_SHA256_SIZE])
{
	int ok = EVP_DigestFinal_ex(ctx_of(h), ret_digest, NULL);

	assert(ok);
	EVP_MD_CTX_free(ctx_of(h));
}

void gp_sha256(const void *data, size_t len, unsigned char ret_digest[GP_SHA256_SIZE])
{
	struct gp_sha256 *h = gp_sha256_begin();

	gp_sha256_add(h, data, len);
	gp_sha256_finish(h, ret_digest);
}

void gp_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
		    unsigned char ret_mac[GP_SHA256_SIZE])
{
	unsigned n = GP_SHA256_SIZE;
	const unsigned char *ok = HMAC(EVP_sha256(), key, (int)key_len, data, len, ret_mac, &n);

	assert(ok && n == GP_SHA256_SIZE);
}

bool gp_digest_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
