/*
 * Keys: made, written, read, refused; signatures made and checked.
 */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/auth/crypto.h"
#include "lib/base/codec.h"
#include "lib/base/fd.h"

static char path[] = "/tmp/gp-test-key-XXXXXX";
static struct gp_key *rsa, *ed25519;
static const unsigned char digest[GP_SHA256_SIZE] = {1, 2, 3};

static int group_setup(void **state)
{
	int fd = mkostemp(path, O_CLOEXEC);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	return gp_key_generate(GP_KEY_RSA, 1024, &rsa, NULL) ||
	       gp_key_generate(GP_KEY_ED25519, 0, &ed25519, NULL);
}

static int group_teardown(void **state)
{
	(void)state;
	unlink(path);
	gp_key_unref(&rsa);
	gp_key_unref(&ed25519);
	return 0;
}

static void write_key(struct gp_str text, mode_t mode)
{
	GP_FD_AUTO fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(gp_fd_write_all(fd, text.ptr, text.len), GP_OK);
	assert_int_equal(chmod(path, mode), 0);
}

static void test_types(void **state)
{
	enum gp_key_type type;

	(void)state;
	assert_string_equal(gp_key_type_name(GP_KEY_RSA), "rsa");
	assert_int_equal(gp_key_type_parse(GP_STR("ED25519"), &type), GP_OK);
	assert_int_equal(type, GP_KEY_ED25519);
	assert_int_equal(gp_key_type_parse(GP_STR("dsa"), &type), GP_EINVAL);
}

static void check_round_trip(const struct gp_key *key)
{
	GP_BUF_AUTO pem = GP_BUF_INIT(10000), bytes = GP_BUF_INIT(10000),
		    signature = GP_BUF_INIT(10000);
	struct gp_key *again, *public;

	assert_int_equal(gp_key_pem(key, &pem), GP_OK);
	write_key(gp_buf_str(&pem), 0640);
	assert_int_equal(gp_key_load(path, &again, NULL), GP_OK);
	assert_true(gp_key_same_public(key, again));
	assert_int_equal(gp_key_bits(again), gp_key_bits(key));

	gp_key_public(key, &bytes);
	assert_int_equal(gp_key_from_public(gp_key_type(key), gp_buf_str(&bytes), &public), GP_OK);
	assert_true(gp_key_same_public(key, public));
	assert_int_equal(gp_key_sign(public, digest, &signature), GP_EINVAL);
	assert_int_equal(gp_key_pem(public, &pem), GP_EINVAL);

	for (int i = 0; i < 3; i++) {
		gp_buf_reset(&signature);
		assert_int_equal(gp_key_sign(again, digest, &signature), GP_OK);
		assert_true(gp_key_verify(public, digest, gp_buf_str(&signature)));
		assert_true(gp_key_verify(again, digest, gp_buf_str(&signature)));
	}
	signature.data[5] ^= 1;
	assert_false(gp_key_verify(public, digest, gp_buf_str(&signature)));
	signature.data[5] ^= 1;
	assert_false(gp_key_verify(public,
				   (const unsigned char *)"another digest of the same length",
				   gp_buf_str(&signature)));
	for (size_t n = 0; n < signature.len; n++)
		assert_false(gp_key_verify(public, digest, gp_str_n(signature.data, n)));
	gp_buf_add_chr(&signature, 'x');
	assert_false(gp_key_verify(public, digest, gp_buf_str(&signature)));
	gp_key_unref(&again);
	gp_key_unref(&public);
}

static void test_round_trips(void **state)
{
	(void)state;
	check_round_trip(rsa);
	check_round_trip(ed25519);
	assert_false(gp_key_same_public(rsa, ed25519));
	assert_int_equal(gp_key_bits(rsa), 1024);
	assert_int_equal(gp_key_bits(ed25519), 256);
}

static void test_sizes(void **state)
{
	struct gp_key *key = NULL;
	struct gp_diag diag = {0};

	(void)state;
	assert_int_equal(gp_key_generate(GP_KEY_RSA, 512, &key, &diag), GP_EINVAL);
	assert_string_equal(diag.text, "RSA keys have 1024 to 8192 bits, not 512");
	assert_int_equal(gp_key_generate(GP_KEY_RSA, 16384, &key, &diag), GP_EINVAL);
	assert_null(key);
}

