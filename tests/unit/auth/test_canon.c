/*
 * Canonicalisation: fields and bodies, the RFC's examples, and chunks cut anywhere.
 */
#include "tests/unit/test.h"

#include <stdlib.h>

#include "lib/auth/canon.h"

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

static void test_names(void **state)
{
	static const struct {
		const char *text;
		int result;
		enum gp_canon header, body;
	} cases[] = {
		{"", GP_OK, GP_CANON_SIMPLE, GP_CANON_SIMPLE},
		{"simple", GP_OK, GP_CANON_SIMPLE, GP_CANON_SIMPLE},
		{"relaxed", GP_OK, GP_CANON_RELAXED, GP_CANON_SIMPLE},
		{"Relaxed/RELAXED", GP_OK, GP_CANON_RELAXED, GP_CANON_RELAXED},
		{"simple/relaxed", GP_OK, GP_CANON_SIMPLE, GP_CANON_RELAXED},
		{"relaxed/", GP_EINVAL, 0, 0},
		{"/relaxed", GP_EINVAL, 0, 0},
		{"relaxed/simple/x", GP_EINVAL, 0, 0},
		{"nowsp", GP_EINVAL, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		enum gp_canon header, body;

		assert_int_equal(gp_canon_parse(gp_str(cases[i].text), &header, &body),
				 cases[i].result);
		if (cases[i].result == GP_OK) {
			assert_int_equal(header, cases[i].header);
			assert_int_equal(body, cases[i].body);
		}
	}
	assert_string_equal(gp_canon_name(GP_CANON_RELAXED), "relaxed");
}

static void test_header(void **state)
{
	static const struct {
		const char *name, *value, *simple, *relaxed;
	} cases[] = {
		/* 3.4.5 */
		{"A", " X", "A: X", "a:X"},
		{"B ", " Y\t\n\tZ  ", "B : Y\t\r\n\tZ  ", "b:Y Z"},
		{"SubJect", "\n\tab  c \n d", "SubJect:\r\n\tab  c \r\n d", "subject:ab c d"},
		{"Subject", "\n test", "Subject:\r\n test", "subject:test"},
		{"X", "", "X:", "x:"},
		{"X", " \t", "X: \t", "x:"},
		{"X", "a", "X:a", "x:a"},
		{"X", "a \n \n b", "X:a \r\n \r\n b", "x:a b"},
		{"X", " a\rb", "X: a\rb", "x:a\rb"},
		{"X", " \xc3\xa4  \xc3\xb6", "X: \xc3\xa4  \xc3\xb6", "x:\xc3\xa4 \xc3\xb6"},
	};
	GP_BUF_AUTO out = GP_BUF_INIT(1000);

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		gp_buf_reset(&out);
		gp_canon_header(GP_CANON_SIMPLE, gp_str(cases[i].name), gp_str(cases[i].value),
				&out);
		assert_str(gp_buf_str(&out), cases[i].simple);
		gp_buf_reset(&out);
		gp_canon_header(GP_CANON_RELAXED, gp_str(cases[i].name), gp_str(cases[i].value),
				&out);
		assert_str(gp_buf_str(&out), cases[i].relaxed);
	}
}

/* Bodies, and what they are in canonical form. */
static const struct {
	const char *in, *simple, *relaxed;
} bodies[] = {
	{"", "\r\n", ""},
	{"\r\n", "\r\n", ""},
	{"\n\r\n\n", "\r\n", ""},
	{" \t", " \t\r\n", ""},
	{" \r\n\t\r\n", " \r\n\t\r\n", ""},
	{" C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n", " C\r\nD E\r\n"},
	{"a", "a\r\n", "a\r\n"},
	{"a \t", "a \t\r\n", "a\r\n"},
	{"a\n\nb\n", "a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"},
	{"a\r\n\r\n\r\nb", "a\r\n\r\n\r\nb\r\n", "a\r\n\r\n\r\nb\r\n"},
	{"\r\n\r\na", "\r\n\r\na\r\n", "\r\n\r\na\r\n"},
	{"a\rb\r\n", "a\rb\r\n", "a\rb\r\n"},
	{"a\r\r\nb", "a\r\r\nb\r\n", "a\r\r\nb\r\n"},
	{"a\r", "a\r\r\n", "a\r\r\n"},
	{"\r", "\r\r\n", "\r\r\n"},
	{"a \rb \r\n", "a \rb \r\n", "a \rb\r\n"},
	{"  a  b\t\tc \t d  \r\n   \r\n e\r\n", "  a  b\t\tc \t d  \r\n   \r\n e\r\n",
	 " a b c d\r\n\r\n e\r\n"},
	{"x\r\n.\r\n..\r\n", "x\r\n.\r\n..\r\n", "x\r\n.\r\n..\r\n"},
	{"one two three four five six seven eight\r\nnine ten eleven  twelve\r\nthirteen\tfourteen "
	 "\r\n"
	 "fifteen and a long line without anything to do about it at all\r\n\r\nlast one\r\n\r\n",
	 "one two three four five six seven eight\r\nnine ten eleven  twelve\r\nthirteen\tfourteen "
	 "\r\n"
	 "fifteen and a long line without anything to do about it at all\r\n\r\nlast one\r\n",
	 "one two three four five six seven eight\r\nnine ten eleven twelve\r\nthirteen "
	 "fourteen\r\n"
	 "fifteen and a long line without anything to do about it at all\r\n\r\nlast one\r\n"},
	{"fifteen chars..\nsixteen chars...\nseventeen chars..\n",
	 "fifteen chars..\r\nsixteen chars...\r\n"
	 "seventeen chars..\r\n",
	 "fifteen chars..\r\nsixteen chars...\r\nseventeen chars..\r\n"},
};

