/*
 * Keys: private ones in PEM, public ones as in p=.  What is accepted signs, verifies and
 * can be written and read again; what is not says why.
 */
#include "lib/auth/crypto.h"
#include "tests/fuzz/fuzz.h"

static const unsigned char digest[GP_SHA256_SIZE] = {1};

static void check_private(struct gp_str text)
{
	GP_BUF_AUTO pem = GP_BUF_INIT(GP_MAX_KEY_FILE), signature = GP_BUF_INIT(GP_SIGNATURE_MAX);
	struct gp_key *key = NULL, *again = NULL;
	struct gp_diag diag = {0};

	if (gp_key_from_pem(text, &key, &diag)) {
		FUZZ_CHECK(diag.text[0] && !key);
		return;
	}
	FUZZ_CHECK(gp_key_pem(key, &pem) == GP_OK);
	FUZZ_CHECK(gp_key_from_pem(gp_buf_str(&pem), &again, NULL) == GP_OK);
	FUZZ_CHECK(gp_key_same_public(key, again));
	FUZZ_CHECK(gp_key_sign(key, digest, &signature) == GP_OK);
	FUZZ_CHECK(gp_key_verify(again, digest, gp_buf_str(&signature)));
	gp_key_unref(&key);
	gp_key_unref(&again);
}

static void check_public(enum gp_key_type type, struct gp_str bytes)
{
	GP_BUF_AUTO out = GP_BUF_INIT(GP_MAX_KEY_FILE);
	struct gp_key *key = NULL, *again = NULL;

	if (gp_key_from_public(type, bytes, &key)) {
		FUZZ_CHECK(!key);
		return;
	}
	FUZZ_CHECK(gp_key_type(key) == type && gp_key_bits(key) <= GP_MAX_RSA_BITS);
	gp_key_verify(key, digest, bytes);
	gp_key_public(key, &out);
	FUZZ_CHECK(gp_key_from_public(type, gp_buf_str(&out), &again) == GP_OK);
	FUZZ_CHECK(gp_key_same_public(key, again));
	gp_key_unref(&key);
	gp_key_unref(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_str text = gp_str_n(data, size);

	check_private(text);
	check_public(GP_KEY_RSA, text);
	check_public(GP_KEY_ED25519, text);
	return 0;
}
