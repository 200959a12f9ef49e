/*
 * Who sent what bounced; what is forgotten, and what never was known.
 */
#include <stdio.h>

#include "controller/maillog_join.h"
#include "lib/base/arena.h"
#include "tests/unit/test.h"

static struct gp_netset own;

static bool take(struct maillog_join *j, const struct maillog_line *l, struct gp_event *ret)
{
	return maillog_join_take(j, l, GP_STR("the line"), 77, &own, ret);
}

static void client(struct maillog_join *j, const char *id, const char *account, const char *address)
{
	struct maillog_line l = {.kind = MAILLOG_CLIENT, .queue_id = gp_str(id),
				 .account = gp_str(account), .client = gp_str(address)};
	struct gp_event event;

	assert_false(take(j, &l, &event));
}

static void tell(struct maillog_join *j, enum maillog_kind kind, const char *id)
{
	struct maillog_line l = {.kind = kind, .queue_id = gp_str(id), .sender = GP_STR("s@example.org")};
	struct gp_event event;

	assert_false(take(j, &l, &event));
}

static bool bounces(struct maillog_join *j, const char *id, struct gp_event *ret)
{
	struct maillog_line l = {.kind = MAILLOG_BOUNCE, .queue_id = gp_str(id), .time_s = 9,
				 .recipient = GP_STR("r@example.net")};

	return take(j, &l, ret);
}

static void test_joined(void **state)
{
	struct maillog_join *j = maillog_join_new(100);
	struct gp_event e;

	(void)state;
	client(j, "ABCDEF1", "u@example.org", "192.0.2.7");
	tell(j, MAILLOG_SENDER, "ABCDEF1");
	assert_true(bounces(j, "ABCDEF1", &e));
	assert_int_equal(e.kind, GP_EVENT_BOUNCE);
	assert_true(gp_attr_is(e.account, "u@example.org"));
	assert_true(gp_attr_is(e.client, "192.0.2.7"));
	assert_true(gp_attr_is(e.sender, "s@example.org"));
	assert_true(gp_attr_is(e.recipient, "r@example.net"));
	assert_true(gp_attr_is(e.queue_id, "ABCDEF1"));
	assert_int_equal(e.time_s, 9);
	tell(j, MAILLOG_REMOVED, "ABCDEF1");
	assert_false(bounces(j, "ABCDEF1", &e));
	assert_int_equal(maillog_join_unmatched(j), 1);
	assert_int_equal(maillog_join_len(j), 0);
	maillog_join_free(&j);
	assert_null(j);
}

/* A stranger's mail that we could not deliver is nobody's bounce; an own network's is. */
static void test_whose(void **state)
{
	struct maillog_join *j = maillog_join_new(100);
	struct gp_event e;

	(void)state;
	client(j, "ABCDEF1", "", "192.0.2.7");
	client(j, "ABCDEF2", "", "10.1.2.3");
	client(j, "ABCDEF3", "", "");
	assert_false(bounces(j, "ABCDEF1", &e));
	assert_false(bounces(j, "ABCDEF3", &e));
	assert_true(bounces(j, "ABCDEF2", &e));
	assert_true(gp_attr_is(e.client, "10.1.2.3"));
	assert_int_equal(e.account.len, 0);
	/* Short ids come again, for somebody else. */
	client(j, "ABCDEF2", "", "192.0.2.7");
	assert_false(bounces(j, "ABCDEF2", &e));
	maillog_join_free(&j);
}

