/*
 * SHA-256 and HMAC-SHA-256 (FIPS 180-4, RFC 2104), and what block lists still use, by OpenSSL.
 */
#ifndef GP_BASE_DIGEST_H
#define GP_BASE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#define GP_SHA256_SIZE 32

struct gp_sha256;

/* Streaming: begin, add any number of times, finish (which frees) or free. */
struct gp_sha256 *gp_sha256_begin(void);
void gp_sha256_add(struct gp_sha256 *h, const void *data, size_t len);
void gp_sha256_finish(struct gp_sha256 *h, unsigned char ret_digest[GP_SHA256_SIZE]);
/* The digest of what was added so far; more may follow. */
void gp_sha256_peek(const struct gp_sha256 *h, unsigned char ret_digest[GP_SHA256_SIZE]);
/* Gives up; clears *h, NULL is fine. */
void gp_sha256_free(struct gp_sha256 **h);

void gp_sha256(const void *data, size_t len, unsigned char ret_digest[GP_SHA256_SIZE]);
void gp_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len,
		    unsigned char ret_mac[GP_SHA256_SIZE]);

/* Digests that others' formats ask for (block lists); never for anything of ours. */
enum gp_digest_kind { GP_DIGEST_MD5, GP_DIGEST_SHA1, GP_DIGEST_SHA256 };
/* Its size in bytes; 0 if this installation does not offer it (FIPS). */
size_t gp_digest(enum gp_digest_kind kind, const void *data, size_t len,
		 unsigned char ret_digest[GP_SHA256_SIZE]);

/* Comparison that takes the same time wherever the difference is. */
bool gp_digest_equal(const void *a, const void *b, size_t len);

#endif
