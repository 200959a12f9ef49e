/*
 * The log of lessons: what goes in comes out, after a restart too; the newest lesson about a
 * message in a scope is found; what was taken back does not count; the bound is kept.
 */
#include "controller/lessons.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/test.h"

static char dir[] = "/tmp/gp-test-lessons-XXXXXX";
static struct gp_arena *arena;
static struct lessons *lessons_log;

static void reopen(uint64_t size)
{
	struct gp_diag diag = {""};

	lessons_close(&lessons_log);
	if (lessons_open(dir, size, &lessons_log, &diag) < 0)
		fail_msg("%s", diag.text);
}

static uint64_t teach(unsigned char message, const char *user, enum gp_bayes_class before,
		      enum gp_bayes_class after, int64_t time_s, size_t n_tokens)
{
	static uint64_t tokens[1500];
	struct lesson l = {.number = lessons_last(lessons_log) + 1, .time_s = time_s, .uid = 7,
			   .class = 's', .user = gp_str(user), .origin = GP_STR("INBOX"),
			   .message_id = GP_STR("<1@x>"), .n_scopes = 2, .tokens = tokens,
			   .n_tokens = n_tokens};
	struct gp_diag diag;

	memset(l.digest, message, sizeof(l.digest));
	(void)gp_str_copy(l.scopes[1].name, sizeof(l.scopes[1].name), gp_str(user));
	for (size_t i = 0; i < 2; i++) {
		l.scopes[i].before = before;
		l.scopes[i].after = after;
		l.scopes[i].old = 42;
	}
	for (size_t i = 0; i < n_tokens; i++)
		tokens[i] = l.number << 32 | i;
	assert_int_equal(lessons_append(lessons_log, &l, 1, &diag), GP_OK);
	return l.number;
}

static uint64_t find(unsigned char message, const char *scope, enum gp_bayes_class after)
{
	unsigned char digest[GP_SHA256_SIZE];

	memset(digest, message, sizeof(digest));
	return lessons_find(lessons_log, digest, scope, after, arena);
}

static void test_round_trip(void **state)
{
	struct lesson l;
	uint64_t number;

	(void)state;
	reopen(1 << 20);
	number = teach(1, "alice", GP_BAYES_NONE, GP_BAYES_SPAM, 1000, 300);
	for (int i = 0; i < 2; i++, reopen(1 << 20)) {
		assert_int_equal(lessons_get(lessons_log, number, arena, &l), GP_OK);
		assert_int_equal(l.number, number);
		assert_int_equal(l.time_s, 1000);
		assert_int_equal(l.uid, 7);
		assert_str(l.user, "alice");
		assert_str(l.origin, "INBOX");
		assert_str(l.message_id, "<1@x>");
		assert_int_equal(l.n_scopes, 2);
		assert_string_equal(l.scopes[0].name, "");
		assert_string_equal(l.scopes[1].name, "alice");
		assert_int_equal(l.scopes[1].after, GP_BAYES_SPAM);
		assert_int_equal(l.scopes[1].old, 42);
		assert_int_equal(l.n_tokens, 300);
		assert_int_equal(l.tokens[299], number << 32 | 299);
		assert_int_equal(l.undone, 0);
	}
	assert_int_equal(lessons_get(lessons_log, number + 1, arena, &l), GP_ENOENT);
}

static void test_find(void **state)
{
	uint64_t first, second;

	(void)state;
	reopen(1 << 20);
	first = teach(2, "bob", GP_BAYES_NONE, GP_BAYES_SPAM, 1000, 1);
	teach(2, "bob", GP_BAYES_SPAM, GP_BAYES_SPAM, 1001, 1); /* changed nothing */
	assert_int_equal(find(2, "bob", GP_BAYES_SPAM), first);
	assert_int_equal(find(2, "", GP_BAYES_SPAM), first);
	assert_int_equal(find(2, "carol", GP_BAYES_SPAM), 0);
	assert_int_equal(find(2, "bob", GP_BAYES_HAM), 0);
	assert_int_equal(find(3, "bob", GP_BAYES_SPAM), 0);
	second = teach(2, "bob", GP_BAYES_SPAM, GP_BAYES_HAM, 1002, 1);
	for (int i = 0; i < 2; i++, reopen(1 << 20)) {
		assert_int_equal(find(2, "bob", GP_BAYES_HAM), second);
		assert_int_equal(find(2, "bob", GP_BAYES_SPAM), first);
	}
}