static void test_content_filter(void **state)
{
	struct maillog_join *j = maillog_join_new(100);
	struct maillog_line l = {.kind = MAILLOG_CLIENT, .queue_id = GP_STR("ABCDEF2"),
				 .client = GP_STR("127.0.0.1"), .origin_id = GP_STR("ABCDEF1")};
	struct gp_event e;

	(void)state;
	client(j, "ABCDEF1", "u@example.org", "192.0.2.7");
	assert_false(take(j, &l, &e));
	tell(j, MAILLOG_REMOVED, "ABCDEF1");
	assert_true(bounces(j, "ABCDEF2", &e));
	assert_true(gp_attr_is(e.account, "u@example.org"));
	assert_true(gp_attr_is(e.client, "192.0.2.7"));
	maillog_join_free(&j);
	/* With room for one the old one goes, and what it said is still told. */
	j = maillog_join_new(1);
	client(j, "ABCDEF1", "u@example.org", "192.0.2.7");
	assert_false(take(j, &l, &e));
	assert_true(bounces(j, "ABCDEF2", &e));
	assert_true(gp_attr_is(e.account, "u@example.org"));
	maillog_join_free(&j);
}

/* The one that nothing was heard of goes first. */
static void test_bounded(void **state)
{
	struct maillog_join *j = maillog_join_new(1000);
	struct gp_event e;
	char id[32];

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		snprintf(id, sizeof(id), "ABC%06u", i);
		client(j, id, "u", "192.0.2.7");
		tell(j, MAILLOG_SENDER, "ABC000000");
	}
	assert_int_equal(maillog_join_len(j), 1000);
	assert_true(bounces(j, "ABC000000", &e));
	assert_true(bounces(j, "ABC004001", &e));
	assert_false(bounces(j, "ABC004000", &e));
	maillog_join_free(&j);
}

static void test_ids(void **state)
{
	struct maillog_join *j = maillog_join_new(100);
	struct maillog_line failure = {.kind = MAILLOG_AUTH_FAILURE, .client = GP_STR("192.0.2.7")};
	struct gp_event e;
	char first[64], second[64];

	(void)state;
	assert_true(maillog_join_take(j, &failure, GP_STR("x"), 10, &own, &e));
	assert_int_equal(e.kind, GP_EVENT_AUTH_FAILURE);
	gp_str_copy(first, sizeof(first), gp_str_n(e.id.data, e.id.len));
	assert_true(maillog_join_take(j, &failure, GP_STR("x"), 20, &own, &e));
	assert_false(gp_attr_is(e.id, first)); /* the same words, another place */
	assert_true(maillog_join_take(j, &failure, GP_STR("x"), 10, &own, &e));
	assert_true(gp_attr_is(e.id, first));
	/* A bounce's does not depend on the place: a copy of the log may have another. */
	client(j, "ABCDEF1", "u", "192.0.2.7");
	assert_true(bounces(j, "ABCDEF1", &e));
	gp_str_copy(first, sizeof(first), gp_str_n(e.id.data, e.id.len));
	assert_true(gp_str_starts(gp_str(first), GP_STR("ABCDEF1-")));
	assert_true(bounces(j, "ABCDEF1", &e));
	gp_str_copy(second, sizeof(second), gp_str_n(e.id.data, e.id.len));
	assert_string_equal(first, second);
	maillog_join_free(&j);
}

/* Texts are cut, and cannot break the file that they are kept in. */
static void test_texts(void **state)
{
	struct maillog_join *j = maillog_join_new(100);
	static char longest[2000];
	struct gp_event e;

	(void)state;
	memset(longest, 'a', sizeof(longest) - 1);
	longest[1] = '\t';
	client(j, "ABCDEF1", longest, "192.0.2.7");
	assert_true(bounces(j, "ABCDEF1", &e));
	assert_int_equal(e.account.len, MAILLOG_TEXT_MAX);
	assert_memory_equal(e.account.data, "a?a", 3);
	maillog_join_free(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_joined),
		cmocka_unit_test(test_whose),
		cmocka_unit_test(test_content_filter),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_ids),
		cmocka_unit_test(test_texts),
	};
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_cidr net;
	int r;

	if (gp_cidr_parse(GP_STR("10.0.0.0/8"), &net) < 0)
		return 1;
	gp_netset_add(arena, &own, net);
	gp_netset_seal(&own);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	gp_arena_free(arena);
	return r;
}
