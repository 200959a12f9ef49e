/* Compiled databases on disk: used when they fit, refused when anybody could have touched them. */
#include "tests/unit/score/rule_fixture.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/fd.h"
#include "lib/score/rule_cache.h"
#include "lib/score/rule_vs.h"

static const char rules[] = "body A /money/\nbody B /other words/\n";

static char dir[64];

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/gp-test-cache-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

/* Calls fn on each file of the directory; returns how many. */
static unsigned each_file(void (*fn)(const char *path))
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	for (struct dirent *e; (e = readdir(d));) {
		char path[512];

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		fn(path);
		n++;
	}
	closedir(d);
	return n;
}

static void remove_file(const char *path)
{
	assert_int_equal(unlink(path), 0);
}

static int teardown(void **state)
{
	each_file(remove_file);
	return rmdir(dir);
}

static void load(struct fixture *f, const char *text)
{
	struct gp_rule_options options = {.cache_dir = dir};

	*f = (struct fixture){.arena = gp_arena_new(0), .input = {.bayes = -1}};
	gp_rule_report_init(&f->report);
	gp_rule_set_load_text("t.cf", gp_str(text), &options, &f->report, &f->set);
}

static void compile(void)
{
	struct fixture f;
	struct gp_diag diag;

	load(&f, rules);
	if (gp_rule_cache_compile(f.set, dir, true, NULL, NULL, &diag))
		fail_msg("%s", diag.text);
	fixture_done(&f);
}

/* Loads, checks where the database came from and that matching works in any case. */
static void expect(bool is_cached, const char *reason)
{
	struct fixture f;

	load(&f, rules);
	assert_true(f.report.targets[1].has_database);
	if (f.report.targets[1].is_cached != is_cached ||
	    !strstr(f.report.targets[1].reason, reason))
		fail_msg("cached %d, \"%s\"", f.report.targets[1].is_cached,
			 f.report.targets[1].reason);
	fixture_scan(&f, "Subject: s\n\nmoney\n");
	assert_string_equal(fixture_hits(&f), "A");
	fixture_done(&f);
}

static void make_group_writable(const char *path)
{
	assert_int_equal(chmod(path, 0664), 0);
}

static void make_world_writable(const char *path)
{
	assert_int_equal(chmod(path, 0646), 0);
}

static void make_private(const char *path)
{
	assert_int_equal(chmod(path, 0600), 0);
}

static void give_away(const char *path)
{
	assert_int_equal(chown(path, 65534, 65534), 0);
}

/* Rewrites the file with a change at `at` (from the end if negative) or cut to a length. */
static void rewrite(const char *path, long at, long length)
{
	GP_BUF_AUTO buf = GP_BUF_INIT(64 << 20);

	assert_int_equal(gp_file_read(path, &buf, NULL), GP_OK);
	if (length >= 0)
		buf.len = (size_t)length;
	else
		buf.data[at >= 0 ? (size_t)at : buf.len - (size_t)-at] ^= 1;
	assert_int_equal(gp_file_replace(path, buf.data, buf.len, 0644, NULL), GP_OK);
}

static void damage_magic(const char *path)
{
	rewrite(path, 0, -1);
}

static void damage_key(const char *path)
{
	rewrite(path, 9, -1);
}

static void damage_digest(const char *path)
{
	rewrite(path, 41, -1);
}

static void damage_end(const char *path)
{
	rewrite(path, -1, -1);
}

static void cut_short(const char *path)
{
	rewrite(path, 0, 100);
}

static void cut_in_header(const char *path)
{
	rewrite(path, 0, 10);
}

static void empty(const char *path)
{
	rewrite(path, 0, 0);
}

static void make_link(const char *path)
{
	char target[600];

	snprintf(target, sizeof(target), "%s.real", path);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(target, path), 0);
}

static void tampering(void **state)
{
	static const struct {
		void (*change)(const char *path);
		const char *reason;
		bool needs_root;
	} table[] = {
		{make_group_writable, "written by others", false},
		{make_world_writable, "written by others", false},
		{give_away, "another user", true},
		{damage_magic, "damaged", false},
		{damage_key, "damaged", false},
		{damage_digest, "damaged", false},
		{damage_end, "damaged", false},
		{cut_short, "damaged", false},
		{cut_in_header, "damaged", false},
		{empty, "damaged", false},
		{make_link, "cannot be opened", false},
		{remove_file, "not compiled yet", false},
	};

	if (!gp_vs_is_available())
		skip();
	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		if (table[i].needs_root && geteuid() != 0)
			continue;
		each_file(remove_file);
		compile();
		expect(true, "");
		each_file(table[i].change);
		expect(false, table[i].reason);
	}
	each_file(remove_file);
	compile();
	each_file(make_private);
	expect(true, "");
}

static void other_rules_have_other_files(void **state)
{
	struct fixture f;
	struct gp_diag diag;

	if (!gp_vs_is_available())
		skip();
	each_file(remove_file);
	compile();
	load(&f, "body A /money/\nbody B /other things/\n");
	assert_false(f.report.targets[1].is_cached);
	assert_int_equal(gp_rule_cache_compile(f.set, dir, false, NULL, NULL, &diag), GP_OK);
	fixture_done(&f);
	expect(true, ""); /* the first set's file is still there */
	assert_int_equal(each_file(make_private), 2);
}

static void unwritable(void **state)
{
	struct fixture f;
	struct gp_diag diag = {0};

	if (!gp_vs_is_available())
		skip();
	load(&f, rules);
	assert_int_equal(gp_rule_cache_compile(f.set, "/nonexistent/cache", true, NULL, NULL, &diag),
			 GP_ESYS);
	assert_non_null(strstr(diag.text, "/nonexistent/cache"));
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tampering, setup, teardown),
		cmocka_unit_test_setup_teardown(other_rules_have_other_files, setup, teardown),
		cmocka_unit_test(unwritable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
