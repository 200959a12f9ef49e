/*
 * What a worker says of a message: there and back, and nothing else is believed.
 */
#include "controller/facts.h"

#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "tests/unit/test.h"

static void test_there_and_back(void **state)
{
	static uint64_t tokens[] = {1, UINT64_MAX, 3};
	struct facts in = {.digest = {7}, .words = 9, .is_scanned = true, .is_message = true,
			   .message_id = "<a@b>", .tokens = tokens, .n_tokens = 3}, out;
	GP_BUF_AUTO buf = GP_BUF_INIT(4096);

	(void)state;
	facts_encode(&in, &buf);
	assert_int_equal(facts_decode(gp_buf_str(&buf), &out), GP_OK);
	assert_memory_equal(out.digest, in.digest, sizeof(in.digest));
	assert_int_equal(out.words, 9);
	assert_true(out.is_scanned && out.is_message);
	assert_string_equal(out.message_id, "<a@b>");
	assert_int_equal(out.n_tokens, 3);
	assert_memory_equal(out.tokens, tokens, sizeof(tokens));
}

/* Every length but the right one, and every byte changed: refused, or within bounds. */
static void test_lies(void **state)
{
	static uint64_t tokens[2];
	struct facts in = {.message_id = "<a@b>", .tokens = tokens, .n_tokens = 2}, out;
	GP_BUF_AUTO buf = GP_BUF_INIT(4096);

	(void)state;
	facts_encode(&in, &buf);
	for (size_t len = 0; len < buf.len; len++)
		assert_int_equal(facts_decode(gp_str_n(buf.data, len), &out), GP_EINVAL);
	for (size_t at = 0; at < buf.len; at++)
		for (int bit = 0; bit < 8; bit++) {
			GP_FREE char *copy = gp_xmalloc(buf.len);

			memcpy(copy, buf.data, buf.len);
			copy[at] = (char)(copy[at] ^ (1 << bit));
			if (facts_decode(gp_str_n(copy, buf.len), &out) < 0)
				continue;
			assert_int_equal(out.n_tokens, 2);
			assert_true(strlen(out.message_id) <= FACTS_MESSAGE_ID_MAX);
		}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
