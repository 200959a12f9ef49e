/*
 * Base64 (RFC 4648, section 10) and hexadecimal, digests (FIPS 180-4, RFC 4231).
 */
#include "lib/base/codec.h"

#include "lib/base/digest.h"
#include "lib/base/err.h"
#include "tests/unit/test.h"

static void test_base64(void **state)
{
	static const char *const pairs[][2] = {
		{"", ""},	      {"f", "Zg=="},	    {"fo", "Zm8="},	  {"foo", "Zm9v"},
		{"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(pairs); i++) {
		GP_BUF_AUTO out = GP_BUF_INIT(100);
		GP_BUF_AUTO back = GP_BUF_INIT(100);

		gp_base64_encode(pairs[i][0], strlen(pairs[i][0]), &out);
		assert_string_equal(gp_buf_cstr(&out), pairs[i][1]);
		assert_int_equal(gp_base64_decode(gp_str(pairs[i][1]), &back), GP_OK);
		assert_string_equal(gp_buf_cstr(&back), pairs[i][0]);
	}
}

static void test_base64_loose_and_wrong(void **state)
{
	static const struct {
		const char *text;
		int result;
	} cases[] = {
		{"Zm9v\r\n YmFy", GP_OK}, {"Zm8", GP_OK},	{"Zm9v=", GP_OK},
		{"Zm9*", GP_EINVAL},	  {"Zg==Zg", GP_EINVAL}, {"Zg===", GP_EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		GP_BUF_AUTO out = GP_BUF_INIT(100);

		gp_buf_add_cstr(&out, "kept");
		assert_int_equal(gp_base64_decode(gp_str(cases[i].text), &out), cases[i].result);
		if (cases[i].result < 0)
			assert_string_equal(gp_buf_cstr(&out), "kept");
	}
}

static void test_hex(void **state)
{
	GP_BUF_AUTO out = GP_BUF_INIT(100);
	GP_BUF_AUTO back = GP_BUF_INIT(100);

	(void)state;
	gp_hex_encode("\x00\x7f\xff", 3, &out);
	assert_string_equal(gp_buf_cstr(&out), "007fff");
	assert_int_equal(gp_hex_decode(GP_STR("007Fff"), &back), GP_OK);
	assert_int_equal(back.len, 3);
	assert_memory_equal(back.data, "\x00\x7f\xff", 3);
	assert_int_equal(gp_hex_decode(GP_STR("abc"), &back), GP_EINVAL);
	assert_int_equal(gp_hex_decode(GP_STR("abcg"), &back), GP_EINVAL);
	assert_int_equal(gp_hex_decode(gp_str_n("ab\0c", 4), &back), GP_EINVAL);
	assert_int_equal(back.len, 3);
	assert_int_equal(back.data[3], 0);
}

static void assert_hex(const unsigned char *data, size_t len, const char *hex)
{
	GP_BUF_AUTO out = GP_BUF_INIT(100);

	gp_hex_encode(data, len, &out);
	assert_string_equal(gp_buf_cstr(&out), hex);
}

static void test_digest(void **state)
{
	unsigned char digest[GP_SHA256_SIZE], again[GP_SHA256_SIZE];
	struct gp_sha256 *h = gp_sha256_begin();

	(void)state;
	gp_sha256("abc", 3, digest);
	assert_hex(digest, sizeof(digest),
		   "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	gp_sha256_add(h, "a", 1);
	gp_sha256_add(h, "", 0);
	gp_sha256_add(h, "bc", 2);
	gp_sha256_finish(h, again);
	assert_true(gp_digest_equal(digest, again, sizeof(digest)));
	again[31] ^= 1;
	assert_false(gp_digest_equal(digest, again, sizeof(digest)));
	gp_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, digest);
	assert_hex(digest, sizeof(digest),
		   "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_base64_loose_and_wrong),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_digest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
