/*
 * Header fields.  Whatever the bytes: the decoded value is UTF-8 without line
 * ends or NULs, no longer than three times the input, and decoding what has no
 * encoded word in it again changes nothing.
 */
#include "lib/base/utf8.h"
#include "lib/mail/header.h"
#include "lib/mail/param.h"
#include "tests/fuzz/fuzz.h"

static void check_value(struct gp_arena *a, struct gp_str raw)
{
	struct gp_str value = gp_header_decode(a, raw);

	FUZZ_CHECK(gp_utf8_is_valid(value));
	FUZZ_CHECK(value.len <= 3 * raw.len + 16);
	for (size_t i = 0; i < value.len; i++)
		FUZZ_CHECK(value.ptr[i] != '\n' && value.ptr[i] != '\r' && value.ptr[i] != '\0');
	if (gp_str_find(value, GP_STR("=?"), 0) == value.len) {
		struct gp_str again = gp_header_decode(a, value);

		while (value.len && (value.ptr[0] == ' ' || value.ptr[0] == '\t'))
			value = gp_str_sub(value, 1, value.len);
		while (value.len && gp_is_space(value.ptr[value.len - 1])) /* of an encoded word */
			value.len--;
		FUZZ_CHECK(gp_str_eq(again, value));
	}
	FUZZ_CHECK(gp_utf8_is_valid(gp_param_get(a, value, "name")));
	FUZZ_CHECK(gp_param_main(a, value).len <= value.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_str in = gp_str_n(data, size), name, raw;
	struct gp_arena *a = gp_arena_new(0);
	size_t pos = 0, before = 0;

	check_value(a, in);
	while (gp_header_next(in, &pos, &name, &raw)) {
		FUZZ_CHECK(pos > before && pos <= size);
		FUZZ_CHECK(name.len && name.len + 1 + raw.len <= pos - before);
		before = pos;
		check_value(a, raw);
	}
	FUZZ_CHECK(pos <= size);
	gp_arena_free(a);
	return 0;
}