static void test_undone(void **state)
{
	GP_BUF_AUTO how = GP_BUF_INIT(64);
	struct gp_diag diag;
	struct lesson l;
	uint64_t first, second, undo;

	(void)state;
	reopen(1 << 20);
	first = teach(4, "dora", GP_BAYES_NONE, GP_BAYES_SPAM, 1000, 1);
	second = teach(4, "dora", GP_BAYES_NONE, GP_BAYES_SPAM, 1000, 1);
	undo = lessons_last(lessons_log) + 1;
	assert_int_equal(lessons_append_undone(lessons_log, undo, &second, 1, GP_STR("how"), &diag),
			 GP_OK);
	for (int i = 0; i < 2; i++, reopen(1 << 20)) {
		assert_int_equal(lessons_last(lessons_log), undo);
		assert_int_equal(find(4, "dora", GP_BAYES_SPAM), first);
		assert_int_equal(lessons_get(lessons_log, second, arena, &l), GP_OK);
		assert_int_equal(l.undone, undo);
		gp_buf_reset(&how);
		assert_int_equal(lessons_get_undone(lessons_log, undo, &how), GP_OK);
		assert_string_equal(gp_buf_cstr(&how), "how");
		assert_int_equal(lessons_get_undone(lessons_log, first, &how), GP_ENOENT);
	}
}

static void test_before(void **state)
{
	uint64_t number, n = 0, last;

	(void)state;
	reopen(1 << 20);
	teach(5, "eve", GP_BAYES_NONE, GP_BAYES_SPAM, 5000, 1);
	last = teach(5, "eve", GP_BAYES_NONE, GP_BAYES_SPAM, 5001, 1);
	assert_int_equal(lessons_before(lessons_log, 0, 0), last);
	assert_int_equal(lessons_before(lessons_log, last, 5000), last - 1);
	assert_int_equal(lessons_before(lessons_log, last - 1, 5000), 0);
	assert_int_equal(lessons_before(lessons_log, 0, 5002), 0);
	for (number = 0; (number = lessons_before(lessons_log, number, 0)) != 0; n++)
		assert_true(number <= last);
	assert_true(n >= 2);
}

/* The oldest go, as whole files; the table knows of them no more. */
static void test_bound(void **state)
{
	struct lesson l;
	uint64_t first, last = 0;

	(void)state;
	reopen(100000);
	first = teach(6, "frank", GP_BAYES_NONE, GP_BAYES_SPAM, 1000, 1000);
	for (unsigned char i = 0; i < 40; i++)
		last = teach((unsigned char)(10 + i), "frank", GP_BAYES_NONE, GP_BAYES_SPAM, 1000,
			     1000);
	for (int i = 0; i < 2; i++, reopen(100000)) {
		assert_int_equal(lessons_get(lessons_log, first, arena, &l), GP_ENOENT);
		assert_int_equal(find(6, "frank", GP_BAYES_SPAM), 0);
		assert_int_equal(find(49, "frank", GP_BAYES_SPAM), last);
		assert_true(lessons_before(lessons_log, last - 14, 0) == 0);
		assert_true(lessons_before(lessons_log, last - 3, 0) != 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip), cmocka_unit_test(test_find),
		cmocka_unit_test(test_undone),	   cmocka_unit_test(test_before),
		cmocka_unit_test(test_bound),
	};
	char command[128];
	int r;

	if (!mkdtemp(dir))
		return 1;
	arena = gp_arena_new(0);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	lessons_close(&lessons_log);
	gp_arena_free(arena);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) ? 1 : r;
}
