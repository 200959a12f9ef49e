/*
 * The message model as programs use it: intake, look-ups, digest.
 */
#include "tests/unit/test.h"

#include "lib/base/limits.h"
#include "lib/mail/message.h"

static struct gp_arena *arena;

static int setup(void **state)
{
	(void)state;
	arena = gp_arena_new(0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gp_arena_freep(&arena);
	return 0;
}

static struct gp_message *parse(const char *text)
{
	return gp_message_parse(arena, NULL, gp_str(text));
}

static void test_simple(void **state)
{
	struct gp_message *m = parse("From sender Sat Jan  1 00:00:00 2022\n"
				     "From: a@example.org\r\nSubject: two\r\n words\r\n"
				     "subject: second\r\n\r\nHello\r\nworld\r\n\r\nend\r\n");

	(void)state;
	assert_int_equal(m->headers.len, 3);
	assert_str(m->headers.items[1].raw, " two\n words");
	assert_str(gp_message_value(m, "SUBJECT"), "two words");
	assert_str(gp_message_header_n(m, "subject", 1)->value, "second");
	assert_null(gp_message_header_n(m, "subject", 2));
	assert_null(gp_message_header(m, "To"));
	assert_str(gp_message_value(m, "To"), "");
	assert_str(m->body, "Hello\nworld\n\nend\n");
	assert_int_equal(m->body_size, 21);
	assert_int_equal(m->parts.len, 1);
	assert_str(m->parts.items[0].type, "text/plain");
	assert_str(m->parts.items[0].decoded, "Hello\nworld\n\nend\n");
	assert_str(m->text, "Hello world\nend");
	assert_int_equal(m->cut, 0);
	assert_false(m->has_bare_cr || m->has_bare_lf || m->has_nul || m->is_smtputf8);
}

static void test_prepend_and_full(void **state)
{
	struct gp_message *m = gp_message_new(arena, NULL);

	(void)state;
	gp_message_add_header(m, GP_STR("A"), GP_STR(" 1\r\n\tx"));
	gp_message_prepend_header(m, GP_STR("Received"), GP_STR(" from me"));
	gp_message_add_header(m, GP_STR("B"), GP_STR("2\r\n"));
	gp_message_add_body(m, GP_STR("body\r\n"));
	gp_message_finish(m);
	assert_str(gp_message_full(m), "Received: from me\nA: 1\n\tx\nB:2\n\nbody\n");
	assert_ptr_equal(gp_message_full(m).ptr, gp_message_full(m).ptr);
	assert_str(m->headers.items[0].name, "Received");
}

static void test_line_ends(void **state)
{
	static const struct {
		const char *in, *body;
		bool bare_cr, bare_lf;
	} cases[] = {
		{"a\nb\n", "a\nb\n", false, false},
		{"a\r\nb\r\n", "a\nb\n", false, false},
		{"a\r\nb\n", "a\nb\n", false, true},
		{"a\rb\r\n", "a\rb\n", true, false},
		{"a\r\r\n", "a\r\n", true, false},
		{"a\r", "a\r", true, false},
		{"\r\n", "\n", false, false},
		{"", "", false, false},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		struct gp_str in = gp_str(cases[i].in);

		for (size_t split = 0; split <= in.len; split++) {
			struct gp_message *m = gp_message_new(arena, NULL);

			gp_message_add_body(m, gp_str_sub(in, 0, split));
			gp_message_add_body(m, gp_str_sub(in, split, in.len));
			gp_message_finish(m);
			assert_str(m->body, cases[i].body);
			assert_int_equal(m->has_bare_cr, cases[i].bare_cr);
			assert_int_equal(m->has_bare_lf, cases[i].bare_lf);
			assert_int_equal(m->body_size, in.len);
		}
	}
}

static void test_body_max(void **state)
{
	struct gp_message_options options = {.body_max = 10};
	struct gp_message *m = gp_message_parse(arena, &options, GP_STR("A: b\n\n0123456789abc\0def\n"));

	(void)state;
	assert_str(m->body, "0123456789");
	assert_int_equal(m->body_size, 18);
	assert_int_equal(m->cut, GP_CUT_BODY);
	assert_true(m->has_nul);
}

static void test_header_caps(void **state)
{
	struct gp_message *m = gp_message_new(arena, NULL);
	static char big[GP_MAX_HEADER_SIZE + 10];

	(void)state;
	memset(big, 'x', sizeof(big));
	gp_message_add_header(m, GP_STR("Big"), gp_str_n(big, sizeof(big)));
	assert_int_equal(m->cut, GP_CUT_HEADER_SIZE);
	assert_int_equal(m->headers.items[0].raw.len, GP_MAX_HEADER_SIZE - 3);
	for (int i = 0; i < GP_MAX_HEADERS + 5; i++)
		gp_message_add_header(m, GP_STR("N"), GP_STR(" v"));
	assert_int_equal(m->headers.len, GP_MAX_HEADERS);
	assert_int_equal(m->cut, GP_CUT_HEADER_SIZE | GP_CUT_HEADERS);
	gp_message_finish(m);

	m = gp_message_new(arena, NULL);
	for (int i = 0; i < 100; i++)
		gp_message_add_header(m, GP_STR("Big"), gp_str_n(big, GP_MAX_HEADER_SIZE - 100));
	assert_in_range(m->headers.len, 8, 8);
	assert_int_equal(m->cut, GP_CUT_HEADERS);
	assert_in_range(m->size, 100 * (GP_MAX_HEADER_SIZE - 100), 100 * GP_MAX_HEADER_SIZE);
	gp_message_finish(m);
}

static void digest_of(const char *text, unsigned char ret[32])
{
	gp_message_digest(parse(text), ret);
}

static void test_digest(void **state)
{
	static const char *const same[] = {
		"From: a@b\nDate: now\nMessage-ID: <1>\nSubject: x y\n\nline one\n\nline two\n",
		"From: a@b\r\nDate: now\r\nMessage-ID: <1>\r\nSubject: x y\r\n\r\nline one\r\n\r\nline two\r\n",
		("Received: by mx\nX-Spam-Flag: NO\nFrom: a@b\nDate: now\nMessage-ID: <1>\n"
		 "Subject: x\n y\nDelivered-To: c\n\nline one\n\nline\n two"),
	};
	static const char *const other[] = {
		"From: a@b\nDate: now\nMessage-ID: <2>\nSubject: x y\n\nline one\n\nline two\n",
		"From: a@b\nDate: now\nMessage-ID: <1>\nSubject: xy z\n\nline one\n\nline two\n",
		"From: a@b\nDate: now\nMessage-ID: <1>\nSubject: x y\n\nline one\n\nline TWO\n",
		"From: a@b\nDate: now\nSubject: <1>x y\n\nline one\n\nline two\n",
	};
	unsigned char first[32], d[32];

	(void)state;
	digest_of(same[0], first);
	for (size_t i = 1; i < GP_ARRAY_SIZE(same); i++) {
		digest_of(same[i], d);
		assert_memory_equal(d, first, 32);
	}
	for (size_t i = 0; i < GP_ARRAY_SIZE(other); i++) {
		digest_of(other[i], d);
		assert_memory_not_equal(d, first, 32);
	}
}

static void test_no_header_or_body(void **state)
{
	(void)state;
	assert_int_equal(parse("")->parts.len, 1);
	assert_str(parse("A: b")->headers.items[0].value, "b");
	assert_str(parse("\n\n")->body, "\n");
	assert_str(parse("no header at all\n")->body, "no header at all\n");
	assert_str(parse("\xef\xbb\xbfSubject: bom\n\nx")->headers.items[0].value, "bom");
	assert_true(parse("Subject: gr\xc3\xbc\xc3\x9f\n\n")->is_smtputf8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_simple, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prepend_and_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_line_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_body_max, setup, teardown),
		cmocka_unit_test_setup_teardown(test_header_caps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_digest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_header_or_body, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
