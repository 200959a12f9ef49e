/*
 * The follower's state: there and back, and damaged at every byte.
 */
#include "controller/maillog_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/fd.h"
#include "tests/unit/test.h"

#define SOURCE "/var/log/mail.log"

static char dir[] = "/tmp/gp-test-state-XXXXXX";
static char path[100];

static const struct maillog_position position = {.inode = UINT64_MAX - 1, .offset = 12345678901,
						 .mark_len = 256, .mark = 0xfedcba9876543210};

static void put(struct maillog_join *j, const char *id, const char *account, const char *client,
		const char *sender)
{
	struct maillog_message m = {gp_str(id), gp_str(account), gp_str(client), gp_str(sender)};

	maillog_join_put(j, &m);
}

static void note(void *arg, const struct maillog_message *m)
{
	gp_buf_printf(arg, "%.*s|%.*s|%.*s|%.*s;", GP_STR_FMT(m->queue_id), GP_STR_FMT(m->account),
		      GP_STR_FMT(m->client), GP_STR_FMT(m->sender));
}

static void save(void)
{
	struct maillog_join *j = maillog_join_new(10);
	struct gp_diag diag = {""};
	uint64_t size = 0;

	put(j, "ABCDEF1", "u@example.org", "192.0.2.7", "");
	put(j, "ABCDEF2", "", "2001:db8::7", "a b@example.org");
	put(j, "ABCDEF3", "", "", "");
	assert_int_equal(maillog_state_save(path, SOURCE, &position, j, &size, &diag), GP_OK);
	assert_true(size > 100);
	maillog_join_free(&j);
}

static void test_round_trip(void **state)
{
	struct maillog_join *j = maillog_join_new(10);
	GP_BUF_AUTO all = GP_BUF_INIT(1000);
	struct maillog_position again;
	struct gp_diag diag = {""};

	(void)state;
	assert_int_equal(maillog_state_load(path, SOURCE, &again, j, &diag), GP_ENOENT);
	save();
	assert_int_equal(maillog_state_load(path, SOURCE, &again, j, &diag), GP_OK);
	assert_true(again.inode == position.inode && again.offset == position.offset);
	assert_true(again.mark_len == position.mark_len && again.mark == position.mark);
	maillog_join_each(j, note, &all);
	assert_string_equal(all.data, "ABCDEF1|u@example.org|192.0.2.7|;"
				      "ABCDEF2||2001:db8::7|a b@example.org;ABCDEF3|||;");
	assert_int_equal(maillog_state_load(path, "/var/log/other", &again, j, &diag), GP_ENOENT);
	maillog_join_free(&j);
}

static void test_journal(void **state)
{
	static const char *const cursors[] = {"", "s=0df8;i=1;b=01;m=1;t=60a24181e4000;x=e4"};
	struct maillog_position there = {.inode = MAILLOG_JOURNAL, .offset = 1700000000000000}, again;
	struct maillog_join *j = maillog_join_new(10);
	struct gp_diag diag = {""};
	uint64_t size = 0;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		snprintf(there.cursor, sizeof(there.cursor), "%s", cursors[i]);
		again = (struct maillog_position){0};
		assert_int_equal(maillog_state_save(path, "journal", &there, j, &size, &diag), GP_OK);
		assert_int_equal(maillog_state_load(path, "journal", &again, j, &diag), GP_OK);
		assert_true(again.inode == MAILLOG_JOURNAL && again.offset == there.offset);
		assert_string_equal(again.cursor, there.cursor);
	}
	maillog_join_free(&j);
}

static void test_damaged(void **state)
{
	struct maillog_join *j = maillog_join_new(10);
	GP_BUF_AUTO text = GP_BUF_INIT(10000);
	struct maillog_position again;
	struct gp_diag diag = {""};

	(void)state;
	save();
	assert_int_equal(gp_file_read(path, &text, &diag), GP_OK);
	for (size_t i = 0; i < text.len; i++) {
		text.data[i] ^= 1;
		assert_int_equal(gp_file_replace(path, text.data, text.len, 0600, &diag), GP_OK);
		assert_int_equal(maillog_state_load(path, SOURCE, &again, j, &diag), GP_EINVAL);
		text.data[i] ^= 1;
		assert_int_equal(gp_file_replace(path, text.data, i, 0600, &diag), GP_OK);
		assert_int_equal(maillog_state_load(path, SOURCE, &again, j, &diag), GP_EINVAL);
	}
	maillog_join_free(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_damaged), cmocka_unit_test(test_journal),
	};
	int r;

	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/maillog", dir);
	r = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(dir);
	return r;
}
