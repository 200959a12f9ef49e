/*
 * Files: includes, places, what cannot be read, secrets, the shared groups.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/mem.h"
#include "lib/conf/mapfile.h"
#include "lib/conf/shared.h"
#include "lib/conf/snapshot.h"
#include "tests/unit/test.h"

static char folder[] = "/tmp/gp-conf-XXXXXX";
static const struct gp_conf_table *const tables[] = {
	&gp_conf_top_table,	&gp_conf_log_table,   &gp_conf_dns_table,  &gp_conf_networks_table,
	&gp_conf_domains_table, &gp_conf_metrics_table, &gp_conf_rules_table, &gp_conf_bayes_table,
};

static const char *path(const char *name)
{
	static char texts[4][256];
	static unsigned next;
	char *text = texts[next++ % 4];

	snprintf(text, sizeof(texts[0]), "%s/%s", folder, name);
	return text;
}

static void write_file(const char *name, const char *text)
{
	assert_int_equal(gp_file_replace(path(name), text, strlen(text), 0600, NULL), GP_OK);
}

/* Loads a file of the folder; what is said, with the folder's name taken out. */
static const char *load(const char *name, struct gp_snapshot **ret)
{
	static char said[4096];
	GP_CONF_REPORT_AUTO report;
	GP_BUF_AUTO text = GP_BUF_INIT(8192);
	struct gp_str rest;
	size_t n = 0;

	*ret = NULL;
	gp_conf_report_init(&report);
	if (gp_snapshot_load(path(name), tables, GP_ARRAY_SIZE(tables), ret, &report) == GP_OK)
		return "";
	gp_conf_report_sort(&report);
	for (size_t i = 0; i < report.errors.len; i++) {
		if (i)
			gp_buf_add_chr(&text, '|');
		gp_conf_error_format(&report.errors.items[i], &text);
	}
	rest = gp_buf_str(&text);
	while (rest.len) {
		struct gp_str prefix = gp_str(path(""));

		if (gp_str_starts(rest, prefix)) {
			rest = gp_str_sub(rest, prefix.len, rest.len);
			continue;
		}
		said[n++] = *rest.ptr;
		rest = gp_str_sub(rest, 1, rest.len);
	}
	said[n] = '\0';
	return said;
}

static void test_include(void **state)
{
	struct gp_snapshot *snap;
	const struct gp_conf_log *log;
	const char *file = NULL;
	unsigned line = 0;

	(void)state;
	mkdir(path("sub"), 0700);
	write_file("main.conf", "store = \"lmdb:/x\";\n@include \"sub/log.conf\"\nbayes = { };\n"
				"# @include \"none\"\n/*\n@include \"none\"\n*/\n");
	write_file("sub/log.conf", "log = {\n@include \"level.conf\"\n file = \"x.log\"; };\n");
	write_file("sub/level.conf", "level = \"debug\";\n");
	assert_string_equal(load("main.conf", &snap), "");
	log = gp_snapshot_get(snap, &gp_conf_log_table);
	assert_string_equal(log->file, path("x.log")); /* beside the main file */
	assert_true(gp_snapshot_origin(snap, &gp_conf_log_table, "level", &file, &line));
	assert_string_equal(file, path("sub/level.conf"));
	assert_int_equal(line, 1);
	gp_snapshot_unref(snap);

	write_file("sub/level.conf", "\nlevel = \"loud\";\n");
	assert_string_equal(load("main.conf", &snap),
			    "sub/level.conf:2: log.level: \"loud\" is none of \"error\", "
			    "\"warning\", \"info\", \"debug\"");
	write_file("sub/level.conf", "level = ;\n");
	assert_string_equal(load("main.conf", &snap),
			    "sub/level.conf:1: syntax error near: level = ;");
	write_file("sub/level.conf", "file = \"a\";\n");
	assert_string_equal(load("main.conf", &snap),
			    "sub/log.conf:3: duplicate setting name near: file = \"x.log\"; };");
}

