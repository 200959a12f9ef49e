/*
 * Digests, by OpenSSL's EVP.  A failure in here is a broken installation, not
 * a condition of the input, so it aborts.
 */
#include "lib/base/digest.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <string.h>

static EVP_MD *sha256;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Fetched once: OpenSSL 3 else looks it up by name, under a lock, at every beginning. */
static void fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	assert(sha256);
}

static EVP_MD_CTX *ctx_of(struct gp_sha256 *h)
{
	return (EVP_MD_CTX *)h;
}

struct gp_sha256 *gp_sha256_begin(void)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok;

	pthread_once(&once, fetch);
	ok = ctx && EVP_DigestInit_ex2(ctx, sha256, NULL);
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

void gp_sha256_peek(const struct gp_sha256 *h, unsigned char ret_digest[GP_SHA256_SIZE])
{
	EVP_MD_CTX *copy = EVP_MD_CTX_new();
	int ok = copy && EVP_MD_CTX_copy_ex(copy, (const EVP_MD_CTX *)h);

	assert(ok);
	gp_sha256_finish((struct gp_sha256 *)copy, ret_digest);
}

void gp_sha256_free(struct gp_sha256 **h)
{
	EVP_MD_CTX_free(ctx_of(*h));
	*h = NULL;
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

size_t gp_digest(enum gp_digest_kind kind, const void *data, size_t len,
		 unsigned char ret_digest[GP_SHA256_SIZE])
{
	static const char *const names[] = {"MD5", "SHA1", "SHA256"};
	unsigned char digest[EVP_MAX_MD_SIZE];
	size_t size = 0;

	if (!EVP_Q_digest(NULL, names[kind], NULL, data, len, digest, &size))
		return 0;
	memcpy(ret_digest, digest, size);
	return size;
}

bool gp_digest_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}
