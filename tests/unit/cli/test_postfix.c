/*
 * Reading main.cf and master.cf.
 */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/postfix.h"
#include "lib/base/fd.h"

static const char main_cf[] = "# comment\ncompatibility_level = 3.6\nqueue_directory = /var/spool/x\n"
			      "milters = unix:/a/spam.sock,\n# in between\n   inet:127.0.0.1:9\n"
			      "smtpd_milters = $milters { unix:/b/v.sock, default_action=accept }\n"
			      "loop = ${loop}x\n";
static const char master_cf[] = "smtp      inet  n       -       y       -       -       smtpd\n"
				"  -o smtpd_milters=unix:/c/spam.sock\n"
				"  -o { non_smtpd_milters = unix:/d e }\n"
				"cleanup   unix  n       -       n       -       0       cleanup\n"
				"pickup    unix  n       -       -       60      1       pickup\n"
				"broken line\n";

static struct gp_arena *arena;
static struct gp_postfix postfix;
static char folder[] = "/tmp/gp-test-postfix.XXXXXX";

static int setup(void **state)
{
	struct gp_diag diag;
	char path[128];

	(void)state;
	arena = gp_arena_new(0);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/main.cf", folder);
	assert_int_equal(gp_file_replace(path, main_cf, strlen(main_cf), 0644, &diag), GP_OK);
	snprintf(path, sizeof(path), "%s/master.cf", folder);
	assert_int_equal(gp_file_replace(path, master_cf, strlen(master_cf), 0644, &diag), GP_OK);
	assert_int_equal(gp_postfix_read(arena, folder, &postfix, &diag), GP_OK);
	return 0;
}

static int teardown(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/main.cf", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/master.cf", folder);
	unlink(path);
	rmdir(folder);
	gp_arena_free(arena);
	return 0;
}

static void test_services(void **state)
{
	(void)state;
	assert_int_equal(postfix.services.len, 3);
	assert_str(postfix.services.items[0].command, "smtpd");
	assert_true(postfix.services.items[0].is_chrooted);
	assert_int_equal(postfix.services.items[0].line, 1);
	assert_false(postfix.services.items[1].is_chrooted);
	assert_int_equal(postfix.services.items[1].line, 4);
	assert_false(postfix.services.items[2].is_chrooted);
}

static void test_values(void **state)
{
	const struct gp_postfix_service *smtp = &postfix.services.items[0];

	(void)state;
	assert_str(gp_postfix_value(&postfix, NULL, "queue_directory", "/x"), "/var/spool/x");
	assert_str(gp_postfix_value(&postfix, NULL, "not_set", "$queue_directory/y"),
		   "/var/spool/x/y");
	assert_str(gp_postfix_value(&postfix, smtp, "smtpd_milters", ""), "unix:/c/spam.sock");
	assert_str(gp_postfix_value(&postfix, smtp, "non_smtpd_milters", ""), "unix:/d e");
	/* A parameter that names itself ends somewhere. */
	assert_true(gp_postfix_value(&postfix, NULL, "loop", "").len < 100);
}

static void test_milters(void **state)
{
	struct gp_str list = gp_postfix_value(&postfix, NULL, "smtpd_milters", ""), address;

	(void)state;
	assert_true(gp_postfix_next_milter(&list, &address));
	assert_str(address, "unix:/a/spam.sock");
	assert_true(gp_postfix_next_milter(&list, &address));
	assert_str(address, "inet:127.0.0.1:9");
	assert_true(gp_postfix_next_milter(&list, &address));
	assert_str(address, "unix:/b/v.sock");
	assert_false(gp_postfix_next_milter(&list, &address));
}

static void test_missing(void **state)
{
	struct gp_postfix p;
	struct gp_diag diag;

	(void)state;
	assert_int_equal(gp_postfix_read(arena, "/nonexistent", &p, &diag), GP_ENOENT);
	assert_non_null(strstr(diag.text, "/nonexistent/main.cf"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_services), cmocka_unit_test(test_values),
		cmocka_unit_test(test_milters), cmocka_unit_test(test_missing)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