static void assert_digest(const struct gp_body_digest *d, struct gp_str canonical, int64_t length)
{
	unsigned char expected[GP_SHA256_SIZE];

	assert_non_null(d);
	assert_int_equal(d->size, canonical.len);
	if (length != GP_BODY_WHOLE)
		canonical.len = (size_t)length;
	assert_int_equal(d->hashed, canonical.len);
	gp_sha256(canonical.ptr, canonical.len, expected);
	assert_memory_equal(d->digest, expected, sizeof(expected));
}

/* The body cut at two places, every length of it asked for. */
static void check_body(struct gp_str in, struct gp_str simple, struct gp_str relaxed, size_t cut,
		       size_t cut2)
{
	const struct gp_str canonical[] = {
		[GP_CANON_SIMPLE] = simple, [GP_CANON_RELAXED] = relaxed};
	struct gp_body_hasher *h = gp_body_hasher_new(arena);
	unsigned numbers[2][512], whole[2];

	for (int c = 0; c < 2; c++) {
		whole[c] = gp_body_hasher_want(h, (enum gp_canon)c, GP_BODY_WHOLE);
		for (size_t n = canonical[c].len + 2; n-- > 0;)
			numbers[c][n] = gp_body_hasher_want(h, (enum gp_canon)c, (int64_t)n);
	}
	gp_body_hasher_add(h, gp_str_sub(in, 0, cut));
	gp_body_hasher_add(h, gp_str_sub(in, cut, cut2 - cut));
	gp_body_hasher_add(h, gp_str_sub(in, cut2, in.len));
	gp_body_hasher_finish(h);
	gp_body_hasher_finish(h);
	for (int c = 0; c < 2; c++) {
		assert_digest(gp_body_hasher_get(h, whole[c]), canonical[c], GP_BODY_WHOLE);
		for (size_t n = 0; n <= canonical[c].len; n++)
			assert_digest(gp_body_hasher_get(h, numbers[c][n]), canonical[c],
				      (int64_t)n);
		assert_null(gp_body_hasher_get(h, numbers[c][canonical[c].len + 1]));
	}
}

static void test_bodies_cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(bodies); i++) {
		struct gp_str in = gp_str(bodies[i].in);

		for (size_t cut = 0; cut <= in.len; cut++) {
			size_t third = in.len < 30 ? 1 : 37;

			for (size_t cut2 = cut; cut2 <= in.len; cut2 += third)
				check_body(in, gp_str(bodies[i].simple), gp_str(bodies[i].relaxed),
					   cut, cut2);
			gp_arena_reset(arena);
		}
	}
}

static void test_byte_by_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(bodies); i++) {
		struct gp_body_hasher *h = gp_body_hasher_new(arena);
		unsigned s = gp_body_hasher_want(h, GP_CANON_SIMPLE, GP_BODY_WHOLE);
		unsigned r = gp_body_hasher_want(h, GP_CANON_RELAXED, GP_BODY_WHOLE);

		for (const char *p = bodies[i].in; *p; p++)
			gp_body_hasher_add(h, gp_str_n(p, 1));
		gp_body_hasher_finish(h);
		assert_digest(gp_body_hasher_get(h, s), gp_str(bodies[i].simple), GP_BODY_WHOLE);
		assert_digest(gp_body_hasher_get(h, r), gp_str(bodies[i].relaxed), GP_BODY_WHOLE);
	}
}

/* A plain statement of 3.4.3 and 3.4.4, to compare with. */
static void canonical_form(enum gp_canon c, struct gp_str in, struct gp_buf *out)
{
	size_t pos = 0, end = 0;

	while (pos < in.len) {
		size_t lf = gp_str_find_chr(in, '\n', pos);
		struct gp_str line = gp_str_sub(in, pos, lf - pos);
		size_t begin = out->len;

		if (lf < in.len && line.len && line.ptr[line.len - 1] == '\r')
			line.len--;
		for (size_t i = 0; i < line.len; i++) {
			bool is_wsp = line.ptr[i] == ' ' || line.ptr[i] == '\t';

			if (c == GP_CANON_SIMPLE || !is_wsp)
				gp_buf_add_chr(out, line.ptr[i]);
			else if (out->len == begin || out->data[out->len - 1] != ' ')
				gp_buf_add_chr(out, ' ');
		}
		if (c == GP_CANON_RELAXED && out->len > begin && out->data[out->len - 1] == ' ')
			out->len--;
		if (out->len > begin)
			end = out->len + 2;
		gp_buf_add_cstr(out, "\r\n");
		pos = lf + 1;
	}
	out->len = end;
	if (c == GP_CANON_SIMPLE && end == 0)
		gp_buf_add_cstr(out, "\r\n");
}