/* An RSA public key as SubjectPublicKeyInfo and as bare RSAPublicKey (24 bytes of frame less). */
static void test_bare_public_key(void **state)
{
	GP_BUF_AUTO bytes = GP_BUF_INIT(10000);
	struct gp_key *key;

	(void)state;
	gp_key_public(rsa, &bytes);
	gp_buf_consume(&bytes, 22);
	assert_int_equal(gp_key_from_public(GP_KEY_RSA, gp_buf_str(&bytes), &key), GP_OK);
	assert_true(gp_key_same_public(key, rsa));
	gp_key_unref(&key);
}

static void test_hostile_public_keys(void **state)
{
	GP_BUF_AUTO bytes = GP_BUF_INIT(10000);
	struct gp_key *key = NULL;

	(void)state;
	gp_key_public(rsa, &bytes);
	for (size_t n = 0; n < bytes.len; n++)
		assert_int_equal(gp_key_from_public(GP_KEY_RSA, gp_str_n(bytes.data, n), &key),
				 GP_EINVAL);
	gp_buf_add_chr(&bytes, 'x');
	assert_int_equal(gp_key_from_public(GP_KEY_RSA, gp_buf_str(&bytes), &key), GP_EINVAL);
	gp_buf_reset(&bytes);
	gp_key_public(ed25519, &bytes);
	assert_int_equal(gp_key_from_public(GP_KEY_RSA, gp_buf_str(&bytes), &key), GP_EINVAL);
	assert_int_equal(gp_key_from_public(GP_KEY_ED25519, gp_str_n(bytes.data, 31), &key),
			 GP_EINVAL);
	gp_buf_add_chr(&bytes, 'x');
	assert_int_equal(gp_key_from_public(GP_KEY_ED25519, gp_buf_str(&bytes), &key), GP_EINVAL);
	assert_null(key);
}

/* RSAPublicKey of a modulus of n bytes and an exponent of m. */
static void add_rsa_public(struct gp_buf *out, size_t n, size_t m)
{
	size_t body = 4 + 1 + n + 2 + m;

	gp_buf_add(out, "\x30\x82", 2);
	gp_buf_add_chr(out, (char)(body >> 8));
	gp_buf_add_chr(out, (char)body);
	gp_buf_add(out, "\x02\x82", 2);
	gp_buf_add_chr(out, (char)((n + 1) >> 8));
	gp_buf_add_chr(out, (char)(n + 1));
	gp_buf_add_chr(out, 0);
	for (size_t i = 0; i < n; i++)
		gp_buf_add_chr(out, (char)0xd5);
	gp_buf_add_chr(out, 2);
	gp_buf_add_chr(out, (char)m);
	for (size_t i = 0; i < m; i++)
		gp_buf_add_chr(out, 0x55);
}

static void test_dear_public_keys(void **state)
{
	static const struct {
		size_t modulus, exponent;
		int result;
	} cases[] = {{256, 3, GP_OK},	  {1024, 3, GP_OK},    {1025, 3, GP_ELIMIT},
		     {256, 8, GP_OK},	  {256, 9, GP_ELIMIT}, {256, 100, GP_ELIMIT},
		     {2049, 3, GP_ELIMIT}};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		GP_BUF_AUTO bytes = GP_BUF_INIT(10000);
		struct gp_key *key = NULL;

		add_rsa_public(&bytes, cases[i].modulus, cases[i].exponent);
		assert_int_equal(gp_key_from_public(GP_KEY_RSA, gp_buf_str(&bytes), &key),
				 cases[i].result);
		gp_key_unref(&key);
	}
}

static void test_modes(void **state)
{
	static const struct {
		mode_t mode;
		const char *complaint;
	} cases[] = {
		{0604, "mode 0604 lets others read the key; run `chmod 0600 "},
		{0644, "mode 0644 lets others read the key; run `chmod 0640 "},
		{0602, "mode 0602 lets others change the key; run `chmod 0600 "},
		{0660, "mode 0660 lets others change the key; run `chmod 0640 "},
	};
	GP_BUF_AUTO pem = GP_BUF_INIT(10000);

	(void)state;
	assert_int_equal(gp_key_pem(ed25519, &pem), GP_OK);
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_diag diag = {0};
		struct gp_key *key = NULL;

		write_key(gp_buf_str(&pem), cases[i].mode);
		assert_int_equal(gp_key_load(path, &key, &diag), GP_EACCES);
		assert_non_null(strstr(diag.text, cases[i].complaint));
		assert_non_null(strstr(diag.text, path));
		assert_null(key);
	}
}

