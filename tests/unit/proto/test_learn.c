/*
 * Frames of the learn protocol: each type there and back, byte for byte; what is cut,
 * too long, or of an unknown kind.
 */
#include <string.h>

#include "lib/proto/learn.h"
#include "tests/unit/test.h"

#define TEXT(s) {s, sizeof(s) - 1}

static const struct gp_learn_frame frames[] = {
	{.type = GP_LEARN_HELLO, .version = 1, .text = TEXT("dovecot")},
	{.type = GP_LEARN_WELCOME, .version = 1, .message_max = 52428800, .window = 64},
	{.type = GP_LEARN_LEARN, .id = 7, .code = GP_LEARN_SPAM, .flags = GP_LEARN_WANT_RESULT,
	 .user = TEXT("u@example.org"), .text = TEXT("INBOX/9")},
	{.type = GP_LEARN_LEARN, .id = 0xffffffff, .code = GP_LEARN_UNLEARN},
	{.type = GP_LEARN_DATA, .text = TEXT("Subject: x\r\n\r\n\0y")},
	{.type = GP_LEARN_END},
	{.type = GP_LEARN_CANCEL},
	{.type = GP_LEARN_ANSWER, .id = 7, .code = GP_LEARN_LATER, .text = TEXT("disk full")},
	{.type = GP_LEARN_RESULT, .id = 7, .code = GP_LEARN_MOVED},
	{.type = GP_LEARN_QUERY, .id = 8, .code = GP_LEARN_UNDO, .since = -5, .max = 10,
	 .user = TEXT("u")},
	{.type = GP_LEARN_ROW, .id = 8, .text = TEXT("{}")},
};

static void same_text(struct gp_learn_text a, struct gp_learn_text b)
{
	assert_int_equal(a.len, b.len);
	if (a.len > 0)
		assert_memory_equal(a.data, b.data, a.len);
}

static void same(const struct gp_learn_frame *a, const struct gp_learn_frame *b)
{
	assert_int_equal(a->type, b->type);
	assert_int_equal(a->id, b->id);
	assert_int_equal(a->version, b->version);
	assert_int_equal(a->message_max, b->message_max);
	assert_int_equal(a->window, b->window);
	assert_int_equal(a->code, b->code);
	assert_int_equal(a->flags, b->flags);
	assert_true(a->since == b->since);
	assert_int_equal(a->max, b->max);
	same_text(a->user, b->user);
	same_text(a->text, b->text);
}

static void test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(frames) / sizeof(*frames); i++) {
		unsigned char buf[256];
		struct gp_learn_frame again;
		size_t n = gp_learn_format(&frames[i], buf, sizeof(buf));

		assert_true(n >= GP_LEARN_HEAD_SIZE);
		for (size_t cut = 0; cut < n; cut++) {
			assert_int_equal(gp_learn_parse(buf, cut, &again, NULL), 0);
			assert_int_equal(gp_learn_format(&frames[i], buf + n, cut), 0);
		}
		assert_int_equal(gp_learn_parse(buf, n + 9, &again, NULL), n);
		same(&frames[i], &again);
	}
}

static void test_bytes(void **state)
{
	static const unsigned char want[] = {0, 0, 0, 12, 'L', 0, 0, 0, 7, 's', 1, 0, 1, 'u', 0, 0};
	struct gp_learn_frame f = {.type = GP_LEARN_LEARN, .id = 7, .code = GP_LEARN_SPAM,
				   .flags = GP_LEARN_WANT_RESULT, .user = TEXT("u")};
	unsigned char buf[64], head[GP_LEARN_HEAD_SIZE];

	(void)state;
	assert_int_equal(gp_learn_format(&f, buf, sizeof(buf)), sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
	gp_learn_data_head(2, head);
	assert_memory_equal(head, "\0\0\0\3D", 5);
}

static void test_malformed(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		TEXT("\0\0\0\0L"),	     /* no type */
		TEXT("\0\1\xff\xffL"),	     /* longer than any */
		TEXT("\xff\xff\xff\xff" "D"),
		TEXT("\0\0\0\1Z"),	     /* unknown type */
		TEXT("\0\0\0\2Ex"),	     /* fields that END has not */
		TEXT("\0\0\0\4A\0\0\0"),     /* cut within */
		TEXT("\0\0\0\6R\0\0\0\1?"),  /* unknown outcome */
		TEXT("\0\0\0\6R\0\0\0\1\0"),
		TEXT("\0\0\0\6H\0\1\0\2x"),  /* a text longer than its frame */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct gp_learn_frame f;
		const char *why = NULL;

		assert_int_equal(gp_learn_parse(bad[i].bytes, bad[i].len, &f, &why), -1);
		assert_non_null(why);
	}
}

static void test_limits(void **state)
{
	static char long_text[GP_LEARN_DATA_MAX + 1];
	static unsigned char buf[2 * GP_LEARN_DATA_MAX];
	struct gp_learn_frame data = {.type = GP_LEARN_DATA, .text = {long_text, GP_LEARN_DATA_MAX}};
	struct gp_learn_frame learn = {.type = GP_LEARN_LEARN, .code = GP_LEARN_HAM,
				       .user = {long_text, GP_LEARN_USER_MAX}};

	(void)state;
	assert_int_equal(gp_learn_format(&data, buf, sizeof(buf)),
			 GP_LEARN_DATA_MAX + GP_LEARN_HEAD_SIZE);
	data.text.len++;
	assert_int_equal(gp_learn_format(&data, buf, sizeof(buf)), 0);
	assert_true(gp_learn_format(&learn, buf, sizeof(buf)) > 0);
	learn.user.len++;
	assert_int_equal(gp_learn_format(&learn, buf, sizeof(buf)), 0);
	learn.user.len = 0;
	learn.code = 'z';
	assert_int_equal(gp_learn_format(&learn, buf, sizeof(buf)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
