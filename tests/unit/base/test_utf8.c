/*
 * UTF-8: what is not, is not taken for it (RFC 3629, sections 3 and 10).
 */
#include "lib/base/utf8.h"

#include "tests/unit/test.h"

static void test_decode(void **state)
{
	static const struct {
		struct gp_str bytes;
		unsigned len;
		uint32_t cp;
	} cases[] = {
		{GP_STR("A"), 1, 'A'},
		{GP_STR("\0"), 1, 0},
		{GP_STR("\xc3\xa9"), 2, 0xe9},
		{GP_STR("\xe2\x82\xac"), 3, 0x20ac},
		{GP_STR("\xf0\x9f\x98\x80"), 4, 0x1f600},
		{GP_STR("\xf4\x8f\xbf\xbf"), 4, 0x10ffff},
		{GP_STR(""), 0, 0},
		{GP_STR("\x80"), 0, 0},			 /* a continuation alone */
		{GP_STR("\xc0\xaf"), 0, 0},		 /* overlong */
		{GP_STR("\xe0\x80\xaf"), 0, 0},
		{GP_STR("\xf0\x80\x80\xaf"), 0, 0},
		{GP_STR("\xed\xa0\x80"), 0, 0},		 /* a surrogate */
		{GP_STR("\xf4\x90\x80\x80"), 0, 0},	 /* beyond the last */
		{GP_STR("\xf8\x88\x80\x80\x80"), 0, 0},
		{GP_STR("\xe2\x82"), 0, 0},		 /* cut */
		{GP_STR("\xe2(\xac"), 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		uint32_t cp = 0;

		assert_int_equal(gp_utf8_decode(cases[i].bytes, &cp), cases[i].len);
		assert_int_equal(cp, cases[i].cp);
	}
}

static void test_round_trip(void **state)
{
	(void)state;
	for (uint32_t cp = 0; cp <= 0x10ffff; cp += cp < 0x3000 ? 1 : 97) {
		char room[8] = "";
		struct gp_buf out = {.data = room, .cap = sizeof(room), .max = sizeof(room) - 1};
		uint32_t back = 0;

		gp_utf8_add(&out, cp);
		assert_int_equal(gp_utf8_decode(gp_buf_str(&out), &back), out.len);
		assert_int_equal(back, cp >= 0xd800 && cp <= 0xdfff ? 0xfffd : cp);
	}
}

static void test_sanitize(void **state)
{
	GP_BUF_AUTO out = GP_BUF_INIT(100);

	(void)state;
	assert_true(gp_utf8_is_valid(GP_STR("gr\xc3\xbc\xc3\x9f")));
	assert_false(gp_utf8_is_valid(GP_STR("gr\xfc")));
	gp_utf8_sanitize(GP_STR("a\xffz\xe2\x82"), &out);
	assert_string_equal(gp_buf_cstr(&out), "a\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd");
	assert_true(gp_utf8_is_valid(gp_buf_str(&out)));
}

/* Every length around the eight bytes that are counted at once. */
static void test_length(void **state)
{
	static const char text[] = "aÄ€😀bcdefgh\x80\xc3Äé…";

	(void)state;
	for (size_t from = 0; from < sizeof(text); from++)
		for (size_t len = 0; len < sizeof(text) - from; len++) {
			size_t n = 0;

			for (size_t i = 0; i < len; i++)
				n += ((unsigned char)text[from + i] & 0xc0) != 0x80;
			assert_int_equal(gp_utf8_length(gp_str_n(text + from, len)), n);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_sanitize),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