/* Text of foreign key files, made by running a command over `openssl`. */
static void test_foreign_files(void **state)
{
	static const struct {
		const char *command, *complaint;
	} cases[] = {
		{"true", "is empty; make a key with"},
		{"echo hello", "holds no PEM private key"},
		{"echo -----BEGIN PRIVATE KEY-----; echo AAAA; echo -----END PRIVATE KEY-----",
		 "holds no PEM private key"},
		{"openssl genpkey -quiet -algorithm ed25519 -aes128 -pass pass:x",
		 "is encrypted; decrypt"},
		{"openssl genrsa -traditional -aes128 -passout pass:x 1024",
		 "is encrypted; decrypt"},
		{"openssl genpkey -algorithm ed25519 | openssl pkey -pubout", "is a public key"},
		{"openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256",
		 "is a key for EC"},
		{"openssl genpkey -algorithm x25519", "is a key for X25519"},
		{"openssl genpkey -algorithm dh -pkeyopt group:ffdhe2048", "is a key for DH"},
		{"openssl genrsa 768", "has 768 bits; use 2048"},
		{"head -c 70000 /dev/zero", "is larger than any key"},
		{"openssl genpkey -algorithm ed25519 -outform der", "holds no PEM private key"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_diag diag = {0};
		struct gp_key *key = NULL;
		char command[300];

		chmod(path, 0600);
		snprintf(command, sizeof(command), "{ %s; } > %s 2>/dev/null < /dev/null",
			 cases[i].command, path);
		(void)!system(command);
		assert_int_equal(gp_key_load(path, &key, &diag), GP_EINVAL);
		if (!strstr(diag.text, cases[i].complaint) || !strstr(diag.text, path))
			fail_msg("%s: %s", cases[i].command, diag.text);
		assert_null(key);
	}
}

static void test_traditional_rsa(void **state)
{
	struct gp_key *key;
	char command[300];

	(void)state;
	chmod(path, 0600);
	snprintf(command, sizeof(command), "openssl genrsa -traditional 1024 > %s 2>/dev/null",
		 path);
	assert_int_equal(system(command), 0);
	assert_int_equal(gp_key_load(path, &key, NULL), GP_OK);
	assert_int_equal(gp_key_type(key), GP_KEY_RSA);
	gp_key_unref(&key);
}

static void test_no_file(void **state)
{
	struct gp_diag diag = {0};
	struct gp_key *key = NULL;

	(void)state;
	assert_int_equal(gp_key_load("/nonexistent/key", &key, &diag), GP_ENOENT);
	assert_non_null(strstr(diag.text, "/nonexistent/key"));
	assert_non_null(strstr(diag.text, "genkey"));
	assert_int_equal(gp_key_load("/tmp", &key, &diag), GP_EINVAL);
}

/* Gives NULL, or what it was given when something failed. */
static void *use_keys(void *arg)
{
	GP_BUF_AUTO out = GP_BUF_INIT(10000);

	for (int i = 0; i < 50; i++) {
		struct gp_key *mine = gp_key_ref(i % 2 ? rsa : ed25519);
		bool ok;

		gp_buf_reset(&out);
		ok = gp_key_sign(mine, digest, &out) == GP_OK &&
		     gp_key_verify(mine, digest, gp_buf_str(&out));
		gp_key_unref(&mine);
		if (!ok)
			return arg;
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t threads[4];
	void *failed;

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, use_keys, path), 0);
	for (size_t i = 0; i < GP_ARRAY_SIZE(threads); i++) {
		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_bare_public_key),
		cmocka_unit_test(test_hostile_public_keys),
		cmocka_unit_test(test_dear_public_keys),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_foreign_files),
		cmocka_unit_test(test_traditional_rsa),
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