static void test_unreadable(void **state)
{
	struct gp_snapshot *snap;

	(void)state;
	assert_string_equal(load("none.conf", &snap), "none.conf: No such file or directory");
	assert_string_equal(load("sub", &snap), "sub: not a regular file");
	write_file("a.conf", "\n@include \"sub\"\n");
	assert_string_equal(load("a.conf", &snap), "a.conf:2: sub: not a regular file");
	write_file("a.conf", "@include \"a.conf\"\n");
	assert_string_equal(load("a.conf", &snap),
			    "a.conf:1: files include one another more than 10 deep or 1000 times");
	assert_int_equal(gp_file_replace(path("a.conf"), "a\0b", 3, 0600, NULL), GP_OK);
	assert_string_equal(load("a.conf", &snap), "a.conf:1: a NUL byte");
}

static void test_shared_rules(void **state)
{
	struct gp_snapshot *snap;

	(void)state;
	write_file("a.conf", "log = { target = \"file\"; };\ndns = { dnssec = true; };\n");
	assert_string_equal(load("a.conf", &snap), "a.conf:1: log.target: \"file\" needs log.file|"
						   "a.conf:2: dns.dnssec: needs dns.trust_anchor");
	write_file("a.conf", "store = \"sqlite:x\";");
	assert_string_equal(load("a.conf", &snap),
			    "a.conf:1: store: \"sqlite:x\" is none of \"lmdb:/DIRECTORY\", "
			    "\"redis://HOST\", \"rediss://HOST\", \"redis+unix:///PATH\"");
}

static void test_sockets(void **state)
{
	static const struct {
		const char *text;
		int result;
	} cases[] = {
		{"", GP_OK},
		{"unix:/run/x.sock", GP_OK},
		{"unix:x.sock", GP_EINVAL},
		{"inet:8891@127.0.0.1", GP_OK},
		{"inet:8891@::1", GP_EINVAL},
		{"inet6:8891@::1", GP_OK},
		{"inet:8891", GP_EINVAL},
		{"inet:0@127.0.0.1", GP_EINVAL},
		{"inet:65536@127.0.0.1", GP_EINVAL},
		{"inet:8891@localhost", GP_EINVAL},
		{"/run/x.sock", GP_EINVAL},
		{"unix:/12345678901234567890123456789012345678901234567890123456789012345678901234"
		 "5678901234567890123456789012345678901234567890", GP_EINVAL},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++)
		assert_int_equal(gp_conf_check_socket(&cases[i].text, &(struct gp_diag){0}),
				 cases[i].result);
}

static void test_passwords(void **state)
{
	struct gp_snapshot *snap;
	const struct gp_conf_top *top;
	char *secret = NULL;
	size_t size = 0;

	(void)state;
	write_file("a.conf", "store_password_file = \"redis\";\n");
	unsetenv("CREDENTIALS_DIRECTORY");
	assert_string_equal(load("a.conf", &snap),
			    "a.conf:1: store_password_file: \"redis\" is a credential's name, but "
			    "$CREDENTIALS_DIRECTORY is not set");
	setenv("CREDENTIALS_DIRECTORY", folder, 1);
	assert_string_equal(load("a.conf", &snap), "");
	top = gp_snapshot_get(snap, &gp_conf_top_table);
	assert_string_equal(top->store_password_file, path("redis"));
	write_file("redis", "s3cret \r\n");
	assert_int_equal(gp_conf_secret_read(top->store_password_file, &secret, &size, NULL), GP_OK);
	assert_string_equal(secret, "s3cret ");
	assert_int_equal(size, 7);
	gp_wipe_free(secret, size);
	assert_true(gp_conf_secret_read(path("none"), &secret, &size, NULL) < 0);
	gp_snapshot_unref(snap);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	static const char *const names[] = {"main.conf", "a.conf", "redis", "sub/log.conf",
					    "sub/level.conf"};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
		unlink(path(names[i]));
	rmdir(path("sub"));
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_include),	     cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_shared_rules), cmocka_unit_test(test_sockets),
		cmocka_unit_test(test_passwords),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