static void check_against_plain(struct gp_str in, size_t chunk)
{
	for (int c = 0; c < 2; c++) {
		GP_BUF_AUTO form = GP_BUF_INIT(1 << 20);
		struct gp_body_hasher *h = gp_body_hasher_new(arena);
		unsigned whole = gp_body_hasher_want(h, (enum gp_canon)c, GP_BODY_WHOLE);
		unsigned part;

		canonical_form((enum gp_canon)c, in, &form);
		part = gp_body_hasher_want(h, (enum gp_canon)c, (int64_t)form.len / 2);
		for (size_t pos = 0; pos < in.len; pos += chunk)
			gp_body_hasher_add(h, gp_str_sub(in, pos, chunk));
		gp_body_hasher_finish(h);
		assert_digest(gp_body_hasher_get(h, whole), gp_buf_str(&form), GP_BODY_WHOLE);
		assert_digest(gp_body_hasher_get(h, part), gp_buf_str(&form),
			      (int64_t)form.len / 2);
	}
}

/* Random bodies of the characters that matter, long enough to pass the gathering. */
static void test_random_bodies(void **state)
{
	static const char *const alphabets[] = {
		"ab \t\r\n", "abcdefghijklmnopqrstuvwxyz     \n", "x",	 " ",
		"\n",	     "abcdefghijklmnopqrstuvwxyz\r",	  "\r\n"};
	static const size_t chunks[] = {1, 7, 63, 1000, 65535, 200000};
	static char body[40000];
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 140; round++) {
		const char *alphabet = alphabets[round % 7];
		size_t n = (size_t)(round < 70 ? round * 3 : round * 250);
		size_t letters = strlen(alphabet);

		for (size_t i = 0; i < n; i++) {
			seed = seed * 1103515245u + 12345u;
			body[i] = alphabet[(seed >> 16) % letters];
			/* Most line ends are CRLF. */
			if (body[i] == '\n' && i && (seed >> 8) % 8)
				body[i - 1] = '\r';
		}
		for (size_t i = 0; i < GP_ARRAY_SIZE(chunks); i++)
			check_against_plain(gp_str_n(body, n), chunks[i]);
		gp_arena_reset(arena);
	}
}

static void test_equal_questions_have_one_number(void **state)
{
	struct gp_body_hasher *h = gp_body_hasher_new(arena);
	unsigned a = gp_body_hasher_want(h, GP_CANON_SIMPLE, GP_BODY_WHOLE);

	(void)state;
	assert_int_equal(gp_body_hasher_want(h, GP_CANON_SIMPLE, GP_BODY_WHOLE), a);
	assert_int_not_equal(gp_body_hasher_want(h, GP_CANON_RELAXED, GP_BODY_WHOLE), a);
	assert_int_not_equal(gp_body_hasher_want(h, GP_CANON_SIMPLE, 10), a);
	gp_body_hasher_add(h, GP_STR("abandoned: the arena releases what is open"));
}

static void test_nothing_wanted(void **state)
{
	struct gp_body_hasher *h = gp_body_hasher_new(arena);

	(void)state;
	gp_body_hasher_add(h, GP_STR("body\r"));
	gp_body_hasher_finish(h);
}

/* Memory does not depend on the body. */
static void test_long_runs_are_counted(void **state)
{
	static char wsp[65536], newlines[65536];
	struct gp_body_hasher *h = gp_body_hasher_new(arena);
	unsigned r = gp_body_hasher_want(h, GP_CANON_RELAXED, GP_BODY_WHOLE);
	size_t before;

	(void)state;
	memset(wsp, ' ', sizeof(wsp));
	memset(newlines, '\n', sizeof(newlines));
	gp_body_hasher_add(h, GP_STR("a"));
	before = gp_arena_size(arena);
	for (int i = 0; i < 100; i++)
		gp_body_hasher_add(h, gp_str_n(wsp, sizeof(wsp)));
	for (int i = 0; i < 100; i++)
		gp_body_hasher_add(h, gp_str_n(newlines, sizeof(newlines)));
	gp_body_hasher_finish(h);
	assert_digest(gp_body_hasher_get(h, r), GP_STR("a\r\n"), GP_BODY_WHOLE);
	assert_int_equal(gp_arena_size(arena), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_header),
		cmocka_unit_test_setup_teardown(test_bodies_cut_anywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_byte_by_byte, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random_bodies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_equal_questions_have_one_number, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_nothing_wanted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_runs_are_counted, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
